// fairness: how long notifies to a healthy destination take beside destinations that hang, each with a backlog of its own. Two brokers run side
// by side, one without and one with them, and take turns at the same work, so that what else the machine does falls on both.
#include <fmt/format.h>

#include "bench/session.h"

namespace notifyd::bench {
namespace {

Status FillHung(BrokerProcess& broker, const CommonOptions& common, const FairnessOptions& options, const Address& hung) {
  WorkloadPlan plan;
  plan.url = hung.Url() + "/n";
  plan.count = options.backlog;
  plan.batch = 1000;
  plan.payload_bytes = options.payload_bytes;
  plan.lanes = options.hung_lanes;
  plan.lane_name = "hung-" + hung.ToString();
  plan.more_fields = options.one_caller ? R"(,"timeout_ms":3600000)" : R"(,"timeout_ms":3600000,"caller":"hung")";
  plan.seed = common.seed;
  return Fill(broker, plan);
}

double Ratio(const Record& record, const char* above, const char* below) {
  double least = 1e-3;  // where both are below what can be told apart
  return std::max(record.Number(above).value_or(0), least) / std::max(record.Number(below).value_or(0), least);
}

}  // namespace

Status RunFairness(const CommonOptions& common, const FairnessOptions& options) {
  if (options.namespaces) return RunNamespaces(common, options);
  // The kernel accepts for them, and nobody ever reads.
  std::vector<std::pair<Address, Fd>> hung;
  for (int i = 0; i < options.hung; ++i) {
    Address address;
    Result<Fd> listening = address.Listen();
    if (!listening.ok()) return std::move(listening).status();
    hung.emplace_back(address, *std::move(listening));
  }
  Result<std::unique_ptr<Session>> alone = Session::Open(common);
  if (!alone.ok()) return std::move(alone).status();
  Result<std::unique_ptr<Session>> beside = Session::Open(common);
  if (!beside.ok()) return std::move(beside).status();
  for (const auto& [address, listening] : hung)
    if (Status filled = FillHung((*beside)->broker(), common, options, address); !filled.ok()) return filled;
  WorkloadPlan plan;
  plan.count = options.count;
  plan.payload_bytes = options.payload_bytes;
  plan.lane_name = "healthy";
  plan.connections = options.connections;
  const std::vector<BrokerProcess*> brokers = {&(*alone)->broker(), &(*beside)->broker()};
  if (Result<std::vector<Delivery>> warm = TakeTurns(0, brokers, plan, common); !warm.ok()) return std::move(warm).status();
  std::string title = fmt::format("fairness: a healthy destination alone and beside {} that hang, each with {} notifies pending", options.hung,
                                  Grouped(static_cast<double>(options.backlog), 0));
  const std::vector<Goal> goals = {AtMost("p99 beside them less p99 alone, ms", "p99_more_ms", 50)};
  return RunAndReport(common, title, goals, [&](int round) -> Result<Record> {
    Result<std::vector<Delivery>> deliveries = TakeTurns(round, brokers, plan, common);
    if (!deliveries.ok()) return std::move(deliveries).status();
    Record record;
    record.Text("scenario", "fairness").Int("run", round).Int("hung", options.hung).Int("backlog", static_cast<int64_t>(options.backlog));
    record.Int("count", static_cast<int64_t>(options.count));
    for (size_t i : {0, 1})
      record.Real(i == 0 ? "alone_per_s" : "beside_per_s", (*deliveries)[i].per_s, 0)
          .Percentiles(i == 0 ? "alone" : "beside", (*deliveries)[i].latency);
    record.Real("p50_ratio", Ratio(record, "beside_p50_ms", "alone_p50_ms"), 3);
    record.Real("p99_ratio", Ratio(record, "beside_p99_ms", "alone_p99_ms"), 3);
    record.Real("p99_more_ms", record.Number("beside_p99_ms").value_or(0) - record.Number("alone_p99_ms").value_or(0), 3);
    return record.Real("beside_peak_mib", Mebibytes((*beside)->broker().memory().peak_bytes));
  });
}

}  // namespace notifyd::bench
