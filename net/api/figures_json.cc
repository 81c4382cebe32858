#include "net/api/figures_json.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/json_or_null.h"
#include "net/api/render.h"
#include "net/api/replies.h"
#include "net/api/stats.h"

namespace notifyd {
namespace {

using SeriesKind = Series::Kind;
using Value = std::optional<double>;

template <uint64_t SpanCounts::*count>
Value Sum(const HistoryPoint& point) {
  return static_cast<double>(point.counts.*count);
}

template <DurationCounts SpanCounts::*durations, int per_mille>
Value Quantile(const HistoryPoint& point) {
  const std::optional<int64_t> ms = (point.counts.*durations).AtPerMille(per_mille);
  return ms ? Value(static_cast<double>(*ms)) : std::nullopt;
}

template <uint64_t GaugeValues::*gauge>
Value Gauge(const HistoryPoint& point) {
  return point.gauges ? Value(static_cast<double>((*point.gauges).*gauge)) : std::nullopt;
}

template <uint64_t ProcessValues::*value>
Value OfProcess(const HistoryPoint& point) {
  return point.process ? Value(static_cast<double>((*point.process).*value)) : std::nullopt;
}

constexpr Series kSeries[] = {
    {"accepted", SeriesKind::kSum, Sum<&SpanCounts::accepted>},
    {"succeeded", SeriesKind::kSum, Sum<&SpanCounts::succeeded>},
    {"failed", SeriesKind::kSum, Sum<&SpanCounts::failed>},
    {"cancelled", SeriesKind::kSum, Sum<&SpanCounts::cancelled>},
    {"expired", SeriesKind::kSum, Sum<&SpanCounts::expired>},
    {"attempts", SeriesKind::kSum, Sum<&SpanCounts::attempts>},
    {"attempts_failed", SeriesKind::kSum, Sum<&SpanCounts::attempts_failed>},
    {"retries", SeriesKind::kSum, Sum<&SpanCounts::retries>},
    {"attempt_p50_ms", SeriesKind::kQuantile, Quantile<&SpanCounts::durations, 500>},
    {"attempt_p99_ms", SeriesKind::kQuantile, Quantile<&SpanCounts::durations, 990>},
    {"lateness_p50_ms", SeriesKind::kQuantile, Quantile<&SpanCounts::latenesses, 500>},
    {"lateness_p99_ms", SeriesKind::kQuantile, Quantile<&SpanCounts::latenesses, 990>},
    {"pending", SeriesKind::kStock,
     [](const HistoryPoint& point) { return point.gauges ? Value(static_cast<double>(point.gauges->pending())) : std::nullopt; }},
    {"held", SeriesKind::kStock, Gauge<&GaugeValues::held>},
    {"scheduled", SeriesKind::kStock, Gauge<&GaugeValues::scheduled>},
    {"ready", SeriesKind::kStock, Gauge<&GaugeValues::ready>},
    {"retrying", SeriesKind::kStock, Gauge<&GaugeValues::retrying>},
    {"sending", SeriesKind::kGauge, Gauge<&GaugeValues::sending>},
    {"in_flight", SeriesKind::kGauge, Gauge<&GaugeValues::in_flight>},
    {"oldest_due_ms", SeriesKind::kGauge,
     [](const HistoryPoint& point) {
       return point.gauges && point.gauges->oldest_due_ms ? Value(static_cast<double>(*point.gauges->oldest_due_ms)) : std::nullopt;
     }},
    {"rss_bytes", SeriesKind::kProcess, OfProcess<&ProcessValues::rss_bytes>},
    {"disk_free_bytes", SeriesKind::kProcess, OfProcess<&ProcessValues::disk_free_bytes>},
    {"connections", SeriesKind::kProcess, OfProcess<&ProcessValues::connections>},
    {"cpu", SeriesKind::kProcess,
     [](const HistoryPoint& point) { return point.process ? Value(static_cast<double>(point.process->cpu_per_mille) / 1e3) : std::nullopt; }},
    {"commit_p99_ms", SeriesKind::kProcess,
     [](const HistoryPoint& point) {
       return point.process && point.process->commit_p99_us ? Value(static_cast<double>(*point.process->commit_p99_us) / 1e3) : std::nullopt;
     }},
};

void IntOrNull(const std::optional<int64_t>& number, JsonWriter* json) {
  number ? json->Int(*number) : json->Null();
}

void NumberOrNull(const Value& number, JsonWriter* json) {
  number ? json->Double(*number) : json->Null();
}

/// One value a span; a stock goes on where nothing was counted.
void WriteValues(const Series& series, const HistoryView& view, JsonWriter* json) {
  const int64_t step_ms = MillisOf(view.asked.step);
  Value last;
  if (series.kind == SeriesKind::kStock && view.before) last = series.value(HistoryPoint{{}, view.before, {}});
  json->BeginArray();
  for (int64_t begin_ms = view.asked.from.ms; begin_ms < view.asked.to.ms; begin_ms += step_ms) {
    auto found = view.points.find(begin_ms);
    const Value value = found == view.points.end() ? std::nullopt : series.value(found->second);
    if (series.kind != SeriesKind::kStock) {
      NumberOrNull(value, json);
      continue;
    }
    if (value) last = value;
    NumberOrNull(last, json);
  }
  json->EndArray();
}

void WriteRates(const RateCounts& counts, double seconds, JsonWriter* json) {
  const struct {
    const char* name;
    uint64_t count;
  } rates[] = {{"accepted", counts.accepted},
               {"attempts", counts.attempts},
               {"attempts_failed", counts.attempts_failed},
               {"succeeded", counts.succeeded},
               {"failed", counts.failed}};
  json->BeginObject();
  for (const auto& [name, count] : rates) {
    json->Key(name);
    json->Double(static_cast<double>(count) / seconds);
  }
  json->EndObject();
}

bool IsFailing(const HostNow& host) {
  return host.figures.failed > 0 || host.figures.failing_since || host.breaker != Breaker::State::kClosed;
}

void WriteFailing(const HostNow& host, JsonWriter* json) {
  json->BeginObject();
  json->Key("host");
  json->String(host.host);
  json->Key("in_flight");
  json->Uint(host.in_flight);
  json->Key("paused");
  json->Bool(host.paused);
  json->Key("breaker");
  json->String(ToString(host.breaker));
  TimeOrNull("open_since", host.open_since, json);
  json->Key("figures");
  WriteHostFigures(&host.figures, json);
  json->EndObject();
}

}  // namespace

std::span<const Series> AllSeries() {
  return kSeries;
}

const Series* FindSeries(std::string_view name) {
  const auto* found = std::find_if(std::begin(kSeries), std::end(kSeries), [&](const Series& series) { return name == series.name; });
  return found == std::end(kSeries) ? nullptr : found;
}

HttpResponse HistoryResponse(const std::vector<const Series*>& series, const HistoryView* view, const HistoryView* process) {
  const HistoryAsk& asked = view ? view->asked : process->asked;
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("from");
  json.String(FormatRfc3339(asked.from));
  json.Key("to");
  json.String(FormatRfc3339(asked.to));
  json.Key("step_ms");
  json.Int(MillisOf(asked.step));
  json.Key("host");
  asked.of == HistoryOf::kHosts ? json.String(asked.host) : json.Null();
  json.Key("series");
  json.BeginObject();
  for (const Series* one : series) {
    json.Key(one->name);
    WriteValues(*one, one->kind == SeriesKind::kProcess ? *process : *view, &json);
  }
  json.EndObject();
  json.EndObject();
  return JsonResponse(200, std::move(body));
}

HttpResponse DueResponse(const DueView& due, int64_t step_ms) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("from");
  json.String(FormatRfc3339(due.asked.from));
  json.Key("step_ms");
  json.Int(step_ms);
  json.Key("counts");
  json.BeginArray();
  auto minute = due.minutes.begin();
  for (int64_t end_ms = due.asked.from.ms + step_ms; end_ms - step_ms < due.asked.to.ms; end_ms += step_ms) {
    uint64_t count = 0;
    for (; minute != due.minutes.end() && minute->first < end_ms; ++minute) count += minute->second;
    json.Uint(count);
  }
  json.EndArray();
  json.Key("later");
  json.Uint(due.later);
  TimeOrNull("since", due.since, &json);
  json.EndObject();
  return JsonResponse(200, std::move(body));
}

void WriteHostFigures(const HostFigures* figures, JsonWriter* json) {
  if (!figures) return json->Null();
  json->BeginObject();
  json->Key("attempts");
  json->Uint(figures->attempts);
  json->Key("failed");
  json->Uint(figures->failed);
  json->Key("p50_ms");
  IntOrNull(figures->p50_ms, json);
  json->Key("p99_ms");
  IntOrNull(figures->p99_ms, json);
  TimeOrNull("failing_since", figures->failing_since, json);
  TextOrNull("last_error", figures->last_error, json);
  json->EndObject();
}

std::string LiveEvent(const FiguresNow& now, const ProcessStats& process, const std::string& version, bool whole) {
  std::string event = "event: figures\ndata: ";
  JsonWriter json(&event);
  json.BeginObject();
  json.Key("at");
  json.String(FormatRfc3339(now.at));
  json.Key("stats");
  json.Raw(RenderStats(now.stats, process, version, whole));
  json.Key("rates");
  WriteRates(now.five_seconds, 5, &json);
  json.Key("lag_ms");
  IntOrNull(now.oldest_due_age_ms, &json);
  json.Key("lateness_p99_ms");
  IntOrNull(now.lateness_p99_ms, &json);
  json.Key("attempt_p50_ms");
  IntOrNull(now.attempt_p50_ms, &json);
  json.Key("attempt_p99_ms");
  IntOrNull(now.attempt_p99_ms, &json);
  if (whole) {
    json.Key("commit_p99_ms");
    NumberOrNull(process.commit_p99_ms, &json);
    json.Key("cpu");
    json.Double(process.cpu);
  }
  json.Key("failing_count");
  json.Uint(now.failing_hosts);
  json.Key("failing_hosts");
  json.BeginArray();
  for (const HostNow& host : now.hosts)
    if (IsFailing(host)) WriteFailing(host, &json);
  json.EndArray();
  json.Key("alerts");
  if (whole && process.alerts_known) {
    json.BeginObject();
    json.Key("firing");
    json.Uint(process.alerts_firing);
    json.Key("undelivered");
    json.Uint(process.alerts_undelivered);
    json.EndObject();
  } else {
    json.Null();  // they are of any namespace, or another member's to judge
  }
  json.EndObject();
  return event += "\n\n";
}

}  // namespace notifyd
