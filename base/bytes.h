// Encoder and Decoder: explicit byte layouts for what goes to disk. Big-endian where the bytes must sort, varints elsewhere.
// No raw struct is ever written. A Decoder never reads past its input: once it failed, all further reads give zero or empty,
// so a caller decodes a whole record and asks ok() once at the end.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace notifyd {

class Encoder {
 public:
  explicit Encoder(std::string* out) : out_(out) {}

  void U8(uint8_t v) { out_->push_back(static_cast<char>(v)); }
  /// Append a number of fixed width, big-endian, so that keys sort as the numbers do.
  void Big32(uint32_t v) { Big(v, 4); }
  void Big64(uint64_t v) { Big(v, 8); }
  /// Appends a signed number with its sign bit flipped, so that negative ones sort first.
  void BigSigned64(int64_t v) { Big(static_cast<uint64_t>(v) ^ (uint64_t{1} << 63), 8); }
  /// Appends an unsigned number in LEB128: 1 byte below 128, at most 10.
  void Varint(uint64_t v) {
    while (v >= 0x80) {
      U8(static_cast<uint8_t>(v | 0x80));
      v >>= 7;
    }
    U8(static_cast<uint8_t>(v));
  }
  /// Appends a signed number in zigzag LEB128, so that small negative ones stay short.
  void Signed(int64_t v) { Varint((static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63)); }
  /// Appends the IEEE 754 bits, 8 bytes big-endian.
  void Double(double v) {
    uint64_t bits;
    std::memcpy(&bits, &v, 8);
    Big64(bits);
  }
  /// Appends the length in LEB128, then the bytes.
  void Text(std::string_view v) {
    Varint(v.size());
    out_->append(v);
  }
  void Raw(std::string_view v) { out_->append(v); }

 private:
  void Big(uint64_t v, int width) {
    char b[8];
    for (int i = 0; i < width; ++i) b[i] = static_cast<char>(v >> (8 * (width - 1 - i)));
    out_->append(b, static_cast<size_t>(width));
  }
  std::string* out_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}

  uint8_t U8() {
    if (in_.empty()) return Fail(), 0;
    uint8_t v = static_cast<uint8_t>(in_[0]);
    in_.remove_prefix(1);
    return v;
  }
  uint32_t Big32() { return static_cast<uint32_t>(Big(4)); }
  uint64_t Big64() { return Big(8); }
  int64_t BigSigned64() { return static_cast<int64_t>(Big(8) ^ (ok_ ? uint64_t{1} << 63 : 0)); }
  uint64_t Varint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      uint8_t b = U8();
      if (!ok_) return 0;
      v |= static_cast<uint64_t>(b & 0x7f) << shift;
      if (!(b & 0x80)) return v;
    }
    Fail();
    return 0;
  }
  int64_t Signed() {
    uint64_t v = Varint();
    return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
  }
  double Double() {
    uint64_t bits = Big64();
    double v;
    std::memcpy(&v, &bits, 8);
    return v;
  }
  /// Returns a view that is borrowed from the input.
  std::string_view Text() { return Raw(Varint()); }
  std::string_view Raw(uint64_t size) {
    if (size > in_.size()) return Fail(), std::string_view();
    std::string_view v = in_.substr(0, size);
    in_.remove_prefix(size);
    return v;
  }
  std::string_view rest() const { return in_; }
  /// Makes ok() false from here on; for a caller that reads a value which cannot be.
  void Fail() {
    ok_ = false;
    in_ = {};
  }
  bool ok() const { return ok_; }
  /// Is it ok, with nothing left over?
  bool done() const { return ok_ && in_.empty(); }

 private:
  uint64_t Big(size_t width) {
    std::string_view raw = Raw(width);
    uint64_t v = 0;
    for (char c : raw) v = v << 8 | static_cast<uint8_t>(c);
    return v;
  }
  std::string_view in_;
  bool ok_ = true;
};

/// Returns the low 32 bits of XXH3-64, the checksum of every stored value.
uint32_t Checksum(std::string_view bytes);

/// Returns 128 bits of XXH3: equal for equal inputs. No protection against somebody who wants two inputs to be equal.
struct Fingerprint {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const Fingerprint&) const = default;
};
Fingerprint FingerprintOf(std::string_view bytes);
/// XXH64 with seed 0: for what others compute too.
uint64_t Hash64(std::string_view bytes);

}  // namespace notifyd
