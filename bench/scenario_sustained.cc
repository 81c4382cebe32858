// sustained: whether a broker keeps its rate. Long runs at full rate are held against short ones before and after them, each on a store of its own,
// and looked at every few seconds, so that a sag, a flush that stalls or a compaction that eats a core is seen.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/standard_output.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

/// What a broker has done since the last look, every `every_s` seconds.
class Sampler {
 public:
  Sampler(Session* session, int every_s) : session_(session), every_ns_(int64_t{every_s} * 1'000'000'000), began_ns_(MonoNanos()), last_(Now(0)) {}

  void Look(uint64_t arrived) {
    if (MonoNanos() - last_.at_ns >= every_ns_) Note(arrived);
  }
  /// Whatever time has passed.
  void Note(uint64_t arrived) {
    const Point now = Now(arrived);
    const double seconds = static_cast<double>(now.at_ns - last_.at_ns) / 1e9, count = static_cast<double>(now.arrived - last_.arrived);
    Record row;
    row.Real("at_s", static_cast<double>(now.at_ns - began_ns_) / 1e9, 0).Real("end_to_end_per_s", count / seconds, 0);
    row.Real("broker_cpu_s_per_1000", count > 0 ? (now.cpu_s - last_.cpu_s) * 1000 / count : 0, 4);
    row.Real("written_mib", Mebibytes(now.written_bytes - last_.written_bytes));
    row.Real("resident_mib", Mebibytes(session_->broker().memory().resident_bytes)).Real("disk_mib", Mebibytes(DiskBytes(session_->data_dir())));
    rows_.push_back(std::move(row));
    last_ = now;
  }
  const std::vector<Record>& rows() const { return rows_; }

 private:
  struct Point {
    int64_t at_ns = 0;
    uint64_t arrived = 0;
    double cpu_s = 0;
    int64_t written_bytes = 0;
  };
  Point Now(uint64_t arrived) const { return {MonoNanos(), arrived, session_->broker().cpu_s(), session_->broker().written_bytes()}; }

  Session* session_;
  int64_t every_ns_, began_ns_;
  Point last_;
  std::vector<Record> rows_;
};

/// `count` notifies, or as many as go through in `minutes` where they are given, on a store of its own.
Result<Record> RunOf(const CommonOptions& common, const SustainedOptions& options, uint64_t count, int minutes) {
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
  WorkloadPlan plan;
  plan.count = count;
  plan.payload_bytes = options.payload_bytes;
  plan.connections = options.connections;
  if (minutes > 0) plan.until_ns = MonoNanos() + int64_t{minutes} * 60'000'000'000;
  Sampler sampler(session->get(), options.sample_s);
  const int64_t written_before = broker.written_bytes();
  Result<Delivery> delivery = DeliverAll(broker, plan, common, {}, [&](uint64_t, uint64_t arrived) { sampler.Look(arrived); });
  if (!delivery.ok()) return std::move(delivery).status();
  sampler.Note(delivery->count);
  const double payload = static_cast<double>(delivery->count * options.payload_bytes);
  Record row;
  row.Int("count", static_cast<int64_t>(delivery->count)).Real("end_to_end_per_s", delivery->per_s, 0);
  row.Real("broker_cpu_s_per_1000", delivery->broker_cpu_s_per_1000(), 4).Percentiles("ack", delivery->load.ack_latency);
  row.Real("arrival_p99_ms", static_cast<double>(delivery->latency.PercentileUs(0.99)) / 1000, 3);
  row.Real("written_per_payload_byte", static_cast<double>(broker.written_bytes() - written_before) / payload, 2);
  row.Real("disk_bytes_each", static_cast<double>(DiskBytes((*session)->data_dir())) / static_cast<double>(delivery->count), 0);
  row.Real("broker_peak_mib", Mebibytes(broker.memory().peak_bytes));
  row.Rows("samples", sampler.rows());
  if (Status closed = (*session)->Close(); !closed.ok()) return closed;
  return row;
}

/// Of the long run over the mean of the short ones around it.
double Ratio(const char* field, const Record& before, const Record& long_one, const Record& after) {
  const double base = (before.Number(field).value_or(0) + after.Number(field).value_or(0)) / 2;
  return base > 0 ? long_one.Number(field).value_or(0) / base : 0;
}

}  // namespace

Status RunSustained(const CommonOptions& common, const SustainedOptions& options) {
  const std::vector<Goal> goals = {AtLeast("end-to-end rate over that of the short runs", "rate_ratio", 0.95),
                                   AtMost("CPU a notify over that of the short runs", "cpu_ratio", 1.1),
                                   AtMost("acknowledgement p99 over that of the short runs", "ack_p99_ratio", 2)};
  Result<Record> before = RunOf(common, options, options.base, 0);
  if (!before.ok()) return std::move(before).status();
  std::vector<Record> rows = {*before};
  std::string told;
  for (uint64_t count : options.minutes > 0 ? std::vector<uint64_t>{0} : options.counts) {
    // Where a time is given the count is but the most: twice what the short run's rate comes to.
    const double in_that_time = before->Number("end_to_end_per_s").value_or(0) * 60 * options.minutes * 2;
    const uint64_t limit = count > 0 ? count : static_cast<uint64_t>(in_that_time) + 1;
    if (Status room = CheckRoom(common, limit, options.payload_bytes); !room.ok()) return room;
    Result<Record> row = RunOf(common, options, limit, options.minutes);
    if (!row.ok()) return std::move(row).status();
    Result<Record> after = RunOf(common, options, options.base, 0);
    if (!after.ok()) return std::move(after).status();
    rows.push_back(*row);
    rows.push_back(*after);
    row->Real("rate_ratio", Ratio("end_to_end_per_s", *before, *row, *after), 3);
    row->Real("cpu_ratio", Ratio("broker_cpu_s_per_1000", *before, *row, *after), 3);
    row->Real("ack_p99_ratio", Ratio("ack_p99_ms", *before, *row, *after), 2);
    const std::string name = Grouped(row->Number("count").value_or(0), 0) + " in one run";
    told += TableOfRows(fmt::format("{}, every {} s", name, options.sample_s), row->RowsOf("samples")) + name + ": " + TableOfVerdicts(goals, {*row});
    Record line;
    line.Text("scenario", "sustained");
    for (const Record::Field& field : row->fields()) line.Add(field);
    line.Rows("short", {*before, *after});
    PrintJson(common, std::move(line), goals);
    before = std::move(after);
  }
  std::string title =
      fmt::format("sustained: notifies of {} bytes over {} connections, each row on a store of its own", options.payload_bytes, options.connections);
  if (!common.json) PrintOut(TableOfRows(title, rows) + told);
  return Status::Ok();
}

}  // namespace notifyd::bench
