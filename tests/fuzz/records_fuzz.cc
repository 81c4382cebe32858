// Any bytes under a right checksum are refused as corrupt, or decode to a value that, encoded again, decodes to the same bytes.
// Input: which kind of value (1 byte), then the value without its checksum.
#include "base/bytes.h"
#include "base/check.h"
#include "storage/records.h"

using namespace notifyd;

namespace {

template <class T>
void CheckValue(std::string_view value, Result<T> (*decode)(std::string_view), void (*encode)(const T&, std::string*)) {
  Result<T> decoded = decode(value);
  if (!decoded.ok()) {
    CHECK(decoded.status().code() == Code::kCorrupt);
    return;
  }
  std::string once, twice;
  encode(*decoded, &once);
  Result<T> again = decode(once);
  CHECK(again.ok());
  encode(*again, &twice);
  CHECK(once == twice);
}

Result<std::shared_ptr<NotifyRecord>> DecodeAnyNotify(std::string_view value) {
  return DecodeNotify(NotifyId{1}, value);
}
void EncodeAnyNotify(const std::shared_ptr<NotifyRecord>& record, std::string* out) {
  EncodeNotify(*record, out);
}
void EncodeAnySettled(const WallTime& time, std::string* out) {
  EncodeSettled(time, out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string value(reinterpret_cast<const char*>(data) + 1, size - 1);
  (void)PeekState(value);
  Encoder(&value).Big32(Checksum(value));
  switch (data[0] % 13) {
    case 0:
      CheckValue(value, &DecodeAnyNotify, &EncodeAnyNotify);
      break;
    case 1:
      CheckValue(value, &DecodeChanges, &EncodeChanges);
      break;
    case 2:
      CheckValue(value, &DecodeFkey, &EncodeFkey);
      break;
    case 3:
      CheckValue(value, &DecodeFkeyExpiry, &EncodeFkeyExpiry);
      break;
    case 4:
      CheckValue(value, &DecodeIdempotency, &EncodeIdempotency);
      break;
    case 5:
      CheckValue(value, &DecodeLane, &EncodeLane);
      break;
    case 6:
      CheckValue(value, &DecodeLaneSettings, &EncodeLaneSettings);
      break;
    case 7:
      CheckValue(value, &DecodeLaneCounts, &EncodeLaneCounts);
      break;
    case 8:
      CheckValue(value, &DecodeLaneCountsChange, &EncodeLaneCountsChange);
      break;
    case 9:
      CheckValue(value, &DecodeSleeperLane, &EncodeSleeperLane);
      break;
    case 10:
      CheckValue(value, &DecodeSettled, &EncodeAnySettled);
      break;
    case 11:
      CheckValue(value, &DecodeTotals, &EncodeTotals);
      break;
    default:
      CheckValue(value, &DecodeFormat, &EncodeFormat);
  }
  return 0;
}
