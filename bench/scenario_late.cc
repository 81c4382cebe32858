// lanes --others late: how long lanes that come late wait at a destination that cannot keep up, behind lanes that were filled before. What is
// counted is deliveries: a round is one for each lane, so that the figure does not move with the machine.
#include <fmt/format.h>

#include <atomic>

#include "bench/session.h"

namespace notifyd::bench {
namespace {

constexpr uint64_t kEach = 50, kLate = 20;
constexpr int kCalls = 16;
constexpr int64_t kDelayMs = 10;

/// One lane after the other, each whole.
class LaneAfterLane final : public RequestSource {
 public:
  LaneAfterLane(std::string url, std::string name, uint64_t lanes, uint64_t each)
      : url_(std::move(url)), name_(std::move(name)), lanes_(lanes), each_(each) {}
  size_t Next(int, int64_t now_ns, std::string* body) override {
    if (next_ == lanes_) return 0;
    for (uint64_t i = 0; i < each_; ++i)
      body->append(fmt::format(R"({}{{"url":"{}","lane":"{}-{}","data":{{"n":{}}}}})", i == 0 ? "[" : ",", url_, name_, next_, i));
    body->push_back(']');
    ++next_;
    sent_ns_ = now_ns;
    return each_;
  }
  int64_t sent_ns() const { return sent_ns_; }

 private:
  std::string url_, name_;
  uint64_t lanes_, each_, next_ = 0;
  int64_t sent_ns_ = 0;
};

/// What arrived, of the lanes that were there before and of the late ones.
class LateArrivals final : public RequestObserver {
 public:
  void OnRequest(const ReceivedRequest& request) override {
    if (request.target != "/late") {
      before.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    last_ns = request.arrived_mono_ns;
    at_last = before.load(std::memory_order_relaxed);
    late.fetch_add(1, std::memory_order_release);
  }
  std::atomic<uint64_t> before{0}, late{0};
  std::atomic<uint64_t> at_last{0};  // how many of the others had arrived when the last late one did
  std::atomic<int64_t> last_ns{0};
};

Result<Record> Once(const CommonOptions& common, const LanesOptions& options, int run) {
  LateArrivals arrivals;
  ReceiverOptions receiver_options;
  receiver_options.delay_ms = kDelayMs;
  Result<std::unique_ptr<Receiver>> receiver = Receiver::Start(receiver_options, &arrivals);
  if (!receiver.ok()) return std::move(receiver).status();
  CommonOptions narrow = common;
  narrow.broker_arguments.push_back(fmt::format("--hosts-concurrency={}", kCalls));
  Result<std::unique_ptr<Session>> session = Session::Open(narrow);
  if (!session.ok()) return std::move(session).status();
  std::string url = (*receiver)->address().Url();
  LaneAfterLane others(url + "/n", "other", options.lanes, kEach);
  Result<LoadResult> filled = Submit((*session)->broker(), 1, options.lanes * kEach, &others);
  if (!filled.ok()) return std::move(filled).status();
  uint64_t before = arrivals.before.load();
  LaneAfterLane late(url + "/late", "late", kLate, 1);
  Result<LoadResult> submitted = Submit((*session)->broker(), 1, kLate, &late);
  if (!submitted.ok()) return std::move(submitted).status();
  while (arrivals.late.load(std::memory_order_acquire) < kLate) {
    if (SleepInterrupted(5)) return Interrupted();
    if (Status alive = (*session)->broker().CheckAlive(); !alive.ok()) return alive;
    if (MonoNanos() - late.sent_ns() > int64_t{common.stall_s} * 1'000'000'000)
      return Status(Code::kUnavailable, fmt::format("{} of {} late lanes had nothing delivered after {} s, and {} deliveries in other lanes",
                                                    kLate - arrivals.late.load(), kLate, common.stall_s, arrivals.before.load() - before));
  }
  (*receiver)->Stop();
  double rounds = static_cast<double>(arrivals.at_last.load() - before) / static_cast<double>(options.lanes);
  Record record;
  record.Text("scenario", "lanes").Int("run", run).Int("other_lanes", static_cast<int64_t>(options.lanes)).Text("others", "late");
  record.Int("late_lanes", kLate).Real("rounds", rounds, 2);
  return record.Real("late_ms", static_cast<double>(arrivals.last_ns.load() - late.sent_ns()) / 1e6, 0);
}

}  // namespace

Status RunLate(const CommonOptions& common, const LanesOptions& options) {
  std::string title = fmt::format("lanes: {} that come late, behind {} with {} notifies each, at a destination with {} calls of {} ms at once", kLate,
                                  Grouped(static_cast<double>(options.lanes), 0), kEach, kCalls, kDelayMs);
  return RunAndReport(common, title, {AtMost("rounds until all late lanes were served", "rounds", 2)},
                      [&](int run) { return Once(common, options, run); });
}

}  // namespace notifyd::bench
