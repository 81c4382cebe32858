#include "broker/lane_limits.h"

#include <algorithm>
#include <cmath>
#include <cstring>

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

const LaneRule* RuleOf(const LaneKey& lane, std::span<const LaneRule> rules) {
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
  size_t star = pattern.find('*');
  if (star == pattern.npos) return pattern == text;
  const size_t last = pattern.rfind('*');
  const std::string_view begin = pattern.substr(0, star), end = pattern.substr(last + 1);
  if (text.size() < begin.size() + end.size() || !text.starts_with(begin) || !text.ends_with(end)) return false;
  text = text.substr(begin.size(), text.size() - begin.size() - end.size());
  // Each piece where it comes first: what is behind it is longest then, so that none is gone back to.
  while (star < last) {
    const size_t next = pattern.find('*', star + 1);
    const std::string_view piece = pattern.substr(star + 1, next - star - 1);
    star = next;
    if (piece.empty()) continue;
    // Not find(): it compares a piece anew at each place.
    const void* found = memmem(text.data(), text.size(), piece.data(), piece.size());
    if (found == nullptr) return false;
    text.remove_prefix(static_cast<size_t>(static_cast<const char*>(found) - text.data()) + piece.size());
  }
  return true;
}

size_t SearchesOf(std::span<const LaneRule> rules) {
  size_t searches = 0;
  for (const LaneRule& rule : rules)
    searches += static_cast<size_t>(std::max<ptrdiff_t>(std::count(rule.match.begin(), rule.match.end(), '*'), 1) - 1);
  return searches;
}

}  // namespace notifyd
