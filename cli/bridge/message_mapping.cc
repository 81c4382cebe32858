#include "cli/bridge/message_mapping.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/hex.h"
#include "base/time.h"
#include "base/utf8.h"
#include "cli/bridge/callback_shape.h"
#include "cli/bridge/notify_draft.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;
using Kind = JsonTree::Kind;

constexpr size_t kMostKeyBytes = 255, kMostLabelName = 64, kMostLabelValue = 256;
constexpr uint64_t kMostPriority = 9;
constexpr uint64_t kMostSeconds = 253'402'300'799;  // the end of the year 9999
constexpr int64_t kMostTtlMs = 100ll * 365 * 24 * 3'600'000;
constexpr size_t kMostRequests = 10'000;  // contract section 5: items a batch

Status Bad(std::string detail, std::string field = {}) {
  return Status(Code::kUnacceptable, std::move(detail), std::move(field));
}

bool IsObject(const std::optional<Value>& value) {
  return value && value->kind() == Kind::kObject;
}

/// What the options leave open is told by the members that the shapes must have.
Result<MessageShape> ShapeOf(const MappingOptions& options, const MessageView& view) {
  if (options.shape != MessageShape::kDetect) return options.shape;
  std::optional<Value> root = view.body ? std::optional(view.body->root()) : std::nullopt;
  if (IsObject(root)) {
    if (std::optional<Value> requests = root->At("/requests"); requests && requests->kind() == Kind::kArray) return MessageShape::kCallback;
    if (std::optional<Value> url = root->At("/url"); url && url->kind() == Kind::kString && root->At("/data")) return MessageShape::kDeliverBy;
  }
  return Bad("the body has neither requests, nor url and data; other messages need a template (--url-template, --template)");
}

/// The fields of the template.
Status Begin(const MappingOptions& options, const MessageView& view, NotifyDraft* draft) {
  Result<std::vector<TemplateField>> fields = options.fields.Fill(view);
  if (!fields.ok()) return std::move(fields).status();
  for (TemplateField& field : *fields) {
    if (field.name != "headers" && field.name != "labels") {
      draft->SetRaw(field.name, std::move(field.json));
      continue;
    }
    Result<JsonTree> pairs = JsonTree::Parse(field.json);
    if (!pairs.ok() || pairs->root().kind() != Kind::kObject) return Bad("the template's " + field.name + " must be an object");
    pairs->root().ForEach([&](Value key, Value value) {
      if (field.name == "headers") draft->SetHeader(key.text(), value.text());
      else draft->AddLabel(key.text(), value.text());
    });
  }
  return Status::Ok();
}

/// A property as a name that JSON can hold.
Status SetName(std::string_view property, const std::string& text, std::string_view field, NotifyDraft* draft) {
  if (text.empty() || draft->Has(field)) return Status::Ok();
  if (!IsValidUtf8(text)) return Bad(std::string(property) + " is not UTF-8");
  draft->SetText(field, text);
  return Status::Ok();
}

/// RabbitMQ takes a number of milliseconds as text, and refuses any other.
Status SetExpiry(const AmqpMessage& message, NotifyDraft* draft) {
  if (message.expiration.empty() || draft->Has("ttl_ms") || draft->Has("expires_at")) return Status::Ok();
  uint64_t ms = 0;
  const char* end = message.expiration.data() + message.expiration.size();
  auto [at, error] = std::from_chars(message.expiration.data(), end, ms);
  if (error != std::errc() || at != end) return Bad("expiration is no number of milliseconds");
  if (ms > static_cast<uint64_t>(kMostTtlMs)) return Status::Ok();  // beyond a hundred years it says nothing
  // From receipt it is the broker that counts, so that a repeat says the same.
  if (!message.timestamp_s) draft->SetNumber("ttl_ms", std::max<int64_t>(1, static_cast<int64_t>(ms)));
  else if (*message.timestamp_s > kMostSeconds) return Bad("timestamp lies beyond the year 9999");
  else draft->SetText("expires_at", FormatRfc3339(WallTime{static_cast<int64_t>(*message.timestamp_s) * 1000 + static_cast<int64_t>(ms)}));
  return Status::Ok();
}

bool IsFifo(const NotifyDraft& draft) {
  return draft.Raw("mode") == "\"fifo\"" || draft.Has("order_by");
}

bool AddLabel(const std::string& name, const std::string& value, NotifyDraft* draft) {
  if (name.empty() || name.size() > kMostLabelName || !IsValidUtf8(name)) return false;
  if (name.find_first_of(std::string_view(":\0", 2)) != std::string::npos) return false;
  std::string text = RepairUtf8(value, kMostLabelValue);
  std::replace(text.begin(), text.end(), '\0', ' ');  // a label holds none, and is not worth the message
  return draft->AddLabel(name, text);
}

Status SetHeaders(const AmqpMessage& message, const MappingOptions& options, NotifyDraft* draft, size_t* left_out) {
  for (const AmqpHeader& header : message.headers) {
    if (header.kind != AmqpHeader::Kind::kText) continue;
    if (!options.header_prefix) {
      *left_out += !AddLabel(header.name, header.text, draft);
      continue;
    }
    const std::string name = *options.header_prefix + header.name;
    const bool sendable = IsToken(name) && IsValidUtf8(header.text) && !HasControl(header.text);
    if (!sendable) return Bad("the header \"" + RepairUtf8(header.name, kMostLabelName) + "\" cannot be sent as a header of HTTP");
    draft->SetHeader(name, TrimBlanks(header.text));
  }
  return Status::Ok();
}

/// What is the same whatever the shape.
Status SetProperties(const AmqpMessage& message, const MappingOptions& options, NotifyDraft* draft, size_t* left_out) {
  NOTIFYD_TRY(SetName("app_id", message.app_id, "caller", draft));
  NOTIFYD_TRY(SetExpiry(message, draft));
  if (message.priority && !draft->Has("priority") && !IsFifo(*draft))
    draft->SetNumber("priority", static_cast<int64_t>(std::min<uint64_t>(*message.priority, kMostPriority)));
  if (!message.reply_to.empty()) AddLabel("reply_to", message.reply_to, draft);
  if (!message.correlation_id.empty()) AddLabel("correlation_id", message.correlation_id, draft);
  return SetHeaders(message, options, draft, left_out);
}

/// "id" means the member of that name; what begins with a slash is a pointer already.
std::string PointerOf(std::string_view deliver_by) {
  if (deliver_by.starts_with('/')) return std::string(deliver_by);
  std::string pointer = "/";
  for (char c : deliver_by) pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return pointer;
}

Status SetDeliverBy(const MessageView& view, const MappingOptions& options, NotifyDraft* draft) {
  if (!view.body) return Status(Code::kMalformed, "the body is not JSON");
  const Value root = view.body->root();
  if (root.kind() != Kind::kObject) return Bad("the body must be an object");
  std::optional<Value> url = root.At("/url"), method = root.At("/method"), by = root.At("/deliverBy"), data = root.At("/data");
  if (url && url->kind() == Kind::kString) draft->SetText("url", UrlOf(url->text()));
  else if (url || !draft->Has("url")) return Bad("url is missing, or no string", "/url");
  if (method && method->kind() == Kind::kString) draft->SetText("method", MethodOf(method->text()));
  else if (method && method->kind() != Kind::kNull) return Bad("method must be a string", "/method");
  if (data && data->kind() != Kind::kNull) draft->SetRaw("data", std::string(data->raw()));
  if (by && by->kind() != Kind::kNull && by->kind() != Kind::kString) return Bad("deliverBy must be the name of a member of data", "/deliverBy");
  const std::string name = by && by->kind() == Kind::kString && !by->text().empty() ? std::string(by->text()) : options.deliver_by;
  if (!name.empty()) draft->SetText("order_by", PointerOf(name));
  return Status::Ok();
}

Status SetRawBody(const AmqpMessage& message, NotifyDraft* draft) {
  if (!draft->Has("url")) return Bad("the template has no url");
  if (message.body.empty()) {
    draft->Remove("content_type");
    return Status::Ok();
  }
  if (IsValidUtf8(message.body)) draft->SetText("body", message.body);
  else draft->SetText("body_base64", EncodeBase64(message.body));
  if (!draft->Has("content_type")) {
    const bool said = !message.content_type.empty() && IsValidUtf8(message.content_type);
    draft->SetText("content_type", said ? message.content_type : "application/octet-stream");
  }
  if (!message.content_encoding.empty() && message.content_encoding != "identity" && IsToken(message.content_encoding))
    draft->SetHeader("Content-Encoding", message.content_encoding);
  return Status::Ok();
}

/// A draft for each request of the message.
Result<std::vector<NotifyDraft>> Requests(const MessageView& view, const NotifyDraft& begun) {
  if (!view.body) return Status(Code::kMalformed, "the body is not JSON");
  std::optional<Value> requests = view.body->root().At("/requests"), control = view.body->root().At("/control");
  if (!requests || requests->kind() != Kind::kArray) return Bad("requests must be an array", "/requests");
  const size_t count = requests->size();
  if (count == 0) return Bad("there is no request", "/requests");
  if (count > kMostRequests) return Status(Code::kTooLarge, "a message has " + std::to_string(kMostRequests) + " requests at most", "/requests");
  const JsonTree none = *JsonTree::Parse("{}");
  const Value steering = control && control->kind() != Kind::kNull ? *control : none.root();
  std::vector<NotifyDraft> drafts;
  Status fault;
  requests->ForEach([&](Value, Value request) {
    if (!fault.ok()) return;
    NotifyDraft draft = begun;
    fault = SetRequest(request, &draft).Within("/requests/" + std::to_string(drafts.size()));
    if (fault.ok()) fault = SetControl(steering, count == 1, &draft).Within("/control");
    drafts.push_back(std::move(draft));
  });
  if (!fault.ok()) return fault;
  return drafts;
}

/// What tells a repeat of the message; empty: nothing does.
std::string KeyOf(const MappingOptions& options, const MessageView& view) {
  std::optional<std::string> key = options.key ? ValueOf(*options.key, view) : std::nullopt;
  return key && !key->empty() ? *key : view.message->message_id;
}

}  // namespace

std::string IdempotencyKeyOf(const std::string& queue, const std::string& key, size_t index) {
  std::string text;
  for (char c : queue) text += c == '/' ? "%2F" : c == '%' ? "%25" : std::string(1, c);
  text += "/" + key + "/" + std::to_string(index);
  if (text.size() <= kMostKeyBytes && IsValidUtf8(text) && text.find('\0') == std::string::npos) return text;
  return "sha256:" + HexOf(BytesOf(Sha256(text)));
}

std::string DeliveryKeyOf(const std::string& bridge, uint64_t connection, uint64_t tag) {
  return "delivery:" + HexOf(bridge) + "." + std::to_string(connection) + "." + std::to_string(tag);
}

Result<MappedMessage> MapMessage(const AmqpMessage& message, const MappingOptions& options, const std::string& delivery) {
  Result<JsonTree> tree = JsonTree::Parse(message.body);
  MessageView view{&message, options.queue, tree.ok() ? &*tree : nullptr};
  Result<MessageShape> shape = ShapeOf(options, view);
  if (!shape.ok()) return std::move(shape).status();
  NotifyDraft begun;
  NOTIFYD_TRY(Begin(options, view, &begun));
  std::vector<NotifyDraft> drafts = {begun};
  if (*shape == MessageShape::kCallback) {
    Result<std::vector<NotifyDraft>> requests = Requests(view, begun);
    if (!requests.ok()) return std::move(requests).status();
    drafts = *std::move(requests);
  } else {
    NOTIFYD_TRY(*shape == MessageShape::kDeliverBy ? SetDeliverBy(view, options, &drafts[0]) : SetRawBody(message, &drafts[0]));
  }
  MappedMessage mapped;
  std::string key = KeyOf(options, view);
  mapped.keyed = !key.empty();
  if (!mapped.keyed) key = delivery;
  for (size_t index = 0; index < drafts.size(); ++index) {
    size_t left_out = 0;
    NOTIFYD_TRY(SetProperties(message, options, &drafts[index], &left_out));
    mapped.labels_left_out = left_out;
    if (!key.empty()) drafts[index].SetText("idempotency_key", IdempotencyKeyOf(options.queue, key, index));
    mapped.notifies.push_back(drafts[index].Json());
  }
  return mapped;
}

}  // namespace notifyd
