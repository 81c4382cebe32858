#include "base/ids.h"

namespace notifyd {

std::string NotifyId::ToString() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(17, 'n');
  for (int i = 0; i < 16; ++i) text[16 - i] = kDigits[(value >> (4 * i)) & 15];
  return text;
}

std::optional<NotifyId> NotifyId::Parse(std::string_view text) {
  if (text.size() != 17 || text[0] != 'n') return std::nullopt;
  uint64_t value = 0;
  for (char c : text.substr(1)) {
    uint64_t digit;
    if (c >= '0' && c <= '9') digit = static_cast<uint64_t>(c - '0');
    else if (c >= 'a' && c <= 'f') digit = static_cast<uint64_t>(c - 'a' + 10);
    else return std::nullopt;
    value = value << 4 | digit;
  }
  const NotifyId id{value};
  if (value == 0 || id.number() > kMostNumber) return std::nullopt;
  return id;
}

}  // namespace notifyd
