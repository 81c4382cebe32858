// CallerFigures: who submits how much, and what becomes of it, over the last minute, hour and two days. It counts; it knows no notify and decides
// nothing. Of the monotonic clock, since the core was made: not kept over restarts. Not thread-safe.
//
// Memory is bounded: kMost callers are known one by one, each with 116 sums (2 KiB); another one takes the place of the one that was seen longest
// ago, whose figures go to those of all that made room.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "broker/effects.h"

namespace notifyd {

/// Sums over `kSlots - 1` whole spans of kWidthMs and the one of now.
template <size_t kSlots, int64_t kWidthMs>
class SlidingSums {
 public:
  CallerCounts* At(MonoTime now) {
    const int64_t slot = now.ms / kWidthMs;
    for (int64_t behind = std::min<int64_t>(slot - newest_, kSlots); behind > 0; --behind)
      sums_[static_cast<size_t>(slot - behind + 1) % kSlots] = {};
    newest_ = std::max(newest_, slot);
    return &sums_[static_cast<size_t>(newest_) % kSlots];
  }
  /// The sum of the spans `from` to `to` before now, 0 being the one of now; `to` not included.
  CallerCounts Sum(MonoTime now, int64_t from, int64_t to) const {
    CallerCounts sum;
    const int64_t slot = now.ms / kWidthMs;
    for (int64_t at = slot - from; at > slot - to && at > newest_ - static_cast<int64_t>(kSlots) && at >= 0; --at)
      if (at <= newest_) sum += sums_[static_cast<size_t>(at) % kSlots];
    return sum;
  }
  /// Adds another one's, span by span.
  void Take(const SlidingSums& other) {
    At({std::max(newest_, other.newest_) * kWidthMs});
    for (int64_t at = other.newest_; at > newest_ - static_cast<int64_t>(kSlots) && at > other.newest_ - static_cast<int64_t>(kSlots) && at >= 0;
         --at)
      sums_[static_cast<size_t>(at) % kSlots] += other.sums_[static_cast<size_t>(at) % kSlots];
  }

 private:
  std::array<CallerCounts, kSlots> sums_{};
  int64_t newest_ = 0;
};

class CallerFigures {
 public:
  static constexpr size_t kMost = 256;

  static constexpr int64_t kSpanMs = 10'000;

  explicit CallerFigures(MonoTime since) : since_(since), all_since_(since) {}
  void Accepted(const std::string& caller, uint64_t bytes, MonoTime now) {
    Add(caller, now, [bytes](CallerCounts* counts) {
      ++counts->accepted;
      counts->bytes += bytes;
    });
  }
  void Failed(const std::string& caller, MonoTime now) {
    Add(caller, now, [](CallerCounts* counts) { ++counts->failed; });
  }
  /// An attempt started later than it should.
  void Late(const std::string& caller, MonoTime now) {
    Add(caller, now, [](CallerCounts* counts) { ++counts->late; });
  }

  /// All that are known, and, under an empty name, those that made room where there were some; `since_ms` ago until now, two days at most, in
  /// CallerRates::since.
  std::vector<CallerRates> List(MonoTime now, int64_t since_ms);
  CallerRates Of(const std::string& caller, MonoTime now, int64_t since_ms);
  MonoTime since() const { return since_; }

 private:
  struct Figures {
    std::string caller;
    MonoTime known_since;  // from then on all that it did is counted
    // What came in the present ten seconds; it goes to the sums once those are over, or are asked for: so counting costs a comparison and an
    // addition.
    CallerCounts open;
    MonoTime open_at, open_until{INT64_MIN};
    SlidingSums<7, kSpanMs> minute;
    SlidingSums<61, 60'000> hour;
    SlidingSums<49, 3'600'000> days;
    template <class Count>
    void Add(MonoTime now, Count count) {
      if (now >= open_until) Begin(now);
      count(&open);
    }
    void Begin(MonoTime now);
    CallerRates Rates(MonoTime now, int64_t since_ms);
  };
  template <class Count>
  void Add(const std::string& caller, MonoTime now, Count count) {
    // Mostly it is the one of before.
    if (figures_.empty() || figures_.front().caller != caller) Front(caller, now);
    figures_.front().Add(now, count);
  }
  void Front(const std::string& caller, MonoTime now);

  const MonoTime since_;
  MonoTime all_since_;          // what one did since that is not known was nothing
  std::list<Figures> figures_;  // the one that was seen last comes first
  std::unordered_map<std::string, std::list<Figures>::iterator> by_name_;
  std::vector<Figures> others_;  // one, once somebody made room
};

}  // namespace notifyd
