// What a trace knows a notify's attempts by (W3C Trace Context): computed from what is stored of it, so that whoever sends an attempt and whoever
// tells a collector of it come to the same, over restarts too. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace notifyd {

/// Of a valid traceparent of version 00; anything else is as good as not sampled.
constexpr bool IsSampled(std::string_view trace_parent) {
  if (trace_parent.size() != 55) return false;
  const char low = trace_parent.back();
  return low >= 'a' ? (low - 'a') % 2 == 1 : (low - '0') % 2 == 1;
}

/// 32 hex digits of a trace, as a number (FNV-1a).
constexpr uint64_t TraceHash(std::string_view trace_id) {
  uint64_t hash = 0xCBF29CE484222325;
  for (char c : trace_id) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  return hash;
}

/// The last step of splitmix64, which no two numbers leave as one; never 0, which stands for no span.
constexpr uint64_t SpanOf(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  z ^= z >> 31;
  return z != 0 ? z : 1;
}

/// The span of an attempt: the parent id of the traceparent that goes with its request.
constexpr uint64_t AttemptSpan(std::string_view trace_id, NotifyId id, uint32_t number) {
  return SpanOf(SpanOf(TraceHash(trace_id) ^ SpanOf(id.value)) + number);
}
/// The span of the wait in front of it.
constexpr uint64_t WaitSpan(std::string_view trace_id, NotifyId id, uint32_t number) {
  return SpanOf(~AttemptSpan(trace_id, id, number));
}
/// The span of the request that began a trace here, which is the parent id that its notifies have.
constexpr uint64_t FirstSpan(std::string_view trace_id) {
  return SpanOf(TraceHash(trace_id));
}

}  // namespace notifyd
