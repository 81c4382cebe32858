#include "base/terminal_text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/utf8.h"

namespace notifyd {
namespace {

struct Range {
  char32_t first, last;
};
/// In order. Beyond ASCII: see the header for what they are.
constexpr Range kEscaped[] = {
    {0x0080, 0x009F}, {0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C},   {0x115F, 0x1160},   {0x17B4, 0x17B5},
    {0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},   {0x3164, 0x3164},   {0xFE00, 0xFE0F},
    {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

bool IsEscaped(char32_t point) {
  if (point < 0x80) return point < 0x20 || point == 0x7F;
  const Range* range = std::lower_bound(std::begin(kEscaped), std::end(kEscaped), point, [](const Range& r, char32_t p) { return r.last < p; });
  return range != std::end(kEscaped) && point >= range->first;
}

/// Takes the first code point off `text`, which is valid UTF-8 and not empty.
char32_t TakePoint(std::string_view* text) {
  auto lead = static_cast<uint8_t>((*text)[0]);
  size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t point = size == 1 ? lead : lead & (0x7Fu >> size);
  for (size_t i = 1; i < size; ++i) point = point << 6 | (static_cast<uint8_t>((*text)[i]) & 0x3Fu);
  text->remove_prefix(size);
  return point;
}

void AppendUnit(uint32_t unit, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) out->push_back(kHex[unit >> shift & 15]);
}

void AppendEscape(char32_t point, std::string* out) {
  if (point == '\n') {
    out->append("\\n");
  } else if (point == '\r') {
    out->append("\\r");
  } else if (point == '\t') {
    out->append("\\t");
  } else if (point > 0xFFFF) {
    AppendUnit(0xD800 + ((point - 0x10000) >> 10), out);
    AppendUnit(0xDC00 + ((point - 0x10000) & 0x3FF), out);
  } else {
    AppendUnit(point, out);
  }
}

bool IsPrintableAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

std::string Escape(std::string_view text, bool keep_lines) {
  if (IsPrintableAscii(text)) return std::string(text);
  std::string repaired = RepairUtf8(text, std::string::npos), out;
  for (std::string_view rest = repaired; !rest.empty();) {
    std::string_view before = rest;
    char32_t point = TakePoint(&rest);
    bool kept = !IsEscaped(point) || (keep_lines && (point == '\n' || point == '\t'));
    if (kept) out.append(before.substr(0, before.size() - rest.size()));
    else AppendEscape(point, &out);
  }
  return out;
}

}  // namespace

std::string EscapeForTerminal(std::string_view text) {
  return Escape(text, /*keep_lines=*/false);
}

std::string EscapeLinesForTerminal(std::string_view text) {
  return Escape(text, /*keep_lines=*/true);
}

void EscapeForTerminal(std::string* text, size_t begin) {
  std::string_view tail = std::string_view(*text).substr(begin);
  if (IsPrintableAscii(tail)) return;
  text->replace(begin, std::string::npos, EscapeForTerminal(tail));
}

}  // namespace notifyd
