#include "base/utf8.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>

namespace notifyd {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Sequence {
  size_t size = 1;  // bytes to take, at least one
  bool valid = false;
};

/// The code point at the beginning of `text`, or the maximal part of one (Unicode 15, table 3-7).
Sequence Next(std::string_view text) {
  uint8_t lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {1, true};
  size_t size = lead >= 0xC2 && lead <= 0xDF ? 2 : lead >= 0xE0 && lead <= 0xEF ? 3 : lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
  if (size == 0) return {};
  // The second byte's range shuts out overlong forms, surrogates and what lies above U+10FFFF.
  uint8_t least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  uint8_t most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (size_t i = 1; i < size; ++i, least = 0x80, most = 0xBF) {
    if (i >= text.size()) return {i, false};
    uint8_t byte = static_cast<uint8_t>(text[i]);
    if (byte < least || byte > most) return {i, false};
  }
  return {size, true};
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string RepairUtf8(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes && IsValidUtf8(text)) return std::string(text);
  std::string repaired;
  while (!text.empty()) {
    Sequence next = Next(text);
    std::string_view piece = next.valid ? text.substr(0, next.size) : kReplacement;
    if (repaired.size() + piece.size() > max_bytes) break;
    repaired.append(piece);
    text.remove_prefix(next.size);
  }
  return repaired;
}

}  // namespace notifyd
