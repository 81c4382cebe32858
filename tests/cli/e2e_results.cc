// What receivers answer: waited for, kept, over a kill; and bodies as gzip.
#include <signal.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/ctl.h"
#include "cli/e2e_broker.h"
#include "net/gzip.h"
#include "support/held_receiver.h"
#include "support/raw_client.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

ScriptedAnswer Pong(const SeenRequest&) {
  return {201, "pong", "text/plain", "ETag: \"1\"\r\nSet-Cookie: a=b\r\nX-Mine: 1\r\n"};
}

std::string To(const std::string& url, const std::string& more = "") {
  return R"({"url":")" + url + "/\"" + more + "}";
}

std::string RequestOf(const std::string& head, const std::string& body) {
  return "POST " + head + "Host: 127.0.0.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

uint16_t PortOf(const Broker& broker) {
  return static_cast<uint16_t>(std::stoi(broker.address().substr(broker.address().rfind(':') + 1)));
}

}  // namespace

TEST_CASE("results: who submits and waits gets the settled notify with its answer, which is not kept") {
  TempDir dir;
  ScriptedServer receiver(Pong);
  Broker broker(dir.path());
  const HttpAnswer answer = broker.Call("POST", "/v1/notifies?wait_ms=60000", To(receiver.url()));
  INFO(answer.body);
  CHECK(answer.status == 200);
  CHECK(JsonAt(answer.body, "/state") == "succeeded");
  CHECK(JsonAt(answer.body, "/attempts/0/status") == "201");
  CHECK(JsonAt(answer.body, "/response/status") == "201");
  CHECK(JsonAt(answer.body, "/response/body") == "pong");
  CHECK(JsonAt(answer.body, "/response/headers/Content-Type") == "text/plain");
  const std::string id = JsonAt(answer.body, "/id");
  CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
  CHECK(broker.Call("GET", "/v1/notifies/" + id + "/response").status == 404);
  CHECK(broker.BooksBalance());
}

TEST_CASE("results: in time or not, the notify is the same; a repeat waits for the first one") {
  TempDir dir;
  HeldReceiver receiver;
  Broker broker(dir.path());
  RawClient client(PortOf(broker));
  const std::string notify = To(receiver.url(), R"(,"idempotency_key":"k")");
  REQUIRE(client.Send(RequestOf("/v1/notifies?wait_ms=1 HTTP/1.1\r\n", notify)));
  const RawResponse late = client.ReadResponse();
  CHECK(late.status == 202);
  const std::string id = JsonAt(late.body, "/id");
  CHECK(late.Header("Location") == "/v1/notifies/" + id);
  REQUIRE(client.Send(RequestOf("/v1/notifies HTTP/1.1\r\nPrefer: wait=60\r\n", notify)));
  receiver.Open();
  const RawResponse repeat = client.ReadResponse();
  INFO(repeat.body);
  CHECK(repeat.status == 200);
  CHECK(repeat.Header("Preference-Applied") == "wait=60");
  CHECK(repeat.Header("Location") == "/v1/notifies/" + id);
  CHECK(JsonAt(repeat.body, "/id") == id);
  CHECK(JsonAt(repeat.body, "/duplicate") == "true");
  CHECK(JsonAt(repeat.body, "/state") == "succeeded");
}

TEST_CASE("results: whoever stops waiting, or is killed with the broker, fetches the answer later") {
  TempDir dir;
  std::string id;
  ScriptedServer receiver(Pong);
  {
    HeldReceiver held;
    Broker broker(dir.path(), {"--results-headers=X-Mine"});
    {
      RawClient client(PortOf(broker));
      REQUIRE(client.Send(RequestOf("/v1/notifies?wait_ms=60000 HTTP/1.1\r\n", To(held.url(), R"(,"keep_response_bytes":100)"))));
      REQUIRE(held.server().WaitFor(1).size() == 1);
    }  // it hangs up
    const std::string gone = held.server().seen().at(0).Header("notify-id");
    held.Open();
    CHECK(JsonAt(broker.Settled(gone), "/state") == "succeeded");
    CHECK(broker.Call("GET", "/v1/notifies/" + gone + "/response").status == 200);
    id = broker.Submit(To(receiver.url(), R"(,"keep_response_bytes":3)"));
    broker.Settled(id);
    broker.process().Signal(SIGKILL);
    CHECK(broker.process().Wait() == 1000 + SIGKILL);
  }
  Broker broker(dir.path());
  const HttpAnswer kept = broker.Call("GET", "/v1/notifies/" + id + "/response");
  INFO(kept.body);
  CHECK(kept.status == 200);
  CHECK(JsonAt(kept.body, "/status") == "201");
  CHECK(JsonAt(kept.body, "/body") == "pon");
  CHECK(JsonAt(kept.body, "/truncated") == "true");
  CHECK(JsonAt(kept.body, "/headers/ETag") == "\"1\"");
  CHECK(JsonAt(kept.body, "/headers/X-Mine") == "1");
  CHECK(JsonAt(kept.body, "/headers/Set-Cookie") == "");
  RawClient client(PortOf(broker));
  REQUIRE(client.Send("GET /v1/notifies/" + id + "/response?raw=true HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
  const RawResponse raw = client.ReadResponse();
  CHECK(raw.body == "pon");
  CHECK(raw.Header("Content-Type") == "application/octet-stream");
  CHECK(raw.Header("Content-Disposition") == "attachment");
  CHECK(raw.Header("X-Content-Type-Options") == "nosniff");
  CHECK(raw.Header("Content-Security-Policy") == "sandbox");
  CHECK(broker.Call("POST", "/v1/notifies/purge", R"({"filter":{"state":"succeeded"}})").status == 200);
  CHECK(broker.Call("GET", "/v1/notifies/" + id + "/response").status == 404);
  CHECK(broker.BooksBalance());
}

TEST_CASE("results: many answers of 1 MiB come whole through memory for two of them") {
  TempDir dir;
  const std::string body(1 << 20, 'x');
  ScriptedServer receiver([&](const SeenRequest&) { return ScriptedAnswer{200, body, "text/plain"}; });
  Broker broker(dir.path(), {"--results-memory-bytes=2097152"});
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) ids.push_back(broker.Submit(To(receiver.url(), R"(,"keep_response_bytes":1048576)")));
  for (const std::string& id : ids) {
    CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
    const HttpAnswer raw = broker.Call("GET", "/v1/notifies/" + id + "/response?raw=true");
    CHECK(raw.body.size() == body.size());
  }
  CHECK(broker.Stat("/memory/captured_bytes") == 0);
}

TEST_CASE("results: gzip to the broker, and to the receiver") {
  TempDir dir;
  ScriptedServer receiver(Pong);
  Broker broker(dir.path());
  RawClient client(PortOf(broker));
  const std::string notify = To(receiver.url(), R"(,"compress":"gzip","body":")" + std::string(5'000, 'x') + "\"");
  REQUIRE(client.Send(RequestOf("/v1/notifies?wait_ms=60000 HTTP/1.1\r\nContent-Encoding: gzip\r\n", Gzip(notify))));
  CHECK(client.ReadResponse().status == 200);
  REQUIRE(receiver.seen().size() == 1);
  const SeenRequest seen = receiver.seen()[0];
  CHECK(seen.Header("content-encoding") == "gzip");
  std::string unpacked;
  REQUIRE(GunzipAll(seen.body, 10'000, &unpacked).ok());
  CHECK(unpacked == std::string(5'000, 'x'));
  // Lines, packed.
  std::string lines;
  for (int i = 0; i < 1'000; ++i) lines += R"({"url":"http://127.0.0.1:9/","fkey":"k)" + std::to_string(i) + "\"}\n";
  REQUIRE(client.Send(RequestOf("/v1/notifies HTTP/1.1\r\nContent-Type: application/x-ndjson\r\nContent-Encoding: gzip\r\n", Gzip(lines))));
  const RawResponse answers = client.ReadResponse();
  CHECK(answers.status == 200);
  CHECK(std::count(answers.body.begin(), answers.body.end(), '\n') == 1'000);
  CHECK(broker.Stat("/states/held") == 1'000);
  // What unpacks to more than a request may have.
  REQUIRE(client.Send(RequestOf("/v1/notifies HTTP/1.1\r\nContent-Encoding: gzip\r\n", Gzip(std::string(80 << 20, ' ')))));
  CHECK(client.ReadResponse().status == 413);
  REQUIRE(client.Send(RequestOf("/v1/notifies HTTP/1.1\r\nContent-Encoding: br\r\n", "x")));
  const RawResponse other = client.ReadResponse();
  CHECK(other.status == 415);
  CHECK(other.Header("Accept-Encoding") == "gzip");
}

TEST_CASE("results: notifyctl waits, shows and saves") {
  TempDir dir;
  ScriptedServer receiver(Pong);
  Broker broker(dir.path());
  auto ctl = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--server", broker.url()});
    return Ctl(arguments);
  };
  CtlRun run = ctl({"submit", receiver.url() + "/", "--wait", "--keep-response-bytes", "100"});
  INFO(run.output + run.error);
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::Contains("succeeded") && Catch::Contains("pong"));
  run = ctl({"--json", "submit", receiver.url() + "/", "--wait=60000", "--keep-response-bytes=100"});
  CHECK(JsonAt(run.output, "/response/body") == "pong");
  const std::string id = JsonAt(run.output, "/id");
  run = ctl({"response", "get", id});
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::Contains("201") && Catch::Contains("text/plain") && Catch::Contains("pong"));
  CHECK(ctl({"response", "save", id, "-"}).output == "pong");
  const std::string file = dir.path() + "/answer";
  CHECK(ctl({"response", "save", id, file}).code == 0);
  CHECK(Shell("cat \"$2\"", {file}).output == "pong");
  CHECK(ctl({"response", "save", id, "/no/such/directory/x"}).code == 2);
  CHECK(ctl({"response", "get", "n00000000000000ff"}).code == 1);
  CHECK(ctl({"response"}).code == 2);
  CHECK(ctl({"submit", receiver.url() + "/", "--wait=soon"}).code == 2);
}
