// Receiver: the Sender port and the hosts behind it, in one. Hosts answer, fail, hang until the timeout or ask for patience; the truth of
// what arrived goes to an observer (the auditor). One thread; the owner moves its time on.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>

#include "base/random.h"
#include "broker/ports.h"
#include "sim/clock.h"
#include "sim/profile.h"

namespace notifyd::sim {

/// What happens on the wire, apart from what the broker makes of it.
class WireObserver {
 public:
  virtual ~WireObserver() = default;
  virtual void OnStart(const StartAttempt& attempt) = 0;
  virtual void OnArrived(NotifyId id, uint32_t number) = 0;
  /// That the attempt's connection came about is handed to the core.
  virtual void OnReached(NotifyId id) = 0;
  /// The attempt's end is handed to the core. `truth`: what the receiver really did.
  virtual void OnEnded(NotifyId id, const AttemptResult& truth) = 0;
};

class Receiver : public Sender {
 public:
  Receiver(const Profile& profile, const SimClock* clock, WireObserver* observer, Mutation mutation);

  /// Ends go to `sink` from now on (borrowed). The calls of a broker before are forgotten; some of them arrived.
  void Restart(EventSink* sink);
  void Start(StartAttempt attempt) override;
  void AdvanceTo(int64_t t);
  int64_t NextAt() const { return steps_.empty() ? SimClock::kNever : steps_.begin()->first.first; }
  /// From now on every host answers well and soon.
  void Heal() { healed_ = true; }
  size_t in_flight() const { return in_flight_; }
  HostKind KindOf(const std::string& host) const;
  static std::string HostName(size_t index) { return "h" + std::to_string(index) + ".test:80"; }

 private:
  using Step = std::function<void()>;
  void At(int64_t t, Step step) { steps_.emplace(std::pair(t, next_step_++), std::move(step)); }
  int64_t Between(int64_t least, int64_t most) { return least + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(most - least + 1))); }
  bool IsAway(const std::string& host) const;
  void DrawEnd(const StartAttempt& attempt, int64_t* latency_ms, bool* arrives, AttemptResult* result);

  const Profile& profile_;
  const SimClock* clock_;
  WireObserver* observer_;
  Mutation mutation_;
  Random random_;
  EventSink* sink_ = nullptr;
  bool healed_ = false;
  size_t in_flight_ = 0;
  uint64_t next_step_ = 0;
  std::map<std::pair<int64_t, uint64_t>, Step> steps_;
};

}  // namespace notifyd::sim
