// What clients meet whose broker passes their requests on to another member of a cluster, and stops or restarts meanwhile, or does not reach that
// member: brokers over real sockets (members_stage.h). Contract section 23.
#include <catch2/catch.hpp>

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

#include "net/api/passing.h"
#include "net/cluster/member_client.h"
#include "net/members_stage.h"
#include "support/sockets.h"
#include "support/threaded_server.h"

namespace notifyd {
namespace {

const std::string kNotifyPath = "/v1/notifies/n0000000000000001";
const std::string kBulkHead =
    "POST /v1/notifies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000000\r\n\r\n";

/// One that says so much to each request, the first line of whose body comes behind that, and then nothing more.
ThreadedServer::Serve Silent(std::atomic<int>* asked, const std::string& says) {
  return [asked, says](Stream& stream, int) {
    std::string head, line;
    if (!stream.ReadTo("\r\n\r\n", &head)) return;
    if (!says.empty() && !(stream.Send(says) && stream.ReadTo("\n", &line))) return;
    ++*asked;
    stream.Drain();
  };
}

/// What submits and waits, and what makes a group and does.
std::string WaitingRequest(int which) {
  switch (which) {
    case 0:
      return RequestOf("POST", "/v1/notifies?wait_ms=30000", kNotify);
    case 1:
      return RequestOf("POST", "/v1/notifies", kNotify, "Prefer: wait=30\r\n");
    default:
      return RequestOf("POST", "/v1/groups?wait_ms=30000", "{\"notifies\":[" + kNotify + "]}");
  }
}

TEST_CASE("members: one to whom no connection opens is given up once the time is over, however long each try takes") {
  const SilentPort silent;
  StagedBroker a(There(silent.port()));
  RawClient client(a.port, 0, 40);
  REQUIRE(client.Send(GENERATE(RequestOf("POST", "/v1/notifies", kNotify), RequestOf("GET", kNotifyPath + "?wait_ms=60000"), kBulkHead)));
  CHECK(Until([&] {
    a.loop.Pass(20);
    return a.Counted(PassingFigures::kNoPlace) > 0;
  }));
  const RawResponse answer = client.ReadResponse();
  CHECK(answer.status == 503);
  CHECK(answer.Header("Retry-After") == "1");
}

TEST_CASE("members: what waits for the end of what it submitted is answered as it stands where the broker that passed it on leaves") {
  StagedBroker b(kHere, {.first_id = 1000});
  StagedBroker a(There(b.members_port));
  RawClient client(a.port, 0, 40);
  REQUIRE(client.Send(WaitingRequest(GENERATE(0, 1, 2))));
  REQUIRE(b.WaitFor("waiting", 1));
  const Leaving why = GENERATE(Leaving::kStopping, Leaving::kRestarting);
  a.OnLoop([why](Api& api) { api.EndBulkSubmits(why); });
  REQUIRE(b.WaitFor("hurried", 1));
  b.EndWait(/*settled=*/false);
  const RawResponse answer = client.ReadResponse();
  CHECK(answer.status == 202);
  CHECK(answer.body.find(NotifyId{1000}.ToString()) != std::string::npos);
  CHECK(b.Came("waiting") == 1);
}

TEST_CASE("members: a client that ends its side is no broker that leaves: its submit waits on where it is served") {
  StagedBroker b(kHere, {.first_id = 1000});
  StagedBroker a(There(b.members_port));
  RawClient client(a.port, 0, 40), looks(a.port, 0, 40);
  REQUIRE(client.Send(WaitingRequest(GENERATE(0, 1, 2))));
  REQUIRE(b.WaitFor("waiting", 1));
  REQUIRE(looks.Send(RequestOf("GET", kNotifyPath + "?wait_ms=30000")));
  REQUIRE(b.WaitFor("get", 1));
  client.ShutdownWrite();
  // A look is answered at once, by whoever serves it.
  looks.ShutdownWrite();
  REQUIRE(b.WaitFor("look ended", 1));
  CHECK(looks.ReadResponse().status == 404);
  CHECK(b.Came("hurried") == 0);
  b.EndWait(/*settled=*/true);
  CHECK(client.ReadResponse().status == 200);
}

struct LastAnswer : MemberCall {
  std::atomic<int> answered{0}, lost{0};
  void OnContinue() override {}
  void OnAnswerHead(HttpResponse, std::optional<uint64_t>) override {}
  void OnAnswerBody(std::string_view) override {}
  void OnAnswerEnd(bool) override { ++answered; }
  void OnLost(const MemberLoss&) override { ++lost; }
  void OnSent() override {}
};

TEST_CASE("members: a request behind which nothing more is sent arrives whole, and then its end, also where it was not sent yet") {
  const size_t size = GENERATE(10, 10 << 20);
  std::atomic<size_t> behind{0};
  std::atomic<bool> whole{false}, ended{false};
  ThreadedServer server([&](Stream& stream, int) {
    std::string head, body;
    if (!stream.ReadTo("\r\n\r\n", &head)) return;
    whole = stream.ReadBytes(size, &body);
    ended = !stream.More();
    behind = stream.unread.size();
    stream.Send("HTTP/1.1 204 No Content\r\n\r\n");
  });
  LastAnswer call;
  LoopThread loop;
  std::unique_ptr<MemberClient> client;
  loop.OnLoop([&] {
    client = std::make_unique<MemberClient>(&loop.loop(), MemberClient::Tls{});
    MemberRequest request;
    request.head = "POST / HTTP/1.1\r\nHost: there\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
    request.body = std::make_shared<const std::string>(size, 'x');
    // Its connection opens in a later turn.
    client->EndSending(client->Begin("127.0.0.1:" + std::to_string(server.port()), std::move(request), &call));
  });
  CHECK(Until([&] { return call.answered + call.lost > 0; }));
  CHECK(call.answered == 1);
  CHECK(whole);
  CHECK(ended);
  CHECK(behind == 0);
  loop.OnLoop([&] { client.reset(); });
}

TEST_CASE("members: what waits to look, and is between two brokers while its own leaves, is answered by the one that serves it then") {
  std::atomic<int> asked{0};
  std::mutex mutex;
  std::string head;
  ThreadedServer next([&](Stream& stream, int) {
    std::lock_guard lock(mutex);
    if (stream.ReadTo("\r\n\r\n", &head)) stream.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  });
  StagedBroker a(kMoving);
  ThreadedServer bounces([&](Stream& stream, int) {
    std::string seen;
    if (!stream.ReadTo("\r\n\r\n", &seen)) return;
    ++asked;
    stream.Send(NotHereFarewell());
  });
  RawClient client(a.port, 0, 40);
  const bool moving = GENERATE(false, true);
  if (!moving) a.places.Set(There(bounces.port()));
  REQUIRE(client.Send(RequestOf("GET", kNotifyPath + "?wait_ms=30000")));
  if (moving) REQUIRE(a.places.WaitForWaiting());
  else REQUIRE(Until([&] { return a.figures.repeated > 0; }));
  const bool stays = GENERATE(false, true);
  if (!moving || !stays) a.places.Set(There(next.port()));
  a.OnLoop([](Api& api) { api.EndBulkSubmits(Leaving::kStopping); });
  if (moving && stays) a.places.Set(There(next.port()));
  const RawResponse answer = client.ReadResponse();
  CHECK(answer.status == 200);
  CHECK(answer.body == "{}");
}

TEST_CASE("members: at its end a broker answers what it passed on and has no answer to, as far as that is known") {
  std::atomic<int> asked{0};
  const std::string line = "{\"index\":0,\"id\":\"n00000000000003e8\"}\n";
  const auto chunk = [](const std::string& text) {
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    return size + text + "\r\n";
  };
  const std::string lines =
      "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(line) + chunk("{\"ind");
  const std::string goes_on = "HTTP/1.1 100 Continue\r\n\r\n";
  struct Row {
    std::string says, request;
    int status;
    std::string word;
  };
  const Row row =
      GENERATE_COPY(Row{"", RequestOf("POST", "/v1/notifies", kNotify), 504, "outcome-unknown"}, Row{"", WaitingRequest(0), 504, "outcome-unknown"},
                    Row{"", RequestOf("GET", kNotifyPath + "?wait_ms=30000"), 503, "stopping"},
                    Row{goes_on, kBulkHead + kLine, 504, "outcome-unknown"}, Row{goes_on + lines, kBulkHead + kLine, 200, "outcome-unknown"});
  CAPTURE(row.says, row.request);
  ThreadedServer silent(Silent(&asked, row.says));
  StagedBroker a(There(silent.port()));
  RawClient client(a.port, 0, 40);
  REQUIRE(client.Send(row.request));
  REQUIRE(Until([&] { return asked > 0; }));
  std::string first;
  if (row.status == 200) {
    REQUIRE(client.ReadResponse(/*no_body=*/true).status == 200);
    REQUIRE(client.ReadChunk(&first));
    CHECK(first == line);
  }
  bool had = false, has = true;
  a.OnLoop([&](Api& api) {
    api.EndBulkSubmits(Leaving::kStopping);
    had = api.CutPassed();
    has = api.CutPassed();
  });
  CHECK(had);
  CHECK_FALSE(has);
  if (row.status == 200) {
    std::string last;
    REQUIRE(client.ReadChunk(&last));
    CHECK(last.starts_with("{\"type\":\"urn:notifyd:problem:" + row.word));
    CHECK(last.ends_with("}\n"));
    CHECK(client.ReadChunk(&last));
    CHECK(last.empty());
    return;
  }
  const RawResponse answer = client.ReadResponse();
  CHECK(answer.status == row.status);
  CHECK(answer.body.find("urn:notifyd:problem:" + row.word) != std::string::npos);
}

TEST_CASE("members: what never went out to the other member was not taken, and is answered so where its broker ends") {
  const SilentPort silent;
  StagedBroker a(There(silent.port()));
  RawClient client(a.port, 0, 40);
  REQUIRE(client.Send(GENERATE(RequestOf("POST", "/v1/notifies", kNotify), WaitingRequest(0))));
  bool had = false;
  REQUIRE(Until([&] {
    a.OnLoop([&](Api& api) { had = api.CutPassed(); });
    return had;
  }));
  const RawResponse answer = client.ReadResponse();
  CHECK(answer.status == 503);
  CHECK(answer.body.find("urn:notifyd:problem:stopping") != std::string::npos);
}

TEST_CASE("members: a look that the other member breaks off while its own broker leaves changed nothing, and is answered so") {
  std::atomic<int> asked{0};
  std::atomic<bool> left{false};
  ThreadedServer breaks([&](Stream& stream, int) {
    std::string head;
    if (!stream.ReadTo("\r\n\r\n", &head)) return;
    ++asked;
    Until([&] { return left.load(); });
  });
  StagedBroker a(There(breaks.port()));
  RawClient looks(a.port, 0, 40), changes(a.port, 0, 40);
  REQUIRE(looks.Send(RequestOf("GET", kNotifyPath)));
  REQUIRE(changes.Send(RequestOf("DELETE", kNotifyPath)));
  REQUIRE(Until([&] { return asked == 2; }));
  a.OnLoop([](Api& api) { api.EndBulkSubmits(Leaving::kStopping); });
  left = true;
  CHECK(looks.ReadResponse().status == 503);
  CHECK(changes.ReadResponse().status == 504);
}

}  // namespace
}  // namespace notifyd
