// fifo: what fifo lanes pass on, one at a time each, against the number of lanes. Every step has a broker of its own.
#include <fmt/format.h>

#include "base/standard_output.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

Result<Record> FifoOnce(const CommonOptions& common, const FifoOptions& options, uint64_t lanes) {
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
  double cpu_before_s = broker.cpu_s();
  Result<Delivery> delivery = DeliverAll(broker, plan, common, options.receiver_delay_ms);
  if (!delivery.ok()) return std::move(delivery).status();
  double cpu_s = broker.cpu_s() - cpu_before_s;
  Status verdict = Verdict(*delivery);
  if (!verdict.ok()) return verdict;
  Record row;
  row.Int("lanes", static_cast<int64_t>(lanes)).Real("end_to_end_per_s", delivery->per_s, 0);
  row.Real("lane_per_s", delivery->per_s / static_cast<double>(lanes), 1).Percentiles("arrival", delivery->latency);
  row.Real("broker_cpu_s_per_1000", cpu_s * 1000 / static_cast<double>(options.count), 4);
  row.Real("broker_peak_mib", Mebibytes(broker.memory().peak_bytes));
  row.Int("duplicates", static_cast<int64_t>(delivery->duplicates)).Int("order_violations", static_cast<int64_t>(delivery->order_violations));
  Status closed = (*session)->Close();
  if (!closed.ok()) return closed;
  return row;
}

}  // namespace

Status RunFifo(const CommonOptions& common, const FifoOptions& options) {
  std::string title = fmt::format("fifo: {} notifies, batches of {}, a receiver that answers after {} ms",
                                  Grouped(static_cast<double>(options.count), 0), options.batch, options.receiver_delay_ms);
  std::vector<Record> rows;
  for (uint64_t lanes : options.lanes)
    for (int run = 1; run <= common.runs; ++run) {
      Result<Record> row = FifoOnce(common, options, lanes);
      if (!row.ok()) return std::move(row).status();
      row->Text("scenario", "fifo").Int("run", run);
      if (common.json) PrintOut(row->Json() + "\n");
      rows.push_back(*std::move(row));
    }
  if (!common.json) PrintOut(TableOfRows(title, rows));
  return Status::Ok();
}

}  // namespace notifyd::bench
