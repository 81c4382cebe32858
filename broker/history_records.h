// What is kept of a namespace's history: one record a minute or quarter of an hour, and a life of its core, for the namespace, for its busiest hosts
// and, of `system`, for the process. Whoever reads adds up those of one span: a core that starts within it begins anew, and has nothing to look up
// first. Layouts: docs/storage-format.md, "Records of flows". Contract section 16.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "broker/figures.h"

namespace notifyd {

/// So long a record is kept, from its end on.
inline int64_t KeptMs(HistoryStep step) {
  return step == HistoryStep::kMinute ? 24 * 3'600'000LL : 30 * 24 * 3'600'000LL;
}
inline WallTime ExpiryOf(HistoryStep step, int64_t begin_ms) {
  return {begin_ms + MillisOf(step) + KeptMs(step)};
}
/// When the span of so many ms began in which that time lies.
inline int64_t BeginOf(int64_t width_ms, WallTime time) {
  return (time.ms >= 0 ? time.ms / width_ms : (time.ms - width_ms + 1) / width_ms) * width_ms;
}

/// Of so many hosts there is something in a record.
inline constexpr size_t kHistoryHosts = 100;

/// Returns the key of such a record, without its kind; with `life` nothing: what all of that span begin with.
std::string HistoryKey(HistoryStep step, HistoryOf of, int64_t begin_ms, std::optional<uint64_t> life = {});
struct HistoryPlace {
  int64_t begin_ms = 0;
  uint64_t life = 0;
};
std::optional<HistoryPlace> ParseHistoryKey(std::string_view key);

struct NamespaceSpan {
  SpanCounts counts;
  GaugeValues gauges;  // at its end
};
std::string EncodeSpan(const NamespaceSpan& span);
std::optional<NamespaceSpan> DecodeSpan(std::string_view value);

using HostSpans = std::vector<std::pair<std::string, SpanCounts>>;  // by name
std::string EncodeHosts(const HostSpans& hosts);
/// Of one host; a span of zeros where it is not among them.
std::optional<SpanCounts> DecodeHost(std::string_view value, std::string_view host);

std::string EncodeProcess(const ProcessValues& values);
std::optional<ProcessValues> DecodeProcess(std::string_view value);

// ---- what falls due: counts under a minute's or a day's begin (RecordKind::kDueCount)

inline constexpr int64_t kDueMinuteMs = 60'000, kDueDayMs = 24 * 3'600'000LL;
/// So long a count is kept behind its end.
inline constexpr int64_t kDueKeptMs = 3'600'000;
/// A minute is a time64; a day has a letter in front.
std::string DueMinuteKey(int64_t begin_ms);
std::string DueDayKey(int64_t begin_ms);
std::optional<int64_t> ParseDueMinuteKey(std::string_view key);
/// The record that says from when on all is counted: a count of ms; 0: from the namespace's beginning.
inline constexpr const char* kDueSinceKey = "s";

}  // namespace notifyd
