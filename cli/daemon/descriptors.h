// Descriptors: how many open files the process may have, and who gets them. The store and calls come first: a store that cannot open its next log
// stops the broker, a client that is not accepted waits.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "cli/daemon/settings.h"

namespace notifyd {

/// Clients of the control socket at once.
inline constexpr uint64_t kControlConnections = 4;

/// Raises the soft limit to the hard one; returns what holds then.
uint64_t RaiseOpenFiles();

/// What the options were made to fit into.
struct DescriptorPlan {
  uint64_t limit = 0;    // open files of the process
  uint64_t store = 0;    // tables that RocksDB keeps open, logs, manifest and what is written beside them
  uint64_t calls = 0;    // calls in flight and connections to receivers that are kept
  uint64_t clients = 0;  // connections of clients, those for probes included
  bool lowered = false;  // less than the settings ask for
};

/// Lowers the options (StoreOptions::max_open_files, CoreLimits::max_in_flight, SenderOptions::max_idle_connections, each listener's connections) to
/// what `limit` open files allow, in shares: nobody takes another's. Error: kIo where not even a few of each fit.
Result<DescriptorPlan> FitDescriptors(uint64_t limit, Options* options);

}  // namespace notifyd
