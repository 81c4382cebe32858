#include "net/api/service_json.h"

#include <algorithm>
#include <utility>

#include "base/authority.h"
#include "base/json_or_null.h"
#include "base/json_tree.h"
#include "net/api/fields.h"
#include "net/api/figures_json.h"
#include "net/api/json_fields.h"
#include "net/api/render.h"
#include "net/api/resource.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

using Kind = JsonValue::Kind;

constexpr size_t kMaxPointerBytes = 255, kMaxHostHeaderBytes = 260;
constexpr int64_t kLeastTtlMs = 1'000, kMostTtlMs = 3'600'000;
constexpr int64_t kHourMs = 3'600'000, kYearMs = 366LL * 24 * kHourMs;

template <class T>
Status ReadNumber(const JsonValue& value, std::string_view pointer, int64_t least, int64_t most, T* out) {
  int64_t number = 0;
  NOTIFYD_TRY(ReadInt(value, pointer, least, most, &number));
  *out = static_cast<T>(number);
  return Status::Ok();
}

Status ReadPool(std::string_view pointer, const JsonValue& value, std::string* out) {
  if (value.kind == Kind::kString && IsInstanceId(value.text)) {
    *out = value.text;
    return Status::Ok();
  }
  return Bad(pointer, "a pool's name has 1 to 100 of the characters A-Z, a-z, 0-9, '.', '_', ':' and '-'");
}

// ---- breakers

constexpr JsonField<BreakerSettings> kBreaker[] = {
    {"/breaker/enabled",
     [](std::string_view pointer, const JsonValue& value, BreakerSettings* out) { return ReadBool(value, pointer, &out->enabled); },
     [](const BreakerSettings& from, JsonWriter* json) { json->Bool(from.enabled); }},
    {"/breaker/failures",
     [](std::string_view pointer, const JsonValue& value, BreakerSettings* out) { return ReadNumber(value, pointer, 1, 10'000, &out->failures); },
     [](const BreakerSettings& from, JsonWriter* json) { json->Uint(from.failures); }},
    {"/breaker/ratio",
     [](std::string_view pointer, const JsonValue& value, BreakerSettings* out) -> Status {
       double ratio = 0;
       NOTIFYD_TRY(ReadDouble(value, pointer, 0.01, 1, &ratio));
       out->ratio_percent = ratio * 100;
       return Status::Ok();
     },
     [](const BreakerSettings& from, JsonWriter* json) { json->Double(from.ratio_percent / 100); }},
    {"/breaker/window",
     [](std::string_view pointer, const JsonValue& value, BreakerSettings* out) { return ReadNumber(value, pointer, 1, 1'000, &out->window); },
     [](const BreakerSettings& from, JsonWriter* json) { json->Uint(from.window); }},
    {"/breaker/open_ms",
     [](std::string_view pointer, const JsonValue& value, BreakerSettings* out) { return ReadInt(value, pointer, 10, kHourMs, &out->open_ms); },
     [](const BreakerSettings& from, JsonWriter* json) { json->Int(from.open_ms); }},
    {"/breaker/max_wait_ms",
     [](std::string_view pointer, const JsonValue& value, BreakerSettings* out) {
       return ReadInt(value, pointer, 1'000, kYearMs, &out->max_wait_ms);
     },
     [](const BreakerSettings& from, JsonWriter* json) { json->Int(from.max_wait_ms); }},
    {"/breaker/disable_after_ms",
     [](std::string_view pointer, const JsonValue& value, BreakerSettings* out) {
       return ReadInt(value, pointer, 0, kYearMs, &out->disable_after_ms);
     },
     [](const BreakerSettings& from, JsonWriter* json) { json->Int(from.disable_after_ms); }},
    {"/breaker/on_open",
     [](std::string_view pointer, const JsonValue& value, BreakerSettings* out) -> Status {
       if (value.kind != Kind::kString || (value.text != "wait" && value.text != "fail")) return Bad(pointer, "on_open must be one of wait, fail");
       out->fail_on_open = value.text == "fail";
       return Status::Ok();
     },
     [](const BreakerSettings& from, JsonWriter* json) { json->String(from.fail_on_open ? "fail" : "wait"); }},
};

Status ReadBreaker(std::string_view pointer, const JsonValue& value, ServiceSettings* out) {
  return ReadFields<BreakerSettings>(kBreaker, pointer, value, &out->breaker.emplace());
}

void ShowBreaker(const ServiceSettings& from, JsonWriter* json) {
  if (!from.breaker) return json->Null();
  json->BeginObject();
  ShowFields<BreakerSettings>(kBreaker, *from.breaker, json);
  json->EndObject();
}

// ---- probes

constexpr int64_t kMostProbeMs = 60'000;
constexpr size_t kMaxProbeBytes = 1'024;

Status ReadProbePath(std::string_view pointer, const JsonValue& value, ServiceProbe* out) {
  NOTIFYD_TRY(ReadText(value, pointer, 1, kMaxProbeBytes, &out->path));
  if (out->path[0] == '/' && out->path.find('#') == std::string::npos && CheckUrl("http://instance" + out->path).ok()) return Status::Ok();
  return Bad(pointer, "a probe's path begins with \"/\", as in \"/healthz\"");
}

constexpr JsonField<ServiceProbe> kProbe[] = {
    {"/probe/path", ReadProbePath, [](const ServiceProbe& from, JsonWriter* json) { json->String(from.path); }},
    {"/probe/timeout_ms",
     [](std::string_view pointer, const JsonValue& value, ServiceProbe* out) { return ReadInt(value, pointer, 1, kMostProbeMs, &out->timeout_ms); },
     [](const ServiceProbe& from, JsonWriter* json) { json->Int(from.timeout_ms); }},
};

/// A path, or an object.
Status ReadProbe(std::string_view pointer, const JsonValue& value, ServiceSettings* out) {
  ServiceProbe* probe = &out->probe.emplace();
  if (value.kind == Kind::kString) return ReadProbePath(pointer, value, probe);
  NOTIFYD_TRY(ReadFields<ServiceProbe>(kProbe, pointer, value, probe));
  return probe->path.empty() ? Bad("/probe/path", "a probe has a path") : Status::Ok();
}

void ShowProbe(const ServiceSettings& from, JsonWriter* json) {
  if (!from.probe) return json->Null();
  json->BeginObject();
  ShowFields<ServiceProbe>(kProbe, *from.probe, json);
  json->EndObject();
}

// ---- services

Status ReadBalance(std::string_view pointer, const JsonValue& value, ServiceSettings* out) {
  std::optional<Balance> balance;
  if (value.kind == Kind::kString) balance = ParseBalance(value.text);
  if (!balance) return Bad(pointer, "balance must be one of round_robin, random, hash, least_active");
  out->balance = *balance;
  return Status::Ok();
}

Status ReadHashBy(std::string_view pointer, const JsonValue& value, ServiceSettings* out) {
  std::string text;
  NOTIFYD_TRY(ReadText(value, pointer, 1, kMaxPointerBytes, &text));
  if (text == "lane") return Status::Ok();
  if (!IsJsonPointer(text)) return Bad(pointer, "hash_by must be \"lane\" or a JSON Pointer (RFC 6901) into data, such as \"/customer/id\"");
  out->hash_by = std::move(text);
  return Status::Ok();
}

Status ReadHostHeader(std::string_view pointer, const JsonValue& value, ServiceSettings* out) {
  std::string text;
  NOTIFYD_TRY(ReadText(value, pointer, 1, kMaxHostHeaderBytes, &text));
  Result<Authority> read = ParseAuthority(text, 1);
  if (!read.ok() || read->host.starts_with('[')) return Bad(pointer, "host_header must be a name, with a port where one is to be said");
  out->host_header = read->host + (read->port == 1 && !text.ends_with(":1") ? "" : ":" + std::to_string(read->port));
  return Status::Ok();
}

constexpr JsonField<ServiceSettings> kService[] = {
    {"/balance", ReadBalance, [](const ServiceSettings& from, JsonWriter* json) { json->String(ToString(from.balance)); }},
    {"/hash_by", ReadHashBy,
     [](const ServiceSettings& from, JsonWriter* json) {
       from.balance != Balance::kHash ? json->Null() : json->String(from.hash_by.empty() ? std::string_view("lane") : from.hash_by);
     }},
    {"/pool", [](std::string_view pointer, const JsonValue& value, ServiceSettings* out) { return ReadPool(pointer, value, &out->pool); },
     [](const ServiceSettings& from, JsonWriter* json) { TextOrNull(from.pool, json); }},
    {"/pool_fallback",
     [](std::string_view pointer, const JsonValue& value, ServiceSettings* out) { return ReadPool(pointer, value, &out->pool_fallback); },
     [](const ServiceSettings& from, JsonWriter* json) { TextOrNull(from.pool_fallback, json); }},
    {"/https", [](std::string_view pointer, const JsonValue& value, ServiceSettings* out) { return ReadBool(value, pointer, &out->https); },
     [](const ServiceSettings& from, JsonWriter* json) { json->Bool(from.https); }},
    {"/host_header", ReadHostHeader, [](const ServiceSettings& from, JsonWriter* json) { TextOrNull(from.host_header, json); }},
    {"/failover_max",
     [](std::string_view pointer, const JsonValue& value, ServiceSettings* out) {
       return ReadNumber(value, pointer, 0, kMostFailovers, &out->failover_max);
     },
     [](const ServiceSettings& from, JsonWriter* json) { json->Uint(from.failover_max); }},
    {"/breaker", ReadBreaker, ShowBreaker},
    {"/probe", ReadProbe, ShowProbe},
};

// ---- instances

Status ReadUrl(std::string_view pointer, const JsonValue& value, InstanceSettings* out) {
  if (value.kind != Kind::kString) return Bad(pointer, "url must be a string");
  Result<CheckedUrl> checked = CheckUrl(value.text);
  if (!checked.ok()) return Bad(pointer, checked.status().detail());
  if (value.text.find_first_of("?#") != std::string_view::npos) return Bad(pointer, "an instance's url has no query: that is the notify's");
  out->url = value.text;
  return Status::Ok();
}

Status ReadPools(std::string_view pointer, const JsonValue& value, InstanceSettings* out) {
  if (value.kind != Kind::kArray) return Bad(pointer, "pools must be a list of names");
  for (const JsonValue& pool : value) {
    const std::string at = std::string(pointer) + "/" + std::to_string(out->pools.size());
    if (out->pools.size() == kMostPools) return Bad(at, "an instance is in " + std::to_string(kMostPools) + " pools at most");
    NOTIFYD_TRY(ReadPool(at, pool, &out->pools.emplace_back()));
  }
  std::sort(out->pools.begin(), out->pools.end());
  out->pools.erase(std::unique(out->pools.begin(), out->pools.end()), out->pools.end());
  return Status::Ok();
}

constexpr JsonField<InstanceSettings> kInstance[] = {
    {"/url", ReadUrl, [](const InstanceSettings& from, JsonWriter* json) { json->String(from.url); }},
    {"/weight",
     [](std::string_view pointer, const JsonValue& value, InstanceSettings* out) { return ReadNumber(value, pointer, 0, kMostWeight, &out->weight); },
     [](const InstanceSettings& from, JsonWriter* json) { json->Uint(from.weight); }},
    {"/pools", ReadPools, [](const InstanceSettings& from, JsonWriter* json) { ShowTexts(from.pools, json); }},
    {"/ttl_ms",
     [](std::string_view pointer, const JsonValue& value, InstanceSettings* out) {
       return ReadInt(value, pointer, kLeastTtlMs, kMostTtlMs, &out->ttl_ms);
     },
     [](const InstanceSettings& from, JsonWriter* json) { from.ttl_ms == 0 ? json->Null() : json->Int(from.ttl_ms); }},
};

template <class T>
Result<T> Parse(std::span<const JsonField<T>> fields, JsonReader* reader, const std::string& body) {
  T out;
  bool is_array = false;
  Status status = reader->Read(body, 0, &is_array, [&](const JsonValue& root) { return ReadFields<T>(fields, "", root, &out); });
  if (!status.ok()) return status;
  return out;
}

constexpr const char* kStates[] = {"alive", "draining", "unreachable"};  // by InstanceState

void WriteInstance(const InstanceView& instance, JsonWriter* json) {
  json->BeginObject();
  json->Key("id");
  json->String(instance.id);
  ShowFields<InstanceSettings>(kInstance, instance.settings, json);
  json->Key("state");
  json->String(kStates[static_cast<size_t>(InstanceStateOf(instance.settings, instance.breaker))]);
  json->Key("in_flight");
  json->Uint(instance.in_flight);
  TimeOrNull("expires_at", instance.gone_at, json);
  json->Key("breaker");
  json->BeginObject();
  json->Key("state");
  json->String(ToString(instance.breaker));
  TimeOrNull("open_since", instance.open_since, json);
  TimeOrNull("next_probe", instance.next_probe, json);
  json->EndObject();
  json->Key("figures");
  WriteHostFigures(instance.figures.get(), json);
  json->Key("from_file");
  json->Bool(instance.from_file);
  json->EndObject();
}

/// How many there are in each state.
void WriteCounts(const std::array<size_t, 3>& counts, JsonWriter* json) {
  json->BeginObject();
  for (size_t state = 0; state < counts.size(); ++state) {
    json->Key(kStates[state]);
    json->Uint(counts[state]);
  }
  json->EndObject();
}

void WriteService(const ServiceView& service, JsonWriter* json) {
  json->BeginObject();
  json->Key("name");
  json->String(service.name);
  ShowFields<ServiceSettings>(kService, service.settings, json);
  json->Key("instances");
  WriteCounts(service.counts, json);
  json->Key("from_file");
  json->Bool(service.from_file);
  json->EndObject();
}

}  // namespace

Result<ServiceSettings> ParseService(JsonReader* reader, const std::string& body) {
  Result<ServiceSettings> settings = Parse<ServiceSettings>(kService, reader, body);
  if (!settings.ok()) return settings;
  if (!settings->hash_by.empty() && settings->balance != Balance::kHash) return Bad("/hash_by", "hash_by goes with the balance hash only");
  return settings;
}

Result<InstanceSettings> ParseInstance(JsonReader* reader, const std::string& body) {
  Result<InstanceSettings> settings = Parse<InstanceSettings>(kInstance, reader, body);
  if (settings.ok() && settings->url.empty()) return Bad("/url", "url is missing");
  return settings;
}

size_t BytesToShow(const ServiceAnswer& answer) {
  constexpr size_t kNamesAndDefaults = 512;
  size_t bytes = kNamesAndDefaults;
  for (const ServiceView& service : answer.services)
    for (const auto& instance : service.instances) bytes += kNamesAndDefaults + 2 * instance->bytes.size();
  return bytes;
}

HttpResponse RenderServices(const ServiceAnswer& answer) {
  using What = ServiceAnswer::Kind;
  const int status = answer.created ? 201 : 200;
  std::string body;
  JsonWriter json(&body);
  switch (answer.kind) {
    case What::kServices: {
      std::optional<std::string> next;
      if (answer.more) next = answer.services.back().name;
      return ResourcesResponse(answer.services, next, WriteService, [](const ServiceView& service) { return service.name; });
    }
    case What::kDeleted: {
      HttpResponse response;
      response.status = 204;
      return response;
    }
    case What::kUnchanged: {
      HttpResponse response;
      response.status = 304;
      response.headers.emplace_back("ETag", ETagOfBytes(answer.bytes));
      return response;
    }
    case What::kInstances: {
      using Shared = std::shared_ptr<const InstanceView>;
      const std::vector<Shared>& instances = answer.services[0].instances;
      HttpResponse page = ResourcesResponse(
          instances, answer.more ? std::optional(instances.back()->id) : std::nullopt,
          [](const Shared& instance, JsonWriter* each) { WriteInstance(*instance, each); }, [](const Shared& instance) { return instance->id; });
      return ResourceResponse(status, std::move(page.body), answer.bytes);
    }
    case What::kInstance: {
      const InstanceView& instance = *answer.services[0].instances[0];
      WriteInstance(instance, &json);
      const std::string at = answer.created ? LocationOf("/v1/services/" + answer.services[0].name + "/instances/", instance.id) : std::string();
      return ResourceResponse(status, std::move(body), answer.bytes, at);
    }
    case What::kService:
      break;
  }
  WriteService(answer.services[0], &json);
  const std::string at = answer.created ? LocationOf("/v1/services/", answer.services[0].name) : std::string();
  return ResourceResponse(status, std::move(body), answer.bytes, at);
}

}  // namespace notifyd
