// fairness --namespaces: how long one namespace's submits and deliveries take beside another that has a backlog at destinations that hang, and goes
// on submitting as fast as it can. Two brokers run side by side, one with the other namespace, and take turns at the same work, so that what else
// the machine does falls on both. Contract section 7, "fairness".
#include <fmt/format.h>

#include "bench/session.h"

namespace notifyd::bench {
namespace {

constexpr char kQuiet[] = "quiet", kNoisy[] = "noisy";
constexpr uint64_t kFillBatch = 1000;

Target In(const BrokerProcess& broker, const char* space) {
  Target target = broker.target();
  target.space = space;
  return target;
}

/// Notifies for hung destinations, one after the other, `batch` in each submit: `count` of them, or without an end.
class ToHung final : public RequestSource {
 public:
  ToHung(const std::vector<std::pair<Address, Fd>>& hung, uint64_t lanes, uint64_t count, uint64_t batch)
      : lanes_(lanes), count_(count), batch_(batch) {
    for (const auto& [address, listening] : hung) urls_.push_back(address.Url() + "/n");
  }

  size_t Next(int, int64_t, std::string* body) override {
    size_t taken = 0;
    if (batch_ > 1) body->push_back('[');
    for (; taken < batch_ && next_ < count_; ++taken, ++next_) {
      const std::string& url = urls_[next_ % urls_.size()];
      if (taken > 0) body->push_back(',');
      fmt::format_to(std::back_inserter(*body), R"({{"url":"{}","timeout_ms":3600000,"caller":"noisy","lane":"{}-{}","data":{{"n":{}}}}})", url, url,
                     next_ / urls_.size() % lanes_, next_);
    }
    if (batch_ > 1) body->push_back(']');
    return taken;
  }

 private:
  std::vector<std::string> urls_;
  const uint64_t lanes_, count_, batch_;
  uint64_t next_ = 0;
};

/// The namespace beside: its backlog, then submits as fast as they are taken, while they are asked for.
class Noise {
 public:
  Noise(const BrokerProcess& broker, const FairnessOptions& options, const std::vector<std::pair<Address, Fd>>& hung)
      : target_(In(broker, kNoisy)),
        connections_(options.connections),
        backlog_(options.backlog * static_cast<uint64_t>(options.hung)),
        fill_(hung, options.hung_lanes, backlog_, kFillBatch),
        more_(hung, options.hung_lanes, UINT64_MAX, 1) {}

  Status Fill() {
    Result<std::unique_ptr<LoadClient>> filling = LoadClient::Start(target_, 4, &fill_);
    if (!filling.ok()) return std::move(filling).status();
    Progress progress("filled", backlog_);
    while (!(*filling)->finished()) {
      if (SleepInterrupted(5)) (*filling)->Cancel();
      progress.Show((*filling)->acknowledged());
    }
    Result<LoadResult> filled = (*filling)->Join();
    return filled.ok() ? Status::Ok() : std::move(filled).status();
  }

  Status Begin() {
    Result<std::unique_ptr<LoadClient>> client = LoadClient::Start(target_, connections_, &more_, /*goes_on=*/true);
    if (!client.ok()) return std::move(client).status();
    client_ = *std::move(client);
    began_ns_ = MonoNanos();
    return Status::Ok();
  }

  /// Submits a second since Begin. Error: kUnavailable where it ended by itself.
  Result<double> End() {
    const bool lost = client_->finished();
    const double per_s = static_cast<double>(client_->acknowledged()) * 1e9 / static_cast<double>(std::max<int64_t>(1, MonoNanos() - began_ns_));
    client_->Cancel();
    Result<LoadResult> joined = client_->Join();
    client_.reset();
    if (lost && !joined.ok()) return std::move(joined).status();
    return per_s;
  }

 private:
  const Target target_;
  const int connections_;
  const uint64_t backlog_;
  ToHung fill_, more_;
  std::unique_ptr<LoadClient> client_;  // ended before its source
  int64_t began_ns_ = 0;
};

struct Round {
  Delivery alone, beside;
  double noise_per_s = 0;
};

/// The same work through both, which goes first turning with `round`; the noise is there beside the second broker's alone.
Result<Round> RunRound(int round, const std::vector<BrokerProcess*>& brokers, const WorkloadPlan& plan, const CommonOptions& common, Noise* noise) {
  Round out;
  for (int i : {0, 1}) {
    const bool beside = (i + round) % 2 == 1;
    if (Status begun = beside ? noise->Begin() : Status::Ok(); !begun.ok()) return begun;
    Result<Delivery> delivery = DeliverAll(*brokers[beside ? 1 : 0], plan, common);
    if (beside) {
      Result<double> per_s = noise->End();
      if (!per_s.ok()) return std::move(per_s).status();
      out.noise_per_s = *per_s;
    }
    if (!delivery.ok()) return std::move(delivery).status();
    (beside ? out.beside : out.alone) = *std::move(delivery);
  }
  return out;
}

double Ratio(const Delivery& beside, const Delivery& alone, bool deliveries) {
  const Distribution& above = deliveries ? beside.latency : beside.load.ack_latency;
  const Distribution& below = deliveries ? alone.latency : alone.load.ack_latency;
  constexpr double kLeastUs = 100;  // where both are below what can be told apart
  return std::max(static_cast<double>(above.PercentileUs(0.99)), kLeastUs) / std::max(static_cast<double>(below.PercentileUs(0.99)), kLeastUs);
}

}  // namespace

Status RunNamespaces(const CommonOptions& common, const FairnessOptions& options) {
  // The kernel accepts for them, and nobody ever reads.
  std::vector<std::pair<Address, Fd>> hung;
  for (int i = 0; i < options.hung; ++i) {
    Address address;
    Result<Fd> listening = address.Listen();
    if (!listening.ok()) return std::move(listening).status();
    hung.emplace_back(address, *std::move(listening));
  }
  std::vector<std::unique_ptr<Session>> sessions;
  std::vector<BrokerProcess*> brokers;
  while (sessions.size() < 2) {
    Result<std::unique_ptr<Session>> session = Session::Open(common);
    if (!session.ok()) return std::move(session).status();
    BrokerProcess& broker = (*session)->broker();
    for (const char* name : {kQuiet, kNoisy})
      if (Status made = MakeNamespace(broker, name); !made.ok()) return made;
    brokers.push_back(&broker);
    sessions.push_back(*std::move(session));
  }
  Noise noise(*brokers[1], options, hung);
  if (Status filled = noise.Fill(); !filled.ok()) return filled;
  for (BrokerProcess* broker : brokers) broker->AskAs(In(*broker, kQuiet));
  WorkloadPlan plan;
  plan.count = options.count;
  plan.payload_bytes = options.payload_bytes;
  plan.lane_name = "healthy";
  plan.connections = options.connections;
  if (Result<Round> warm = RunRound(0, brokers, plan, common, &noise); !warm.ok()) return std::move(warm).status();
  std::string title =
      fmt::format("fairness of namespaces: one alone, and beside another with {} destinations that hang, {} notifies pending, and submits",
                  options.hung, Grouped(static_cast<double>(options.backlog) * options.hung, 0));
  const std::vector<Goal> goals = {AtMost("p99 of its submits beside them to alone", "ack_p99_ratio", 2),
                                   AtMost("p99 of its deliveries beside them to alone", "arrival_p99_ratio", 2)};
  return RunAndReport(common, title, goals, [&](int round) -> Result<Record> {
    Result<Round> both = RunRound(round, brokers, plan, common, &noise);
    if (!both.ok()) return std::move(both).status();
    const Delivery &alone = both->alone, &beside = both->beside;
    Record record;
    record.Text("scenario", "fairness").Text("others", "namespaces").Int("run", round).Int("hung", options.hung);
    record.Int("backlog", static_cast<int64_t>(options.backlog)).Int("count", static_cast<int64_t>(options.count));
    record.Real("noise_per_s", both->noise_per_s, 0);
    record.Percentiles("alone_ack", alone.load.ack_latency).Percentiles("beside_ack", beside.load.ack_latency);
    record.Percentiles("alone_arrival", alone.latency).Percentiles("beside_arrival", beside.latency);
    record.Real("ack_p99_ratio", Ratio(beside, alone, false), 3).Real("arrival_p99_ratio", Ratio(beside, alone, true), 3);
    return record.Real("beside_peak_mib", Mebibytes(brokers[1]->memory().peak_bytes));
  });
}

}  // namespace notifyd::bench
