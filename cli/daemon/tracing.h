// Tracing: makes spans of what API and cores report, for an OpenTelemetry collector. Any thread.
//
// In the trace that a notify came with, where its traceparent says sampled, or in one that was begun for its request:
//   submit    from the request's last byte to its answer
//   wait      from the submit, or the end of the attempt before, until the attempt starts, or the notify ends; where this process does not know that,
//             from when it was due
//   attempt   its call, whose id is the parent of what the receiver does (broker/span_ids.h)
// All are children of the span that the traceparent names; in a trace that was begun here that is the submit.
//
// What is not sampled costs a look at a traceparent's last digit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "broker/effects.h"
#include "broker/span_ids.h"
#include "net/api/submit_tracer.h"
#include "net/telemetry/span_exporter.h"

namespace notifyd {

/// What is known of notifies, of so many at most: what was put in first makes room. Not thread-safe.
template <class T>
class OldestGoes {
 public:
  explicit OldestGoes(size_t most) : most_(most) {}
  /// Null: nothing is known of it.
  const T* Find(NotifyId id) const {
    auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &found->second->second;
  }
  /// In place of what was known of it. Returns whether another one made room.
  bool Put(NotifyId id, T value) {
    Take(id);
    all_.emplace_back(id, std::move(value));
    by_id_.emplace(id, std::prev(all_.end()));
    if (all_.size() <= most_) return false;
    Take(all_.front().first);
    return true;
  }
  std::optional<T> Take(NotifyId id) {
    auto found = by_id_.find(id);
    if (found == by_id_.end()) return std::nullopt;
    std::optional<T> taken = std::move(found->second->second);
    all_.erase(found->second);
    by_id_.erase(found);
    return taken;
  }
  /// Of all of a namespace, at the cost of those alone. Returns how many there were.
  size_t Forget(NamespaceNumber number) {
    size_t count = 0;
    for (auto next = by_id_.lower_bound(NotifyId::Of(number, 0)); next != by_id_.end() && next->first.number() == number; ++count) {
      all_.erase(next->second);
      next = by_id_.erase(next);
    }
    return count;
  }

 private:
  const size_t most_;
  std::list<std::pair<NotifyId, T>> all_;
  std::map<NotifyId, typename std::list<std::pair<NotifyId, T>>::iterator> by_id_;  // those of a namespace are one behind the other
};

class Tracing : public SubmitTracer {
 public:
  /// `ratio`: of the requests without a traceparent, from 0 to 1.
  Tracing(SpanExporterOptions options, double ratio);

  std::string Begin() override;
  void Submitted(const SampledTraces& traces, const ReplyBody& answer, int64_t took_us) override;

  /// An attempt starts.
  void Started(const StartAttempt& attempt) {
    if (IsSampled(attempt.envelope->trace_parent)) TakeStart(attempt);
  }
  /// An attempt ended, or a notify did. `space`: the namespace's name.
  void Ended(std::string_view space, const AttemptLog& log) {
    if (log.envelope && IsSampled(log.envelope->trace_parent)) TakeEnd(space, log);
  }

  /// The namespace is served elsewhere from now on: what goes on in it ends there, or is heard of no more.
  void Left(NamespaceNumber number);

  /// What the broker is called among others: before the first span.
  void SetInstance(const std::string& name);
  /// Returns once all spans are sent or lost, or after `most_ms`: what is left then is lost with the process, and logged.
  void Finish(int64_t most_ms);
  /// Spans since the start.
  uint64_t made() const { return exporter_.made(); }
  uint64_t dropped() const { return exporter_.dropped(); }

  /// Is a trace sampled at such a ratio? By the last 14 hex digits of its id, as OpenTelemetry's TraceIdRatioBased samplers do. `trace_id_low`: the
  /// last 16 of them.
  static bool IsIn(uint64_t trace_id_low, double ratio);

 private:
  /// Which attempt is waited for, and since when.
  struct Wait {
    uint32_t number = 0;
    int64_t since_ms = 0;
  };
  struct InFlight {
    StartAttempt attempt;
    std::optional<int64_t> since_ms;  // of the wait before; nothing: that is not known
  };
  /// So many are known; others' waits begin when they were due.
  static constexpr size_t kMostWaits = 20'000;
  /// As many as there may be, limits.in_flight.
  static constexpr size_t kMostInFlight = 100'000;

  void TakeStart(const StartAttempt& attempt);
  void TakeEnd(std::string_view space, const AttemptLog& log);
  void TakeAttempt(std::string_view space, const AttemptLog& log);
  void AddWait(std::string_view space, const AttemptLog& log, uint32_t number, int64_t from_ms, int64_t to_ms, std::optional<int64_t> late_ms);
  void AddAttempt(std::string_view space, const AttemptLog& log, const StartAttempt& attempt);

  const double ratio_;
  SpanExporter exporter_;
  std::mutex mutex_;  // guards all below
  OldestGoes<Wait> waits_{kMostWaits};
  OldestGoes<InFlight> in_flight_{kMostInFlight};
};

}  // namespace notifyd
