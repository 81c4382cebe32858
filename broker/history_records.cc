#include "broker/history_records.h"

#include <iterator>

#include "base/bytes.h"

namespace notifyd {
namespace {

constexpr uint8_t kHistoryVersion = 1;
constexpr char kDay = 'd';

void EncodeDurations(const DurationCounts& durations, Encoder* out) {
  uint64_t sizes = 0;
  for (uint32_t n : durations.of) sizes += n > 0;
  out->Varint(sizes);
  for (size_t size = 0; size < durations.of.size(); ++size) {
    if (durations.of[size] == 0) continue;
    out->Varint(size);
    out->Varint(durations.of[size]);
  }
}

void DecodeDurations(Decoder* in, DurationCounts* out) {
  for (uint64_t left = in->Varint(); left > 0 && in->ok(); --left) {
    const uint64_t size = in->Varint(), count = in->Varint();
    if (size < out->of.size()) out->of[size] += static_cast<uint32_t>(count);
  }
}

/// The counts with how many they are in front, so that further ones may follow.
void EncodeCounts(const SpanCounts& counts, Encoder* out) {
  out->Varint(std::size(SpanCounts::kCounts));
  for (auto count : SpanCounts::kCounts) out->Varint(counts.*count);
  EncodeDurations(counts.durations, out);
  EncodeDurations(counts.latenesses, out);
}

void DecodeCounts(Decoder* in, SpanCounts* out) {
  const uint64_t there = in->Varint();
  for (uint64_t i = 0; i < there && in->ok(); ++i) {
    const uint64_t value = in->Varint();
    if (i < std::size(SpanCounts::kCounts)) out->*SpanCounts::kCounts[i] = value;
  }
  DecodeDurations(in, &out->durations);
  DecodeDurations(in, &out->latenesses);
}

void EncodeMaybe(const std::optional<int64_t>& value, Encoder* out) {
  out->U8(value ? 1 : 0);
  if (value) out->Signed(*value);
}

std::optional<int64_t> DecodeMaybe(Decoder* in) {
  return in->U8() == 1 ? std::optional(in->Signed()) : std::nullopt;
}

constexpr uint64_t GaugeValues::*kGauges[] = {&GaugeValues::held,    &GaugeValues::scheduled, &GaugeValues::ready,
                                              &GaugeValues::sending, &GaugeValues::retrying,  &GaugeValues::in_flight};

}  // namespace

std::string HistoryKey(HistoryStep step, HistoryOf of, int64_t begin_ms, std::optional<uint64_t> life) {
  std::string key;
  Encoder out(&key);
  out.U8(static_cast<uint8_t>(step));
  out.U8(static_cast<uint8_t>(of));
  out.BigSigned64(begin_ms);
  if (life) out.Big64(*life);
  return key;
}

std::optional<HistoryPlace> ParseHistoryKey(std::string_view key) {
  Decoder in(key);
  in.U8();
  in.U8();
  HistoryPlace place;
  place.begin_ms = in.BigSigned64();
  place.life = in.Big64();
  return in.done() ? std::optional(place) : std::nullopt;
}

std::string EncodeSpan(const NamespaceSpan& span) {
  std::string value;
  Encoder out(&value);
  out.U8(kHistoryVersion);
  EncodeCounts(span.counts, &out);
  for (auto gauge : kGauges) out.Varint(span.gauges.*gauge);
  EncodeMaybe(span.gauges.oldest_due_ms, &out);
  return value;
}

std::optional<NamespaceSpan> DecodeSpan(std::string_view value) {
  Decoder in(value);
  NamespaceSpan span;
  const bool known = in.U8() == kHistoryVersion;
  DecodeCounts(&in, &span.counts);
  for (auto gauge : kGauges) span.gauges.*gauge = in.Varint();
  span.gauges.oldest_due_ms = DecodeMaybe(&in);
  return known && in.done() ? std::optional(span) : std::nullopt;
}

std::string EncodeHosts(const HostSpans& hosts) {
  std::string value;
  Encoder out(&value);
  out.U8(kHistoryVersion);
  out.Varint(hosts.size());
  for (const auto& [host, counts] : hosts) {
    std::string encoded;
    Encoder of_host(&encoded);
    EncodeCounts(counts, &of_host);
    out.Text(host);
    out.Text(encoded);
  }
  return value;
}

std::optional<SpanCounts> DecodeHost(std::string_view value, std::string_view host) {
  Decoder in(value);
  if (in.U8() != kHistoryVersion) return std::nullopt;
  for (uint64_t left = in.Varint(); left > 0 && in.ok(); --left) {
    const bool is_it = in.Text() == host;
    Decoder of_host(in.Text());
    if (!is_it) continue;
    SpanCounts counts;
    DecodeCounts(&of_host, &counts);
    return of_host.done() ? std::optional(counts) : std::nullopt;
  }
  return in.done() ? std::optional(SpanCounts()) : std::nullopt;
}

std::string EncodeProcess(const ProcessValues& values) {
  std::string value;
  Encoder out(&value);
  out.U8(kHistoryVersion);
  out.Varint(values.rss_bytes);
  out.Varint(values.disk_free_bytes);
  out.Varint(values.connections);
  out.Signed(values.cpu_per_mille);
  EncodeMaybe(values.commit_p99_us, &out);
  return value;
}

std::optional<ProcessValues> DecodeProcess(std::string_view value) {
  Decoder in(value);
  const bool known = in.U8() == kHistoryVersion;
  ProcessValues values;
  values.rss_bytes = in.Varint();
  values.disk_free_bytes = in.Varint();
  values.connections = in.Varint();
  values.cpu_per_mille = in.Signed();
  values.commit_p99_us = DecodeMaybe(&in);
  return known && in.done() ? std::optional(values) : std::nullopt;
}

std::string DueMinuteKey(int64_t begin_ms) {
  std::string key;
  Encoder(&key).BigSigned64(begin_ms);
  return key;
}

std::optional<int64_t> ParseDueMinuteKey(std::string_view key) {
  Decoder in(key);
  const int64_t begin_ms = in.BigSigned64();
  return in.done() ? std::optional(begin_ms) : std::nullopt;
}

std::string DueDayKey(int64_t begin_ms) {
  std::string key(1, kDay);
  Encoder(&key).BigSigned64(begin_ms);
  return key;
}

}  // namespace notifyd
