// submit and end-to-end: what a broker takes in a second, and what it passes on.
#include <fmt/format.h>

#include "bench/session.h"

namespace notifyd::bench {
namespace {

std::string Described(const LoadOptions& options, int connections) {
  return fmt::format("{} notifies of {} bytes, {} connections, batches of {}, {} lane{}", Grouped(static_cast<double>(options.count), 0),
                     options.payload_bytes, connections, options.batch, Grouped(static_cast<double>(options.lanes), 0),
                     options.lanes == 1 ? "" : "s");
}

/// One connection a lane where order matters, so that the order of submission is known.
int ConnectionsOf(const LoadOptions& options) {
  if (!options.fifo) return options.connections;
  return static_cast<int>(std::min<uint64_t>(static_cast<uint64_t>(options.connections), options.lanes));
}

WorkloadPlan PlanOf(const LoadOptions& options) {
  WorkloadPlan plan;
  plan.count = options.count;
  plan.batch = options.batch;
  plan.payload_bytes = options.payload_bytes;
  plan.lanes = options.lanes;
  plan.fifo = options.fifo;
  plan.connections = ConnectionsOf(options);
  return plan;
}

double Per1000(double cpu_s, uint64_t count) {
  return cpu_s * 1000 / static_cast<double>(count);
}

Result<Record> SubmitOnce(const CommonOptions& common, const LoadOptions& options, int run) {
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
  Arrivals arrivals({options.count, options.lanes, false, nullptr, nullptr});
  ReceiverOptions receiver_options;
  receiver_options.delay_ms = options.receiver_delay_ms;
  Result<std::unique_ptr<Receiver>> receiver = Receiver::Start(receiver_options, &arrivals);
  if (!receiver.ok()) return std::move(receiver).status();
  WorkloadPlan plan = PlanOf(options);
  plan.url = (*receiver)->address().Url() + "/n";
  plan.seed = common.seed;
  int64_t due_ms = WallNanos() / 1'000'000 + kHourMs;
  if (!options.deliver) plan.due_ms = [due_ms](uint64_t) { return due_ms; };
  Workload workload(plan);
  double cpu_before_s = broker.cpu_s();
  Result<LoadResult> load = Submit(broker, plan.connections, options.count, &workload);
  if (!load.ok()) return std::move(load).status();
  double cpu_s = broker.cpu_s() - cpu_before_s;
  uint64_t delivered = arrivals.unique();
  Record record;
  record.Text("scenario", "submit").Int("run", run).Int("count", static_cast<int64_t>(options.count)).Int("connections", plan.connections);
  record.Int("batch", static_cast<int64_t>(options.batch)).Real("submit_per_s", load->per_s(), 0).Percentiles("ack", load->ack_latency);
  record.Real("broker_cpu_s_per_1000", Per1000(cpu_s, options.count), 4).Real("client_cpu_s_per_1000", Per1000(load->cpu_s, options.count), 4);
  record.Real("broker_peak_mib", Mebibytes(broker.memory().peak_bytes)).Int("delivered_meanwhile", static_cast<int64_t>(delivered));
  if (!options.deliver && delivered > 0)
    return Status(Code::kUnavailable, fmt::format("{} notifies were sent an hour before they are due", delivered));
  return record;
}

Result<Record> EndToEndOnce(const CommonOptions& common, const LoadOptions& options, int run) {
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
  WorkloadPlan plan = PlanOf(options);
  ReceiverOptions receiver_options;
  receiver_options.delay_ms = options.receiver_delay_ms;
  Result<Delivery> delivery = DeliverAll(broker, plan, common, receiver_options);
  if (!delivery.ok()) return std::move(delivery).status();
  Record record;
  record.Text("scenario", "end-to-end").Int("run", run).Text("mode", options.fifo ? "fifo" : "concurrent");
  record.Int("count", static_cast<int64_t>(options.count)).Int("connections", plan.connections).Int("batch", static_cast<int64_t>(options.batch));
  record.Int("lanes", static_cast<int64_t>(options.lanes))
      .Real("submit_per_s", delivery->load.per_s(), 0)
      .Real("end_to_end_per_s", delivery->per_s, 0);
  record.Percentiles("arrival", delivery->latency).Percentiles("ack", delivery->load.ack_latency);
  record.Real("broker_cpu_s_per_1000", delivery->broker_cpu_s_per_1000(), 4);
  record.Real("client_cpu_s_per_1000", Per1000(delivery->load.cpu_s, options.count), 4);
  record.Real("receiver_cpu_s_per_1000", Per1000(delivery->receiver_cpu_s, options.count), 4);
  record.Real("broker_peak_mib", Mebibytes(broker.memory().peak_bytes));
  Status closed = (*session)->Close();
  if (!closed.ok()) return closed;
  return record;
}

}  // namespace

Status RunSubmit(const CommonOptions& common, const LoadOptions& options) {
  std::string title =
      fmt::format("submit: {}, {}", Described(options, ConnectionsOf(options)), options.deliver ? "delivered meanwhile" : "due in an hour");
  return RunAndReport(common, title, {}, [&](int run) { return SubmitOnce(common, options, run); });
}

Status RunEndToEnd(const CommonOptions& common, const LoadOptions& options) {
  std::string title = fmt::format("end-to-end: {}, {}", Described(options, ConnectionsOf(options)), options.fifo ? "fifo" : "concurrent");
  // Set for the plain case. What the rate is to be is a ratio to others, which make bench-compare runs beside.
  const bool plain = !options.fifo && options.batch == 1 && options.lanes == 1 && options.connections <= 32 && options.receiver_delay_ms == 0;
  std::vector<Goal> goals;
  if (plain) goals.push_back(AtMost("broker CPU s per 1,000", "broker_cpu_s_per_1000", 0.040));
  return RunAndReport(common, title, goals, [&](int run) { return EndToEndOnce(common, options, run); });
}

}  // namespace notifyd::bench
