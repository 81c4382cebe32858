#include "net/api/retry_json.h"

#include <string>

namespace notifyd {

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

void WriteRetryParts(const RetryPolicy& retry, bool with_schedule, bool with_steps, JsonWriter* json) {
  bool scheduled = !retry.schedule_ms.empty();
  bool steps = !scheduled && with_steps;
  json->BeginObject();
  json->Key("max_attempts");
  json->Int(retry.max_attempts);
  json->Key("initial_ms");
  steps ? json->Int(retry.initial_ms) : json->Null();
  json->Key("factor");
  steps ? json->Double(retry.factor) : json->Null();
  json->Key("max_ms");
  json->Int(retry.max_ms);
  json->Key("jitter");
  json->Double(retry.jitter);
  json->Key("schedule_ms");
  if (scheduled && with_schedule) {
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

void WriteRetry(const RetryPolicy& retry, JsonWriter* json) {
  WriteRetryParts(retry, /*with_schedule=*/true, /*with_steps=*/true, json);
}

}  // namespace notifyd
