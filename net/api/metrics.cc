#include "net/api/metrics.h"

#include <fmt/format.h>

#include <iterator>

#include "broker/topic_events.h"

namespace notifyd {
namespace {

struct Figure {
  const char* name;
  uint64_t value;
};

class Exposition {
 public:
  void Head(const char* name, const char* help, const char* type) { Line("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type); }
  template <class... Args>
  void Line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  void Counter(const char* name, const char* help, uint64_t value) {
    Head(name, help, "counter");
    Line("{} {}\n", name, value);
  }
  void Gauge(const char* name, const char* help, uint64_t value) {
    Head(name, help, "gauge");
    Line("{} {}\n", name, value);
  }
  void Number(const char* name, const char* help, const char* type, double value) {
    Head(name, help, type);
    Line("{} {}\n", name, value);
  }
  /// One gauge with a line for each value of `label`.
  void Labelled(const char* name, const char* help, const char* label, std::initializer_list<Figure> figures) {
    Head(name, help, "gauge");
    for (const Figure& figure : figures) Line("{}{{{}=\"{}\"}} {}\n", name, label, EscapedLabel(figure.name), figure.value);
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

void CoreFigures(const StatsView& stats, Exposition& out) {
  const Totals& totals = stats.totals;
  out.Counter("notifyd_accepted_total", "Notifies accepted.", totals.accepted);
  out.Counter("notifyd_revived_total", "Settled notifies that were sent again on request.", totals.revived);
  out.Counter("notifyd_succeeded_total", "Notifies that succeeded.", totals.succeeded);
  out.Counter("notifyd_failed_total", "Notifies that failed.", totals.failed);
  out.Counter("notifyd_cancelled_total", "Notifies that were cancelled.", totals.cancelled);
  out.Counter("notifyd_expired_total", "Notifies that expired.", totals.expired);
  out.Counter("notifyd_attempts_total", "Attempts that ended.", totals.attempts);
  out.Counter("notifyd_retries_total", "Attempts that were not a notify's first.", totals.retries);
  out.Gauge("notifyd_pending", "Notifies that are not settled.", totals.pending());
  out.Labelled(
      "notifyd_notifies", "Notifies that are not settled, by state.", "state",
      {{"held", stats.held}, {"scheduled", stats.scheduled}, {"ready", stats.ready}, {"sending", stats.sending}, {"retrying", stats.retrying}});
  out.Gauge("notifyd_calls_in_flight", "Attempts in flight.", stats.in_flight);
  out.Gauge("notifyd_hosts_at_cap", "Hosts that have notifies to send and as many calls in flight as they may.", stats.hosts_at_cap);
  out.Gauge("notifyd_callers_at_cap", "Callers that have notifies to send and as many calls in flight as they may.", stats.callers_at_cap);
  out.Gauge("notifyd_breakers_open", "Hosts and instances to which nothing is sent, since no connection came about.", stats.open_breakers);
  out.Counter("notifyd_breaker_openings_total", "How often a host's or an instance's breaker opened.", stats.breaker_opened);
  out.Gauge("notifyd_services", "Services that were said by the API.", totals.records[RecordKind::kService]);
  out.Gauge("notifyd_service_instances", "Instances that are registered.", totals.records[RecordKind::kInstance]);
  out.Gauge("notifyd_groups_pending", "Groups of which a notify is not settled.", totals.records[RecordKind::kGroup]);
  const TopicFigures topics = stats.topics ? *stats.topics : TopicFigures();
  out.Counter("notifyd_events_published_total", "Events published.", topics.published);
  out.Counter("notifyd_events_matched_total", "Notifies made of events, without replays.", topics.matched);
  out.Counter("notifyd_events_replayed_total", "Notifies that replays made of events.", topics.replayed);
  out.Counter("notifyd_events_skipped_total", "Notifies that were not made of events, since their subscription has too many pending.",
              topics.skipped);
  out.Counter("notifyd_events_untransformed_total",
              "Notifies that were not made of events, since their subscription's transform made nothing of it that may be sent.",
              topics.untransformed);
  out.Gauge("notifyd_events_waiting", "Events whose notifies are not all made yet.", topics.backlog);
  out.Counter("notifyd_subscriptions_paused_total", "Subscriptions that were paused since their destination was not reached for long.",
              topics.paused);
  out.Gauge("notifyd_schedules", "Schedules.", totals.records[RecordKind::kSchedule] / 2);  // two records each
  out.Gauge("notifyd_schedules_running", "Schedules that have a next run.", totals.records[RecordKind::kRun]);
  out.Gauge("notifyd_loaded_notifies", "Notifies held in memory.", stats.loaded_notifies);
  out.Gauge("notifyd_loaded_lanes", "Lanes held in memory.", stats.lanes);
  out.Gauge("notifyd_loaded_hosts", "Hosts held in memory.", stats.hosts);
  out.Gauge("notifyd_loaded_spec_bytes", "Bytes of request bodies and headers held in memory with notifies.", stats.spec_bytes);
  out.Gauge("notifyd_parked_events", "Events that wait for the store to load what they need.", stats.parked);
}

void ProcessFigures(const ProcessStats& process, Exposition& out) {
  out.Gauge("notifyd_namespaces", "Namespaces that there are.", process.namespaces);
  out.Gauge("notifyd_namespaces_awake", "Namespaces that are held in memory; others sleep.", process.namespaces_awake);
  out.Gauge("notifyd_connections", "Client connections.", process.connections);
  out.Gauge("notifyd_waiters", "Requests that wait for the end of a notify.", process.waiters);
  out.Gauge("notifyd_beanstalkd_connections", "Clients of beanstalkd's protocol.", process.beanstalkd_connections);
  out.Head("notifyd_beanstalkd_jobs_total", "Jobs that were put over beanstalkd's protocol, by outcome.", "counter");
  for (const auto& [outcome, count] : process.beanstalkd) out.Line("notifyd_beanstalkd_jobs_total{{outcome=\"{}\"}} {}\n", outcome, count);
  out.Gauge("notifyd_listeners", "Clients that listen to /v1/live.", process.listeners);
  out.Gauge("notifyd_buffered_bytes", "Bytes of requests and responses that are buffered.", process.buffered_bytes);
  out.Gauge("notifyd_captured_bytes", "Bytes of receivers' answers that are kept or waited for, in memory.", process.captured_bytes);
  out.Counter("notifyd_captured_cut_total", "Those that were cut, since there was no room for more.", process.captured_cut);
  out.Gauge("notifyd_alerts", "Alerts that the file has.", process.alerts);
  out.Gauge("notifyd_alerts_firing", "Alerts that fire.", process.alerts_firing);
  out.Gauge("notifyd_alerts_undelivered", "Messages of alerts that nobody took yet.", process.alerts_undelivered);
  out.Counter("notifyd_alerts_given_up_total", "Messages of alerts that were given up.", process.alerts_given_up);
  for (const StoreFigure& figure : process.store) {
    std::string name = std::string("notifyd_store_") + figure.name + (figure.grows ? "_total" : "");
    figure.grows ? out.Counter(name.c_str(), figure.help, figure.value) : out.Gauge(name.c_str(), figure.help, figure.value);
  }
  out.Head("notifyd_log_lines_dropped_total", "Log lines that a place of the log did not take in time.", "counter");
  for (const auto& [sink, count] : process.log_dropped) out.Line("notifyd_log_lines_dropped_total{{sink=\"{}\"}} {}\n", sink, count);
  out.Counter("notifyd_spans_total", "Spans made for the collector of traces.", process.spans);
  out.Counter("notifyd_spans_dropped_total", "Spans that it did not take in time.", process.spans_dropped);
  out.Number("process_cpu_seconds_total", "User and system CPU time.", "counter", process.cpu_seconds);
  out.Gauge("process_resident_memory_bytes", "Resident memory.", process.rss_bytes);
  out.Number("process_start_time_seconds", "When the process started, since the epoch.", "gauge", static_cast<double>(process.started_at.ms) / 1000);
}

void MemberLines(const ProcessStats& process, Exposition& out) {
  if (process.forwarded.empty()) return;
  out.Head("notifyd_forwarded_total", "Requests that were passed on to the broker that serves what they are about, by outcome.", "counter");
  for (const auto& [outcome, count] : process.forwarded) out.Line("notifyd_forwarded_total{{outcome=\"{}\"}} {}\n", outcome, count);
  out.Counter("notifyd_forward_repeats_total", "How often such a request was asked again, since it moved or its connection broke.",
              process.forward_repeats);
}

void ClusterLines(const std::optional<ClusterFigures>& cluster, Exposition& out) {
  if (!cluster) return;
  out.Gauge("notifyd_cluster_members", "Brokers that share the store and are alive.", cluster->members);
  out.Gauge("notifyd_cluster_namespaces", "Namespaces that this one serves.", cluster->served);
  out.Gauge("notifyd_cluster_leads", "1 while this one keeps namespaces and tokens, and says who serves what.", cluster->leads ? 1 : 0);
  out.Gauge("notifyd_cluster_epoch", "How often this member began anew, over restarts.", cluster->epoch);
  out.Number("notifyd_cluster_lease_seconds", "For how long this one may act unless its lease is renewed.", "gauge",
             static_cast<double>(cluster->lease_left_ms) / 1e3);
  out.Number("notifyd_cluster_looked_seconds", "For how long this one has not seen what the others do.", "gauge",
             static_cast<double>(cluster->looked_ms_ago) / 1e3);
  out.Gauge("notifyd_cluster_unreached", "Members that this one does not reach.", cluster->unreached);
  out.Counter("notifyd_cluster_placed_total", "Namespaces that this one, as the leader, gave to a member.", cluster->placed);
  out.Counter("notifyd_cluster_taken_total", "Namespaces that this one took.", cluster->taken);
  out.Counter("notifyd_cluster_handed_over_total", "Namespaces that this one handed over.", cluster->handed_over);
  out.Counter("notifyd_cluster_buried_total", "Members that this one found to be gone.", cluster->buried);
  out.Counter("notifyd_cluster_words_sent_total", "Words to other members.", cluster->words_sent);
  out.Counter("notifyd_cluster_words_failed_total", "Of those the ones that were not taken.", cluster->words_failed);
  out.Counter("notifyd_cluster_words_received_total", "Words of other members.", cluster->words_received);
  out.Gauge("notifyd_cluster_alerts_missing", "Members whose figures this one, where it judges alerts, does not know.", cluster->alerts_missing);
}

void CommandLines(const std::vector<CommandStats>& commands, Exposition& out) {
  const auto each = [&](const char* name, const char* help, const char* type, uint64_t CommandStats::*member) {
    out.Head(name, help, type);
    for (const CommandStats& command : commands) out.Line("{}{{command=\"{}\"}} {}\n", name, EscapedLabel(command.name), command.*member);
  };
  each("notifyd_commands_running", "Runs of a command that are under way.", "gauge", &CommandStats::running);
  each("notifyd_commands_waiting", "Attempts that wait for a run of their command to end.", "gauge", &CommandStats::waiting);
  each("notifyd_command_starts_total", "Runs of a command that began.", "counter", &CommandStats::started);
  out.Head("notifyd_command_ends_total", "Runs of a command that ended, by outcome.", "counter");
  for (const CommandStats& command : commands)
    for (const auto& [outcome, count] : command.ended)
      out.Line("notifyd_command_ends_total{{command=\"{}\",outcome=\"{}\"}} {}\n", EscapedLabel(command.name), outcome, count);
}

void ServiceNameLines(const std::vector<ServiceNameStats>& names, Exposition& out) {
  out.Head("notifyd_service_name_instances", "Instances that a service's name leads to.", "gauge");
  for (const ServiceNameStats& each : names) out.Line("notifyd_service_name_instances{{name=\"{}\"}} {}\n", EscapedLabel(each.name), each.instances);
  out.Head("notifyd_service_name_lookups_total", "Lookups of a service's name that ended, by outcome.", "counter");
  for (const ServiceNameStats& each : names)
    for (const auto& [outcome, count] : {std::pair("found", each.found), std::pair("failed", each.failed)})
      out.Line("notifyd_service_name_lookups_total{{name=\"{}\",outcome=\"{}\"}} {}\n", EscapedLabel(each.name), outcome, count);
}

/// Buckets are counted each for itself, and shown cumulated (Prometheus text format, "Histograms and summaries").
void OneHistogram(const NamedHistogram& named, Exposition& out) {
  Histogram::Snapshot counts = named.histogram.Read();
  out.Head(named.name, named.help, "histogram");
  uint64_t below = 0;
  for (size_t i = 0; i < Histogram::kBoundsUs.size(); ++i) {
    below += counts.buckets[i];
    out.Line("{}_bucket{{le=\"{}\"}} {}\n", named.name, static_cast<double>(Histogram::kBoundsUs[i]) / 1e6, below);
  }
  out.Line("{}_bucket{{le=\"+Inf\"}} {}\n", named.name, counts.count);
  out.Line("{}_sum {}\n{}_count {}\n", named.name, static_cast<double>(counts.sum_us) / 1e6, named.name, counts.count);
}

void LaneFigures(const std::vector<LaneView>& lanes, Exposition& out) {
  std::vector<std::string> labels;
  for (const LaneView& lane : lanes) labels.push_back(fmt::format("lane=\"{}\",mode=\"{}\"", EscapedLabel(lane.lane.name), ToString(lane.lane.mode)));
  out.Head("notifyd_lane_pending", "Notifies of a lane that are not settled, by state. Lanes with settings of their own only.", "gauge");
  for (size_t i = 0; i < lanes.size(); ++i) {
    const LaneView& lane = lanes[i];
    for (const Figure& figure :
         {Figure{"held", lane.held}, {"scheduled", lane.scheduled}, {"ready", lane.ready}, {"sending", lane.sending}, {"retrying", lane.retrying}})
      out.Line("notifyd_lane_pending{{{},state=\"{}\"}} {}\n", labels[i], figure.name, figure.value);
  }
  auto gauge = [&](const char* name, const char* help, auto value) {
    out.Head(name, help, "gauge");
    for (size_t i = 0; i < lanes.size(); ++i) out.Line("{}{{{}}} {}\n", name, labels[i], value(lanes[i]));
  };
  gauge("notifyd_lane_in_flight", "Attempts of a lane in flight.", [](const LaneView& lane) { return lane.in_flight; });
  gauge("notifyd_lane_paused", "Whether a lane is paused: 1 or 0.", [](const LaneView& lane) { return lane.limits.paused == Paused::kNo ? 0 : 1; });
  gauge("notifyd_lane_head_age_seconds", "How long a lane's head has been due; 0 where none is.",
        [](const LaneView& lane) { return static_cast<double>(lane.head_age_ms.value_or(0)) / 1000; });
}

/// Families of their own: a label beside the sums would have them counted twice by whoever sums up.
void NamespaceLines(const FiguresOfNamespaces& spaces, Exposition& out) {
  if (spaces.empty()) return;
  const auto each = [&](const char* name, const char* help, const char* type, auto value) {
    out.Head(name, help, type);
    for (const auto& [space, figures] : spaces) out.Line("{}{{namespace=\"{}\"}} {}\n", name, space, value(figures));
  };
  const auto counter = [&](const char* name, const char* help, auto member) {
    each(name, help, "counter", [member](const NamespaceFigures& figures) { return figures.totals.*member; });
  };
  counter("notifyd_namespace_accepted_total", "Notifies of a namespace that were accepted.", &Totals::accepted);
  counter("notifyd_namespace_revived_total", "Settled notifies of a namespace that were sent again on request.", &Totals::revived);
  counter("notifyd_namespace_succeeded_total", "Notifies of a namespace that succeeded.", &Totals::succeeded);
  counter("notifyd_namespace_failed_total", "Notifies of a namespace that failed.", &Totals::failed);
  counter("notifyd_namespace_cancelled_total", "Notifies of a namespace that were cancelled.", &Totals::cancelled);
  counter("notifyd_namespace_expired_total", "Notifies of a namespace that expired.", &Totals::expired);
  counter("notifyd_namespace_attempts_total", "Attempts of a namespace that ended.", &Totals::attempts);
  counter("notifyd_namespace_retries_total", "Attempts of a namespace that were not a notify's first.", &Totals::retries);
  const auto gauge = [&](const char* name, const char* help, auto value) { each(name, help, "gauge", value); };
  gauge("notifyd_namespace_pending", "Notifies of a namespace that are not settled.", [](const NamespaceFigures& f) { return f.totals.pending(); });
  gauge("notifyd_namespace_calls_in_flight", "Attempts of a namespace in flight.", [](const NamespaceFigures& f) { return f.in_flight; });
  gauge("notifyd_namespace_lent_calls", "Attempts that a namespace may have in flight now.",
        [](const NamespaceFigures& f) { return f.may_be_in_flight; });
  gauge("notifyd_namespace_stored_bytes", "Size of what is stored of a namespace.", [](const NamespaceFigures& f) { return f.stored_bytes; });
  gauge("notifyd_namespace_loaded_notifies", "Notifies of a namespace held in memory.", [](const NamespaceFigures& f) { return f.loaded; });
  gauge("notifyd_namespace_awake", "Whether a namespace is held in memory: 1 or 0.", [](const NamespaceFigures& f) { return f.awake ? 1 : 0; });
}

}  // namespace

std::string EscapedLabel(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

std::string RenderMetrics(const StatsView& stats, const std::vector<LaneView>& lanes, const FiguresOfNamespaces& spaces, const ProcessStats& process,
                          const std::vector<const NamedHistogram*>& histograms, const std::string& version) {
  Exposition out;
  out.Labelled("notifyd_build_info", "The version that runs; the value is always 1.", "version", {{version.c_str(), 1}});
  CoreFigures(stats, out);
  ProcessFigures(process, out);
  MemberLines(process, out);
  ClusterLines(process.cluster, out);
  CommandLines(process.commands, out);
  ServiceNameLines(process.service_names, out);
  for (const NamedHistogram* histogram : histograms) OneHistogram(*histogram, out);
  LaneFigures(lanes, out);
  NamespaceLines(spaces, out);
  return out.Take();
}

}  // namespace notifyd
