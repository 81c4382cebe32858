#include "net/api/switch_json.h"

#include "base/json_or_null.h"
#include "broker/lane_limits.h"
#include "net/api/fields.h"
#include "net/api/figures_json.h"

namespace notifyd {
namespace {

void WriteCounts(const CallerCounts& counts, JsonWriter* json) {
  const struct {
    const char* name;
    uint64_t count;
  } all[] = {{"accepted", counts.accepted}, {"failed", counts.failed}, {"late", counts.late}, {"bytes", counts.bytes}};
  for (const auto& [name, count] : all) {
    json->Key(name);
    json->Uint(count);
  }
}

void WriteNumber(const char* name, const std::optional<double>& number, JsonWriter* json) {
  json->Key(name);
  number ? json->Double(*number) : json->Null();
}

Status ReadPaused(const JsonValue& value, std::optional<bool>* out) {
  if (IsGiven(&value) && value.kind != JsonValue::Kind::kBool)
    return Status(Code::kUnacceptable, "paused must be true, false or null", "/paused");
  *out = value.kind == JsonValue::Kind::kBool && value.raw == "true";
  return Status::Ok();
}

Status ReadRate(const JsonValue& value, const std::string& pointer, std::optional<std::optional<double>>* out) {
  out->emplace();
  if (!IsGiven(&value) || ReadDouble(value, pointer, kMinLaneRate, kMaxLaneRate, &(*out)->emplace()).ok()) return Status::Ok();
  return Status(Code::kUnacceptable, pointer.substr(1) + " must be a number from 0.001 to 1000000", pointer);
}

template <class Patch, class Read>
Result<Patch> ParsePatch(JsonReader* reader, const std::string& body, Read read) {
  Patch patch;
  bool is_array = false;
  Status status = reader->Read(body, 0, &is_array, [&](const JsonValue& root) -> Status {
    for (const JsonValue& value : root) NOTIFYD_TRY(read(value, &patch));
    return Status::Ok();
  });
  if (!status.ok()) return status;
  return patch;
}

}  // namespace

Result<CallerPatch> ParseCallerPatch(JsonReader* reader, const std::string& body) {
  return ParsePatch<CallerPatch>(reader, body, [](const JsonValue& value, CallerPatch* patch) {
    if (value.key == "paused") return ReadPaused(value, &patch->paused);
    if (value.key == "submits_per_s") return ReadRate(value, "/submits_per_s", &patch->submits_per_s);
    return UnknownField({}, value.key);
  });
}

Result<HostPatch> ParseHostPatch(JsonReader* reader, const std::string& body) {
  return ParsePatch<HostPatch>(reader, body, [](const JsonValue& value, HostPatch* patch) -> Status {
    if (value.key == "paused") return ReadPaused(value, &patch->paused);
    if (value.key == "rate_per_s") return ReadRate(value, "/rate_per_s", &patch->rate_per_s);
    if (value.key != "concurrency") return UnknownField({}, value.key);
    patch->concurrency.emplace();
    if (!IsGiven(&value)) return Status::Ok();
    int64_t concurrency = 0;
    NOTIFYD_TRY(ReadInt(value, "/concurrency", 1, kMaxLaneConcurrency, &concurrency));
    *patch->concurrency = static_cast<uint32_t>(concurrency);
    return Status::Ok();
  });
}

void WriteCaller(const CallerView& caller, JsonWriter* json) {
  const CallerRates& rates = caller.rates;
  json->BeginObject();
  json->Key("caller");
  json->String(rates.caller);
  if (rates.caller.empty()) {
    json->Key("others");  // those that made room for more active ones
    json->Bool(true);
  }
  json->Key("paused");
  json->Bool(caller.own.paused);
  WriteNumber("submits_per_s", caller.own.submits_per_s, json);
  json->Key("in_flight");
  json->Uint(caller.in_flight);
  WriteCounts(rates.since, json);
  const struct {
    const char* name;
    const CallerCounts* counts;
  } spans[] = {{"minute", &rates.minute}, {"hour", &rates.hour}, {"day", &rates.day}, {"day_before", &rates.day_before}};
  for (const auto& [name, counts] : spans) {
    json->Key(name);
    json->BeginObject();
    WriteCounts(*counts, json);
    json->EndObject();
  }
  json->EndObject();
}

void WriteHost(const HostView& host, JsonWriter* json) {
  json->BeginObject();
  json->Key("host");
  json->String(host.host);
  json->Key("paused");
  json->Bool(host.own.paused);
  json->Key("concurrency");
  host.own.concurrency ? json->Uint(*host.own.concurrency) : json->Null();
  WriteNumber("rate_per_s", host.own.rate_per_s, json);
  json->Key("effective");
  json->BeginObject();
  json->Key("concurrency");
  host.effective.concurrency ? json->Uint(*host.effective.concurrency) : json->Null();
  WriteNumber("rate_per_s", host.effective.rate_per_s, json);
  json->EndObject();
  json->Key("in_flight");
  json->Uint(host.in_flight);
  json->Key("waiting_lanes");
  json->Uint(host.waiting_lanes);
  json->Key("queued");
  json->Uint(host.queued);
  json->Key("sleeping_lanes");
  json->Bool(host.sleeping_lanes);
  json->Key("at_cap");
  json->Bool(host.at_cap);
  json->Key("breaker");
  json->BeginObject();
  json->Key("state");
  json->String(ToString(host.breaker));
  TimeOrNull("open_since", host.open_since, json);
  TimeOrNull("next_probe", host.next_probe, json);
  json->EndObject();
  json->Key("figures");
  WriteHostFigures(host.figures.get(), json);
  json->EndObject();
}

}  // namespace notifyd
