#include "broker/reclaiming.h"

#include <algorithm>
#include <utility>

namespace notifyd {
namespace {

/// What grows by less is not worth a table.
constexpr uint64_t kLeastGrowth = 64 << 10;

}  // namespace

bool Reclaiming::Measured(const Seen& seen) {
  purged_ = purged_ || seen.purged;
  if (began_ && seen.compacting) return false;
  if (began_) End(seen);
  if (!IsDue(seen)) return false;
  began_ = seen.at;
  before_ = seen.bytes;
  after_purge_ = std::exchange(purged_, false);
  return true;
}

void Reclaiming::End(const Seen& seen) {
  const int64_t took_ms = seen.at.ms - began_->ms;
  const bool little = seen.bytes > before_ - before_ / 8;
  const auto next = [&](int64_t wait_ms) { return little ? std::clamp(std::max(2 * wait_ms, 8 * took_ms), kShortestMs, kLongestMs) : wait_ms / 2; };
  wait_ms_ = next(wait_ms_);
  if (after_purge_) purge_wait_ms_ = next(purge_wait_ms_);
  began_.reset();
  ended_ = seen.at;
  left_ = seen.bytes;
}

bool Reclaiming::IsDue(const Seen& seen) const {
  if (!seen.lacks && !purged_) return false;
  if (!ended_ || seen.bytes > left_ + std::max(left_ / 8, kLeastGrowth)) return true;
  const int64_t waited_ms = seen.at.ms - ended_->ms;
  return (seen.lacks && waited_ms >= wait_ms_) || (purged_ && waited_ms >= purge_wait_ms_);
}

}  // namespace notifyd
