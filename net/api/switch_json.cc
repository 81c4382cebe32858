#include "net/api/switch_json.h"

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

}  // namespace

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
  json->EndObject();
}

}  // namespace notifyd
