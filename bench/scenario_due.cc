// due: how late a notify arrives after its due time.
#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

/// Fills the store with what is due in a month or later, unless it holds that already.
Status HaveOthers(Session& session, const CommonOptions& common, const DueOptions& options) {
  if (options.pending == 0) return Status::Ok();
  Result<BrokerStats> stats = session.broker().Stats();
  if (!stats.ok()) return std::move(stats).status();
  if (stats->pending() == static_cast<int64_t>(options.pending)) return Status::Ok();
  if (stats->pending() != 0)
    return Status(Code::kUnavailable, fmt::format("the store {} has {} notifies pending, not {}: name another, or remove it", session.dir(),
                                                  stats->pending(), options.pending));
  WorkloadPlan plan = FarOffPlan(common.seed, 30 * 24 * kHourMs, 365 * 24 * kHourMs);
  plan.count = options.pending;
  plan.payload_bytes = options.payload_bytes;
  plan.lanes = 1000;
  plan.lane_name = "far-off";
  return Fill(session.broker(), plan);
}

Result<Record> DueOnce(const CommonOptions& common, const DueOptions& options, int run) {
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
  if (Status others = HaveOthers(**session, common, options); !others.ok()) return others;
  int64_t begin_ms = WallNanos() / 1'000'000 + int64_t{options.ahead_s} * 1000;
  Random random(common.seed + static_cast<uint64_t>(run));
  std::vector<int64_t> due_ms(options.count);
  for (int64_t& due : due_ms) due = begin_ms + static_cast<int64_t>(random.Below(static_cast<uint64_t>(options.spread_s) * 1000));
  Arrivals arrivals({options.count, options.lanes, false, nullptr, &due_ms});
  Result<std::unique_ptr<Receiver>> receiver = Receiver::Start({}, &arrivals);
  if (!receiver.ok()) return std::move(receiver).status();
  WorkloadPlan plan;
  plan.url = (*receiver)->address().Url() + "/n";
  plan.count = options.count;
  plan.batch = 100;
  plan.payload_bytes = options.payload_bytes;
  plan.lanes = options.lanes;
  plan.connections = 4;
  plan.due_ms = [&due_ms](uint64_t number) { return due_ms[number]; };
  plan.seed = common.seed;
  Workload workload(plan);
  double cpu_before_s = broker.cpu_s();
  Result<LoadResult> load = Submit(broker, plan.connections, plan.count, &workload);
  if (!load.ok()) return std::move(load).status();
  if (WallNanos() / 1'000'000 >= begin_ms) {
    return Status(Code::kUnavailable,
                  fmt::format("submitting took longer than the {} s ahead of the first due time: raise --ahead-s", options.ahead_s));
  }
  Status arrived = AwaitArrivals(broker, arrivals, options.count, common.stall_s, begin_ms + int64_t{options.spread_s} * 1000);
  if (!arrived.ok()) return arrived;
  (*receiver)->Stop();
  double cpu_s = broker.cpu_s() - cpu_before_s;
  if (arrivals.early() + arrivals.duplicates() + arrivals.strangers() > 0) {
    return Status(Code::kUnavailable, fmt::format("{} early, {} duplicates, {} requests that were not submitted", arrivals.early(),
                                                  arrivals.duplicates(), arrivals.strangers()));
  }
  Record record;
  record.Text("scenario", "due").Int("run", run).Int("count", static_cast<int64_t>(options.count)).Int("spread_s", options.spread_s);
  record.Int("others_pending", static_cast<int64_t>(options.pending));
  record.Percentiles("late", arrivals.lateness()).Int("early", static_cast<int64_t>(arrivals.early()));
  record.Int("duplicates", static_cast<int64_t>(arrivals.duplicates()));
  record.Real("broker_cpu_s_per_1000", cpu_s * 1000 / static_cast<double>(options.count), 4);
  record.Real("broker_peak_mib", Mebibytes(broker.memory().peak_bytes));
  // In order, so that a store that is kept is the same the next time.
  if (Status closed = (*session)->Close(); !closed.ok()) return closed;
  return record;
}

}  // namespace

Status RunDue(const CommonOptions& common, const DueOptions& options) {
  if (Status room = CheckRoom(common, options.pending, options.payload_bytes); !room.ok()) return room;
  std::string title = fmt::format("due: {} notifies spread over {} s, {} others pending", Grouped(static_cast<double>(options.count), 0),
                                  options.spread_s, Grouped(static_cast<double>(options.pending), 0));
  const std::vector<Goal> goals = {AtMost("late p50, ms", "late_p50_ms", 0.7), AtMost("late p99, ms", "late_p99_ms", 3)};
  return RunAndReport(common, title, goals, [&](int run) { return DueOnce(common, options, run); });
}

}  // namespace notifyd::bench
