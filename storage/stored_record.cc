#include "storage/stored_record.h"

#include "storage/record_frame.h"
#include "storage/records.h"

namespace notifyd {
namespace {

void EncodeAs(ValueTag tag, const StoredRecord& record, std::string* out) {
  RecordFrame frame(tag, out);
  frame.encoder.Signed(record.expires_at.ms);
  frame.encoder.Text(record.value);
}

Result<StoredRecord> DecodeAs(ValueTag tag, std::string_view value) {
  std::optional<std::string_view> fields = UnframeRecord(tag, value);
  Decoder decoder(fields.value_or(std::string_view()));
  StoredRecord record;
  record.expires_at.ms = decoder.Signed();
  record.value = decoder.Text();
  if (!fields || !decoder.done()) return Status(Code::kCorrupt, "a stored record is damaged");
  return record;
}

}  // namespace

void EncodeStoredRecord(const StoredRecord& record, std::string* out, bool sealed) {
  EncodeAs(sealed ? ValueTag::kRecord2 : ValueTag::kRecord, record, out);
}

Result<StoredRecord> DecodeStoredRecord(std::string_view value, bool* sealed) {
  const bool second = value.starts_with(static_cast<char>(ValueTag::kRecord2));
  if (sealed) *sealed = second;
  return DecodeAs(second ? ValueTag::kRecord2 : ValueTag::kRecord, value);
}

void EncodeCountOperand(const StoredRecord& change, std::string* out) {
  EncodeAs(ValueTag::kOperand, change, out);
}

Result<StoredRecord> DecodeCountOperand(std::string_view operand) {
  return DecodeAs(ValueTag::kOperand, operand);
}

}  // namespace notifyd
