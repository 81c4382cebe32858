// What the settings say of other members that share the store. Contract section 23.
#pragma once

#include <cstddef>
#include <string>

namespace notifyd {

struct ClusterOptions {
  std::string name;                          // among the members; empty: `advertise`
  std::string advertise;                     // HOST:PORT at which the other members reach this one; empty: it is no member
  std::string listen;                        // address and port of that listener; empty: `advertise`, which has an address then
  std::string cert_file, key_file, ca_file;  // by which members show each other who they are
  bool insecure = false;                     // they do not
  size_t max_connections = 1'024;            // from others to its listener

  bool on() const { return !advertise.empty(); }
  /// That of `advertise`, an address without brackets.
  std::string host() const {
    const std::string host = advertise.substr(0, advertise.rfind(':'));
    return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
  }
  const std::string& member() const { return name.empty() ? advertise : name; }
  const std::string& listen_on() const { return listen.empty() ? advertise : listen; }
};

}  // namespace notifyd
