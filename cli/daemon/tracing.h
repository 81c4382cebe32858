// Tracing: makes spans of what API and cores report, for an OpenTelemetry collector. Any thread.
//
// In the trace that a notify came with, where its traceparent says sampled, or in one that was begun for its request:
//   submit    from the request's last byte to its answer
//   wait      from the submit, or the end of the attempt before, until the attempt starts; where this process did not see that, from when it was due
//   attempt   its call, whose id is the parent of what the receiver does (broker/span_ids.h)
// All are children of the span that the traceparent names; in a trace that was begun here that is the submit.
//
// What is not sampled costs a look at a traceparent's last digit.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "broker/effects.h"
#include "broker/span_ids.h"
#include "net/api/submit_tracer.h"
#include "net/telemetry/span_exporter.h"

namespace notifyd {

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
  /// Of a notify that is traced.
  struct Seen {
    int64_t since_ms = 0;  // of the wait; 0: not seen
    std::optional<StartAttempt> attempt;
  };
  /// So many are known; others' waits begin when they were due.
  static constexpr size_t kMostSeen = 20'000;

  void TakeStart(const StartAttempt& attempt);
  void TakeEnd(std::string_view space, const AttemptLog& log);
  void AddWait(std::string_view space, const AttemptLog& log, uint32_t number, int64_t from_ms, int64_t to_ms, std::optional<int64_t> late_ms);
  void AddAttempt(std::string_view space, const AttemptLog& log, const StartAttempt& attempt);
  Seen* Find(NotifyId id);  // made where it is missing

  const double ratio_;
  SpanExporter exporter_;
  std::mutex mutex_;  // guards all below
  std::unordered_map<NotifyId, Seen> seen_;
};

}  // namespace notifyd
