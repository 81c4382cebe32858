#include "net/api/schedule_fields.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/json_or_null.h"
#include "broker/cron.h"
#include "broker/spec.h"
#include "net/api/fields.h"
#include "net/api/render.h"
#include "net/api/topic_fields.h"

namespace notifyd {
namespace {

using Kind = JsonValue::Kind;

constexpr size_t kMaxScheduleBytes = 100;
constexpr int64_t kLeastEveryMs = 1'000;
constexpr int64_t kMostJitterMs = 24 * 3600 * 1000;
constexpr std::string_view kNotOfSchedule[] = {"due_at", "expires_at", "idempotency_key"};
constexpr std::string_view kOfPublish[] = {"caller", "labels", "delay_ms", "fkey", "on_held", "data", "body", "body_base64", "content_type"};
constexpr std::string_view kMissedWords[] = {"skip", "one", "all"};  // by Missed
constexpr std::string_view kOverlapWords[] = {"allow", "skip"};

/// Sets the place of the word.
Status ReadWordOf(std::span<const std::string_view> words, std::string_view pointer, const JsonValue& value, size_t* place) {
  std::string all;
  for (size_t i = 0; i < words.size(); ++i) {
    if (value.kind == Kind::kString && value.text == words[i]) return *place = i, Status::Ok();
    all += (i == 0 ? "" : ", ") + std::string(words[i]);
  }
  return Bad(pointer, "must be one of " + all);
}

Status ReadMoment(std::string_view pointer, const JsonValue& value, std::optional<WallTime>* out) {
  return ReadTime(value, pointer, "lies beyond the year 9999", &out->emplace());
}

constexpr JsonField<Schedule> kScheduleFields[] = {
    {"/cron",
     [](std::string_view pointer, const JsonValue& value, Schedule* out) {
       NOTIFYD_TRY(ReadText(value, pointer, 1, kMaxNameBytes, &out->cron));
       Result<Cron> cron = Cron::Parse(out->cron);
       return cron.ok() ? Status::Ok() : std::move(cron).status().Within(std::string(pointer));
     },
     [](const Schedule& from, JsonWriter* json) { TextOrNull(from.cron, json); }},
    {"/every_ms",
     [](std::string_view pointer, const JsonValue& value, Schedule* out) {
       return ReadInt(value, pointer, kLeastEveryMs, kMaxDelayMs, &out->every_ms);
     },
     [](const Schedule& from, JsonWriter* json) { from.every_ms == 0 ? json->Null() : json->Int(from.every_ms); }},
    {"/timezone",
     [](std::string_view pointer, const JsonValue& value, Schedule* out) { return ReadText(value, pointer, 1, kMaxNameBytes, &out->timezone); },
     [](const Schedule& from, JsonWriter* json) { json->String(from.timezone); }},
    {"/start_at", [](std::string_view pointer, const JsonValue& value, Schedule* out) { return ReadMoment(pointer, value, &out->start_at); },
     [](const Schedule& from, JsonWriter* json) { TimeOrNull(from.start_at, json); }},
    {"/end_at", [](std::string_view pointer, const JsonValue& value, Schedule* out) { return ReadMoment(pointer, value, &out->end_at); },
     [](const Schedule& from, JsonWriter* json) { TimeOrNull(from.end_at, json); }},
    {"/missed",
     [](std::string_view pointer, const JsonValue& value, Schedule* out) {
       size_t place = 0;
       NOTIFYD_TRY(ReadWordOf(kMissedWords, pointer, value, &place));
       out->missed = static_cast<Missed>(place);
       return Status::Ok();
     },
     [](const Schedule& from, JsonWriter* json) { json->String(kMissedWords[static_cast<size_t>(from.missed)]); }},
    {"/overlap",
     [](std::string_view pointer, const JsonValue& value, Schedule* out) {
       size_t place = 0;
       NOTIFYD_TRY(ReadWordOf(kOverlapWords, pointer, value, &place));
       out->skip_overlap = place == 1;
       return Status::Ok();
     },
     [](const Schedule& from, JsonWriter* json) { json->String(kOverlapWords[from.skip_overlap ? 1 : 0]); }},
    {"/paused", [](std::string_view pointer, const JsonValue& value, Schedule* out) { return ReadBool(value, pointer, &out->paused); },
     [](const Schedule& from, JsonWriter* json) { json->Bool(from.paused); }},
    {"/jitter_ms",
     [](std::string_view pointer, const JsonValue& value, Schedule* out) { return ReadInt(value, pointer, 0, kMostJitterMs, &out->jitter_ms); },
     [](const Schedule& from, JsonWriter* json) { json->Int(from.jitter_ms); }},
};

Status ReadTemplate(const JsonValue& value, const Asker& asker, SubmitParser* submit, Schedule* out) {
  if (value.kind != Kind::kObject) return Bad("", "must be an object: the fields of a notify");
  std::string text(value.raw);
  Result<SubmitItem> parsed = submit->ParseTemplate(text, asker);
  if (!parsed.ok()) return std::move(parsed).status();
  SubmitItem& item = *parsed;
  if (!item.idempotency_key.empty()) return Bad("/idempotency_key", "each run has a key of its own");
  if (item.when.kind == When::Kind::kAt) return Bad("/due_at", "each run has a time of its own; delay_ms counts from that");
  if (item.ttl.kind == When::Kind::kAt) return Bad("/expires_at", "each run has a time of its own; ttl_ms counts from that");
  out->envelope = std::move(item.envelope);
  out->spec = std::move(item.spec);
  out->when = item.when;
  out->ttl = item.ttl;
  out->on_held = item.on_held;
  return Status::Ok();
}

Status ReadPublish(const JsonValue& value, const Asker& asker, SubmitParser* submit, Schedule* out) {
  if (value.kind != Kind::kObject) return Bad("", "must be an object: topic, and the fields of an event");
  std::string text(value.raw);
  Result<ParsedPublish> parsed = ParsePublish(submit, nullptr, text, nullptr, {}, asker);
  if (!parsed.ok()) return std::move(parsed).status();
  EventItem& item = parsed->events.front();
  if (!item.idempotency_key.empty()) return Bad("/idempotency_key", "each run has a key of its own");
  if (item.when.kind == When::Kind::kAt) return Bad("/due_at", "each run has a time of its own; delay_ms counts from that");
  auto envelope = std::make_shared<Envelope>();
  envelope->caller = std::move(item.caller);
  envelope->labels = std::move(item.labels);
  envelope->fkey = std::move(item.fkey);
  NotifySpec spec;
  spec.payload_kind = item.payload_kind;
  spec.payload = std::move(item.payload);
  spec.content_type_given = !item.content_type.empty();
  if (spec.content_type_given) spec.content_type = std::move(item.content_type);
  if (item.when.kind == When::Kind::kDelay) spec.delay_ms = item.when.ms;
  spec.on_held = item.on_held;
  out->envelope = std::move(envelope);
  out->spec = std::make_shared<const std::string>(EncodeSpec(spec));
  out->when = item.when;
  out->on_held = item.on_held;
  out->topic = std::move(item.topic);
  out->key = std::move(item.key);
  return Status::Ok();
}

Status ReadRoot(const JsonValue& root, const Asker& asker, SubmitParser* submit, Schedule* out) {
  if (root.kind != Kind::kObject) return Bad("", "a schedule must be an object");
  for (const JsonValue& value : root) {
    const auto* field =
        std::find_if(std::begin(kScheduleFields), std::end(kScheduleFields), [&](const auto& row) { return row.name() == value.key; });
    if (field == std::end(kScheduleFields) && value.key != "notify" && value.key != "publish") return UnknownField({}, value.key);
    if (!IsGiven(&value)) continue;
    if (field == std::end(kScheduleFields) && out->envelope)
      return Bad("/" + std::string(value.key), "notify and publish are given, and one of them is needed");
    if (field != std::end(kScheduleFields)) NOTIFYD_TRY(field->read(field->pointer, value, out));
    else if (value.key == "notify") NOTIFYD_TRY(ReadTemplate(value, asker, submit, out).Within("/notify"));
    else NOTIFYD_TRY(ReadPublish(value, asker, submit, out).Within("/publish"));
  }
  if (out->cron.empty() && out->every_ms == 0) return Bad("/cron", "cron or every_ms is missing");
  if (!out->cron.empty() && out->every_ms != 0) return Bad("/every_ms", "cron and every_ms are given, and one of them is needed");
  if (out->start_at && out->end_at && *out->end_at < *out->start_at) return Bad("/end_at", "end_at lies before start_at");
  if (!out->envelope) return Bad("/notify", "notify or publish is missing");
  return Status::Ok();
}

}  // namespace

std::span<const JsonField<Schedule>> ScheduleFields() {
  return kScheduleFields;
}

bool IsOfSchedule(const NotifyField& field) {
  return std::find(std::begin(kNotOfSchedule), std::end(kNotOfSchedule), field.name()) == std::end(kNotOfSchedule);
}

bool IsOfPublish(const NotifyField& field) {
  return std::find(std::begin(kOfPublish), std::end(kOfPublish), field.name()) != std::end(kOfPublish);
}

Status CheckScheduleName(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= kMaxScheduleBytes && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
  return fits ? Status::Ok() : Bad("/name", "a schedule's name has 1 to 100 of A-Z, a-z, 0-9, _, - and dots");
}

Result<std::shared_ptr<const Schedule>> ReadSchedule(const std::string& body, const Asker& asker, SubmitParser* submit, JsonReader* json) {
  Schedule said;
  bool is_array = false;
  Status status = json->Read(body, 0, &is_array, [&](const JsonValue& root) { return ReadRoot(root, asker, submit, &said); });
  if (!status.ok()) return status;
  return std::make_shared<const Schedule>(std::move(said));
}

}  // namespace notifyd
