// threads: what more event loops (io_threads) carry, in brokers side by side that take turns at the same work.
#include <fmt/format.h>

#include "base/standard_output.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

/// A row a number of threads: the medians of the rounds.
std::vector<Record> RowsOf(const std::vector<std::vector<Delivery>>& rounds, const ThreadsOptions& options, int connections,
                           const std::vector<std::unique_ptr<Session>>& sessions) {
  std::vector<Record> rows;
  for (size_t i = 0; i < options.threads.size(); ++i) {
    std::vector<double> rates, ratios, cpu;
    for (const std::vector<Delivery>& round : rounds) {
      rates.push_back(round[i].per_s);
      ratios.push_back(round[i].per_s / round[0].per_s);
      cpu.push_back(round[i].broker_cpu_s_per_1000());
    }
    Record row;
    row.Int("io_threads", options.threads[i]).Int("connections", connections).Real("end_to_end_per_s", Median(rates), 0);
    row.Real("to_first", Median(ratios), 2).Real("broker_cpu_s_per_1000", Median(cpu), 4);
    row.Percentiles("arrival", rounds.back()[i].latency);
    rows.push_back(row.Real("broker_peak_mib", Mebibytes(sessions[i]->broker().memory().peak_bytes)));
  }
  return rows;
}

}  // namespace

Status RunThreads(const CommonOptions& common, const ThreadsOptions& options) {
  std::vector<std::unique_ptr<Session>> sessions;
  std::vector<BrokerProcess*> brokers;
  for (int threads : options.threads) {
    CommonOptions own = common;
    own.broker_arguments.push_back(fmt::format("--io-threads={}", threads));
    Result<std::unique_ptr<Session>> session = Session::Open(own);
    if (!session.ok()) return std::move(session).status();
    brokers.push_back(&(*session)->broker());
    sessions.push_back(*std::move(session));
  }
  std::vector<Record> rows;
  for (int connections : options.connections) {
    WorkloadPlan plan;
    plan.count = options.count;
    plan.payload_bytes = options.payload_bytes;
    plan.connections = connections;
    std::vector<std::vector<Delivery>> rounds;
    for (int round = 0; round <= common.runs; ++round) {
      Result<std::vector<Delivery>> deliveries = TakeTurns(round, brokers, plan, common);
      if (!deliveries.ok()) return std::move(deliveries).status();
      if (round > 0) rounds.push_back(*std::move(deliveries));
    }
    for (Record& row : RowsOf(rounds, options, connections, sessions)) rows.push_back(std::move(row));
  }
  Record record;
  record.Text("scenario", "threads").Int("rounds", common.runs).Int("count", static_cast<int64_t>(options.count)).Rows("rows", rows);
  PrintJson(common, std::move(record), {});
  std::string title = fmt::format("threads: brokers with so many io_threads in turn, {} notifies of {} bytes, medians of {} rounds",
                                  Grouped(static_cast<double>(options.count), 0), options.payload_bytes, common.runs);
  if (!common.json) PrintOut(TableOfRows(title, rows));
  return Status::Ok();
}

}  // namespace notifyd::bench
