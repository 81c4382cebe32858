// Bytes as hex, for golden values: "6e 2a"_hex leaves out blanks, so that fields can stand apart.
#pragma once

#include <string>
#include <string_view>

namespace notifyd {

inline std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (unsigned char c : bytes) {
    out.push_back(kDigits[c >> 4]);
    out.push_back(kDigits[c & 15]);
  }
  return out;
}

inline std::string operator""_hex(const char* text, size_t size) {
  std::string out;
  for (char c : std::string_view(text, size))
    if (c != ' ') out.push_back(c);
  return out;
}

/// The bytes; blanks are left out.
inline std::string Unhex(std::string_view text) {
  std::string out;
  int half = -1;
  for (char c : text) {
    if (c == ' ') continue;
    int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (half < 0) {
      half = digit;
      continue;
    }
    out.push_back(static_cast<char>(half << 4 | digit));
    half = -1;
  }
  return out;
}

}  // namespace notifyd
