#include "broker/schema_pattern.h"

#include <cstddef>
#include <cstdio>
#include <optional>

#include "base/ascii.h"

namespace notifyd {
namespace {

// What ECMA's \s stands for, as the inside of a class.
constexpr std::string_view kSpaces = R"(\t\n\x{B}\f\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF})";
// All but those.
constexpr std::string_view kNoSpaces =
    R"(\x{0}-\x{8}\x{E}-\x{1F}!-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{FEFE}\x{FF00}-\x{10FFFF})";

std::optional<unsigned> Hex4(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  unsigned value = 0;
  for (char c : text.substr(0, 4)) {
    if (HexDigit(c) < 0) return std::nullopt;
    value = value * 16 + static_cast<unsigned>(HexDigit(c));
  }
  return value;
}

void AppendCodePoint(unsigned code, std::string* out) {
  char text[16];
  std::snprintf(text, sizeof text, "\\x{%X}", code);
  out->append(text);
}

/// What stands behind "\u"; returns how much of it, 0 where it is no such escape.
size_t AppendUnicode(std::string_view rest, std::string* out) {
  std::optional<unsigned> first = Hex4(rest);
  if (!first) return 0;
  size_t taken = 4;
  if (*first >= 0xD800 && *first < 0xDC00 && rest.substr(4).starts_with("\\u")) {
    std::optional<unsigned> second = Hex4(rest.substr(6));
    if (second && *second >= 0xDC00 && *second < 0xE000) {
      first = 0x10000 + ((*first - 0xD800) << 10) + (*second - 0xDC00);
      taken = 10;
    }
  }
  AppendCodePoint(*first, out);
  return taken;
}

/// What a backslash and `rest` stand for; returns how much of `rest`, 0 where ECMA has no such escape.
size_t AppendEscape(std::string_view rest, bool in_class, std::string* out) {
  const char c = rest.empty() ? '\0' : rest[0];
  switch (c) {
    case '\0':
      return 0;
    case 's':
      out->append(in_class ? std::string(kSpaces) : "[" + std::string(kSpaces) + "]");
      return 1;
    case 'S':
      out->append(in_class ? std::string(kNoSpaces) : "[^" + std::string(kSpaces) + "]");
      return 1;
    case 'u': {
      const size_t taken = AppendUnicode(rest.substr(1), out);
      return taken == 0 ? 0 : taken + 1;
    }
    case 'c':
      if (rest.size() < 2 || LowerAscii(rest[1]) < 'a' || LowerAscii(rest[1]) > 'z') return 0;
      AppendCodePoint(static_cast<unsigned>(rest[1]) % 32, out);
      return 2;
    case '0':
      AppendCodePoint(0, out);
      return 1;
    default:
      break;
  }
  if (c == 'b' && in_class) {
    AppendCodePoint(8, out);
    return 1;
  }
  constexpr std::string_view kSame = "dDwWbBfnrtvxpP123456789";
  const bool letter = LowerAscii(c) >= 'a' && LowerAscii(c) <= 'z';
  if (letter && kSame.find(c) == std::string_view::npos) return 0;
  out->append({'\\', c});
  return 1;
}

/// What begins with a "[" outside of a class, or is a byte inside of one.
size_t AppendClass(std::string_view rest, bool* in_class, std::string* out) {
  if (*in_class) {
    *in_class = rest[0] != ']';
    // RE2 has "[:" begin a class of POSIX there; ECMA does not.
    out->append(rest[0] == '[' ? "\\[" : std::string(1, rest[0]));
    return 1;
  }
  // RE2 takes a "]" at the beginning for itself.
  const bool none = rest.starts_with("[]"), any = rest.starts_with("[^]");
  *in_class = !none && !any;
  out->append(none ? "[^\\x{0}-\\x{10FFFF}]" : any ? "[\\x{0}-\\x{10FFFF}]" : rest.starts_with("[^") ? "[^" : "[");
  return none || rest.starts_with("[^") ? (any ? 3 : 2) : 1;
}

}  // namespace

std::optional<std::string> ToRe2Pattern(std::string_view ecma) {
  std::string out;
  bool in_class = false;
  while (!ecma.empty()) {
    size_t taken = 1;
    if (ecma[0] == '\\') {
      taken = AppendEscape(ecma.substr(1), in_class, &out) + 1;
      if (taken == 1) return std::nullopt;
    } else if (in_class || ecma[0] == '[') {
      taken = AppendClass(ecma, &in_class, &out);
    } else if (ecma[0] == '.') {
      out.append("[^\\n\\r\\x{2028}\\x{2029}]");
    } else if (ecma.starts_with("(?<") && !ecma.starts_with("(?<=") && !ecma.starts_with("(?<!")) {
      out.append("(?P<");
      taken = 3;
    } else {
      out.push_back(ecma[0]);
    }
    ecma.remove_prefix(taken);
  }
  return out;
}

}  // namespace notifyd
