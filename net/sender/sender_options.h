// What every sender is made with: its settings, and what the broker is to others.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/sender/capture_room.h"
#include "net/sender/destination_rules.h"
#include "net/sender/destinations.h"
#include "net/sender/resolver.h"

namespace notifyd {

struct SenderOptions {
  size_t max_response_bytes = 1 << 20;      // read at most, where a pattern needs the body
  size_t recorded_failure_bytes = 4 << 10;  // of the response body kept with a failed attempt
  size_t recorded_success_bytes = 256;
  std::vector<std::string> capture_headers;  // that may be shown of captured answers, beside those that always may
  /// Bytes of answers that are captured at once, over all senders that share `captured`, from when they come until nobody holds them any more. No
  /// call waits for room before it is made: an answer that finds none is read on later, and is cut where that would take too long.
  size_t max_captured_bytes = 64 << 20;
  std::shared_ptr<CaptureLedger> captured = std::make_shared<CaptureLedger>();
  size_t max_idle_connections = 256;
  int64_t max_connection_age_ms = 300'000;  // a connection serves no further call then, so that a name that moved is followed
  ResolverOptions resolver;
  bool follow_redirects = false;  // then at most 5, method kept on 307 and 308
  std::string user_agent;         // "notifyd/VERSION"
  /// Names, any case, of headers that carry credentials beside those that always do (base/secrets.h): where an answer repeats their values, these
  /// are masked before anything of it is recorded.
  std::vector<std::string> secret_headers;
  /// PEM file of the certificate authorities that receivers' certificates must come from; empty: the system's.
  std::string ca_file;
  /// CIDR lists (contract section 5): what is allowed wins over what is denied; the built-in denials come last.
  std::vector<std::string> allow, deny;
  /// What holds for namespaces that say nothing of it: https alone, and these ports alone (numbers; none: any).
  bool https_only = false;
  std::vector<std::string> ports;
  /// Looked at directly before the first byte of a request is sent. False: the process gives everything up within moments, and nothing is sent any
  /// more (contract section 22, "Lease"). Empty: always.
  std::function<bool()> may_call = {};
  /// Never null.
  std::shared_ptr<const DestinationRules> rules = std::make_shared<const DestinationRules>();
};

/// What the broker is to others, known once it listens.
struct SenderSelf {
  std::string via;                  // its name in Notify-Via; empty: none is sent
  std::vector<Listener> listeners;  // refused as destinations unless `allow` names them
};

}  // namespace notifyd
