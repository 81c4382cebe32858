// The core's history: what is counted, when it is written, and what is answered of it; what falls due; figures of now.
#include <catch2/catch.hpp>
#include <map>

#include "broker/figures_events.h"
#include "broker/history_records.h"
#include "broker/host_figures.h"
#include "core_fixture.h"

using namespace notifyd;

namespace {

constexpr int64_t kMinute = 60'000, kQuarter = 900'000, kHour = 3'600'000, kDay = 24 * kHour;

FiguresRequest Asking(FiguresAsk ask) {
  return {{}, std::make_shared<const FiguresAsk>(std::move(ask))};
}

struct HistoryFixture : CoreFixture {
  explicit HistoryFixture(CoreLimits limits = {}) : CoreFixture(limits) {
    now.wall.ms = 100 * kDay + 30'000;  // in the middle of a minute, of the first of a day
    Restart();
  }
  int64_t minute() const { return now.wall.ms / kMinute * kMinute; }
  const FiguresAnswer& Figures(FiguresAsk ask) { return *std::get<FiguresAnswered>(Do(Asking(std::move(ask))).body).answer; }
  HistoryView History(HistoryStep step = HistoryStep::kMinute, HistoryOf of = HistoryOf::kNamespace, std::string host = {}) {
    return std::get<HistoryView>(Figures({HistoryAsk{step, of, std::move(host), {now.wall.ms - kDay}, {now.wall.ms + 1}}}).what);
  }
  SpanCounts Sum(HistoryStep step = HistoryStep::kMinute, HistoryOf of = HistoryOf::kNamespace, std::string host = {}) {
    SpanCounts sum;
    for (const auto& [begin, point] : History(step, of, std::move(host)).points) sum += point.counts;
    return sum;
  }
  DueView Due(int64_t ahead_ms = 2 * kDay) { return std::get<DueView>(Figures({DueAsk{{minute()}, {minute() + ahead_ms}}}).what); }
  FiguresNow Now(NowAsk ask = {}) { return *std::get<std::shared_ptr<const FiguresNow>>(Figures({ask}).what); }
  size_t Stored(RecordKind kind) const {
    size_t count = 0;
    for (const auto& [key, record] : image().records) count += key.kind == kind;
    return count;
  }
  /// The counts under minutes are what the due indexes hold (core_history.h, I1), and those under days are their sums.
  void CheckDueCounts() {
    std::map<int64_t, int64_t> minutes, days, counted;
    for (Clock clock : {Clock::kWall, Clock::kMono})
      for (const DueKey& key : image().due[static_cast<size_t>(clock)]) {
        const NotifyState& state = image().Find(key.id)->state;
        if (clock == Clock::kWall && state.at_once) continue;
        ++minutes[BeginOf(kMinute, clock == Clock::kWall ? state.due : state.next_attempt_at)];
      }
    for (const auto& [minute, count] : minutes) days[BeginOf(kDay, {minute})] += count;
    for (const auto& [key, record] : image().records) {
      if (key.kind != RecordKind::kDueCount || key.key == kDueSinceKey) continue;
      const int64_t count = *DecodeCount(record.value);
      if (const auto minute = ParseDueMinuteKey(key.key)) CHECK(count == minutes[*minute]);
      else CHECK(count == days[DayOf(key.key)]);
      counted[ParseDueMinuteKey(key.key).value_or(0)] += count;
    }
    for (const auto& [minute, count] : minutes) CHECK(counted[minute] == count);
  }
  static int64_t DayOf(const std::string& key) { return *ParseDueMinuteKey(key.substr(1)); }
};

CoreFixture::Fields To(std::string host) {
  CoreFixture::Fields fields;
  fields.host = std::move(host);
  return fields;
}

CoreFixture::Fields Later(int64_t ms) {
  CoreFixture::Fields fields;
  fields.when = Delay(ms);
  return fields;
}

}  // namespace

TEST_CASE("history: what was done shows at once, in its minute and its quarter, of the namespace and of its hosts") {
  HistoryFixture f;
  f.Submit(To("a:80"));
  f.EndFirst(Verdict::kSuccess);
  f.Submit(To("b:80"));
  f.EndFirst(Verdict::kFailure);
  for (HistoryStep step : {HistoryStep::kMinute, HistoryStep::kQuarter}) {
    const HistoryView view = f.History(step);
    REQUIRE(view.points.size() == 1);
    const auto& [begin, point] = *view.points.begin();
    CHECK(begin == BeginOf(MillisOf(step), f.now.wall));
    CHECK(point.counts.accepted == 2);
    CHECK(point.counts.succeeded == 1);
    CHECK(point.counts.attempts == 2);
    CHECK(point.counts.attempts_failed == 1);
    CHECK(point.counts.durations.count() == 2);
    CHECK(point.counts.latenesses.count() == 2);
    REQUIRE(point.gauges);
    CHECK(point.gauges->pending() == 1);
    CHECK(point.gauges->retrying == 1);
    CHECK(f.Sum(step, HistoryOf::kHosts, "a:80").succeeded == 1);
    CHECK(f.Sum(step, HistoryOf::kHosts, "b:80").attempts_failed == 1);
    CHECK(f.Sum(step, HistoryOf::kHosts, "c:80").IsZero());
  }
}

TEST_CASE("history: how late the oldest was stands in the minutes that are over, too") {
  CoreLimits limits;
  limits.max_in_flight = limits.max_in_flight_per_host = 1;
  HistoryFixture f(limits);
  f.Submit({});  // in flight
  f.Submit({});
  f.Pass(20'000);
  f.Submit({});  // so that something rides with a batch of this minute
  f.Pass(kMinute);
  f.Submit({});
  const HistoryView view = f.History();
  REQUIRE(view.points.size() >= 2);
  REQUIRE(view.points.begin()->second.gauges);
  REQUIRE(view.points.begin()->second.gauges->oldest_due_ms);
  CHECK(*view.points.begin()->second.gauges->oldest_due_ms >= 20'000);
}

TEST_CASE("history: how a notify ended is counted by its state, and attempts after the first as retries") {
  HistoryFixture f;
  CoreFixture::Fields one = To("a:80");
  one.retry = Waits({1'000}, 2);
  f.Submit(one);
  f.EndFirst(Verdict::kFailure);
  f.Pass(1'000);
  f.EndFirst(Verdict::kFailure);
  CoreFixture::Fields expiring = Later(10'000);
  expiring.ttl = Delay(500);
  f.Submit(expiring);
  f.Pass(1'000);
  f.ById<CancelRequest>(f.Submit(Later(10'000)).id);
  const SpanCounts sum = f.Sum();
  CHECK(sum.accepted == 3);
  CHECK(sum.failed == 1);
  CHECK(sum.expired == 1);
  CHECK(sum.cancelled == 1);
  CHECK(sum.succeeded == 0);
  CHECK(sum.retries == 1);
}

TEST_CASE("history: a minute that is over is written with the next batch, and outlives a kill") {
  HistoryFixture f;
  f.Submit(To("a:80"));
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.Stored(RecordKind::kHistory) == 0);
  f.Pass(40'000);
  CHECK(f.Stored(RecordKind::kHistory) == 0);  // nothing was written anyway
  const uint64_t batches = f.image().batch;
  f.Submit(Later(kDay));
  CHECK(f.Stored(RecordKind::kHistory) == 4);  // minute and quarter, of the namespace and of hosts
  CHECK(f.image().batch == batches + 1);
  f.Restart();
  CHECK(f.Sum().succeeded == 1);
  CHECK(f.Sum(HistoryStep::kQuarter).succeeded == 1);
  CHECK(f.Sum(HistoryStep::kMinute, HistoryOf::kHosts, "a:80").succeeded == 1);
  // The second one was of the minute that was lost.
  CHECK(f.Sum().accepted == 1);
}

TEST_CASE("history: where nothing else is written for a minute it is written by itself, and then nothing is any more") {
  HistoryFixture f;
  f.Submit({});
  f.EndFirst(Verdict::kSuccess);
  f.Pass(100);
  const uint64_t batches = f.image().batch;
  f.Pass(2 * kMinute);
  CHECK(f.Stored(RecordKind::kHistory) == 4);
  CHECK(f.image().batch == batches + 2);  // it, and its sync
  f.Pass(kDay);
  CHECK(f.image().batch == batches + 2);
}

TEST_CASE("history: a namespace of which nothing is wanted writes nothing") {
  HistoryFixture f;
  f.Pass(kDay);
  CHECK(f.image().batch == 0);
  CHECK(f.History().points.empty());
}

TEST_CASE("history: lives of a core within one minute add up") {
  HistoryFixture f;
  for (int life = 0; life < 3; ++life) {
    f.Submit({});
    f.EndFirst(Verdict::kSuccess);
    f.Post(PrepareSleep{});
    f.Run();
    CHECK(f.core().idle(f.now.wall));
    f.now.mono.ms += 10;
    f.Restart();
  }
  const HistoryView view = f.History();
  REQUIRE(view.points.size() == 1);
  CHECK(view.points.begin()->second.counts.accepted == 3);
  CHECK(f.Sum(HistoryStep::kQuarter).accepted == 3);
  CHECK(f.Sum(HistoryStep::kMinute, HistoryOf::kHosts, "host:80").succeeded == 3);
}

TEST_CASE("history: a clean stop saves what is open, up to the last call's end") {
  HistoryFixture f;
  f.Submit({});
  f.Post(StopRequested{});
  f.Run();
  CHECK_FALSE(f.drained);
  f.EndFirst(Verdict::kSuccess);
  f.Pass(100);
  REQUIRE(f.drained);
  f.now.mono.ms += 10;
  f.Restart();
  CHECK(f.Sum().accepted == 1);
  CHECK(f.Sum().succeeded == 1);
}

TEST_CASE("history: a stop waits for what is being read for somebody, who is answered") {
  HistoryFixture f;
  f.Submit(Later(kDay));
  f.Pass(100);
  const bool due = GENERATE(false, true);
  f.reads().ClosePages();
  FiguresRequest ask = due ? Asking({DueAsk{{f.minute()}, {f.minute() + kDay}}})
                           : Asking({HistoryAsk{HistoryStep::kMinute, HistoryOf::kNamespace, {}, {f.now.wall.ms - kDay}, {f.now.wall.ms + 1}}});
  const uint64_t token = ask.request.token = f.next_token++;
  f.Post(std::move(ask));
  f.Run();
  f.Post(StopRequested{});
  f.Run();
  f.Pass(100);
  CHECK_FALSE(f.drained);
  CHECK_FALSE(f.replies.contains(token));
  // More may be asked for as it goes on.
  for (int page = 0; page < 10 && !f.replies.contains(token); ++page) {
    f.reads().OpenPages();
    f.Run();
  }
  REQUIRE(f.replies.contains(token));
  CHECK(std::holds_alternative<FiguresAnswered>(f.replies.at(token).body));
  f.Pass(100);
  CHECK(f.drained);
}

TEST_CASE("history: quarters are the sums of their minutes, over a kill, and each ends where the next begins") {
  HistoryFixture f;
  const int64_t begin = f.now.wall.ms / kQuarter * kQuarter;
  for (int minute = 0; minute < 20; ++minute) {
    f.Submit({});
    f.EndFirst(Verdict::kSuccess);
    f.Pass(kMinute);
    if (minute != 10) continue;
    f.Submit(Later(kDay));  // what is over is written with it
    f.Restart();
  }
  const HistoryView view = f.History(HistoryStep::kQuarter);
  REQUIRE(view.points.size() == 2);
  CHECK(view.points.at(begin).counts.succeeded == 15);
  CHECK(view.points.at(begin + kQuarter).counts.succeeded == 5);
  CHECK(f.Sum().succeeded == 20);
}

TEST_CASE("history: a clock that steps back has nothing counted twice, or lost") {
  HistoryFixture f;
  auto one = [&] {
    f.Submit({});
    f.EndFirst(Verdict::kSuccess);
  };
  one();
  f.Pass(kMinute);
  one();
  f.now.wall.ms -= kMinute;
  one();
  f.Pass(2 * kMinute);
  one();
  CHECK(f.Sum().succeeded == 4);
  CHECK(f.Sum(HistoryStep::kQuarter).succeeded == 4);
  f.Pass(3 * kMinute);
  f.Restart();
  CHECK(f.Sum().succeeded == 4);
  CHECK(f.Sum(HistoryStep::kQuarter).succeeded == 4);
}

TEST_CASE("history: what is pending is told from the last point before what is asked for") {
  HistoryFixture f;
  f.Submit(Later(kDay));
  f.Submit(Later(kDay));
  f.Pass(2 * kMinute);
  f.Pass(kHour);
  const HistoryView view =
      std::get<HistoryView>(f.Figures({HistoryAsk{HistoryStep::kMinute, HistoryOf::kNamespace, {}, {f.minute() - 10 * kMinute}, {f.minute()}}}).what);
  CHECK(view.points.empty());
  REQUIRE(view.before);
  CHECK(view.before->scheduled == 2);
}

TEST_CASE("history: of hosts the busiest are kept, and every page is read") {
  HistoryFixture f;
  for (size_t i = 0; i < kHistoryHosts + 20; ++i) {
    f.Submit(To("h" + std::to_string(i) + ":80"));
    if (i >= 20) f.Submit(To("h" + std::to_string(i) + ":80"));
  }
  f.Pass(2 * kMinute);
  f.Restart();
  CHECK(f.Sum(HistoryStep::kMinute, HistoryOf::kHosts, "h20:80").accepted == 2);
  CHECK(f.Sum(HistoryStep::kMinute, HistoryOf::kHosts, "h119:80").accepted == 2);
  CHECK(f.Sum(HistoryStep::kMinute, HistoryOf::kHosts, "h19:80").IsZero());
}

TEST_CASE("history: what the busiest host did stays, in memory and as it is stored, however many others are heard of within its span") {
  HistoryFixture f;
  auto submit = [&](const std::string& host, int times) {
    for (int i = 0; i < times; ++i) {
      f.Submit(To(host));
      f.EndFirst(Verdict::kSuccess);
    }
  };
  auto others = [&] {
    for (size_t i = 0; i < Destinations::kMost + 50; ++i) submit("h" + std::to_string(i) + ":80", 1);
  };
  auto quarter = [&](const std::string& host) { return f.Sum(HistoryStep::kQuarter, HistoryOf::kHosts, host); };
  submit("busy:80", 50);
  submit("h0:80", 1);
  f.Pass(kMinute);
  others();
  CHECK(f.Stored(RecordKind::kHistory) > 0);
  f.Pass(kMinute);
  submit("busy:80", 2);
  // Each of these made room, and came back.
  others();
  CHECK(quarter("busy:80").accepted == 52);
  CHECK(quarter("h0:80").accepted == 3);
  CHECK(quarter("h200:80").accepted == 2);
  f.Pass(2 * kMinute);
  f.Restart();
  CHECK(quarter("busy:80").accepted == 52);
  CHECK(quarter("busy:80").succeeded == 52);
  CHECK(quarter("h0:80").attempts == 3);
}

TEST_CASE("history: a span that is over for long is gone, its quarter stays") {
  HistoryFixture f;
  f.Submit({});
  f.EndFirst(Verdict::kSuccess);
  f.Pass(2 * kMinute);
  for (const auto& [key, record] : f.image().records) {
    if (key.kind != RecordKind::kHistory) continue;
    const HistoryStep step = static_cast<HistoryStep>(key.key[0]);
    CHECK(record.expires_at.ms == ParseHistoryKey(key.key)->begin_ms + MillisOf(step) + (step == HistoryStep::kMinute ? kDay : 30 * kDay));
  }
}

TEST_CASE("history: what the process is like is kept beside it, and nobody is answered") {
  HistoryFixture f;
  ProcessReport report;
  report.values.rss_bytes = 1'000;
  const size_t replies = f.replies.size();
  f.Post(Asking({report}));
  f.Run();
  CHECK(f.replies.size() == replies);
  CHECK(f.History(HistoryStep::kMinute, HistoryOf::kProcess).points.at(f.minute()).process->rss_bytes == 1'000);
  f.Pass(2 * kMinute);
  f.Restart();
  CHECK(f.History(HistoryStep::kQuarter, HistoryOf::kProcess).points.size() == 1);
  CHECK(f.History().points.empty());
}

// ---- what falls due

TEST_CASE("due: what falls due is counted by the minute, and told over a restart") {
  HistoryFixture f;
  f.Submit(Later(10 * kMinute));
  f.Submit(Later(10 * kMinute));
  f.Submit(Later(3 * kDay));
  f.Submit(Later(400 * kDay));
  CoreFixture::Fields held = Later(20 * kMinute);
  held.fkey = "k";
  f.Submit(held);
  for (int i = 0; i < 2; ++i) {
    const DueView due = f.Due();
    CHECK(due.minutes == std::map<int64_t, uint64_t>{{f.minute() + 10 * kMinute, 2}, {f.minute() + 20 * kMinute, 1}});
    CHECK(due.later == 2);
    CHECK_FALSE(due.since);
    f.CheckDueCounts();
    f.Restart();
  }
  CHECK(f.Due(10 * kMinute).later == 5);
  CHECK(f.Due(11 * kMinute).later == 3);
  CHECK(f.Due(3 * kDay + kMinute).later == 1);
}

TEST_CASE("due: what is triggered, changed, cancelled, retried or sent is not counted where it was any more") {
  HistoryFixture f;
  CoreFixture::Fields held = Later(20 * kMinute);
  held.fkey = "k";
  f.Submit(held);
  f.Trigger("k");
  f.ById<CancelRequest>(f.Submit(Later(10 * kMinute)).id);
  f.ById<RetryRequest>(f.Submit(Later(10 * kMinute)).id);
  f.Change(f.Submit(Later(10 * kMinute)).id, [](ChangeRequest& change) { change.when = Delay(30 * kMinute); });
  CHECK(f.Due().minutes == std::map<int64_t, uint64_t>{{f.minute() + 30 * kMinute, 1}});
  f.CheckDueCounts();
  CoreFixture::Fields retried = To("r:80");
  retried.retry = Waits({5 * kMinute});
  const NotifyId id = f.Submit(retried).id;
  while (!f.starts.empty()) f.EndFirst(f.starts.front().id == id ? Verdict::kFailure : Verdict::kSuccess);
  CHECK(f.Due().minutes == std::map<int64_t, uint64_t>{{f.minute() + 5 * kMinute, 1}, {f.minute() + 30 * kMinute, 1}});
  f.CheckDueCounts();
  f.Pass(40 * kMinute);
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  CHECK(f.Due().minutes.empty());
  CHECK(f.Due().later == 0);
  f.CheckDueCounts();
}

TEST_CASE("due: a paused lane that keeps what is due, and its resume, keep the counts with the indexes") {
  HistoryFixture f;
  CoreFixture::Fields fields = Fifo();
  fields.when = Delay(kMinute);
  f.Submit(fields);
  f.Submit(fields);
  f.Pass(kMinute);
  f.EndFirst(Verdict::kFailure);
  f.Pause(kFifoLane);
  f.Pass(10'000);
  f.CheckDueCounts();
  f.Resume(kFifoLane);
  f.CheckDueCounts();
  f.Restart();
  f.Pass(10'000);
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  f.CheckDueCounts();
  CHECK(f.Due().minutes.empty());
}

TEST_CASE("due: what is sent at once has no counts written") {
  HistoryFixture f;
  for (int i = 0; i < 10; ++i) f.Submit({});
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  CHECK(f.Stored(RecordKind::kDueCount) == 0);
}

TEST_CASE("due: of a store from before there were counts it is said since when they are") {
  HistoryFixture f;
  f.Submit(Later(10 * kMinute));
  FakeImage image = f.image();
  std::erase_if(image.records, [](const auto& record) { return record.first.kind == RecordKind::kDueCount; });
  image.totals.records[RecordKind::kDueCount] = 0;
  CoreFixture old({}, std::move(image));
  old.now = f.now;
  auto due = [&] {
    const DueAsk ask{{f.minute()}, {f.minute() + kDay}};
    return std::get<DueView>(std::get<FiguresAnswered>(old.Do(Asking({ask})).body).answer->what);
  };
  CHECK(due().since == old.now.wall);
  CHECK(due().minutes.empty());
  old.Submit(Later(20 * kMinute));
  const WallTime since = old.now.wall;
  CHECK(due().minutes.size() == 1);
  old.now.wall.ms += 5'000;
  old.Restart();
  CHECK(due().since == since);
  // What was not counted leaves no hole behind in what is.
  old.Pass(11 * kMinute);
  CHECK(due().minutes.size() == 1);
}

// ---- now

TEST_CASE("figures of now: rates of the last seconds, lateness, durations and what is oldest") {
  HistoryFixture f;
  for (int i = 0; i < 10; ++i) f.Submit({});
  while (f.starts.size() > 5) f.EndFirst(Verdict::kSuccess);
  f.Pass(1'000);
  FiguresNow now = f.Now();
  CHECK(now.five_seconds.accepted == 10);
  CHECK(now.five_seconds.succeeded == 5);
  CHECK(now.minute == now.five_seconds);
  CHECK(now.stats.totals.pending() == 5);
  CHECK(now.lateness_p99_ms == 0);
  CHECK(now.attempt_p99_ms);
  CHECK_FALSE(now.oldest_due_age_ms);
  f.Pass(5'000);
  CHECK(f.Now().five_seconds.accepted == 0);
  CHECK(f.Now().minute.accepted == 10);
  f.Pass(3 * kMinute);
  CHECK_FALSE(f.Now().attempt_p99_ms);
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  CHECK(f.Now().attempt_p99_ms);
}

TEST_CASE("figures of now: hosts that fail come first, with since when and with what; services and paused ones are among them") {
  HistoryFixture f;
  CoreFixture::Fields slow = To("slow:80");
  slow.retry = Waits({kHour});
  const WallTime since = f.now.wall;
  for (int i = 0; i < 3; ++i) f.Submit(slow);
  f.EndFirst(Verdict::kFailure);
  f.Pass(1'000);
  f.EndFirst(Verdict::kFailure);
  f.Submit(To("good:80"));
  f.End(f.starts.back(), Verdict::kSuccess);
  HostChangeRequest pause;
  pause.host = "idle:80";
  pause.patch.paused = true;
  f.Do(pause);
  const FiguresNow now = f.Now();
  REQUIRE(now.hosts.size() == 3);
  CHECK(now.hosts[0].host == "slow:80");
  CHECK(now.hosts[0].figures.failed == 2);
  CHECK(now.hosts[0].figures.failing_since == since);
  CHECK(now.hosts[0].figures.last_error == "status 500");
  CHECK(now.hosts[0].in_flight == 1);
  CHECK(now.hosts[0].accepted.minute == 3);
  CHECK(now.hosts[1].host == "good:80");
  CHECK(now.hosts[2].host == "idle:80");
  CHECK(now.hosts[2].paused);
  NowAsk one;
  one.hosts = 1;
  CHECK(f.Now(one).hosts.size() == 1);
  CHECK(now.failing_hosts == 1);
  // Those of which nothing is pending are in the list of hosts, too, while it is known what became of calls to them.
  const auto listed = std::get<HostsListed>(f.Do(HostsRequest()).body);
  REQUIRE(listed.hosts.size() == 3);
  CHECK(listed.hosts[0].host == "good:80");
  REQUIRE(listed.hosts[0].figures);
  CHECK(listed.hosts[0].figures->attempts == 1);
  HostsRequest good;
  good.query.only = "good:80";
  CHECK(std::get<HostViewed>(f.Do(good).body).host.figures->attempts == 1);
  // The same stands in the list of hosts.
  HostsRequest list;
  list.query.only = "slow:80";
  const HostView view = std::get<HostViewed>(f.Do(list).body).host;
  REQUIRE(view.figures);
  CHECK(*view.figures == now.hosts[0].figures);
}

TEST_CASE("figures of now: of a host and a caller that made room for others it is told for how much of the day before they were counted") {
  HistoryFixture f;
  auto submit = [&](const std::string& name) {
    CoreFixture::Fields fields = To(name);
    fields.caller = name;
    f.Submit(fields);
    f.EndFirst(Verdict::kSuccess);
  };
  for (const char* name : {"stays:80", "back:80"}) submit(name);
  f.Pass(20 * kHour);
  for (size_t i = 0; i < 2 * Destinations::kMost; ++i)
    for (const std::string& name : {"h" + std::to_string(i) + ":80", std::string("stays:80")}) submit(name);
  submit("back:80");
  f.Pass(28 * kHour);
  const FiguresNow now = f.Now({Destinations::kMost, false, true});
  CHECK(now.day_before_ms == kDay);
  std::map<std::string, int64_t> hosts, callers;
  for (const HostNow& host : now.hosts) hosts[host.host] = host.day_before_ms;
  for (const CallerRates& caller : now.callers) callers[caller.caller] = caller.day_before_ms;
  for (const auto* known : {&hosts, &callers}) {
    CHECK(known->at("stays:80") == kDay);
    CHECK(known->at("back:80") > 3 * kHour);
    CHECK(known->at("back:80") < 6 * kHour);
  }
}

TEST_CASE("figures of now: what is oldest is told of lanes that may send, of each priority, and from the end of its wait") {
  CoreLimits limits;
  limits.max_in_flight_per_host = 1;
  limits.max_in_flight = 1;
  CoreFixture f(limits);
  auto oldest = [&] {
    const auto& answer = std::get<FiguresAnswered>(f.Do(Asking({NowAsk{}})).body).answer;
    return std::get<std::shared_ptr<const FiguresNow>>(answer->what)->oldest_due_age_ms;
  };
  f.Submit({});  // in flight
  CHECK_FALSE(oldest());
  CoreFixture::Fields low;
  low.priority = 0;
  f.Submit(low);
  f.Pass(2'000);
  CoreFixture::Fields high;
  high.priority = 9;
  f.Submit(high);
  f.Pass(500);
  CHECK(oldest() == 2'500);
  f.Pause(kLane);
  CHECK_FALSE(oldest());
}

TEST_CASE("figures of now: lanes and callers where they are asked for") {
  HistoryFixture f;
  f.Submit({});
  f.Pause({Mode::kConcurrent, "other"});
  NowAsk ask;
  CHECK(f.Now(ask).lanes.empty());
  CHECK(f.Now(ask).callers.empty());
  ask.lanes = ask.callers = true;
  const FiguresNow now = f.Now(ask);
  REQUIRE(now.callers.size() == 1);
  CHECK(now.callers[0].minute.accepted == 1);
  REQUIRE(now.lanes.size() >= 1);
  CHECK(now.lanes.back().lane == kLane);
  CHECK(now.lanes.back().in_flight == 1);
}
