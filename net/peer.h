// Peer: who is at the other end of a connection, as its listener knows it, and what that listener serves. A value, shared by all requests of the
// connection. Contract section 8.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"

namespace notifyd {

/// What a listener serves; what it does not is answered there as if it did not exist.
struct ServedParts {
  bool health = true;   // the probes
  bool metrics = true;  // /metrics
  bool admin = true;    // what looks and steers: routes for one of the scopes read, read_bodies, operate and admin
  bool rest = true;     // what is left: submits, triggers, publishes, registrations
  /// The broker's own control.sock, for its own uid and root: the commands of notifyd itself (/v1/tokens and /v1/backups with what is below them,
  /// /v1/rekey), and these without a credential.
  bool control = false;
  bool console = true;  // the web console's files; what they show is asked for by the other parts
  /// Requests that other members of the cluster pass on, and nothing else; what they may see is what the listener serves that they came to at first.
  bool members = false;

  static ServedParts ControlSocket() { return {false, false, false, false, true, false}; }
  static ServedParts Members() { return {false, false, false, false, false, false, true}; }
  bool operator==(const ServedParts&) const = default;
};

/// Who asks at a listener that says so itself, since its clients' protocol has no credentials: by which grant, in which namespace.
struct NamedGrant;  // net/access/principal.h
struct FixedAsker {
  std::shared_ptr<const NamedGrant> grant;
  std::string space;
};

/// Who connects.
struct Peer {
  std::optional<IpAddress> address;                 // none over a Unix socket
  std::optional<uint32_t> uid;                      // over a Unix socket (SO_PEERCRED)
  std::vector<std::string> certificate_names = {};  // TlsSession::peer_names
  ServedParts serves = {};                          // the listener's
  std::shared_ptr<const FixedAsker> asker = {};     // the listener's; null: he shows himself who he is
  /// For logs, and as failures are counted: an IPv6 address by its /64, since one host has that many.
  std::string Name() const;
};

}  // namespace notifyd
