#include "cli/bridge/message_template.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/ascii.h"
#include "base/json.h"
#include "base/percent_encoding.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;
using Kind = JsonTree::Kind;

/// The properties that a place may name.
struct Property {
  std::string_view word;
  std::string AmqpMessage::*member;
};
constexpr Property kProperties[] = {
    {"app_id", &AmqpMessage::app_id},     {"correlation_id", &AmqpMessage::correlation_id},
    {"exchange", &AmqpMessage::exchange}, {"message_id", &AmqpMessage::message_id},
    {"reply_to", &AmqpMessage::reply_to}, {"routing_key", &AmqpMessage::routing_key},
    {"type", &AmqpMessage::type},
};
constexpr std::string_view kFromMessage[] = {"data", "body", "body_base64", "idempotency_key"};

/// A text with its places filled, or where `view` is null only looked at.
Result<std::string> FillText(std::string_view text, const MessageView* view, bool encode) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
      out += c;
      at += 2;
    } else if (c == '}') {
      return Status(Code::kUnacceptable, "a } without its {; a brace itself is }}");
    } else if (c != '{') {
      out += c;
      ++at;
    } else {
      const size_t end = text.find('}', at);
      if (end == std::string_view::npos) return Status(Code::kUnacceptable, "a { without its }; a brace itself is {{");
      Result<MessageRef> ref = ParseMessageRef(text.substr(at + 1, end - at - 1));
      if (!ref.ok()) return std::move(ref).status();
      std::optional<std::string> value = view ? ValueOf(*ref, *view) : std::string();
      if (!value) return Status(Code::kUnacceptable, "the message has nothing for " + std::string(text.substr(at, end + 1 - at)));
      out += encode ? PercentEncoded(*value) : *value;
      at = end + 1;
    }
  }
  return out;
}

/// How many segments of the URL's path are "." or "..", which lead elsewhere, and which no encoding takes that from.
size_t DotSegments(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  size_t count = 0;
  while (!url.empty()) {
    const std::string_view segment = url.substr(0, url.find('/'));
    count += segment == "." || segment == "..";
    url.remove_prefix(std::min(url.size(), segment.size() + 1));
  }
  return count;
}

/// Writes a value of the template. `view` null: only looks at its strings.
Status Write(Value value, const MessageView* view, bool encode, JsonWriter* json) {
  Status fault;
  switch (value.kind()) {
    case Kind::kString: {
      Result<std::string> text = FillText(value.text(), view, encode);
      if (!text.ok()) return std::move(text).status();
      if (view && encode && DotSegments(*text) > DotSegments(*FillText(value.text(), nullptr, true)))
        return Status(Code::kUnacceptable, "what the message has for a place would lead to another path");
      json->String(*text);
      return Status::Ok();
    }
    case Kind::kArray:
      json->BeginArray();
      value.ForEach([&](Value, Value element) {
        if (fault.ok()) fault = Write(element, view, false, json);
      });
      if (fault.ok()) json->EndArray();
      return fault;
    case Kind::kObject:
      json->BeginObject();
      value.ForEach([&](Value key, Value member) {
        if (!fault.ok()) return;
        json->Key(key.text());
        fault = Write(member, view, false, json);
      });
      if (fault.ok()) json->EndObject();
      return fault;
    default:
      json->Raw(value.raw());
      return Status::Ok();
  }
}

Result<std::vector<TemplateField>> FillFields(const std::optional<JsonTree>& tree, const MessageView* view) {
  std::vector<TemplateField> fields;
  if (!tree) return fields;
  Status fault;
  tree->root().ForEach([&](Value key, Value value) {
    if (!fault.ok()) return;
    TemplateField field{std::string(key.text()), {}};
    JsonWriter json(&field.json);
    fault = Write(value, view, field.name == "url", &json);
    if (!fault.ok()) fault = Status(fault.code(), field.name + ": " + fault.detail());
    fields.push_back(std::move(field));
  });
  if (!fault.ok()) return fault;
  return fields;
}

}  // namespace

std::string MethodOf(std::string_view text) {
  std::string method(text);
  std::transform(method.begin(), method.end(), method.begin(), UpperAscii);
  return method;
}

std::string UrlOf(std::string_view text) {
  static constexpr std::string_view kNowhere = "\"<>\\^`{|}";
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const char each = text[at];
    const auto c = static_cast<unsigned char>(each);
    const bool bare = each == '%' && (at + 2 >= text.size() || HexDigit(text[at + 1]) < 0 || HexDigit(text[at + 2]) < 0);
    if (bare || c <= ' ' || c >= 0x7f || kNowhere.find(each) != std::string_view::npos) AppendPercentEncoded(each, &out);
    else out += each;
  }
  return out;
}

Result<MessageRef> ParseMessageRef(std::string_view text) {
  const size_t colon = text.find(':');
  MessageRef ref{std::string(text.substr(0, colon)), colon == std::string_view::npos ? "" : std::string(text.substr(colon + 1))};
  if (ref.word == "header" && !ref.of.empty()) return ref;
  if (ref.word == "body" && colon != std::string_view::npos && IsJsonPointer(ref.of)) return ref;
  const bool is_property = std::any_of(std::begin(kProperties), std::end(kProperties), [&](const Property& each) { return each.word == ref.word; });
  if (colon == std::string_view::npos && (is_property || ref.word == "queue")) return ref;
  std::string words = "queue";
  for (const Property& each : kProperties) words.append(", ").append(each.word);
  return Status(Code::kUnacceptable, "\"" + std::string(text) + "\" is none of " + words + ", header:NAME and body:/POINTER");
}

std::optional<std::string> ValueOf(const MessageRef& ref, const MessageView& view) {
  if (ref.word == "queue") return std::string(view.queue);
  if (ref.word == "header") {
    const AmqpHeader* header = view.message->Header(ref.of);
    if (!header || header->kind == AmqpHeader::Kind::kOther) return std::nullopt;
    return header->text;
  }
  if (ref.word == "body") {
    std::optional<Value> value = view.body ? view.body->root().At(ref.of) : std::nullopt;
    if (!value || value->kind() == Kind::kNull || value->kind() == Kind::kArray || value->kind() == Kind::kObject) return std::nullopt;
    return std::string(value->kind() == Kind::kString ? value->text() : value->raw());
  }
  for (const Property& each : kProperties)
    if (each.word == ref.word && !(view.message->*each.member).empty()) return view.message->*each.member;
  return std::nullopt;
}

Result<MessageTemplate> MessageTemplate::Parse(std::string_view json) {
  Result<JsonTree> tree = JsonTree::Parse(json);
  if (!tree.ok()) return std::move(tree).status();
  if (tree->root().kind() != Kind::kObject) return Status(Code::kUnacceptable, "a template is a JSON object of fields of a notify");
  MessageTemplate made;
  made.tree_ = *std::move(tree);
  for (std::string_view name : kFromMessage)
    if (made.Has(name)) return Status(Code::kUnacceptable, std::string(name) + " comes from the message, not from a template");
  if (Result<std::vector<TemplateField>> looked_at = FillFields(made.tree_, nullptr); !looked_at.ok()) return std::move(looked_at).status();
  return made;
}

Result<std::vector<TemplateField>> MessageTemplate::Fill(const MessageView& view) const {
  return FillFields(tree_, &view);
}

bool MessageTemplate::Has(std::string_view name) const {
  const std::vector<std::string> all = names();
  return std::find(all.begin(), all.end(), name) != all.end();
}

std::vector<std::string> MessageTemplate::names() const {
  std::vector<std::string> names;
  if (tree_) tree_->root().ForEach([&](Value key, Value) { names.emplace_back(key.text()); });
  return names;
}

}  // namespace notifyd
