#include "net/access/failure_delays.h"

#include <algorithm>

namespace notifyd {
namespace {

constexpr int64_t kFirstMs = 100, kForgottenMs = 60'000;

}  // namespace

int64_t FailureDelays::Failed(const std::string& peer, MonoTime now) {
  auto found = peers_.find(peer);
  if (found == peers_.end()) {
    if (peers_.size() >= kMostPeers) {
      peers_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(peer);
    found = peers_.emplace(peer, Peer{kFirstMs, now, std::prev(order_.end())}).first;
  } else {
    Peer& known = found->second;
    known.delay_ms = now.ms - known.last.ms > kForgottenMs ? kFirstMs : std::min(2 * known.delay_ms, kMostMs);
    known.last = now;
    order_.splice(order_.end(), order_, known.place);
  }
  if (held_ >= kMostHeld) return 0;
  ++held_;
  return found->second.delay_ms;
}

}  // namespace notifyd
