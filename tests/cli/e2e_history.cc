// What the broker tells of itself: history and what falls due, over restarts; figures as they are; one of a paused lane.
#include <signal.h>

#include <sstream>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/ctl.h"
#include "cli/e2e_broker.h"
#include "support/held_receiver.h"
#include "support/raw_client.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

std::string To(const std::string& url, const std::string& more = "") {
  return R"({"url":")" + url + "/\"" + more + "}";
}

/// The sum of a series' values.
uint64_t SumOf(const std::string& history, const std::string& series) {
  uint64_t sum = 0;
  std::istringstream values(JsonAt(history, "/series/" + series).substr(1));
  for (std::string value; std::getline(values, value, ',');)
    if (value.front() != 'n') sum += std::stoull(value);
  return sum;
}

std::string HistoryOf(Broker& broker, const std::string& query = "") {
  const HttpAnswer answer = broker.Call("GET", "/v1/history" + query);
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  return answer.body;
}

uint16_t PortOf(const std::string& url) {
  return static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

/// Reads chunks until one has `text`.
bool ReadUntil(RawClient* client, const std::string& text) {
  std::string chunk;
  for (int i = 0; i < 1'000; ++i) {
    if (!client->ReadChunk(&chunk) || chunk.empty()) return false;
    if (chunk.find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("history: what was done is told after a stop and after a kill, of the namespace and of the host") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest& request) { return ScriptedAnswer{request.target == "/bad" ? 500 : 200, ""}; });
  const std::string host = receiver.url().substr(7);
  {
    Broker broker(dir.path());
    for (int i = 0; i < 3; ++i) broker.Settled(broker.Submit(To(receiver.url())));
    broker.Settled(broker.Submit(R"({"url":")" + receiver.url() + R"(/bad","retry":{"max_attempts":1}})"));
    CHECK(SumOf(HistoryOf(broker), "accepted") == 4);
    const HttpAnswer shown = broker.Call("GET", "/v1/hosts/" + host);
    if (shown.status == 200) CHECK(JsonAt(shown.body, "/figures/attempts") == "4");
    broker.process().Signal(SIGTERM);
    CHECK(broker.process().Wait() == 0);
  }
  {
    Broker broker(dir.path());
    for (const std::string& query : std::vector<std::string>{"", "?step=900000", "?host=" + host, "?step=900000&host=" + host}) {
      CAPTURE(query);
      const std::string history = HistoryOf(broker, query);
      CHECK(SumOf(history, "accepted") == 4);
      CHECK(SumOf(history, "succeeded") == 3);
      CHECK(SumOf(history, "failed") == 1);
      CHECK(SumOf(history, "attempts_failed") == 1);
    }
    broker.Settled(broker.Submit(To(receiver.url())));
    CHECK(SumOf(HistoryOf(broker), "accepted") == 5);
    broker.process().Signal(SIGKILL);
    broker.process().Wait();
  }
  Broker broker(dir.path());
  const uint64_t told = SumOf(HistoryOf(broker), "accepted");
  CHECK(told >= 4);  // but for the minute that was open
  CHECK(told <= 5);
  CHECK(broker.BooksBalance());
}

TEST_CASE("due: what falls due is told, over a kill, and notifyctl shows it") {
  TempDir dir;
  ScriptedServer receiver(Always(200, ""));
  auto due = [](Broker& broker, const std::string& pointer) { return JsonAt(broker.Call("GET", "/v1/due?step_ms=172800000").body, pointer); };
  {
    Broker broker(dir.path());
    CHECK(due(broker, "/counts") == "[0]");
    for (int i = 0; i < 3; ++i) broker.Submit(To(receiver.url(), R"(,"delay_ms":3600000)"));
    broker.Submit(To(receiver.url(), R"(,"delay_ms":864000000)"));
    CHECK(due(broker, "/counts") == "[3]");
    CHECK(due(broker, "/later") == "1");
    broker.process().Signal(SIGKILL);
    broker.process().Wait();
  }
  Broker broker(dir.path());
  CHECK(due(broker, "/counts") == "[3]");
  CHECK(due(broker, "/since") == "null");
  const CtlRun shown = Ctl({"--server", broker.url(), "due"});
  CHECK(shown.code == 0);
  CHECK_THAT(shown.output, Catch::Contains("  3\n") && Catch::Contains("later") && Catch::Contains("  1\n"));
  const CtlRun cancelled = Ctl({"--server", broker.url(), "cancel", "--state", "scheduled"});
  CHECK(cancelled.code == 0);
  CHECK(due(broker, "/counts") == "[0]");
  CHECK(due(broker, "/later") == "0");
  const CtlRun history = Ctl({"--server", broker.url(), "history"});
  CHECK(history.code == 0);
  CHECK_THAT(history.output, Catch::Contains("ACCEPTED") && Catch::Contains("ATTEMPT P99 MS"));
  const CtlRun json = Ctl({"--server", broker.url(), "--json", "history", "--series", "cancelled"});
  CHECK(SumOf(json.output, "cancelled") == 4);
}

TEST_CASE("live: events come while it is read, and end as the broker stops") {
  TempDir dir;
  ScriptedServer receiver(Always(200, ""));
  Broker broker(dir.path(), {"--limits-live", "1"});
  RawClient client(PortOf(broker.url()), 0, kDeadlineSeconds);
  REQUIRE(client.Send("GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
  // Its head alone: the body has no end.
  const RawResponse head = client.ReadResponse(/*no_body=*/true);
  CHECK(head.status == 200);
  CHECK(head.Header("Content-Type") == "text/event-stream");
  CHECK(head.Header("Cache-Control") == "no-store");
  CHECK(ReadUntil(&client, "event: figures"));
  broker.Settled(broker.Submit(To(receiver.url())));
  CHECK(ReadUntil(&client, R"("accepted":1)"));
  CHECK(broker.Call("GET", "/v1/live").status == 429);
  CHECK_THAT(broker.Call("GET", "/metrics").body, Catch::Contains("\nnotifyd_listeners 1\n"));
  broker.process().Signal(SIGTERM);
  std::string chunk;
  bool ended = false;
  for (int i = 0; i < 1'000 && !ended; ++i) ended = client.ReadChunk(&chunk) && chunk.empty();
  CHECK(ended);
  CHECK(broker.process().Wait() == 0);
}

TEST_CASE("retry: one of a paused lane is sent although it is paused") {
  TempDir dir;
  ScriptedServer receiver(Always(200, ""));
  Broker broker(dir.path());
  broker.Call("PATCH", "/v1/lanes/fifo/l", R"({"paused":true})");
  const std::string a = broker.Submit(To(receiver.url(), R"(,"lane":"l","mode":"fifo")"));
  const std::string b = broker.Submit(To(receiver.url(), R"(,"lane":"l","mode":"fifo")"));
  const CtlRun sent = Ctl({"--server", broker.url(), "retry", b, "--paused"});
  CHECK(sent.code == 0);
  CHECK(JsonAt(broker.Settled(b), "/state") == "succeeded");
  CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + a).body, "/state") == "ready");
  CHECK(JsonAt(broker.Call("GET", "/v1/lanes/fifo/l").body, "/paused") == "true");
  CHECK(Ctl({"--server", broker.url(), "retry", "--state", "failed", "--paused"}).code == 2);
}
