// A text is searched as it is and, where it holds escapes, once more as what they stand for: bytes with the place where each begins in the text.
#include "base/secrets.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/ascii.h"

namespace notifyd {
namespace {

constexpr std::string_view kNames[] = {"authorization", "cookie", "proxy-authorization"};
constexpr std::string_view kEndings[] = {"-key", "-token", "-secret"};
constexpr std::string_view kNoSecret = "idempotency-key";

bool EndsWithNoCase(std::string_view text, std::string_view end) {
  return text.size() > end.size() && EqualsIgnoringCase(text.substr(text.size() - end.size()), end);
}

/// Of the first `digits` characters; -1 where they are no hex digits, or fewer.
int32_t Hex(std::string_view text, size_t digits) {
  if (text.size() < digits) return -1;
  int32_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int digit = HexDigit(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/// A text with escapes undone, and where in it each byte came from.
struct Unescaped {
  std::string bytes;
  std::vector<size_t> begins;  // one more than bytes: the text's end

  void Add(char c, size_t begin) {
    bytes.push_back(c);
    begins.push_back(begin);
  }
  void AddCodePoint(uint32_t c, size_t begin) {
    if (c < 0x80) return Add(static_cast<char>(c), begin);
    if (c >= 0x10000) Add(static_cast<char>(0xF0 | c >> 18), begin);
    if (c >= 0x800) Add(static_cast<char>(c >= 0x10000 ? 0x80 | (c >> 12 & 0x3F) : 0xE0 | c >> 12), begin);
    Add(static_cast<char>(c >= 0x800 ? 0x80 | (c >> 6 & 0x3F) : 0xC0 | c >> 6), begin);
    Add(static_cast<char>(0x80 | (c & 0x3F)), begin);
  }
};

/// What does not read as an escape stands for itself. An escape that the end of a cut text broke is left out.
Unescaped UndoJson(std::string_view text, bool cut) {
  Unescaped out;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const char c = text[i++];
    if (cut && c == '\\' && (i == text.size() || (text[i] == 'u' && text.size() - i < 5))) break;
    if (c != '\\' || i == text.size()) {
      out.Add(c, begin);
      continue;
    }
    const char escape = text[i++];
    constexpr std::string_view kFrom = "bfnrt", kTo = "\b\f\n\r\t";
    if (const size_t at = kFrom.find(escape); at != std::string_view::npos) {
      out.Add(kTo[at], begin);
    } else if (const int32_t unit = escape == 'u' ? Hex(text.substr(i), 4) : -1; unit >= 0) {
      i += 4;
      uint32_t point = static_cast<uint32_t>(unit);
      const bool high = point >= 0xD800 && point < 0xDC00 && text.substr(i).starts_with("\\u");
      if (const int32_t low = high ? Hex(text.substr(i + 2), 4) : -1; low >= 0xDC00 && low < 0xE000) {
        point = 0x10000 + ((point - 0xD800) << 10) + (static_cast<uint32_t>(low) - 0xDC00);
        i += 6;
      }
      out.AddCodePoint(point, begin);
    } else {
      out.Add(escape, begin);
    }
  }
  out.begins.push_back(text.size());
  return out;
}

Unescaped UndoPercent(std::string_view text, bool plus, bool cut) {
  Unescaped out;
  for (size_t i = 0; i < text.size();) {
    if (cut && text[i] == '%' && text.size() - i < 3) break;
    const int32_t byte = text[i] == '%' ? Hex(text.substr(i + 1), 2) : -1;
    if (byte >= 0) out.Add(static_cast<char>(byte), i);
    else out.Add(plus && text[i] == '+' ? ' ' : text[i], i);
    i += byte >= 0 ? 3 : 1;
  }
  out.begins.push_back(text.size());
  return out;
}

/// A part of the text: from, to.
using Span = std::pair<size_t, size_t>;

/// How much of the beginning of `value` the text ends with, short of all of it. Linear (Knuth, Morris and Pratt).
size_t BeginningAtEnd(std::string_view text, std::string_view value) {
  // Of the first i + 1 bytes of value: the longest beginning that they end with, too, short of themselves.
  std::vector<size_t> border(value.size());
  const auto follow = [&](size_t matched, char c) {
    while (matched > 0 && value[matched] != c) matched = border[matched - 1];
    return value[matched] == c ? matched + 1 : matched;
  };
  for (size_t i = 1; i < value.size(); ++i) border[i] = follow(border[i - 1], value[i]);
  size_t matched = 0;
  for (char c : text.substr(text.size() - std::min(text.size(), value.size() - 1))) matched = follow(matched, c);
  return matched;
}

/// `place`: where in the whole text a byte of `text` begins.
template <class Place>
void Find(std::string_view text, std::string_view value, bool cut, Place place, std::vector<Span>* found) {
  size_t at = 0;
  // Not find(), which a text made for that makes quadratic.
  while (text.size() - at >= value.size()) {
    const void* hit = memmem(text.data() + at, text.size() - at, value.data(), value.size());
    if (hit == nullptr) break;
    at = static_cast<size_t>(static_cast<const char*>(hit) - text.data());
    found->emplace_back(place(at), place(at + value.size()));
    at += value.size();
  }
  if (!cut) return;
  const size_t begun = BeginningAtEnd(text.substr(at), value);
  if (begun >= SecretValues::kLeastCutBytes) found->emplace_back(place(text.size() - begun), place(text.size()));
}

}  // namespace

const SecretNames& SecretNames::Every() {
  static const SecretNames kEvery = [] {
    SecretNames names;
    names.every_ = true;
    return names;
  }();
  return kEvery;
}

bool SecretNames::Contains(std::string_view header) const {
  if (every_) return true;
  if (EqualsIgnoringCase(header, kNoSecret))
    return std::any_of(more_.begin(), more_.end(), [](const auto& name) { return EqualsIgnoringCase(name, kNoSecret); });
  const auto is = [&](std::string_view name) { return EqualsIgnoringCase(header, name); };
  const auto ends = [&](std::string_view end) { return EndsWithNoCase(header, end); };
  return std::any_of(std::begin(kNames), std::end(kNames), is) || std::any_of(std::begin(kEndings), std::end(kEndings), ends) ||
         std::any_of(more_.begin(), more_.end(), is);
}

SecretValues::SecretValues(const SecretNames& names, const Headers& headers) {
  for (const auto& [name, all] : headers) {
    if (!names.Contains(name)) continue;
    std::string_view value = TrimBlanks(all);
    if (EqualsIgnoringCase(name, "cookie")) {
      Add(value);
      for (std::string_view rest = value; !rest.empty();) {
        const size_t end = std::min(rest.find(';'), rest.size());
        const std::string_view pair = rest.substr(0, end);
        if (const size_t equals = pair.find('='); equals != std::string_view::npos) Add(TrimBlanks(pair.substr(equals + 1)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
      continue;
    }
    // "Bearer TOKEN": what is behind the scheme may come back without it.
    const size_t blank = value.find_first_of(" \t");
    if (blank != std::string_view::npos && EndsWithNoCase("-" + name, "authorization")) value = TrimBlanks(value.substr(blank));
    else if (blank != std::string_view::npos &&
             (EqualsIgnoringCase(value.substr(0, blank), "bearer") || EqualsIgnoringCase(value.substr(0, blank), "basic")))
      value = TrimBlanks(value.substr(blank));
    Add(value);
  }
}

void SecretValues::Add(const SecretValues& other) {
  for (const std::string& value : other.values_) Add(value);
}

void SecretValues::Add(std::string_view value) {
  if (value.size() < kLeastBytes || std::find(values_.begin(), values_.end(), value) != values_.end()) return;
  values_.emplace_back(value);
}

std::string SecretValues::Mask(std::string_view text, bool cut) const {
  if (values_.empty()) return std::string(text);
  std::vector<Span> found;
  const auto look_at = [&](const Unescaped& undone) {
    for (const std::string& value : values_)
      Find(
          undone.bytes, value, cut, [&](size_t at) { return undone.begins[at]; }, &found);
  };
  for (const std::string& value : values_)
    Find(
        text, value, cut, [](size_t at) { return at; }, &found);
  if (text.find('\\') != std::string_view::npos) look_at(UndoJson(text, cut));
  if (text.find('%') != std::string_view::npos) look_at(UndoPercent(text, false, cut));
  if (text.find('+') != std::string_view::npos) look_at(UndoPercent(text, true, cut));
  std::sort(found.begin(), found.end());
  std::string masked;
  size_t done = 0;
  for (size_t i = 0; i < found.size();) {
    const size_t from = found[i].first;
    size_t to = found[i].second;
    // Those that overlap are one.
    for (++i; i < found.size() && found[i].first < to; ++i) to = std::max(to, found[i].second);
    masked.append(text.substr(done, from - done)).append(kHiddenValue);
    done = to;
  }
  return masked.append(text.substr(done));
}

}  // namespace notifyd
