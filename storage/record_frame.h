// What every stored value has around its fields: a tag in front, the checksum behind. For encoders and decoders of records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace notifyd {

/// Puts the tag in front and the checksum behind what is encoded in its lifetime.
class RecordFrame {
 public:
  RecordFrame(uint8_t tag, std::string* out) : encoder(out), out_(out), start_(out->size()) { encoder.U8(tag); }
  ~RecordFrame() { encoder.Big32(Checksum(std::string_view(*out_).substr(start_))); }
  RecordFrame(const RecordFrame&) = delete;
  RecordFrame& operator=(const RecordFrame&) = delete;

  Encoder encoder;

 private:
  std::string* out_;
  size_t start_;
};

/// The fields of a value with that tag and a right checksum; nothing else. Borrowed from it.
inline std::optional<std::string_view> UnframeRecord(uint8_t tag, std::string_view value) {
  constexpr size_t kChecksumSize = 4;
  if (value.size() < 1 + kChecksumSize || static_cast<uint8_t>(value[0]) != tag) return std::nullopt;
  const std::string_view framed = value.substr(0, value.size() - kChecksumSize);
  if (Decoder(value.substr(framed.size())).Big32() != Checksum(framed)) return std::nullopt;
  return framed.substr(1);
}

}  // namespace notifyd
