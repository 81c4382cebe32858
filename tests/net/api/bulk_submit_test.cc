// Bulk submits (application/x-ndjson) through the Api: pieces of body in, requests to the core, lines of answer out.
// How lines are split and gathered is ndjson_test's affair.
#include "teams_fixture.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace notifyd {
namespace {

constexpr const char* kLine = "{\"url\":\"http://h/\"}\n";

/// As many accepted ones as the newest request has.
Submitted AcceptAll(ApiFixture& f, uint64_t first_id) {
  Submitted submitted;
  for (size_t i = 0; i < f.Posted<SubmitRequest>().items.size(); ++i) {
    SubmittedItem item;
    item.id = NotifyId{first_id + i};
    submitted.items.push_back(item);
  }
  return submitted;
}

TEST_CASE("bulk submit: only a POST of NDJSON to /v1/notifies is taken in pieces") {
  ApiFixture f;
  Headers ndjson{{"content-type", "Application/X-NDJSON; charset=utf-8"}};
  CHECK(f.Open(ndjson));
  CHECK(f.Open(ndjson, "http://h:1/v1/notifies"));
  CHECK_FALSE(f.Open({}));
  CHECK_FALSE(f.Open({{"Content-Type", "application/json"}}));
  CHECK_FALSE(f.Open(ndjson, "/v1/notifies/retry"));
  CHECK_FALSE(f.Open(ndjson, "/nope"));
  CHECK_FALSE(f.Open(ndjson, "/v1/notifies", "PATCH"));
}

TEST_CASE("bulk submit: lines become a request that is judged line by line, and lines of answer") {
  ApiFixture f;
  REQUIRE(f.Open());
  f.api.OnBody(f.last_token, std::string(kLine) + "\n" + kLine + "{\"url\":");
  const SubmitRequest& submit = f.Posted<SubmitRequest>();
  CHECK(submit.request == RequestId{3, f.last_token});
  CHECK(submit.each);
  CHECK(submit.items.size() == 2);
  Submitted submitted = AcceptAll(f, 0x1f);
  submitted.items[1].refused = Status(Code::kConflict, "held", "/fkey");
  submitted.items[1].id = NotifyId{5};
  f.Reply(submitted);
  CHECK(f.Streamed().head.status == 200);
  CHECK(f.Streamed().head.content_type == "application/x-ndjson");
  size_t end = f.Streamed().text.find('\n');
  CHECK(f.Streamed().text.substr(0, end) == R"({"index":0,"id":"n000000000000001f"})");
  Json second(f.Streamed().text.substr(end + 1));
  CHECK(second.At("/index") == "1");
  CHECK(second.At("/error/status") == "409");
  CHECK(second.At("/error/field") == "/fkey");
  CHECK(second.At("/error/id") == "n0000000000000005");
  CHECK_FALSE(f.Streamed().ended);
}

TEST_CASE("bulk submit: ends with its last answer") {
  ApiFixture f;
  REQUIRE(f.Open());
  f.api.OnBody(f.last_token, kLine);
  f.api.OnBodyEnd(f.last_token);
  f.Reply(AcceptAll(f, 1));
  CHECK(f.Streamed().ended);
  // The token is done with.
  size_t events = f.sink.events.size();
  f.api.OnClose(f.last_token);
  CHECK(f.sink.events.size() == events);
}

TEST_CASE("bulk submit: one request at a time, the next one takes what came meanwhile") {
  ApiFixture f;
  REQUIRE(f.Open());
  f.api.OnBody(f.last_token, kLine);
  f.api.OnBody(f.last_token, kLine);
  f.api.OnBody(f.last_token, std::string(kLine) + "x\n");
  CHECK(f.sink.events.size() == 1);
  f.Reply(AcceptAll(f, 1));
  REQUIRE(f.sink.events.size() == 2);
  CHECK(f.Posted<SubmitRequest>().items.size() == 2);
  f.api.OnBodyEnd(f.last_token);
  f.Reply(AcceptAll(f, 2));
  CHECK(f.Streamed().text.find(R"({"index":2,"id":"n0000000000000003"})"
                               "\n"
                               R"({"index":3,"error":{"type":"urn:notifyd:problem:malformed")") != std::string::npos);
  CHECK(f.Streamed().ended);
}

TEST_CASE("bulk submit: an empty body, in pieces or none, answers 200 without a line") {
  ApiFixture f;
  REQUIRE(f.Open());
  f.api.OnBody(f.last_token, "\n \r\n");
  f.api.OnBodyEnd(f.last_token);
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().content_type == "application/x-ndjson");
  CHECK(f.Answer().body.empty());
  f.Submit("", {{"Content-Type", "application/x-ndjson"}});
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().content_type == "application/x-ndjson");
  CHECK(f.Answer().body.empty());
  CHECK(f.sink.events.empty());
}

TEST_CASE("bulk submit: a body that was read whole is taken all the same") {
  ApiFixture f;
  f.Submit(std::string(kLine) + kLine, {{"Content-Type", "application/x-ndjson"}});
  CHECK(f.Posted<SubmitRequest>().items.size() == 2);
  f.Reply(AcceptAll(f, 1));
  CHECK(f.Streamed().ended);
}

TEST_CASE("bulk submit: lines that the core is not needed for are answered at once") {
  ApiFixture f;
  REQUIRE(f.Open());
  f.api.OnBody(f.last_token, "{\"url\":\"nope\"}\n" + std::string(600, 'x') + "\n");
  CHECK(f.sink.events.empty());
  CHECK(f.Streamed().text.find(R"("status":422,)") != std::string::npos);
  CHECK(f.Streamed().text.find(R"("field":"/url")") != std::string::npos);
  CHECK(f.Streamed().text.find(R"({"index":1,"error":{"type":"urn:notifyd:problem:too-large")") != std::string::npos);
}

TEST_CASE("bulk submit: the rate of a token refuses the lines that are too many, each by itself") {
  TeamsFixture f;
  Grant grant = TeamsFixture::Of({"default"}, {Scope::kSubmit});
  grant.submits_per_s = 2;
  const std::string token = f.Give(grant);
  const std::string bad = "{\"url\":\"nope\"}\n", line = kLine;
  const Headers ndjson{{"Content-Type", "application/x-ndjson"}};
  CHECK(f.As(token, "POST", "/v1/notifies", bad + line + bad + line + line + bad + line, ndjson) == "posted");
  CHECK(f.Posted<SubmitRequest>().items.size() == 2);
  f.Reply(AcceptAll(f, 1));
  const auto statuses = [&f] {
    std::vector<std::string> all;
    std::istringstream text(f.Streamed().text);
    for (std::string each; std::getline(text, each);) all.push_back(Json(each).Has("/id") ? "id" : Json(each).At("/error/status"));
    return all;
  };
  CHECK(statuses() == std::vector<std::string>{"422", "id", "422", "id", "429", "422", "429"});
  CHECK(f.Streamed().ended);
  // What is refused is not owed: a second later two more may go.
  f.As(token, "POST", "/v1/notifies", line + line, ndjson);
  CHECK(statuses() == std::vector<std::string>{"429", "429"});
  f.now_us += 1'000'000;
  CHECK(f.As(token, "POST", "/v1/notifies", line + line, ndjson) == "posted");
  CHECK(f.Posted<SubmitRequest>().items.size() == 2);
}

TEST_CASE("bulk submit: a request that is refused whole refuses each of its lines, and the next is tried") {
  ApiFixture f;
  REQUIRE(f.Open());
  f.api.OnBody(f.last_token, std::string(kLine) + kLine);
  f.Reply(Refused{Status(Code::kUnavailable, "stopping"), {}});
  CHECK(f.Streamed().text.find(R"({"index":1,"error":{"type":"urn:notifyd:problem:unavailable")") != std::string::npos);
  f.api.OnBody(f.last_token, kLine);
  CHECK(f.Posted<SubmitRequest>().items.size() == 1);
}

TEST_CASE("bulk submit: at a stop or restart it ends in order, the connection with it, and no other one is taken") {
  ApiFixture f;
  REQUIRE(f.Open());
  uint64_t token = f.last_token;
  f.api.OnBody(token, std::string(kLine) + kLine);
  f.api.OnBody(token, kLine);
  f.api.EndBulkSubmits(Leaving::kRestarting);
  CHECK_FALSE(f.responder.streams.contains(token));
  // What still comes of its body is for nobody.
  f.api.OnBody(token, kLine);
  f.api.OnBodyEnd(token);
  f.Reply(AcceptAll(f, 1));
  CHECK(f.responder.streams[token].ended);
  CHECK(f.responder.streams[token].closes);
  const std::string& text = f.responder.streams[token].text;
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  CHECK(text.find(R"({"type":"urn:notifyd:problem:restarting",)") != std::string::npos);
  CHECK(text.find("\"next_index\":2}\n") != std::string::npos);
  size_t events = f.sink.events.size();
  REQUIRE(f.Open());
  CHECK(f.Answer().status == 503);
  CHECK(f.Answer().close);
  CHECK(f.Answer().body.find("urn:notifyd:problem:restarting") != std::string::npos);
  f.Submit(kLine, {{"Content-Type", "application/x-ndjson"}});
  CHECK(f.Answer().status == 503);
  CHECK(f.sink.events.size() == events);
}

TEST_CASE("bulk submit: a head that is refused is answered at once, and its body is not taken") {
  struct Row {
    Headers more;
    const char *target, *outcome;
  };
  for (const Row& row : std::vector<Row>{{{{"Idempotency-Key", "k"}}, "/v1/notifies", "422"},
                                         {{{"Content-Encoding", "br"}}, "/v1/notifies", "415"},
                                         {{{"Host", "127.0.0.1"}, {"Origin", "http://evil"}}, "/v1/notifies", "403"},
                                         {{}, "/v1/notifies?x=1", "422 /x"},
                                         {{}, "/v1/notifies?%ff", "400"}}) {
    CAPTURE(row.outcome, row.target);
    ApiFixture f;
    Headers headers = row.more;
    headers.emplace_back("Content-Type", "application/x-ndjson");
    REQUIRE(f.Open(headers, row.target));
    CHECK(f.Outcome() == row.outcome);
    CHECK(f.Answer().close);
    f.api.OnBody(f.last_token, kLine);
    f.api.OnBodyEnd(f.last_token);
    f.Ask("POST", row.target, "", headers);
    CHECK(f.Outcome() == row.outcome);
    CHECK(f.sink.events.empty());
  }
}

TEST_CASE("bulk submit: so many at a time, and no more") {
  ApiFixture f;
  for (int i = 0; i < 16; ++i) REQUIRE(f.Open());
  uint64_t last_taken = f.last_token;
  REQUIRE(f.Open());
  CHECK(f.Outcome() == "429");
  f.api.OnClose(last_taken);
  REQUIRE(f.Open());
  f.api.OnBodyEnd(f.last_token);
  CHECK(f.Outcome() == "200");
}

TEST_CASE("bulk submit: where all places are taken, the one that has been idle for longest gives way, and blanks are no lines") {
  ApiFixture f;
  std::vector<uint64_t> tokens;
  for (int i = 0; i < 16; ++i) {
    REQUIRE(f.Open());
    tokens.push_back(f.last_token);
    f.now_us += 1000;
  }
  bool begun = GENERATE(false, true);
  if (begun) f.api.OnBody(tokens[0], "{}\n");
  f.now_us += 2'000'000;
  for (uint64_t token : tokens) f.api.OnBody(token, "\n \n");
  // All but the first and the fourth went on.
  for (size_t i : {1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}) f.api.OnBody(tokens[i], "{}\n");
  REQUIRE(f.Open());
  CHECK_FALSE(f.answered());
  uint64_t out = begun ? tokens[3] : tokens[0];
  if (begun) {
    // The first had a line later than the fourth was opened.
    CHECK(f.answers.contains(out));
  } else {
    REQUIRE(f.answers.contains(out));
    CHECK(f.answers.at(out).status == 408);
    CHECK(f.answers.at(out).close);
  }
  // The next one to go is the other; its answer was begun, so that it ends without its end.
  REQUIRE(f.Open());
  CHECK_FALSE(f.answered());
  if (begun) CHECK(f.responder.streams.at(tokens[0]).broken);
  // Now all were at work a moment ago.
  REQUIRE(f.Open());
  CHECK(f.Outcome() == "429");
  // Those that gave way are gone for good.
  f.api.OnBody(tokens[0], kLine);
  CHECK(f.sink.events.empty());
}

TEST_CASE("bulk submit: one that waits for the core is not idle") {
  ApiFixture f;
  for (int i = 0; i < 16; ++i) {
    REQUIRE(f.Open());
    f.api.OnBody(f.last_token, kLine);
  }
  f.now_us += 100'000'000;
  REQUIRE(f.Open());
  CHECK(f.Outcome() == "429");
}

TEST_CASE("bulk submit: one that sends nothing but blanks is ended after its time") {
  ApiFixture f;
  REQUIRE(f.Open());
  for (int i = 0; i < 6; ++i) {
    f.now_us += 10'000'000;
    f.api.OnBody(f.last_token, "\n");
    CHECK_FALSE(f.answered());
  }
  f.now_us += 1'000'000;
  f.api.OnBody(f.last_token, "\n");
  CHECK(f.Outcome() == "408");
}

TEST_CASE("bulk submit: the body pauses while too much of it waits for the core, and goes on with its answers") {
  ApiFixture f;
  REQUIRE(f.Open());
  f.api.OnBody(f.last_token, kLine);
  std::string lines;
  while (lines.size() < (1 << 20)) lines += kLine;
  size_t most = 64, pieces = 0;
  while (!f.responder.paused && pieces++ < most) f.api.OnBody(f.last_token, lines);
  REQUIRE(f.responder.paused);
  while (f.responder.paused) f.Reply(AcceptAll(f, 1));
  CHECK(f.Posted<SubmitRequest>().items.size() > 1);
}

TEST_CASE("bulk submit: the body pauses while answers wait for the client, until they are taken") {
  ApiFixture f;
  REQUIRE(f.Open());
  f.responder.unsent = 17 << 20;
  f.api.OnBody(f.last_token, "x\n");
  CHECK(f.responder.paused);
  f.responder.unsent = 0;
  f.api.OnWritable(f.last_token);
  CHECK_FALSE(f.responder.paused);
  f.api.OnBody(f.last_token, kLine);
  CHECK(f.Posted<SubmitRequest>().items.size() == 1);
}

TEST_CASE("bulk submit: once the body is at its end, it is neither paused nor resumed") {
  ApiFixture f;
  REQUIRE(f.Open());
  f.responder.unsent = 17 << 20;
  f.api.OnBody(f.last_token, kLine);
  f.api.OnBodyEnd(f.last_token);
  f.Reply(AcceptAll(f, 1));
  CHECK_FALSE(f.responder.paused);
  CHECK(f.Streamed().ended);
}

TEST_CASE("bulk submit: a client that goes away is reported where a request is under way, and its answer is dropped") {
  ApiFixture f;
  REQUIRE(f.Open());
  uint64_t token = f.last_token;
  f.api.OnBody(token, kLine);
  Submitted accepted = AcceptAll(f, 1);
  f.api.OnBody(token, kLine);
  f.api.OnClose(token);
  CHECK(f.Posted<Disconnected>().request == RequestId{3, token});
  size_t events = f.sink.events.size();
  f.Reply(accepted);
  f.api.OnBody(token, kLine);
  f.api.OnBodyEnd(token);
  f.api.OnWritable(token);
  CHECK(f.sink.events.size() == events);
  CHECK(f.responder.streams.empty());
  REQUIRE(f.Open());
  f.api.OnBody(f.last_token, "{");
  f.api.OnClose(f.last_token);
  CHECK(f.sink.events.size() == events);
}

TEST_CASE("bulk submit: a body that breaks is answered as far as it was posted, and nothing further is posted") {
  ApiFixture f;
  REQUIRE(f.Open());
  uint64_t token = f.last_token;
  f.api.OnBody(token, std::string(kLine) + "x\n" + kLine + "{\"url\":");
  Submitted accepted = AcceptAll(f, 1);
  REQUIRE(accepted.items.size() == 2);
  f.api.OnBody(token, "\"http://h/\"}\n" + std::string(kLine));
  size_t events = f.sink.events.size();
  REQUIRE(f.api.OnBodyBroken(token));
  CHECK_FALSE(f.responder.paused);
  CHECK(f.answers.empty());
  f.Reply(accepted);
  CHECK(f.sink.events.size() == events);
  const std::string& text = f.Streamed().text;
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  CHECK(text.starts_with(R"({"index":0,"id":"n0000000000000001"})"));
  CHECK(text.find(R"({"index":1,"error":)") != std::string::npos);
  CHECK(text.ends_with("{\"index\":2,\"id\":\"n0000000000000002\"}\n"));
  CHECK(f.Streamed().ended);
  // The token is done with.
  f.api.OnClose(token);
  CHECK(f.sink.events.size() == events);
}

TEST_CASE("bulk submit: a body that breaks while it is paused is answered as far as it was posted") {
  ApiFixture f;
  REQUIRE(f.Open());
  f.api.OnBody(f.last_token, kLine);
  Submitted accepted = AcceptAll(f, 1);
  std::string lines;
  while (lines.size() < (1 << 20)) lines += kLine;
  while (!f.responder.paused) f.api.OnBody(f.last_token, lines);
  REQUIRE(f.api.OnBodyBroken(f.last_token));
  f.Reply(accepted);
  CHECK(f.responder.paused);
  CHECK(f.Streamed().text == "{\"index\":0,\"id\":\"n0000000000000001\"}\n");
  CHECK(f.Streamed().ended);
}

TEST_CASE("bulk submit: a body that breaks with nothing under way is done with") {
  auto body = GENERATE(values<std::string>({"{\"url\":", "\n", "x\n", kLine}));
  CAPTURE(body);
  ApiFixture f;
  REQUIRE(f.Open());
  uint64_t token = f.last_token;
  f.api.OnBody(token, body);
  if (body == kLine) f.Reply(AcceptAll(f, 1));
  size_t events = f.sink.events.size();
  CHECK_FALSE(f.api.OnBodyBroken(token));
  f.api.OnClose(token);
  CHECK(f.sink.events.size() == events);
  CHECK(f.answers.empty());
  CHECK(f.responder.streams.size() == (body == "x\n" || body == kLine ? 1 : 0));
  if (!f.responder.streams.empty()) CHECK_FALSE(f.Streamed().ended);
}

TEST_CASE("bulk submit: a client that goes away behind a body that broke is reported") {
  ApiFixture f;
  REQUIRE(f.Open());
  f.api.OnBody(f.last_token, kLine);
  Submitted accepted = AcceptAll(f, 1);
  REQUIRE(f.api.OnBodyBroken(f.last_token));
  f.api.OnClose(f.last_token);
  CHECK(f.Posted<Disconnected>().request == RequestId{3, f.last_token});
  f.Reply(accepted);
  CHECK(f.responder.streams.empty());
}

TEST_CASE("bulk submit: each request's acknowledgement is counted") {
  ApiFixture f;
  REQUIRE(f.Open());
  for (int i = 0; i < 3; ++i) {
    f.api.OnBody(f.last_token, std::string(kLine) + kLine);
    f.Reply(AcceptAll(f, 1));
  }
  CHECK(f.acknowledgement.histogram.Read().count == 3);
}

constexpr const char* kTraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST_CASE("trace: the headers of a submit go with each of its notifies") {
  Headers trace{{"TraceParent", kTraceParent}, {"tracestate", "a=1"}};
  ApiFixture f;
  f.Submit(R"([{"url":"http://h/"},{"url":"http://h/"}])", trace);
  for (const SubmitItem& item : f.Posted<SubmitRequest>().items) {
    CHECK(item.envelope->trace_parent == kTraceParent);
    CHECK(DecodeSpec(*item.spec)->trace_state == "a=1");
  }
  trace.emplace_back("Content-Type", "application/x-ndjson");
  REQUIRE(f.Open(trace));
  f.api.OnBody(f.last_token, std::string(kLine) + kLine);
  REQUIRE(f.Posted<SubmitRequest>().items.size() == 2);
  for (const SubmitItem& item : f.Posted<SubmitRequest>().items) CHECK(item.envelope->trace_parent == kTraceParent);
}

}  // namespace
}  // namespace notifyd
