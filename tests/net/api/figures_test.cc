// History, what falls due and /v1/live: what is asked of the core, and what is shown of its answers.
#include "base/json_tree.h"
#include "broker/figures_events.h"
#include "net/api/figures_json.h"
#include "net/api/figures_requests.h"
#include "openapi_held.h"
#include "teams_fixture.h"

#include <set>

namespace notifyd {
namespace {

constexpr int64_t kMinute = 60'000, kQuarter = 900'000, kHour = 3'600'000, kDay = 24 * kHour;
/// The fixture's clock, which is not at a whole minute: 22:13:20.
constexpr int64_t kNow = 1'700'000'000'000, kThisMinute = kNow / kMinute * kMinute;

template <class Ask>
const Ask& AskOf(ApiFixture& f) {
  return std::get<Ask>(f.Posted<FiguresRequest>().ask->what);
}

FiguresAnswered Of(FiguresAnswer answer) {
  return {std::make_shared<const FiguresAnswer>(std::move(answer))};
}

HistoryPoint Point(uint64_t accepted, uint64_t scheduled) {
  HistoryPoint point;
  point.counts.accepted = accepted;
  point.counts.attempts = 1;
  point.counts.durations.Add(10);
  point.counts.latenesses.Add(1);
  point.gauges.emplace();
  point.gauges->scheduled = scheduled;
  point.gauges->oldest_due_ms = 5;
  return point;
}

FiguresNow Now() {
  FiguresNow now;
  now.at = WallTime{kNow};
  now.five_seconds.accepted = 10;
  now.oldest_due_age_ms = 7;
  now.lateness_p99_ms = now.attempt_p50_ms = now.attempt_p99_ms = 1;
  now.hosts.resize(3);
  now.hosts[0].host = "bad:80";
  now.hosts[0].figures = {4, 3, 10, 20, WallTime{kNow - 1'000}, "timeout"};
  now.hosts[0].breaker = Breaker::State::kOpen;
  now.hosts[0].open_since = WallTime{kNow};
  now.hosts[1].host = "failed:80";
  now.hosts[1].figures.failing_since = WallTime{kNow};
  now.hosts[2].host = "good:80";
  now.hosts[2].figures.attempts = 5;
  return now;
}

FiguresAnswered NowAnswered() {
  return Of({std::make_shared<const FiguresNow>(Now())});
}

/// A request of /v1/live's, as the core knows it.
struct LiveFixture : ApiFixture {
  void ReplyLive(decltype(Reply::body) body, size_t back = 1) {
    const Event& event = sink.events.at(sink.events.size() - back);
    api.OnReply({std::get<FiguresRequest>(event).request, std::move(body)});
  }
  void Tick(int64_t ms = 1'000) {
    now_us += ms * 1'000;
    REQUIRE(live_tick);
    std::exchange(live_tick, nullptr)();
  }
  const std::string& TextOf(uint64_t token) { return responder.streams.at(token).text; }
  static size_t Count(const std::string& text, std::string_view what) {
    size_t count = 0;
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++count;
    return count;
  }
};

}  // namespace

// ---- history

TEST_CASE("history: asks for whole spans, by default the last day in minutes, or the last 30 in quarters of an hour") {
  ApiFixture f;
  f.Ask("GET", "/v1/history");
  CHECK(AskOf<HistoryAsk>(f).step == HistoryStep::kMinute);
  CHECK(AskOf<HistoryAsk>(f).of == HistoryOf::kNamespace);
  CHECK(AskOf<HistoryAsk>(f).to.ms == kThisMinute + kMinute);
  CHECK(AskOf<HistoryAsk>(f).from.ms == kThisMinute + kMinute - kDay);
  f.Ask("GET", "/v1/history?step=900000&host=H");
  CHECK(AskOf<HistoryAsk>(f).of == HistoryOf::kHosts);
  CHECK(AskOf<HistoryAsk>(f).host == "h:80");
  CHECK(AskOf<HistoryAsk>(f).to.ms == kNow / kQuarter * kQuarter + kQuarter);
  CHECK(AskOf<HistoryAsk>(f).to.ms - AskOf<HistoryAsk>(f).from.ms == 30 * kDay);
  f.Ask("GET", "/v1/history?host=service://shop&from=2023-11-14T22:00:30Z&to=2023-11-14T22:02:00Z");
  CHECK(AskOf<HistoryAsk>(f).host == "service://shop");
  CHECK(FormatRfc3339(AskOf<HistoryAsk>(f).from) == "2023-11-14T22:00:00.000Z");
  CHECK(FormatRfc3339(AskOf<HistoryAsk>(f).to) == "2023-11-14T22:02:00.000Z");
}

TEST_CASE("history: what it is refused for") {
  ApiFixture f;
  for (const auto& [query, outcome] : std::initializer_list<std::pair<const char*, const char*>>{
           {"series=nope", "422 /series"},
           {"series=accepted,", "422 /series"},
           {"series=", "422 /series"},
           {"series=pending&host=h:80", "422 /series"},
           {"series=rss_bytes&host=h:80", "422 /series"},
           {"step=60001", "422 /step"},
           {"step=", "422 /step"},
           {"from=yesterday", "422 /from"},
           {"from=2023-11-14T22:00:30 02:00", "422 /from"},
           {"from=2023-11-14T22:00:30Z&to=2023-11-14T22:00:00Z", "422 /from"},
           {"from=2023-10-14T22:00:30Z", "422 /from"},
           {"to=1893456000", "422 /to"},
           {"host=", "422 /host"},
           {"hosts=h", "422 /hosts"},
           {"step=60000&step=60000", "422 /step"}}) {
    CAPTURE(query);
    f.Ask("GET", std::string("/v1/history?") + query);
    CHECK(f.Outcome() == outcome);
  }
}

TEST_CASE("history: one value a span, null where nothing was counted; what there was is told on") {
  ApiFixture f;
  f.Ask("GET", "/v1/history?series=accepted,pending,oldest_due_ms,attempt_p50_ms,accepted&from=1699999920000&to=1700000220000");
  HistoryView view;
  view.asked = AskOf<HistoryAsk>(f);
  const int64_t from = view.asked.from.ms;
  view.points[from + kMinute] = Point(3, 7);
  view.points[from + 3 * kMinute] = Point(4, 0);
  view.before.emplace();
  view.before->held = 2;
  f.Reply(Of({view}));
  const Json json(f.Answer().body);
  CHECK(json.At("/series/accepted") == "[null,3,null,4,null]");
  CHECK(json.At("/series/pending") == "[2,7,7,0,0]");
  CHECK(json.At("/series/oldest_due_ms") == "[null,5,null,5,null]");
  CHECK(json.At("/series/attempt_p50_ms") == "[null,11,null,11,null]");
  CHECK(json.At("/from") == FormatRfc3339({from}));
  CHECK(json.At("/step_ms") == "60000");
  CHECK(json.At("/host") == "null");
}

TEST_CASE("history: series of the process come from the namespace system, beside those of the namespace or alone") {
  ApiFixture f;
  HistoryView process, own;
  f.Ask("GET", "/v1/history?series=cpu");
  CHECK(f.sink.numbers.back() == kSystemNumber);
  process.asked = AskOf<HistoryAsk>(f);
  CHECK(process.asked.of == HistoryOf::kProcess);
  HistoryPoint& point = process.points[process.asked.to.ms - kMinute];
  point.process.emplace();
  point.process->cpu_per_mille = 250;
  point.process->commit_p99_us = 1'500;
  f.Reply(Of({process}));
  CHECK(Json(f.Answer().body).At("/series/cpu/1439") == "0.25");
  f.Ask("GET", "/v1/history?series=accepted,commit_p99_ms");
  CHECK(f.sink.numbers.back() == kDefaultNumber);
  own.asked = AskOf<HistoryAsk>(f);
  f.Reply(Of({own}));
  CHECK_FALSE(f.answered());
  CHECK(f.sink.numbers.back() == kSystemNumber);
  f.Reply(Of({process}));
  CHECK(Json(f.Answer().body).At("/series/commit_p99_ms/1439") == "1.5");
  CHECK(Json(f.Answer().body).At("/series/accepted/0") == "null");
}

TEST_CASE("history and due: what the core refuses is the answer") {
  ApiFixture f;
  for (const char* target : {"/v1/history", "/v1/history?series=cpu", "/v1/due"}) {
    f.Ask("GET", target);
    f.Reply(Refused{Status(Code::kUnavailable, "the broker is stopping"), {}});
    CHECK(f.Outcome() == "503");
  }
}

TEST_CASE("history: series of the process are not for whoever does not administer all namespaces") {
  TeamsFixture f;
  const std::string all = f.Give({"*"}, {Scope::kRead}), admin = f.Give({"*"}, {Scope::kRead, Scope::kAdmin});
  CHECK(f.As(all, "GET", "/v1/history?series=rss_bytes") == "403 /series");
  CHECK(f.As(all, "GET", "/v1/history") == "posted");
  CHECK(f.As(admin, "GET", "/v1/history?series=rss_bytes") == "posted");
}

TEST_CASE("openapi: the series of a history are those of the table, and answers are as it says") {
  Held held;
  ApiFixture f;
  std::set<std::string> all, named;
  std::string query = "/v1/history?series=";
  for (const Series& series : AllSeries()) {
    all.insert(series.name);
    query += (query.back() == '=' ? "" : ",") + std::string(series.name);
  }
  for (const auto& [name, property] : held.document.Properties(held.document.Properties(held.document.Schema("History")).at("series")))
    named.insert(name);
  CHECK(named == all);
  f.Ask("GET", query);
  HistoryView view;
  view.asked = AskOf<HistoryAsk>(f);
  view.points[view.asked.from.ms] = Point(1, 2);
  f.Reply(Of({view}));
  HistoryView process;
  process.asked = view.asked;
  process.asked.of = HistoryOf::kProcess;
  process.points[view.asked.from.ms].process = ProcessValues{1, 2, 3, 4, 5};
  f.Reply(Of({process}));
  held.Check(f, "/v1/history", "get");
  held.CheckAllSeen("History");
  f.Ask("GET", "/v1/history?host=h:80");
  view.asked = AskOf<HistoryAsk>(f);
  f.Reply(Of({view}));
  held.Check(f, "/v1/history", "get");
}

// ---- what falls due

TEST_CASE("due: asks for whole steps from the present minute on, and adds up the minutes of each") {
  Held held;
  ApiFixture f;
  f.Ask("GET", "/v1/due");
  CHECK(AskOf<DueAsk>(f).from.ms == kThisMinute);
  CHECK(AskOf<DueAsk>(f).to.ms == kThisMinute + 2 * kDay);
  f.Ask("GET", "/v1/due?step_ms=39600000");  // 11 hours: five of them
  DueView view;
  view.asked = AskOf<DueAsk>(f);
  CHECK(view.asked.to.ms == kThisMinute + 55 * kHour);
  view.minutes = {{kThisMinute, 1}, {kThisMinute + kMinute, 2}, {kThisMinute + 11 * kHour, 4}, {kThisMinute + 55 * kHour - kMinute, 8}};
  view.later = 16;
  f.Reply(Of({view}));
  held.Check(f, "/v1/due", "get");
  const Json json(f.Answer().body);
  CHECK(json.At("/counts") == "[3,4,0,0,8]");
  CHECK(json.At("/later") == "16");
  CHECK(json.At("/since") == "null");
  view.since = WallTime{kNow};
  f.Ask("GET", "/v1/due");
  f.Reply(Of({view}));
  held.Check(f, "/v1/due", "get");
  held.CheckAllSeen("Due");
  for (const char* query : {"step_ms=0", "step_ms=90000", "step_ms=172860000", "step_ms=x"}) {
    f.Ask("GET", std::string("/v1/due?") + query);
    CHECK(f.Outcome() == "422 /step_ms");
  }
}

// ---- live

TEST_CASE("live: an event a second of the namespace, asked for once for all who listen and rendered as the document says") {
  Held held;
  LiveFixture f;
  const uint64_t a = f.Ask("GET", "/v1/live"), b = f.Ask("GET", "/v1/live");
  CHECK(f.responder.streams.at(a).head.content_type == "text/event-stream");
  CHECK(f.sink.events.size() == 1);
  CHECK(AskOf<NowAsk>(f).hosts == 10);
  f.ReplyLive(NowAnswered());
  CHECK(f.TextOf(a) == f.TextOf(b));
  CHECK(LiveFixture::Count(f.TextOf(a), "event: figures\n") == 1);
  CHECK(f.live_ms == 1'000);
  f.Tick();
  CHECK(f.sink.events.size() == 2);
  // Nothing more is asked before the core has answered.
  f.Tick();
  CHECK(f.sink.events.size() == 2);
  f.ReplyLive(NowAnswered());
  CHECK(LiveFixture::Count(f.TextOf(b), "event: figures\n") == 2);

  const std::string& text = f.TextOf(a);
  const size_t begin = text.find("data: ") + 6;
  const std::string data = text.substr(begin, text.find("\n\n", begin) - begin);
  YAML::Node schema;
  schema["$ref"] = "#/components/schemas/Live";
  CHECK(held.document.Violations(schema, data, &held.seen) == std::vector<std::string>());
  held.CheckAllSeen("Live", kStatsOfPostgres);
  const Json json(data);
  CHECK(json.At("/rates/accepted") == "2");
  CHECK(json.At("/lag_ms") == "7");
  CHECK(json.At("/failing_hosts/0/host") == "bad:80");
  CHECK(json.At("/failing_hosts/0/figures/last_error") == "timeout");
  CHECK(json.At("/failing_hosts/1/host") == "failed:80");
  CHECK_FALSE(json.Has("/failing_hosts/2"));
  CHECK(json.At("/stats/pid") == "42");
}

TEST_CASE("live: who goes is not sent anything any more, and nobody is asked where nobody listens") {
  LiveFixture f;
  const uint64_t a = f.Ask("GET", "/v1/live"), b = f.Ask("GET", "/v1/live");
  f.api.OnClose(a);
  f.ReplyLive(NowAnswered());
  CHECK(LiveFixture::Count(f.TextOf(a), "event") == 0);
  CHECK(LiveFixture::Count(f.TextOf(b), "event") == 1);
  f.Tick();
  f.api.OnClose(b);
  f.ReplyLive(NowAnswered());
  const size_t asked = f.sink.events.size();
  f.Tick();
  CHECK(f.sink.events.size() == asked);
  CHECK_FALSE(f.live_tick);
  CHECK(*f.listeners == 0);
  // No core hears of it: it has nothing of theirs.
  for (const Event& event : f.sink.events) CHECK(std::holds_alternative<FiguresRequest>(event));
}

TEST_CASE("live: who comes later is sent what was sent last, and the others no more than an event a second") {
  LiveFixture f;
  const uint64_t first = f.Ask("GET", "/v1/live");
  f.ReplyLive(NowAnswered());
  for (int i = 0; i < 10; ++i) {
    const uint64_t late = f.Ask("GET", "/v1/live");
    CHECK(LiveFixture::Count(f.TextOf(late), "event: figures\n") == 1);
  }
  CHECK(f.sink.events.size() == 1);
  CHECK(LiveFixture::Count(f.TextOf(first), "event: figures\n") == 1);
}

TEST_CASE("live: who comes between two events, and who comes again, gets no more than one a second") {
  LiveFixture f;
  const auto events_of = [&](uint64_t token) { return LiveFixture::Count(f.TextOf(token), "event: figures\n"); };
  const uint64_t first = f.Ask("GET", "/v1/live");
  f.ReplyLive(NowAnswered());
  f.now_us += 400'000;
  const uint64_t late = f.Ask("GET", "/v1/live");
  f.Tick(600);
  f.ReplyLive(NowAnswered());
  CHECK(events_of(first) == 2);
  CHECK(events_of(late) == 1);
  f.Tick();
  f.ReplyLive(NowAnswered());
  CHECK(events_of(first) == 3);
  CHECK(events_of(late) == 2);
  // All go, and one comes while the timer of those runs.
  f.api.OnClose(first);
  f.api.OnClose(late);
  f.now_us += 300'000;
  const uint64_t again = f.Ask("GET", "/v1/live");
  f.ReplyLive(NowAnswered());
  const size_t asked = f.sink.events.size();
  f.Tick(700);
  CHECK(f.sink.events.size() == asked);
  f.Tick();
  CHECK(f.sink.events.size() == asked + 1);
  f.ReplyLive(NowAnswered());
  CHECK(events_of(again) == 2);
}

TEST_CASE("live: who comes while an answer is under way to who has gone gets that one, and no second one behind it") {
  LiveFixture f;
  const auto events_of = [&](uint64_t token) { return LiveFixture::Count(f.TextOf(token), "event: figures\n"); };
  f.api.OnClose(f.Ask("GET", "/v1/live"));
  const uint64_t next = f.Ask("GET", "/v1/live");
  CHECK(f.sink.events.size() == 1);
  // Each that was asked for is answered.
  for (size_t back = f.sink.events.size(); back > 0; --back) f.ReplyLive(NowAnswered(), back);
  CHECK(events_of(next) == 1);
  f.Tick();
  f.ReplyLive(NowAnswered());
  CHECK(events_of(next) == 2);
  // Where nobody came before the answer, whoever comes behind it is asked for.
  f.Tick();
  f.api.OnClose(next);
  f.ReplyLive(NowAnswered());
  const size_t asked = f.sink.events.size();
  const uint64_t last = f.Ask("GET", "/v1/live");
  CHECK(f.sink.events.size() == asked + 1);
  CHECK(events_of(last) == 0);
  f.ReplyLive(NowAnswered());
  CHECK(events_of(last) == 1);
}

TEST_CASE("live: one namespace's tokens leave places to those of others, and to who administers all") {
  TeamsFixture f;
  const std::string read = f.Give({"one"}, {Scope::kRead}), admin = f.Give({"*"}, {Scope::kAdmin, Scope::kRead});
  *f.listeners = ApiFixture::kMaxListeners - ApiFixture::kMaxListeners / 4;  // at other loops
  CHECK(f.As(read, "GET", "/v1/live") == "429");
  CHECK(f.As(admin, "GET", "/v1/live") == "posted");
}

TEST_CASE("live: so many listen at most, of all loops together") {
  LiveFixture f;
  *f.listeners = ApiFixture::kMaxListeners - 2;  // at other loops
  const uint64_t first = f.Ask("GET", "/v1/live");
  f.Ask("GET", "/v1/live");
  f.Ask("GET", "/v1/live");
  CHECK(f.Outcome() == "429");
  f.api.OnClose(first);
  const uint64_t again = f.Ask("GET", "/v1/live");
  CHECK(f.responder.streams.contains(again));
  CHECK(*f.listeners == ApiFixture::kMaxListeners);
}

TEST_CASE("live: who takes nothing is passed by, and dropped where that stays so; who takes again goes on") {
  LiveFixture f;
  const uint64_t slow = f.Ask("GET", "/v1/live");
  f.responder.unsent = 100'000;
  f.ReplyLive(NowAnswered());
  for (int i = 0; i < 20; ++i) {
    f.Tick();
    f.ReplyLive(NowAnswered());
  }
  CHECK(LiveFixture::Count(f.TextOf(slow), "event") == 1);
  f.responder.unsent = 0;
  f.api.OnWritable(slow);
  f.Tick();
  f.ReplyLive(NowAnswered());
  CHECK(LiveFixture::Count(f.TextOf(slow), "event") == 2);
  f.responder.unsent = 100'000;
  for (int i = 0; i < 40 && !f.responder.streams.at(slow).broken; ++i) {
    f.Tick();
    f.ReplyLive(NowAnswered());
  }
  CHECK(f.responder.streams.at(slow).broken);
  CHECK(*f.listeners == 0);
}

TEST_CASE("live: a comment comes where nothing else does") {
  LiveFixture f;
  const uint64_t token = f.Ask("GET", "/v1/live");
  for (int i = 0; i < 31; ++i) f.Tick();
  CHECK(LiveFixture::Count(f.TextOf(token), ":\n\n") == 2);
}

TEST_CASE("live: it ends in order where the broker stops or the namespace goes, and none begins then") {
  LiveFixture f;
  const uint64_t a = f.Ask("GET", "/v1/live");
  SECTION("the namespace") {
    f.ReplyLive(Refused{Status(Code::kNotFound, "there is no such namespace"), {}});
    CHECK(f.responder.streams.at(a).ended);
  }
  SECTION("the broker") {
    f.api.EndBulkSubmits(Leaving::kStopping);
    CHECK(f.responder.streams.at(a).ended);
    CHECK(f.responder.streams.at(a).closes);
    f.Ask("GET", "/v1/live");
    CHECK(f.Outcome() == "503");
    f.ReplyLive(NowAnswered());
  }
  CHECK(*f.listeners == 0);
}

TEST_CASE("live: it ends with the token; who does not administer all namespaces is not shown the process") {
  TeamsFixture f;
  const std::string read = f.Give({"one"}, {Scope::kRead});
  REQUIRE(f.As(read, "GET", "/v1/live") == "posted");
  const uint64_t token = f.last_token;
  CHECK(f.sink.numbers.back() == TeamsFixture::kOne);
  f.api.OnReply({std::get<FiguresRequest>(f.sink.events.back()).request, NowAnswered()});
  const std::string& text = f.responder.streams.at(token).text;
  CHECK(text.find("\"rates\"") != std::string::npos);
  for (const char* hidden : {"\"cpu\"", "\"commit_p99_ms\"", "\"memory\"", "\"store\""}) CHECK(text.find(hidden) == std::string::npos);
  f.table.PutToken(f.last.id, nullptr);
  f.Publish();
  CHECK(f.responder.streams.at(token).ended);
  CHECK(*f.listeners == 0);
}

TEST_CASE("live: HEAD says what it would be, and listens to nothing") {
  LiveFixture f;
  f.Ask("HEAD", "/v1/live");
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().content_type == "text/event-stream");
  CHECK(*f.listeners == 0);
}

// ---- hosts, and one of a paused lane

TEST_CASE("figures of a host and of an instance stand in their answers") {
  ApiFixture f;
  HostView host;
  host.host = "h:80";
  f.Ask("GET", "/v1/hosts/h:80");
  f.Reply(HostViewed{host});
  CHECK(Json(f.Answer().body).At("/figures") == "null");
  host.figures = std::make_shared<const HostFigures>(HostFigures{4, 3, 10, 20, WallTime{kNow}, "status 503"});
  f.Ask("GET", "/v1/hosts/h:80");
  f.Reply(HostViewed{host});
  CHECK(Json(f.Answer().body).At("/figures") ==
        R"({"attempts":4,"failed":3,"p50_ms":10,"p99_ms":20,"failing_since":"2023-11-14T22:13:20.000Z","last_error":"status 503"})");
}

TEST_CASE("list: goes by due times where that is asked for, of those that are scheduled alone, on from its own cursor") {
  ApiFixture f;
  for (const char* query : {"order=due", "cursor=1700000000000-n000000000000001f&order=due&state=scheduled"}) {
    f.Ask("GET", std::string("/v1/notifies?") + query);
    CHECK(f.Posted<ListRequest>().query.by_due);
    CHECK(f.Posted<ListRequest>().query.states == std::vector<State>{State::kScheduled});
  }
  CHECK(f.Posted<ListRequest>().query.due_after == DueKey{1'700'000'000'000, {0x1f}});
  Listed listed;
  listed.next_due = DueKey{1'700'000'000'000, {0x1f}};
  f.Reply(listed);
  CHECK(f.Answer().body == R"({"items":[],"next":"1700000000000-n000000000000001f"})");
  for (const auto& [query, outcome] : {std::pair("order=due&state=scheduled,ready", "422 /order"),
                                       {"order=due&state=retrying", "422 /order"},
                                       {"order=due&namespaces=all", "422 /order"},
                                       {"order=due&cursor=n000000000000001f", "422 /cursor"},
                                       {"cursor=1700000000000-n000000000000001f", "422 /cursor"},
                                       {"order=due&cursor=x-n000000000000001f", "422 /cursor"},
                                       {"order=due&cursor=17-", "422 /cursor"}}) {
    INFO(query);
    f.Ask("GET", std::string("/v1/notifies?") + query);
    CHECK(f.Outcome() == outcome);
  }
}

TEST_CASE("list: goes from the oldest on where that is asked for, above the cursor") {
  ApiFixture f;
  f.Ask("GET", "/v1/notifies?lane=l&order=oldest&cursor=n000000000000001f&limit=1");
  CHECK(f.Posted<ListRequest>().query.oldest_first);
  CHECK(f.Posted<ListRequest>().query.above == NotifyId{0x1f});
  CHECK(f.Posted<ListRequest>().query.below == NotifyId{});
  f.Ask("GET", "/v1/notifies?order=newest&cursor=n000000000000001f");
  CHECK_FALSE(f.Posted<ListRequest>().query.oldest_first);
  CHECK(f.Posted<ListRequest>().query.below == NotifyId{0x1f});
  for (const char* query : {"order=up", "order=", "order=oldest&namespaces=all"}) {
    f.Ask("GET", std::string("/v1/notifies?") + query);
    CHECK(f.Outcome() == "422 /order");
  }
}

TEST_CASE("retry: of a paused lane it is asked for by a parameter") {
  ApiFixture f;
  const std::string target = "/v1/notifies/n000000000000001f/retry";
  f.Ask("POST", target + "?paused=true");
  CHECK(AskOf<SendPausedAsk>(f).id == NotifyId{0x1f});
  f.Reply(Retried{NotifyId{0x1f}, State::kReady});
  CHECK(f.Answer().status == 202);
  f.Ask("POST", target + "?paused=false");
  CHECK(f.Posted<RetryRequest>().id == NotifyId{0x1f});
  f.Ask("POST", target + "?paused=1");
  CHECK(f.Outcome() == "422 /paused");
}

}  // namespace notifyd
