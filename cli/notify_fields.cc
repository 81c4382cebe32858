#include "cli/notify_fields.h"

#include <charconv>
#include <cstdint>
#include <utility>

#include "base/json.h"
#include "broker/json_tree.h"

namespace notifyd {
namespace {

bool IsWholeNumber(const std::string& text) {
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

}  // namespace

const std::vector<NotifyField>& NotifyFields() {
  using enum NotifyField::Kind;
  static const std::vector<NotifyField> fields = {
      {"url", "--url,url", kText, "URL", "Where to send it: http:// or https://."},
      {"method", "--method", kText, "METHOD", "GET, POST, PUT, PATCH, DELETE or HEAD; default POST."},
      {"data", "--data,-d", kJson, "JSON", "Data, encoded by the content type: JSON, a form, or the query string."},
      {"body", "--body", kText, "TEXT", "The raw body, instead of data."},
      {"body_base64", "--body-base64", kText, "BASE64", "The raw body in base64."},
      {"content_type", "--content-type", kText, "TYPE", "Default application/json."},
      {"delay_ms", "--delay-ms,--delay", kNumber, "MS", "Send it that much later."},
      {"due_at", "--due-at", kTime, "TIME", "Send it then: RFC 3339, or milliseconds since the epoch."},
      {"fkey", "--fkey", kText, "KEY", "Hold it until this key is triggered."},
      {"on_held", "--on-held", kText, "WORD", "What to do where the fkey is held already: reject, replace or keep."},
      {"lane", "--lane", kText, "NAME", "The lane that it waits in; default by URL."},
      {"group", "--group", kText, "NAME", "Splits the URL's default lane."},
      {"mode", "--mode", kText, "WORD", "concurrent or fifo."},
      {"priority", "--priority", kNumber, "N", "0 to 9, 9 first; default 4."},
      {"reply", "--reply", kText, "WORD", "expected or none."},
      {"expect", "--expect", kJson, "JSON", "The answer that counts as success; default {\"status\":[\"2xx\"]}."},
      {"retry", "--retry", kJson, "JSON", "How to try again: max_attempts, initial_ms, factor, max_ms, jitter, schedule_ms, fatal_on."},
      {"timeout_ms", "--timeout-ms", kNumber, "MS", "One whole attempt; default 30000."},
      {"connect_timeout_ms", "--connect-timeout-ms", kNumber, "MS", "Its connecting; default 5000."},
      {"ttl_ms", "--ttl-ms", kNumber, "MS", "No attempt starts after that time."},
      {"expires_at", "--expires-at", kTime, "TIME", "No attempt starts after that moment."},
      {"idempotency_key", "--idempotency-key", kText, "KEY", "The same key with the same fields is accepted once."},
      {"caller", "--caller", kText, "NAME", "Who submits; default unknown."},
  };
  return fields;
}

bool IsWhenField(const NotifyField& field) {
  return field.name == "delay_ms" || field.name == "due_at";
}

Result<std::string> FieldJson(const NotifyField& field, const std::string& text) {
  switch (field.kind) {
    case NotifyField::Kind::kText:
      return Quoted(text);
    case NotifyField::Kind::kTime:
      return IsWholeNumber(text) ? text : Quoted(text);
    case NotifyField::Kind::kNumber:
      if (!IsWholeNumber(text)) return Unacceptable("\"" + text + "\" is not a whole number");
      return text;
    case NotifyField::Kind::kJson:
      break;
  }
  Result<JsonTree> tree = JsonTree::Parse(text);
  if (!tree.ok()) return Unacceptable("not JSON: " + tree.status().detail());
  return std::string(tree->root().raw());
}

Result<std::string> NotifyJson(const std::map<std::string, std::string>& values, const std::vector<std::string>& headers) {
  std::string out;
  JsonWriter writer(&out);
  writer.BeginObject();
  for (const NotifyField& field : NotifyFields()) {
    auto found = values.find(field.name);
    if (found == values.end()) continue;
    Result<std::string> json = FieldJson(field, found->second);
    if (!json.ok()) return Unacceptable(field.flags.substr(0, field.flags.find(',')) + ": " + json.status().detail());
    writer.Key(field.name);
    writer.Raw(*json);
  }
  if (!headers.empty()) {
    writer.Key("headers");
    writer.BeginObject();
    for (const std::string& header : headers) {
      size_t colon = header.find(':');
      if (colon == std::string::npos) return Unacceptable("--header: \"" + header + "\" is not \"Name: value\"");
      writer.Key(Trimmed(header.substr(0, colon)));
      writer.String(Trimmed(header.substr(colon + 1)));
    }
    writer.EndObject();
  }
  writer.EndObject();
  return out;
}

}  // namespace notifyd
