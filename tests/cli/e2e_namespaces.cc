// Several namespaces in one broker, over restarts of every kind.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <random>

#include "cli/e2e_broker.h"
#include "support/counting_receiver.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

std::string In(const std::string& space, const std::string& path) {
  return "/v1/namespaces/" + space + path;
}

/// Makes one that may call this machine, as `default` may.
void Make(Broker* broker, const std::string& space, const std::string& more = "") {
  HttpAnswer answer = broker->Call("PUT", In(space, ""), R"({"destinations":{"allow":["127.0.0.0/8"]})" + more + "}");
  INFO(answer.body);
  REQUIRE(answer.status == 201);
}

/// Submits one; its id.
std::string Submit(Broker* broker, const std::string& space, const std::string& notify) {
  HttpAnswer answer = broker->Call("POST", In(space, "/notifies"), notify);
  INFO(answer.body);
  REQUIRE(answer.status == 201);
  return JsonAt(answer.body, "/id");
}

uint64_t Stat(Broker* broker, const std::string& space, const std::string& pointer) {
  return std::stoull(JsonAt(broker->Call("GET", In(space, "/stats")).body, pointer));
}

/// Until a line of the log says it.
void AwaitLog(Broker* broker, const std::string& text) {
  REQUIRE(broker->process().WaitForError(text));
}

}  // namespace

TEST_CASE("namespaces: two live side by side, and neither sees what is in the other") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, ""}; });
  const std::string shards = GENERATE(as<std::string>{}, "1", "3");
  const std::string io_threads = GENERATE(as<std::string>{}, "1", "2");
  Broker broker(dir.path(), {"--shards", shards, "--io-threads", io_threads});
  Make(&broker, "a");
  Make(&broker, "b");
  const std::string notify = R"({"url":")" + receiver.url() + R"(","fkey":"k","delay_ms":3600000})";
  const std::string in_default = broker.Submit(notify), in_a = Submit(&broker, "a", notify), in_b = Submit(&broker, "b", notify);
  // Sequences of their own, each under its number.
  CHECK(in_default == "n0000000000000001");
  CHECK(in_a == "n0002000000000001");
  CHECK(in_b == "n0003000000000001");
  CHECK(broker.Call("GET", In("a", "/notifies/") + in_a).status == 200);
  CHECK(broker.Call("GET", In("a", "/notifies/") + in_b).status == 404);
  CHECK(broker.Call("GET", In("b", "/notifies/") + in_default).status == 404);
  CHECK(JsonAt(broker.Call("GET", In("b", "/fkeys/k")).body, "/id") == in_b);
  CHECK(broker.Call("POST", In("b", "/fkeys/k/trigger")).status == 202);
  CHECK(JsonAt(broker.Call("GET", In("b", "/notifies/") + in_b + "?wait_ms=30000").body, "/state") == "succeeded");
  CHECK(JsonAt(broker.Call("GET", In("a", "/notifies/") + in_a).body, "/state") == "held");
  CHECK(receiver.seen().size() == 1);
  CHECK(Stat(&broker, "a", "/totals/accepted") == 1);
  CHECK(Stat(&broker, "b", "/totals/succeeded") == 1);
  CHECK(broker.Call("POST", In("c", "/notifies"), notify).status == 404);
  const std::string metrics = broker.Call("GET", "/metrics").body;
  CHECK_THAT(metrics,
             Catch::Contains("\nnotifyd_namespaces 4\n") && Catch::Contains("\nnotifyd_namespaces_awake 3\n") && !Catch::Contains("namespace=\""));
}

TEST_CASE("namespaces: what they have pending outlives a stop, and is sent when it is due, without that anybody asks") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, ""}; });
  std::string id, held;
  {
    Broker broker(dir.path(), {"--log-format", "json"});
    Make(&broker, "a");
    Make(&broker, "b");
    id = Submit(&broker, "a", R"({"url":")" + receiver.url() + R"(","delay_ms":2500})");
    held = Submit(&broker, "b", R"({"url":")" + receiver.url() + R"(","fkey":"k"})");
    broker.process().Signal(SIGTERM);
    REQUIRE(broker.process().Wait() == 0);
  }
  Broker broker(dir.path(), {"--log-format", "json"});
  AwaitLog(&broker, "notify succeeded");
  const std::string line = LinesOf(broker.process().error(), "notify succeeded").at(0);
  CHECK(JsonAt(line, "/id") == id);
  CHECK(JsonAt(line, "/namespace") == "a");
  CHECK(receiver.seen().size() == 1);
  CHECK(JsonAt(broker.Call("GET", In("b", "/notifies/") + held).body, "/state") == "held");
}

TEST_CASE("namespaces: a restart in place takes all of them along, and waits for the calls in flight of each") {
  TempDir dir;
  CountingReceiver receiver;
  receiver.Withhold();
  const std::string shards = GENERATE(as<std::string>{}, "1", "2");
  Broker broker(dir.path(), {"--shards", shards});
  std::vector<std::pair<std::string, std::string>> ids;
  for (const char* space : {"a", "b", "c"}) {
    Make(&broker, space);
    ids.emplace_back(space, Submit(&broker, space, R"({"url":")" + receiver.url() + R"("})"));
  }
  REQUIRE(receiver.WaitForWithheld(3));
  broker.process().Signal(SIGUSR1);
  AwaitLog(&broker, "no new attempts");
  // All else is served meanwhile, and what sleeps is woken for it.
  Make(&broker, "d");
  ids.emplace_back("d", Submit(&broker, "d", R"({"url":")" + receiver.url() + R"("})"));
  receiver.Release();
  AwaitLog(&broker, "restarted in place");
  for (const auto& [space, id] : ids)
    CHECK(JsonAt(broker.Call("GET", In(space, "/notifies/") + id + "?wait_ms=30000").body, "/state") == "succeeded");
  for (const auto& [space, id] : ids) CHECK(Stat(&broker, space, "/totals/attempts") == 1);
}

TEST_CASE("namespaces: settings hold while the broker runs, and after SIGHUP the broker's own beside them") {
  TempDir dir;
  const std::string file = dir.Write("n.toml", "[limits]\npending = 3\n");
  Broker broker(dir.path(), {"--config", file});
  const std::string held = R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})";
  Make(&broker, "a", R"(,"max_pending":1)");
  Make(&broker, "b");
  Submit(&broker, "a", held);
  CHECK(broker.Call("POST", In("a", "/notifies"), held).status == 429);
  for (int i = 0; i < 3; ++i) Submit(&broker, "b", held);
  CHECK(broker.Call("POST", In("b", "/notifies"), held).status == 429);
  dir.Write("n.toml", "[limits]\npending = 4\n");
  broker.process().Signal(SIGHUP);
  AwaitLog(&broker, "settings reloaded");
  Submit(&broker, "b", held);
  CHECK(broker.Call("POST", In("b", "/notifies"), held).status == 429);
  CHECK(broker.Call("POST", In("a", "/notifies"), held).status == 429);
  CHECK(broker.Call("PATCH", In("a", ""), R"({"max_pending":2})").status == 200);
  Submit(&broker, "a", held);
  CHECK(broker.Call("POST", In("a", "/notifies"), held).status == 429);
}

TEST_CASE("namespaces: one that has pending notifies is removed only where they are to be discarded; a kill in between does not end that") {
  TempDir dir;
  CountingReceiver receiver;
  receiver.Withhold();
  std::string other;
  {
    Broker broker(dir.path());
    Make(&broker, "a");
    Make(&broker, "b");
    for (int i = 0; i < 5; ++i) Submit(&broker, "a", R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})");
    other = Submit(&broker, "b", R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})");
    CHECK(broker.Call("DELETE", In("a", "")).status == 409);
    Submit(&broker, "a", R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})");
    // While this one is in flight the namespace cannot go.
    Submit(&broker, "a", R"({"url":")" + receiver.url() + R"("})");
    REQUIRE(receiver.WaitForWithheld(1));
    CHECK(broker.Call("DELETE", In("a", "?discard_pending=true")).Done());
    CHECK(broker.Call("POST", In("a", "/notifies"), R"({"url":"http://127.0.0.1:9/"})").status == 409);
    broker.process().Signal(SIGKILL);
    CHECK(broker.process().Wait() == 1000 + SIGKILL);
    receiver.Release();
  }
  Broker broker(dir.path());
  // It goes on by itself.
  for (int i = 0; i < kDeadlineSeconds * 20 && broker.Call("GET", In("a", "")).status != 404; ++i) usleep(50'000);
  CHECK(broker.Call("GET", In("a", "")).status == 404);
  CHECK(broker.Call("GET", In("a", "/stats")).status == 404);
  CHECK(JsonAt(broker.Call("GET", In("b", "/notifies/") + other).body, "/state") == "scheduled");
  // What it had stays in the sums.
  const std::string all = broker.Call("GET", "/v1/stats?namespaces=all").body;
  INFO(all);
  CHECK(JsonAt(all, "/totals/accepted") == "8");
  CHECK(JsonAt(all, "/totals/cancelled") == "7");
  // That of the other one.
  CHECK(JsonAt(all, "/pending") == "1");
  CHECK(JsonAt(all, "/states/scheduled") == "1");
  // Its number is not given again, and nobody finds anything under its name.
  Make(&broker, "a");
  CHECK(Submit(&broker, "a", R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})") == "n0004000000000001");
  CHECK(broker.BooksBalance());
}

TEST_CASE("namespaces: scheme and ports of the file hold for those that say nothing, and only an admin of all says wider ones") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, ""}; });
  Broker broker(dir.path(), {"--config", dir.Write("n.toml", "[destinations]\nports = [1, 2]\nhttps_only = true\n")});
  const std::string url = receiver.url(), port = url.substr(url.rfind(':') + 1, url.find('/', url.rfind(':')) - url.rfind(':') - 1);
  const std::string notify = R"({"url":")" + url + "\"}";
  // At the attempt, as all that is judged of destinations; the detail says by what.
  const auto refusal = [&](const std::string& space) {
    const std::string body = broker.Call("GET", In(space, "/notifies/") + Submit(&broker, space, notify) + "?wait_ms=30000").body;
    CHECK(JsonAt(body, "/state") == "failed");
    CHECK(receiver.seen().empty());
    return body;
  };
  CHECK_THAT(refusal("default"), Catch::Contains("destination_refused") && Catch::Contains("https only"));
  CHECK(broker.Call("PUT", In("a", ""), R"({"destinations":{"allow":["127.0.0.0/8"],"https_only":false}})").status == 201);
  CHECK_THAT(refusal("a"), Catch::Contains("destination_refused") && Catch::Contains("port " + port + " is none of destinations.ports"));
  CHECK(broker.Call("PATCH", In("a", ""), R"({"destinations":{"ports":[)" + port + "]}}").status == 200);
  const std::string id = Submit(&broker, "a", notify);
  CHECK(JsonAt(broker.Call("GET", In("a", "/notifies/") + id + "?wait_ms=30000").body, "/state") == "succeeded");
}

TEST_CASE("namespaces: a shared rule of the file bounds what all of them have in flight to a host, over shards") {
  TempDir dir;
  std::atomic<int> now = 0, most = 0;
  ScriptedServer receiver([&](const SeenRequest&) {
    const int running = ++now;
    for (int seen = most; running > seen && !most.compare_exchange_weak(seen, running);) {
    }
    usleep(5'000);
    --now;
    return ScriptedAnswer{200, ""};
  });
  const std::string file = dir.path() + "/notifyd.toml";
  std::ofstream(file)
      << "shards = 2\n[[destination]]\nmatch = \"127.0.0.1:*\"\nnamespaces = [\"default\", \"a\", \"b\"]\nconcurrency = 3\nshared = true\n";
  Broker broker(dir.path(), {"--config", file});
  Make(&broker, "a");
  Make(&broker, "b");
  std::vector<std::string> ids;
  for (int i = 0; i < 60; ++i) {
    const std::string notify = R"({"url":")" + receiver.url() + R"(/","lane":"lane)" + std::to_string(i) + "\"}";
    ids.push_back(i % 3 == 0 ? broker.Submit(notify) : Submit(&broker, i % 3 == 1 ? "a" : "b", notify));
  }
  for (const std::string& id : ids) CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
  CHECK(most <= 3);
  CHECK(most >= 2);
  for (const char* space : {"a", "b"}) CHECK(Stat(&broker, space, "/totals/succeeded") == 20);
}

TEST_CASE("namespaces: max_stored_bytes counts what was stored before a kill, and before a stop") {
  TempDir dir;
  std::mt19937 random(7);
  // As many as are taken.
  auto fill = [&random](Broker* broker) {
    for (size_t count = 0;; ++count) {
      std::string body;
      while (body.size() < 10'000) body.push_back(static_cast<char>('0' + random() % 75));
      std::replace(body.begin(), body.end(), '\\', 'x');
      HttpAnswer answer = broker->Call("POST", In("s", "/notifies"), R"({"url":"http://127.0.0.1:1/","delay_ms":3600000,"body":")" + body + "\"}");
      if (answer.status == 201) continue;
      INFO(answer.body);
      CHECK(answer.status == 507);
      return count;
    }
  };
  {
    Broker broker(dir.path());
    Make(&broker, "s", R"(,"max_stored_bytes":1000000)");
    CHECK(fill(&broker) > 90);
    broker.process().Signal(SIGKILL);
    broker.process().Wait();
  }
  for (int signal : {SIGTERM, SIGKILL}) {
    Broker broker(dir.path());
    CHECK(fill(&broker) < 30);  // what it takes on the disk may be less than what was counted
    broker.process().Signal(signal);
    broker.process().Wait();
  }
}
