// idle: one notify at a time, with pauses, and between them a sync to the same disk, so that what an acknowledgement takes beyond that is seen.
#include <fmt/format.h>

#include "bench/session.h"
#include "bench/sync_probe.h"

namespace notifyd::bench {
namespace {

Status AwaitNumber(BrokerProcess& broker, const Arrivals& arrivals, uint64_t count, int stall_s) {
  for (int64_t until_ns = MonoNanos() + int64_t{stall_s} * 1'000'000'000; arrivals.unique() < count;) {
    if (SleepInterrupted(1)) return Interrupted();
    if (Status alive = broker.CheckAlive(); !alive.ok()) return alive;
    if (MonoNanos() > until_ns) return Status(Code::kUnavailable, fmt::format("a delivery is missing after {} s", stall_s));
  }
  return Status::Ok();
}

Result<Record> IdleOnce(const CommonOptions& common, const IdleOptions& options, int run) {
  constexpr uint64_t kWarm = 20;  // the first ones connect, and do not count
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
  SyncProbe probe;
  if (Status opened = probe.Open((*session)->dir()); !opened.ok()) return opened;
  Result<std::unique_ptr<Caller>> caller = Caller::Open(broker.target());
  if (!caller.ok()) return std::move(caller).status();
  Distribution ack, over, behind, arrival, ignored;
  for (auto [count, warm] : {std::pair(kWarm, true), std::pair(options.count, false)}) {
    WorkloadPlan plan;
    plan.count = count;
    plan.payload_bytes = options.payload_bytes;
    plan.seed = common.seed;
    Workload workload(plan);
    Arrivals arrivals({count, 1, false, &workload, nullptr});
    Result<std::unique_ptr<Receiver>> receiver = Receiver::Start({}, &arrivals);
    if (!receiver.ok()) return std::move(receiver).status();
    workload.SetUrl((*receiver)->address().Url() + "/n");
    Progress progress("submitted", count);
    for (uint64_t i = 0; i < count; ++i) {
      progress.Show(i);
      if (SleepInterrupted(options.pause_ms)) return Interrupted();
      if (Status synced = probe.Behind(warm ? &ignored : &behind); !synced.ok()) return synced;
      if (SleepInterrupted(options.pause_ms)) return Interrupted();
      if (Status synced = probe.Over(warm ? &ignored : &over); !synced.ok()) return synced;
      if (SleepInterrupted(options.pause_ms)) return Interrupted();
      std::string body;
      const int64_t sent_ns = MonoNanos();
      workload.Next(0, sent_ns, &body);
      Result<HttpAnswer> answer = (*caller)->Call("POST", "/v1/notifies", body);
      if (!answer.ok()) return std::move(answer).status();
      if (answer->status != 201) return Status(Code::kUnavailable, fmt::format("a submit was answered {} {}", answer->status, answer->body));
      (warm ? ignored : ack).Add((MonoNanos() - sent_ns) / 1000);
      if (Status arrived = AwaitNumber(broker, arrivals, i + 1, common.stall_s); !arrived.ok()) return arrived;
    }
    (*receiver)->Stop();
    if (arrivals.duplicates() + arrivals.strangers() > 0) return Status(Code::kUnavailable, "a delivery came twice, or was never submitted");
    if (!warm) arrival = arrivals.latency();
  }
  Record record;
  record.Text("scenario", "idle").Int("run", run).Int("count", static_cast<int64_t>(options.count)).Int("pause_ms", options.pause_ms);
  record.Percentiles("sync", over).Percentiles("appending_sync", behind).Percentiles("ack", ack).Percentiles("arrival", arrival);
  const double beyond = record.Number("ack_p50_ms").value_or(0) - record.Number("sync_p50_ms").value_or(0);
  record.Real("ack_beyond_sync_p50_ms", beyond, 3);
  if (Status closed = (*session)->Close(); !closed.ok()) return closed;
  return record;
}

}  // namespace

Status RunIdle(const CommonOptions& common, const IdleOptions& options) {
  std::string title = fmt::format("idle: {} notifies of {} bytes, one at a time, each after syncs of the disk, between pauses of {} ms",
                                  Grouped(static_cast<double>(options.count), 0), options.payload_bytes, options.pause_ms);
  const std::vector<Goal> goals = {AtMost("acknowledgement p50 less fdatasync p50, ms", "ack_beyond_sync_p50_ms", 0.1),
                                   AtMost("submit to arrival p99, ms", "arrival_p99_ms", 1)};
  return RunAndReport(common, title, goals, [&](int run) { return IdleOnce(common, options, run); });
}

}  // namespace notifyd::bench
