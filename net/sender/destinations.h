// Destinations: which addresses may be called (contract section 5). Pure values, any thread after they are made.
//
// An address is judged in each form in which it can reach a host: an IPv6 address that carries an IPv4 one (NAT64, SIIT, 6to4, Teredo, the old
// IPv4-compatible form) is judged as itself and as that one, and must pass as both. An IPv4-mapped address is the IPv4 address and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

struct sockaddr;

namespace notifyd {

/// An IPv4 or IPv6 address. IPv4-mapped IPv6 addresses are held as IPv4.
struct IpAddress {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};  // network order; the first 4 for IPv4

  static IpAddress V4(const uint8_t* four);
  static IpAddress V6(const uint8_t* sixteen);
  /// A literal without brackets, port or zone; nothing for anything else.
  static std::optional<IpAddress> Parse(std::string_view text);
  /// Nothing unless its family is AF_INET or AF_INET6.
  static std::optional<IpAddress> From(const sockaddr* address);
  std::string ToString() const;
  bool operator==(const IpAddress&) const = default;
};

/// A range of addresses of one family: 0.0.0.0/0 is all of IPv4, ::/0 all of IPv6.
struct Cidr {
  IpAddress base;
  int bits = 0;  // of base that count: 0-32 or 0-128

  /// "10.0.0.0/8", "fd00::/8", or an address alone. Bits beyond the prefix are ignored. An IPv4 range in its mapped form counts its bits from the
  /// front of the IPv6 address ("::ffff:10.0.0.0/104"). Error: kUnacceptable, for people.
  static Result<Cidr> Parse(std::string_view text);
  bool Contains(const IpAddress& address) const;
};

/// Stands in destinations.deny for all ranges that are no part of the public internet: private, shared, loopback, reserved ones.
inline constexpr std::string_view kPrivateRanges = "private";
/// The range of that set which the address, or one that it carries, is in; nothing where it is in none.
std::optional<std::string_view> PrivateRangeOf(const IpAddress& address);

/// Where a server listens. An unspecified address is any of the machine's: 0.0.0.0 of IPv4, :: of both families.
struct Listener {
  IpAddress address;
  uint16_t port = 0;
};

/// The addresses of the machine's interfaces. A few system calls.
std::vector<IpAddress> InterfaceAddresses();

class DestinationPolicy {
 public:
  /// The built-in denials alone.
  DestinationPolicy() = default;
  /// Error: kUnacceptable with field "/destinations/allow/0" or the like where CheckAllowed or CheckDenied refuses an item.
  static Result<DestinationPolicy> Create(const std::vector<std::string>& allow, const std::vector<std::string>& deny);
  /// Is the text an item of `allow`: a range. Error: kUnacceptable, for people, without a field.
  static Status CheckAllowed(const std::string& text);
  /// Is it an item of `deny`: a range, or kPrivateRanges. Error as above.
  static Status CheckDenied(const std::string& text);

  /// From now on these are refused too. `interfaces` gives the addresses of the machine's interfaces as they are at that moment.
  void RefuseOwn(std::vector<Listener> listeners, std::function<std::vector<IpAddress>()> interfaces = InterfaceAddresses);

  /// Why the address is refused, for people: names it and the range; nothing where it may be called. `port`: where it is to be called, for the
  /// broker's own listeners; 0: none of them. What is allowed wins over own listeners and what is denied, and that over the built-in denials.
  std::optional<std::string> Refusal(const IpAddress& address, uint16_t port = 0) const;

 private:
  struct Range {
    Cidr cidr;
    std::string text;
  };
  std::optional<std::string> RefusalOfForm(const IpAddress& form, uint16_t port) const;
  bool IsOwn(const IpAddress& form, uint16_t port) const;

  std::vector<Range> allow_, deny_;
  std::vector<Listener> own_;
  std::function<std::vector<IpAddress>()> interfaces_;
  bool deny_private_ = false;
};

}  // namespace notifyd
