#include "net/telemetry/span_exporter.h"

#include <algorithm>
#include <utility>

namespace notifyd {
namespace {

constexpr BatchQueue::Limits kSpanLimits{.most_bytes = 4 << 20, .batch_bytes = 1 << 20, .batch_items = 512, .pace_ms = 1000};
constexpr std::string_view kPath = "/v1/traces";

std::string TracesUrl(std::string endpoint) {
  const std::string query = TakeQuery(&endpoint);
  while (endpoint.ends_with('/')) endpoint.pop_back();
  if (!endpoint.ends_with(kPath)) endpoint += kPath;
  return endpoint + query;
}

}  // namespace

SpanExporter::SpanExporter(SpanExporterOptions options)
    : options_(std::move(options)),
      post_({TracesUrl(options_.endpoint), ContentTypeOf(options_.encoding), options_.headers, options_.ca_file}, "spans", &queue_),
      queue_(kSpanLimits, [this](const BatchQueue::Batch& batch) { return Deliver(batch); }) {}

void SpanExporter::SetResource(SpanAttributes resource) {
  resource_ = std::move(resource);
  resource_.emplace_back("service.version", options_.version);
}

void SpanExporter::Add(const Span& span) {
  made_.fetch_add(1, std::memory_order_relaxed);
  queue_.Add(EncodeSpan(options_.encoding, span));
}

void SpanExporter::Lose(size_t count) {
  made_.fetch_add(count, std::memory_order_relaxed);
  lost_.fetch_add(count, std::memory_order_relaxed);
}

size_t SpanExporter::Deliver(const BatchQueue::Batch& batch) {
  std::string answer;
  if (!post_.Send(EncodeSpans(options_.encoding, resource_, options_.version, batch), &answer)) return batch.size();
  return static_cast<size_t>(std::min<uint64_t>(RejectedSpans(options_.encoding, answer), batch.size()));
}

}  // namespace notifyd
