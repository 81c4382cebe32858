#include "broker/schema_pattern.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdio>
#include <utility>

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

// Of one pattern's program and the automaton that RE2 makes of it as it looks. One that is small gets less.
constexpr int64_t kMaxPatternMemory = 512 << 10, kLeastPatternMemory = 32 << 10, kMemoryAnInstruction = 512;

std::unique_ptr<re2::RE2> MakePattern(const std::string& text, int64_t memory) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(memory);
  return std::make_unique<re2::RE2>(text, options);
}

/// What RE2 does with a text before it has a program, in instructions: nothing of that may be left in the program. A class by name is hundreds of
/// ranges.
size_t TextSize(std::string_view text) {
  constexpr size_t kOfANamedClass = 100;
  size_t size = text.size();
  for (size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at + 2))
    if (const std::string_view escape = text.substr(at, 2); escape == "\\p" || escape == "\\P") size += kOfANamedClass;
  return size;
}

/// Returns how long the quantifier is with which RE2's text goes on; 0: with none. `fixed`: it says one number.
size_t QuantifierAt(std::string_view text, bool* fixed) {
  *fixed = true;
  if (text.empty()) return 0;
  size_t length = 0;
  if (text[0] == '*' || text[0] == '+' || text[0] == '?') {
    *fixed = false;
    length = 1;
  } else if (text[0] == '{') {
    const size_t end = text.find('}');
    if (end == std::string_view::npos || end < 2 || !IsDigit(text[1])) return 0;
    const std::string_view inside = text.substr(1, end - 1);
    const auto commas = std::count(inside.begin(), inside.end(), ',');
    if (commas > 1 || !std::all_of(inside.begin(), inside.end(), [](char c) { return IsDigit(c) || c == ','; })) return 0;
    *fixed = commas == 0;
    length = end + 1;
  }
  return length > 0 && length < text.size() && text[length] == '?' ? length + 1 : length;
}

/// Returns how long the character, escape or class is with which RE2's text, which it takes, goes on.
size_t AtomAt(std::string_view text) {
  size_t end = 1;
  if (text[0] == '[') {
    while (end < text.size() && text[end] != ']') end += text[end] == '\\' ? 2 : 1;
    ++end;
  } else if (text[0] == '\\') {
    const char c = text.size() > 1 ? text[1] : '\0';
    end = 2;
    if (c == 'x' || c == 'p' || c == 'P') end = text.substr(2).starts_with('{') ? text.find('}') + 1 : c == 'x' ? 4 : 3;
  } else {
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  }
  return std::min(end, text.size());
}

/// Of a pattern that begins with "^" and is a row of characters and classes: one whose program has as many instructions at least as this one's can be
/// at together, wherever in a text. Up to the first whose number may vary that is one place of the row, and of that one, however often it may come,
/// one, too: all ways through the pattern have come as far. Nothing of other patterns.
std::optional<std::string> NarrowedPattern(std::string_view text) {
  bool fixed = true;
  if (!text.starts_with('^') || QuantifierAt(text.substr(1), &fixed) > 0) return std::nullopt;
  std::string narrow;
  bool varies = false;
  while (!text.empty()) {
    if (text[0] == '(' || text[0] == ')' || text[0] == '|' || QuantifierAt(text, &fixed) > 0) return std::nullopt;
    const size_t atom = AtomAt(text), quantifier = QuantifierAt(text.substr(atom), &fixed);
    narrow.append(text.substr(0, varies ? atom + quantifier : atom));
    varies = varies || !fixed;
    text.remove_prefix(atom + quantifier);
  }
  return narrow;
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

SchemaPattern::SchemaPattern() = default;
SchemaPattern::~SchemaPattern() = default;

Result<std::unique_ptr<SchemaPattern>> SchemaPattern::Compile(std::string_view ecma) {
  const std::optional<std::string> text = ToRe2Pattern(ecma);
  if (!text) return Status(Code::kUnacceptable, "this is not a regular expression of ECMA 262");
  const size_t text_size = TextSize(*text);
  if (text_size > SchemaPattern::kMaxSize) return Status(Code::kUnacceptable, "this pattern is too large");
  std::unique_ptr<re2::RE2> pattern = MakePattern(*text, kMaxPatternMemory);
  // It is also searched from its end, by a program of its own: without one RE2 would do it the slow way.
  const int forward = pattern->ok() ? pattern->ProgramSize() : 0, backward = pattern->ok() ? pattern->ReverseProgramSize() : 0;
  if (pattern->error_code() == re2::RE2::ErrorPatternTooLarge || (pattern->ok() && backward < 0))
    return Status(Code::kUnacceptable, "this pattern is too large");
  if (!pattern->ok())
    return Status(Code::kUnacceptable, "this pattern cannot be used (there is no look-around and no back reference): " + pattern->error());
  std::unique_ptr<SchemaPattern> made(new SchemaPattern());
  const size_t program = static_cast<size_t>(std::max({forward, backward, 1}));
  made->size_ = std::max(program, text_size);
  made->width_ = program;
  if (const std::optional<std::string> narrow = NarrowedPattern(*text)) {
    const std::unique_ptr<re2::RE2> narrowed = MakePattern(*narrow, kMaxPatternMemory);
    if (narrowed->ok()) made->width_ = std::min(made->width_, static_cast<size_t>(std::max(narrowed->ProgramSize(), 1)));
  }
  const int64_t memory = std::min(kLeastPatternMemory + kMemoryAnInstruction * static_cast<int64_t>(program), kMaxPatternMemory);
  made->bytes_ = static_cast<size_t>(memory);
  if (memory < kMaxPatternMemory) {
    std::unique_ptr<re2::RE2> smaller = MakePattern(*text, memory);
    if (smaller->ok() && smaller->ReverseProgramSize() > 0) pattern = std::move(smaller);
    else made->bytes_ = static_cast<size_t>(kMaxPatternMemory);
  }
  made->pattern_ = std::move(pattern);
  return made;
}

bool SchemaPattern::Finds(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *pattern_);
}

}  // namespace notifyd
