// ProtobufWriter: fields of one message in protobuf's wire format (https://protobuf.dev/programming-guides/encoding/), appended to a string. What has
// its default is left out by whoever writes. One thread a writer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace notifyd {

class ProtobufWriter {
 public:
  /// Wire types, in the lowest three bits of a field's tag.
  static constexpr uint8_t kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

  /// Appends to `out`, which is borrowed and must outlive the writer.
  explicit ProtobufWriter(std::string* out) : out_(out) {}

  /// Of any type that is a varint: int64, uint64, bool, an enum.
  void Number(uint32_t field, uint64_t value) {
    Tag(field, kVarint);
    Varint(value, out_);
  }
  void Fixed64(uint32_t field, uint64_t value) {
    Tag(field, kFixed64);
    for (int shift = 0; shift < 64; shift += 8) out_->push_back(static_cast<char>(value >> shift & 0xFF));
  }
  /// A string, bytes, or an encoded message.
  void Bytes(uint32_t field, std::string_view bytes) {
    Tag(field, kBytes);
    Varint(bytes.size(), out_);
    out_->append(bytes);
  }
  /// Repeated numbers, packed.
  void Numbers(uint32_t field, const std::vector<uint64_t>& values) {
    std::string packed;
    for (uint64_t value : values) Varint(value, &packed);
    Bytes(field, packed);
  }

 private:
  void Tag(uint32_t field, uint8_t wire) { Varint(uint64_t{field} << 3 | wire, out_); }
  static void Varint(uint64_t value, std::string* out) {
    for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
    out->push_back(static_cast<char>(value));
  }

  std::string* out_;
};

}  // namespace notifyd
