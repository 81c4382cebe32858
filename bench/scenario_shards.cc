// shards: what many namespaces on several shards pass on, against one namespace of the same broker. They take turns at the same work, so that what
// else the machine does falls on both. Contract section 7, "cores".
#include <fmt/format.h>

#include "bench/session.h"

namespace notifyd::bench {

Status RunShards(const CommonOptions& common, const ShardsOptions& options) {
  CommonOptions own = common;
  own.broker_arguments.push_back(fmt::format("--shards={}", options.shards));
  Result<std::unique_ptr<Session>> session = Session::Open(own);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
  const Target one = broker.target();
  Target many = one;
  for (int i = 0; i < options.namespaces; ++i) {
    many.spaces.push_back(fmt::format("team-{}", i));
    if (Status made = MakeNamespace(broker, many.spaces.back()); !made.ok()) return made;
  }
  WorkloadPlan plan;
  plan.count = options.count;
  plan.payload_bytes = options.payload_bytes;
  plan.connections = options.connections;
  auto deliver = [&](const Target& target) {
    broker.AskAs(target);
    Result<Delivery> delivery = DeliverAll(broker, plan, common);
    broker.AskAs(one);
    return delivery;
  };
  auto round_of = [&](int run) -> Result<Record> {
    Delivery alone, spread;
    for (int i : {0, 1}) {
      const bool is_spread = (i + run) % 2 == 1;
      Result<Delivery> delivery = deliver(is_spread ? many : one);
      if (!delivery.ok()) return std::move(delivery).status();
      (is_spread ? spread : alone) = *std::move(delivery);
    }
    Record record;
    record.Text("scenario", "shards").Int("run", run).Int("shards", options.shards).Int("namespaces", options.namespaces);
    record.Int("count", static_cast<int64_t>(options.count)).Int("connections", options.connections);
    record.Real("one_per_s", alone.per_s, 0).Real("many_per_s", spread.per_s, 0).Real("rate_ratio", spread.per_s / alone.per_s, 3);
    record.Real("one_cpu_s_per_1000", alone.broker_cpu_s_per_1000(), 4).Real("many_cpu_s_per_1000", spread.broker_cpu_s_per_1000(), 4);
    record.Percentiles("one_ack", alone.load.ack_latency).Percentiles("many_ack", spread.load.ack_latency);
    return record.Real("broker_peak_mib", Mebibytes(broker.memory().peak_bytes));
  };
  // The first connections and the first pages of a store cost more than all later ones.
  if (Result<Record> warm = round_of(0); !warm.ok()) return std::move(warm).status();
  const std::string title = fmt::format("shards: {} namespaces on {} shards against one, {} notifies of {} bytes, {} connections", options.namespaces,
                                        options.shards, Grouped(static_cast<double>(options.count), 0), options.payload_bytes, options.connections);
  if (Status ran = RunAndReport(common, title, {AtLeast("rate of the many over that of one", "rate_ratio", 1.0)}, round_of); !ran.ok()) return ran;
  return (*session)->Close();
}

}  // namespace notifyd::bench
