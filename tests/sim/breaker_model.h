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
  uint64_t Begin(MonoTime now);
  /// The host is there, says a call whose end is to come: who waits for a probe waits no longer, and those that take long at a host which is let come
  /// back hold it up for no longer than a wait each. Returns whether it counted.
  bool Reached(uint64_t era, MonoTime now, const BreakerSettings& settings);
  void Abandon(uint64_t era);
  /// `says_opened`: the core tells that it opened, which decides where only a count over many ends says so, and it may have forgotten some of them:
  /// nothing went to the host for an hour meanwhile.
  Ended End(uint64_t era, Found found, MonoTime now, const BreakerSettings& settings, bool says_opened);
  void ProbeNow(MonoTime now);

  Way way() const { return way_; }
  bool IsProbe(uint64_t era) const { return way_ == Way::kProbing && era == era_; }
  bool is_open() const { return way_ == Way::kOpen || way_ == Way::kProbing; }
  MonoTime open_since() const { return open_since_; }
  /// It lets nothing through, and its wait is not over yet.
  bool Holds(MonoTime now) const;

 private:
  void Open(MonoTime now, int64_t wait_ms);
  void ComeBack(const BreakerSettings& settings);
  void Shorten(const BreakerSettings& settings);

  Way way_ = Way::kClosed;
  uint64_t era_ = 0;
  uint32_t in_row_ = 0, together_ = 1, running_ = 0;
  int64_t wait_ms_ = 0;
  MonoTime open_since_, probe_at_;
  MonoTime probed_at_;               // probing: when the last one went
  MonoTime beside_at_ = kMonoNever;  // probing: another goes beside those that nothing is heard of
  MonoTime grows_at_ = kMonoNever;   // ramp: some of its calls got there, and twice as many may go from then on
  std::deque<bool> ends_;            // the last ones, true: the host was away; those that there are not were good
  MonoTime ended_at_ = kMonoNever;   // the last of them
  bool may_be_forgotten_ = false;
};

}  // namespace notifyd::sim
