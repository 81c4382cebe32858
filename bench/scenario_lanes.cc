// lanes: how much many other lanes, each with a notify pending, slow a busy one. Two brokers run side by side, one without and one with
// the other lanes, and take turns at the same work, so that what else the machine does falls on both.
#include <fmt/format.h>

#include "bench/session.h"

namespace notifyd::bench {
namespace {

constexpr int64_t kDayMs = 86'400'000;

/// One notify in each of the other lanes.
Status FillOtherLanes(BrokerProcess& broker, const CommonOptions& common, const LanesOptions& options, const std::string& hung_url) {
  WorkloadPlan plan;
  plan.url = options.hung ? hung_url : "http://127.0.0.1:9/n";
  plan.count = options.lanes;
  plan.batch = 1000;
  plan.payload_bytes = options.payload_bytes;
  plan.lanes = options.lanes;
  plan.lane_name = "other";
  plan.connections = 4;
  plan.seed = common.seed;
  int64_t due_ms = WallNanos() / 1'000'000 + kDayMs;
  if (options.hung) {
    plan.more_fields = R"(,"timeout_ms":3600000)";
  } else {
    plan.due_ms = [due_ms](uint64_t) { return due_ms; };
  }
  return Fill(broker, plan);
}

}  // namespace

Status RunLanes(const CommonOptions& common, const LanesOptions& options) {
  if (options.late) return RunLate(common, options);
  ReceiverOptions hung_options;
  hung_options.hang = true;
  Result<std::unique_ptr<Receiver>> hung = Receiver::Start(hung_options, nullptr);
  if (!hung.ok()) return std::move(hung).status();
  Result<std::unique_ptr<Session>> alone = Session::Open(common);
  if (!alone.ok()) return std::move(alone).status();
  Result<std::unique_ptr<Session>> among = Session::Open(common);
  if (!among.ok()) return std::move(among).status();
  Status filled = FillOtherLanes((*among)->broker(), common, options, (*hung)->address().Url() + "/n");
  if (!filled.ok()) return filled;
  WorkloadPlan plan;
  plan.count = options.count;
  plan.payload_bytes = options.payload_bytes;
  plan.lane_name = "busy";
  plan.connections = options.connections;
  const std::vector<BrokerProcess*> brokers = {&(*alone)->broker(), &(*among)->broker()};
  if (Result<std::vector<Delivery>> warm = TakeTurns(0, brokers, plan, common); !warm.ok()) return std::move(warm).status();
  std::string title = fmt::format("lanes: a busy lane alone and among {} others, {}", Grouped(static_cast<double>(options.lanes), 0),
                                  options.hung ? "whose destination hangs" : "due tomorrow");
  return RunAndReport(common, title, {AtMost("rate alone over rate among the others", "slowdown", 1.2)}, [&](int round) -> Result<Record> {
    Result<std::vector<Delivery>> deliveries = TakeTurns(round, brokers, plan, common);
    if (!deliveries.ok()) return std::move(deliveries).status();
    const double rate_alone = (*deliveries)[0].per_s, rate_among = (*deliveries)[1].per_s;
    Record record;
    record.Text("scenario", "lanes")
        .Int("run", round)
        .Int("other_lanes", static_cast<int64_t>(options.lanes))
        .Text("others", options.hung ? "hung" : "far-off");
    record.Int("count", static_cast<int64_t>(options.count)).Real("alone_per_s", rate_alone, 0).Real("among_per_s", rate_among, 0);
    return record.Real("slowdown", rate_alone / rate_among, 3).Real("among_peak_mib", Mebibytes((*among)->broker().memory().peak_bytes));
  });
}

}  // namespace notifyd::bench
