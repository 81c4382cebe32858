// The histograms of /metrics: the runtime owns them, the parts count into them.
#pragma once

#include <vector>

#include "base/histogram.h"

namespace notifyd {

struct Histograms {
  NamedHistogram acknowledgement{"notifyd_acknowledgement_seconds", "From a submit's last byte to its answer.", {}};
  NamedHistogram lateness{"notifyd_lateness_seconds", "Start of an attempt behind its due time, or behind the end of its wait.", {}};
  NamedHistogram attempt{"notifyd_attempt_seconds", "From an attempt's start to its end.", {}};
  NamedHistogram commit{"notifyd_commit_seconds", "One write to the store with its sync.", {}};
  NamedHistogram loop_lag{"notifyd_loop_lag_seconds", "What a turn of an event loop took: so late was what came in it.", {}};

  std::vector<const NamedHistogram*> All() const { return {&acknowledgement, &lateness, &attempt, &commit, &loop_lag}; }
};

}  // namespace notifyd
