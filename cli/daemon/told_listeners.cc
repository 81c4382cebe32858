#include "cli/daemon/told_listeners.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/authority.h"

namespace notifyd {
namespace {

/// Of one member; those beyond are not heard.
constexpr size_t kMostListeners = 64;

bool IsUnspecified(const IpAddress& address) {
  return std::all_of(address.bytes.begin(), address.bytes.end(), [](uint8_t byte) { return byte == 0; });
}

bool IsLoopback(const IpAddress& address) {
  return address.v6 ? address == IpAddress::Parse("::1") : address.bytes[0] == 127;
}

}  // namespace

std::optional<Listener> ListenerOf(std::string_view address) {
  const Result<Authority> at = ParseAuthority(address, 0);
  if (!at.ok() || at->host.empty()) return std::nullopt;
  const std::string host = at->host.front() == '[' ? at->host.substr(1, at->host.size() - 2) : at->host;
  const std::optional<IpAddress> ip = IpAddress::Parse(host);
  return ip ? std::optional(Listener{*ip, at->port}) : std::nullopt;
}

std::string TellListeners(const std::vector<Listener>& own, std::string_view advertise) {
  const std::optional<Listener> reached = ListenerOf(advertise);
  std::string told;
  for (const Listener& listener : own) {
    IpAddress address = listener.address;
    if (IsUnspecified(address)) {
      // :: takes both families.
      if (!reached || (reached->address.v6 && !address.v6)) continue;
      address = reached->address;
    }
    told.append(told.empty() ? "" : ", ").append(address.v6 ? "[" : "").append(address.ToString()).append(address.v6 ? "]:" : ":");
    told += std::to_string(listener.port);
  }
  return told;
}

std::vector<Listener> HearListeners(std::string_view told, std::string_view advertise) {
  const std::optional<Listener> reached = ListenerOf(advertise);
  std::vector<Listener> heard;
  while (!told.empty() && heard.size() < kMostListeners) {
    const size_t comma = std::min(told.find(','), told.size());
    const std::optional<Listener> listener = ListenerOf(TrimBlanks(told.substr(0, comma)));
    told.remove_prefix(std::min(comma + 1, told.size()));
    if (!listener || listener->port == 0 || IsUnspecified(listener->address)) continue;
    if (IsLoopback(listener->address) && !(reached && IsLoopback(reached->address))) continue;
    heard.push_back(*listener);
  }
  return heard;
}

}  // namespace notifyd
