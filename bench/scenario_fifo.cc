// fifo: what fifo lanes pass on, one at a time each, against the number of lanes. Every step has a broker of its own.
#include <fmt/format.h>

#include "base/standard_output.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

Result<Record> FifoOnce(const CommonOptions& common, const FifoOptions& options, uint64_t lanes, int run) {
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
  WorkloadPlan plan;
  plan.count = options.count;
  plan.payload_bytes = options.payload_bytes;
  plan.lanes = lanes;
  plan.fifo = true;
  // One connection a lane at most, so that the order of submission is known.
  plan.connections = static_cast<int>(std::min<uint64_t>(static_cast<uint64_t>(options.connections), lanes));
  plan.batch = options.batch;
  ReceiverOptions receiver_options;
  receiver_options.delay_ms = options.receiver_delay_ms;
  Result<Delivery> delivery = DeliverAll(broker, plan, common, receiver_options);
  if (!delivery.ok()) return std::move(delivery).status();
  Record row;
  row.Text("scenario", "fifo").Int("run", run).Int("lanes", static_cast<int64_t>(lanes)).Real("end_to_end_per_s", delivery->per_s, 0);
  row.Real("lane_per_s", delivery->per_s / static_cast<double>(lanes), 1).Percentiles("arrival", delivery->latency);
  row.Real("broker_cpu_s_per_1000", delivery->broker_cpu_s_per_1000(), 4);
  row.Real("broker_peak_mib", Mebibytes(broker.memory().peak_bytes));
  Status closed = (*session)->Close();
  if (!closed.ok()) return closed;
  return row;
}

}  // namespace

Status RunFifo(const CommonOptions& common, const FifoOptions& options) {
  std::string title = fmt::format("fifo: {} notifies, batches of {}, a receiver that answers after {} ms",
                                  Grouped(static_cast<double>(options.count), 0), options.batch, options.receiver_delay_ms);
  // One lane: what a round trip and a write take, one after the other.
  std::vector<Goal> goals;
  if (options.receiver_delay_ms == 0) goals.push_back(AtLeast("one fifo lane, end to end/s", "end_to_end_per_s", 6000));
  std::vector<Record> rows, of_one_lane;
  for (uint64_t lanes : options.lanes)
    for (int run = 1; run <= common.runs; ++run) {
      Result<Record> row = FifoOnce(common, options, lanes, run);
      if (!row.ok()) return std::move(row).status();
      PrintJson(common, *row, lanes == 1 ? goals : std::vector<Goal>());
      if (lanes == 1) of_one_lane.push_back(*row);
      rows.push_back(*std::move(row));
    }
  if (!common.json) PrintOut(TableOfRows(title, rows) + TableOfVerdicts(goals, of_one_lane));
  return Status::Ok();
}

}  // namespace notifyd::bench
