// FailureDelays: how long the refusal of a wrong credential is held back. One a loop; its owner keeps the time and the answers. Pure.
// Contract section 8: at most a second, a bounded number of them, and never a right credential.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

#include "base/time.h"

namespace notifyd {

class FailureDelays {
 public:
  static constexpr int64_t kMostMs = 1'000;
  static constexpr size_t kMostHeld = 256;     // answers held back at once; those beyond go out at once
  static constexpr size_t kMostPeers = 4'096;  // who is remembered; the one that failed longest ago gives way

  /// Milliseconds for which the answer is to be held back; 0: none. Each that is held back ends with Answered, also where its client went away.
  /// `peer`: who it came from, as the failures are counted. 100 ms, doubling with each failure within a minute of the one before.
  int64_t Failed(const std::string& peer, MonoTime now);
  void Answered() { --held_; }
  size_t held() const { return held_; }
  size_t peers() const { return peers_.size(); }

 private:
  struct Peer {
    int64_t delay_ms;
    MonoTime last;
    std::list<std::string>::iterator place;
  };
  std::unordered_map<std::string, Peer> peers_;
  std::list<std::string> order_;  // the one that failed longest ago first
  size_t held_ = 0;
};

}  // namespace notifyd
