// Breaker: whether calls to one destination (a host, an instance of a service) may begin, by how the calls before them ended. A state machine of its
// own: it knows no notify, no lane and no clock. Contract section 11, "breaker".
//
//   closed    all may begin. `failures` in a row that found no connection, or `ratio_percent` of the last `window`, open it: the end
//             of such a call does, and no other.
//   open      none may, until its wait is over: then one, the probe.
//   probing   none but the probe, which is in flight. Where it finds no connection, it is open again for twice as long, 5 minutes at most. Where
//             nothing at all is heard of it for 5 minutes, or for 10 s and somebody wants to know now, another goes beside it.
//   ramp      the probe reached the destination: one call at a time, twice as many with each that does. One that does not opens it again.
//             Calls that got there and take their time do not hold up the others: where there is one, twice as many go after a wait of open_ms, too.
//             Each that reaches the destination, the probe too, first halves the wait that is doubled then, down to the first one.
// What begins is told of by Begin, and each of those by one End or Abandon; Reached before it where a connection came about, which the end may be
// hours behind. A call that began before the breaker last opened says nothing of what is
// now, however it ends. Costs no memory beyond itself while all is well.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace notifyd {

struct AttemptResult;

struct BreakerSettings {
  bool enabled = true;
  uint32_t failures = 5;      // in a row, 1 at least
  double ratio_percent = 50;  // above 0, to 100: of the last
  uint32_t window = 20;       // so many, 1 at least; of fewer those that there are not count as good
  int64_t open_ms = 10'000;   // the first wait, 1 at least
  int64_t max_wait_ms = 24 * 3600 * 1000;
  int64_t disable_after_ms = 5LL * 24 * 3600 * 1000;  // 0: never
  bool fail_on_open = false;                          // what is due at an open one fails at once
  bool operator==(const BreakerSettings&) const = default;
};

/// What the end of a call says of the way to its destination.
enum class Contact : uint8_t {
  kReached,    // a connection came about, whatever was answered, or not
  kUnreached,  // it was refused, or not there in time
  kUnknown,    // it did not come as far as that: no address was found, or it was not to be called
};
/// Where knowledge stands of which errors of an attempt mean what.
Contact ContactOf(const AttemptResult& result);

class Breaker {
 public:
  enum class State : uint8_t { kClosed, kOpen, kProbing, kRamp };
  enum class Change : uint8_t { kNone, kOpened, kClosed };
  using Call = uint32_t;
  static constexpr int64_t kMostOpenMs = 5 * 60 * 1000;  // or open_ms, where that is more
  static constexpr uint32_t kRampEnds = 1024;            // at so many at a time it is closed like any other
  static constexpr uint32_t kMostProbes = 4;             // in flight at once
  static constexpr int64_t kSilentMs = 10'000;           // so long one that connects may take; most take less

  /// Returns whether a call may begin now.
  bool MayBegin(MonoTime now) const;
  /// A call begins, which may. Returns what its End or Abandon needs.
  Call Begin(MonoTime now);
  /// Returns what came of it: kOpened from closed or ramp alone, kClosed with the probe that reached the destination.
  Change End(Call call, Contact contact, MonoTime now, const BreakerSettings& settings);
  /// A connection came about for the call, whose end is to come: what End says of one that kReached, as far as the probe goes.
  Change Reached(Call call, MonoTime now, const BreakerSettings& settings);
  /// It began, and was not sent after all: another may in its place.
  void Abandon(Call call);
  /// Somebody wants to know now: where it is open, its wait is over, and one more may go beside a probe of which nothing is heard for kSilentMs.
  void ProbeNow(MonoTime now);
  /// Other settings hold from now on: where it is off it begins anew, and no wait under way is longer than they say. They may be the same as before.
  void OnSettings(MonoTime now, const BreakerSettings& settings);
  /// Begins anew, closed. Calls in flight count no more.
  void Reset();

  State state() const { return state_; }
  /// It is the probe that is in flight, or one of them.
  bool IsProbe(Call call) const { return state_ == State::kProbing && call == era_; }
  /// It is open, or its probe is in flight.
  bool is_open() const { return state_ == State::kOpen || state_ == State::kProbing; }
  /// Where it is_open: since when, without a call that reached the destination.
  MonoTime open_since() const { return open_since_; }
  /// While kOpen: from then one call may begin.
  MonoTime next_probe() const { return next_probe_; }
  /// While kProbing: since when it is.
  MonoTime probing_since() const { return probing_since_; }
  /// From then on one more may begin for no other reason than that it is so late; kMonoNever: time alone changes nothing.
  MonoTime MoreFrom() const;
  /// It may be forgotten: a new one would do the same.
  bool calm() const { return state_ == State::kClosed && in_row_ == 0 && bad_ == 0; }

 private:
  void Note(bool bad, const BreakerSettings& settings);
  bool IsTooBad(const BreakerSettings& settings) const;
  Change Open(MonoTime now, int64_t wait_ms);
  void BeginRamp();
  void Forget();

  State state_ = State::kClosed;
  Call era_ = 0;          // of the calls that count
  uint32_t in_row_ = 0;   // closed: that found no connection
  uint32_t running_ = 0;  // probing and ramp: calls of this era
  uint32_t most_ = 1;     // ramp: at a time
  bool there_ = false;    // ramp: one of its calls got there since it last grew for that; it grows again at more_at_
  int64_t wait_ms_ = 0;   // of the last opening, less what was taken off it since
  int64_t first_ms_ = 0;  // not closed: the first wait, from which that grew
  MonoTime open_since_, next_probe_, probing_since_;
  MonoTime last_probe_;  // when the last of those in flight began
  MonoTime more_at_;     // probing: for one more probe; ramp: with there_
  std::vector<bool> last_;  // closed: the last `window` ends, true for a bad one, while there is a bad one among them
  size_t at_ = 0, bad_ = 0;
};

/// Returns the stable word for it: closed, open, probing or ramp.
const char* ToString(Breaker::State state);

}  // namespace notifyd
