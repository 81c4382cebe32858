#include "net/api/stats.h"

#include <fmt/format.h>

#include <iterator>

#include "base/json.h"

namespace notifyd {
namespace {

struct Figure {
  const char* name;
  uint64_t value;
};

void Object(const char* key, std::initializer_list<Figure> figures, JsonWriter* json) {
  json->Key(key);
  json->BeginObject();
  for (const Figure& figure : figures) {
    json->Key(figure.name);
    json->Uint(figure.value);
  }
  json->EndObject();
}

class Exposition {
 public:
  void Counter(const char* name, const char* help, uint64_t value) {
    Head(name, help, "counter");
    fmt::format_to(std::back_inserter(text_), "{} {}\n", name, value);
  }
  void Gauge(const char* name, const char* help, uint64_t value) {
    Head(name, help, "gauge");
    fmt::format_to(std::back_inserter(text_), "{} {}\n", name, value);
  }
  void Number(const char* name, const char* help, const char* type, double value) {
    Head(name, help, type);
    fmt::format_to(std::back_inserter(text_), "{} {}\n", name, value);
  }
  /// One gauge with a line for each value of `label`.
  void Labelled(const char* name, const char* help, const char* label, std::initializer_list<Figure> figures) {
    Head(name, help, "gauge");
    for (const Figure& figure : figures) fmt::format_to(std::back_inserter(text_), "{}{{{}=\"{}\"}} {}\n", name, label, figure.name, figure.value);
  }
  std::string Take() { return std::move(text_); }

 private:
  void Head(const char* name, const char* help, const char* type) {
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  std::string text_;
};

}  // namespace

std::string RenderStats(const StatsView& stats, const ApiOptions::ProcessStats& process, const std::string& version) {
  const Totals& totals = stats.totals;
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("pid");
  json.Int(process.pid);
  json.Key("version");
  json.String(version);
  json.Key("started_at");
  json.String(FormatRfc3339(process.started_at));
  json.Key("uptime_ms");
  json.Int(process.uptime_ms);
  json.Key("pending");
  json.Uint(totals.pending());
  Object("states",
         {{"held", stats.held}, {"scheduled", stats.scheduled}, {"ready", stats.ready}, {"sending", stats.sending}, {"retrying", stats.retrying}},
         &json);
  Object("totals",
         {{"accepted", totals.accepted},
          {"revived", totals.revived},
          {"succeeded", totals.succeeded},
          {"failed", totals.failed},
          {"cancelled", totals.cancelled},
          {"expired", totals.expired},
          {"attempts", totals.attempts},
          {"retries", totals.retries}},
         &json);
  Object("store", {{"disk_bytes", process.store_disk_bytes}, {"wal_bytes", process.store_wal_bytes}, {"free_bytes", process.store_free_bytes}},
         &json);
  Object("memory",
         {{"rss_bytes", process.rss_bytes},
          {"buffered_bytes", process.buffered_bytes},
          {"spec_bytes", stats.spec_bytes},
          {"memtable_bytes", process.memtable_bytes},
          {"block_cache_bytes", process.block_cache_bytes},
          {"table_readers_bytes", process.table_readers_bytes}},
         &json);
  Object(
      "loaded",
      {{"notifies", stats.loaded_notifies}, {"lanes", stats.lanes}, {"hosts", stats.hosts}, {"parked", stats.parked}, {"in_flight", stats.in_flight}},
      &json);
  Object("commits", {{"batches", process.store_batches}, {"groups", process.store_groups}, {"syncs", process.store_syncs}}, &json);
  json.Key("connections");
  json.Uint(process.connections);
  json.EndObject();
  return body;
}

std::string RenderMetrics(const StatsView& stats, const ApiOptions::ProcessStats& process, const std::string& version) {
  const Totals& totals = stats.totals;
  Exposition out;
  out.Labelled("notifyd_build_info", "The version that runs; the value is always 1.", "version", {{version.c_str(), 1}});
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
  out.Gauge("notifyd_loaded_notifies", "Notifies held in memory.", stats.loaded_notifies);
  out.Gauge("notifyd_loaded_lanes", "Lanes held in memory.", stats.lanes);
  out.Gauge("notifyd_loaded_hosts", "Hosts held in memory.", stats.hosts);
  out.Gauge("notifyd_loaded_spec_bytes", "Bytes of request bodies and headers held in memory with notifies.", stats.spec_bytes);
  out.Gauge("notifyd_parked_events", "Events that wait for the store to load what they need.", stats.parked);
  out.Gauge("notifyd_connections", "Client connections.", process.connections);
  out.Gauge("notifyd_buffered_bytes", "Bytes of requests and responses that are buffered.", process.buffered_bytes);
  out.Gauge("notifyd_store_disk_bytes", "Size of the store on disk, its log included.", process.store_disk_bytes);
  out.Gauge("notifyd_store_wal_bytes", "Size of the store's log.", process.store_wal_bytes);
  out.Gauge("notifyd_store_free_bytes", "Free space where the store lies.", process.store_free_bytes);
  out.Counter("notifyd_store_batches_total", "Batches written since the start.", process.store_batches);
  out.Counter("notifyd_store_groups_total", "Groups of batches written in one go since the start.", process.store_groups);
  out.Counter("notifyd_store_syncs_total", "Syncs to disk since the start.", process.store_syncs);
  out.Gauge("notifyd_store_memtable_bytes", "Memory of the store's memtables.", process.memtable_bytes);
  out.Gauge("notifyd_store_block_cache_bytes", "Memory of the store's block cache.", process.block_cache_bytes);
  out.Gauge("notifyd_store_table_readers_bytes", "Memory of the store's table readers.", process.table_readers_bytes);
  out.Number("process_cpu_seconds_total", "User and system CPU time.", "counter", process.cpu_seconds);
  out.Gauge("process_resident_memory_bytes", "Resident memory.", process.rss_bytes);
  out.Number("process_start_time_seconds", "When the process started, since the epoch.", "gauge", static_cast<double>(process.started_at.ms) / 1000);
  return out.Take();
}

}  // namespace notifyd
