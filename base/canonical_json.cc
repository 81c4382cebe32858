#include "base/canonical_json.h"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string_view>
#include <utility>

namespace notifyd {
namespace {

void AppendString(std::string_view text, std::string* out) {
  constexpr std::string_view kShort = "\b\t\n\f\r\"\\", kLetters = "btnfr\"\\";
  out->push_back('"');
  for (char c : text) {
    if (size_t at = kShort.find(c); at != std::string_view::npos) {
      out->append({'\\', kLetters[at]});
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[7];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out->append(escaped);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void Append(JsonTree::Value value, std::string* out) {
  using Kind = JsonTree::Kind;
  switch (value.kind()) {
    case Kind::kNumber:
      out->append(CanonicalNumber(value.raw()));
      return;
    case Kind::kString:
      AppendString(value.text(), out);
      return;
    case Kind::kArray: {
      char before = '[';
      if (value.size() == 0) out->push_back('[');
      value.ForEach([&](JsonTree::Value, JsonTree::Value element) {
        out->push_back(std::exchange(before, ','));
        Append(element, out);
      });
      out->push_back(']');
      return;
    }
    case Kind::kObject: {
      std::map<std::string_view, JsonTree::Value> members;
      value.ForEach([&](JsonTree::Value key, JsonTree::Value member) { members.insert_or_assign(key.text(), member); });
      char before = '{';
      if (members.empty()) out->push_back('{');
      for (const auto& [key, member] : members) {
        out->push_back(std::exchange(before, ','));
        AppendString(key, out);
        out->push_back(':');
        Append(member, out);
      }
      out->push_back('}');
      return;
    }
    case Kind::kNull:
    case Kind::kFalse:
    case Kind::kTrue:
      out->append(value.raw());
      return;
  }
}

}  // namespace

std::string CanonicalNumber(std::string_view number) {
  int64_t whole = 0;
  const char* end = number.data() + number.size();
  if (auto read = std::from_chars(number.data(), end, whole); read.ec == std::errc() && read.ptr == end) return std::to_string(whole);
  uint64_t large = 0;
  if (auto read = std::from_chars(number.data(), end, large); read.ec == std::errc() && read.ptr == end) return std::to_string(large);
  double value = 0;
  // Out of range: infinite or zero, as ECMAScript reads it; an infinity has no text in JSON, so the number's own stands.
  if (std::from_chars(number.data(), end, value).ec != std::errc()) return std::string(number);
  if (value == 0) return "0";
  char text[32];
  char* last = std::to_chars(text, text + sizeof text, value < 0 ? -value : value, std::chars_format::scientific).ptr;
  // "d.ddde+xx": the digits without their point, and the place of the point behind the first of them.
  std::string_view shortest(text, static_cast<size_t>(last - text));
  size_t e = shortest.find('e');
  std::string digits(1, shortest[0]);
  if (e > 2) digits.append(shortest.substr(2, e - 2));
  int exponent = 0;
  std::from_chars(text + e + (shortest[e + 1] == '+' ? 2 : 1), last, exponent);
  const int point = exponent + 1, count = static_cast<int>(digits.size());  // ECMAScript's n and k
  std::string out = value < 0 ? "-" : "";
  if (count <= point && point <= 21) return out + digits + std::string(static_cast<size_t>(point - count), '0');
  if (0 < point && point <= 21) return out + digits.substr(0, static_cast<size_t>(point)) + "." + digits.substr(static_cast<size_t>(point));
  if (-6 < point && point <= 0) return out + "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  out.push_back(digits[0]);
  if (count > 1) out.append(".").append(digits, 1);
  return out + "e" + (exponent < 0 ? "-" : "+") + std::to_string(exponent < 0 ? -exponent : exponent);
}

std::string CanonicalJson(JsonTree::Value value) {
  std::string out;
  Append(value, &out);
  return out;
}

}  // namespace notifyd
