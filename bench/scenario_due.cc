// due: how late a notify arrives after its due time.
#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

Result<Record> DueOnce(const CommonOptions& common, const DueOptions& options, int run) {
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
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
  record.Percentiles("late", arrivals.lateness()).Int("early", static_cast<int64_t>(arrivals.early()));
  record.Int("duplicates", static_cast<int64_t>(arrivals.duplicates()));
  record.Real("broker_cpu_s_per_1000", cpu_s * 1000 / static_cast<double>(options.count), 4);
  record.Real("broker_peak_mib", Mebibytes(broker.memory().peak_bytes));
  return record;
}

}  // namespace

Status RunDue(const CommonOptions& common, const DueOptions& options) {
  std::string title = fmt::format("due: {} notifies spread over {} s", Grouped(static_cast<double>(options.count), 0), options.spread_s);
  return RunAndReport(common, title, [&](int run) { return DueOnce(common, options, run); });
}

}  // namespace notifyd::bench
