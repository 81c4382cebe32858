#include "bench/session.h"

#include <errno.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

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

}  // namespace

void BlockSignals() {
  sigset_t set = EndSignals();
  sigaddset(&set, SIGPIPE);  // of a connection that OpenSSL writes to
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Status Interrupted() {
  return Status(Code::kUnavailable, "interrupted");
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
    std::string path = common.store;
    if (path.empty()) {
      Result<std::unique_ptr<TempDir>> dir = TempDir::Make(common.dir);
      if (!dir.ok()) return std::move(dir).status();
      session->dir_ = *std::move(dir);
      path = session->dir_->path();
    } else if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return Status(Code::kIo, fmt::format("no directory {}: {}", path, strerror(errno)));
    }
    session->options_ = BrokerOptions{common.notifyd, common.broker_arguments, path};
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

Status CheckRoom(const CommonOptions& common, uint64_t notifies, uint64_t payload_bytes) {
  constexpr uint64_t kBesidePayload = 400;
  std::string dir = common.dir;
  if (!common.store.empty()) {
    const std::filesystem::path store(common.store), parent = store.has_parent_path() ? store.parent_path() : std::filesystem::path(".");
    std::error_code ignored;
    dir = std::filesystem::exists(store, ignored) ? store.string() : parent.string();
  }
  struct statvfs disk {};
  if (statvfs(dir.c_str(), &disk) != 0) return Status(Code::kIo, fmt::format("{}: {}", dir, strerror(errno)));
  const double free_gb = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize) / 1e9;
  const double needed_gb = static_cast<double>(notifies) * static_cast<double>(payload_bytes + kBesidePayload) / 1e9;
  if (needed_gb <= free_gb) return Status::Ok();
  return Status(Code::kUnavailable,
                fmt::format("{} notifies of {} bytes may need {:.1f} GB, and {} has {:.1f} GB free: ask for fewer, or name another disk", notifies,
                            payload_bytes, needed_gb, dir, free_gb));
}

Result<LoadResult> Submit(BrokerProcess& broker, int connections, uint64_t count, RequestSource* source, const std::function<void(uint64_t)>& watch) {
  Result<std::unique_ptr<LoadClient>> client = LoadClient::Start(broker.target(), connections, source);
  if (!client.ok()) return std::move(client).status();
  Progress progress("submitted", count);
  while (!(*client)->finished()) {
    if (SleepInterrupted(5)) (*client)->Cancel();
    progress.Show((*client)->acknowledged());
    if (watch) watch((*client)->acknowledged());
  }
  Result<LoadResult> load = (*client)->Join();
  // A broker that died explains itself better than the connection that it lost.
  if (!load.ok() && !SleepInterrupted(200)) {
    Status alive = broker.CheckAlive();
    if (!alive.ok()) return alive;
  }
  return load;
}

Status Fill(BrokerProcess& broker, const WorkloadPlan& plan) {
  Workload workload(plan);
  Result<LoadResult> load = Submit(broker, plan.connections, plan.count, &workload);
  return load.ok() ? Status::Ok() : std::move(load).status();
}

Status AwaitArrivals(BrokerProcess& broker, const Arrivals& arrivals, uint64_t count, int stall_s, int64_t not_before_ms,
                     const std::function<void(uint64_t)>& watch) {
  constexpr int64_t kDuplicateGraceMs = 300;
  Progress progress("arrived", count);
  uint64_t before = 0;
  int64_t moved_ns = WallNanos();
  while (arrivals.unique() < count) {
    if (SleepInterrupted(5)) return Interrupted();
    progress.Show(arrivals.unique());
    if (watch) watch(arrivals.unique());
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

Status MakeNamespace(const BrokerProcess& broker, std::string_view name) {
  Result<std::unique_ptr<Caller>> caller = Caller::Open(broker.target());
  if (!caller.ok()) return std::move(caller).status();
  Result<HttpAnswer> made = Ask(**caller, "PUT", fmt::format("/v1/namespaces/{}", name), R"({"destinations":{"allow":["127.0.0.0/8"]}})");
  return made.ok() ? Status::Ok() : std::move(made).status();
}

Status AwaitSettled(BrokerProcess& broker, int stall_s) {
  const int64_t until_ns = MonoNanos() + int64_t{stall_s} * 1'000'000'000;
  for (;;) {
    Result<BrokerStats> stats = broker.Stats();
    if (!stats.ok()) return std::move(stats).status();
    if (stats->pending() == 0) return Status::Ok();
    if (MonoNanos() > until_ns) return Status(Code::kUnavailable, fmt::format("{} are still pending after {} s", stats->pending(), stall_s));
    if (SleepInterrupted(20)) return Interrupted();
  }
}

Result<Delivery> DeliverAll(BrokerProcess& broker, WorkloadPlan plan, const CommonOptions& common, const ReceiverOptions& receiver_options,
                            const Watch& watch) {
  plan.seed = common.seed;
  Workload workload(plan);
  Arrivals arrivals({plan.count, plan.lanes, plan.fifo, &workload, nullptr});
  Result<std::unique_ptr<Receiver>> receiver = Receiver::Start(receiver_options, &arrivals);
  if (!receiver.ok()) return std::move(receiver).status();
  workload.SetUrl((*receiver)->address().Url() + "/n");
  const double cpu_before_s = broker.cpu_s();
  Result<LoadResult> load = Submit(broker, plan.connections, plan.count, &workload, [&](uint64_t acknowledged) {
    if (watch) watch(acknowledged, arrivals.unique());
  });
  if (!load.ok()) return std::move(load).status();
  Status arrived = AwaitArrivals(broker, arrivals, load->acknowledged, common.stall_s, 0, [&](uint64_t unique) {
    if (watch) watch(load->acknowledged, unique);
  });
  if (!arrived.ok()) return arrived;
  (*receiver)->Stop();
  if (arrivals.duplicates() + arrivals.order_violations() + arrivals.strangers() > 0)
    return Status(Code::kUnavailable, fmt::format("{} duplicates, {} out of order, {} requests that were not submitted", arrivals.duplicates(),
                                                  arrivals.order_violations(), arrivals.strangers()));
  Delivery delivery;
  delivery.load = *load;
  delivery.count = load->acknowledged;
  delivery.latency = arrivals.latency();
  delivery.broker_cpu_s = broker.cpu_s() - cpu_before_s;
  delivery.receiver_cpu_s = (*receiver)->cpu_s();
  int64_t took_ns = std::max<int64_t>(1, arrivals.last_arrival_ns() - load->first_sent_ns);
  delivery.per_s = static_cast<double>(delivery.count) * 1e9 / static_cast<double>(took_ns);
  return delivery;
}

Result<std::vector<Delivery>> TakeTurns(int round, const std::vector<BrokerProcess*>& brokers, const WorkloadPlan& plan,
                                        const CommonOptions& common) {
  std::vector<Delivery> deliveries(brokers.size());
  for (size_t i = 0; i < brokers.size(); ++i) {
    const size_t turn = (i + static_cast<size_t>(round)) % brokers.size();
    Result<Delivery> delivery = DeliverAll(*brokers[turn], plan, common);
    if (!delivery.ok()) return std::move(delivery).status();
    deliveries[turn] = *std::move(delivery);
  }
  return deliveries;
}

void PrintJson(const CommonOptions& common, Record record, const std::vector<Goal>& goals) {
  if (!common.json) return;
  std::vector<Record> verdicts = Judge(goals, {record});
  if (!verdicts.empty()) record.Rows("goals", std::move(verdicts));
  PrintOut(record.Json() + "\n");
  FlushOut();
}

Status RunAndReport(const CommonOptions& common, const std::string& title, const std::vector<Goal>& goals,
                    const std::function<Result<Record>(int run)>& once) {
  std::vector<Record> records;
  for (int run = 1; run <= common.runs; ++run) {
    if (SleepInterrupted(0)) return Interrupted();
    Result<Record> record = once(run);
    if (!record.ok()) return std::move(record).status();
    PrintJson(common, *record, goals);
    records.push_back(*std::move(record));
  }
  if (!common.json) PrintOut(TableOfRuns(title, records) + TableOfVerdicts(goals, records));
  return Status::Ok();
}

double Mebibytes(int64_t bytes) {
  return static_cast<double>(bytes) / (1024.0 * 1024.0);
}

}  // namespace notifyd::bench
