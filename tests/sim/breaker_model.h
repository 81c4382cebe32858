// BreakerModel: what the breaker of one host must do, by contract section 11 alone; it shares no code with the core's. It steps by what begins and
// ends there. One thread.
#pragma once

#include <cstdint>
#include <deque>

#include "broker/limits.h"
#include "broker/notify.h"

namespace notifyd::sim {

class BreakerModel {
 public:
  enum class Way : uint8_t { kClosed, kOpen, kProbing, kRamp };
  /// What the end of a call says of the host: it is there, it is not, or nothing.
  enum class Found : uint8_t { kThere, kAway, kNothing };
  struct Ended {
    bool opened = false;   // from one that let calls through
    bool in_vain = false;  // it was the probe, and did not reach the host
  };
  static Found FoundBy(const AttemptResult& truth);

  bool MayBegin(MonoTime now) const;
  /// Returns its era, by which End and Abandon know whether it counts still.
  uint64_t Begin();
  void Abandon(uint64_t era);
  /// `says_opened`: the core tells that it opened, which decides where only a count over many ends says so: it may have forgotten good ones of a host
  /// to which nothing went for a while.
  Ended End(uint64_t era, Found found, MonoTime now, const BreakerSettings& settings, bool says_opened);
  void ProbeNow(MonoTime now);

  Way way() const { return way_; }
  bool is_open() const { return way_ == Way::kOpen || way_ == Way::kProbing; }
  MonoTime open_since() const { return open_since_; }
  /// It lets nothing through, and its wait is not over yet.
  bool Holds(MonoTime now) const { return way_ == Way::kProbing || (way_ == Way::kOpen && now < probe_at_); }

 private:
  void Open(MonoTime now, int64_t wait_ms);
  void Shorten(const BreakerSettings& settings);

  Way way_ = Way::kClosed;
  uint64_t era_ = 0;
  uint32_t in_row_ = 0, together_ = 1, running_ = 0;
  int64_t wait_ms_ = 0;
  MonoTime open_since_, probe_at_;
  std::deque<bool> ends_;  // the last ones, true: the host was away
};

}  // namespace notifyd::sim
