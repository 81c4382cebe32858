#include "broker/lane_limits.h"

#include <algorithm>
#include <cmath>

namespace notifyd {
namespace {

void Apply(const LaneSettings& settings, bool fifo, LaneLimits* out) {
  if (settings.concurrency && !fifo) out->concurrency = *settings.concurrency;
  if (settings.rate_per_s) out->rate_per_s = *settings.rate_per_s;
  if (settings.burst) out->burst = *settings.burst;
  if (settings.on_retry && fifo) out->on_retry = *settings.on_retry;
  if (settings.on_failure && fifo) out->on_failure = *settings.on_failure;
}

}  // namespace

const LaneRule* RuleOf(const LaneKey& lane, const std::vector<LaneRule>& rules) {
  for (const LaneRule& rule : rules)
    if ((!rule.mode || *rule.mode == lane.mode) && MatchesPattern(rule.match, lane.name)) return &rule;
  return nullptr;
}

LaneLimits LimitsOf(const LaneKey& lane, const LaneSettings& own, const CoreLimits& limits) {
  LaneLimits out;
  bool fifo = lane.mode == Mode::kFifo;
  out.paused = own.paused;
  out.concurrency = fifo ? 1 : limits.max_in_flight_per_lane;
  out.burst = 0;
  if (const LaneRule* rule = RuleOf(lane, limits.lane_rules)) Apply(rule->settings, fifo, &out);
  Apply(own, fifo, &out);
  if (out.burst == 0) out.burst = std::max<uint32_t>(1, static_cast<uint32_t>(std::ceil(out.rate_per_s / 100)));
  return out;
}

bool SaysOnRetry(const LaneKey& lane, const LaneSettings& own, const CoreLimits& limits) {
  if (own.on_retry) return true;
  const LaneRule* rule = RuleOf(lane, limits.lane_rules);
  return rule && rule->settings.on_retry;
}

bool MatchesPattern(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace notifyd
