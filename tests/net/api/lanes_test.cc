// Lanes: looking at them, changing them, and their figures in /metrics.
#include "net/api/list_query.h"
#include "teams_fixture.h"

namespace notifyd {
namespace {

LaneView FifoLane() {
  LaneView lane;
  lane.lane = {Mode::kFifo, "http://h/x#\"g\""};
  lane.held = 1;
  lane.scheduled = 2;
  lane.ready = 3;
  lane.sending = 4;
  lane.retrying = 5;
  lane.in_flight = 6;
  lane.oldest_due = WallTime{1'700'000'000'000};
  lane.head_age_ms = 1500;
  return lane;
}

TEST_CASE("lanes: a fifo lane at its defaults") {
  ApiFixture f;
  f.Ask("GET", "/v1/lanes/fifo/http%3A%2F%2Fh%2Fx%23%22g%22");
  CHECK(f.Posted<LanesRequest>().query.only == LaneKey{Mode::kFifo, "http://h/x#\"g\""});
  f.Reply(LaneViewed{FifoLane()});
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().body ==
        R"({"name":"http://h/x#\"g\"","mode":"fifo","paused":false,)"
        R"("states":{"held":1,"scheduled":2,"ready":3,"sending":4,"retrying":5},"in_flight":6,)"
        R"("oldest_due_at":"2023-11-14T22:13:20.000Z","head_age_ms":1500,)"
        R"("settings":{"paused":false,"concurrency":1,"rate_per_s":null,"burst":null,"on_retry":"block","on_failure":"continue"},"own":{}})");
}

TEST_CASE("lanes: a concurrent lane shows what holds, and what was said for it alone") {
  ApiFixture f;
  LaneView lane;
  lane.lane = {Mode::kConcurrent, "c"};
  lane.own.paused = Paused::kByRequest;
  lane.own.rate_per_s = 0.5;
  lane.limits = {Paused::kByRequest, 64, 0.5, 1, OnRetry::kBlock, OnFailure::kContinue};
  f.Ask("HEAD", "/v1/lanes/concurrent/c");
  f.Reply(LaneViewed{lane});
  CHECK(f.Answer().body ==
        R"({"name":"c","mode":"concurrent","paused":true,"states":{"held":0,"scheduled":0,"ready":0,"sending":0,"retrying":0},"in_flight":0,)"
        R"("oldest_due_at":null,"head_age_ms":null,)"
        R"("settings":{"paused":true,"concurrency":64,"rate_per_s":0.5,"burst":1,"on_retry":null,"on_failure":null},)"
        R"("own":{"paused":true,"paused_by":"request","rate_per_s":0.5}})");
}

TEST_CASE("lanes: all that can be said of a lane is shown under own") {
  ApiFixture f;
  LaneView lane = FifoLane();
  lane.own = {Paused::kByFailure, std::nullopt, 2, 3, OnRetry::kSkip, OnFailure::kPause};
  f.Ask("GET", "/v1/lanes/fifo/x");
  f.Reply(LaneViewed{lane});
  CHECK(Json(f.Answer().body).At("/own") ==
        R"({"paused":true,"paused_by":"failure","rate_per_s":2,"burst":3,"on_retry":"skip","on_failure":"pause"})");
  lane.lane.mode = Mode::kConcurrent;
  lane.own = {};
  lane.own.concurrency = 9;
  f.Ask("GET", "/v1/lanes/concurrent/x");
  f.Reply(LaneViewed{lane});
  CHECK(Json(f.Answer().body).At("/own") == R"({"concurrency":9})");
}

TEST_CASE("lanes: a list goes on behind its last lane") {
  ApiFixture f;
  f.Ask("GET", "/v1/lanes");
  CHECK(f.Posted<LanesRequest>().query.limit == 100);
  CHECK(f.Posted<LanesRequest>().query.prefix.empty());
  CHECK_FALSE(f.Posted<LanesRequest>().query.after);
  CHECK_FALSE(f.Posted<LanesRequest>().query.only);
  CHECK_FALSE(f.Posted<LanesRequest>().query.configured);
  // Names whose base64 has all that must be escaped in a query string.
  for (std::string name : {"x", "\xc3\xbb\xc3\xbf", "\xef\xbf\xbf\xef\xbf\xbe", "?>?>~~"}) {
    CAPTURE(name);
    LaneView lane = FifoLane();
    lane.lane.name = name;
    f.Ask("GET", "/v1/lanes?limit=1");
    f.Reply(LanesListed{{FifoLane(), lane}, true, lane.lane});
    Json json(f.Answer().body);
    CHECK(json.At("/items/1/name") == name);
    f.Ask("GET", "/v1/lanes?prefix=http%3A%2F&limit=1000&cursor=" + json.At("/next"));
    const LanesQuery& query = f.Posted<LanesRequest>().query;
    CHECK(query.after == LaneKey{Mode::kFifo, name});
    CHECK(query.prefix == "http:/");
    CHECK(query.limit == 1000);
    f.Reply(LanesListed());
    CHECK(f.Answer().body == R"({"items":[],"next":null})");
  }
}

TEST_CASE("lanes: the list of a namespace goes on where it ended, whoever asks") {
  const bool tokens = GENERATE(false, true);
  TeamsFixture f(tokens);
  const Headers as = tokens ? Headers{{"Authorization", "Bearer " + f.Give({"*"}, ScopeSet::All())}} : Headers{};
  f.Ask("GET", "/v1/namespaces/two/lanes?limit=1", "", as);
  f.Reply(LanesListed{{FifoLane()}, true, FifoLane().lane});
  const std::string next = Json(f.Answer().body).At("/next");
  f.Ask("GET", "/v1/namespaces/two/lanes?cursor=" + next, "", as);
  CHECK(f.Posted<LanesRequest>().query.after == FifoLane().lane);
  f.Reply(LanesListed());
  f.Ask("GET", "/v1/namespaces/one/lanes?cursor=" + next, "", as);
  CHECK(f.Outcome() == "422 /cursor");
}

TEST_CASE("lanes: a cursor of another namespace is refused") {
  const LaneKey lane{Mode::kFifo, "cf7"};
  const std::string of_seven = LaneCursor(7, lane), of_default = LaneCursor(kDefaultNumber, lane);
  CHECK(ParseLanesQuery({{"cursor", of_seven}}, 7)->after == lane);
  CHECK(ParseLanesQuery({{"cursor", of_default}}, kDefaultNumber)->after == lane);
  for (const auto& [cursor, number] : {std::pair(of_seven, kDefaultNumber), {of_default, 7}, {of_seven, 70}}) {
    const Status refused = ParseLanesQuery({{"cursor", cursor}}, number).status();
    CHECK(refused.code() == Code::kUnacceptable);
    CHECK(refused.field() == "/cursor");
    CHECK(refused.detail() == "the cursor is of another namespace");
  }
  // "-1fx", "65536fx", "7", "7f".
  for (const char* other : {"", "LTFmeA", "NjU1MzZmeA", "Nw", "N2Y"}) CHECK_FALSE(ParseLanesQuery({{"cursor", other}}, 7).ok());
}

TEST_CASE("lane patch: every field of a fifo lane") {
  ApiFixture f;
  f.Ask("PATCH", "/v1/lanes/fifo/a%2Fb", R"({"paused":true,"rate_per_s":0.001,"burst":1000000,"on_retry":"skip","on_failure":"pause"})",
        {{"Content-Type", "application/merge-patch+json"}});
  const LaneChangeRequest& change = f.Posted<LaneChangeRequest>();
  CHECK(change.lane == LaneKey{Mode::kFifo, "a/b"});
  CHECK(change.patch.paused == true);
  CHECK_FALSE(change.patch.concurrency);
  CHECK(**change.patch.rate_per_s == 0.001);
  CHECK(**change.patch.burst == 1'000'000);
  CHECK(**change.patch.on_retry == OnRetry::kSkip);
  CHECK(**change.patch.on_failure == OnFailure::kPause);
  f.Reply(LaneViewed{FifoLane()});
  CHECK(f.Answer().status == 200);
}

TEST_CASE("lane patch: a lane is paused until some time, and shows it") {
  ApiFixture f;
  for (const char* body : {R"({"paused_until":"2023-11-14T22:13:20Z"})", R"({"paused":true,"paused_until":1700000000000})"}) {
    f.Ask("PATCH", "/v1/lanes/fifo/x", body);
    CHECK(**f.Posted<LaneChangeRequest>().patch.paused_until == WallTime{1'700'000'000'000});
    LaneView lane = FifoLane();
    lane.own.paused = Paused::kByRequest;
    lane.paused_until = WallTime{1'700'000'000'000};
    f.Reply(LaneViewed{lane});
    CHECK(Json(f.Answer().body).At("/own") == R"({"paused":true,"paused_by":"request","paused_until":"2023-11-14T22:13:20.000Z"})");
  }
  f.Ask("PATCH", "/v1/lanes/fifo/x", R"({"paused_until":null})");
  CHECK((f.Posted<LaneChangeRequest>().patch.paused_until && !*f.Posted<LaneChangeRequest>().patch.paused_until));
}

TEST_CASE("lane patch: a pause has a reason, and shows it with since when, by whom and for which notify") {
  ApiFixture f;
  for (const char* body : {R"({"paused":true,"reason":"deployment"})", R"({"paused_until":1700000000000,"reason":"deployment"})"}) {
    f.Ask("PATCH", "/v1/lanes/fifo/x", body);
    CHECK(f.Posted<LaneChangeRequest>().patch.reason == "deployment");
    CHECK(f.Posted<LaneChangeRequest>().by.empty());  // nobody is asked who they are
  }
  f.Ask("PATCH", "/v1/lanes/fifo/x", R"({"paused":false,"reason":null})");
  LaneView lane = FifoLane();
  lane.own.paused = Paused::kByRequest;
  lane.own.pause.note = std::make_shared<const PauseNote>(PauseNote{{1'700'000'000'000}, "token t1", "deployment", {}});
  f.Reply(LaneViewed{lane});
  CHECK(Json(f.Answer().body).At("/own") ==
        R"({"paused":true,"paused_by":"request","paused_since":"2023-11-14T22:13:20.000Z","paused_who":"token t1","paused_reason":"deployment"})");
  f.Ask("GET", "/v1/lanes/fifo/x");
  lane.own.paused = Paused::kByFailure;
  lane.own.pause.note = std::make_shared<const PauseNote>(PauseNote{{1'700'000'000'000}, {}, {}, {0x1f}});
  f.Reply(LaneViewed{lane});
  CHECK(Json(f.Answer().body).At("/own/paused_notify") == NotifyId{0x1f}.ToString());
}

TEST_CASE("lane patch: null goes back to the default, what is not named stays") {
  ApiFixture f;
  f.Ask("PATCH", "/v1/lanes/concurrent/c", R"({"paused":null,"concurrency":100000,"rate_per_s":null,"burst":null})");
  const LanePatch& patch = f.Posted<LaneChangeRequest>().patch;
  CHECK(patch.paused == false);
  CHECK(**patch.concurrency == 100'000);
  CHECK((patch.rate_per_s && !*patch.rate_per_s));
  CHECK((patch.burst && !*patch.burst));
  CHECK_FALSE(patch.on_retry);
  CHECK_FALSE(patch.on_failure);
}

TEST_CASE("lane patch: an empty object names nothing") {
  ApiFixture f;
  f.Ask("PATCH", "/v1/lanes/concurrent/c", "{}");
  const LanePatch& patch = f.Posted<LaneChangeRequest>().patch;
  CHECK_FALSE((patch.paused || patch.concurrency || patch.rate_per_s || patch.burst || patch.on_retry || patch.on_failure));
}

TEST_CASE("lane patch: null for what goes with the other mode only is taken") {
  ApiFixture f;
  f.Ask("PATCH", "/v1/lanes/concurrent/c", R"({"on_retry":null,"on_failure":null})");
  CHECK(f.Outcome() == "posted");
  f.Ask("PATCH", "/v1/lanes/fifo/c", R"({"concurrency":null})");
  CHECK(f.Outcome() == "posted");
}

TEST_CASE("lane patch: bad bodies are refused with the field at fault, and nothing is posted") {
  static const std::string kLongReason = R"({"paused":true,"reason":")" + std::string(kMaxPauseReasonBytes + 1, 'x') + "\"}";
  struct Row {
    const char *mode, *body, *outcome;
  };
  auto row = GENERATE(values<Row>({
      {"fifo", "", "400"},
      {"fifo", "{", "400"},
      {"fifo", "[]", "422"},
      {"fifo", "true", "422"},
      {"fifo", R"({"nope":1})", "422 /nope"},
      {"fifo", R"({"paused":true,"paused":false})", "422 /paused"},
      {"fifo", R"({"paused":1})", "422 /paused"},
      {"fifo", R"({"paused":"true"})", "422 /paused"},
      {"fifo", R"({"paused_until":"soon"})", "422 /paused_until"},
      {"fifo", R"({"paused_until":true})", "422 /paused_until"},
      {"fifo", R"({"paused":false,"paused_until":1700000000000})", "422 /paused_until"},
      {"fifo", R"({"reason":"why"})", "422 /reason"},
      {"fifo", R"({"paused":false,"reason":"why"})", "422 /reason"},
      {"fifo", R"({"paused_until":null,"reason":"why"})", "422 /reason"},
      {"fifo", R"({"paused":true,"reason":1})", "422 /reason"},
      {"fifo", R"({"paused":true,"reason":""})", "422 /reason"},
      {"fifo", kLongReason.c_str(), "422 /reason"},
      {"fifo", R"({"concurrency":1})", "422 /concurrency"},
      {"concurrent", R"({"concurrency":0})", "422 /concurrency"},
      {"concurrent", R"({"concurrency":100001})", "422 /concurrency"},
      {"concurrent", R"({"concurrency":"5"})", "422 /concurrency"},
      {"concurrent", R"({"concurrency":5.5})", "422 /concurrency"},
      {"fifo", R"({"rate_per_s":0})", "422 /rate_per_s"},
      {"fifo", R"({"rate_per_s":0.0009})", "422 /rate_per_s"},
      {"fifo", R"({"rate_per_s":1000000.1})", "422 /rate_per_s"},
      {"fifo", R"({"rate_per_s":"1"})", "422 /rate_per_s"},
      {"fifo", R"({"burst":0})", "422 /burst"},
      {"fifo", R"({"burst":1000001})", "422 /burst"},
      {"fifo", R"({"on_retry":"jump"})", "422 /on_retry"},
      {"fifo", R"({"on_retry":5})", "422 /on_retry"},
      {"fifo", R"({"on_failure":"block"})", "422 /on_failure"},
      {"fifo", R"({"on_failure":{}})", "422 /on_failure"},
      {"concurrent", R"({"on_retry":"block"})", "422 /on_retry"},
      {"concurrent", R"({"on_failure":"continue"})", "422 /on_failure"},
  }));
  CAPTURE(row.mode, row.body);
  ApiFixture f;
  f.Ask("PATCH", std::string("/v1/lanes/") + row.mode + "/x", row.body);
  CHECK(f.Outcome() == row.outcome);
  CHECK(f.sink.events.empty());
}

TEST_CASE("lane patch: other content types are refused") {
  ApiFixture f;
  f.Ask("PATCH", "/v1/lanes/fifo/x", "{}", {{"Content-Type", "application/json-patch+json"}});
  CHECK(f.Outcome() == "415");
}

TEST_CASE("lanes: names of 255 bytes with a partition are taken, longer ones are not") {
  ApiFixture f;
  f.Ask("GET", "/v1/lanes/fifo/" + std::string(260, 'x'));
  CHECK(f.Outcome() == "posted");
  f.Ask("GET", "/v1/lanes/fifo/" + std::string(261, 'x'));
  CHECK(f.Outcome() == "422 /name");
}

}  // namespace
}  // namespace notifyd
