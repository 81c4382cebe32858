// How calls to each host, and to each instance of a service, went of late, and what was accepted for it; and what was done in each of the last
// seconds. Counted as it happens, of the monotonic clock, since the core was made: it knows no notify and decides nothing. Not thread-safe. Contract
// section 16.
//
// Memory is bounded: so many destinations are known (3 KiB each), and another one takes the place of one that was heard of long ago and did little.
// What those did in the open spans of the history stays, of so many (1 KiB each).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/time.h"
#include "broker/figures.h"
#include "broker/figures_events.h"
#include "broker/notify.h"

namespace notifyd {

/// Counts of the present span of kWidthMs, and of the kSlots - 1 before.
template <class T, int64_t kSlots, int64_t kWidthMs>
class Sliding {
 public:
  T* At(MonoTime now) {
    const int64_t slot = now.ms / kWidthMs;
    for (int64_t behind = std::min(slot - newest_, kSlots); behind > 0; --behind) of_[Place(slot - behind + 1)] = T();
    newest_ = std::max(newest_, slot);
    return &of_[Place(newest_)];
  }
  /// The sum of the spans that began `from` to `to` spans before the present one; `to` not included.
  T Sum(MonoTime now, int64_t from, int64_t to) const {
    T sum{};
    const int64_t slot = now.ms / kWidthMs;
    for (int64_t at = std::min(slot - from, newest_); at > slot - to && at > newest_ - kSlots && at >= 0; --at) sum += of_[Place(at)];
    return sum;
  }

 private:
  static size_t Place(int64_t slot) { return static_cast<size_t>(slot) % kSlots; }
  std::array<T, kSlots> of_{};
  int64_t newest_ = 0;
};

/// What was done in each of the last 64 seconds.
using SecondCounts = Sliding<RateCounts, 64, 1'000>;

/// What a host did in the present minute, and in the present quarter of an hour before that minute, of the history.
struct OpenCounts {
  SpanCounts minute, quarter;
  bool IsZero() const { return minute.IsZero() && quarter.IsZero(); }
  uint64_t busy() const { return minute.busy() + quarter.busy(); }
};

/// One host, or instance.
class Destination {
 public:
  /// `known_since`: from then on all that was accepted for it is counted.
  explicit Destination(std::string name, MonoTime known_since = {}) : name_(std::move(name)), known_since_(known_since) {}
  const std::string& name() const { return name_; }
  MonoTime known_since() const { return known_since_; }

  void Accepted(MonoTime now) {
    ++*minute_.At(now);
    ++*hour_.At(now);
    ++*days_.At(now);
  }
  void Ended(const AttemptResult& result, const Now& now);
  HostFigures Figures(MonoTime now) const;
  AcceptedSums Sums(MonoTime now) const;
  bool fails() const { return failing_since_.has_value(); }

  OpenCounts open;

 private:
  struct Calls {
    uint64_t attempts = 0, failed = 0;
    DurationCounts durations;
    Calls& operator+=(const Calls& other) {
      attempts += other.attempts;
      failed += other.failed;
      durations += other.durations;
      return *this;
    }
  };
  const std::string name_;
  const MonoTime known_since_;
  Sliding<Calls, 6, 60'000> calls_;
  Sliding<uint32_t, 7, 10'000> minute_;
  Sliding<uint32_t, 13, 300'000> hour_;
  Sliding<uint32_t, 49, 3'600'000> days_;
  std::optional<WallTime> failing_since_;
  std::string last_error_;
};

/// Destinations by name, the one that was heard of last first.
class Destinations {
 public:
  static constexpr size_t kMost = 256;
  /// Of those that made room so many stay with what they did in the open spans, at most, and the busiest of them at least.
  static constexpr size_t kMostLeft = 256, kBusiestLeft = 128;

  /// `since`: they are counted from then on.
  explicit Destinations(MonoTime since = {}) : all_since_(since) {}

  /// Makes one that is not known.
  Destination* At(std::string_view name, MonoTime now);
  /// Null: it is not known.
  const Destination* Find(std::string_view name) const;
  const std::list<Destination>& all() const { return all_; }

  /// What it did in the open spans, whether it made room since or not. Null: nothing is known of that.
  const OpenCounts* FindOpen(std::string_view name) const;
  /// take(name, counts) for each of which that is known.
  template <class Take>
  void EachOpen(Take take) const {
    for (const Destination& each : all_) take(each.name(), each.open);
    for (const auto& [name, open] : left_) take(name, open);
  }
  /// The present minute is over: it is one of its quarter.
  void CloseMinute();
  /// The present quarter is over, behind its last minute.
  void CloseQuarter();

 private:
  /// Of so many that were heard of longest ago one makes room.
  static constexpr size_t kMayLeave = 32;

  void MakeRoom(MonoTime now);
  void Leave(const Destination& each);

  MonoTime all_since_;  // what was accepted since for one that is not known was nothing
  std::list<Destination> all_;
  std::unordered_map<std::string_view, std::list<Destination>::iterator> by_name_;  // by their own names
  std::map<std::string, OpenCounts, std::less<>> left_;                             // what those did in the open spans that made room
};

/// Was the attempt answered in another way than was expected, or not at all? One that says "not ready yet" was not.
inline bool HasFailed(const AttemptResult& result) {
  return result.verdict == Verdict::kFailure || result.verdict == Verdict::kFatal;
}

}  // namespace notifyd
