#include "cli/client/field_flags.h"

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

std::string AsJsonString(const std::string& text) {
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

/// The parts between commas as an array; of an empty text an empty one where texts are wanted.
Result<std::string> ListJson(const std::string& text, bool numbers) {
  std::string out = "[";
  if (!numbers && text.empty()) return out + "]";
  for (size_t at = 0; at <= text.size();) {
    size_t comma = std::min(text.find(',', at), text.size());
    std::string item = Trimmed(text.substr(at, comma - at));
    if (numbers && !IsWholeNumber(item)) return Unacceptable("\"" + item + "\" is not a whole number");
    if (item.empty()) return Unacceptable("\"" + text + "\" has nothing between two commas");
    out += (out.size() > 1 ? "," : "") + (numbers ? item : AsJsonString(item));
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

Result<std::string> FieldJson(const FieldFlag& field, const std::string& text) {
  switch (field.kind) {
    case FieldFlag::Kind::kText:
      return AsJsonString(text);
    case FieldFlag::Kind::kTime:
      return IsWholeNumber(text) ? text : AsJsonString(text);
    case FieldFlag::Kind::kNumber:
      if (!IsWholeNumber(text)) return Unacceptable("\"" + text + "\" is not a whole number");
      return text;
    case FieldFlag::Kind::kNumbers:
      return ListJson(text, true);
    case FieldFlag::Kind::kAnyOf:
      if (text == "*") return AsJsonString(text);
      return ListJson(text, false);
    case FieldFlag::Kind::kTexts:
      return ListJson(text, false);
    case FieldFlag::Kind::kYesOrNo:
      if (text != "true" && text != "false") return Unacceptable("\"" + text + "\" is neither true nor false");
      return text;
    case FieldFlag::Kind::kDecimal:
    case FieldFlag::Kind::kJson:
      break;
  }
  Result<JsonTree> tree = JsonTree::Parse(text);
  if (field.kind == FieldFlag::Kind::kDecimal && (!tree.ok() || tree->root().kind() != JsonTree::Kind::kNumber))
    return Unacceptable("\"" + text + "\" is not a number");
  if (!tree.ok()) return Unacceptable(tree.status().detail());
  return std::string(tree->root().raw());
}

Result<std::string> FieldsJson(const std::vector<FieldFlag>& flags, const FieldValues& values) {
  auto is_null = [&](const std::string& name) { return std::find(values.nulls.begin(), values.nulls.end(), name) != values.nulls.end(); };
  std::string out, parent;  // `parent`: the object that is open
  JsonWriter writer(&out);
  writer.BeginObject();
  for (const FieldFlag& field : flags) {
    auto found = values.fields.find(field.name);
    std::string of = ParentOf(field.name);
    bool null_member = !of.empty() && is_null(field.name);  // a null of the whole object's stands at its end
    if (found == values.fields.end() && !null_member) continue;
    std::string flag = field.flags.substr(0, field.flags.find(','));
    Result<std::string> json = null_member ? std::string("null") : FieldJson(field, found->second);
    if (!json.ok()) return Unacceptable(flag + ": " + json.status().detail());
    if (!of.empty() && values.fields.count(of)) return Unacceptable(flag + " goes without --" + of);
    if (found != values.fields.end() && (is_null(field.name) || is_null(of)))
      return Unacceptable(flag + " goes without --reset " + (is_null(field.name) ? field.name : of));
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
    if (!ParentOf(null).empty()) continue;
    writer.Key(null);
    writer.Null();
  }
  writer.EndObject();
  return out;
}

}  // namespace notifyd
