#include "net/api/lane_json.h"

#include "base/json_or_null.h"
#include "broker/lane_limits.h"
#include "net/api/fields.h"

namespace notifyd {
namespace {

using Kind = JsonValue::Kind;

Status ReadCount(const JsonValue& value, const char* pointer, int64_t most, std::optional<std::optional<uint32_t>>* out) {
  if (!IsGiven(&value)) {
    out->emplace();
    return Status::Ok();
  }
  int64_t number = 0;
  NOTIFYD_TRY(ReadInt(value, pointer, 1, most, &number));
  out->emplace(static_cast<uint32_t>(number));
  return Status::Ok();
}

Status ReadRate(const JsonValue& value, std::optional<std::optional<double>>* out) {
  out->emplace();
  if (!IsGiven(&value)) return Status::Ok();
  if (!ReadDouble(value, "/rate_per_s", kMinLaneRate, kMaxLaneRate, &(*out)->emplace()).ok())
    return Bad("/rate_per_s", "rate_per_s must be a number from 0.001 to 1000000");
  return Status::Ok();
}

template <class E, class Parse>
Status ReadWord(const JsonValue& value, const char* pointer, const char* words, Parse parse, std::optional<std::optional<E>>* out) {
  out->emplace();
  if (!IsGiven(&value)) return Status::Ok();
  if (value.kind == Kind::kString) **out = parse(value.text);
  return (*out)->has_value() ? Status::Ok() : Bad(pointer, std::string(pointer + 1) + " must be one of " + words);
}

Status ReadMember(const JsonValue& value, Mode mode, LanePatch* out) {
  bool fifo = mode == Mode::kFifo;
  if (value.key == "paused") {
    if (IsGiven(&value) && value.kind != Kind::kBool) return Bad("/paused", "paused must be true, false or null");
    out->paused = value.kind == Kind::kBool && value.raw == "true";
    return Status::Ok();
  }
  if (value.key == "paused_until") {
    out->paused_until.emplace();
    if (!IsGiven(&value)) return Status::Ok();
    return ReadTime(value, "/paused_until", "lies beyond the year 9999", &out->paused_until->emplace());
  }
  if (value.key == "reason") {
    out->reason.emplace();
    return IsGiven(&value) ? ReadText(value, "/reason", 1, kMaxPauseReasonBytes, &*out->reason) : Status::Ok();
  }
  if (value.key == "concurrency") {
    if (fifo && IsGiven(&value)) return Bad("/concurrency", "a fifo lane sends one at a time");
    return ReadCount(value, "/concurrency", kMaxLaneConcurrency, &out->concurrency);
  }
  if (value.key == "rate_per_s") return ReadRate(value, &out->rate_per_s);
  if (value.key == "burst") return ReadCount(value, "/burst", kMaxLaneBurst, &out->burst);
  if (value.key == "on_retry") {
    if (!fifo && IsGiven(&value)) return Bad("/on_retry", "on_retry goes with a fifo lane only");
    return ReadWord(value, "/on_retry", "block, skip", ParseOnRetry, &out->on_retry);
  }
  if (value.key != "on_failure") return UnknownField({}, value.key);
  if (!fifo && IsGiven(&value)) return Bad("/on_failure", "on_failure goes with a fifo lane only");
  return ReadWord(value, "/on_failure", "continue, pause", ParseOnFailure, &out->on_failure);
}

void WriteSettings(const LaneKey& lane, const LaneLimits& limits, JsonWriter* json) {
  bool fifo = lane.mode == Mode::kFifo;
  json->Key("settings");
  json->BeginObject();
  json->Key("paused");
  json->Bool(limits.paused != Paused::kNo);
  json->Key("concurrency");
  json->Uint(limits.concurrency);
  bool rated = limits.rate_per_s > 0;
  json->Key("rate_per_s");
  rated ? json->Double(limits.rate_per_s) : json->Null();
  json->Key("burst");
  rated ? json->Uint(limits.burst) : json->Null();
  json->Key("on_retry");
  fifo ? json->String(ToString(limits.on_retry)) : json->Null();
  json->Key("on_failure");
  fifo ? json->String(ToString(limits.on_failure)) : json->Null();
  json->EndObject();
}

void WriteNote(const PauseNote& note, JsonWriter* json) {
  const auto text = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    json->Key(name);
    json->String(value);
  };
  text("paused_since", note.since.ms == 0 ? "" : FormatRfc3339(note.since));
  text("paused_who", note.by);
  text("paused_reason", note.reason);
  text("paused_notify", note.failed.value == 0 ? "" : note.failed.ToString());
}

/// Only what was said.
void WriteOwn(const LaneSettings& own, WallTime until, JsonWriter* json) {
  json->Key("own");
  json->BeginObject();
  if (own.paused != Paused::kNo) {
    json->Key("paused");
    json->Bool(true);
    json->Key("paused_by");
    json->String(own.paused == Paused::kByFailure ? "failure" : "request");
  }
  if (own.pause.note) WriteNote(*own.pause.note, json);
  if (until != kWallNever) {
    json->Key("paused_until");
    json->String(FormatRfc3339(until));
  }
  if (own.concurrency) {
    json->Key("concurrency");
    json->Uint(*own.concurrency);
  }
  if (own.rate_per_s) {
    json->Key("rate_per_s");
    json->Double(*own.rate_per_s);
  }
  if (own.burst) {
    json->Key("burst");
    json->Uint(*own.burst);
  }
  if (own.on_retry) {
    json->Key("on_retry");
    json->String(ToString(*own.on_retry));
  }
  if (own.on_failure) {
    json->Key("on_failure");
    json->String(ToString(*own.on_failure));
  }
  json->EndObject();
}

}  // namespace

void WriteLane(const LaneView& lane, JsonWriter* json) {
  json->BeginObject();
  json->Key("name");
  json->String(lane.lane.name);
  json->Key("mode");
  json->String(ToString(lane.lane.mode));
  json->Key("paused");
  json->Bool(lane.limits.paused != Paused::kNo);
  json->Key("states");
  json->BeginObject();
  struct {
    const char* name;
    uint64_t count;
  } states[] = {{"held", lane.held}, {"scheduled", lane.scheduled}, {"ready", lane.ready}, {"sending", lane.sending}, {"retrying", lane.retrying}};
  for (const auto& [name, count] : states) {
    json->Key(name);
    json->Uint(count);
  }
  json->EndObject();
  json->Key("in_flight");
  json->Uint(lane.in_flight);
  TimeOrNull("oldest_due_at", lane.oldest_due, json);
  json->Key("head_age_ms");
  lane.head_age_ms ? json->Int(*lane.head_age_ms) : json->Null();
  WriteSettings(lane.lane, lane.limits, json);
  WriteOwn(lane.own, lane.paused_until, json);
  json->EndObject();
}

Result<LanePatch> ParseLanePatch(JsonReader* reader, const std::string& body, Mode mode) {
  LanePatch patch;
  bool is_array = false;
  Status status = reader->Read(body, 0, &is_array, [&](const JsonValue& root) -> Status {
    for (const JsonValue& value : root) NOTIFYD_TRY(ReadMember(value, mode, &patch));
    return Status::Ok();
  });
  if (!status.ok()) return status;
  if (patch.paused == false && patch.paused_until && *patch.paused_until)
    return Bad("/paused_until", "paused_until pauses the lane: it says nothing beside paused false");
  if (patch.reason && !patch.reason->empty() && patch.paused != true && !(patch.paused_until && *patch.paused_until))
    return Bad("/reason", "a reason says why the lane is paused: it goes with paused true or paused_until");
  return patch;
}

}  // namespace notifyd
