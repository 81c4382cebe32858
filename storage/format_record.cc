// The record of the store's version and id, and the name that is made of the id: declared in storage/records.h.
#include <cstdio>

#include "storage/record_frame.h"
#include "storage/records.h"

namespace notifyd {

void EncodeFormat(const FormatRecord& record, std::string* out) {
  RecordFrame frame(ValueTag::kRecord, out);
  frame.encoder.Varint(record.version);
  frame.encoder.Big64(record.store.high);
  frame.encoder.Big64(record.store.low);
}

Result<FormatRecord> DecodeFormat(std::string_view value) {
  std::optional<std::string_view> fields = UnframeRecord(ValueTag::kRecord, value);
  Decoder decoder(fields.value_or(std::string_view()));
  FormatRecord record;
  const uint64_t version = decoder.Varint();
  record.version = static_cast<uint32_t>(version);
  record.store.high = decoder.Big64();
  record.store.low = decoder.Big64();
  if (!fields || !decoder.done() || record.version != version) return Status(Code::kCorrupt, "a stored format version is damaged");
  return record;
}

std::string NameOfStore(const Fingerprint& store) {
  std::string bytes = "notifyd store name";
  Encoder encoder(&bytes);
  encoder.Big64(store.high);
  encoder.Big64(store.low);
  char name[17];
  std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(FingerprintOf(bytes).low));
  return name;
}

}  // namespace notifyd
