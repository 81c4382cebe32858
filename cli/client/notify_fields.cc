#include "cli/client/notify_fields.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "base/json.h"
#include "base/json_tree.h"

namespace notifyd {
namespace {

bool IsWholeNumber(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

std::string Quoted(const std::string& text) {
  std::string out;
  JsonWriter(&out).String(text);
  return out;
}

std::string Trimmed(const std::string& text) {
  size_t from = text.find_first_not_of(" \t"), to = text.find_last_not_of(" \t");
  return from == std::string::npos ? "" : text.substr(from, to - from + 1);
}

Status Unacceptable(std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail));
}

Result<std::string> NumbersJson(const std::string& text) {
  std::string out = "[";
  for (size_t at = 0; at <= text.size();) {
    size_t comma = std::min(text.find(',', at), text.size());
    std::string item = Trimmed(text.substr(at, comma - at));
    if (!IsWholeNumber(item)) return Unacceptable("\"" + item + "\" is not a whole number");
    out += (out.size() > 1 ? "," : "") + item;
    at = comma + 1;
  }
  return out + "]";
}

/// "retry" of "retry/factor", else nothing.
std::string ParentOf(const std::string& name) {
  size_t slash = name.find('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}

Status WriteHeaders(const FieldValues& values, JsonWriter* writer) {
  if (values.headers.empty() && values.removed_headers.empty()) return Status::Ok();
  writer->Key("headers");
  writer->BeginObject();
  for (const std::string& header : values.headers) {
    size_t colon = header.find(':');
    if (colon == std::string::npos) return Unacceptable("--header: \"" + header + "\" is not \"Name: value\"");
    writer->Key(Trimmed(header.substr(0, colon)));
    writer->String(Trimmed(header.substr(colon + 1)));
  }
  for (const std::string& name : values.removed_headers) {
    writer->Key(Trimmed(name));
    writer->Null();
  }
  writer->EndObject();
  return Status::Ok();
}

}  // namespace

const std::vector<NotifyFlag>& NotifyFlags() {
  using enum NotifyFlag::Kind;
  static const std::vector<NotifyFlag> fields = {
      {"url", "--url,url", kText, "URL", "Where to send it: http:// or https://."},
      {"method",
       "--method",
       kText,
       "METHOD",
       "GET, POST, PUT, PATCH, DELETE or HEAD; default POST.",
       false,
       {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}},
      {"data", "--data,-d", kJson, "JSON", "Data, encoded by the content type: JSON, a form, or the query string.", true},
      {"body", "--body", kText, "TEXT", "The raw body, instead of data.", true},
      {"body_base64", "--body-base64", kText, "BASE64", "The raw body in base64.", true},
      {"content_type",
       "--content-type",
       kText,
       "TYPE",
       "Default application/json.",
       false,
       {"application/json", "application/x-www-form-urlencoded"}},
      {"delay_ms", "--delay-ms,--delay", kNumber, "MS", "Send it that much later.", true},
      {"due_at", "--due-at", kTime, "TIME", "Send it then: RFC 3339, or milliseconds since the epoch.", true},
      {"fkey", "--fkey", kText, "FKEY", "Hold it until this key is triggered."},
      {"on_held",
       "--on-held",
       kText,
       "WORD",
       "What to do where the fkey is held already: reject, replace or keep.",
       false,
       {"reject", "replace", "keep"}},
      {"lane", "--lane", kText, "LANE", "The lane that it waits in; default by URL."},
      {"group", "--group", kText, "NAME", "Splits the URL's default lane."},
      {"mode", "--mode", kText, "MODE", "concurrent or fifo; default concurrent.", false, {"concurrent", "fifo"}},
      {"priority", "--priority", kNumber, "N", "0 to 9, 9 first; default 4.", true},
      {"reply", "--reply", kText, "WORD", "expected, or none: one attempt, whatever the answer.", false, {"expected", "none"}},
      {"expect", "--expect", kJson, "JSON", "The answer that counts as success; default {\"status\":[\"2xx\"]}.", true},
      {"retry", "--retry", kJson, "JSON", "How to try again, as one object, instead of the flags for its parts.", true},
      {"retry/max_attempts", "--max-attempts,--retry-max-attempts", kNumber, "N", "Attempts in all, 1 to 100; default 10.", true},
      {"retry/initial_ms", "--retry-initial-ms", kNumber, "MS", "The first wait; default 1000.", true},
      {"retry/factor", "--retry-factor", kDecimal, "NUMBER", "Each wait is that many times the one before; default 2.", true},
      {"retry/max_ms", "--retry-max-ms", kNumber, "MS", "The longest wait; default 3600000.", true},
      {"retry/jitter", "--retry-jitter", kDecimal, "NUMBER", "A wait is made longer or shorter by up to that part, 0 to 1; default 0.1.", true},
      {"retry/schedule_ms", "--retry-schedule-ms", kNumbers, "MS,...", "The waits one by one, the last repeated.", true},
      {"retry/fatal_on", "--fatal-on,--retry-fatal-on", kJson, "JSON", "The answer that makes it fail at once.", true},
      {"retry/later_on", "--later-on,--retry-later-on", kJson, "JSON",
       "The answer that means not ready yet: asked again, budget untouched; needs a ttl.", true},
      {"retry/only_on", "--only-on,--retry-only-on", kJson, "JSON", "The answer that is tried again: any other unexpected one fails at once.", true},
      {"timeout_ms", "--timeout-ms", kNumber, "MS", "One whole attempt; default 30000."},
      {"connect_timeout_ms", "--connect-timeout-ms", kNumber, "MS", "Its connecting; default 5000."},
      {"ttl_ms", "--ttl-ms,--ttl", kNumber, "MS", "No attempt starts after that time.", true},
      {"expires_at", "--expires-at", kTime, "TIME", "No attempt starts after that moment.", true},
      {"idempotency_key", "--idempotency-key", kText, "KEY", "The same key with the same fields is accepted once."},
      {"caller", "--caller", kText, "NAME", "Who submits; default unknown."},
      {"callback_url", "--callback-url", kText, "URL", "Told how it ended, once it is settled."},
  };
  return fields;
}

bool IsWhenField(const NotifyFlag& field) {
  return field.name == "delay_ms" || field.name == "due_at";
}

Result<std::string> FieldJson(const NotifyFlag& field, const std::string& text) {
  switch (field.kind) {
    case NotifyFlag::Kind::kText:
      return Quoted(text);
    case NotifyFlag::Kind::kTime:
      return IsWholeNumber(text) ? text : Quoted(text);
    case NotifyFlag::Kind::kNumber:
      if (!IsWholeNumber(text)) return Unacceptable("\"" + text + "\" is not a whole number");
      return text;
    case NotifyFlag::Kind::kNumbers:
      return NumbersJson(text);
    case NotifyFlag::Kind::kDecimal:
    case NotifyFlag::Kind::kJson:
      break;
  }
  Result<JsonTree> tree = JsonTree::Parse(text);
  if (field.kind == NotifyFlag::Kind::kDecimal && (!tree.ok() || tree->root().kind() != JsonTree::Kind::kNumber))
    return Unacceptable("\"" + text + "\" is not a number");
  if (!tree.ok()) return Unacceptable(tree.status().detail());
  return std::string(tree->root().raw());
}

Result<std::string> NotifyJson(const FieldValues& values) {
  std::string out, parent;  // `parent`: the object that is open
  JsonWriter writer(&out);
  writer.BeginObject();
  for (const NotifyFlag& field : NotifyFlags()) {
    auto found = values.fields.find(field.name);
    if (found == values.fields.end()) continue;
    std::string flag = field.flags.substr(0, field.flags.find(','));
    Result<std::string> json = FieldJson(field, found->second);
    if (!json.ok()) return Unacceptable(flag + ": " + json.status().detail());
    std::string of = ParentOf(field.name);
    if (!of.empty() && values.fields.count(of)) return Unacceptable(flag + " goes without --" + of);
    for (const std::string& null : values.nulls)
      if (null == field.name || null == of) return Unacceptable(flag + " goes without --reset " + null);
    if (of != parent) {
      if (!parent.empty()) writer.EndObject();
      if (!of.empty()) {
        writer.Key(of);
        writer.BeginObject();
      }
      parent = of;
    }
    writer.Key(of.empty() ? field.name : field.name.substr(of.size() + 1));
    writer.Raw(*json);
  }
  if (!parent.empty()) writer.EndObject();
  if (Status fault = WriteHeaders(values, &writer); !fault.ok()) return fault;
  for (const std::string& null : values.nulls) {
    writer.Key(null);
    writer.Null();
  }
  writer.EndObject();
  return out;
}

}  // namespace notifyd
