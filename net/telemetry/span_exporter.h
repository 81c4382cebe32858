// SpanExporter: sends spans to an OpenTelemetry collector by OTLP/HTTP, in batches, over a thread of its own. Any thread; nobody waits for it: 4 MiB
// of spans wait at most, and what comes beyond that, or is refused for good, is dropped and counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/batch_queue.h"
#include "net/telemetry/http_post.h"
#include "net/telemetry/otlp_encoding.h"

namespace notifyd {

struct SpanExporterOptions {
  std::string endpoint;  // of the collector: /v1/traces is appended, unless it ends so
  OtlpEncoding encoding = OtlpEncoding::kProtobuf;
  std::vector<std::string> headers;  // "Name: value"
  std::string ca_file;               // as PostTarget
  std::string version;               // of the broker
};

class SpanExporter {
 public:
  explicit SpanExporter(SpanExporterOptions options);

  /// Who makes the spans, besides the version: before the first one.
  void SetResource(SpanAttributes resource);
  void Add(const Span& span);
  /// So many cannot be made any more: they count as made, and dropped.
  void Lose(size_t count);
  /// Returns true once all is sent or lost, false after `most_ms`.
  bool Finish(int64_t most_ms) { return queue_.Finish(most_ms); }
  /// Spans that are not sent yet.
  size_t left() { return queue_.left(); }
  /// Since the start.
  uint64_t made() const { return made_.load(std::memory_order_relaxed); }
  uint64_t dropped() const { return queue_.dropped() + lost_.load(std::memory_order_relaxed); }

 private:
  size_t Deliver(const BatchQueue::Batch& batch);

  const SpanExporterOptions options_;
  SpanAttributes resource_;
  std::atomic<uint64_t> made_{0}, lost_{0};
  HttpPost post_;  // outlives the thread of the queue
  BatchQueue queue_;
};

}  // namespace notifyd
