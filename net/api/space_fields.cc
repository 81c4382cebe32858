#include "net/api/space_fields.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/json_or_null.h"
#include "base/json_tree.h"
#include "broker/lane_limits.h"
#include "broker/namespace_settings.h"
#include "broker/spec.h"
#include "net/api/fields.h"
#include "net/api/notify_fields.h"
#include "net/api/retry_json.h"
#include "net/signing/webhook.h"

namespace notifyd {
namespace {

using Kind = JsonValue::Kind;
using Settings = NamespaceSettings;
using Destinations = NamespaceDestinations;

constexpr size_t kMostRangeBytes = 64, kMostMatchBytes = 1024, kMostCellBytes = 63;

/// The member of an optional.
template <class Class, class Value>
Value InnerOf(std::optional<Value> Class::*);

// A whole number whose range CheckSettings knows.
template <auto member>
Status ReadNumber(std::string_view pointer, const JsonValue& value, Settings* out) {
  using Number = decltype(InnerOf(member));
  constexpr int64_t kMost = std::is_same_v<Number, uint32_t> ? std::numeric_limits<uint32_t>::max() : std::numeric_limits<int64_t>::max();
  int64_t number = 0;
  NOTIFYD_TRY(ReadInt(value, pointer, 0, kMost, &number));
  out->*member = static_cast<Number>(number);
  return Status::Ok();
}

template <auto member>
void ShowNumber(const Settings& from, JsonWriter* json) {
  from.*member ? json->Int(static_cast<int64_t>(*(from.*member))) : json->Null();
}

template <auto member>
Status ReadRanges(std::string_view pointer, const JsonValue& value, Destinations* out) {
  return ReadTexts(value, pointer, kMostRangeBytes, &(out->*member).emplace());
}

template <auto member>
void ShowRanges(const Destinations& from, JsonWriter* json) {
  from.*member ? ShowTexts(*(from.*member), json) : json->Null();
}

Status ReadPorts(std::string_view pointer, const JsonValue& value, Destinations* out) {
  if (value.kind != Kind::kArray) return Bad(pointer, "ports must be a list of numbers");
  std::vector<uint16_t>& ports = out->ports.emplace();
  for (const JsonValue& entry : value) {
    int64_t port = 0;
    NOTIFYD_TRY(ReadInt(entry, std::string(pointer) + "/" + std::to_string(ports.size()), 1, 65'535, &port));
    ports.push_back(static_cast<uint16_t>(port));
  }
  return Status::Ok();
}

void ShowPorts(const Destinations& from, JsonWriter* json) {
  if (!from.ports) return json->Null();
  json->BeginArray();
  for (uint16_t port : *from.ports) json->Uint(port);
  json->EndArray();
}

constexpr JsonField<Destinations> kDestinations[] = {
    {"/destinations/allow", ReadRanges<&Destinations::allow>, ShowRanges<&Destinations::allow>},
    {"/destinations/deny", ReadRanges<&Destinations::deny>, ShowRanges<&Destinations::deny>},
    {"/destinations/https_only",
     [](std::string_view pointer, const JsonValue& value, Destinations* out) { return ReadBool(value, pointer, &out->https_only.emplace()); },
     [](const Destinations& from, JsonWriter* json) { from.https_only ? json->Bool(*from.https_only) : json->Null(); }},
    {"/destinations/ports", ReadPorts, ShowPorts},
};

// ---- rules for lanes

template <class E, class Parse>
Status ReadWord(std::string_view pointer, const JsonValue& value, const char* words, Parse parse, std::optional<E>* out) {
  if (value.kind == Kind::kString) *out = parse(value.text);
  return *out ? Status::Ok() : Bad(pointer, "it must be one of " + std::string(words));
}

Status ReadCount(std::string_view pointer, const JsonValue& value, int64_t most, std::optional<uint32_t>* out) {
  int64_t number = 0;
  NOTIFYD_TRY(ReadInt(value, pointer, 1, most, &number));
  *out = static_cast<uint32_t>(number);
  return Status::Ok();
}

constexpr std::string_view kRuleFields[] = {"match",    "mode",       "concurrency", "burst",      "rate_per_s",
                                            "on_retry", "on_failure", "order_by",    "partitions", "order_by_missing"};

Status ReadRuleMember(const std::string& pointer, const JsonValue& value, LaneRule* rule) {
  LaneSettings& settings = rule->settings;
  if (value.key == "match") return ReadText(value, pointer, 1, kMostMatchBytes, &rule->match);
  if (value.key == "mode") return ReadWord(pointer, value, "concurrent, fifo", ParseMode, &rule->mode);
  if (value.key == "concurrency") return ReadCount(pointer, value, kMaxLaneConcurrency, &settings.concurrency);
  if (value.key == "burst") return ReadCount(pointer, value, kMaxLaneBurst, &settings.burst);
  if (value.key == "on_retry") return ReadWord(pointer, value, "block, skip", ParseOnRetry, &settings.on_retry);
  if (value.key == "on_failure") return ReadWord(pointer, value, "continue, pause", ParseOnFailure, &settings.on_failure);
  if (value.key == "order_by") {
    NOTIFYD_TRY(ReadText(value, pointer, 0, kMaxNameBytes, &rule->order_by.emplace()));
    return IsJsonPointer(*rule->order_by) ? Status::Ok() : Bad(pointer, "it must be a JSON Pointer (RFC 6901) into data");
  }
  if (value.key == "partitions") return ReadCount(pointer, value, kMostPartitions, &rule->partitions);
  if (value.key == "order_by_missing") return ReadWord(pointer, value, "refuse, spread", ParseOrderByMissing, &rule->order_by_spread);
  if (!ReadDouble(value, pointer, kMinLaneRate, kMaxLaneRate, &settings.rate_per_s.emplace()).ok())
    return Bad(pointer, "rate_per_s must be a number from 0.001 to 1000000");
  return Status::Ok();
}

Status ReadRule(const std::string& at, const JsonValue& object, LaneRule* rule) {
  if (object.kind != Kind::kObject) return Bad(at, "a rule must be an object");
  for (const JsonValue& value : object) {
    if (std::find(std::begin(kRuleFields), std::end(kRuleFields), value.key) == std::end(kRuleFields)) return UnknownField(at, value.key);
    if (IsGiven(&value)) NOTIFYD_TRY(ReadRuleMember(at + "/" + std::string(value.key), value, rule));
  }
  if (rule->match.empty()) return Bad(at + "/match", "match is missing");
  const bool fifo = rule->mode == Mode::kFifo, concurrent = rule->mode == Mode::kConcurrent;
  if (fifo && rule->settings.concurrency) return Bad(at + "/concurrency", "it says nothing in fifo lanes");
  if (concurrent && rule->settings.on_retry) return Bad(at + "/on_retry", "it says nothing in concurrent lanes");
  if (concurrent && rule->settings.on_failure) return Bad(at + "/on_failure", "it says nothing in concurrent lanes");
  if (rule->partitions && !rule->order_by) return Bad(at + "/partitions", "it says nothing without order_by");
  if (rule->order_by_spread && !rule->order_by) return Bad(at + "/order_by_missing", "it says nothing without order_by");
  if (rule->settings.burst && !rule->settings.rate_per_s) return Bad(at + "/burst", "it says nothing without rate_per_s");
  return Status::Ok();
}

Status ReadRules(std::string_view pointer, const JsonValue& value, Settings* out) {
  if (value.kind != Kind::kArray) return Bad(pointer, "lane_rules must be a list of rules");
  for (const JsonValue& rule : value) {
    const std::string at = std::string(pointer) + "/" + std::to_string(out->lane_rules.size());
    NOTIFYD_TRY(ReadRule(at, rule, &out->lane_rules.emplace_back()));
  }
  return Status::Ok();
}

void ShowRule(const LaneRule& rule, JsonWriter* json) {
  const LaneSettings& settings = rule.settings;
  json->BeginObject();
  json->Key("match");
  json->String(rule.match);
  if (rule.mode) {
    json->Key("mode");
    json->String(ToString(*rule.mode));
  }
  for (const auto& [name, count] : {std::pair("concurrency", settings.concurrency), {"burst", settings.burst}}) {
    if (!count) continue;
    json->Key(name);
    json->Uint(*count);
  }
  if (settings.rate_per_s) {
    json->Key("rate_per_s");
    json->Double(*settings.rate_per_s);
  }
  if (settings.on_retry) {
    json->Key("on_retry");
    json->String(ToString(*settings.on_retry));
  }
  if (settings.on_failure) {
    json->Key("on_failure");
    json->String(ToString(*settings.on_failure));
  }
  if (rule.order_by) {
    json->Key("order_by");
    json->String(*rule.order_by);
  }
  if (rule.partitions) {
    json->Key("partitions");
    json->Uint(*rule.partitions);
  }
  if (rule.order_by_spread) {
    json->Key("order_by_missing");
    json->String(*rule.order_by_spread ? "spread" : "refuse");
  }
  json->EndObject();
}

void ShowRules(const Settings& from, JsonWriter* json) {
  if (from.lane_rules.empty()) return json->Null();
  json->BeginArray();
  for (const LaneRule& rule : from.lane_rules) ShowRule(rule, json);
  json->EndArray();
}

Status ReadDefaultRetry(std::string_view, const JsonValue& value, Settings* out) {
  NOTIFYD_TRY(ReadRetry(value, &out->retry.emplace()));
  // It needs a ttl, which a notify that says nothing does not have.
  if (out->retry->later_on) return Bad("/retry/later_on", "later_on asks again without end: only a notify with a ttl can have it");
  return Status::Ok();
}

struct SpaceFigure {
  const char* name;
  uint64_t (*value)(const NamespaceFigures& figures);
};
constexpr SpaceFigure kFigures[] = {
    {"pending", [](const NamespaceFigures& of) { return of.totals.pending(); }},
    {"in_flight", [](const NamespaceFigures& of) { return of.in_flight; }},
    {"may_be_in_flight", [](const NamespaceFigures& of) { return of.may_be_in_flight; }},
    {"stored_bytes", [](const NamespaceFigures& of) { return of.stored_bytes; }},
    {"submits_last_minute", [](const NamespaceFigures& of) { return of.submits; }},
    {"attempts_last_minute", [](const NamespaceFigures& of) { return of.deliveries; }},
};

constexpr SpaceField kFields[] = {
    {"/max_pending", ReadNumber<&Settings::max_pending>, ShowNumber<&Settings::max_pending>},
    {"/max_stored_bytes", ReadNumber<&Settings::max_stored_bytes>, ShowNumber<&Settings::max_stored_bytes>},
    {"/submits_per_s",
     [](std::string_view pointer, const JsonValue& value, Settings* out) {
       return ReadDouble(value, pointer, 0, 1'000'000, &out->submits_per_s.emplace());
     },
     [](const Settings& from, JsonWriter* json) { from.submits_per_s ? json->Double(*from.submits_per_s) : json->Null(); }},
    {"/burst", ReadNumber<&Settings::burst>, ShowNumber<&Settings::burst>},
    {"/max_in_flight", ReadNumber<&Settings::max_in_flight>, ShowNumber<&Settings::max_in_flight>},
    {"/retention_succeeded_ms", ReadNumber<&Settings::retention_succeeded_ms>, ShowNumber<&Settings::retention_succeeded_ms>},
    {"/retention_settled_ms", ReadNumber<&Settings::retention_settled_ms>, ShowNumber<&Settings::retention_settled_ms>},
    {"/destinations",
     [](std::string_view pointer, const JsonValue& value, Settings* out) {
       return ReadFields<Destinations>(kDestinations, pointer, value, &out->destinations);
     },
     [](const Settings& from, JsonWriter* json) {
       json->BeginObject();
       ShowFields<Destinations>(kDestinations, from.destinations, json);
       json->EndObject();
     }},
    {"/retry", ReadDefaultRetry, [](const Settings& from, JsonWriter* json) { from.retry ? WriteRetry(*from.retry, json) : json->Null(); }},
    {"/timeout_ms", ReadNumber<&Settings::timeout_ms>, ShowNumber<&Settings::timeout_ms>},
    {"/lane_rules", ReadRules, ShowRules},
    {"/cell",
     [](std::string_view pointer, const JsonValue& value, Settings* out) {
       return ReadText(value, pointer, 1, kMostCellBytes, &out->cell.emplace());
     },
     [](const Settings& from, JsonWriter* json) { from.cell ? json->String(*from.cell) : json->Null(); }},
};

void WriteKeys(const NamespaceRow& row, JsonWriter* json) {
  json->Key("signing");
  json->BeginObject();
  json->Key("keys");
  json->BeginArray();
  for (const SigningKey& key : row.keys) {
    json->BeginObject();
    json->Key("name");
    json->String(key.name);
    json->Key("kind");
    json->String(ToString(key.kind));
    json->Key("created_at");
    json->String(FormatRfc3339(key.created_at));
    TimeOrNull("valid_until", key.valid_until, json);
    json->Key("public_key");
    key.kind == SigningKind::kEd25519 ? json->String(FormatPublicKey(key.secret)) : json->Null();
    json->EndObject();
  }
  json->EndArray();
  json->EndObject();
}

}  // namespace

std::span<const SpaceField> SpaceFields() {
  return kFields;
}
std::span<const JsonField<NamespaceDestinations>> DestinationFields() {
  return kDestinations;
}

Result<NamespaceSettings> ReadSpaceSettings(JsonReader* reader, const std::string& body) {
  NamespaceSettings settings;
  bool is_array = false;
  NOTIFYD_TRY(reader->Read(body, 0, &is_array, [&](const JsonValue& root) { return ReadFields<Settings>(kFields, "", root, &settings); }));
  NOTIFYD_TRY(CheckSettings(settings));
  return settings;
}

std::string SpaceSettingsDocument(const NamespaceSettings& settings) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  ShowFields<Settings>(kFields, settings, &json);
  json.EndObject();
  return text;
}

bool IsSpaceFigure(std::string_view name) {
  return name == "awake" || std::any_of(std::begin(kFigures), std::end(kFigures), [&](const SpaceFigure& figure) { return name == figure.name; });
}

void WriteSpace(const NamespaceRow& row, const SpaceSight& sight, JsonWriter* json) {
  json->BeginObject();
  json->Key("name");
  json->String(row.name);
  json->Key("state");
  json->String(row.deleting ? "deleting" : "active");
  json->Key("created_at");
  json->String(FormatRfc3339(row.created_at));
  if (sight.of_cluster) {
    TextOrNull("member", sight.member, json);
  }
  json->Key("awake");
  sight.figures ? json->Bool(sight.figures->awake) : json->Null();
  for (const SpaceFigure& figure : kFigures) {
    json->Key(figure.name);
    sight.figures ? json->Uint(figure.value(*sight.figures)) : json->Null();
  }
  if (row.moving_to) {
    json->Key("moving");
    json->BeginObject();
    json->Key("to");
    json->String(*row.moving_to);
    json->Key("state");
    sight.move ? json->String(sight.move->state) : json->Null();
    json->Key("copied_keys");
    sight.move ? json->Uint(sight.move->keys) : json->Null();
    json->Key("waits_for");
    sight.move && !sight.move->detail.empty() ? json->String(sight.move->detail) : json->Null();
    json->EndObject();
  }
  json->Key("settings");
  json->BeginObject();
  ShowFields<Settings>(kFields, row.settings, json);
  json->EndObject();
  WriteKeys(row, json);
  json->EndObject();
}

const char* ToString(SigningKind kind) {
  return kind == SigningKind::kHmac ? "hmac" : "ed25519";
}
std::optional<SigningKind> ParseSigningKind(std::string_view text) {
  for (SigningKind kind : {SigningKind::kHmac, SigningKind::kEd25519})
    if (text == ToString(kind)) return kind;
  return std::nullopt;
}

}  // namespace notifyd
