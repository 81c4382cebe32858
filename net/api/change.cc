// I1: what a patch does not name comes out as it was: the document holds it in a spelling that the parser reads back to the same value, and what a
//     patch cannot name is taken from the base outright.
#include "net/api/change.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/base64.h"
#include "base/json.h"
#include "broker/json_tree.h"
#include "net/api/fields.h"
#include "net/api/merge_patch.h"
#include "net/api/render.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

constexpr std::string_view kChangeable[] = {"due_at",   "delay_ms", "data",   "body",   "body_base64", "headers",
                                            "priority", "retry",    "expect", "ttl_ms", "expires_at"};
constexpr std::string_view kFixed[] = {"url",
                                       "method",
                                       "content_type",
                                       "fkey",
                                       "on_held",
                                       "lane",
                                       "group",
                                       "mode",
                                       "reply",
                                       "timeout_ms",
                                       "connect_timeout_ms",
                                       "idempotency_key",
                                       "caller",
                                       "callback_url"};

bool IsOneOf(std::string_view name, const auto& names) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

/// What a document names of a group of fields of which one may be given.
class Alternatives {
 public:
  explicit Alternatives(std::initializer_list<std::string_view> names) : names_(names) {}

  /// False: `value` is not one of them.
  bool Take(const JsonValue& value, Status* status) {
    if (std::find(names_.begin(), names_.end(), value.key) == names_.end()) return false;
    named_ = true;
    if (!IsGiven(&value)) return true;
    if (!given_.empty())
      *status = Status(Code::kUnacceptable, given_ + " and " + std::string(value.key) + " exclude each other", "/" + std::string(value.key));
    given_ = value.key;
    return true;
  }
  bool named() const { return named_; }

 private:
  const std::vector<std::string_view> names_;
  bool named_ = false;
  std::string given_;
};

void WritePattern(const AnswerPattern& pattern, JsonWriter* json) {
  json->BeginObject();
  if (!pattern.status.empty()) {
    json->Key("status");
    json->BeginArray();
    for (uint16_t status : pattern.status) status < 10 ? json->String(std::to_string(status) + "xx") : json->Int(status);
    json->EndArray();
  }
  if (pattern.contains) {
    json->Key("contains");
    json->String(*pattern.contains);
  }
  if (!pattern.json.empty()) {
    json->Key("json");
    json->BeginObject();
    for (const auto& [pointer, value] : pattern.json) {
      json->Key(pointer);
      json->Raw(value);
    }
    json->EndObject();
  }
  json->EndObject();
}

void WriteRetry(const RetryPolicy& retry, const PatchNames& names, JsonWriter* json) {
  const RetryPolicy fallback;
  auto number = [&](const char* key, int64_t value, int64_t default_value) {
    if (value == default_value) return;
    json->Key(key);
    json->Int(value);
  };
  json->BeginObject();
  number("max_attempts", retry.max_attempts, fallback.max_attempts);
  number("max_ms", retry.max_ms, fallback.max_ms);
  if (retry.jitter != fallback.jitter) {
    json->Key("jitter");
    json->Double(retry.jitter);
  }
  if (!retry.schedule_ms.empty()) {
    if (!names.retry_steps) {
      json->Key("schedule_ms");
      json->BeginArray();
      for (int64_t wait_ms : retry.schedule_ms) json->Int(wait_ms);
      json->EndArray();
    }
  } else if (!names.retry_schedule) {
    number("initial_ms", retry.initial_ms, fallback.initial_ms);
    if (retry.factor != fallback.factor) {
      json->Key("factor");
      json->Double(retry.factor);
    }
  }
  for (auto [key, pattern] : {std::pair("fatal_on", &retry.fatal_on), std::pair("later_on", &retry.later_on)}) {
    if (!*pattern) continue;
    json->Key(key);
    WritePattern(**pattern, json);
  }
  json->EndObject();
}

void WritePayload(const NotifySpec& spec, const PatchNames& names, JsonWriter* json) {
  auto stays = [&](bool named) { return named || !names.payload; };
  switch (spec.payload_kind) {
    case PayloadKind::kNone:
      break;
    case PayloadKind::kData:
      if (!stays(names.data)) break;
      json->Key("data");
      json->Raw(spec.payload);
      break;
    case PayloadKind::kBody:
      if (!stays(names.body)) break;
      json->Key("body");
      json->String(spec.payload);
      break;
    case PayloadKind::kBodyBase64:
      if (!stays(names.body_base64)) break;
      json->Key("body_base64");
      json->String(EncodeBase64(spec.payload));
  }
}

void WriteLane(const NotifySpec& spec, const NotifyHead& head, JsonWriter* json) {
  json->Key("lane");
  json->String(head.lane.name);
  if (!spec.group.empty()) {
    json->Key("group");
    json->String(spec.group);
  }
  json->Key("mode");
  json->String(ToString(head.lane.mode));
  if (head.lane.mode == Mode::kConcurrent) {
    json->Key("priority");
    json->Uint(head.priority);
  }
}

template <class T>
bool SameTarget(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b) {
  return a == b || (a && b && *a == *b);
}

bool SameHead(const NotifyHead& a, const NotifyHead& b) {
  return a.lane == b.lane && a.host == b.host && a.priority == b.priority && a.reply_none == b.reply_none && a.fkey == b.fkey &&
         a.caller == b.caller && SameTarget(a.retry, b.retry) && SameTarget(a.callback, b.callback) && a.trace_parent == b.trace_parent;
}

}  // namespace

bool Matches(std::string_view if_match, std::string_view etag) {
  auto skip = [&](std::string_view characters) { if_match.remove_prefix(std::min(if_match.find_first_not_of(characters), if_match.size())); };
  skip(" \t");
  if (if_match.starts_with('*')) return if_match.find_first_not_of(" \t", 1) == std::string_view::npos;
  bool found = false;
  for (skip(" \t,"); !if_match.empty(); skip(" \t,")) {  // empty elements are allowed (RFC 9110 section 5.6.1)
    bool weak = if_match.starts_with("W/");
    if (weak) if_match.remove_prefix(2);
    size_t end = if_match.starts_with('"') ? if_match.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return false;
    found = found || (!weak && if_match.substr(0, end + 1) == etag);
    if_match.remove_prefix(end + 1);
    skip(" \t");
    if (!if_match.empty() && if_match[0] != ',') return false;
  }
  return found;
}

std::string SubmitDocument(const NotifySpec& spec, const NotifyHead& head, WallTime expires_at, const PatchNames& names) {
  std::string document;
  document.reserve(512 + spec.url.size() + spec.payload.size() * 4 / 3);
  JsonWriter json(&document);
  auto text = [&](const char* key, std::string_view value) {
    json.Key(key);
    json.String(value);
  };
  json.BeginObject();
  text("url", spec.url);
  text("method", ToString(spec.method));
  json.Key("headers");
  json.BeginObject();
  for (const auto& [name, value] : spec.headers) {
    json.Key(name);
    json.String(value);
  }
  json.EndObject();
  WritePayload(spec, names, &json);
  if (spec.content_type_given) text("content_type", spec.content_type);
  WriteLane(spec, head, &json);
  text("reply", head.reply_none ? "none" : "expected");
  json.Key("expect");
  WritePattern(spec.expect, &json);
  if (head.retry) {
    json.Key("retry");
    WriteRetry(*head.retry, names, &json);
  }
  json.Key("timeout_ms");
  json.Int(spec.timeout_ms);
  json.Key("connect_timeout_ms");
  json.Int(spec.connect_timeout_ms);
  if (!head.fkey.empty()) text("fkey", head.fkey);
  text("caller", head.caller);
  if (head.callback) text("callback_url", head.callback->url);
  if (expires_at != kWallNever && !names.ttl) {
    json.Key("expires_at");
    json.String(FormatRfc3339(expires_at));
  }
  json.EndObject();
  return document;
}

namespace {

/// The patch without the secret headers that stay as they are. `spec`: of the base.
Result<std::string> WithoutHidden(std::string_view patch, const NotifySpec& spec, const SecretNames& secrets) {
  Result<JsonTree> tree = JsonTree::Parse(patch);
  if (!tree.ok()) return std::move(tree).status();
  Status status;
  std::string text;
  JsonWriter json(&text);
  auto has_header = [&](std::string_view name) {
    return std::any_of(spec.headers.begin(), spec.headers.end(), [&](const auto& header) { return EqualsIgnoringCase(header.first, name); });
  };
  auto write_headers = [&](JsonTree::Value headers) {
    json.BeginObject();
    headers.ForEach([&](JsonTree::Value key, JsonTree::Value value) {
      if (secrets.Contains(key.text()) && value.kind() == JsonTree::Kind::kString && value.text() == kHiddenValue) {
        if (has_header(key.text())) return;
        std::string pointer = "/headers";
        AppendPointer(key.text(), &pointer);
        status = Status(Code::kUnacceptable, "*** keeps a header as it is, and there is none of this name", std::move(pointer));
      }
      json.Key(key.text());
      json.Raw(value.raw());
    });
    json.EndObject();
  };
  json.BeginObject();
  tree->root().ForEach([&](JsonTree::Value key, JsonTree::Value value) {
    json.Key(key.text());
    if (key.text() == "headers" && value.kind() == JsonTree::Kind::kObject) write_headers(value);
    else json.Raw(value.raw());
  });
  json.EndObject();
  if (!status.ok()) return status;
  return text;
}

/// Due and expiry times as the core refuses them at submit.
Status CheckTimes(const std::optional<When>& when, const std::optional<When>& ttl, WallTime now) {
  if (when && when->kind == When::Kind::kAt && when->ms > now.ms + kMaxDelayMs)
    return Status(Code::kUnacceptable, "due_at is more than ten years ahead", "/due_at");
  if (ttl && ttl->kind == When::Kind::kAt && ttl->ms <= now.ms) return Status(Code::kUnacceptable, "expires_at has passed", "/expires_at");
  return Status::Ok();
}

}  // namespace

Status ChangeParser::ReadNames(std::string* patch, PatchNames* names) {
  bool is_array = false;
  return reader_.Read(patch, 0, &is_array, [&](const JsonValue& root) -> Status {
    Alternatives payload{"data", "body", "body_base64"}, when{"due_at", "delay_ms"}, ttl{"ttl_ms", "expires_at"};
    Status status;
    for (const JsonValue& value : root) {
      if (IsOneOf(value.key, kFixed)) return Status(Code::kUnacceptable, std::string(value.key) + " cannot be changed", "/" + std::string(value.key));
      if (!IsOneOf(value.key, kChangeable)) return UnknownField({}, value.key);
      if (!payload.Take(value, &status) && !when.Take(value, &status)) ttl.Take(value, &status);
      if (!status.ok()) return status;
      names->data = names->data || value.key == "data";
      names->body = names->body || value.key == "body";
      names->body_base64 = names->body_base64 || value.key == "body_base64";
      if (value.key != "retry" || value.kind != JsonValue::Kind::kObject) continue;
      for (const JsonValue& part : value) {
        if (!IsGiven(&part)) continue;
        names->retry_schedule = names->retry_schedule || part.key == "schedule_ms";
        names->retry_steps = names->retry_steps || part.key == "initial_ms" || part.key == "factor";
      }
    }
    names->payload = payload.named();
    names->when = when.named();
    names->ttl = ttl.named();
    return Status::Ok();
  });
}

Status ChangeParser::Check(std::string* patch) {
  PatchNames names;
  NOTIFYD_TRY(parser_->CheckShape(*patch));
  return ReadNames(patch, &names);
}

Result<ChangeRequest> ChangeParser::Parse(std::string* patch, std::shared_ptr<const NotifyRecord> base, WallTime now) {
  PatchNames names;
  NOTIFYD_TRY(ReadNames(patch, &names));
  Result<NotifySpec> old = DecodeSpec(*base->spec);
  if (!old.ok()) return std::move(old).status();
  Result<std::string> shown = WithoutHidden(*patch, *old, *secrets_);
  if (!shown.ok()) return std::move(shown).status();
  Result<std::string> document = MergePatch(SubmitDocument(*old, *base->head, base->state.expires_at, names), *shown);
  if (!document.ok()) return std::move(document).status();
  // A body that is not touched stays, even where the settings would not take it any more.
  Result<ParsedNotify> parsed = parser_->ParseDocument(&*document, {base->head->trace_parent, old->trace_state, old->via}, names.payload);
  if (!parsed.ok()) return std::move(parsed).status();

  ChangeRequest change;
  change.id = base->id;
  if (names.when) change.when = parsed->when;
  if (names.ttl) change.ttl = parsed->ttl;
  NOTIFYD_TRY(CheckTimes(change.when, change.ttl, now));

  NotifySpec& spec = parsed->spec;
  spec.on_held = old->on_held;
  spec.idempotency_key = old->idempotency_key;
  if (!names.when) spec.delay_ms = old->delay_ms;
  if (!names.ttl) spec.ttl_ms = old->ttl_ms;
  NotifyHead& head = parsed->head;
  head.lane = base->head->lane;
  head.host = base->head->host;
  head.fkey = base->head->fkey;
  head.caller = base->head->caller;
  head.callback = base->head->callback;
  // The same objects where nothing changed, so that nothing looks changed that was written by an older version either.
  change.spec = spec == *old ? base->spec : std::make_shared<const std::string>(EncodeSpec(spec));
  change.head = SameHead(head, *base->head) ? base->head : std::make_shared<const NotifyHead>(std::move(head));
  change.base = std::move(base);
  return change;
}

}  // namespace notifyd
