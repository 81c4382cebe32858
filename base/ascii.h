// ASCII letters, digits and tokens, whatever the locale. Pure, any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace notifyd {

constexpr bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

constexpr char LowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
inline std::string LowerAscii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = LowerAscii(c);
  return lower;
}
constexpr char UpperAscii(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}

constexpr bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return LowerAscii(x) == LowerAscii(y); });
}

/// Returns the value of a hex digit, 0 to 15; -1 for any other byte.
constexpr int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  c = LowerAscii(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// Returns `text` without the blanks and tabs around it.
constexpr std::string_view TrimBlanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

/// Is it a character of a token, of which methods and the names of headers are made (RFC 9110 section 5.6.2)?
inline constexpr std::array<bool, 256> kTokenChars = [] {
  std::array<bool, 256> chars{};
  for (int c = '0'; c <= '9'; ++c) chars[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) chars[static_cast<size_t>(c)] = chars[static_cast<size_t>(c - ('a' - 'A'))] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) chars[static_cast<uint8_t>(c)] = true;
  return chars;
}();
constexpr bool IsTokenChar(char c) {
  return kTokenChars[static_cast<uint8_t>(c)];
}
constexpr bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

}  // namespace notifyd
