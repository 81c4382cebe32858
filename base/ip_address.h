// Addresses and ranges of them, as values. Pure, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

struct sockaddr;

namespace notifyd {

/// An IPv4 or IPv6 address. IPv4-mapped IPv6 addresses are held as IPv4.
struct IpAddress {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};  // network order; the first 4 for IPv4

  static IpAddress V4(const uint8_t* four);
  static IpAddress V6(const uint8_t* sixteen);
  /// Reads a literal without brackets, port or zone; nothing for anything else.
  static std::optional<IpAddress> Parse(std::string_view text);
  /// Reads a socket's address; nothing unless its family is AF_INET or AF_INET6.
  static std::optional<IpAddress> From(const sockaddr* address);
  std::string ToString() const;
  bool operator==(const IpAddress&) const = default;
};

/// A range of addresses of one family: 0.0.0.0/0 is all of IPv4, ::/0 all of IPv6.
struct Cidr {
  IpAddress base;
  int bits = 0;  // of base that count: 0-32 or 0-128

  /// Reads "10.0.0.0/8", "fd00::/8", or an address alone. Bits beyond the prefix are ignored. An IPv4 range in its mapped form counts its bits from
  /// the front of the IPv6 address ("::ffff:10.0.0.0/104"). Error: kUnacceptable, for people.
  static Result<Cidr> Parse(std::string_view text);
  bool Contains(const IpAddress& address) const;
  /// Is each address of `other` in it?
  bool Contains(const Cidr& other) const { return other.bits >= bits && Contains(other.base); }
  /// Writes "10.0.0.0/8", as Parse reads it; bits beyond the prefix are zero.
  std::string ToString() const;
  bool operator==(const Cidr&) const = default;
};

}  // namespace notifyd
