#include "bench/session.h"

#include <fmt/format.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cstdio>

#include "base/standard_output.h"

namespace notifyd::bench {
namespace {

sigset_t EndSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

Status Interrupted() {
  return Status(Code::kUnavailable, "interrupted");
}

}  // namespace

void BlockSignals() {
  sigset_t set = EndSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool SleepInterrupted(int64_t ms) {
  static bool interrupted = false;
  if (interrupted) return true;
  sigset_t set = EndSignals();
  int64_t until = MonoNanos() + ms * 1'000'000;
  for (;;) {
    int64_t left = std::max<int64_t>(0, until - MonoNanos());
    timespec t{left / 1'000'000'000, left % 1'000'000'000};
    if (sigtimedwait(&set, nullptr, &t) > 0) return interrupted = true;
    if (MonoNanos() >= until) return false;
  }
}

Result<std::unique_ptr<Session>> Session::Open(const CommonOptions& common) {
  auto session = std::make_unique<Session>();
  Result<std::unique_ptr<BrokerProcess>> broker = Status(Code::kUnavailable, "not started");
  if (common.server) {
    broker = BrokerProcess::Attach(*common.server);
  } else {
    Result<std::unique_ptr<TempDir>> dir = TempDir::Make(common.dir);
    if (!dir.ok()) return std::move(dir).status();
    session->dir_ = *std::move(dir);
    session->options_ = BrokerOptions{common.notifyd, common.broker_arguments, session->dir_->path()};
    broker = BrokerProcess::Start(session->options_);
  }
  if (!broker.ok()) return std::move(broker).status();
  session->broker_ = *std::move(broker);
  return session;
}

Status Session::KillAndRestart() {
  broker_->Kill();
  Result<std::unique_ptr<BrokerProcess>> broker = BrokerProcess::Start(options_);
  if (!broker.ok()) return std::move(broker).status();
  broker_ = *std::move(broker);
  return Status::Ok();
}

Result<LoadResult> Submit(BrokerProcess& broker, int connections, uint64_t count, RequestSource* source) {
  Result<std::unique_ptr<LoadClient>> client = LoadClient::Start(broker.address(), connections, source);
  if (!client.ok()) return std::move(client).status();
  Progress progress("submitted", count);
  while (!(*client)->finished()) {
    if (SleepInterrupted(5)) (*client)->Cancel();
    progress.Show((*client)->acknowledged());
  }
  Result<LoadResult> load = (*client)->Join();
  // A broker that died explains itself better than the connection that it lost.
  if (!load.ok() && !SleepInterrupted(200)) {
    Status alive = broker.CheckAlive();
    if (!alive.ok()) return alive;
  }
  return load;
}

Status AwaitArrivals(BrokerProcess& broker, const Arrivals& arrivals, uint64_t count, int stall_s, int64_t not_before_ms) {
  constexpr int64_t kDuplicateGraceMs = 300;
  Progress progress("arrived", count);
  uint64_t before = 0;
  int64_t moved_ns = WallNanos();
  while (arrivals.unique() < count) {
    if (SleepInterrupted(5)) return Interrupted();
    progress.Show(arrivals.unique());
    int64_t now_ns = std::max(WallNanos(), not_before_ms * 1'000'000);
    if (arrivals.unique() != before || WallNanos() < not_before_ms * 1'000'000) {
      before = arrivals.unique();
      moved_ns = now_ns;
    } else if (now_ns - moved_ns > int64_t{stall_s} * 1'000'000'000) {
      return Status(Code::kUnavailable,
                    fmt::format("{} of {} deliveries are missing: none arrived for {} s", count - arrivals.unique(), count, stall_s));
    }
    Status alive = broker.CheckAlive();
    if (!alive.ok()) return alive;
  }
  return SleepInterrupted(kDuplicateGraceMs) ? Interrupted() : Status::Ok();
}

Result<Delivery> DeliverAll(BrokerProcess& broker, WorkloadPlan plan, const CommonOptions& common, int64_t receiver_delay_ms) {
  plan.seed = common.seed;
  Workload workload(plan);
  Arrivals arrivals({plan.count, plan.lanes, plan.fifo, &workload, nullptr});
  ReceiverOptions options;
  options.delay_ms = receiver_delay_ms;
  Result<std::unique_ptr<Receiver>> receiver = Receiver::Start(options, &arrivals);
  if (!receiver.ok()) return std::move(receiver).status();
  workload.SetUrl((*receiver)->address().Url() + "/n");
  Result<LoadResult> load = Submit(broker, plan.connections, plan.count, &workload);
  if (!load.ok()) return std::move(load).status();
  Status arrived = AwaitArrivals(broker, arrivals, plan.count, common.stall_s);
  if (!arrived.ok()) return arrived;
  (*receiver)->Stop();
  Delivery delivery;
  delivery.load = *load;
  delivery.duplicates = arrivals.duplicates();
  delivery.order_violations = arrivals.order_violations();
  delivery.strangers = arrivals.strangers();
  delivery.latency = arrivals.latency();
  delivery.receiver_cpu_s = (*receiver)->cpu_s();
  int64_t took_ns = std::max<int64_t>(1, arrivals.last_arrival_ns() - load->first_sent_ns);
  delivery.per_s = static_cast<double>(plan.count) * 1e9 / static_cast<double>(took_ns);
  return delivery;
}

Status Verdict(const Delivery& delivery) {
  if (delivery.duplicates + delivery.order_violations + delivery.strangers == 0) return Status::Ok();
  return Status(Code::kUnavailable, fmt::format("{} duplicates, {} out of order, {} requests that were not submitted", delivery.duplicates,
                                                delivery.order_violations, delivery.strangers));
}

Status RunAndReport(const CommonOptions& common, const std::string& title, const std::function<Result<Record>(int run)>& once) {
  std::vector<Record> records;
  for (int run = 1; run <= common.runs; ++run) {
    if (SleepInterrupted(0)) return Interrupted();
    Result<Record> record = once(run);
    if (!record.ok()) return std::move(record).status();
    if (common.json) {
      PrintOut(record->Json() + "\n");
      FlushOut();
    }
    records.push_back(*std::move(record));
  }
  if (!common.json) PrintOut(TableOfRuns(title, records));
  return Status::Ok();
}

double Mebibytes(int64_t bytes) {
  return static_cast<double>(bytes) / (1024.0 * 1024.0);
}

}  // namespace notifyd::bench
