// services: four instances of one service under a steady load; then one is killed and one hangs. And how each balance shares calls out between
// instances of different weights. Contract section 11.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>

#include "base/standard_output.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

constexpr size_t kInstances = 4;
constexpr int64_t kMsNs = 1'000'000;

std::string Balance(std::string_view balance) {
  return fmt::format(R"({{"balance":"{}"{}}})", balance, balance == "hash" ? R"(,"hash_by":"/n")" : "");
}

std::string Instance(std::string_view service, size_t index) {
  return fmt::format("/v1/services/{}/instances/i{}", service, index);
}

// ---- how calls are shared out

/// The largest difference between the share of an instance and the share of its weight, with one row for the balance.
Result<Record> Share(Session& session, const ServicesOptions& options, const std::string& balance, int stall_s) {
  Result<std::unique_ptr<Caller>> opened = Caller::Open(session.broker().target());
  if (!opened.ok()) return std::move(opened).status();
  Caller& caller = **opened;
  std::string service = "shares-" + balance;
  std::replace(service.begin(), service.end(), '_', '-');
  Result<HttpAnswer> put = Ask(caller, "PUT", "/v1/services/" + service, Balance(balance));
  if (!put.ok()) return std::move(put).status();
  std::array<Counter, kInstances> counters;
  std::vector<std::unique_ptr<Receiver>> receivers;
  for (size_t i = 0; i < kInstances; ++i) {
    Result<std::unique_ptr<Receiver>> receiver = Receiver::Start({.delay_ms = options.receiver_delay_ms}, &counters[i]);
    if (!receiver.ok()) return std::move(receiver).status();
    put = Ask(caller, "PUT", Instance(service, i), fmt::format(R"({{"url":"{}","weight":{}}})", (*receiver)->address().Url(), i + 1));
    if (!put.ok()) return std::move(put).status();
    receivers.push_back(*std::move(receiver));
  }
  WorkloadPlan plan;
  plan.url = fmt::format("service://{}/n", service);
  plan.count = options.shares_count;
  plan.batch = 100;
  plan.connections = 2;
  plan.lane_name = service;
  if (Status filled = Fill(session.broker(), plan); !filled.ok()) return filled;
  if (Status settled = AwaitSettled(session.broker(), stall_s); !settled.ok()) return settled;
  Record row;
  row.Text("balance", balance);
  double most = 0, weights = kInstances * (kInstances + 1) / 2.0;
  for (size_t i = 0; i < kInstances; ++i) {
    const double share = static_cast<double>(counters[i].count()) / static_cast<double>(plan.count), wanted = static_cast<double>(i + 1) / weights;
    row.Real(fmt::format("weight_{}_share", i + 1), share, 3);
    most = std::max(most, std::abs(share - wanted));
  }
  return row.Real("share_off_most", most, 3);
}

// ---- one is killed, one hangs

/// When each notify was sent and first arrived at somebody who answers, and what came to the one that hangs. Any thread.
class Deliveries {
 public:
  void Sent(int64_t now_ns) {
    std::lock_guard lock(mutex_);
    sent_ns_.push_back(now_ns);
    arrived_ns_.push_back(0);
  }
  void Arrived(const ReceivedRequest& request) {
    std::lock_guard lock(mutex_);
    uint64_t number = 0;
    if (request.status == 0) {
      unanswered_ns_.push_back(request.arrived_mono_ns);
    } else if (NumberOf(request.body, &number) && number < arrived_ns_.size()) {
      ++(arrived_ns_[number] == 0 ? unique_ : repeats_);
      if (arrived_ns_[number] == 0) arrived_ns_[number] = request.arrived_mono_ns;
    }
  }
  uint64_t unique() const {
    std::lock_guard lock(mutex_);
    return unique_;
  }
  uint64_t repeats() const { return repeats_; }
  /// From submit to arrival, of those that were sent from `from_ns` up to `to_ns`.
  Distribution Latency(int64_t from_ns, int64_t to_ns) const {
    std::lock_guard lock(mutex_);
    Distribution out;
    for (size_t i = 0; i < sent_ns_.size(); ++i)
      if (sent_ns_[i] >= from_ns && sent_ns_[i] < to_ns) out.Add((arrived_ns_[i] - sent_ns_[i]) / 1000);
    return out;
  }
  /// Requests without an answer from `from_ns` up to `to_ns`.
  int64_t Unanswered(int64_t from_ns, int64_t to_ns) const {
    std::lock_guard lock(mutex_);
    return std::count_if(unanswered_ns_.begin(), unanswered_ns_.end(), [&](int64_t at) { return at >= from_ns && at < to_ns; });
  }

 private:
  mutable std::mutex mutex_;
  std::vector<int64_t> sent_ns_, arrived_ns_, unanswered_ns_;
  uint64_t unique_ = 0, repeats_ = 0;
};

class IntoDeliveries final : public RequestObserver {
 public:
  explicit IntoDeliveries(Deliveries* deliveries) : deliveries_(deliveries) {}
  void OnRequest(const ReceivedRequest& request) override { deliveries_->Arrived(request); }

 private:
  Deliveries* deliveries_;
};

/// The load, the instances with their beats, and the fault. Main thread.
class Steady {
 public:
  Steady(Session& session, const ServicesOptions& options) : broker_(session.broker()), options_(options), into_(&deliveries_) {}

  Status Open() {
    for (auto* caller : {&submits_, &beats_}) {
      Result<std::unique_ptr<Caller>> opened = Caller::Open(broker_.target());
      if (!opened.ok()) return std::move(opened).status();
      *caller = *std::move(opened);
    }
    Result<HttpAnswer> put = Ask(*beats_, "PUT", "/v1/services/steady", Balance(options_.balance));
    if (!put.ok()) return std::move(put).status();
    for (size_t i = 0; i < kInstances; ++i) {
      Result<std::unique_ptr<Receiver>> receiver = Receiver::Start({.delay_ms = options_.receiver_delay_ms}, &into_);
      if (!receiver.ok()) return std::move(receiver).status();
      receivers_.push_back(*std::move(receiver));
    }
    return Status::Ok();
  }

  /// Submits at the rate that is asked for, and beats, until then.
  Status RunUntil(int64_t end_ns) {
    for (int64_t next_ns = MonoNanos(); next_ns < end_ns; next_ns += 1'000'000'000 / options_.per_s) {
      if (Status beaten = Beat(); !beaten.ok()) return beaten;
      while (MonoNanos() < next_ns)
        if (SleepInterrupted(1)) return Interrupted();
      const int64_t now_ns = MonoNanos();
      deliveries_.Sent(now_ns);
      Result<HttpAnswer> taken =
          Ask(*submits_, "POST", "/v1/notifies",
              fmt::format(R"({{"url":"service://steady/n","timeout_ms":{},"data":{{"n":{}}}}})", options_.timeout_ms, sent_++));
      if (!taken.ok()) return std::move(taken).status();
    }
    return Status::Ok();
  }

  /// One is killed, one hangs; the first one's beats end with it.
  void Fault() {
    receivers_[kKilled]->Stop();
    receivers_[kHung]->Hang();
    beating_[kKilled] = false;
  }
  /// The one that hangs beats no longer.
  void LetGo() { beating_[kHung] = false; }
  /// When it is out by its ttl, with what a request may be under way.
  int64_t GoneNs(size_t index) const { return beaten_ns_[index] + (options_.ttl_ms + 100) * kMsNs; }
  /// Where the killed one was somebody listens again, so that what is sent there is seen.
  Status ListenAgain() {
    Result<std::unique_ptr<Receiver>> receiver = Receiver::Start({.listen = receivers_[kKilled]->address()}, &at_killed_);
    if (!receiver.ok()) return std::move(receiver).status();
    receivers_.push_back(*std::move(receiver));
    return Status::Ok();
  }

  Status AwaitAll(int stall_s) {
    const int64_t until_ns = MonoNanos() + int64_t{stall_s} * 1'000'000'000;
    while (deliveries_.unique() < sent_) {
      if (SleepInterrupted(5)) return Interrupted();
      if (Status beaten = Beat(); !beaten.ok()) return beaten;
      if (MonoNanos() > until_ns) return Status(Code::kUnavailable, fmt::format("{} of {} did not arrive", sent_ - deliveries_.unique(), sent_));
    }
    return AwaitSettled(broker_, stall_s);
  }

  const Deliveries& deliveries() const { return deliveries_; }
  uint64_t sent() const { return sent_; }
  int64_t ToGone() const { return deliveries_.Unanswered(GoneNs(kHung), INT64_MAX) + static_cast<int64_t>(at_killed_.count()); }

  static constexpr size_t kKilled = 0, kHung = 1;

 private:
  Status Beat() {
    for (size_t i = 0; i < kInstances; ++i) {
      if (!beating_[i] || MonoNanos() - beaten_ns_[i] < options_.ttl_ms * kMsNs / 3) continue;
      const std::string body = fmt::format(R"({{"url":"{}","ttl_ms":{}}})", receivers_[i]->address().Url(), options_.ttl_ms);
      Result<HttpAnswer> beaten = Ask(*beats_, "PUT", Instance("steady", i), body);
      if (!beaten.ok()) return std::move(beaten).status();
      beaten_ns_[i] = MonoNanos();
    }
    return Status::Ok();
  }

  BrokerProcess& broker_;
  const ServicesOptions& options_;
  Deliveries deliveries_;
  IntoDeliveries into_;
  Counter at_killed_;
  std::unique_ptr<Caller> submits_, beats_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
  std::array<int64_t, kInstances> beaten_ns_{};
  std::array<bool, kInstances> beating_{true, true, true, true};
  uint64_t sent_ = 0;
};

double Ms(int64_t us) {
  return static_cast<double>(us) / 1000;
}

/// A row a second from the fault on.
std::vector<Record> BySecond(const Deliveries& deliveries, int64_t fault_ns, int seconds) {
  std::vector<Record> rows;
  for (int second = 0; second < seconds; ++second) {
    const int64_t from_ns = fault_ns + int64_t{second} * 1'000'000'000, to_ns = from_ns + 1'000'000'000;
    const Distribution latency = deliveries.Latency(from_ns, to_ns);
    Record row;
    row.Int("second", second + 1).Int("sent", static_cast<int64_t>(latency.count()));
    row.Real("p50_ms", Ms(latency.PercentileUs(0.5)), 3).Real("p99_ms", Ms(latency.PercentileUs(0.99)), 3).Real("max_ms", Ms(latency.most_us()), 3);
    rows.push_back(row.Int("to_hung", deliveries.Unanswered(from_ns, to_ns)));
  }
  return rows;
}

Result<Record> FaultOnce(Session& session, const CommonOptions& common, const ServicesOptions& options) {
  Steady steady(session, options);
  if (Status opened = steady.Open(); !opened.ok()) return opened;
  const int64_t length_ns = int64_t{options.seconds} * 1'000'000'000;
  if (Status warm = steady.RunUntil(MonoNanos() + 1'000'000'000); !warm.ok()) return warm;
  const int64_t begun_ns = MonoNanos();
  if (Status ran = steady.RunUntil(begun_ns + length_ns); !ran.ok()) return ran;
  steady.Fault();
  const int64_t fault_ns = MonoNanos();
  // The one that hangs goes on beating for as long as the first time, so that nothing but the balance keeps calls from it; then both are out.
  const int64_t let_go_ns = fault_ns + length_ns, listen_ns = steady.GoneNs(Steady::kKilled);
  if (Status ran = steady.RunUntil(std::min(let_go_ns, listen_ns)); !ran.ok()) return ran;
  if (listen_ns < let_go_ns) {
    if (Status listening = steady.ListenAgain(); !listening.ok()) return listening;
    if (Status ran = steady.RunUntil(let_go_ns); !ran.ok()) return ran;
    steady.LetGo();
  } else {
    steady.LetGo();
    if (Status ran = steady.RunUntil(listen_ns); !ran.ok()) return ran;
    if (Status listening = steady.ListenAgain(); !listening.ok()) return listening;
  }
  const int64_t end_ns = std::max(steady.GoneNs(Steady::kHung), MonoNanos()) + length_ns / 2;
  if (Status ran = steady.RunUntil(end_ns); !ran.ok()) return ran;
  if (Status all = steady.AwaitAll(common.stall_s); !all.ok()) return all;
  Result<BrokerStats> stats = session.broker().Stats();
  if (!stats.ok()) return std::move(stats).status();
  if (const int64_t failed = stats->totals["failed"] + stats->totals["expired"]; failed > 0)
    return Status(Code::kUnavailable, fmt::format("{} notifies failed", failed));
  const Deliveries& deliveries = steady.deliveries();
  const Distribution before = deliveries.Latency(begun_ns, fault_ns), after = deliveries.Latency(fault_ns, fault_ns + length_ns);
  Record record;
  record.Int("sent", static_cast<int64_t>(steady.sent())).Int("failed", 0);
  record.Int("repeats", static_cast<int64_t>(deliveries.repeats()));
  record.Percentiles("before", before).Percentiles("after", after);
  record.Real("p99_ratio", Ms(after.PercentileUs(0.99)) / std::max(Ms(before.PercentileUs(0.99)), 0.1), 3);
  record.Int("to_hung", deliveries.Unanswered(fault_ns, INT64_MAX)).Int("to_gone", steady.ToGone());
  record.Rows("seconds", BySecond(deliveries, fault_ns, static_cast<int>((end_ns - fault_ns) / 1'000'000'000)));
  return record;
}

Result<Record> ServicesOnce(const CommonOptions& common, const ServicesOptions& options, int run) {
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  std::vector<Record> shares;
  double most = 0;
  for (const char* balance : {"round_robin", "random", "hash", "least_active"}) {
    Result<Record> row = Share(**session, options, balance, common.stall_s);
    if (!row.ok()) return std::move(row).status();
    most = std::max(most, row->Number("share_off_most").value_or(1));
    shares.push_back(*std::move(row));
  }
  Result<Record> fault = FaultOnce(**session, common, options);
  if (!fault.ok()) return std::move(fault).status();
  Record record;
  record.Text("scenario", "services").Int("run", run).Text("balance", options.balance).Int("per_s", options.per_s);
  record.Int("timeout_ms", options.timeout_ms).Int("ttl_ms", options.ttl_ms);
  for (const Record::Field& field : fault->fields()) record.Add(field);
  record.Real("share_off_most", most, 3).Rows("shares", std::move(shares));
  if (Status closed = (*session)->Close(); !closed.ok()) return closed;
  return record;
}

}  // namespace

Status RunServices(const CommonOptions& common, const ServicesOptions& options) {
  std::string title = fmt::format("services: 4 instances, {} notifies a second by {}; one is killed and one hangs after {} s", options.per_s,
                                  options.balance, options.seconds);
  const std::vector<Goal> goals = {AtMost("p99 after the fault to before it", "p99_ratio", 2),
                                   AtMost("calls to an instance after its ttl", "to_gone", 0),
                                   AtMost("an instance's share of calls off its share of weights", "share_off_most", 0.05)};
  return RunAndReport(common, title, goals, [&](int run) -> Result<Record> {
    Result<Record> record = ServicesOnce(common, options, run);
    if (record.ok() && !common.json)
      PrintOut(TableOfRows("how each balance shares calls out", record->RowsOf("shares")) +
               TableOfRows("each second from the fault on", record->RowsOf("seconds")));
    return record;
  });
}

}  // namespace notifyd::bench
