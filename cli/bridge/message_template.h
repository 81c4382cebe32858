// MessageTemplate: fields of a notify as JSON, with places in their strings that are filled from a message: {routing_key}, {header:NAME},
// {body:/POINTER}. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "base/status.h"
#include "cli/bridge/amqp_message.h"

namespace notifyd {

/// What a template's places, --key and shapes look at.
struct MessageView {
  const AmqpMessage* message = nullptr;  // borrowed, as all of it
  std::string_view queue;
  const JsonTree* body = nullptr;  // null: it is not JSON
};

/// A place that is filled: one of the words below, "header" with a name, or "body" with a JSON Pointer.
struct MessageRef {
  std::string word, of;
};
/// "routing_key", "exchange", "queue", "message_id", "type", "app_id", "correlation_id", "reply_to", "header:NAME", "body:/POINTER". Error:
/// kUnacceptable.
Result<MessageRef> ParseMessageRef(std::string_view text);
/// What the message has there: a string as it is, a number, true or false by its text. Nothing where it has nothing, or what is no single value.
std::optional<std::string> ValueOf(const MessageRef& ref, const MessageView& view);

/// A URL as programs write them to one of RFC 3986: what may stand in no URL (blanks, quotes, control characters, bytes beyond ASCII) becomes %XX.
std::string UrlOf(std::string_view text);
/// In upper case, as a notify has it: producers write it either way.
std::string MethodOf(std::string_view text);

struct TemplateField {
  std::string name;
  std::string json;
};

class MessageTemplate {
 public:
  /// Without fields.
  MessageTemplate() = default;
  /// An object, whose members are fields of a notify. "{{" and "}}" are braces. Errors: kMalformed: it is no JSON; kUnacceptable: it is no
  /// object; data, body, body_base64 or idempotency_key stands in it, which come from the message; a place that is none.
  static Result<MessageTemplate> Parse(std::string_view json);

  /// Its fields with their places filled, in its order; in `url` what is filled in is percent-encoded. Error: kUnacceptable, naming a place for which
  /// the message has nothing.
  Result<std::vector<TemplateField>> Fill(const MessageView& view) const;
  bool Has(std::string_view name) const;
  /// The names of its fields, for whoever knows which there are.
  std::vector<std::string> names() const;

 private:
  std::optional<JsonTree> tree_;
};

}  // namespace notifyd
