// Simulation: one seed from its first request to the last settled notify. The core and the driver are those of production; the store, the
// sender, the clocks and the clients are fakes. Everything follows from the profile: the same one gives the same trace. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/auditor.h"
#include "sim/profile.h"

namespace notifyd::sim {

struct Outcome {
  uint64_t hash = 0;  // of the whole trace
  int64_t end_t = 0;  // simulated milliseconds
  std::vector<std::string> violations;
  Auditor::Tally tally;
};

/// Runs until everything settled, or until the first violation. Without tracing the outcome has no hash.
Outcome Run(const Profile& profile, Mutation mutation = Mutation::kNone, Tracing tracing = Tracing::kNone);

}  // namespace notifyd::sim
