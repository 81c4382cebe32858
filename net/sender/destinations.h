// Destinations: which addresses may be called (contract section 5, and part 2, section 9). Pure values, any thread after they are made.
//
// Two levels say so: the file, for the broker, and a namespace's settings, over it. What the file alone opens (link-local and metadata addresses, the
// broker's own listeners, what its deny names) no namespace opens. Private ranges, with the addresses of the machine's own interfaces, are open to
// `default` and closed to every other namespace but as far as it allows them.
//
// An address is judged in each form in which it can reach a host: an IPv6 address that carries an IPv4 one (NAT64, SIIT, 6to4, Teredo, the old
// IPv4-compatible form) is judged as itself and as that one, and must pass as both. An IPv4-mapped address is the IPv4 address and nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/status.h"
#include "broker/namespace.h"

namespace notifyd {

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
  /// From now on these hold where a namespace says nothing of the kind: https alone, and no other ports.
  void SetDefaults(bool https_only, std::optional<std::vector<uint16_t>> ports);
  /// Is the text an item of `allow`: a range. Error: kUnacceptable, for people, without a field.
  static Status CheckAllowed(const std::string& text);
  /// Is it an item of `ports`: 1 to 65535. Error as above.
  static Status CheckPort(const std::string& text);
  /// The items as numbers, those that are one; nothing where there are none.
  static std::optional<std::vector<uint16_t>> PortsOf(const std::vector<std::string>& items);
  /// Is it an item of `deny`: a range, or kPrivateRanges. Error as above.
  static Status CheckDenied(const std::string& text);

  /// From now on these are refused too. `interfaces` gives the addresses of the machine's interfaces as they are at that moment.
  void RefuseOwn(std::vector<Listener> listeners, std::function<std::vector<IpAddress>()> interfaces = InterfaceAddresses);
  /// The same for a namespace with these settings. What of `settings` does not parse is left out: an allow is none then, and a deny is all.
  /// `private_open`: private ranges are open to it unless somebody denies them, as they are to `default`.
  DestinationPolicy ForNamespace(const NamespaceDestinations& settings, bool private_open) const;

  /// Why the address is refused, for people: names it and the range; nothing where it may be called. `port`: where it is to be called, for the
  /// broker's own listeners; 0: none of them. What is allowed wins over own listeners and what is denied, and that over the built-in denials.
  std::optional<std::string> Refusal(const IpAddress& address, uint16_t port = 0) const;
  /// Why no address would be called by this scheme at this port; nothing where that is left to the address.
  std::optional<std::string> RefusalOfKind(bool https, uint16_t port) const;
  /// Are private ranges closed, but for what is allowed of them?
  bool closes_private() const { return !private_open_ || file_.deny_private || own_.deny_private; }

 private:
  struct Range {
    Cidr cidr;
    std::string text;
  };
  /// What one level says.
  struct Level {
    std::vector<Range> allow, deny;
    bool says_allow = false;
    bool deny_private = false;
  };
  static Status Read(const std::vector<std::string>& allow, const std::vector<std::string>& deny, Level* out);
  static const Range* Find(const std::vector<Range>& ranges, const IpAddress& form);
  std::optional<std::string> RefusalOfForm(const IpAddress& form, uint16_t port) const;
  std::optional<std::string> PrivateRefusal(const IpAddress& form, const char* who) const;
  bool IsOwn(const IpAddress& form, uint16_t port) const;
  bool IsHere(const IpAddress& address) const;

  Level file_, own_;  // own_: a namespace's
  std::vector<Listener> listeners_;
  std::function<std::vector<IpAddress>()> interfaces_;
  bool private_open_ = true;
  bool https_only_ = false;
  std::optional<std::vector<uint16_t>> ports_;
};

}  // namespace notifyd
