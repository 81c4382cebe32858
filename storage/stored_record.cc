#include "storage/stored_record.h"

#include "storage/record_frame.h"
#include "storage/records.h"

namespace notifyd {

void EncodeStoredRecord(const StoredRecord& record, std::string* out) {
  RecordFrame frame(static_cast<uint8_t>(ValueTag::kRecord), out);
  frame.encoder.Signed(record.expires_at.ms);
  frame.encoder.Text(record.value);
}

Result<StoredRecord> DecodeStoredRecord(std::string_view value) {
  std::optional<std::string_view> fields = UnframeRecord(static_cast<uint8_t>(ValueTag::kRecord), value);
  Decoder decoder(fields.value_or(std::string_view()));
  StoredRecord record;
  record.expires_at.ms = decoder.Signed();
  record.value = decoder.Text();
  if (!fields || !decoder.done()) return Status(Code::kCorrupt, "a stored record is damaged");
  return record;
}

}  // namespace notifyd
