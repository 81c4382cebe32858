// What every stored value has around its fields: a tag in front, the checksum behind; and what those that read its fields share. For encoders and
// decoders of records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace notifyd {

/// The first byte of a value. Never renumber.
enum class ValueTag : uint8_t {
  kRecord = 0x01,    // version 1 of whatever the key's kind holds
  kRecord2 = 0x02,   // version 2: notify, fkey, totals
  kRecord3 = 0x03,   // version 3: totals
  kOperand = 0x81,   // version 1 of a merge operand (storage/merging.h)
  kOperand2 = 0x82,  // version 2: change of a notify
  kOrphan = 0xF0,    // what is left of operands whose record is gone: as good as nothing
  kDamaged = 0xF1,   // a damaged record or operand, kept with all that was to be merged with it: reading it is kCorrupt
};

/// Puts the tag in front and the checksum behind what is encoded in its lifetime.
class RecordFrame {
 public:
  RecordFrame(ValueTag tag, std::string* out) : encoder(out), out_(out), start_(out->size()) { encoder.U8(static_cast<uint8_t>(tag)); }
  ~RecordFrame() { encoder.Big32(Checksum(std::string_view(*out_).substr(start_))); }
  RecordFrame(const RecordFrame&) = delete;
  RecordFrame& operator=(const RecordFrame&) = delete;

  Encoder encoder;

 private:
  std::string* out_;
  size_t start_;
};

/// The fields of a value whose checksum is right, whatever its tag is; nothing of another one. Borrowed from it.
inline std::optional<std::string_view> CheckedFields(std::string_view value) {
  constexpr size_t kChecksumSize = 4;
  if (value.size() < 1 + kChecksumSize) return std::nullopt;
  const std::string_view framed = value.substr(0, value.size() - kChecksumSize);
  if (Decoder(value.substr(framed.size())).Big32() != Checksum(framed)) return std::nullopt;
  return framed.substr(1);
}

/// The fields of a value with that tag and a right checksum; nothing else. Borrowed from it.
inline std::optional<std::string_view> UnframeRecord(ValueTag tag, std::string_view value) {
  if (value.empty() || static_cast<ValueTag>(value[0]) != tag) return std::nullopt;
  return CheckedFields(value);
}

/// `what`: a record's kind in words.
inline Status DamagedRecord(const char* what) {
  return Status(Code::kCorrupt, std::string("a stored ") + what + " is damaged");
}

/// Whether it fits into a T.
template <class T>
bool TakeNumber(Decoder* in, T* number) {
  const uint64_t wide = in->Varint();
  *number = static_cast<T>(wide);
  return in->ok() && *number == wide;
}

/// A count is followed by at least one byte an item: a larger one is damage, and must not size a vector.
inline bool TakeCount(Decoder* in, size_t* count) {
  *count = in->Varint();
  return in->ok() && *count <= in->rest().size();
}

}  // namespace notifyd
