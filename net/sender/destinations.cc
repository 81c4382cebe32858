// The destination policy: parsing and matching of CIDR ranges, and the ranges that are refused unless the settings say otherwise.
#include "net/sender/destinations.h"

#include <ifaddrs.h>

#include <algorithm>
#include <charconv>

namespace notifyd {
namespace {

struct NamedRange {
  const char* range;
  const char* kind;
};
/// Refused unless destinations.allow names them (contract section 5). The narrow ranges first: the first that holds is the one that is named.
constexpr NamedRange kRefused[] = {
    {"169.254.169.254/32", "cloud metadata"},      // AWS, Azure, Google, OpenStack and most others
    {"169.254.170.0/24", "cloud metadata"},        // AWS container credentials
    {"100.100.100.200/32", "cloud metadata"},      // Alibaba
    {"168.63.129.16/32", "cloud metadata"},        // Azure's host agent
    {"192.0.0.192/32", "cloud metadata"},          // Oracle
    {"fd00:ec2::/32", "cloud metadata"},           // AWS: instance metadata, DNS, time, pod identity
    {"fd20:ce::254/128", "cloud metadata"},        // Google
    {"fd00:c1::a9fe:a9fe/128", "cloud metadata"},  // Oracle
    {"fd00:42::42/128", "cloud metadata"},         // Scaleway
    {"fd00:a9fe:a9fe::1/128", "cloud metadata"},   // Linode
    {"fd00:100::100:200/128", "cloud metadata"},   // Alibaba
    {"0.0.0.0/8", "unspecified"},
    {"169.254.0.0/16", "link-local"},
    {"224.0.0.0/4", "multicast"},
    {"255.255.255.255/32", "broadcast"},
    {"::/128", "unspecified"},
    {"fe80::/10", "link-local"},
    {"ff00::/8", "multicast"},
};

/// What kPrivateRanges stands for. Open unless the settings close it, since receivers live there.
constexpr NamedRange kPrivate[] = {
    {"10.0.0.0/8", "private"},                                   // RFC 1918, and the next two
    {"172.16.0.0/12", "private"},                                //
    {"192.168.0.0/16", "private"},                               //
    {"100.64.0.0/10", "shared"},                                 // RFC 6598: behind a carrier's NAT
    {"198.18.0.0/15", "benchmarking"},                           // RFC 2544
    {"127.0.0.0/8", "loopback"},                                 // RFC 1122
    {"240.0.0.0/4", "reserved"},                                 // RFC 1112: used as private space by some
    {"::1/128", "loopback"},           {"fc00::/7", "private"},  // RFC 4193
    {"fec0::/10", "site-local"},                                 // RFC 3879: deprecated, and routed all the same
};

struct ParsedRange {
  Cidr cidr;
  const NamedRange* entry;
};

template <size_t N>
std::vector<ParsedRange> ParseAll(const NamedRange (&table)[N]) {
  std::vector<ParsedRange> out;
  for (const NamedRange& entry : table) {
    Result<Cidr> cidr = Cidr::Parse(entry.range);
    CHECK(cidr.ok());
    out.push_back({*cidr, &entry});
  }
  return out;
}

const NamedRange* Find(const std::vector<ParsedRange>& ranges, const IpAddress& form) {
  for (const ParsedRange& range : ranges) {
    if (range.cidr.Contains(form)) return range.entry;
  }
  return nullptr;
}

const NamedRange* FindRefused(const IpAddress& form) {
  static const std::vector<ParsedRange> ranges = ParseAll(kRefused);
  return Find(ranges, form);
}

const NamedRange* FindPrivate(const IpAddress& form) {
  static const std::vector<ParsedRange> ranges = ParseAll(kPrivate);
  return Find(ranges, form);
}

bool HasPrefix(const IpAddress& address, std::initializer_list<uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.bytes.begin());
}

/// The IPv4 addresses that one under RFC 8215's local-use NAT64 prefix may stand for. Which of RFC 6052's lengths (48, 56, 64, 96) its translator
/// uses is not known here, so it is read in each. A reading in 0.0.0.0/8 says that it is not this one, unless all say so.
std::vector<IpAddress> LocalNat64(const uint8_t* b) {
  const uint8_t readings[4][4] = {{b[6], b[7], b[9], b[10]}, {b[7], b[9], b[10], b[11]}, {b[9], b[10], b[11], b[12]}, {b[12], b[13], b[14], b[15]}};
  std::vector<IpAddress> out;
  for (const uint8_t* reading : readings) {
    if (reading[0] != 0) out.push_back(IpAddress::V4(reading));
  }
  if (out.empty()) out.push_back(IpAddress::V4(b + 12));
  return out;
}

/// The IPv4 addresses that an IPv6 one stands for, beside being itself.
std::vector<IpAddress> Embedded(const IpAddress& address) {
  if (!address.v6) return {};
  const uint8_t* b = address.bytes.data();
  if (HasPrefix(address, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return {IpAddress::V4(b + 12)};  // RFC 6052: NAT64
  if (HasPrefix(address, {0, 0x64, 0xff, 0x9b, 0, 1})) return LocalNat64(b);
  if (HasPrefix(address, {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0})) return {IpAddress::V4(b + 12)};  // RFC 2765: SIIT, "IPv4-translated"
  if (HasPrefix(address, {0x20, 0x02})) return {IpAddress::V4(b + 2)};                                 // RFC 3056: 6to4
  if (HasPrefix(address, {0x20, 0x01, 0, 0})) {                                                        // RFC 4380: Teredo, server and client
    const uint8_t client[4] = {uint8_t(~b[12]), uint8_t(~b[13]), uint8_t(~b[14]), uint8_t(~b[15])};
    return {IpAddress::V4(b + 4), IpAddress::V4(client)};
  }
  // RFC 4291: IPv4-compatible. Below it lie :: and ::1, which are themselves alone.
  const bool compatible = HasPrefix(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  if (compatible && (b[12] != 0 || b[13] != 0 || b[14] != 0 || b[15] > 1)) return {IpAddress::V4(b + 12)};
  return {};
}

bool IsUnspecified(const IpAddress& address) {
  return std::all_of(address.bytes.begin(), address.bytes.end(), [](uint8_t byte) { return byte == 0; });
}

std::optional<uint16_t> PortOf(const std::string& text) {
  uint16_t port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

IpAddress Loopback(bool v6) {
  const uint8_t four[4] = {127, 0, 0, 1}, sixteen[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return v6 ? IpAddress::V6(sixteen) : IpAddress::V4(four);
}

}  // namespace

std::optional<std::string_view> PrivateRangeOf(const IpAddress& address) {
  if (const NamedRange* range = FindPrivate(address)) return range->range;
  for (const IpAddress& form : Embedded(address)) {
    if (const NamedRange* range = FindPrivate(form)) return range->range;
  }
  return std::nullopt;
}

Status DestinationPolicy::CheckAllowed(const std::string& text) {
  Result<Cidr> cidr = Cidr::Parse(text);
  return cidr.ok() ? Status::Ok() : std::move(cidr).status();
}

Status DestinationPolicy::CheckDenied(const std::string& text) {
  return text == kPrivateRanges ? Status::Ok() : CheckAllowed(text);
}

Status DestinationPolicy::CheckPort(const std::string& text) {
  return PortOf(text) ? Status::Ok() : Status(Code::kUnacceptable, "\"" + text + "\" is no port, 1 to 65535");
}

std::optional<std::vector<uint16_t>> DestinationPolicy::PortsOf(const std::vector<std::string>& items) {
  if (items.empty()) return std::nullopt;
  std::vector<uint16_t> ports;
  for (const std::string& item : items)
    if (const std::optional<uint16_t> port = PortOf(item)) ports.push_back(*port);
  return ports;
}

Status DestinationPolicy::Read(const std::vector<std::string>& allow, const std::vector<std::string>& deny, Level* out) {
  for (size_t i = 0; i < allow.size(); ++i) {
    if (Status status = CheckAllowed(allow[i]); !status.ok())
      return Status(status.code(), status.detail(), "/destinations/allow/" + std::to_string(i));
    out->allow.push_back({*Cidr::Parse(allow[i]), allow[i]});
  }
  for (size_t i = 0; i < deny.size(); ++i) {
    if (Status status = CheckDenied(deny[i]); !status.ok()) return Status(status.code(), status.detail(), "/destinations/deny/" + std::to_string(i));
    if (deny[i] == kPrivateRanges) out->deny_private = true;
    else out->deny.push_back({*Cidr::Parse(deny[i]), deny[i]});
  }
  return Status::Ok();
}

Result<DestinationPolicy> DestinationPolicy::Create(const std::vector<std::string>& allow, const std::vector<std::string>& deny) {
  DestinationPolicy policy;
  if (Status status = Read(allow, deny, &policy.file_); !status.ok()) return status;
  return policy;
}

void DestinationPolicy::SetDefaults(bool https_only, std::optional<std::vector<uint16_t>> ports) {
  https_only_ = https_only;
  ports_ = std::move(ports);
}

DestinationPolicy DestinationPolicy::ForNamespace(const NamespaceDestinations& settings, bool private_open) const {
  DestinationPolicy policy = *this;
  const std::vector<std::string> none;
  policy.private_open_ = private_open;
  policy.https_only_ = settings.https_only.value_or(https_only_);
  if (settings.ports) policy.ports_ = settings.ports;
  policy.own_.says_allow = settings.allow.has_value();
  if (Status read = Read(settings.allow ? *settings.allow : none, settings.deny ? *settings.deny : none, &policy.own_); !read.ok()) {
    policy.own_ = {{}, {{*Cidr::Parse("0.0.0.0/0"), "0.0.0.0/0"}, {*Cidr::Parse("::/0"), "::/0"}}, true, true};
  }
  return policy;
}

std::vector<IpAddress> InterfaceAddresses() {
  std::vector<IpAddress> out;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return out;
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    const std::optional<IpAddress> address = each->ifa_addr != nullptr ? IpAddress::From(each->ifa_addr) : std::nullopt;
    if (address) out.push_back(*address);
  }
  freeifaddrs(all);
  return out;
}

void DestinationPolicy::RefuseOwn(std::vector<Listener> listeners, std::function<std::vector<IpAddress>()> interfaces) {
  listeners_ = std::move(listeners);
  interfaces_ = std::move(interfaces);
}

const DestinationPolicy::Range* DestinationPolicy::Find(const std::vector<Range>& ranges, const IpAddress& form) {
  const auto found = std::find_if(ranges.begin(), ranges.end(), [&](const Range& range) { return range.cidr.Contains(form); });
  return found == ranges.end() ? nullptr : &*found;
}

bool DestinationPolicy::IsHere(const IpAddress& address) const {
  if (!interfaces_) return false;
  const std::vector<IpAddress> here = interfaces_();
  return std::find(here.begin(), here.end(), address) != here.end();
}

bool DestinationPolicy::IsOwn(const IpAddress& form, uint16_t port) const {
  // Who connects to an unspecified address reaches the loopback one.
  const IpAddress reached = IsUnspecified(form) ? Loopback(form.v6) : form;
  return std::any_of(listeners_.begin(), listeners_.end(), [&](const Listener& listener) {
    if (port == 0 || listener.port != port) return false;
    if (!IsUnspecified(listener.address)) return listener.address == reached;
    if (reached.v6 && !listener.address.v6) return false;
    if (reached == Loopback(true) || (!reached.v6 && reached.bytes[0] == 127)) return true;
    return IsHere(reached);
  });
}

/// `who`: closes it.
std::optional<std::string> DestinationPolicy::PrivateRefusal(const IpAddress& form, const char* who) const {
  if (const NamedRange* range = FindPrivate(form)) return form.ToString() + " is in " + range->range + " (" + range->kind + who + ")";
  if (IsHere(form)) return form.ToString() + " is an address of this machine (private" + who + ")";
  return std::nullopt;
}

std::optional<std::string> DestinationPolicy::RefusalOfForm(const IpAddress& form, uint16_t port) const {
  const bool by_file = Find(file_.allow, form) != nullptr, by_own = Find(own_.allow, form) != nullptr;
  if (!by_own) {
    if (const Range* range = Find(own_.deny, form)) return form.ToString() + " is in " + range->text + " (the namespace's destinations.deny)";
    if (own_.deny_private) {
      if (std::optional<std::string> refusal = PrivateRefusal(form, "; the namespace's destinations.deny")) return refusal;
    }
  }
  // A namespace that says what it allows takes no more of the file's than that.
  if (by_file && (by_own || !own_.says_allow)) return std::nullopt;
  if (IsOwn(form, port)) {
    return (form.v6 ? "[" + form.ToString() + "]" : form.ToString()) + ":" + std::to_string(port) +
           " is where this broker listens itself: destinations.allow does not name it";
  }
  if (const Range* range = Find(file_.deny, form)) return form.ToString() + " is in " + range->text + " (destinations.deny)";
  if (const NamedRange* refused = FindRefused(form)) return form.ToString() + " is in " + refused->range + " (" + refused->kind + ")";
  if (by_own) return std::nullopt;
  if (file_.deny_private) {
    if (std::optional<std::string> refusal = PrivateRefusal(form, "")) return refusal;
  }
  return private_open_ ? std::nullopt : PrivateRefusal(form, "; the namespace's destinations.allow does not name it");
}

std::optional<std::string> DestinationPolicy::Refusal(const IpAddress& address, uint16_t port) const {
  if (std::optional<std::string> refusal = RefusalOfForm(address, port)) return refusal;
  for (const IpAddress& form : Embedded(address)) {
    if (std::optional<std::string> refusal = RefusalOfForm(form, port)) return address.ToString() + " carries an IPv4 address: " + *refusal;
  }
  return std::nullopt;
}

std::optional<std::string> DestinationPolicy::RefusalOfKind(bool https, uint16_t port) const {
  if (https_only_ && !https) return "calls go by https only (destinations.https_only)";
  if (ports_ && std::find(ports_->begin(), ports_->end(), port) == ports_->end())
    return "port " + std::to_string(port) + " is none of destinations.ports";
  return std::nullopt;
}

}  // namespace notifyd
