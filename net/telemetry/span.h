// A span of OpenTelemetry: what somebody did from when to when, for whom. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace notifyd {

using SpanValue = std::variant<int64_t, std::string>;
using SpanAttributes = std::vector<std::pair<std::string, SpanValue>>;

struct Span {
  /// The numbers of OTLP's trace.proto.
  enum class Kind : uint8_t { kInternal = 1, kServer = 2, kClient = 3 };

  std::string trace_id;    // 32 hex digits
  uint64_t id = 0;         // not 0
  uint64_t parent_id = 0;  // 0: it is the trace's first
  std::string name;
  Kind kind = Kind::kInternal;
  int64_t begin_ns = 0, end_ns = 0;  // since the epoch
  SpanAttributes attributes;
  bool failed = false;
  std::string message;  // where it failed: why
};

}  // namespace notifyd
