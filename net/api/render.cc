#include "net/api/render.h"

#include <cstdio>

#include "base/base64.h"
#include "broker/callback.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

void TextOrNull(std::string_view key, std::string_view text, JsonWriter* json) {
  json->Key(key);
  text.empty() ? json->Null() : json->String(text);
}

void IntOrNull(std::string_view key, const std::optional<int64_t>& value, JsonWriter* json) {
  json->Key(key);
  value ? json->Int(*value) : json->Null();
}

void TimeOrNull(std::string_view key, bool set, WallTime time, JsonWriter* json) {
  json->Key(key);
  set ? json->String(FormatRfc3339(time)) : json->Null();
}

void Pattern(const AnswerPattern& pattern, JsonWriter* json) {
  json->BeginObject();
  json->Key("status");
  if (pattern.status.empty()) {
    json->Null();
  } else {
    json->BeginArray();
    for (uint16_t status : pattern.status) status < 10 ? json->String(std::to_string(status) + "xx") : json->Int(status);
    json->EndArray();
  }
  json->Key("contains");
  pattern.contains ? json->String(*pattern.contains) : json->Null();
  json->Key("json");
  if (pattern.json.empty()) {
    json->Null();
  } else {
    json->BeginObject();
    for (const auto& [pointer, value] : pattern.json) {
      json->Key(pointer);
      json->Raw(value);
    }
    json->EndObject();
  }
  json->EndObject();
}

void Retry(const RetryPolicy& retry, JsonWriter* json) {
  bool scheduled = !retry.schedule_ms.empty();
  json->BeginObject();
  json->Key("max_attempts");
  json->Int(retry.max_attempts);
  json->Key("initial_ms");
  scheduled ? json->Null() : json->Int(retry.initial_ms);
  json->Key("factor");
  scheduled ? json->Null() : json->Double(retry.factor);
  json->Key("max_ms");
  json->Int(retry.max_ms);
  json->Key("jitter");
  json->Double(retry.jitter);
  json->Key("schedule_ms");
  if (scheduled) {
    json->BeginArray();
    for (int64_t wait : retry.schedule_ms) json->Int(wait);
    json->EndArray();
  } else {
    json->Null();
  }
  json->Key("fatal_on");
  retry.fatal_on ? Pattern(*retry.fatal_on, json) : json->Null();
  json->Key("later_on");
  retry.later_on ? Pattern(*retry.later_on, json) : json->Null();
  json->EndObject();
}

void Payload(const NotifySpec& spec, JsonWriter* json) {
  json->Key("data");
  spec.payload_kind == PayloadKind::kData ? json->Raw(spec.payload) : json->Null();
  json->Key("body");
  spec.payload_kind == PayloadKind::kBody ? json->String(spec.payload) : json->Null();
  json->Key("body_base64");
  spec.payload_kind == PayloadKind::kBodyBase64 ? json->String(EncodeBase64(spec.payload)) : json->Null();
}

/// What stands in the way of "when will it be sent": nothing while it is sent or settled.
void NextAttempt(const NotifyView& view, JsonWriter* json) {
  const NotifyState& state = view.record->state;
  bool open = !IsSettled(view.state) && view.state != State::kSending;
  bool retrying = state.phase == Phase::kRetrying;
  TimeOrNull("next_attempt_at", open && (retrying || state.due != kWallNever), retrying ? state.next_attempt_at : state.due, json);
}

}  // namespace

void Renderer::Request(const NotifySpec& spec, const NotifyHead& head, bool listed, JsonWriter* json) const {
  json->Key("url");
  json->String(spec.url);
  json->Key("method");
  json->String(ToString(spec.method));
  json->Key("headers");
  json->BeginObject();
  for (const auto& [name, value] : spec.headers) {
    json->Key(name);
    json->String(secrets_->Contains(name) ? kHiddenValue : std::string_view(value));
  }
  json->EndObject();
  if (!listed) Payload(spec, json);
  json->Key("content_type");
  json->String(spec.content_type);
  json->Key("lane");
  json->String(head.lane.name);
  TextOrNull("group", spec.group, json);
  json->Key("mode");
  json->String(ToString(head.lane.mode));
  json->Key("priority");
  // A fifo lane has none: the contract refuses the field there.
  head.lane.mode == Mode::kFifo ? json->Null() : json->Uint(head.priority);
  json->Key("reply");
  json->String(head.reply_none ? "none" : "expected");
  json->Key("expect");
  Pattern(spec.expect, json);
  json->Key("retry");
  Retry(head.retry_policy(), json);
  json->Key("timeout_ms");
  json->Int(spec.timeout_ms);
  json->Key("connect_timeout_ms");
  json->Int(spec.connect_timeout_ms);
  TextOrNull("fkey", head.fkey, json);
  json->Key("on_held");
  head.fkey.empty() ? json->Null() : json->String(ToString(spec.on_held.value_or(OnHeld::kReject)));
  TextOrNull("idempotency_key", spec.idempotency_key, json);
  json->Key("caller");
  json->String(head.caller);
  TextOrNull("callback_url", head.callback ? std::string_view(head.callback->url) : std::string_view(), json);
}

Status Renderer::Notify(const NotifyView& view, bool listed, JsonWriter* json) const {
  const NotifyRecord& record = *view.record;
  const NotifyState& state = record.state;
  Result<NotifySpec> spec = DecodeSpec(*record.spec);
  if (!spec.ok()) return std::move(spec).status();
  json->BeginObject();
  json->Key("id");
  json->String(record.id.ToString());
  json->Key("state");
  json->String(ToString(view.state));
  TextOrNull("reason", state.reason, json);
  json->Key("created_at");
  json->String(FormatRfc3339(record.created_at));
  TimeOrNull("settled_at", IsSettled(view.state), state.settled_at, json);
  NextAttempt(view, json);
  TimeOrNull("due_at", state.due != kWallNever, state.due, json);
  IntOrNull("delay_ms", spec->delay_ms, json);
  TimeOrNull("expires_at", state.expires_at != kWallNever, state.expires_at, json);
  IntOrNull("ttl_ms", spec->ttl_ms, json);
  Request(*spec, *record.head, listed, json);
  json->Key("attempts_made");
  json->Uint(state.attempts_made);
  if (!listed) {
    json->Key("attempts");
    json->BeginArray();
    for (const AttemptRecord& attempt : record.attempts) WriteAttempt(attempt, json);
    json->EndArray();
  }
  json->EndObject();
  return Status::Ok();
}

void Renderer::Item(const SubmittedItem& item, JsonWriter* json) {
  json->BeginObject();
  json->Key("id");
  json->String(item.id.ToString());
  json->Key("state");
  json->String(item.removed ? kRemoved : ToString(item.state));
  if (!item.removed) TimeOrNull("due_at", item.due != kWallNever, item.due, json);
  json->Key("lane");
  json->String(item.lane.name);
  json->Key("mode");
  json->String(ToString(item.lane.mode));
  if (item.duplicate) {
    json->Key("duplicate");
    json->Bool(true);
  }
  if (item.kept) {
    json->Key("kept");
    json->Bool(true);
  }
  json->EndObject();
}

std::string ETagOf(const NotifyRecord& record) {
  Fingerprint print = PrintOfChangeable(record);
  char tag[36];
  std::snprintf(tag, sizeof tag, "\"%016llx%016llx\"", static_cast<unsigned long long>(print.high), static_cast<unsigned long long>(print.low));
  return tag;
}

}  // namespace notifyd
