// The core's numbers, each a setting (contract section 5). Plain values with their defaults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/notify.h"

namespace notifyd {

/// What the configuration says for all lanes whose name matches; the first rule that matches a lane counts, whole.
struct LaneRule {
  std::string match;         // "*" stands for any run of characters, also none; all else for itself
  std::optional<Mode> mode;  // nothing: both
  LaneSettings settings;     // `paused` stays kNo
  bool operator==(const LaneRule&) const = default;
};

struct CoreLimits {
  uint64_t max_pending = 50'000'000;
  uint32_t max_in_flight = 1024;
  uint32_t max_in_flight_per_lane = 64;  // a concurrent lane
  uint32_t max_in_flight_per_host = 256;
  std::vector<LaneRule> lane_rules;
  size_t max_body_bytes = 1 << 20;  // for merged trigger data
  int64_t idempotency_window_ms = 24 * 3600 * 1000;
  int64_t retention_succeeded_ms = 24 * 3600 * 1000;
  int64_t retention_settled_ms = 30LL * 24 * 3600 * 1000;
  /// An attempt's end is synced at most this much later.
  int64_t sync_delay_ms = 50;

  // Memory: none of these grows with the backlog.
  /// What is due sooner than this is held in the timer wheel.
  int64_t lookahead_ms = 30'000;
  /// Notifies loaded at once: paging stops above it.
  size_t max_loaded = 64 * 1024;
  /// The head of one lane that is kept in memory; what sorts behind it is spilled.
  size_t max_loaded_per_lane = 2048;
  /// Lanes of one host that wait in memory; further ones sleep in the store.
  size_t max_waiting_lanes_per_host = 1024;
  /// Spec bytes kept with loaded notifies; beyond it a spec is read again for its attempt.
  size_t max_spec_bytes = 32 << 20;
  size_t page_items = 512;
};

}  // namespace notifyd
