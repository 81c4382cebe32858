#include "base/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace notifyd {
namespace {

Status NotARange(std::string_view text) {
  return Status(Code::kUnacceptable, "\"" + std::string(text) + "\" is not an address range such as 10.0.0.0/8 or fd00::/8");
}

}  // namespace

IpAddress IpAddress::V4(const uint8_t* four) {
  IpAddress out;
  std::memcpy(out.bytes.data(), four, 4);
  return out;
}

IpAddress IpAddress::V6(const uint8_t* sixteen) {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(sixteen, kMapped, sizeof kMapped) == 0) return V4(sixteen + 12);
  IpAddress out;
  out.v6 = true;
  std::memcpy(out.bytes.data(), sixteen, 16);
  return out;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  uint8_t raw[16];
  if (inet_pton(AF_INET, terminated.c_str(), raw) == 1) return V4(raw);
  if (inet_pton(AF_INET6, terminated.c_str(), raw) == 1) return V6(raw);
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::From(const sockaddr* address) {
  uint8_t raw[16];
  if (address->sa_family == AF_INET) {
    std::memcpy(raw, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, 4);
    return V4(raw);
  }
  if (address->sa_family == AF_INET6) {
    std::memcpy(raw, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, 16);
    return V6(raw);
  }
  return std::nullopt;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  CHECK(inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text) != nullptr);
  return text;
}

Result<Cidr> Cidr::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view address_text = text.substr(0, slash);
  std::optional<IpAddress> address = IpAddress::Parse(address_text);
  if (!address) return NotARange(text);
  const bool mapped = !address->v6 && address_text.find(':') != std::string_view::npos;
  const int most = address->v6 || mapped ? 128 : 32;
  int bits = most;
  if (slash != std::string_view::npos) {
    const std::string_view number = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bits);
    if (error != std::errc() || end != number.data() + number.size() || bits < 0 || bits > most) return NotARange(text);
  }
  if (mapped) {
    if (bits < 96) {
      return Status(Code::kUnacceptable, "\"" + std::string(text) +
                                             "\" counts its bits from the front of the IPv6 address, of which 96 make it IPv4: write " +
                                             address->ToString() + "/" + std::to_string(std::min(bits, 32)));
    }
    bits -= 96;
  }
  return Cidr{*address, bits};
}

std::string Cidr::ToString() const {
  IpAddress first = base;
  for (size_t i = 0; i < first.bytes.size(); ++i) {
    const int kept = std::clamp(bits - static_cast<int>(i) * 8, 0, 8);
    first.bytes[i] = static_cast<uint8_t>(first.bytes[i] & ~(0xff >> kept));
  }
  return first.ToString() + "/" + std::to_string(bits);
}

bool Cidr::Contains(const IpAddress& address) const {
  if (address.v6 != base.v6) return false;
  const size_t whole = static_cast<size_t>(bits) / 8;
  if (std::memcmp(address.bytes.data(), base.bytes.data(), whole) != 0) return false;
  const int rest = bits % 8;
  return rest == 0 || ((address.bytes[whole] ^ base.bytes[whole]) >> (8 - rest)) == 0;
}

}  // namespace notifyd
