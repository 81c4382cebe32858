// Submit and wait, kept answers, and bodies that come as gzip (contract section 13).
#include "broker/flow.h"
#include "broker/response.h"
#include "net/gzip.h"
#include "teams_fixture.h"

namespace notifyd {
namespace {

constexpr const char* kNotify = R"({"url":"http://h/"})";

std::shared_ptr<const Response> SomeResponse(std::string body = "pong") {
  auto response = std::make_shared<Response>();
  response->status = 201;
  response->headers = {{"Content-Type", "text/plain"}, {"ETag", "\"1\""}};
  response->body = std::move(body);
  response->received_at = WallTime{1'700'000'002'000};
  return response;
}

struct ResultsFixture : ApiFixture {
  uint64_t SubmitTo(const std::string& query, const std::string& body = kNotify, Headers headers = {}) {
    return Ask("POST", "/v1/notifies" + query, body, std::move(headers));
  }
  Waited Settled() {
    Waited waited;
    waited.item.id = NotifyId{0x1f};
    NotifyRecord record = RecordOf(Item());
    record.state.phase = Phase::kSucceeded;
    waited.view = NotifyView{std::make_shared<const NotifyRecord>(record), State::kSucceeded};
    waited.response = SomeResponse();
    return waited;
  }
  Waited Pending() {
    Waited waited;
    waited.item.id = NotifyId{0x1f};
    waited.item.state = State::kSending;
    waited.item.lane = {Mode::kConcurrent, "http://h/"};
    return waited;
  }
};

TEST_CASE("submit and wait: 200 with the settled notify and its answer, 202 where time is over, both with Location") {
  ResultsFixture f;
  f.SubmitTo("?wait_ms=500");
  CHECK(f.Posted<SubmitRequest>().wait_ms == 500);
  SECTION("settled") {
    f.Reply(f.Settled());
    CHECK(f.Answer().status == 200);
    Json json(f.Answer().body);
    CHECK(json.At("/id") == "n000000000000001f");
    CHECK(json.At("/state") == "succeeded");
    CHECK(json.At("/url") == "http://h/");
    CHECK(json.At("/response/status") == "201");
    CHECK(json.At("/response/headers/Content-Type") == "text/plain");
    CHECK(json.At("/response/body") == "pong");
    CHECK(json.At("/response/truncated") == "false");
    CHECK_FALSE(json.Has("/duplicate"));
  }
  SECTION("not settled") {
    f.Reply(f.Pending());
    CHECK(f.Answer().status == 202);
    CHECK(Json(f.Answer().body).At("/state") == "sending");
  }
  SECTION("a duplicate says so, and that no answer is there") {
    Waited waited = f.Settled();
    waited.item.duplicate = true;
    waited.response = nullptr;
    f.Reply(waited);
    CHECK(Json(f.Answer().body).At("/duplicate") == "true");
    CHECK(Json(f.Answer().body).At("/response") == "null");
  }
  CHECK(f.Header("Location") == "/v1/notifies/n000000000000001f");
  CHECK(f.Header("Preference-Applied") == "(none)");
}

TEST_CASE("submit and wait: of a single notify alone, and for a minute at most") {
  ResultsFixture f;
  auto outcome = [&](const std::string& query, const std::string& body) { return f.SubmitTo(query, body), f.Outcome(); };
  CHECK(outcome("?wait_ms=60000", kNotify) == "posted");
  CHECK(outcome("?wait_ms=60001", kNotify) == "422 /wait_ms");
  CHECK(outcome("?wait_ms=x", kNotify) == "422 /wait_ms");
  CHECK(outcome("?wait_ms=5", R"([{"url":"http://h/"}])") == "422 /wait_ms");
  CHECK(outcome("?wait=5", kNotify) == "422 /wait");
  CHECK(outcome("?wait_ms=0", kNotify) == "posted");
  CHECK(f.Posted<SubmitRequest>().wait_ms == 0);
}

TEST_CASE("submit and wait: by a preference") {
  struct Row {
    std::string prefer;
    int64_t wait_ms;
    std::string applied;
  };
  for (const Row& row : std::vector<Row>{{"wait=3", 3'000, "wait=3"},
                                         {"respond-async, WAIT = \"4\"; x=y", 4'000, "wait=4"},
                                         {"wait=900", 60'000, "wait=60"},
                                         {"wait=99999999999999999999", 60'000, "wait=60"},
                                         {"wait=0", 0, "(none)"},
                                         {"wait=1e3", 0, "(none)"},
                                         {"wait=5.0", 0, "(none)"},
                                         {"wait=soon", 0, "(none)"},
                                         {"wait=-1", 0, "(none)"},
                                         {"wait", 0, "(none)"},
                                         {"return=minimal", 0, "(none)"}}) {
    CAPTURE(row.prefer);
    ResultsFixture f;
    f.SubmitTo("", kNotify, {{"Prefer", row.prefer}});
    REQUIRE(f.Posted<SubmitRequest>().wait_ms == row.wait_ms);
    if (row.wait_ms == 0) continue;
    f.Reply(f.Pending());
    CHECK(f.Header("Preference-Applied") == row.applied);
  }
  ResultsFixture f;
  f.SubmitTo("?wait_ms=5", kNotify, {{"Prefer", "wait=3"}});
  CHECK(f.Posted<SubmitRequest>().wait_ms == 5);
  f.SubmitTo("", R"([{"url":"http://h/"}])", {{"Prefer", "wait=3"}});
  CHECK(f.Posted<SubmitRequest>().wait_ms == 0);
}

TEST_CASE("submit and wait: whoever waits counts as a waiter, and beyond those nothing is submitted") {
  ResultsFixture f;
  const uint64_t first = f.SubmitTo("?wait_ms=500");
  f.SubmitTo("?wait_ms=500");
  const size_t events = f.sink.events.size();
  f.SubmitTo("?wait_ms=500");
  CHECK(f.Outcome() == "429");
  CHECK(f.sink.events.size() == events);
  f.SubmitTo("");
  CHECK_FALSE(f.answered());
  f.api.OnClose(first);
  CHECK(f.Posted<Disconnected>().request.token == first);
  f.SubmitTo("?wait_ms=500");
  CHECK_FALSE(f.answered());
}

TEST_CASE("submit and wait: without room for the whole answer it is the short one") {
  ResultsFixture f;
  f.responder.room = false;
  f.SubmitTo("?wait_ms=500");
  f.Reply(f.Settled());
  CHECK(f.Answer().status == 202);
}

TEST_CASE("submit and wait: the rate of a token holds") {
  TeamsFixture f;
  Grant grant = TeamsFixture::Of({"one"}, {Scope::kSubmit});
  grant.submits_per_s = 1;
  const std::string token = f.Give(grant);
  CHECK(f.As(token, "POST", "/v1/notifies?wait_ms=5", kNotify) == "posted");
  CHECK(f.As(token, "POST", "/v1/notifies?wait_ms=5", kNotify) == "429");
}

TEST_CASE("responses: as JSON, or as bytes that nothing shows or runs") {
  ApiFixture f;
  f.Ask("GET", std::string("/v1/notifies/n000000000000001f/response"));
  CHECK(f.Posted<ResponseRequest>().id == NotifyId{0x1f});
  f.Reply(ResponseViewed{NotifyId{0x1f}, SomeResponse()});
  CHECK(
      f.Answer().body ==
      R"({"status":201,"headers":{"Content-Type":"text/plain","ETag":"\"1\""},"body":"pong","truncated":false,"received_at":"2023-11-14T22:13:22.000Z"})");
  f.Ask("GET", std::string("/v1/notifies/n000000000000001f/response"));
  f.Reply(ResponseViewed{NotifyId{0x1f}, SomeResponse("\xff\xfe")});
  CHECK(Json(f.Answer().body).At("/body_base64") == "//4=");
  CHECK_FALSE(Json(f.Answer().body).Has("/body"));
  f.Ask("GET", std::string("/v1/notifies/n000000000000001f/response?raw=true"));
  f.Reply(ResponseViewed{NotifyId{0x1f}, SomeResponse("<script>")});
  CHECK(f.Answer().body == "<script>");
  CHECK(f.Answer().content_type == "application/octet-stream");
  CHECK(f.Header("Content-Disposition") == "attachment");
  CHECK(f.Header("Content-Security-Policy") == "sandbox");
  f.Ask("GET", std::string("/v1/notifies/n000000000000001f/response?raw=true"));
  f.Reply(Refused{Status(Code::kNotFound, "no answer is kept for this notify"), {}});
  CHECK(f.Outcome() == "404");
  f.Ask("GET", std::string("/v1/notifies/n000000000000001f/response?raw=yes"));
  CHECK(f.Outcome() == "422 /raw");
}

TEST_CASE("responses: for read_bodies, and for whoever submitted it") {
  TeamsFixture f;
  const NotifyId id = NotifyId::Of(TeamsFixture::kOne, 5);
  const std::string path = "/v1/notifies/" + id.ToString() + "/response" + GENERATE("", "?raw=true");
  CAPTURE(path);
  auto bound = [&](ScopeSet scopes) {
    Grant grant = TeamsFixture::Of({"one"}, scopes);
    grant.caller = "shop";
    return f.Give(grant);
  };
  auto view = [&](const std::string& caller) {
    Envelope envelope;
    envelope.lane = {Mode::kConcurrent, "l"};
    envelope.caller = caller;
    NotifyRecord record;
    record.id = id;
    record.envelope = std::make_shared<const Envelope>(envelope);
    record.spec = std::make_shared<const std::string>(EncodeSpec(NotifySpec()));
    return Viewed{{std::make_shared<const NotifyRecord>(record), State::kSucceeded}};
  };
  CHECK(f.As(f.Give({"one"}, {Scope::kReadBodies}), "GET", path) == "posted");
  CHECK(std::holds_alternative<ResponseRequest>(f.sink.events.back()));
  CHECK(f.As(f.Give({"one"}, {Scope::kRead}), "GET", path) == "403");
  for (const ScopeSet& scopes : {ScopeSet{Scope::kSubmit}, ScopeSet{Scope::kSubmit, Scope::kRead}}) {
    const std::string token = bound(scopes);
    Viewed own = view("shop"), others = view("billing");
    CHECK(f.As(token, "GET", path) == "posted");
    f.Reply(others);
    CHECK(f.Outcome() == "404");
    CHECK(f.As(token, "GET", path) == "posted");
    f.Reply(own);
    REQUIRE_FALSE(f.answered());
    CHECK(f.Posted<ResponseRequest>().id == id);
    f.Reply(ResponseViewed{id, SomeResponse()});
    CHECK(f.Outcome() == "200");
  }
}

TEST_CASE("keep_response_bytes: within its range and the setting's, shown, and kept over a change") {
  ApiFixture f;
  REQUIRE(f.WithFields(R"("keep_response_bytes":1048576)") == "posted");
  CHECK(f.Head().flow->keep_response_bytes == 1048576);
  CHECK(f.WithFields(R"("keep_response_bytes":1048577)") == "422 /keep_response_bytes");
  CHECK(f.WithFields(R"("keep_response_bytes":-1)") == "422 /keep_response_bytes");
  REQUIRE(f.WithFields(R"("keep_response_bytes":0)") == "posted");
  CHECK_FALSE(f.Head().flow);
  REQUIRE(f.WithFields(R"("keep_response_bytes":9,"compress":"gzip","body":"x")") == "posted");
  NotifyRecord record = f.RecordOf(f.Item());
  Json json = f.Shown(record, State::kScheduled);
  CHECK(json.At("/keep_response_bytes") == "9");
  CHECK(json.At("/compress") == "gzip");
  f.Ask("PATCH", "/v1/notifies/" + record.id.ToString(), R"({"priority":9})");
  f.Reply(Viewed{{std::make_shared<const NotifyRecord>(record), State::kScheduled}});
  CHECK(f.Posted<ChangeRequest>().envelope->flow->keep_response_bytes == 9);
  CHECK(DecodeSpec(*f.Posted<ChangeRequest>().spec)->compress);
}

TEST_CASE("compress: gzip alone, and not beside a coding of one's own") {
  ApiFixture f;
  REQUIRE(f.WithFields(R"("compress":"gzip")") == "posted");
  CHECK(f.Spec().compress);
  CHECK(f.WithFields(R"("compress":"br")") == "422 /compress");
  CHECK(f.WithFields(R"("compress":"gzip","headers":{"content-encoding":"br"})") == "422 /compress");
  REQUIRE(f.WithFields(R"("compress":null,"headers":{"content-encoding":"br"})") == "posted");
}

// ---- requests as gzip

const Headers kGzip = {{"Content-Encoding", "gzip"}};

TEST_CASE("gzip: a request is what it unpacks to") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(Gzip(R"({"url":"http://h/","body":"x"})"), kGzip) == "posted");
  CHECK(f.Spec().payload == "x");
  CHECK(f.Spec().headers.empty());
  CHECK(f.SubmitOutcome(Gzip(R"({"url":"http://h/","body":"x"})"), {{"content-encoding", "X-GZip"}}) == "posted");
  CHECK(f.SubmitOutcome(Gzip(R"({"url":"http://h/")"), kGzip) == "400");
  CHECK(f.SubmitOutcome(kNotify, kGzip) == "400");
  std::string cut = Gzip(kNotify);
  CHECK(f.SubmitOutcome(cut.substr(0, cut.size() - 9), kGzip) == "400");
  CHECK(f.SubmitOutcome("", kGzip) == "400");
}

TEST_CASE("gzip: the limits hold for what comes out, and no more memory than that is taken") {
  TeamsFixture f(false);
  const std::string bomb = Gzip(std::string(80 << 20, ' '));
  CHECK(bomb.size() < 1 << 20);
  CHECK(f.SubmitOutcome(bomb, kGzip) == "413");
  // One that says that it is small.
  std::string liar = bomb;
  liar.replace(liar.size() - 4, 4, std::string("\x10\0\0\0", 4));
  CHECK(f.SubmitOutcome(liar, kGzip) == "400");
  // A notify's own bound: 1,000 bytes here.
  CHECK(f.SubmitOutcome(Gzip(R"({"url":"http://h/","body":")" + std::string(2'000, 'x') + "\"}"), kGzip) == "413 /body");
}

TEST_CASE("gzip: room is found for what a body says that it unpacks to") {
  ApiFixture f;
  HttpRequest request;
  request.method = "POST";
  request.target = "/v1/notifies";
  request.headers = kGzip;
  request.body = Gzip(std::string(5'000, ' '));
  CHECK(f.api.Demand(request).answer_bytes >= 5'000);
  request.headers.clear();
  CHECK(f.api.Demand(request).answer_bytes == 0);
}

TEST_CASE("gzip: a bulk submit is unpacked as it comes, whatever it comes to") {
  ApiFixture f;
  Headers headers = kGzip;
  headers.emplace_back("Content-Type", "application/x-ndjson");
  std::string lines;
  for (int i = 0; i < 3; ++i) lines += R"({"url":"http://h/)" + std::to_string(i) + "\"}\n";
  const std::string packed = Gzip(lines);
  REQUIRE(f.Open(headers));
  const uint64_t token = f.last_token;
  SECTION("byte by byte") {
    size_t items = 0;
    for (char c : packed) f.api.OnBody(token, std::string_view(&c, 1));
    f.api.OnBodyEnd(token);
    while (!f.sink.events.empty()) {
      const SubmitRequest submit = f.Posted<SubmitRequest>();
      f.sink.events.clear();
      items += submit.items.size();
      Submitted submitted;
      submitted.items.resize(submit.items.size());
      f.Reply(submitted);
    }
    CHECK(items == 3);
    CHECK(f.Streamed().ended);
  }
  SECTION("behind many members that come to nothing") {
    std::string many;
    for (int i = 0; i < 5'000; ++i) many += Gzip("");
    f.api.OnBody(token, many + packed);
    f.api.OnBodyEnd(token);
    CHECK(f.Posted<SubmitRequest>().items.size() == 3);
  }
  SECTION("stopped behind a fault") {
    f.api.OnBody(token, packed.substr(0, packed.size() - 8));
    f.api.OnBodyEnd(token);
    f.api.EndBulkSubmits(Leaving::kStopping);
    Submitted submitted;
    submitted.items.resize(3);
    f.Reply(submitted);
    CHECK(std::count(f.Streamed().text.begin(), f.Streamed().text.end(), '\n') == 4);
    CHECK(f.Streamed().ended);
  }
  SECTION("no gzip") {
    f.api.OnBody(token, lines);
    CHECK(f.Outcome() == "400");
    CHECK(f.Answer().close);
  }
  SECTION("cut") {
    f.api.OnBody(token, packed.substr(0, packed.size() - 8));
    f.api.OnBodyEnd(token);
    // What was submitted of it is answered, and then its client sees that this was not all.
    const size_t items = f.Posted<SubmitRequest>().items.size();
    CHECK(items == 3);
    Submitted submitted;
    submitted.items.resize(items);
    f.Reply(submitted);
    const std::string& text = f.Streamed().text;
    const std::string last = text.substr(text.rfind('\n', text.size() - 2) + 1);
    CHECK(std::count(text.begin(), text.end(), '\n') == 4);
    CHECK(Json(last).At("/index") == "3");
    CHECK(Json(last).At("/error/status") == "400");
    CHECK(f.Streamed().ended);
    CHECK(f.Streamed().closes);
  }
  SECTION("cut within a line, and then something else") {
    const std::string longer = Gzip(lines + R"({"url":"http://h/4"})");
    f.api.OnBody(token, longer.substr(0, longer.size() - 8));
    f.api.OnBody(token, "12345678 and so on");
    CHECK(f.Posted<SubmitRequest>().items.size() == 3);
    Submitted submitted;
    submitted.items.resize(3);
    f.Reply(submitted);
    CHECK(f.sink.events.size() == 1);  // the line without an end is none
    CHECK(std::count(f.Streamed().text.begin(), f.Streamed().text.end(), '\n') == 4);
    CHECK(f.Streamed().ended);
  }
}

TEST_CASE("submit and wait: what another caller's notify was answered is shown to read_bodies, and to who submitted it") {
  TeamsFixture f;
  auto bound = [](const std::string& caller, ScopeSet scopes) {
    Grant grant = TeamsFixture::Of({"one"}, scopes);
    grant.caller = caller;
    return grant;
  };
  const NotifyId id = NotifyId::Of(TeamsFixture::kOne, 5);
  auto shown = [&](const std::string& token) {
    CHECK(f.As(token, "POST", "/v1/notifies?wait_ms=500", R"({"url":"http://h/","fkey":"k","on_held":"keep"})") == "posted");
    Waited waited;
    waited.item.id = id;
    waited.item.kept = true;
    waited.view = f.ViewOf(id, "shop").view;
    waited.view->state = State::kSucceeded;
    waited.response = SomeResponse("an answer");
    f.Reply(waited);
    CHECK(f.Outcome() == "200");
    Json json(f.Answer().body);
    CHECK(json.At("/kept") == "true");
    CHECK(json.Has("/response"));
    return json.Has("/response/body");
  };
  const std::string other = f.Give(bound("till", {Scope::kSubmit, Scope::kRead, Scope::kOperate}));
  f.Give(bound("shop", {Scope::kSubmit}));
  const std::string shop = f.last.Text();
  CHECK_FALSE(shown(other));
  CHECK_FALSE(shown(f.Give({"one"}, {Scope::kSubmit, Scope::kRead, Scope::kOperate})));
  CHECK(shown(shop));
  CHECK(shown(f.Give(bound("till", {Scope::kSubmit, Scope::kRead, Scope::kReadBodies}))));
}

}  // namespace
}  // namespace notifyd
