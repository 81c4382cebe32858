// Any bytes are refused as corrupt, or decode to a value that, encoded again, decodes to the same bytes: records of groups, topics, services,
// schedules, answers, alerts and the history, and their keys. Input: which kind of value (1 byte), then the value.
#include <string>

#include "base/check.h"
#include "broker/alert_records.h"
#include "broker/group_records.h"
#include "broker/history_records.h"
#include "broker/response_records.h"
#include "broker/schedule_records.h"
#include "broker/service_records.h"
#include "broker/stored_record.h"
#include "broker/topic_records.h"

using namespace notifyd;

namespace {

template <class T>
void CheckValue(std::string_view value, Result<T> (*decode)(std::string_view), std::string (*encode)(const T&)) {
  Result<T> decoded = decode(value);
  if (!decoded.ok()) {
    CHECK(decoded.status().code() == Code::kCorrupt);
    return;
  }
  const std::string once = encode(*decoded);
  Result<T> again = decode(once);
  CHECK(again.ok());
  CHECK(encode(*again) == once);
}
template <class T>
void CheckText(std::string_view value, std::optional<T> (*decode)(std::string_view), std::string (*encode)(const T&)) {
  std::optional<T> decoded = decode(value);
  if (!decoded) return;
  const std::string once = encode(*decoded);
  std::optional<T> again = decode(once);
  CHECK(again);
  CHECK(encode(*again) == once);
}

std::string EncodeCountOf(const int64_t& count) {
  return EncodeCount(count);
}
std::string EncodeDueMinute(const int64_t& begin_ms) {
  return DueMinuteKey(begin_ms);
}

void CheckFlow(uint8_t kind, std::string_view value) {
  switch (kind) {
    case 0:
      return CheckValue(value, &DecodeGroup, &EncodeGroup);
    case 1:
      return CheckText(value, &DecodeOutcome, &EncodeOutcome);
    case 2:
      return CheckValue(value, &DecodeResponse, &EncodeResponse);
    case 3:
      return CheckValue(value, &DecodeSchedule, &EncodeSchedule);
    case 4:
      return CheckValue(value, &DecodeScheduleRecord, &EncodeScheduleRecord);
    case 5:
      return CheckValue(value, &DecodeScheduleState, &EncodeScheduleState);
    case 6:
      return CheckValue(value, &DecodeNextRun, &EncodeNextRun);
    case 7:
      return CheckText(value, &DecodeRunKey, &EncodeRunKey);
    case 8:
      return CheckValue(value, &DecodeService, &EncodeService);
    case 9:
      return CheckValue(value, &DecodeInstance, &EncodeInstance);
    case 10:
      return CheckValue(value, &DecodeTopic, &EncodeTopic);
    case 11:
      return CheckValue(value, &DecodeSubscription, &EncodeSubscription);
    default:
      return CheckValue(value, &DecodeSubscriptionRecord, &EncodeSubscriptionRecord);
  }
}

void CheckOther(uint8_t kind, std::string_view value) {
  switch (kind) {
    case 13:
      return CheckValue(value, &DecodeBacklog, &EncodeBacklog);
    case 14:
      return CheckValue(value, &DecodeEvent, &EncodeEvent);
    case 15:
      return CheckValue(value, &DecodeEventPlace, &EncodeEventPlace);
    case 16:
      return CheckValue(value, &DecodeAlertState, &EncodeAlertState);
    case 17:
      return CheckText(value, &DecodeSpan, &EncodeSpan);
    case 18:
      return CheckText(value, &DecodeProcess, &EncodeProcess);
    case 19:
      (void)DecodeHost(value, "h:80");
      return;
    case 20:
      return CheckText(value, &DecodeCount, &EncodeCountOf);
    case 21:
      return CheckText(value, &ParseDueMinuteKey, &EncodeDueMinute);
    case 22:
      (void)EventOfKey(value);
      return;
    default:
      (void)ParseHistoryKey(value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view value(reinterpret_cast<const char*>(data) + 1, size - 1);
  const uint8_t kind = data[0] % 24;
  kind < 13 ? CheckFlow(kind, value) : CheckOther(kind, value);
  return 0;
}
