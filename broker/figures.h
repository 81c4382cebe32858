// What the figures of a namespace are made of: counts of what was done in some span, durations counted by size, and what there was at a moment. Plain
// values that add up. Contract section 16.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace notifyd {

/// Stored: never renumber, as the next.
enum class HistoryStep : uint8_t { kMinute = 1, kQuarter = 2 };
enum class HistoryOf : uint8_t { kNamespace = 1, kHosts = 2, kProcess = 3 };

inline int64_t MillisOf(HistoryStep step) {
  return step == HistoryStep::kMinute ? 60'000 : 900'000;
}

/// Of the whole hours that began 24 to 48 hours ago, how much lies behind `since`.
inline int64_t CountedOfDayBefore(MonoTime since, MonoTime now) {
  constexpr int64_t kHourMs = 3'600'000;
  return std::clamp<int64_t>((now.ms / kHourMs - 23) * kHourMs - since.ms, 0, 24 * kHourMs);
}

/// Durations counted by their size: two sizes to an octave, from 1 ms to 105 minutes; what is longer counts as that.
struct DurationCounts {
  static constexpr size_t kSizes = 46;
  std::array<uint32_t, kSizes> of{};

  void Add(int64_t ms) { ++of[SizeOf(ms)]; }
  uint64_t count() const;
  /// The least duration that so many per mille (1 to 999) of them do not exceed, as well as their sizes tell: the truth is at most a
  /// third less. Nothing where there are none.
  std::optional<int64_t> AtPerMille(int per_mille) const;
  DurationCounts& operator+=(const DurationCounts& other);
  bool operator==(const DurationCounts&) const = default;

  static size_t SizeOf(int64_t ms);
  /// The least duration of that size, in ms.
  static int64_t LeastOf(size_t size);
};

/// What rates are made of.
struct RateCounts {
  uint64_t accepted = 0, succeeded = 0, failed = 0;  // notifies; `failed`: or expired
  uint64_t attempts = 0, attempts_failed = 0;        // that ended; of those, that were answered in another way than was expected, or not at all
  RateCounts& operator+=(const RateCounts& other);
  bool operator==(const RateCounts&) const = default;
};

/// What a namespace or a host did in some span. Stored (broker/history_records.h).
struct SpanCounts {
  uint64_t accepted = 0, succeeded = 0, failed = 0, cancelled = 0, expired = 0;  // notifies
  uint64_t attempts = 0, attempts_failed = 0, retries = 0;                       // that ended, as RateCounts has them; that were no first ones
  DurationCounts durations;                                                      // of the attempts that ended
  DurationCounts latenesses;  // of the attempts that started: how far behind the due time, or behind the end of their wait
  /// In the order in which they are stored: append, never insert.
  static constexpr uint64_t SpanCounts::*kCounts[] = {&SpanCounts::accepted,        &SpanCounts::succeeded, &SpanCounts::failed,
                                                      &SpanCounts::cancelled,       &SpanCounts::expired,   &SpanCounts::attempts,
                                                      &SpanCounts::attempts_failed, &SpanCounts::retries};
  SpanCounts& operator+=(const SpanCounts& other);
  bool IsZero() const { return *this == SpanCounts(); }
  /// By that it is told who is the busiest.
  uint64_t busy() const { return attempts + accepted; }
  bool operator==(const SpanCounts&) const = default;
};

/// How much of a namespace there was at some moment. Stored.
struct GaugeValues {
  uint64_t held = 0, scheduled = 0, ready = 0, sending = 0, retrying = 0;  // pending ones, by state
  uint64_t in_flight = 0;
  std::optional<int64_t> oldest_due_ms;  // FiguresNow::oldest_due_age_ms
  uint64_t pending() const { return held + scheduled + ready + sending + retrying; }
  bool operator==(const GaugeValues&) const = default;
};

/// What is known of the whole process; kept in the history of the namespace `system`. Stored.
struct ProcessValues {
  uint64_t rss_bytes = 0, disk_free_bytes = 0, connections = 0;
  int64_t cpu_per_mille = 0;  // of one core, since the value before
  std::optional<int64_t> commit_p99_us;
  bool operator==(const ProcessValues&) const = default;
};

}  // namespace notifyd
