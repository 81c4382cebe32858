// What a bridge counts, for its line on the terminal and for Prometheus. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace notifyd {

struct BridgeCounters {
  std::atomic<uint64_t> received{0}, accepted{0}, notifies{0}, duplicates{0}, dead_letters{0}, failed_submits{0}, connections{0}, unkeyed{0},
      labels_left_out{0};
  std::atomic<uint64_t> held{0}, held_bytes{0}, connected{0}, broker_there{0};
};

/// Prometheus' text format 0.0.4; `queue` is a label of each.
std::string MetricsText(const BridgeCounters& counters, const std::string& queue);

}  // namespace notifyd
