#include "net/api/topic_fields.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/json_tree.h"
#include "broker/event_filter.h"
#include "broker/flow.h"
#include "broker/topic_patterns.h"
#include "broker/transform.h"
#include "net/api/field_print.h"
#include "net/api/fields.h"

namespace notifyd {
namespace {

using Kind = JsonValue::Kind;

constexpr uint64_t kMostMaxPending = 50'000'000;
constexpr size_t kMaxEventKeyBytes = 255;

/// What is the event's, or of one notify alone.
constexpr std::string_view kNotOfTemplate[] = {"due_at", "expires_at", "data", "body", "body_base64", "fkey", "on_held", "idempotency_key"};
constexpr std::string_view kOfEvent[] = {"due_at", "delay_ms",        "data",  "body", "body_base64", "content_type", "fkey", "on_held",
                                         "labels", "idempotency_key", "caller"};

Status ReadPattern(std::string_view pointer, const JsonValue& value, std::string* out) {
  NOTIFYD_TRY(ReadText(value, pointer, 1, kMaxNameBytes, out));
  if (IsTopicPattern(*out)) return Status::Ok();
  return Bad(pointer, "a topic pattern is words of A-Z, a-z, 0-9, _ and - joined by dots, where * stands for one word and # for any number of them");
}

Status ReadTopicName(const JsonValue& value, std::string* out) {
  NOTIFYD_TRY(ReadText(value, "/topic", 1, kMaxNameBytes, out));
  return CheckTopicName(*out);
}

void RawOrNull(const std::string& json_text, JsonWriter* json) {
  json_text.empty() ? json->Null() : json->Raw(json_text);
}

/// What was wrong with it, if anything, with its place in the document.
template <class T>
Status Within(std::string_view pointer, Result<T> compiled) {
  return compiled.ok() ? Status::Ok() : std::move(compiled).status().Within(std::string(pointer));
}

// ---- the tables

constexpr TopicField kTopicFields[] = {
    {"/retention_ms",
     [](std::string_view pointer, const JsonValue& value, TopicRecord* out) {
       return ReadInt(value, pointer, 0, kMostRetentionMs, &out->retention_ms);
     },
     [](const TopicRecord& from, JsonWriter* json) { json->Int(from.retention_ms); }},
    {"/schema",
     [](std::string_view, const JsonValue& value, TopicRecord* out) {
       out->schema = value.raw;
       return Status::Ok();
     },
     [](const TopicRecord& from, JsonWriter* json) { RawOrNull(from.schema, json); }},
    {"/description",
     [](std::string_view pointer, const JsonValue& value, TopicRecord* out) {
       return ReadText(value, pointer, 0, kMaxDescriptionBytes, &out->description);
     },
     [](const TopicRecord& from, JsonWriter* json) { json->String(from.description); }},
};

constexpr SubscriptionField kSubscriptionFields[] = {
    {"/topic", [](std::string_view pointer, const JsonValue& value, Subscription* out) { return ReadPattern(pointer, value, &out->topic); },
     [](const Subscription& from, JsonWriter* json) { json->String(from.topic); }},
    {"/filter",
     [](std::string_view pointer, const JsonValue& value, Subscription* out) {
       out->filter = value.raw;
       return Within(pointer, EventFilter::Compile(out->filter));
     },
     [](const Subscription& from, JsonWriter* json) { RawOrNull(from.filter, json); }},
    {"/transform",
     [](std::string_view pointer, const JsonValue& value, Subscription* out) {
       out->transform = value.raw;
       return Within(pointer, Transform::Compile(out->transform));
     },
     [](const Subscription& from, JsonWriter* json) { RawOrNull(from.transform, json); }},
    {"/each_instance",
     [](std::string_view pointer, const JsonValue& value, Subscription* out) { return ReadBool(value, pointer, &out->each_instance); },
     [](const Subscription& from, JsonWriter* json) { json->Bool(from.each_instance); }},
    {"/paused", [](std::string_view pointer, const JsonValue& value, Subscription* out) { return ReadBool(value, pointer, &out->paused); },
     [](const Subscription& from, JsonWriter* json) { json->Bool(from.paused); }},
    {"/enabled", [](std::string_view pointer, const JsonValue& value, Subscription* out) { return ReadBool(value, pointer, &out->enabled); },
     [](const Subscription& from, JsonWriter* json) { json->Bool(from.enabled); }},
    {"/max_pending",
     [](std::string_view pointer, const JsonValue& value, Subscription* out) {
       int64_t most = 0;
       NOTIFYD_TRY(ReadInt(value, pointer, 1, kMostMaxPending, &most));
       out->max_pending = static_cast<uint64_t>(most);
       return Status::Ok();
     },
     [](const Subscription& from, JsonWriter* json) { json->Uint(from.max_pending); }},
};

/// "from" is no state of a subscription: what it asks for is done where it is made.
Status ReadFrom(const JsonValue& value, std::optional<WallTime>* out) {
  if (value.kind == Kind::kString && value.text == "now") return Status::Ok();
  return ReadTime(value, "/from", "lies beyond the year 9999", &out->emplace());
}

Result<bool> ReadOwn(const JsonValue& value, Subscription* out, std::optional<WallTime>* from) {
  if (value.key == "from") {
    if (IsGiven(&value)) NOTIFYD_TRY(ReadFrom(value, from));
    return true;
  }
  for (const SubscriptionField& field : kSubscriptionFields) {
    if (field.name() != value.key) continue;
    if (IsGiven(&value)) NOTIFYD_TRY(field.read(field.pointer, value, out));
    return true;
  }
  return false;
}

Status ReadEvent(SubmitParser* parser, const JsonValue& item, const std::string* topic, const std::string* header_key, const TraceContext& trace,
                 const Asker& asker, EventItem* out) {
  if (topic) out->topic = *topic;
  const NotifyPart part{.of = "an event", .names = kOfEvent, .other = [&](const JsonValue& value) -> Result<bool> {
                          if (value.key == "key") {
                            if (IsGiven(&value)) NOTIFYD_TRY(ReadText(value, "/key", 1, kMaxEventKeyBytes, &out->key));
                            return true;
                          }
                          if (value.key != "topic" || topic) return false;
                          if (IsGiven(&value)) NOTIFYD_TRY(ReadTopicName(value, &out->topic));
                          return true;
                        }};
  ParsedNotify notify;
  NOTIFYD_TRY(parser->ReadPart(item, part, trace, &asker, &notify));
  if (out->topic.empty()) return Bad("/topic", "topic is missing");
  NotifySpec& spec = notify.spec;
  const bool raw = spec.payload_kind == PayloadKind::kBody || spec.payload_kind == PayloadKind::kBodyBase64;
  if (spec.content_type_given && !raw)
    return Bad("/content_type", "content_type goes with body and body_base64; how data is sent is for each subscription to say");
  NOTIFYD_TRY(ReadKeyHeader(header_key, &spec.idempotency_key));
  if (!spec.idempotency_key.empty()) {
    out->fields = PrintOfEventFields(notify, out->key, parser->reader());
    out->fields_1 = parser->PrintOf(item, "idempotency_key");
  }
  out->payload_kind = spec.payload_kind;
  out->payload = std::move(spec.payload);
  if (spec.content_type_given) out->content_type = std::move(spec.content_type);
  out->idempotency_key = std::move(spec.idempotency_key);
  out->trace_state = std::move(spec.trace_state);
  out->via = std::move(spec.via);
  out->on_held = spec.on_held.value_or(OnHeld::kReject);
  out->when = notify.when;
  out->for_caller_alone = !asker.anybody() && !asker.principal.Has(Scope::kOperate);
  Envelope& envelope = notify.envelope;
  out->caller = std::move(envelope.caller);
  out->labels = std::move(envelope.labels);
  out->fkey = std::move(envelope.fkey);
  out->trace_parent = std::move(envelope.trace_parent);
  return Status::Ok();
}

std::string FormatTime(const std::optional<WallTime>& time) {
  return time ? std::to_string(time->ms) : std::string();
}

}  // namespace

std::span<const TopicField> TopicFields() {
  return kTopicFields;
}

std::span<const SubscriptionField> SubscriptionFields() {
  return kSubscriptionFields;
}

bool IsOfTemplate(const NotifyField& field) {
  return std::find(std::begin(kNotOfTemplate), std::end(kNotOfTemplate), field.name()) == std::end(kNotOfTemplate);
}

Status CheckTopicName(std::string_view name) {
  if (IsTopicName(name)) return Status::Ok();
  return Bad("/topic", "a topic has 1 to 255 bytes: words of A-Z, a-z, 0-9, _ and - joined by dots");
}

Status CheckSubscriptionName(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= kMaxSubscriptionBytes && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
  return fits ? Status::Ok() : Bad("/name", "a subscription's name has 1 to 100 of A-Z, a-z, 0-9, _, - and dots");
}

Result<TopicRecord> ReadTopicSettings(JsonReader* reader, const std::string& body) {
  TopicRecord topic;
  bool is_array = false;
  Status status = reader->Read(body, 0, &is_array, [&](const JsonValue& root) { return ReadFields(TopicFields(), "", root, &topic); });
  if (!status.ok()) return status;
  return topic;
}

Result<ParsedSubscription> ParseSubscription(SubmitParser* parser, const std::string& name, const std::string& body, const TraceContext& trace,
                                             const Asker& asker) {
  ParsedSubscription parsed;
  Subscription said;
  ParsedNotify notify;
  const NotifyPart part{.of = "a subscription",
                        .names = kNotOfTemplate,
                        .all_but = true,
                        .lane = "subscription/" + name,
                        .orders_by_event = true,
                        .other = [&](const JsonValue& value) { return ReadOwn(value, &said, &parsed.from); }};
  Status status = parser->ReadOne(body, [&](const JsonValue& root) { return parser->ReadPart(root, part, trace, &asker, &notify); });
  if (!status.ok()) return status;
  if (said.topic.empty()) return Bad("/topic", "topic is missing");
  if (said.each_instance && ServiceOf(notify.spec.url).empty()) return Bad("/each_instance", "only a service has instances");
  // Whoever said so, and by which ways, is each event's.
  notify.envelope.trace_parent.clear();
  notify.spec.trace_state.clear();
  notify.spec.via.clear();
  said.when = notify.when;
  said.ttl = notify.ttl;
  said.spec = std::make_shared<const std::string>(EncodeSpec(notify.spec));
  said.envelope = std::make_shared<const Envelope>(std::move(notify.envelope));
  parsed.said = std::make_shared<const Subscription>(std::move(said));
  return parsed;
}

Result<ParsedPublish> ParsePublish(SubmitParser* parser, const std::string* topic, const std::string& body, const std::string* header_key,
                                   const TraceContext& trace, const Asker& asker) {
  ParsedPublish parsed;
  auto header_with_batch = [] { return Status(Code::kUnacceptable, "the header Idempotency-Key goes with a single event only"); };
  Status status = parser->ReadEach(body, header_key != nullptr, &parsed.batch, [&](const JsonValue& item) -> Status {
    if (parsed.batch && header_key) return header_with_batch();
    return ReadEvent(parser, item, topic, header_key, trace, asker, &parsed.events.emplace_back());
  });
  if (parsed.batch && header_key && status.code() == Code::kUnacceptable) return header_with_batch();
  if (!status.ok()) return status;
  return parsed;
}

Result<EventItem> ParseEventLine(SubmitParser* parser, const std::string* topic, std::string_view line, size_t readable, const TraceContext& trace,
                                 const Asker& asker) {
  EventItem event;
  Status status =
      parser->ReadLine(line, readable, [&](const JsonValue& value) { return ReadEvent(parser, value, topic, nullptr, trace, asker, &event); });
  if (!status.ok()) return status;
  return event;
}

Result<ParsedReplay> ParseReplay(JsonReader* reader, const std::string& body, const std::string* header_key, bool of_range) {
  ParsedReplay parsed;
  auto read = [&](const JsonValue& value) -> Status {
    const bool is_from = value.key == "from";
    if (of_range && (is_from || value.key == "to")) {
      if (!IsGiven(&value)) return Status::Ok();
      return ReadTime(value, is_from ? "/from" : "/to", "lies beyond the year 9999", &(is_from ? parsed.from : parsed.to).emplace());
    }
    if (value.key != "idempotency_key") return UnknownField({}, value.key);
    return IsGiven(&value) ? ReadText(value, "/idempotency_key", 1, kMaxNameBytes, &parsed.idempotency_key) : Status::Ok();
  };
  if (!body.empty()) {
    bool is_array = false;
    Status status = reader->Read(body, 0, &is_array, [&](const JsonValue& root) -> Status {
      for (const JsonValue& value : root) NOTIFYD_TRY(read(value));
      return Status::Ok();
    });
    if (!status.ok()) return status;
  }
  NOTIFYD_TRY(ReadKeyHeader(header_key, &parsed.idempotency_key));
  if (!parsed.idempotency_key.empty() && of_range) parsed.fields = FingerprintOf(FormatTime(parsed.from) + "-" + FormatTime(parsed.to));
  if (parsed.from && parsed.to && *parsed.to < *parsed.from) return Bad("/to", "to lies before from");
  return parsed;
}

}  // namespace notifyd
