#include "net/api/retry_json.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "base/json_tree.h"
#include "net/api/merge_patch.h"

namespace notifyd {

namespace {

/// What the broker itself says of its own messages (broker/core_alerts.cc); requests are held to far less.
constexpr uint32_t kWithoutEnd = UINT32_MAX;

}  // namespace

void WritePattern(const AnswerPattern& pattern, JsonWriter* json) {
  json->BeginObject();
  json->Key("status");
  if (pattern.status.empty()) {
    json->Null();
  } else {
    json->BeginArray();
    for (uint16_t status : pattern.status) status < 10 ? json->String(std::to_string(status) + "xx") : json->Int(status);
    json->EndArray();
  }
  json->Key("contains");
  pattern.contains ? json->String(*pattern.contains) : json->Null();
  json->Key("json");
  if (pattern.json.empty()) {
    json->Null();
  } else {
    json->BeginObject();
    for (const auto& [pointer, value] : pattern.json) {
      json->Key(pointer);
      json->Raw(value);
    }
    json->EndObject();
  }
  json->EndObject();
}

void WriteRetry(const RetryPolicy& retry, JsonWriter* json) {
  const bool scheduled = !retry.schedule_ms.empty();
  json->BeginObject();
  json->Key("max_attempts");
  retry.max_attempts == kWithoutEnd ? json->Null() : json->Int(retry.max_attempts);
  json->Key("initial_ms");
  scheduled ? json->Null() : json->Int(retry.initial_ms);
  json->Key("factor");
  scheduled ? json->Null() : json->Double(retry.factor);
  json->Key("max_ms");
  json->Int(retry.max_ms);
  json->Key("jitter");
  json->Double(retry.jitter);
  json->Key("schedule_ms");
  if (scheduled) {
    json->BeginArray();
    for (int64_t wait : retry.schedule_ms) json->Int(wait);
    json->EndArray();
  } else {
    json->Null();
  }
  json->Key("fatal_on");
  retry.fatal_on ? WritePattern(*retry.fatal_on, json) : json->Null();
  json->Key("later_on");
  retry.later_on ? WritePattern(*retry.later_on, json) : json->Null();
  json->Key("only_on");
  retry.only_on ? WritePattern(*retry.only_on, json) : json->Null();
  json->EndObject();
}

Result<std::string> MergePatchOfRetry(std::string document, std::string_view patch) {
  Result<JsonTree> tree = JsonTree::Parse(patch);
  if (!tree.ok()) return MergePatch(document, patch);
  auto names = [&](std::string_view pointer) {
    const std::optional<JsonTree::Value> value = tree->root().At(pointer);
    return value && value->kind() != JsonTree::Kind::kNull;
  };
  std::string_view others;
  if (names("/retry/schedule_ms")) others = R"({"retry":{"initial_ms":null,"factor":null}})";
  else if (names("/retry/initial_ms") || names("/retry/factor")) others = R"({"retry":{"schedule_ms":null}})";
  if (!others.empty()) {
    Result<std::string> without = MergePatch(document, others);
    if (!without.ok()) return without;
    document = *std::move(without);
  }
  return MergePatch(document, patch);
}

}  // namespace notifyd
