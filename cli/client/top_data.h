// What top shows, asked of a broker: two looks at its counters give rates and quantiles, its lanes and newest failures stand as they are.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/client/context.h"
#include "cli/client/metrics_text.h"

namespace notifyd {

enum class LaneOrder { kPending, kOldest };

/// Counters at one moment.
struct TopLook {
  std::chrono::steady_clock::time_point at;
  std::string stats;  // the JSON of /v1/stats
  uint64_t accepted = 0, succeeded = 0, failed = 0, attempts = 0, retries = 0;
  Buckets lateness, acknowledgement;
  std::optional<double> in_flight;
};

struct TopLane {
  std::string json;  // as the broker has it
  std::string name, mode, oldest_due_at;
  bool paused = false;
  std::string paused_by;
  uint64_t pending = 0, ready = 0, in_flight = 0, retrying = 0;
  std::optional<uint64_t> head_age_ms;
};

struct TopFailure {
  std::string json;
  std::string id, settled_at, url, reason;
};

/// Per second; nothing before there are two looks.
struct TopRates {
  double accepted = 0, succeeded = 0, failed = 0, attempts = 0, retries = 0;
};

struct TopView {
  std::string server;
  std::string stats;
  std::optional<TopRates> rates;
  std::optional<double> lateness_p50_s, lateness_p99_s, acknowledgement_p99_s;
  uint64_t in_flight = 0;
  std::vector<TopLane> lanes;  // of the pages that were looked at, in the order asked for
  bool all_lanes = true;       // false: there are more than were looked at
  std::string oldest_due_at;   // of these lanes; empty: none
  std::optional<uint64_t> oldest_age_ms;
  std::vector<TopFailure> failures;  // newest first
};

/// By most pending, or by the oldest head.
void SortLanes(LaneOrder order, std::vector<TopLane>* lanes);

/// Looks at the counters. Error: kUnavailable where no answer came, else another code with the broker's detail.
Result<TopLook> LookAtCounters(HttpClient* client);
/// Asks for the whole; with `before` null without rates. Of lanes a few pages at most.
Result<TopView> LookAtAll(HttpClient* client, const TopLook* before, const TopLook& now, LaneOrder order);

}  // namespace notifyd
