#include "storage/stored_record.h"

#include "storage/record_frame.h"
#include "storage/records.h"

namespace notifyd {

void EncodeStoredRecord(const StoredRecord& record, std::string* out, bool sealed) {
  RecordFrame frame(static_cast<uint8_t>(sealed ? ValueTag::kRecord2 : ValueTag::kRecord), out);
  frame.encoder.Signed(record.expires_at.ms);
  frame.encoder.Text(record.value);
}

Result<StoredRecord> DecodeStoredRecord(std::string_view value, bool* sealed) {
  const bool second = value.starts_with(static_cast<char>(ValueTag::kRecord2));
  std::optional<std::string_view> fields = UnframeRecord(static_cast<uint8_t>(second ? ValueTag::kRecord2 : ValueTag::kRecord), value);
  if (sealed) *sealed = second;
  Decoder decoder(fields.value_or(std::string_view()));
  StoredRecord record;
  record.expires_at.ms = decoder.Signed();
  record.value = decoder.Text();
  if (!fields || !decoder.done()) return Status(Code::kCorrupt, "a stored record is damaged");
  return record;
}

}  // namespace notifyd
