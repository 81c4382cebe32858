// fanout: events and their notifies, through a broker that is killed on the way. The receiver tells whether each notify came, came again where it was
// not in flight at a kill, and came in the order of its subscription and key. And one event of many subscriptions in one commit. Contract section 12.
#include <fmt/format.h>

#include <charconv>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "bench/session.h"

namespace notifyd::bench {
namespace {

constexpr uint64_t kBatch = 10;
constexpr int64_t kMsNs = 1'000'000;

/// Each notify by event and subscription. Filled on the receiver's thread; `unique` may be read any time, the rest once the receiver has stopped.
class Fans final : public RequestObserver {
 public:
  explicit Fans(const FanoutOptions& options)
      : options_(options), came_ms_(options.events * options.subscriptions, -1), highest_(options.subscriptions * options.keys, -1) {}

  void OnRequest(const ReceivedRequest& request) override {
    uint64_t event = 0, subscription = 0;
    const std::string_view target = request.target;
    const char* digits = target.data() + std::min<size_t>(3, target.size());
    if (!NumberOf(request.body, &event) || event >= options_.events ||
        std::from_chars(digits, target.data() + target.size(), subscription).ec != std::errc() || subscription >= options_.subscriptions) {
      ++strangers_;
      return;
    }
    int32_t& came = came_ms_[event * options_.subscriptions + subscription];
    if (came >= 0) {
      Again(came);
      return;
    }
    came = static_cast<int32_t>((request.arrived_mono_ns - begun_ns_) / kMsNs);
    int64_t& highest = highest_[subscription * options_.keys + event % options_.keys];
    if (static_cast<int64_t>(event) < highest) ++out_of_order_;
    highest = std::max(highest, static_cast<int64_t>(event));
    last_ns_ = request.arrived_mono_ns;
    unique_.fetch_add(1, std::memory_order_relaxed);
  }

  /// The broker is killed now; it was started again by now.
  void Killed() { killed_ms_ = NowMs(); }
  void Restarted() { restarted_ms_ = NowMs(); }

  uint64_t unique() const { return unique_.load(std::memory_order_relaxed); }
  int64_t begun_ns() const { return begun_ns_; }
  int64_t last_ns() const { return last_ns_; }
  uint64_t out_of_order() const { return out_of_order_; }
  uint64_t strangers() const { return strangers_; }
  uint64_t repeats() const { return repeats_; }
  uint64_t repeats_without_kill() const { return repeats_without_kill_; }
  /// Of those that came again, how long before the kill the first one that had come had come.
  int64_t oldest_repeat_ms() const { return oldest_repeat_ms_; }

 private:
  int32_t NowMs() const { return static_cast<int32_t>((MonoNanos() - begun_ns_) / kMsNs); }
  /// What the killed one had sent may arrive a moment after its end, also where the next one is there already.
  void Again(int32_t came_ms) {
    ++repeats_;
    constexpr int32_t kUnderWayMs = 50;
    if (came_ms > std::max(killed_ms_ + kUnderWayMs, restarted_ms_.load())) ++repeats_without_kill_;
    else oldest_repeat_ms_ = std::max<int64_t>(oldest_repeat_ms_, killed_ms_ - came_ms);
  }

  const FanoutOptions& options_;
  const int64_t begun_ns_ = MonoNanos();
  std::vector<int32_t> came_ms_;  // by event and subscription; -1: not yet
  std::vector<int64_t> highest_;  // by subscription and key
  std::atomic<int32_t> killed_ms_{-1}, restarted_ms_{-1};
  std::atomic<uint64_t> unique_{0};
  int64_t last_ns_ = 0, oldest_repeat_ms_ = 0;
  uint64_t out_of_order_ = 0, strangers_ = 0, repeats_ = 0, repeats_without_kill_ = 0;
};

/// Publishes all events in order on a thread of its own, each batch until it is acknowledged, whatever broker there is by then.
class Publisher {
 public:
  Publisher(const CommonOptions& common, const FanoutOptions& options, Target target)
      : options_(options), payloads_(common.seed, options.payload_bytes), target_(std::move(target)), thread_([this] { Run(); }) {}
  ~Publisher() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  /// From now on it is this broker.
  void SetTarget(Target target) {
    {
      std::lock_guard lock(mutex_);
      target_ = std::move(target);
      ++targets_;
    }
    changed_.notify_all();
  }
  uint64_t acknowledged() const { return acknowledged_.load(std::memory_order_relaxed); }
  int64_t last_answered_ns() const { return last_answered_ns_; }
  Status failure() const {
    std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  std::string Batch(uint64_t first) const {
    std::string body = "[";
    for (uint64_t n = first; n < std::min(first + kBatch, options_.events); ++n) {
      fmt::format_to(std::back_inserter(body), R"({}{{"topic":"bench.fan","key":"k{}","idempotency_key":"e{}","data":)", n > first ? "," : "",
                     n % options_.keys, n);
      payloads_.Append(n, &body);
      body += '}';
    }
    return body + "]";
  }

  void Run() {
    std::unique_ptr<Caller> caller;
    uint64_t used = 0;
    for (uint64_t next = 0; next < options_.events;) {
      std::unique_lock lock(mutex_);
      if (ended_) return;
      const Target target = target_;
      const uint64_t targets = targets_;
      lock.unlock();
      if (!caller || used != targets) {
        Result<std::unique_ptr<Caller>> opened = Caller::Open(target);
        caller = opened.ok() ? *std::move(opened) : nullptr;
        used = targets;
      }
      Result<HttpAnswer> answer = caller ? caller->Call("POST", "/v1/publish", Batch(next)) : Result<HttpAnswer>(Status(Code::kIo, "no connection"));
      lock.lock();
      if (answer.ok() && answer->status / 100 == 2) {
        next = std::min(next + kBatch, options_.events);
        acknowledged_ = next;
        last_answered_ns_ = MonoNanos();
      } else if (answer.ok()) {
        failure_ = Status(Code::kUnavailable, fmt::format("a publish was answered {} {}", answer->status, answer->body));
        return;
      } else {
        // It was killed: there will be another.
        caller = nullptr;
        changed_.wait(lock, [&] { return ended_ || targets_ != targets; });
      }
    }
  }

  const FanoutOptions& options_;
  const Payloads payloads_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Target target_;
  uint64_t targets_ = 0;
  bool ended_ = false;
  Status failure_;
  std::atomic<uint64_t> acknowledged_{0};
  std::atomic<int64_t> last_answered_ns_{0};
  std::thread thread_;
};

Status Subscribe(const BrokerProcess& broker, const FanoutOptions& options, const Address& receiver) {
  Result<std::unique_ptr<Caller>> caller = Caller::Open(broker.target());
  if (!caller.ok()) return std::move(caller).status();
  for (uint64_t i = 0; i < options.subscriptions; ++i) {
    Result<HttpAnswer> made =
        Ask(**caller, "PUT", fmt::format("/v1/subscriptions/fan-{}", i),
            fmt::format(R"({{"topic":"bench.fan","url":"{}/s/{}","order_by":"key","partitions":{},"retry":{{"initial_ms":100}}}})", receiver.Url(), i,
                        options.partitions));
    if (!made.ok()) return std::move(made).status();
  }
  return Status::Ok();
}

/// Kills the broker where so much of the work is done, each time another part of it, until all arrived. The first one comes among the publishes.
Status KillOnTheWay(Session& session, const CommonOptions& common, const FanoutOptions& options, Fans* fans, Publisher* publisher) {
  const uint64_t all = options.events * options.subscriptions;
  int kills = 0;
  Progress progress("arrived", all);
  int64_t moved_ns = MonoNanos();
  for (uint64_t before = 0; fans->unique() < all || publisher->acknowledged() < options.events;) {
    if (SleepInterrupted(2)) return Interrupted();
    progress.Show(fans->unique());
    if (Status failed = publisher->failure(); !failed.ok()) return failed;
    if (Status alive = session.broker().CheckAlive(); !alive.ok()) return alive;
    const bool published_half = publisher->acknowledged() * 2 >= options.events;
    const bool arrived_share = fans->unique() * static_cast<uint64_t>(options.kills + 1) >= all * static_cast<uint64_t>(kills + 1);
    if (kills < options.kills && (kills == 0 ? published_half : arrived_share)) {
      fans->Killed();
      if (Status restarted = session.KillAndRestart(); !restarted.ok()) return restarted;
      fans->Restarted();
      ++kills;
      publisher->SetTarget(session.broker().target());
    }
    if (fans->unique() != before) moved_ns = MonoNanos();
    before = fans->unique();
    if (MonoNanos() - moved_ns > int64_t{common.stall_s} * 1'000'000'000)
      return Status(Code::kUnavailable, fmt::format("{} of {} notifies are missing: none came for {} s", all - fans->unique(), all, common.stall_s));
  }
  // What may still come twice.
  return SleepInterrupted(300) ? Interrupted() : AwaitSettled(session.broker(), common.stall_s);
}

Result<Record> Fan(const CommonOptions& common, const FanoutOptions& options) {
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  Fans fans(options);
  Result<std::unique_ptr<Receiver>> receiver = Receiver::Start({}, &fans);
  if (!receiver.ok()) return std::move(receiver).status();
  if (Status made = Subscribe((*session)->broker(), options, (*receiver)->address()); !made.ok()) return made;
  const int64_t begun_ns = MonoNanos();
  int64_t published_ns = 0;
  {
    Publisher publisher(common, options, (*session)->broker().target());
    if (Status came = KillOnTheWay(**session, common, options, &fans, &publisher); !came.ok()) return came;
    published_ns = publisher.last_answered_ns();
  }
  (*receiver)->Stop();
  if (fans.out_of_order() + fans.strangers() + fans.repeats_without_kill() > 0)
    return Status(Code::kUnavailable, fmt::format("{} out of order, {} that nobody published, {} repeated without a kill", fans.out_of_order(),
                                                  fans.strangers(), fans.repeats_without_kill()));
  auto per_s = [&](uint64_t count, int64_t until_ns) {
    return static_cast<double>(count) * 1e9 / static_cast<double>(std::max<int64_t>(1, until_ns - begun_ns));
  };
  Record record;
  record.Int("notifies", static_cast<int64_t>(fans.unique())).Int("missing", 0).Int("out_of_order", 0);
  record.Int("repeats", static_cast<int64_t>(fans.repeats())).Int("repeat_before_kill_ms", fans.oldest_repeat_ms());
  record.Real("events_per_s", per_s(options.events, published_ns), 0).Real("notifies_per_s", per_s(fans.unique(), fans.last_ns()), 0);
  record.Real("ready_ms", (*session)->broker().ready_ms()).Real("peak_mib", Mebibytes((*session)->broker().memory().peak_bytes));
  if (Status closed = (*session)->Close(); !closed.ok()) return closed;
  return record;
}

/// One event at a time for many subscriptions that are paused: how long until 201, and what is written.
Result<Record> Wide(const CommonOptions& common, const FanoutOptions& options) {
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
  Result<std::unique_ptr<Caller>> opened = Caller::Open(broker.target());
  if (!opened.ok()) return std::move(opened).status();
  Caller& caller = **opened;
  for (uint64_t i = 0; i < options.wide; ++i) {
    Result<HttpAnswer> made =
        Ask(caller, "PUT", fmt::format("/v1/subscriptions/wide-{}", i), R"({"topic":"bench.wide","url":"http://127.0.0.1:9/wide","paused":true})");
    if (!made.ok()) return std::move(made).status();
  }
  const Payloads payloads(common.seed, options.wide_payload_bytes);
  Distribution took;
  const int64_t written_before = broker.written_bytes();
  for (uint64_t n = 0; n < options.wide_events; ++n) {
    std::string body = R"({"data":)";
    payloads.Append(n, &body);
    const int64_t begun_ns = MonoNanos();
    Result<HttpAnswer> published = Ask(caller, "POST", "/v1/topics/bench.wide/publish", body + "}");
    if (!published.ok()) return std::move(published).status();
    took.Add((MonoNanos() - begun_ns) / 1000);
    if (published->body.find(fmt::format(R"("matched":{})", options.wide)) == std::string::npos)
      return Status(Code::kUnavailable, fmt::format("an event was not fanned out at once: {}", published->body));
  }
  // The log's bytes are the event's and its notifies' alone: nothing was moved into tables yet.
  const int64_t written = broker.written_bytes() - written_before;
  Result<BrokerStats> stats = broker.Stats();
  if (!stats.ok()) return std::move(stats).status();
  const uint64_t notifies = options.wide * options.wide_events;
  if (stats->pending() != static_cast<int64_t>(notifies))
    return Status(Code::kUnavailable, fmt::format("{} pending in place of {}", stats->pending(), notifies));
  Record record;
  record.Percentiles("wide", took).Real("wide_written_bytes_each", static_cast<double>(written) / static_cast<double>(notifies), 0);
  record.Real("wide_written_of_bodies",
              static_cast<double>(written) / static_cast<double>(notifies) / static_cast<double>(options.wide_payload_bytes), 3);
  if (Status closed = (*session)->Close(); !closed.ok()) return closed;
  return record;
}

Result<Record> FanoutOnce(const CommonOptions& common, const FanoutOptions& options, int run) {
  Result<Record> fan = Fan(common, options);
  if (!fan.ok()) return std::move(fan).status();
  Result<Record> wide = Wide(common, options);
  if (!wide.ok()) return std::move(wide).status();
  Record record;
  record.Text("scenario", "fanout").Int("run", run).Int("events", static_cast<int64_t>(options.events));
  record.Int("subscriptions", static_cast<int64_t>(options.subscriptions)).Int("kills", options.kills);
  for (const Record::Field& field : fan->fields()) record.Add(field);
  record.Int("wide_subscriptions", static_cast<int64_t>(options.wide));
  for (const Record::Field& field : wide->fields()) record.Add(field);
  return record;
}

}  // namespace

Status RunFanout(const CommonOptions& common, const FanoutOptions& options) {
  std::string title = fmt::format(
      "fanout: {} events for {} subscriptions each, in order by one of {} keys, {} kills; and {} events for {} subscriptions",
      Grouped(static_cast<double>(options.events), 0), options.subscriptions, options.keys, options.kills, options.wide_events, options.wide);
  const std::vector<Goal> goals = {AtMost("notifies missing", "missing", 0), AtMost("notifies out of order", "out_of_order", 0),
                                   AtMost("written for a notify, of its body's bytes", "wide_written_of_bodies", 0.1)};
  return RunAndReport(common, title, goals, [&](int run) { return FanoutOnce(common, options, run); });
}

}  // namespace notifyd::bench
