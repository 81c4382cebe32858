// What holds for a lane: its own settings, else the first rule of the configuration that matches, else the defaults. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "broker/limits.h"
#include "broker/notify.h"

namespace notifyd {

/// What may be set, for a lane or by a rule: concurrency and burst are 1 at least.
inline constexpr int64_t kMaxLaneConcurrency = 100'000, kMaxLaneBurst = 1'000'000;
inline constexpr double kMinLaneRate = 0.001, kMaxLaneRate = 1'000'000;

struct LaneLimits {
  Paused paused = Paused::kNo;
  uint32_t concurrency = 1;  // 1 in a fifo lane
  double rate_per_s = 0;     // 0: no limit
  uint32_t burst = 1;        // where there is a rate: what may be sent at once after a rest
  OnRetry on_retry = OnRetry::kBlock;
  OnFailure on_failure = OnFailure::kContinue;
  bool operator==(const LaneLimits&) const = default;
};

/// The first rule that matches the lane; null where none does.
const LaneRule* RuleOf(const LaneKey& lane, std::span<const LaneRule> rules);

/// A burst that nobody said is what the rate gives in 10 ms, at least 1.
LaneLimits LimitsOf(const LaneKey& lane, const LaneSettings& own, const CoreLimits& limits);

/// Has anybody said, by the lane's own settings or by a rule, what it does while its head waits for its next attempt?
bool SaysOnRetry(const LaneKey& lane, const LaneSettings& own, const CoreLimits& limits);

/// "*" in `pattern` stands for any run of bytes, also none. Looks at each byte of both a few times, whatever they are.
bool MatchesPattern(std::string_view pattern, std::string_view text);

/// How many texts between two "*" the rules have together: a name is gone through for each, while what stands before the first "*" and behind the
/// last one is compared in one place.
size_t SearchesOf(std::span<const LaneRule> rules);
/// So many of them a namespace may have, since its rules are asked for each lane, and by the items of a batch that are ordered, on threads that
/// others share: some tens of us a name at worst.
inline constexpr size_t kMostSearches = 64;

}  // namespace notifyd
