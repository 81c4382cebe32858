#include "base/json_number.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/ascii.h"
#include "base/check.h"

namespace notifyd {
namespace {

__extension__ using Wide = unsigned __int128;  // of GCC and clang, not of the standard

std::string_view TakeDigits(std::string_view* text) {
  size_t count = 0;
  while (count < text->size() && IsDigit((*text)[count])) ++count;
  std::string_view digits = text->substr(0, count);
  text->remove_prefix(count);
  return digits;
}

bool Take(std::string_view* text, char c) {
  if (!text->starts_with(c)) return false;
  text->remove_prefix(1);
  return true;
}

/// A number as its text spells it (RFC 8259 section 6).
struct NumberText {
  bool negative = false;
  std::string_view whole, fraction;
  bool exponent_negative = false;
  std::string_view exponent;
};

std::optional<NumberText> SplitNumber(std::string_view text) {
  NumberText number;
  number.negative = Take(&text, '-');
  number.whole = TakeDigits(&text);
  if (number.whole.empty() || (number.whole.size() > 1 && number.whole[0] == '0')) return std::nullopt;
  if (Take(&text, '.') && (number.fraction = TakeDigits(&text)).empty()) return std::nullopt;
  if (Take(&text, 'e') || Take(&text, 'E')) {
    number.exponent_negative = Take(&text, '-');
    if (!number.exponent_negative) Take(&text, '+');
    number.exponent = TakeDigits(&text);
    if (number.exponent.empty()) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  return number;
}

/// What fits into a machine's integer with room to add the length of any text.
constexpr size_t kReckonedDigits = 17;

void StripLeadingZeros(std::string* digits) {
  digits->erase(0, std::min(digits->find_first_not_of('0'), digits->size()));
}

/// Adds to a decimal text of more than kReckonedDigits digits; what comes out is not negative.
std::string Added(std::string digits, int64_t more) {
  for (size_t i = digits.size(); i-- > 0 && more != 0;) {
    const int64_t sum = digits[i] - '0' + more;
    const int64_t digit = ((sum % 10) + 10) % 10;
    digits[i] = static_cast<char>('0' + digit);
    more = (sum - digit) / 10;
  }
  if (more > 0) digits.insert(0, std::to_string(more));
  StripLeadingZeros(&digits);
  return digits;
}

/// A power of ten's exponent of any size, in one form each: an integer where it has kReckonedDigits at most, else its digits.
struct Scale {
  int64_t small = 0;
  std::string huge;       // digits of its size; empty: it is `small`
  bool negative = false;  // of a huge one

  static Scale Of(std::string digits, bool negative, int64_t more) {
    StripLeadingZeros(&digits);
    if (digits.size() <= kReckonedDigits) {
      const int64_t size = digits.empty() ? 0 : std::stoll(digits);
      const int64_t sum = (negative ? -size : size) + more;
      digits = std::to_string(sum < 0 ? -sum : sum);
      negative = sum < 0;
    } else {
      digits = Added(std::move(digits), negative ? -more : more);
    }
    if (digits.size() > kReckonedDigits) return {0, std::move(digits), negative};
    const int64_t size = std::stoll(digits);
    return {negative ? -size : size, {}, false};
  }

  /// -1, 0 or 1: how it stands to what any small one is.
  int Side() const { return huge.empty() ? 0 : negative ? -1 : 1; }

  std::strong_ordering operator<=>(const Scale& other) const {
    if (auto side = Side() <=> other.Side(); side != 0) return side;
    if (huge.empty()) return small <=> other.small;
    std::strong_ordering size = huge.size() <=> other.huge.size();
    if (size == 0) size = huge.compare(other.huge) <=> 0;
    return negative ? 0 <=> size : size;
  }
};

/// A number as 0.DIGITS times ten to `scale`, without zeros at either end of the digits; no digits: zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  Scale scale;
};

Decimal ToDecimal(const NumberText& number) {
  Decimal decimal;
  decimal.digits = std::string(number.whole) + std::string(number.fraction);
  const size_t first = decimal.digits.find_first_not_of('0');
  if (first == std::string::npos) return {};  // -0 is 0 too
  decimal.negative = number.negative;
  decimal.scale =
      Scale::Of(std::string(number.exponent), number.exponent_negative, static_cast<int64_t>(number.whole.size()) - static_cast<int64_t>(first));
  decimal.digits.erase(decimal.digits.find_last_not_of('0') + 1);
  decimal.digits.erase(0, first);
  return decimal;
}

Decimal ToDecimal(std::string_view text) {
  std::optional<NumberText> number = SplitNumber(text);
  NOTIFYD_CHECK(number.has_value());
  return ToDecimal(*number);
}

/// Of an integer that is written plainly: its digits, where it is not "-0".
std::optional<std::string_view> PlainDigits(std::string_view text) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), IsDigit) || (digits == "0" && digits.size() < text.size())) return std::nullopt;
  return digits;
}

std::strong_ordering ComparePlain(std::string_view a, std::string_view b) {
  std::strong_ordering size = a.size() <=> b.size();
  return size != 0 ? size : a.compare(b) <=> 0;
}

}  // namespace

bool IsJsonNumber(std::string_view text) {
  return SplitNumber(text).has_value();
}

std::strong_ordering CompareJsonNumbers(std::string_view a, std::string_view b) {
  // Most are integers, and need no copies.
  if (std::optional<std::string_view> left = PlainDigits(a), right = PlainDigits(b); left && right) {
    const bool negative = a[0] == '-';
    if (negative != (b[0] == '-')) return negative ? std::strong_ordering::less : std::strong_ordering::greater;
    return negative ? ComparePlain(*right, *left) : ComparePlain(*left, *right);
  }
  const Decimal left = ToDecimal(a), right = ToDecimal(b);
  const auto sign = [](const Decimal& number) { return number.digits.empty() ? 0 : number.negative ? -1 : 1; };
  if (sign(left) != sign(right) || sign(left) == 0) return sign(left) <=> sign(right);
  std::strong_ordering size = left.scale <=> right.scale;
  if (size == 0) size = left.digits.compare(right.digits) <=> 0;
  return left.negative ? 0 <=> size : size;
}

std::string ExactNumber(std::string_view text) {
  const Decimal number = ToDecimal(text);
  if (number.digits.empty()) return "0";
  const Scale& scale = number.scale;
  const std::string exponent = scale.huge.empty() ? std::to_string(scale.small) : (scale.negative ? "-" : "") + scale.huge;
  return (number.negative ? "-0." : "0.") + number.digits + "e" + exponent;
}

bool IsWholeNumber(std::string_view text) {
  if (PlainDigits(text)) return true;
  const Decimal number = ToDecimal(text);
  if (number.digits.empty() || number.scale.Side() != 0) return number.scale.Side() >= 0;
  return number.scale.small >= static_cast<int64_t>(number.digits.size());
}

bool IsDivisor(std::string_view text) {
  const Decimal number = ToDecimal(text);
  return !number.negative && !number.digits.empty() && number.digits.size() <= 18 && number.scale.huge.empty();
}

bool IsMultipleOf(std::string_view text, std::string_view divisor_text) {
  const Decimal number = ToDecimal(text), divisor = ToDecimal(divisor_text);
  NOTIFYD_CHECK(divisor.scale.huge.empty() && !divisor.digits.empty() && divisor.digits.size() <= 18);
  if (number.digits.empty()) return true;
  // Both as integers times a power of ten: the number's digits, times ten to `power`, must be divisible by the divisor's digits. They do not end with
  // a zero, so where the power is below none they are divisible by no power of ten.
  constexpr int64_t kAnyPower = 64;  // above it, no further factor 2 or 5 can be in a divisor of 64 bits
  int64_t power = kAnyPower;
  if (number.scale.Side() < 0) return false;
  if (number.scale.Side() == 0) {
    power = (number.scale.small - static_cast<int64_t>(number.digits.size())) - (divisor.scale.small - static_cast<int64_t>(divisor.digits.size()));
    if (power < 0) return false;
    power = std::min(power, kAnyPower);
  }
  const uint64_t by = std::stoull(divisor.digits);
  uint64_t rest = 0;
  for (char digit : number.digits) rest = static_cast<uint64_t>((static_cast<Wide>(rest) * 10 + static_cast<unsigned>(digit - '0')) % by);
  for (; power > 0 && rest != 0; --power) rest = static_cast<uint64_t>(static_cast<Wide>(rest) * 10 % by);
  return rest == 0;
}

}  // namespace notifyd
