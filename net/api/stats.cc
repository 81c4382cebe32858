#include "net/api/stats.h"

#include <vector>

#include "base/json.h"

namespace notifyd {
namespace {

struct Figure {
  const char* name;
  uint64_t value;
};

void Object(const char* key, const std::vector<Figure>& figures, JsonWriter* json) {
  json->Key(key);
  json->BeginObject();
  for (const Figure& figure : figures) {
    json->Key(figure.name);
    json->Uint(figure.value);
  }
  json->EndObject();
}

/// Those of the store's figures, behind `figures`.
std::vector<Figure> WithStore(std::vector<Figure> figures, StoreFigure::Part part, const ProcessStats& process) {
  for (const StoreFigure& figure : process.store)
    if (figure.part == part) figures.push_back({figure.name, figure.value});
  return figures;
}

void Process(const ProcessStats& process, const std::string& version, JsonWriter* json) {
  json->Key("pid");
  json->Int(process.pid);
  json->Key("version");
  json->String(version);
  if (!process.member.empty()) {
    json->Key("member");
    json->String(process.member);
  }
  json->Key("started_at");
  json->String(FormatRfc3339(process.started_at));
  json->Key("uptime_ms");
  json->Int(process.uptime_ms);
}

void Sums(const Totals& totals, JsonWriter* json) {
  Object("totals",
         {{"accepted", totals.accepted},
          {"revived", totals.revived},
          {"succeeded", totals.succeeded},
          {"failed", totals.failed},
          {"cancelled", totals.cancelled},
          {"expired", totals.expired},
          {"attempts", totals.attempts},
          {"retries", totals.retries}},
         json);
}

void States(const PendingByState& states, JsonWriter* json) {
  Object(
      "states",
      {{"held", states.held}, {"scheduled", states.scheduled}, {"ready", states.ready}, {"sending", states.sending}, {"retrying", states.retrying}},
      json);
}

/// `memory`: what else is known of it.
void Whole(const ProcessStats& process, std::vector<Figure> memory, JsonWriter* json) {
  Object("store", WithStore({}, StoreFigure::Part::kStore, process), json);
  memory.insert(memory.begin(),
                {{"rss_bytes", process.rss_bytes}, {"buffered_bytes", process.buffered_bytes}, {"captured_bytes", process.captured_bytes}});
  Object("memory", WithStore(std::move(memory), StoreFigure::Part::kMemory, process), json);
  Object("commits", WithStore({}, StoreFigure::Part::kCommits, process), json);
  json->Key("connections");
  json->Uint(process.connections);
}

}  // namespace

std::string RenderStats(const StatsView& stats, const ProcessStats& process, const std::string& version, bool whole) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  Process(process, version, &json);
  json.Key("pending");
  json.Uint(stats.totals.pending());
  States(stats, &json);
  Sums(stats.totals, &json);
  Object(
      "loaded",
      {{"notifies", stats.loaded_notifies}, {"lanes", stats.lanes}, {"hosts", stats.hosts}, {"parked", stats.parked}, {"in_flight", stats.in_flight}},
      &json);
  if (whole) Whole(process, {{"spec_bytes", stats.spec_bytes}}, &json);
  json.EndObject();
  return body;
}

std::string RenderStatsOfAll(size_t count, const NamespaceFigures& sum, const ProcessStats& process, const std::string& version) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  Process(process, version, &json);
  json.Key("namespaces");
  json.Uint(count);
  json.Key("pending");
  json.Uint(sum.totals.pending());
  States(sum.states, &json);
  Sums(sum.totals, &json);
  Object("loaded", {{"notifies", sum.loaded}, {"in_flight", sum.in_flight}}, &json);
  Whole(process, {}, &json);
  json.EndObject();
  return body;
}

void AddOtherNamespaces(const NamespaceBoard& board, Totals* totals) {
  const Totals all = board.Sum().totals, own = board.Figures(kDefaultNumber).totals;
  for (uint64_t Totals::*count : {&Totals::accepted, &Totals::revived, &Totals::succeeded, &Totals::failed, &Totals::cancelled, &Totals::expired,
                                  &Totals::attempts, &Totals::retries})
    totals->*count += all.*count - own.*count;
  for (size_t i = 0; i < kIndexes; ++i) totals->by_index.of[i] += all.by_index.of[i] - own.by_index.of[i];
}

}  // namespace notifyd
