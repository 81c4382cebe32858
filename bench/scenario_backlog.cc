// backlog: memory, disk and start-up time against the number of pending notifies.
#include <fmt/format.h>

#include <cstdio>

#include "base/random.h"
#include "base/standard_output.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

constexpr int64_t kHourMs = 3'600'000;

/// Due at some moment of the day that begins in an hour; a function of seed and number, since a million of them need not be kept.
int64_t FarOff(int64_t now_ms, uint64_t seed, uint64_t number) {
  return now_ms + kHourMs + static_cast<int64_t>(Random(seed ^ number << 20).Below(24 * kHourMs));
}

Result<Record> Step(Session& session, const CommonOptions& common, const BacklogOptions& options, uint64_t from, uint64_t to) {
  WorkloadPlan plan;
  plan.url = "http://127.0.0.1:9/n";  // far from due: never called
  plan.first = from;
  plan.count = to - from;
  plan.batch = options.batch;
  plan.payload_bytes = options.payload_bytes;
  plan.lanes = options.lanes;
  plan.connections = options.connections;
  plan.seed = common.seed;
  int64_t now_ms = WallNanos() / 1'000'000;
  plan.due_ms = [now_ms, seed = common.seed](uint64_t number) { return FarOff(now_ms, seed, number); };
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
  row.Real("disk_bytes_each", static_cast<double>(disk_bytes) / static_cast<double>(to), 0).Real("ready_ms", ready_ms, 0);
  row.Real("restarted_mib", Mebibytes(after.resident_bytes));
  return row;
}

/// Last row to first.
Record Ratios(const std::vector<Record>& rows) {
  Record ratios;
  for (const char* name : {"pending", "resident_mib", "peak_mib", "disk_mib", "ready_ms", "restarted_mib"}) {
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

}  // namespace

Status RunBacklog(const CommonOptions& common, const BacklogOptions& options) {
  std::vector<std::vector<Record>> runs;
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
    if (common.json) {
      Record record;
      record.Text("scenario", "backlog").Int("run", run).Int("payload_bytes", static_cast<int64_t>(options.payload_bytes));
      record.Int("lanes", static_cast<int64_t>(options.lanes)).Rows("steps", rows).Rows("last_to_first", {Ratios(rows)});
      PrintOut(record.Json() + "\n");
      FlushOut();
    }
    runs.push_back(std::move(rows));
  }
  if (common.json) return Status::Ok();
  std::vector<Record> medians = Medians(runs);
  std::string title =
      fmt::format("backlog: far-off notifies of {} bytes in {} lanes, ready and restarted after kill -9{}", options.payload_bytes,
                  Grouped(static_cast<double>(options.lanes), 0), common.runs > 1 ? fmt::format(", medians of {} runs", common.runs) : "");
  PrintOut(TableOfRows(title, medians));
  if (medians.size() > 1) PrintOut(TableOfRows("last to first", {Ratios(medians)}));
  return Status::Ok();
}

}  // namespace notifyd::bench
