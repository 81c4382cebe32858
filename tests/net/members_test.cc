// Requests that one member of a cluster passes on to another: two brokers over real sockets, and others that do what members should not.
#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "base/base64.h"
#include "net/api/passing.h"
#include "base/clocks.h"
#include "net/cluster/member_word.h"
#include "net/cluster/report_word.h"
#include "net/members_stage.h"
#include "net/tls/tls_files.h"
#include "net/tls_client.h"
#include "support/threaded_server.h"

namespace notifyd {
namespace {

/// `a` has nothing, `b` all.
struct Pair2 {
  StagedBroker b{kHere, {.first_id = 1000}};
  StagedBroker a{There(b.members_port), {.first_id = 1}};
};

/// A member that does as it is told with each connection.
ThreadedServer::Serve Once(const std::function<void(Stream&)>& what) {
  return [what](Stream& stream, int) {
    std::string head;
    if (stream.ReadTo("\r\n\r\n", &head)) what(stream);
  };
}

TEST_CASE("members: what another one serves is passed on over kept connections, and its answer passed back") {
  Pair2 two;
  RawClient client(two.a.port);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
    const RawResponse answer = client.ReadResponse();
    REQUIRE(answer.status == 201);
    CHECK(answer.Header("Location") == "/v1/notifies/" + NotifyId{1000 + static_cast<uint64_t>(i)}.ToString());
    CHECK(answer.Header("Content-Type") == "application/json");
    CHECK(answer.Header("Cache-Control") == "no-store");
    CHECK_FALSE(answer.closes);
  }
  CHECK(two.b.for_members() == 1);
  CHECK(two.a.Came("submit") == 0);
  CHECK(two.b.Came("submit") == 5);
  CHECK(two.a.Counted(PassingFigures::kAnswered) == 5);
  CHECK(two.a.figures.took.histogram.Read().count == 5);
  // What is every broker's own is answered where it is asked.
  CHECK(Ask(two.a.port, RequestOf("GET", "/v1/whoami")).status == 200);
  CHECK(Ask(two.a.port, RequestOf("GET", "/healthz")).status == 200);
  CHECK(two.a.Counted(PassingFigures::kAnswered) == 5);
}

TEST_CASE("members: refusals, HEAD, large bodies and requests without Host go as they would there") {
  Pair2 two;
  CHECK(Ask(two.a.port, RequestOf("POST", "/v1/notifies", "{\"url\":1}")).status == 422);
  CHECK(Ask(two.a.port, RequestOf("GET", "/v1/notifies/n0000000000000001")).status == 404);
  const RawResponse head = Ask(two.a.port, RequestOf("HEAD", "/v1/notifies/n0000000000000001"));
  CHECK(head.status == 404);
  CHECK(two.b.Came("get") == 2);
  // As the owner itself answers: it says how long the body of a GET is.
  const RawResponse own = Ask(two.b.port, RequestOf("HEAD", "/v1/notifies/n0000000000000001"));
  CHECK_FALSE(own.Header("Content-Length").empty());
  CHECK(own.Header("Content-Length") != "0");
  CHECK(head.Header("Content-Length") == own.Header("Content-Length"));
  CHECK(head.Header("Transfer-Encoding").empty());
  CHECK(head.Header("Content-Type") == own.Header("Content-Type"));
  CHECK(Ask(two.a.port, "GET /v1/notifies/n0000000000000001 HTTP/1.0\r\n\r\n").status == 404);
  std::string batch = "[";
  for (int i = 0; i < 30; ++i) batch += (i ? "," : "") + ("{\"url\":\"http://h.example/\",\"body\":\"" + std::string(200'000, 'x') + "\"}");
  const RawResponse many = Ask(two.a.port, RequestOf("POST", "/v1/notifies", batch + "]"));
  CHECK(many.status == 201);
  CHECK(many.body.find("\"items\"") != std::string::npos);
  CHECK(two.a.Came("submit") + two.a.Came("get") == 0);
}

TEST_CASE("members: a bulk submit is streamed both ways, however long") {
  Pair2 two;
  RawClient client(two.a.port, 0, 40);
  REQUIRE(client.Send("POST /v1/notifies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"));
  REQUIRE(client.Send("2\r\n{\"\r\n"));
  const std::string rest = kLine.substr(2);
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", rest.size());
  REQUIRE(client.Send(size + rest + "\r\n"));
  // Its answer comes while the body goes on.
  REQUIRE(two.b.WaitFor("submit", 1));
  const int lines = 30'000;
  std::thread sender([&] {
    std::string text;
    for (int i = 0; i < lines; ++i) text += kLine;
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    client.Send(size + text + "\r\n0\r\n\r\n");
  });
  const RawResponse answer = client.ReadResponse();
  sender.join();
  CHECK(answer.status == 200);
  CHECK(answer.whole);
  CHECK(std::count(answer.body.begin(), answer.body.end(), '\n') == lines + 1);
  CHECK(answer.body.find("{\"index\":" + std::to_string(lines) + ",\"id\":\"" + NotifyId{1000 + lines}.ToString()) != std::string::npos);
  CHECK(two.a.Came("submit") == 0);
}

TEST_CASE("members: while it moves a request waits, for so long, and goes where it is then") {
  StagedBroker b(kHere, {.first_id = 1000});
  StagedBroker a(kMoving);
  RawClient client(a.port, 0, 40);
  SECTION("to another") {
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
    REQUIRE(a.places.WaitForWaiting());
    a.places.Set(There(b.members_port));
    CHECK(client.ReadResponse().status == 201);
    CHECK(b.Came("submit") == 1);
  }
  SECTION("to this one") {
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
    REQUIRE(a.places.WaitForWaiting());
    a.places.Set(kHere);
    CHECK(client.ReadResponse().status == 201);
    CHECK(a.Came("submit") == 1);
    CHECK(a.Counted(PassingFigures::kServedHere) == 1);
  }
  SECTION("to this one, as a bulk submit") {
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kLine + kLine, "Content-Type: application/x-ndjson\r\n")));
    REQUIRE(a.places.WaitForWaiting());
    a.places.Set(kHere);
    const RawResponse answer = client.ReadResponse();
    CHECK(answer.status == 200);
    CHECK(std::count(answer.body.begin(), answer.body.end(), '\n') == 2);
  }
  SECTION("for too long") {
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
    REQUIRE(a.places.WaitForWaiting());
    a.loop.Pass(Passing::kMostWaitMs + 1);
    const RawResponse answer = client.ReadResponse();
    CHECK(answer.status == 503);
    CHECK(answer.Header("Retry-After") == "1");
    CHECK(a.Counted(PassingFigures::kNoPlace) == 1);
  }
  SECTION("for too long, and its body is not read") {
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kLine, "Content-Type: application/x-ndjson\r\n")));
    REQUIRE(a.places.WaitForWaiting());
    a.loop.Pass(Passing::kMostWaitMs + 1);
    const RawResponse answer = client.ReadResponse();
    CHECK(answer.status == 503);
    CHECK(answer.closes);
  }
}

TEST_CASE("members: a request goes one hop; whoever is asked in another's place says so, and it is asked elsewhere") {
  StagedBroker c(kHere, {.first_id = 2000});
  StagedBroker b(There(c.members_port));
  StagedBroker a(There(b.members_port));
  const bool in_pieces = GENERATE(false, true);
  std::thread mover([&] {
    b.WaitForCounted(PassingFigures::kSecondHop, 1);
    a.places.Set(There(c.members_port));
  });
  const std::string request =
      in_pieces ? RequestOf("POST", "/v1/notifies", kLine, "Content-Type: application/x-ndjson\r\n") : RequestOf("POST", "/v1/notifies", kNotify);
  const RawResponse answer = Ask(a.port, request);
  mover.join();
  CHECK(answer.status == (in_pieces ? 200 : 201));
  CHECK(b.Came("submit") == 0);
  CHECK(c.Came("submit") == 1);
  CHECK(answer.Header("Notify-Not-Here").empty());
}

TEST_CASE("members: what a broker that stops did not begin is asked again at whoever has it then") {
  StagedBroker c(kHere, {.first_id = 2000});
  StagedBroker b(kHere, {.first_id = 1000});
  StagedBroker a(There(b.members_port));
  b.stops = true;
  b.OnLoop([](Api& api) { api.EndBulkSubmits(Leaving::kStopping); });
  // Its own clients are told that it stops.
  const RawResponse own = Ask(b.port, RequestOf("POST", "/v1/notifies", kNotify));
  CHECK(own.status == 503);
  CHECK(own.body.find("the broker is stopping") != std::string::npos);
  CHECK(own.Header("Notify-Not-Here").empty());
  const auto ask = [&](const std::string& request) {
    RawClient client(a.port, 0, 40);
    CHECK(client.Send(request));
    CHECK(Until([&] { return a.figures.repeated > 0; }));
    a.places.Set(There(c.members_port));
    return client.ReadResponse(/*no_body=*/request.starts_with("GET"));
  };
  SECTION("a submit, for which nothing vouches") {
    CHECK(ask(RequestOf("POST", "/v1/notifies", kNotify)).status == 201);
    CHECK(b.Came("refused") >= 2);
  }
  SECTION("a bulk submit") {
    const RawResponse answer = ask(RequestOf("POST", "/v1/notifies", kLine + kLine, "Content-Type: application/x-ndjson\r\n"));
    CHECK(answer.status == 200);
    CHECK(std::count(answer.body.begin(), answer.body.end(), '\n') == 2);
    CHECK(answer.body.find("stopping") == std::string::npos);
  }
  SECTION("a trigger, of which the core was asked what its data is merged with") {
    CHECK(ask(RequestOf("POST", "/v1/fkeys/f/trigger", R"({"data":{"a":1}})")).status == 202);
    CHECK(b.Came("merged") >= 1);
    CHECK(b.Came("refused") >= 2);  // the first is that of its own client
    CHECK(c.Came("trigger") == 1);
  }
  SECTION("who listens") {
    CHECK(ask(RequestOf("GET", "/v1/live")).status == 200);
    CHECK(c.WaitFor("figures", 1));
  }
  SECTION("not once this one stops, too") {
    RawClient client(a.port, 0, 40);
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
    REQUIRE(Until([&] { return a.figures.repeated > 0; }));
    a.OnLoop([](Api& api) { api.EndBulkSubmits(Leaving::kStopping); });
    const RawResponse answer = client.ReadResponse();
    CHECK(answer.status == 503);
    CHECK(answer.body.find("the broker is stopping") != std::string::npos);
  }
}

TEST_CASE("members: what a connection's end met on its way was not begun, and is asked again") {
  StagedBroker b(kHere, {.first_id = 1000});
  StagedBroker a(kHere);
  std::atomic<int> asked{0};
  ThreadedServer ends(Once([&](Stream& stream) {
    ++asked;
    a.places.Set(There(b.members_port));
    stream.Send(NotHereFarewell());
  }));
  a.places.Set(There(ends.port()));
  CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify)).status == 201);
  CHECK(asked == 1);
  CHECK(b.Came("submit") == 1);
}

TEST_CASE("members: what broke is asked again where that does no harm, and else its outcome is unknown") {
  StagedBroker b(kHere, {.first_id = 1000});
  StagedBroker a(kHere);
  ThreadedServer breaks(Once([&](Stream&) { a.places.Set(There(b.members_port)); }));
  a.places.Set(There(breaks.port()));
  SECTION("a submit") {
    const RawResponse answer = Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify));
    CHECK(answer.status == 504);
    CHECK(answer.body.find("urn:notifyd:problem:outcome-unknown") != std::string::npos);
    CHECK(b.Came("submit") == 0);
    CHECK(a.Counted(PassingFigures::kUnknown) == 1);
  }
  SECTION("a submit with a key in its header") {
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify, "Idempotency-Key: k\r\n")).status == 201);
    CHECK(b.Came("submit") == 1);
    CHECK(a.figures.repeated == 1);
  }
  SECTION("a submit with a key in its body") {
    const std::string keyed = R"({"url":"http://h.example/","idempotency_key":"k"})";
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", "[" + keyed + "," + keyed + "]")).status == 201);
  }
  SECTION("a batch of which one has none") {
    const std::string keyed = R"({"url":"http://h.example/","idempotency_key":"k"})";
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", "[" + keyed + "," + kNotify + "]")).status == 504);
  }
  SECTION("a GET") {
    CHECK(Ask(a.port, RequestOf("GET", "/v1/notifies/n0000000000000001")).status == 404);
  }
  SECTION("a trigger") {
    CHECK(Ask(a.port, RequestOf("POST", "/v1/fkeys/f/trigger")).status == 202);
    CHECK(b.Came("trigger") == 1);
  }
  SECTION("a bulk submit of which nothing was asked for") {
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kLine, "Content-Type: application/x-ndjson\r\n")).status == 200);
    CHECK(b.Came("submit") == 1);
  }
  SECTION("a removal") {
    CHECK(Ask(a.port, RequestOf("DELETE", "/v1/notifies/n0000000000000001")).status == 504);
  }
  SECTION("what takes no key, with one") {
    const std::string request = GENERATE(RequestOf("DELETE", "/v1/notifies/n0000000000000001", "", "Idempotency-Key: k\r\n"),
                                         RequestOf("PATCH", "/v1/notifies/n0000000000000001", R"({"idempotency_key":"k"})"),
                                         RequestOf("POST", "/v1/notifies/n0000000000000001/retry", "", "Idempotency-Key: k\r\n"),
                                         RequestOf("POST", "/v1/notifies/retry", R"({"idempotency_key":"k"})"));
    CHECK(Ask(a.port, request).status == 504);
    CHECK(a.figures.repeated == 0);
  }
}

TEST_CASE("members: one that cannot be reached has not got the request: it is asked elsewhere, or refused") {
  StagedBroker b(kHere, {.first_id = 1000});
  uint16_t nobody = 0;
  {
    ThreadedServer gone([](Stream&, int) {});
    nobody = gone.port();
  }
  StagedBroker a(There(nobody));
  RawClient client(a.port, 0, 40);
  REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
  REQUIRE(Until([&] { return a.figures.repeated > 0; }));
  SECTION("elsewhere") {
    a.places.Set(There(b.members_port));
    CHECK(client.ReadResponse().status == 201);
  }
  SECTION("nowhere") {
    a.loop.Pass(Passing::kMostWaitMs + 1);
    CHECK(client.ReadResponse().status == 503);
  }
}

TEST_CASE("members: one that says nothing, or nonsense, or stops in the middle of an answer") {
  StagedBroker a(kHere);
  std::atomic<int> asked{0};
  std::string says;
  ThreadedServer odd(Once([&](Stream& stream) {
    ++asked;
    if (!says.empty()) stream.Send(says);
    if (says.empty()) stream.Drain();
  }));
  a.places.Set(There(odd.port()));
  SECTION("nothing") {
    RawClient client(a.port, 0, 40);
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
    REQUIRE(Until([&] { return asked > 0; }));
    a.loop.Pass(61'000);
    CHECK(client.ReadResponse().status == 504);
  }
  SECTION("nothing, and it is not the one any more") {
    RawClient client(a.port, 0, 40);
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
    REQUIRE(Until([&] { return asked > 0; }));
    a.places.Set(kMoving);
    a.loop.OnLoop([] {});
    // Long before its time to answer is over.
    int64_t passed_ms = 0;
    CHECK(Until([&] {
      a.loop.Pass(20);
      passed_ms += 20;
      return a.Counted(PassingFigures::kUnknown) > 0;
    }));
    CHECK(passed_ms < 50'000);
    CHECK(client.ReadResponse().status == 504);
  }
  SECTION("nonsense") {
    says = "what do you want?\r\n\r\n";
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify)).status == 504);
  }
  SECTION("a status that is none") {
    says = "HTTP/1.1 2 OK\r\n\r\na body";
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify)).status == 504);
  }
  SECTION("a head without an end") {
    says = "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x');
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify)).status == 504);
  }
  SECTION("a part of a short answer") {
    says = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{";
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify)).status == 504);
  }
  SECTION("a part of a streamed answer") {
    says = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n";
    const RawResponse answer = Ask(a.port, RequestOf("GET", "/v1/notifies"));
    CHECK(answer.status == 200);
    CHECK_FALSE(answer.whole);
    CHECK(a.Counted(PassingFigures::kBroken) == 1);
  }
  SECTION("a part of a line") {
    says =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: "
        "chunked\r\n\r\n1c\r\n{\"index\":0,\"id\":\"x\"}\n{\"index\r\n";
    const RawResponse answer = Ask(a.port, RequestOf("POST", "/v1/notifies", kLine + kLine, "Content-Type: application/x-ndjson\r\n"));
    CHECK(answer.status == 200);
    CHECK(answer.whole);
    REQUIRE(answer.body.starts_with("{\"index\":0,\"id\":\"x\"}\n{\"type\":\"urn:notifyd:problem:outcome-unknown\""));
    CHECK(answer.body.ends_with("}\n"));
    CHECK(std::count(answer.body.begin(), answer.body.end(), '\n') == 2);
  }
}

TEST_CASE("members: a client that leaves is gone there, too") {
  Pair2 two;
  {
    RawClient client(two.a.port);
    REQUIRE(client.Send(RequestOf("GET", "/v1/notifies/n0000000000000001?wait_ms=30000")));
    REQUIRE(two.b.WaitFor("get", 1));
    CHECK(two.b.waits_ms() > 25'000);
    client.Reset();
  }
  CHECK(two.b.WaitFor("look ended", 1));
  CHECK(two.a.WaitForCounted(PassingFigures::kClientLeft, 1));
}

TEST_CASE("members: who listens live is passed what is sent, and told when his broker stops") {
  Pair2 two;
  RawClient client(two.a.port);
  REQUIRE(client.Send(RequestOf("GET", "/v1/live")));
  REQUIRE(two.b.WaitFor("figures", 1));
  two.a.OnLoop([](Api& api) { api.EndBulkSubmits(Leaving::kStopping); });
  const RawResponse answer = client.ReadResponse();
  CHECK(answer.status == 200);
  CHECK(answer.Header("Content-Type") == "text/event-stream");
  CHECK(answer.whole);
}

TEST_CASE("members: a broker that stops ends the bulk submits that it passes on behind what was taken") {
  Pair2 two;
  RawClient client(two.a.port);
  REQUIRE(
      client.Send("POST /v1/notifies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000000\r\n\r\n" + kLine));
  REQUIRE(two.b.WaitFor("submit", 1));
  std::string line;
  REQUIRE(client.ReadResponse(/*no_body=*/true).status == 200);
  REQUIRE(client.ReadChunk(&line));
  CHECK(line.starts_with("{\"index\":0"));
  two.a.OnLoop([](Api& api) { api.EndBulkSubmits(Leaving::kRestarting); });
  REQUIRE(client.ReadChunk(&line));
  CHECK(line.find("urn:notifyd:problem:restarting") != std::string::npos);
  CHECK(line.find("\"next_index\":1") != std::string::npos);
  CHECK(client.ReadChunk(&line));
  CHECK(line.empty());
}

TEST_CASE("members: where a namespace leaves, waits go after it for the rest of their time, and bulk submits end at a line") {
  StagedBroker c(kHere, {.first_id = 2000});
  StagedBroker b(kHere, {.first_id = 1000});
  StagedBroker a(There(b.members_port));
  const bool directly = GENERATE(false, true);
  RawClient client(directly ? b.port : a.port, 0, 40);
  REQUIRE(client.Send(RequestOf("GET", "/v1/notifies/n0000000000000001?wait_ms=30000&x=1")));
  // What it does not know it refuses there; so that one waits:
  CHECK(client.ReadResponse().status == 422);
  REQUIRE(client.Send(RequestOf("GET", "/v1/notifies/n0000000000000001?wait_ms=30000")));
  REQUIRE(b.WaitFor("get", 1));
  RawClient bulk(directly ? b.port : a.port, 0, 40);
  REQUIRE(
      bulk.Send("POST /v1/notifies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000000\r\n\r\n" + kLine));
  REQUIRE(b.WaitFor("submit", 1));
  a.loop.Pass(directly ? 0 : 10'000);
  a.places.Set(There(c.members_port));
  b.places.Set(There(c.members_port));
  b.OnLoop([](Api& api) { api.LeaveNamespace(kDefaultNumber); });
  CHECK(b.WaitFor("disconnected", 1));
  REQUIRE(c.WaitFor("get", 1));
  CHECK(c.waits_ms() <= (directly ? 30'000 : 20'000));
  CHECK(c.waits_ms() > 1'000);
  const RawResponse ended = bulk.ReadResponse();
  CHECK(ended.status == 200);
  CHECK(ended.whole);
  CHECK(ended.body.find("\"next_index\":1") != std::string::npos);
}

TEST_CASE("members: their listener answers what members pass on, for whoever sent it, and no other listener believes them") {
  auto auth = std::make_shared<AuthSettings>();
  auth->tokens = true;
  auth->certificates["DNS:billing"] = std::make_shared<const NamedGrant>(NamedGrant{"certificate DNS:billing", Grant::Everything()});
  StagedBroker b(kHere, {.auth = auth});
  Peer peer;
  peer.address = IpAddress::Parse("192.0.2.7");
  peer.certificate_names = {"DNS:billing"};
  const std::string passed = std::string(kPassedOnHeader) + ": " + EncodePeer(peer) + "\r\n";
  CHECK(Ask(b.members_port, RequestOf("POST", "/v1/notifies", kNotify, passed)).status == 201);
  CHECK(Ask(b.members_port, RequestOf("POST", "/v1/notifies", kNotify)).status == 403);
  CHECK(Ask(b.members_port, RequestOf("GET", "/healthz")).status == 403);
  CHECK(Ask(b.members_port, RequestOf("POST", "/v1/notifies", kNotify, std::string(kPassedOnHeader) + ": e30=\r\n")).status == 403);
  CHECK(Ask(b.members_port, RequestOf("POST", "/v1/notifies", kNotify, std::string(kPassedOnHeader) + ": {}\r\n")).status == 403);
  // From outside: whoever says it is refused, whomever it names, here and in front of another broker.
  CHECK(Ask(b.port, RequestOf("POST", "/v1/notifies", kNotify, passed)).status == 421);
  auto open = std::make_shared<AuthSettings>();
  StagedBroker a(There(b.members_port), {.auth = open});
  CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify, passed)).status == 421);
  CHECK(b.Came("submit") == 1);
  // A part that its listener did not serve it is not shown here, either.
  peer.serves.rest = false;
  const std::string elsewhere = std::string(kPassedOnHeader) + ": " + EncodePeer(peer) + "\r\n";
  CHECK(Ask(b.members_port, RequestOf("POST", "/v1/notifies", kNotify, elsewhere)).status == 404);
}

TEST_CASE("members: what is said of a peer comes back as it was") {
  Peer peer;
  CHECK(DecodePeer(EncodePeer(peer))->serves == peer.serves);
  peer = {IpAddress::Parse("2001:db8::1"), 4'294'967'295U, {"DNS:a", "URI:spiffe://x/y"}, ServedParts::ControlSocket()};
  NamedGrant grant{"beanstalkd 127.0.0.1:11300", {}};
  grant.grant.namespaces = NamespaceSet::Of({"team"});
  grant.grant.scopes = {Scope::kSubmit, Scope::kOperate};
  grant.grant.caller = "worker \"\xc3\xa4\"\n";
  peer.asker = std::make_shared<const FixedAsker>(FixedAsker{std::make_shared<const NamedGrant>(grant), "team"});
  const std::optional<Peer> read = DecodePeer(EncodePeer(peer));
  REQUIRE(read);
  CHECK(read->address == peer.address);
  CHECK(read->uid == peer.uid);
  CHECK(read->certificate_names == peer.certificate_names);
  CHECK(read->serves == peer.serves);
  REQUIRE(read->asker);
  CHECK(read->asker->space == "team");
  CHECK(*read->asker->grant == grant);
  for (const char* text : {"{}", "[]", "7", R"({"serves":"x"})", R"({"serves":1,"address":"x"})", R"({"serves":1,"uid":4294967296})",
                           R"({"serves":1,"asker":"a","space":"../x"})"})
    CHECK_FALSE(DecodePeer(EncodeBase64(text)));
  // What a later release says besides is passed over.
  CHECK(DecodePeer(EncodeBase64(R"({"serves":1,"later":{"a":[1]},"address":"192.0.2.1"})"))->address == IpAddress::Parse("192.0.2.1"));
  CHECK_FALSE(DecodePeer("*"));
  CHECK_FALSE(DecodePeer(""));
}

TEST_CASE("members: a word comes back as it was said, and what is none is refused") {
  for (const bool flag : {false, true}) {
    const MemberWord word{"b \"\xc3\xa4\"", {UINT64_MAX, 7, {UINT64_MAX, 1}, false}, flag, !flag};
    const std::optional<MemberWord> read = DecodeMemberWord(EncodeMemberWord(word));
    REQUIRE(read);
    CHECK(*read == word);
  }
  // A later version may say more.
  CHECK(DecodeMemberWord(R"({"member":"a","epoch":1,"renewal":2,"incarnation_high":3,"incarnation_low":4,"look":true,"leaving":false,"more":[{}]})"));
  for (const char* text :
       {"", "{}", "[]", "7", R"({"member":""})", R"({"member":7})", R"({"member":"a","epoch":-1})", R"({"member":"a","epoch":1.5})",
        R"({"member":"a","renewal":18446744073709551616})", R"({"member":"a","look":1})", R"({"member":"a","leaving":null})"})
    CHECK_FALSE(DecodeMemberWord(text));
}

TEST_CASE("members: what one says of alerts comes back as it was said, and what is none is refused") {
  AlertReport report;
  report.member = "b \"\xc3\xa4\"";
  report.spaces = {{0, 5}, {2, 7'000'000'000}, {kMostNumber, 5}};
  AlertRuleReport& rule = report.rules.emplace_back();
  rule.rule = "late";
  rule.print = UINT64_MAX;
  rule.known = true;
  rule.unkept = 3;
  rule.unknown = {"a", "b"};
  rule.readings.push_back({{.space = "s", .lane = "l", .host = "h:1", .caller = "c", .object = "o"}, 1.25, "d\n", false});
  rule.readings.push_back({{}, 1e300, "", false});
  const std::string text = EncodeAlertReport(report);
  const std::optional<AlertReport> read = DecodeAlertReport(text);
  REQUIRE(read);
  CHECK(read->member == report.member);
  CHECK(read->spaces == report.spaces);
  REQUIRE(read->rules.size() == 1);
  CHECK(read->rules[0].print == rule.print);
  CHECK(read->rules[0].readings.at(0).cause == rule.readings[0].cause);
  CHECK(read->rules[0].readings.at(1).value == 1e300);
  CHECK(EncodeAlertReport(*read) == text);
  // A later version may say more.
  CHECK(DecodeAlertReport(R"({"member":"a","more":[{}],"rules":[{"alert":"x","more":1,"readings":[{"value":1,"more":{}}]}]})"));
  for (const char* bad : {"", "{}", "[]", "7", R"({"member":7})", R"({"member":"a","spaces":[1]})", R"({"member":"a","spaces":[[1,[-1]]]})",
                          R"({"member":"a","spaces":[[1,[70000]]]})", R"({"member":"a","rules":[7]})", R"({"member":"a","rules":[{"print":-1}]})",
                          R"({"member":"a","rules":[{"readings":{}}]})", R"({"member":"a","rules":[{"readings":[{"value":"1"}]}]})",
                          R"({"member":"a","rules":[{"unknown":[1]}]})"}) {
    INFO(bad);
    CHECK_FALSE(DecodeAlertReport(bad));
  }
}

TEST_CASE("members: of a certificate whose dates are not now it is said since when, or from when on") {
  const CertificateAuthority authority;
  const Pair pair = authority.Issue("IP:127.0.0.1");
  const auto context = TlsContext::ForServer({pair.certificate, pair.key, ""});
  REQUIRE(context.ok());
  const WallTime now = ReadWall();
  constexpr int64_t kDayMs = 24 * 3'600'000;
  CHECK((*context)->DoubtOf(now).empty());
  CHECK((*context)->DoubtOf({now.ms + 2 * kDayMs}).find("the certificate does not hold since 20") == 0);
  CHECK((*context)->DoubtOf({now.ms - kDayMs}).find("the certificate does not hold before 20") == 0);
  const auto none = TlsContext::ForClient({authority.certificate(), "", ""});
  REQUIRE(none.ok());
  CHECK((*none)->DoubtOf({0}).empty());
  // One that leads to the authority is looked at, too.
  const auto chain = TlsContext::ForServer({pair.certificate + authority.Issue("", "between", -60).certificate, pair.key, ""});
  REQUIRE(chain.ok());
  CHECK((*chain)->DoubtOf(now).find("the certificate of its authority does not hold since 20") == 0);
}

TEST_CASE("members: over TLS each shows the cluster's certificate, and a stranger comes no further than that") {
  CertificateAuthority cluster, others;
  const Pair shown = cluster.Issue("IP:127.0.0.1"), strange = others.Issue("IP:127.0.0.1");
  const test::TempDir dir;
  TlsFiles files({dir.Write("cert", shown.certificate), dir.Write("key", shown.key), dir.Write("ca", cluster.certificate())});
  REQUIRE(files.Load().ok());
  StagedBroker b(kHere, {.first_id = 1000, .tls = &files});
  const auto client = [&](const Pair& pair) -> MemberClient::Tls {
    return [pair, ca = cluster.certificate()] { return TlsContext::ForClient({ca, pair.certificate, pair.key}); };
  };
  StagedBroker a(There(b.members_port), {.client_tls = client(shown)});
  CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify)).status == 201);
  std::string batch = "[";
  for (int i = 0; i < 10; ++i) batch += (i ? "," : "") + ("{\"url\":\"http://h.example/\",\"body\":\"" + std::string(200'000, 'x') + "\"}");
  CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", batch + "]")).status == 201);
  CHECK(b.for_members() == 1);
  StagedBroker wrong(There(b.members_port), {.client_tls = client(strange)});
  RawClient stranger(wrong.port, 0, 40);
  REQUIRE(stranger.Send(RequestOf("POST", "/v1/notifies", kNotify)));
  CHECK(Until([&] { return wrong.figures.repeated + wrong.Counted(PassingFigures::kUnknown) > 0; }));
  wrong.loop.Pass(Passing::kMostWaitMs + 1);
  CHECK(stranger.ReadResponse().status >= 503);
  CHECK(b.Came("submit") == 2);
}

}  // namespace
}  // namespace notifyd
