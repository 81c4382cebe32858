// Several: one seed of a broker with several namespaces: as many cores, each with its driver, over one store with a view for each and one governor
// that lends what they share. Namespaces are made late, sleep, are woken and are removed; grants and reports are under way for some time; the machine
// crashes in between. Each namespace has an auditor and a model of its own (auditor.h), which know of no other: what crosses is seen by them. One
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/profile.h"

namespace notifyd::sim {

struct SeveralOutcome {
  uint64_t hash = 0;  // of the whole trace
  int64_t end_t = 0;  // simulated milliseconds
  std::vector<std::string> violations;
  /// What the run amounted to, to see that seeds do reach what they should.
  struct Tally {
    uint64_t accepted = 0, starts = 0, crashes = 0, sleeps = 0, wakes_by_time = 0, wakes_by_request = 0, removed = 0, drained_again = 0, closed = 0,
             grants = 0, taken_back = 0, at_cap = 0, shared_grants = 0, at_shared_cap = 0;
    template <class Visit>
    void ForEach(Visit visit) {
      visit("accepted", accepted), visit("attempts", starts), visit("crashes", crashes), visit("sleeps", sleeps);
      visit("wakes by time", wakes_by_time), visit("wakes by request", wakes_by_request), visit("removed", removed);
      visit("drained again", drained_again), visit("closed", closed), visit("grants", grants), visit("taken back", taken_back),
          visit("at cap", at_cap), visit("shared grants", shared_grants), visit("at a shared cap", at_shared_cap);
    }
    Tally& operator+=(Tally other) {
      std::vector<uint64_t> more;
      other.ForEach([&](const char*, uint64_t n) { more.push_back(n); });
      size_t at = 0;
      ForEach([&](const char*, uint64_t& n) { n += more[at++]; });
      return *this;
    }
  } tally;
};

/// Runs until everything settled, or until the first violation. Without tracing the outcome has no hash.
SeveralOutcome RunSeveral(uint64_t seed, Mutation mutation = Mutation::kNone, Tracing tracing = Tracing::kNone);

}  // namespace notifyd::sim
