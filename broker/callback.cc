// The texts are made of what the core holds; nothing is read, and no clock.
#include "broker/callback.h"

#include "base/check.h"
#include "base/json_or_null.h"
#include "broker/flow.h"

namespace notifyd {
namespace {

/// The settled phases and states are numbered alike.
State SettledState(Phase phase) {
  CHECK(IsSettled(phase));
  return static_cast<State>(phase);
}
static_assert(static_cast<int>(Phase::kSucceeded) == static_cast<int>(State::kSucceeded) &&
              static_cast<int>(Phase::kFailed) == static_cast<int>(State::kFailed) &&
              static_cast<int>(Phase::kCancelled) == static_cast<int>(State::kCancelled) &&
              static_cast<int>(Phase::kExpired) == static_cast<int>(State::kExpired));

}  // namespace

void WriteLabels(const Labels* labels, JsonWriter* json) {
  if (!labels) return json->Null();
  json->BeginObject();
  for (const auto& [key, value] : *labels) {
    json->Key(key);
    json->String(value);
  }
  json->EndObject();
}

void WriteAttempt(const AttemptRecord& attempt, JsonWriter* json, bool body) {
  json->BeginObject();
  json->Key("number");
  json->Uint(attempt.number);
  json->Key("started_at");
  json->String(FormatRfc3339(attempt.started_at));
  json->Key("duration_ms");
  json->Int(attempt.duration_ms);
  json->Key("status");
  json->Uint(attempt.status);
  if (!attempt.error.empty()) {
    json->Key("error");
    json->String(attempt.error);
    if (!attempt.detail.empty()) {
      json->Key("detail");
      json->String(attempt.detail);
    }
  }
  if (body) {
    json->Key("response_body");
    json->String(attempt.response_body);
  }
  if (attempt.truncated) {
    json->Key("truncated");
    json->Bool(true);
  }
  if (!attempt.instance.empty()) {
    json->Key("instance");
    json->String(attempt.instance);
  }
  json->EndObject();
}

NotifySpec CallbackSpec(NotifyId id, const Envelope& envelope, const NotifyState& state, const AttemptRecord* last_attempt, std::string via) {
  CHECK(envelope.callback != nullptr);
  NotifySpec spec;
  spec.url = envelope.callback->url;
  spec.via = std::move(via);
  spec.payload_kind = PayloadKind::kData;
  JsonWriter json(&spec.payload);
  json.BeginObject();
  json.Key("id");
  json.String(id.ToString());
  json.Key("state");
  json.String(ToString(SettledState(state.phase)));
  TextOrNull("reason", state.reason, &json);
  json.Key("url");
  json.String(envelope.callback->notify_url);
  json.Key("lane");
  json.String(envelope.lane.name);
  json.Key("mode");
  json.String(ToString(envelope.lane.mode));
  TextOrNull("fkey", envelope.fkey, &json);
  json.Key("caller");
  json.String(envelope.caller);
  json.Key("labels");
  WriteLabels(envelope.labels.get(), &json);
  WriteFlow(envelope.host, envelope.flow.get(), &json);
  json.Key("settled_at");
  json.String(FormatRfc3339(state.settled_at));
  json.Key("attempts_made");
  json.Uint(state.attempts_made);
  json.Key("last_attempt");
  last_attempt ? WriteAttempt(*last_attempt, &json) : json.Null();
  json.EndObject();
  return spec;
}

std::shared_ptr<Envelope> CallbackEnvelope(const Envelope& envelope) {
  CHECK(envelope.callback != nullptr);
  auto out = std::make_shared<Envelope>();
  out->lane = {Mode::kConcurrent, envelope.callback->lane};
  out->host = envelope.callback->host;
  out->caller = envelope.caller;
  out->trace_parent = envelope.trace_parent;
  return out;
}

}  // namespace notifyd
