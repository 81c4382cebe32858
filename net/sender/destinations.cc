// The destination policy: parsing and matching of CIDR ranges, and the ranges that are refused unless the settings say otherwise.
#include "net/sender/destinations.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <cstring>

namespace notifyd {
namespace {

struct BuiltIn {
  const char* range;
  const char* kind;
};
// The narrow ranges first: the first that holds is the one that is named.
constexpr BuiltIn kBuiltIn[] = {
    {"169.254.169.254/32", "cloud metadata"},  // AWS, Azure, Google, OpenStack and most others
    {"169.254.170.0/24", "cloud metadata"},    // AWS container credentials
    {"100.100.100.200/32", "cloud metadata"},  // Alibaba
    {"168.63.129.16/32", "cloud metadata"},    // Azure's host agent
    {"192.0.0.192/32", "cloud metadata"},      // Oracle
    {"fd00:ec2::/32", "cloud metadata"},       // AWS: instance metadata, DNS, time, pod identity
    {"fd20:ce::254/128", "cloud metadata"},    // Google
    {"fd00:42::42/128", "cloud metadata"},     // Scaleway
    {"0.0.0.0/8", "unspecified"},
    {"169.254.0.0/16", "link-local"},
    {"224.0.0.0/4", "multicast"},
    {"255.255.255.255/32", "broadcast"},
    {"::/128", "unspecified"},
    {"fe80::/10", "link-local"},
    {"ff00::/8", "multicast"},
};

struct ParsedBuiltIn {
  Cidr cidr;
  const BuiltIn* entry;
};

const std::vector<ParsedBuiltIn>& BuiltIns() {
  static const std::vector<ParsedBuiltIn> parsed = [] {
    std::vector<ParsedBuiltIn> out;
    for (const BuiltIn& entry : kBuiltIn) {
      std::optional<Cidr> cidr = Cidr::Parse(entry.range);
      CHECK(cidr.has_value());
      out.push_back({*cidr, &entry});
    }
    return out;
  }();
  return parsed;
}

bool HasPrefix(const IpAddress& address, std::initializer_list<uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.bytes.begin());
}

/// The IPv4 addresses that an IPv6 one stands for, beside being itself.
std::vector<IpAddress> Embedded(const IpAddress& address) {
  if (!address.v6) return {};
  const uint8_t* b = address.bytes.data();
  // RFC 6052: the well-known NAT64 prefix. RFC 8215: its local-use sibling, whose /96 form is the usual one.
  if (HasPrefix(address, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}) || HasPrefix(address, {0, 0x64, 0xff, 0x9b, 0, 1})) {
    return {IpAddress::V4(b + 12)};
  }
  if (HasPrefix(address, {0x20, 0x02})) return {IpAddress::V4(b + 2)};  // RFC 3056: 6to4
  if (HasPrefix(address, {0x20, 0x01, 0, 0})) {                         // RFC 4380: Teredo, server and client
    const uint8_t client[4] = {uint8_t(~b[12]), uint8_t(~b[13]), uint8_t(~b[14]), uint8_t(~b[15])};
    return {IpAddress::V4(b + 4), IpAddress::V4(client)};
  }
  // RFC 4291: IPv4-compatible. Below it lie :: and ::1, which are themselves alone.
  const bool compatible = HasPrefix(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  if (compatible && (b[12] != 0 || b[13] != 0 || b[14] != 0 || b[15] > 1)) return {IpAddress::V4(b + 12)};
  return {};
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

std::optional<Cidr> Cidr::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view address_text = text.substr(0, slash);
  std::optional<IpAddress> address = IpAddress::Parse(address_text);
  if (!address) return std::nullopt;
  // An IPv4 range written in its mapped form counts its bits from the front of the IPv6 address.
  const bool mapped = !address->v6 && address_text.find(':') != std::string_view::npos;
  const int most = address->v6 || mapped ? 128 : 32;
  int bits = most;
  if (slash != std::string_view::npos) {
    const std::string_view number = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bits);
    if (error != std::errc() || end != number.data() + number.size() || bits < 0 || bits > most) return std::nullopt;
  }
  if (mapped) {
    if (bits < 96) return std::nullopt;
    bits -= 96;
  }
  return Cidr{*address, bits};
}

bool Cidr::Contains(const IpAddress& address) const {
  if (address.v6 != base.v6) return false;
  const size_t whole = static_cast<size_t>(bits) / 8;
  if (std::memcmp(address.bytes.data(), base.bytes.data(), whole) != 0) return false;
  const int rest = bits % 8;
  return rest == 0 || ((address.bytes[whole] ^ base.bytes[whole]) >> (8 - rest)) == 0;
}

Result<std::vector<DestinationPolicy::Range>> DestinationPolicy::ParseList(const std::vector<std::string>& list, const std::string& field) {
  std::vector<Range> out;
  for (const std::string& text : list) {
    std::optional<Cidr> cidr = Cidr::Parse(text);
    if (!cidr) {
      return Status(Code::kUnacceptable, "\"" + text + "\" is not an address range such as 10.0.0.0/8 or fd00::/8",
                    field + std::to_string(out.size()));
    }
    out.push_back({*cidr, text});
  }
  return out;
}

Result<DestinationPolicy> DestinationPolicy::Create(const std::vector<std::string>& allow, const std::vector<std::string>& deny) {
  DestinationPolicy policy;
  Result<std::vector<Range>> allowed = ParseList(allow, "/destinations/allow/");
  if (!allowed.ok()) return std::move(allowed).status();
  Result<std::vector<Range>> denied = ParseList(deny, "/destinations/deny/");
  if (!denied.ok()) return std::move(denied).status();
  policy.allow_ = *std::move(allowed);
  policy.deny_ = *std::move(denied);
  return policy;
}

std::optional<std::string> DestinationPolicy::RefusalOfForm(const IpAddress& form) const {
  for (const Range& range : allow_) {
    if (range.cidr.Contains(form)) return std::nullopt;
  }
  for (const Range& range : deny_) {
    if (range.cidr.Contains(form)) return form.ToString() + " is in " + range.text + " (destinations.deny)";
  }
  for (const ParsedBuiltIn& built_in : BuiltIns()) {
    if (built_in.cidr.Contains(form)) return form.ToString() + " is in " + built_in.entry->range + " (" + built_in.entry->kind + ")";
  }
  return std::nullopt;
}

std::optional<std::string> DestinationPolicy::Refusal(const IpAddress& address) const {
  if (std::optional<std::string> refusal = RefusalOfForm(address)) return refusal;
  for (const IpAddress& form : Embedded(address)) {
    if (std::optional<std::string> refusal = RefusalOfForm(form)) return address.ToString() + " carries an IPv4 address: " + *refusal;
  }
  return std::nullopt;
}

}  // namespace notifyd
