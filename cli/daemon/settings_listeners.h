// Where the broker listens: the setting `listen`, and the [[listener]] tables of the configuration file. Contract section 8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "net/peer.h"

namespace notifyd {

/// An IP literal and a port; IPv6 stands in brackets. "localhost" is read as 127.0.0.1. Or "unix:" and an absolute path.
struct ListenAddress {
  std::string address;
  uint16_t port = 0;
  std::string path = {};  // of a Unix socket; then the others say nothing
  /// "127.0.0.1:7300", "[::1]:7300", with `bound_port` in place of port; "unix:/run/notifyd/notifyd.sock".
  std::string ToString(uint16_t bound_port) const;
  /// Only this machine can connect there.
  bool local() const;
  bool operator==(const ListenAddress&) const = default;
};
/// Error: kUnacceptable.
Result<ListenAddress> ParseListen(std::string_view text);

/// What a [[listener]] table says.
struct ListenerOptions {
  std::string address;
  std::string tls_certificate, tls_key, tls_client_ca;  // paths; empty: none
  std::vector<std::string> only;                        // "health", "metrics", "admin", "console"; empty: all
  size_t max_connections = 0;                           // 0: limits.connections, or kOnlyConnections where `only` says something
  static constexpr size_t kOnlyConnections = 64;
  bool console = false;  // the web console, where `only` is empty
  bool members = false;  // for other members of the cluster alone
  // Where its protocol is beanstalkd's: who its clients are.
  bool beanstalkd = false;
  std::string space = {};               // their namespace; empty: default
  std::string caller = {};              // empty: none is fixed
  std::vector<std::string> cidrs = {};  // from where they may come; empty: from anywhere
  ServedParts serves() const;
  bool operator==(const ListenerOptions&) const = default;
};

struct Options;
/// All listeners: that of `listen` first (where it is not empty), then those of the tables.
std::vector<ListenerOptions> AllListeners(const Options& options);

/// Is there any, and each only once; and is it said who may do what where other machines can connect? Error: kUnacceptable with the field.
Status CheckListeners(const Options& options);

/// What conf/notifyd.toml says about the tables, commented out.
std::string ListenersAsToml();

}  // namespace notifyd
