// backlog: memory, disk and start-up time against the number of pending notifies.
#include <fmt/format.h>

#include <optional>

#include "base/standard_output.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

Result<Record> Step(Session& session, const CommonOptions& common, const BacklogOptions& options, uint64_t from, uint64_t to) {
  WorkloadPlan plan = FarOffPlan(common.seed, kHourMs, 24 * kHourMs);
  plan.first = from;
  plan.count = to - from;
  plan.batch = options.batch;
  plan.payload_bytes = options.payload_bytes;
  plan.lanes = options.lanes;
  plan.connections = options.connections;
  Workload workload(plan);
  Result<LoadResult> load = Submit(session.broker(), plan.connections, plan.count, &workload);
  if (!load.ok()) return std::move(load).status();
  MemoryUse before = session.broker().SettledMemory(options.settle_s);
  int64_t disk_bytes = DiskBytes(session.data_dir());
  Status restarted = session.KillAndRestart();
  if (!restarted.ok()) return restarted;
  double ready_ms = session.broker().ready_ms();
  Result<BrokerStats> stats = session.broker().Stats();
  if (!stats.ok()) return std::move(stats).status();
  if (stats->pending() != static_cast<int64_t>(to)) {
    return Status(Code::kUnavailable, fmt::format("{} of {} acknowledged notifies are pending after kill -9", stats->pending(), to));
  }
  MemoryUse after = session.broker().SettledMemory(options.settle_s);
  Record row;
  row.Int("pending", static_cast<int64_t>(to)).Real("submit_per_s", load->per_s(), 0).Real("resident_mib", Mebibytes(before.resident_bytes));
  row.Real("peak_mib", Mebibytes(before.peak_bytes)).Real("disk_mib", Mebibytes(disk_bytes));
  row.Real("disk_bytes_each", static_cast<double>(disk_bytes) / static_cast<double>(to), 0).Real("ready_s", ready_ms / 1000, 2);
  row.Real("restarted_mib", Mebibytes(after.resident_bytes));
  return row;
}

/// Last row to first.
Record Ratios(const std::vector<Record>& rows) {
  Record ratios;
  for (const char* name : {"pending", "resident_mib", "peak_mib", "disk_mib", "ready_s", "restarted_mib"}) {
    double first = rows.front().Number(name).value_or(0);
    ratios.Real(name, first > 0 ? rows.back().Number(name).value_or(0) / first : 0, 2);
  }
  return ratios;
}

/// The medians over the runs, row by row.
std::vector<Record> Medians(const std::vector<std::vector<Record>>& runs) {
  std::vector<Record> medians;
  for (size_t step = 0; step < runs[0].size(); ++step) {
    Record row;
    for (const Record::Field& field : runs[0][step].fields()) {
      std::vector<double> values;
      for (const auto& run : runs) values.push_back(run[step].Number(field.name).value_or(0));
      row.Real(field.name, Median(values), field.decimals);
    }
    medians.push_back(std::move(row));
  }
  return medians;
}

/// What it passes on beside its backlog over what an empty one does, in turn: the median of `options.rate_rounds`.
Result<double> RateRatio(Session& full, const CommonOptions& common, const BacklogOptions& options) {
  Result<std::unique_ptr<Session>> empty = Session::Open(common);
  if (!empty.ok()) return std::move(empty).status();
  WorkloadPlan plan;
  plan.count = options.rate_count;
  plan.lane_name = "passing";
  plan.connections = 32;
  std::vector<double> ratios;
  for (int round = 0; round <= options.rate_rounds; ++round) {
    Result<std::vector<Delivery>> deliveries = TakeTurns(round, {&full.broker(), &(*empty)->broker()}, plan, common);
    if (!deliveries.ok()) return std::move(deliveries).status();
    if (round > 0) ratios.push_back((*deliveries)[0].per_s / (*deliveries)[1].per_s);
  }
  return Median(ratios);
}

std::vector<Goal> Goals(uint64_t pending) {
  std::vector<Goal> goals = {AtMost("resident, MiB", "resident_mib", 130), AtMost("ready after kill -9, s", "ready_s", 0.3),
                             AtLeast("end-to-end rate beside them over that of an empty broker", "rate_ratio", 0.9)};
  // Below, what the log takes counts for more than what the notifies do.
  if (pending >= 1'000'000) goals.push_back(AtMost("disk bytes a notify", "disk_bytes_each", 330));
  return goals;
}

}  // namespace

Status RunBacklog(const CommonOptions& common, const BacklogOptions& options) {
  if (Status room = CheckRoom(common, options.steps.back(), options.payload_bytes); !room.ok()) return room;
  const std::vector<Goal> goals = Goals(options.steps.back());
  std::vector<std::vector<Record>> runs;
  std::vector<Record> judged;  // the last step of each run
  for (int run = 1; run <= common.runs; ++run) {
    Result<std::unique_ptr<Session>> session = Session::Open(common);
    if (!session.ok()) return std::move(session).status();
    std::vector<Record> rows;
    uint64_t from = 0;
    for (uint64_t to : options.steps) {
      Result<Record> row = Step(**session, common, options, from, to);
      if (!row.ok()) return std::move(row).status();
      rows.push_back(*std::move(row));
      from = to;
    }
    judged.push_back(rows.back());
    if (options.rate_rounds > 0) {
      Result<double> ratio = RateRatio(**session, common, options);
      if (!ratio.ok()) return std::move(ratio).status();
      judged.back().Real("rate_ratio", *ratio, 3);
    }
    Record record;
    record.Text("scenario", "backlog").Int("run", run).Int("payload_bytes", static_cast<int64_t>(options.payload_bytes));
    record.Int("lanes", static_cast<int64_t>(options.lanes)).Rows("steps", rows).Rows("last_to_first", {Ratios(rows)});
    for (const Goal& goal : goals)
      if (std::optional<double> figure = judged.back().Number(goal.field)) record.Real(goal.field, *figure, 3);
    PrintJson(common, std::move(record), goals);
    runs.push_back(std::move(rows));
  }
  if (common.json) return Status::Ok();
  std::vector<Record> medians = Medians(runs);
  std::string title =
      fmt::format("backlog: far-off notifies of {} bytes in {} lanes, ready and restarted after kill -9{}", options.payload_bytes,
                  Grouped(static_cast<double>(options.lanes), 0), common.runs > 1 ? fmt::format(", medians of {} runs", common.runs) : "");
  PrintOut(TableOfRows(title, medians));
  if (medians.size() > 1) PrintOut(TableOfRows("last to first", {Ratios(medians)}));
  PrintOut(TableOfVerdicts(goals, judged));
  return Status::Ok();
}

}  // namespace notifyd::bench
