// What clients meet whose namespace moves from one member of a cluster to another while their request is under way: two brokers, or three, over real
// sockets (members_stage.h). Contract section 23.
#include <catch2/catch.hpp>

#include <atomic>
#include <memory>
#include <string>

#include "broker/access_table.h"
#include "net/api/passing.h"
#include "net/api/waits.h"
#include "net/cluster/passed_peer.h"
#include "net/gzip.h"
#include "net/members_stage.h"
#include "support/threaded_server.h"

namespace notifyd {
namespace {

/// What waits, as it is sent with so many seconds at most; the method and path of what it makes; and whether it says Preference-Applied.
struct Waiting {
  std::string request, made;
  bool prefers = false;
};

Waiting WaitingOf(int which) {
  switch (which) {
    case 0:
      return {RequestOf("POST", "/v1/notifies?wait_ms=30000", kNotify), "/v1/notifies/"};
    case 1:
      return {RequestOf("POST", "/v1/notifies", kNotify, "Prefer: wait=30\r\n"), "/v1/notifies/", true};
    case 2:
      return {RequestOf("POST", "/v1/notifies?wait%5Fms=%330000", kNotify), "/v1/notifies/"};
    default:
      return {RequestOf("POST", "/v1/groups?wait_ms=30000", "{\"notifies\":[" + kNotify + "]}"), "/v1/groups/"};
  }
}

TEST_CASE("members: what waits for the end of what it submitted waits on at the next broker, for the rest of its time") {
  StagedBroker c(kHere, {.first_id = 2000});
  StagedBroker b(kHere, {.first_id = 1000});
  StagedBroker a(There(b.members_port));
  const bool directly = GENERATE(false, true);
  const Waiting waiting = WaitingOf(GENERATE(0, 1, 2, 3));
  RawClient client(directly ? b.port : a.port, 0, 40);
  REQUIRE(client.Send(waiting.request));
  REQUIRE(b.WaitFor("waiting", 1));
  CHECK(b.waits_ms() == 30'000);
  (directly ? b : a).loop.Pass(directly ? 0 : 10'000);
  a.places.Set(kMoving);
  b.places.Set(kMoving);
  b.OnLoop([](Api& api) { api.LeaveNamespace(kDefaultNumber); });
  b.EndWait(/*settled=*/false);
  REQUIRE((directly ? b : a).places.WaitForWaiting());
  // For longer than a request is kept of which nothing was begun.
  (directly ? b : a).loop.Pass(Passing::kMostWaitMs + 1);
  a.places.Set(There(c.members_port));
  b.places.Set(There(c.members_port));
  REQUIRE(c.WaitFor("waits on", 1));
  CHECK(c.waits_ms() <= (directly ? 25'000 : 15'000));
  CHECK(c.waits_ms() > 1'000);
  const bool settled = GENERATE(true, false);
  c.EndWait(settled);
  const RawResponse answer = client.ReadResponse();
  CHECK(answer.status == (settled ? 200 : 202));
  CHECK(answer.Header("Location") == waiting.made + NotifyId{1000}.ToString());
  CHECK(answer.Header("Preference-Applied") == (waiting.prefers ? "wait=30" : ""));
  CHECK(answer.Header(std::string(kWaitsOnHeader)).empty());
  CHECK(answer.body.find(NotifyId{1000}.ToString()) != std::string::npos);
  if (settled && waiting.made == "/v1/notifies/") CHECK(answer.body.find("\"body\":\"pong\"") != std::string::npos);
  CHECK(b.Came("waiting") == 1);
  CHECK(c.Came("waiting") + c.Came("submit") == 0);
}

TEST_CASE("members: what waits on is answered as it was carried out where nobody waits on with it") {
  StagedBroker b(kHere, {.first_id = 1000});
  StagedBroker a(There(b.members_port));
  const bool directly = GENERATE(false, true);
  StagedBroker& asked = directly ? b : a;
  RawClient client(asked.port, 0, 40);
  REQUIRE(client.Send(WaitingOf(GENERATE(0, 3)).request));
  REQUIRE(b.WaitFor("waiting", 1));
  a.places.Set(kMoving);
  b.places.Set(kMoving);
  b.EndWait(/*settled=*/false);
  REQUIRE(asked.places.WaitForWaiting());
  SECTION("nobody serves it in time") {
    asked.loop.Pass(31'000);
  }
  SECTION("its client's broker stops") {
    asked.OnLoop([](Api& api) { api.EndBulkSubmits(Leaving::kStopping); });
  }
  SECTION("a member of an earlier release serves it") {
    std::atomic<bool> submits{false};
    ThreadedServer earlier([&](Stream& stream, int) {
      std::string head;
      if (!stream.ReadTo("\r\n\r\n", &head)) return;
      submits = head.find(kPassedOnHeader) != std::string::npos;
      stream.Send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}");
    });
    asked.places.Set(There(earlier.port()));
    CHECK(client.ReadResponse().status == 202);
    CHECK_FALSE(submits);
    return;
  }
  SECTION("it breaks each time") {
    ThreadedServer breaks([&](Stream& stream, int) {
      std::string head;
      stream.ReadTo("\r\n\r\n", &head);
    });
    asked.places.Set(There(breaks.port()));
    CHECK(Until([&] { return asked.figures.repeated >= 2; }));
    asked.loop.Pass(31'000);
    CHECK(client.ReadResponse().status == 202);
    return;
  }
  const RawResponse answer = client.ReadResponse();
  CHECK(answer.status == 202);
  CHECK(answer.body.find(NotifyId{1000}.ToString()) != std::string::npos);
}

TEST_CASE("members: what waits for where its namespace goes is answered at once where that is removed, as whoever asks then is") {
  AccessTable table;
  const auto put = [&](const char* name, NamespaceNumber number, bool deleting) {
    auto row = std::make_shared<NamespaceRow>();
    row->name = name;
    row->number = number;
    row->deleting = deleting;
    table.PutNamespace(name, std::move(row));
  };
  StagedBroker b(kHere, {.first_id = NotifyId::Of(5, 1).value});
  const auto tell = [&] { b.OnLoop([&](Api& api) { api.SetTable(std::make_shared<const AccessTable>(table)); }); };
  put("default", kDefaultNumber, false);
  put("system", kSystemNumber, false);
  put("goes", 5, false);
  tell();
  RawClient looks(b.port, 0, 40), submits(b.port, 0, 40);
  REQUIRE(looks.Send(RequestOf("GET", "/v1/namespaces/goes/notifies/" + NotifyId::Of(5, 9).ToString() + "?wait_ms=30000")));
  REQUIRE(b.WaitFor("get", 1));
  REQUIRE(submits.Send(RequestOf("POST", "/v1/namespaces/goes/notifies?wait_ms=30000", kNotify)));
  REQUIRE(b.WaitFor("waiting", 1));
  const bool known_before = GENERATE(false, true);
  put("goes", 5, true);
  if (known_before) tell();
  b.places.Set(kMoving);
  b.OnLoop([](Api& api) { api.LeaveNamespace(5); });
  b.EndWait(/*settled=*/false);
  if (!known_before) {
    REQUIRE(b.places.WaitForWaiting());
    tell();
  }
  const RawResponse looked = looks.ReadResponse();
  CHECK(looked.status == 409);
  CHECK(looked.body.find("being removed") != std::string::npos);
  const RawResponse submitted = submits.ReadResponse();
  CHECK(submitted.status == 202);
  CHECK(submitted.body.find(NotifyId::Of(5, 1).ToString()) != std::string::npos);
}

TEST_CASE("members: what is about a namespace that whoever had it cannot let go of is told so at once, wherever it is asked") {
  StagedBroker b(kHere), a(There(b.members_port));
  const auto is_told = [](const RawResponse& answer) {
    return answer.status == 503 && answer.body.find("the cell of the namespace is not reached") != std::string::npos;
  };
  RawClient waits(b.port, 0, 40);
  b.places.Set(kMoving);
  REQUIRE(waits.Send(RequestOf("GET", "/v1/notifies/" + NotifyId{9}.ToString())));
  REQUIRE(b.places.WaitForWaiting());
  b.places.Set({Place::Kind::kMoving, "b", ""});
  CHECK(is_told(waits.ReadResponse()));
  for (const StagedBroker* asked : {&a, &b}) {
    CHECK(is_told(Ask(asked->port, RequestOf("POST", "/v1/notifies", kNotify))));
    CHECK(is_told(Ask(asked->port, RequestOf("POST", "/v1/notifies", kLine, "Content-Type: application/x-ndjson\r\n"))));
  }
  CHECK(b.Came("submit") == 0);
}

TEST_CASE("members: what waits on comes back to the broker that it is connected to") {
  StagedBroker b(kHere, {.first_id = 1000});
  RawClient client(b.port, 0, 40);
  REQUIRE(client.Send(WaitingOf(GENERATE(0, 3)).request));
  REQUIRE(b.WaitFor("waiting", 1));
  b.places.Set(kMoving);
  b.EndWait(/*settled=*/false);
  REQUIRE(b.places.WaitForWaiting());
  b.places.Set(kHere);
  REQUIRE(b.WaitFor("waits on", 1));
  b.EndWait(/*settled=*/true);
  CHECK(client.ReadResponse().status == 200);
  CHECK(b.Came("waiting") == 1);
}

TEST_CASE("members: what waits on comes back to a broker where nobody more may wait, and is answered as it was carried out") {
  StagedBroker b(kHere, {.first_id = 1000, .max_waiters = 1});
  b.places.SetOf(kSystemNumber, kHere);
  RawClient client(b.port, 0, 40), other(b.port, 0, 40);
  REQUIRE(client.Send(WaitingOf(GENERATE(0, 3)).request));
  REQUIRE(b.WaitFor("waiting", 1));
  b.places.Set(kMoving);
  b.EndWait(/*settled=*/false);
  REQUIRE(b.places.WaitForWaiting());
  const std::string looked = "/v1/namespaces/system/notifies/" + NotifyId::Of(kSystemNumber, 5).ToString();
  REQUIRE(other.Send(RequestOf("GET", looked + "?wait_ms=30000")));
  REQUIRE(b.WaitFor("get", 1));
  b.places.Set(kHere);
  CHECK(client.ReadResponse().status == 202);
  CHECK(b.Came("waits on") == 0);
}

TEST_CASE("members: whoever is connected to the broker that hands over is passed on, also where its core had the request already") {
  StagedBroker c(kHere, {.first_id = 2000});
  StagedBroker b(kHere, {.first_id = 1000});
  b.stops = true;
  b.refuses = [&] { b.places.Set(kMoving); };
  RawClient client(b.port, 0, 40);
  const auto ask = [&](const std::string& request) {
    CHECK(client.Send(request));
    CHECK(b.places.WaitForWaiting());
    b.places.Set(There(c.members_port));
    return client.ReadResponse();
  };
  SECTION("a submit, for which nothing vouches") {
    const RawResponse answer = ask(RequestOf("POST", "/v1/notifies?idempotency_window_ms=5000", kNotify));
    CHECK(answer.status == 201);
    CHECK(answer.Header("Location") == "/v1/notifies/" + NotifyId{2000}.ToString());
    CHECK(c.Came("submit") == 1);
  }
  SECTION("one that is packed") {
    const RawResponse answer = ask(RequestOf("POST", "/v1/notifies", Gzip(kNotify), "Content-Encoding: gzip\r\n"));
    CHECK(answer.status == 201);
  }
  SECTION("one that waits") {
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies?wait_ms=20000", kNotify)));
    REQUIRE(b.places.WaitForWaiting());
    b.places.Set(There(c.members_port));
    REQUIRE(c.WaitFor("waiting", 1));
    c.EndWait(/*settled=*/true);
    CHECK(client.ReadResponse().status == 200);
  }
  SECTION("a trigger, of which the core was asked what its data is merged with") {
    CHECK(ask(RequestOf("POST", "/v1/fkeys/f/trigger", R"({"data":{"a":1}})")).status == 202);
    CHECK(b.Came("merged") == 1);
    CHECK(c.Came("trigger") == 1);
  }
  SECTION("and comes back") {
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
    REQUIRE(b.places.WaitForWaiting());
    b.stops = false;
    b.places.Set(kHere);
    CHECK(client.ReadResponse().status == 201);
    CHECK(b.Came("submit") == 1);
  }
  SECTION("not for too long") {
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
    REQUIRE(b.places.WaitForWaiting());
    b.loop.Pass(Passing::kMostWaitMs + 1);
    const RawResponse answer = client.ReadResponse();
    CHECK(answer.status == 503);
    CHECK(answer.Header("Retry-After") == "1");
  }
  SECTION("not where it stops") {
    REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
    REQUIRE(b.places.WaitForWaiting());
    b.OnLoop([](Api& api) { api.EndBulkSubmits(Leaving::kStopping); });
    CHECK(client.ReadResponse().status == 503);
  }
}

TEST_CASE("members: what a core refuses as its namespace leaves is passed on byte for byte, whatever was read of it") {
  struct Row {
    const char *method, *target, *body;
    bool packed = false;
  };
  constexpr const char* kGroup = R"( { "labels" : {"a":"b"}, "notifies" : [ {"url":"http://h.example/"} , {"url":"http://h.example/"} ] , )"
                                 R"("on_failure":"cancel_rest"} )";
  const Row row = GENERATE_COPY(Row{"POST", "/v1/groups", kGroup}, Row{"POST", "/v1/groups", kGroup, true},
                                Row{"POST", "/v1/groups?wait_ms=1000", R"({"notifies":[{"url":"http://h.example/"}]})"},
                                Row{"POST", "/v1/notifies", "\n[ {\"url\":\"http://h.example/\"} , {\"url\" : \"http://h.example/\"} ]\n"},
                                Row{"POST", "/v1/notifies", "\xEF\xBB\xBF{\"url\":\"http://h.example/\"}"},
                                Row{"POST", "/v1/topics/t/publish", R"( { "data" : {"a" : 1} } )"},
                                Row{"POST", "/v1/fkeys/f/trigger", R"( { "data" : {"a" : 1} } )"},
                                Row{"PUT", "/v1/schedules/s", R"( { "every_ms" : 1000, "notify" : {"url":"http://h.example/"} } )"});
  const std::string body = row.packed ? Gzip(row.body) : std::string(row.body);
  CAPTURE(row.target, row.packed);
  std::string head, came;
  ThreadedServer next([&](Stream& stream, int) {
    if (stream.ReadHead(&head) && stream.ReadBytes(body.size(), &came)) stream.Send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
  });
  StagedBroker b(kHere);
  b.stops = true;
  b.refuses = [&] { b.places.Set(There(next.port())); };
  CHECK(Ask(b.port, RequestOf(row.method, row.target, body, row.packed ? "Content-Encoding: gzip\r\n" : "")).status == 201);
  CHECK(b.Came("refused") == 1);
  CHECK(came == body);
  CHECK(head.find("Content-Length: " + std::to_string(body.size()) + "\r\n") != std::string::npos);
  CHECK((head.find("Content-Encoding: gzip") != std::string::npos) == row.packed);
}

TEST_CASE("members: what a core that is gone did not answer is answered, and what only looks is asked elsewhere") {
  StagedBroker c(kHere, {.first_id = 2000});
  StagedBroker b(kHere, {.first_id = 1000});
  b.silent = true;
  RawClient client(b.port, 0, 40);
  const bool looks = GENERATE(false, true);
  REQUIRE(client.Send(looks ? RequestOf("GET", "/v1/notifies/n0000000000000001") : RequestOf("POST", "/v1/notifies", kNotify)));
  REQUIRE(b.WaitFor(looks ? "get" : "submit", 1));
  b.places.Set(There(c.members_port));
  b.OnLoop([](Api& api) {
    api.LeaveNamespace(kDefaultNumber);
    api.EndNamespace(kDefaultNumber);
  });
  const RawResponse answer = client.ReadResponse();
  CHECK(answer.status == (looks ? 404 : 504));
  CHECK(c.Came("submit") == 0);
  CHECK(c.Came("get") == (looks ? 1 : 0));
}

TEST_CASE(
    "members: what no core answers is answered at the end of a stop: a look is refused, of a change it is said that it may have been carried out") {
  StagedBroker b(kHere, {.first_id = 1000});
  b.silent = true;
  RawClient reader(b.port, 0, 40), writer(b.port, 0, 40);
  REQUIRE(reader.Send(RequestOf("GET", "/v1/notifies/n0000000000000001")));
  REQUIRE(b.WaitFor("get", 1));
  REQUIRE(writer.Send(RequestOf("POST", "/v1/notifies", kNotify)));
  REQUIRE(b.WaitFor("submit", 1));
  const bool of_all = GENERATE(false, true);
  b.OnLoop([of_all](Api& api) {
    api.EndBulkSubmits(Leaving::kStopping);
    api.GiveUp(kSystemNumber);  // another one's
    api.GiveUp(of_all ? std::nullopt : std::optional(kDefaultNumber));
  });
  const RawResponse refused = reader.ReadResponse(), unknown = writer.ReadResponse();
  CHECK(refused.status == 503);
  CHECK(refused.body.find("the broker is stopping") != std::string::npos);
  CHECK(unknown.status == 504);
  CHECK(unknown.body.find("outcome-unknown") != std::string::npos);
}

TEST_CASE("members: how long a request waits is the same to whoever passes it on and to whoever serves it") {
  const auto ms = [](const std::string& method, const std::string& target, const std::string& prefer = "") {
    HttpRequest head;
    head.method = method;
    head.target = target;
    if (!prefer.empty()) head.headers.emplace_back("prefer", prefer);
    return AskedWaitMs(head);
  };
  CHECK(ms("GET", "/v1/notifies/n0000000000000001?wait_ms=60000") == 60'000);
  CHECK(ms("GET", "/v1/notifies/n0000000000000001?wait_ms=%360000") == 60'000);
  CHECK(ms("GET", "/v1/namespaces/x/services/s/instances?limit=5&wait%5Fms=7") == 7);
  CHECK(ms("GET", "http://localhost/v1/groups/n0000000000000001?wait_ms=1e3") == 1'000);
  CHECK(ms("GET", "/v1/notifies/n0000000000000001") == 0);
  CHECK(ms("GET", "/v1/notifies/n0000000000000001?wait_ms=60001") == 0);
  CHECK(ms("GET", "/v1/notifies/n0000000000000001", "wait=5") == 0);
  CHECK(ms("POST", "/v1/namespaces/x/notifies", "respond-async, wait=60") == 60'000);
  CHECK(ms("POST", "/v1/notifies", "wait=600") == 60'000);
  CHECK(ms("POST", "/v1/notifies?wait_ms=0", "wait=60") == 0);
  CHECK(ms("POST", "/v1/groups?wait_ms=5", "wait=60") == 5);
}

TEST_CASE("members: whoever waits for a minute is waited for, however he says so, and longer than that not") {
  StagedBroker a(kHere);
  std::atomic<int> asked{0};
  ThreadedServer silent([&](Stream& stream, int) {
    std::string head;
    if (!stream.ReadTo("\r\n\r\n", &head)) return;
    ++asked;
    stream.Drain();
  });
  a.places.Set(There(silent.port()));
  const std::string request =
      GENERATE(RequestOf("POST", "/v1/notifies", kNotify, "Prefer: wait=60\r\n"), RequestOf("POST", "/v1/notifies?wait%5Fms=60000", kNotify),
               RequestOf("POST", "/v1/notifies?wait_ms=%360000", kNotify));
  RawClient client(a.port, 0, 40);
  REQUIRE(client.Send(request));
  REQUIRE(Until([&] { return asked > 0; }));
  a.loop.Pass(62'000);
  a.loop.Pass(0);
  CHECK(a.Counted(PassingFigures::kUnknown) == 0);
  a.loop.Pass(62'000);
  CHECK(client.ReadResponse().status == 504);
}

TEST_CASE("members: what is asked again after it broke waits for the rest, however it says so") {
  StagedBroker b(kHere, {.first_id = 1000});
  StagedBroker a(kHere);
  ThreadedServer breaks([&](Stream& stream, int) {
    std::string head;
    stream.ReadTo("\r\n\r\n", &head);
    a.loop.Pass(10'000);
    a.places.Set(There(b.members_port));
  });
  a.places.Set(There(breaks.port()));
  RawClient client(a.port, 0, 40);
  REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify, "Prefer: wait=30\r\nIdempotency-Key: k\r\n")));
  REQUIRE(b.WaitFor("waiting", 1));
  CHECK(b.waits_ms() <= 20'000);
  CHECK(b.waits_ms() > 1'000);
  b.EndWait(/*settled=*/true);
  const RawResponse answer = client.ReadResponse();
  CHECK(answer.status == 200);
  CHECK(answer.Header("Preference-Applied") == "wait=30");
}

TEST_CASE("members: a bulk submit that its client cuts in its first line ends as it does where it is served: nothing was taken") {
  StagedBroker b(kHere, {.first_id = 1000});
  StagedBroker a(There(b.members_port));
  const std::string first = GENERATE(std::string("{\"url\":"), std::string("\n  \n{\"url\":"));
  RawClient client(a.port, 0, 40);
  REQUIRE(client.Send("POST /v1/notifies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"));
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", first.size());
  REQUIRE(client.Send(size + first + "\r\n"));
  REQUIRE(Until([&] { return b.for_members() > 0; }));
  client.ShutdownWrite();
  CHECK(client.ReadResponse().status == 0);
  CHECK(a.Counted(PassingFigures::kUnknown) == 0);
  CHECK(a.WaitForCounted(PassingFigures::kClientLeft, 1));
}

TEST_CASE("members: how far a request has come comes back as it was said, and counts from members alone") {
  for (const TakenAs as : {TakenAs::kMade, TakenAs::kDuplicate, TakenAs::kKept}) {
    const CarriedOut what{NotifyId{1000}, as};
    CHECK(DecodeCarriedOut(EncodeCarriedOut(what)) == what);
    PassedProgress read;
    REQUIRE(DecodePeer(EncodePeer(Peer(), {1'234, what}), &read));
    CHECK(read.waited_ms == 1'234);
    CHECK(read.carried_out == what);
  }
  for (const char* text : {"", " ", "n0000000000000001", "n0000000000000001 ", "n0000000000000001 sent", "n0000000000000000 made", "x made"})
    CHECK_FALSE(DecodeCarriedOut(text));
  StagedBroker b(kHere, {.first_id = 1000});
  const std::string waits = std::string(kWaitsOnHeader) + ": " + EncodePeer(Peer(), {0, CarriedOut{NotifyId{7}, TakenAs::kMade}}) + "\r\n";
  // Said at another listener it is refused; and what is not carried out is not passed on so.
  CHECK(Ask(b.port, RequestOf("POST", "/v1/notifies", kNotify, waits)).status == 421);
  CHECK(Ask(b.members_port, RequestOf("POST", "/v1/notifies", kNotify, std::string(kWaitsOnHeader) + ": " + EncodePeer(Peer()) + "\r\n")).status ==
        403);
  CHECK(
      Ask(b.members_port, RequestOf("POST", "/v1/notifies", kNotify,
                                    std::string(kPassedOnHeader) + ": " + EncodePeer(Peer(), {0, CarriedOut{NotifyId{7}, TakenAs::kMade}}) + "\r\n"))
          .status == 403);
  CHECK(Ask(b.members_port, RequestOf("POST", "/v1/fkeys/f/trigger", "", waits)).status == 400);
  CHECK(b.Came("submit") == 0);
  CHECK(b.Came("waits on") == 0);
}

}  // namespace
}  // namespace notifyd
