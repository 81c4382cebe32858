// The core's numbers, each a setting (contract section 5). Plain values with their defaults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/breaker.h"
#include "broker/notify.h"

namespace notifyd {

/// What the configuration says for all lanes whose name matches; the first rule that matches a lane counts, whole.
struct LaneRule {
  std::string match;         // "*" stands for any run of characters, also none; all else for itself
  std::optional<Mode> mode;  // nothing: both
  LaneSettings settings;     // `paused` stays kNo
  /// A notify without order_by of its own, that would go to a lane which matches, goes to a fifo partition of that: by the value at this JSON Pointer
  /// into its data. The next two go with it: over how many partitions (nothing: the default), and whether one without such a value goes to some of
  /// them.
  std::optional<std::string> order_by = {};
  std::optional<uint32_t> partitions = {};
  std::optional<bool> order_by_spread = {};
  bool operator==(const LaneRule&) const = default;
};

struct CoreLimits {
  uint64_t max_pending = 50'000'000;
  bool own_max_pending = false;  // it is the namespace's, not the broker's: what a refusal calls it
  // Quotas of a namespace: what submits, triggers and changes add. Ends, callbacks, retries and cancels are never refused.
  /// Notifies accepted a second, 0: no limit; and how many at once after a rest, at least 1. A batch may go below an empty bucket where it was full.
  double submits_per_s = 0;
  uint32_t submit_burst = 1;
  /// What the store was last measured to hold of the namespace (StoredBytes) and what was accepted since. Nothing: no limit.
  std::optional<uint64_t> max_stored_bytes;
  uint32_t max_in_flight = 1024;
  bool own_max_in_flight = false;        // it is the namespace's, not the broker's: what explain calls it
  uint32_t max_in_flight_per_lane = 64;  // a concurrent lane
  uint32_t max_in_flight_per_host = 256;
  BreakerSettings breaker;  // of hosts
  std::vector<LaneRule> lane_rules;
  size_t max_body_bytes = 1 << 20;  // for merged trigger data
  /// So many bytes, of bodies and of data of triggers that came before them, are merged in one turn; more only where the first is longer.
  size_t merged_bytes_a_turn = 256 << 10;
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

/// What a core uses of what the broker's cores share, and whether it waits for more of it: what the governor (broker/governor.h) lends by.
struct CoreUsage {
  uint64_t grant = 0;  // GrantChanged::number of the last one that the core took; 0: none
  uint32_t in_flight = 0;
  size_t loaded = 0;
  bool wants_in_flight = false;  // something could be sent if more might be in flight
  bool wants_loaded = false;     // memory is short, and more is on disk
  bool over = false;             // it uses more than it is lent: each end brings that down
  bool operator==(const CoreUsage&) const = default;
};

/// What a core knows of what its namespace stores (max_stored_bytes).
struct StoredUse {
  uint64_t bytes = 0;                // as measured (StoredBytes), and what was accepted since
  uint64_t refused = 0, purged = 0;  // since the core was made: how often there was no room for more, how many notifies were purged
};

}  // namespace notifyd
