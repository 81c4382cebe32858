// Alerts end to end: robots in the shapes of those that are out there, mail by STARTTLS, a receiver that is down, restarts, a storm, and the
// commands.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/base64.h"
#include "cli/ctl.h"
#include "cli/e2e_broker.h"
#include "support/certificates.h"
#include "support/scripted_server.h"
#include "support/slowness.h"
#include "support/sockets.h"
#include "support/tiny_receiver.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// One that fires while something of `default` is pending.
std::string Pending(const std::string& name, const std::string& to, const std::string& more = {}) {
  return "[[alert]]\nname = \"" + name + "\"\nwhen = \"pending\"\nthreshold = 0\nfor = 0\ngroup = 0\nnamespace = \"default\"\nto = \"" + to + "\"\n" +
         more;
}

const char kLater[] = R"({"url":"http://127.0.0.1:1/","delay_ms":3600000})";

/// The text of WeCom's markdown.
std::string Content(const SeenRequest& request) {
  return JsonAt(request.body, "/markdown/content");
}

/// The notify, once an attempt of it has ended.
std::string Attempted(Broker& broker, const std::string& id) {
  std::string notify;
  for (int i = 0; i < 300 && JsonAt(notify, "/attempts/0/number").empty(); ++i)
    notify = broker.Call("GET", "/v1/notifies/" + id + "?wait_ms=100").body;
  return notify;
}

/// Waits for so many requests.
std::vector<SeenRequest> Wait(ScriptedServer& receiver, size_t count) {
  std::vector<SeenRequest> seen = receiver.WaitFor(count);
  REQUIRE(seen.size() >= count);
  return seen;
}

}  // namespace

TEST_CASE("alerts: a webhook is told that it fires, and after a kill -9 that it is over; both once") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  const std::string file = dir.Write("n.toml", Pending("late", "webhook:" + receiver.url() + "/hook?key=hidden"));
  std::string id;
  {
    Broker broker(dir.path(), {"--config", file});
    CHECK(JsonAt(broker.Call("GET", "/v1/alerts").body, "/items/0/state") == "ok");
    id = broker.Submit(kLater);
    const SeenRequest told = Wait(receiver, 1)[0];
    CHECK(told.target == "/hook?key=hidden");
    CHECK(told.Header("Content-Type") == "application/json");
    CHECK(JsonAt(told.body, "/alerts/0/name") == "late");
    CHECK(JsonAt(told.body, "/alerts/0/state") == "firing");
    CHECK(JsonAt(told.body, "/alerts/0/firing/0/namespace") == "default");
    CHECK(JsonAt(told.body, "/alerts/0/firing/0/value") == "1");
    CHECK_FALSE(JsonAt(told.body, "/source").empty());
    // What is secret of the target is shown nowhere.
    for (const char* path : {"/v1/alerts", "/v1/alerts/late", "/v1/namespaces/system/notifies"}) {
      const HttpAnswer answer = broker.Call("GET", path);
      CHECK(answer.status == 200);
      CHECK(answer.body.find("hidden") == std::string::npos);
    }
    const std::string notify = JsonAt(broker.Call("GET", "/v1/namespaces/system/notifies").body, "/items/0/id");
    CHECK(JsonAt(broker.Settled(notify), "/state") == "succeeded");
    const std::string alert = broker.Call("GET", "/v1/alerts/late").body;
    CHECK(JsonAt(alert, "/state") == "firing");
    CHECK(JsonAt(alert, "/last_message") == "firing");
    CHECK(JsonAt(alert, "/undelivered") == "0");
    CHECK(JsonAt(alert, "/causes/0/namespace") == "default");
    broker.process().Signal(SIGKILL);
    CHECK(broker.process().Wait() == 1000 + SIGKILL);
  }
  Broker broker(dir.path(), {"--config", file});
  CHECK(broker.Call("DELETE", "/v1/notifies/" + id).status == 200);
  const std::vector<SeenRequest> seen = Wait(receiver, 2);
  CHECK(JsonAt(seen[1].body, "/alerts/0/state") == "over");
  CHECK(JsonAt(seen[1].body, "/alerts/0/over_count") == "1");
  CHECK(receiver.seen().size() == 2);
  CHECK(JsonAt(broker.Call("GET", "/v1/alerts").body, "/firing") == "0");
}

TEST_CASE("alerts: a robot that says no by its answer is told again until it means yes, and in order; metrics say what is undelivered") {
  TempDir dir;
  std::atomic<bool> well{false};
  ScriptedServer wecom([&](const SeenRequest&) {
    return ScriptedAnswer{200, well ? R"({"errcode":0,"errmsg":"ok"})" : R"({"errcode":45009,"errmsg":"api freq out of limit"})"};
  });
  const std::string file = dir.Write("n.toml", Pending("late", "wecom:" + wecom.url() + "/cgi-bin/webhook/send?key=k"));
  Broker broker(dir.path(), {"--config", file});
  const std::string id = broker.Submit(kLater);
  CHECK_THAT(Content(Wait(wecom, 2)[1]), Catch::Contains("[FIRING] late"));
  CHECK(JsonAt(broker.Call("GET", "/v1/alerts").body, "/undelivered") == "1");
  CHECK_THAT(broker.Call("GET", "/metrics").body, Catch::Contains("notifyd_alerts_undelivered 1\n") && Catch::Contains("notifyd_alerts_firing 1\n"));
  CHECK(broker.Call("DELETE", "/v1/notifies/" + id).status == 200);
  well = true;
  // The first is told before the second, over and over.
  for (size_t count = 3;; ++count) {
    const std::string text = Content(Wait(wecom, count)[count - 1]);
    if (text.find("[OVER] late") != std::string::npos) break;
    CHECK_THAT(text, Catch::Contains("[FIRING] late"));
  }
  const std::string listed = broker.Call("GET", "/v1/namespaces/system/notifies").body;
  CHECK(JsonAt(broker.Settled(JsonAt(listed, "/items/0/id")), "/state") == "succeeded");
  CHECK(JsonAt(listed, "/items/2/id").empty());
  const std::string lane = JsonAt(listed, "/items/0/lane");
  CHECK(lane.starts_with("wecom:127.0.0.1:"));
  CHECK(JsonAt(broker.Call("GET", "/v1/alerts").body, "/undelivered") == "0");
  for (const SeenRequest& request : wecom.seen()) {
    CHECK(request.target == "/cgi-bin/webhook/send?key=k");
    CHECK(JsonAt(request.body, "/msgtype") == "markdown");
    CHECK(Content(request).size() <= 2'048);
  }
}

TEST_CASE("alerts: Slack, DingTalk and Feishu are told in their own shapes, those that ask for it signed") {
  TempDir dir;
  ScriptedServer robots([](const SeenRequest& request) {
    if (request.target.starts_with("/slack")) return ScriptedAnswer{200, "ok", "text/html"};
    if (request.target.starts_with("/dingtalk")) return ScriptedAnswer{200, R"({"errcode":0,"errmsg":"ok"})"};
    return ScriptedAnswer{200, R"({"code":0,"msg":"success"})"};
  });
  const std::string secret = "secret = \"file:" + dir.Write("secret", "SEC123\n") + "\"\n";
  const std::string file = dir.Write("n.toml", Pending("to-slack", "slack:" + robots.url() + "/slack") +
                                                   Pending("to-dingtalk", "dingtalk:" + robots.url() + "/dingtalk?access_token=t", secret) +
                                                   Pending("to-feishu", "feishu:" + robots.url() + "/feishu", secret));
  Broker broker(dir.path(), {"--config", file});
  broker.Submit(kLater);
  Wait(robots, 3);
  for (int i = 0; i < 3; ++i) {
    const std::string id = JsonAt(broker.Call("GET", "/v1/namespaces/system/notifies").body, "/items/" + std::to_string(i) + "/id");
    CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
    CHECK(broker.Call("GET", "/v1/notifies/" + id).body.find("SEC123") == std::string::npos);
  }
  CHECK(robots.seen().size() == 3);
  for (const SeenRequest& request : robots.seen()) {
    if (request.target.starts_with("/slack")) {
      CHECK_THAT(JsonAt(request.body, "/text"), Catch::Contains("[FIRING] to-slack"));
    } else if (request.target.starts_with("/dingtalk")) {
      CHECK_THAT(request.target, Catch::Contains("access_token=t&timestamp=") && Catch::Contains("&sign="));
      CHECK_THAT(JsonAt(request.body, "/markdown/text"), Catch::Contains("[FIRING] to-dingtalk"));
    } else {
      CHECK_THAT(JsonAt(request.body, "/content/text"), Catch::Contains("[FIRING] to-feishu"));
      CHECK(JsonAt(request.body, "/timestamp").size() == 10);
      CHECK(DecodeBase64(JsonAt(request.body, "/sign"))->size() == 32);
    }
  }
}

TEST_CASE("alerts: a receiver that is not there is told once it is, of the beginning and of the end, over a restart of the broker") {
  TempDir dir;
  auto deaf = std::make_unique<DeafPort>();
  const uint16_t port = deaf->port();
  const std::string file = dir.Write("n.toml", Pending("late", "webhook:http://127.0.0.1:" + std::to_string(port) + "/"));
  {
    Broker broker(dir.path(), {"--config", file});
    const std::string id = broker.Submit(kLater);
    REQUIRE(broker.process().WaitForError("\"state\":\"firing\""));
    CHECK(broker.Call("DELETE", "/v1/notifies/" + id).status == 200);
    REQUIRE(broker.process().WaitForError("\"state\":\"over\""));
    broker.process().Signal(SIGTERM);
    CHECK(broker.process().Wait() == 0);
  }
  deaf.reset();
  std::mutex mutex;
  std::condition_variable came;
  std::vector<std::string> bodies;
  TinyReceiver receiver(
      [&](TinyReceiver::Peer& peer) {
        for (std::string request; peer.ReadRequest(&request); request.clear()) {
          {
            std::lock_guard lock(mutex);
            bodies.push_back(request.substr(request.find("\r\n\r\n") + 4));
          }
          came.notify_all();
          peer.Answer(200, "{}");
        }
      },
      INADDR_LOOPBACK, port);
  Broker broker(dir.path(), {"--config", file});
  std::unique_lock lock(mutex);
  REQUIRE(came.wait_for(lock, test::AtMostSeconds(90), [&] { return bodies.size() >= 2; }));
  CHECK(JsonAt(bodies[0], "/alerts/0/state") == "firing");
  CHECK(JsonAt(bodies[1], "/alerts/0/state") == "over");
}

TEST_CASE("alerts: one that goes on over a restart is neither over nor new by it, and over once a call succeeds") {
  TempDir dir;
  std::atomic<bool> well = false;
  ScriptedServer target([&](const SeenRequest&) { return ScriptedAnswer{well ? 200 : 500, "{}"}; });
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  const std::string file = dir.Write(
      "n.toml", "[[alert]]\nname = \"down\"\nwhen = \"failing\"\nthreshold = 3\nfor = 0\ngroup = 0\nto = \"webhook:" + receiver.url() + "/\"\n");
  {
    Broker broker(dir.path(), {"--config", file});
    broker.Submit(R"({"url":")" + target.url() + R"(/","retry":{"max_attempts":100,"schedule_ms":[1000]}})");
    CHECK(JsonAt(Wait(receiver, 1)[0].body, "/alerts/0/state") == "firing");
    broker.process().Signal(SIGTERM);
    CHECK(broker.process().Wait() == 0);
  }
  Broker broker(dir.path(), {"--config", file});
  Wait(target, target.seen().size() + 5);
  CHECK(receiver.seen().size() == 1);
  CHECK(JsonAt(broker.Call("GET", "/v1/alerts/down").body, "/state") == "firing");
  well = true;
  CHECK(JsonAt(Wait(receiver, 2)[1].body, "/alerts/0/state") == "over");
}

TEST_CASE("alerts: a thousand hosts that fail at once make one message") {
  TempDir dir;
  DeafPort deaf;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  const std::string file = dir.Write(
      "n.toml", "[[alert]]\nname = \"down\"\nwhen = \"failing\"\nthreshold = 1\nfor = 0\ngroup = \"5s\"\nto = \"webhook:" + receiver.url() + "/\"\n");
  Broker broker(dir.path(), {"--config", file});
  std::string batch = "[";
  for (int i = 0; i < 1'000; ++i)
    batch += std::string(i > 0 ? "," : "") + R"({"url":"http://127.1.)" + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + ":" +
             std::to_string(deaf.port()) + R"(/","retry":{"schedule_ms":[3600000]}})";
  REQUIRE(broker.Call("POST", "/v1/notifies", batch + "]").status == 201);
  const SeenRequest told = Wait(receiver, 1)[0];
  CHECK(JsonAt(told.body, "/alerts/0/firing_count") == "1000");
  CHECK(JsonAt(told.body, "/alerts/0/firing/19/host").starts_with("127.1."));
  CHECK(JsonAt(told.body, "/alerts/0/firing/20/host").empty());
  CHECK(told.body.size() < 16'000);
  CHECK(receiver.seen().size() == 1);
  CHECK(JsonAt(broker.Call("GET", "/v1/alerts/down").body, "/causes_count") == "1000");
}

TEST_CASE("alerts: each kind fires by what a broker really does, and what it says of it names the cause") {
  TempDir dir;
  DeafPort deaf;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  ScriptedServer slow([](const SeenRequest&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    return ScriptedAnswer{503, "{}"};
  });
  std::string text = "[breaker]\nfailures = 3\n[backup]\ndirectory = \"" + dir.path() + "/backups\"\n";
  for (auto [kind, more] : {std::pair("disk_free", "threshold = 1e18"),
                            {"memory", "threshold = 1"},
                            {"cpu", "threshold = 0"},
                            {"commit_p99", "threshold = 0"},
                            {"quota", "threshold = 0.000001"},
                            {"pending", "threshold = 0\nlane = \"wait*\""},
                            {"lane_paused", ""},
                            {"schedule_missed", ""},
                            {"skipped", ""},
                            {"backup_age", "threshold = 0"},
                            {"oldest_due_age", "threshold = 0\nlane = \"mine\""},
                            {"lateness_p99", "threshold = 10"},
                            {"rate", "threshold = 0\ncaller = \"shop\""},
                            {"breaker_open", ""},
                            {"failing", "threshold = 2\nlabel = \"team:pay\""},
                            {"failed_rate", "lane = \"slow\""},
                            {"slow", "threshold = 40\ncaller = \"shop\""}})
    text += std::string("[[alert]]\nname = \"") + kind + "\"\nwhen = \"" + kind + "\"\n" + more +
            "\nfor = 0\ngroup = 0\nto = \"webhook:" + receiver.url() + "/\"\n";
  Broker broker(dir.path(), {"--config", dir.Write("n.toml", text)});
  broker.Submit(R"({"url":"http://127.0.0.1:1/","delay_ms":3600000,"lane":"waiting"})");
  CHECK(broker.Call("PATCH", "/v1/lanes/concurrent/mine", R"({"paused":true,"reason":"deployment"})").status == 200);
  broker.Submit(R"({"url":"http://127.0.0.1:1/","lane":"mine"})");
  // The second one starts as late as the first one takes.
  for (int i = 0; i < 3; ++i) broker.Submit(R"({"url":")" + slow.url() + R"(/","lane":"line","mode":"fifo","retry":{"max_attempts":1}})");
  broker.Submit(R"({"url":"http://127.0.0.1:1/","fkey":"taken"})");
  CHECK(broker.Call("PUT", "/v1/schedules/nightly", R"({"every_ms":1000,"notify":{"url":"http://127.0.0.1:1/","fkey":"taken"}})").status == 201);
  CHECK(broker.Call("PUT", "/v1/subscriptions/books", R"({"topic":"day","url":"http://127.0.0.1:1/","max_pending":1})").status == 201);
  for (int i = 0; i < 3; ++i) CHECK(broker.Call("POST", "/v1/topics/day/publish", R"({"delay_ms":3600000})").status == 201);
  broker.Submit(R"({"url":"http://127.0.0.1:)" + std::to_string(deaf.port()) +
                R"(/","labels":{"team":"pay"},"retry":{"schedule_ms":[0,0,3600000]}})");
  for (int i = 0; i < 12; ++i) broker.Submit(R"({"url":")" + slow.url() + R"(/","lane":"slow","caller":"shop","retry":{"schedule_ms":[3600000]}})");

  std::map<std::string, std::string> told;
  for (size_t count = 1; told.size() < 17; ++count) {
    const std::string body = Wait(receiver, count)[count - 1].body;
    for (int i = 0; !JsonAt(body, "/alerts/" + std::to_string(i) + "/name").empty(); ++i) {
      const std::string at = "/alerts/" + std::to_string(i);
      if (JsonAt(body, at + "/state") != "firing") continue;
      std::string& causes = told[JsonAt(body, at + "/name")];
      causes += JsonAt(body, at + "/firing/0/namespace") + " ";
      for (const char* part : {"lane", "host", "name", "caller", "detail"}) causes += JsonAt(body, at + "/firing/0/" + part);
    }
  }
  CHECK_THAT(told["pending"], Catch::Contains("default waiting"));
  CHECK_THAT(told["lane_paused"], Catch::Contains("default mineby request: deployment"));
  CHECK_THAT(told["schedule_missed"], Catch::Contains("default nightly"));
  CHECK_THAT(told["skipped"], Catch::Contains("default books"));
  CHECK_THAT(told["failing"], Catch::Contains("default 127.0.0.1:" + std::to_string(deaf.port())));
  CHECK_THAT(told["failed_rate"], Catch::Contains("default 127.0.0.1:" + std::to_string(slow.port())));
  CHECK_THAT(told["slow"], Catch::Contains("default 127.0.0.1:" + std::to_string(slow.port())));
  CHECK_THAT(told["breaker_open"], Catch::Contains("default 127.0.0.1:" + std::to_string(deaf.port())));
  CHECK_THAT(told["rate"], Catch::Contains("default shop"));
  CHECK_THAT(told["oldest_due_age"], Catch::Contains("default mine"));
  CHECK_THAT(told["lateness_p99"], Catch::Contains("default "));
  for (const char* of_broker : {"disk_free", "backup_age"}) CHECK(told[of_broker].starts_with(" "));
}

// A sanitizer's own clock and waits stand where the test's would.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("alerts: of callers and hosts that get more than the day before is told, and of no other, though little of that day is known") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  std::string text;
  for (const char* about : {"caller", "host"})
    text += std::string("[[alert]]\nname = \"by-") + about + "\"\nwhen = \"rate_ratio\"\nfor = 0\ngroup = 0\n" + about +
            " = \"*\"\nto = \"webhook:" + receiver.url() + "/\"\n";
  dir.Write("ahead", "0");
  Broker broker(dir.path(), {"--config", dir.Write("n.toml", text)}, NOTIFYD_BINARY,
                {"LD_PRELOAD=" SHIFTED_CLOCK, "CLOCK_AHEAD_FILE=" + dir.path() + "/ahead"});
  const auto submit = [&](std::initializer_list<std::pair<const char*, int>> callers) {
    std::string batch;
    for (const auto& [caller, count] : callers)
      for (int i = 0; i < count; ++i)
        batch +=
            std::string(batch.empty() ? "[" : ",") + R"({"url":"http://)" + caller + R"(.example/","delay_ms":864000000,"caller":")" + caller + "\"}";
    CHECK(broker.Call("POST", "/v1/notifies", batch + "]").status == 201);
  };
  submit({{"shop", 30}, {"steady", 30}});
  // An hour or two of the day before are known by then.
  std::filesystem::rename(dir.Write("next", "90000"), dir.path() + "/ahead");
  submit({{"steady", 30}, {"shop", 300}});
  std::string told;
  for (size_t count = 1; told.find("by-caller") == told.npos || told.find("by-host") == told.npos; ++count)
    told += Wait(receiver, count)[count - 1].body;
  CHECK_THAT(told, Catch::Contains(R"("caller":"shop")") && Catch::Contains(R"("host":"shop.example:80")") && !Catch::Contains("steady"));
  CHECK(JsonAt(broker.Call("GET", "/v1/callers/steady").body, "/day_before/accepted") == "30");
}
#endif

TEST_CASE("alerts: test, the commands, a reload, and a line of the log") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  const std::string file = dir.Write("n.toml", Pending("late", "webhook:" + receiver.url() + "/a"));
  Broker broker(dir.path(), {"--config", file});
  const std::vector<std::string> at = {"--server", broker.url()};
  auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), at.begin(), at.end());
    return Ctl(arguments);
  };
  const HttpAnswer tested = broker.Call("POST", "/v1/alerts/late/test");
  REQUIRE(tested.status == 202);
  CHECK(JsonAt(broker.Settled(JsonAt(tested.body, "/notifies/0")), "/state") == "succeeded");
  CHECK(JsonAt(Wait(receiver, 1)[0].body, "/alerts/0/state") == "test");
  CHECK(broker.Call("POST", "/v1/alerts/none/test").status == 404);
  const CtlRun taken = run({"alerts", "test", "late"});
  CHECK(taken.code == 0);
  CHECK_THAT(taken.output, Catch::Contains("webhook:127.0.0.1") && Catch::Contains("succeeded"));
  Wait(receiver, 2);
  const CtlRun listed = run({"alerts"});
  CHECK(listed.code == 0);
  CHECK_THAT(listed.output, Catch::Contains("late") && Catch::Contains("pending") && Catch::Contains("0 firing"));
  CHECK_THAT(run({"alerts", "show", "late"}).output, Catch::Contains("webhook:127.0.0.1"));
  CHECK(run({"alerts", "show", "none"}).code == 1);

  const std::string deaf = "http://127.0.0.1:" + std::to_string(ClosedPort());
  dir.Write("n.toml", Pending("late", "webhook:" + deaf + "/a"));
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  CHECK_THAT(run({"alerts", "show", "late"}).output, Catch::Contains(deaf.substr(std::string("http://").size())));
  const CtlRun lost = run({"alerts", "test", "late"});
  CHECK(lost.code == 1);
  CHECK_THAT(lost.output, Catch::Contains("retrying") && Catch::Contains("connect_failed"));

  dir.Write("n.toml", Pending("other", "log:/order/charge"));
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded", 2));
  broker.Submit(kLater);
  REQUIRE(broker.process().WaitForError("{\"uri\":\"/order/charge\",\"level\":\"FATAL\"}\n"));
  const std::string alerts = broker.Call("GET", "/v1/alerts").body;
  CHECK(JsonAt(alerts, "/items/0/name") == "other");
  CHECK(JsonAt(alerts, "/items/1/name").empty());
  CHECK(JsonAt(alerts, "/firing") == "1");
  CHECK(broker.Call("GET", "/v1/alerts/late").status == 404);
}

TEST_CASE("alerts: what the file says wrong of them is refused by name") {
  TempDir dir;
  auto fault = [&](const std::string& text) {
    std::string error;
    CHECK(ExitOf({"--config", dir.Write("n.toml", text), "--check-config"}, &error) == 2);
    return error;
  };
  const std::string hook = "webhook:http://h/";
  CHECK_THAT(fault(Pending("Late", hook)), Catch::Contains("[[alert]] 1: name"));
  CHECK_THAT(fault(Pending("a", "carrier-pigeon:x")), Catch::Contains("to") && Catch::Contains("webhook:URL"));
  CHECK_THAT(fault(Pending("a", "webhook:ftp://h/")), Catch::Contains("to"));
  CHECK_THAT(fault(Pending("a", "mail:nobody")), Catch::Contains("mail:ops@example.com"));
  CHECK_THAT(fault(Pending("a", "mail:ops@example.com")), Catch::Contains("mail.server"));
  CHECK_THAT(fault(Pending("a", hook, "host = \"h\"\n")), Catch::Contains("pending cannot be narrowed by it"));
  CHECK_THAT(fault(Pending("a", hook, "secret = \"s\"\n")), Catch::Contains("dingtalk: and feishu: alone"));
  CHECK_THAT(fault(Pending("a", hook, "repeat = \"soon\"\n")), Catch::Contains("repeat"));
  CHECK_THAT(fault(Pending("a", hook) + Pending("a", hook)), Catch::Contains("[[alert]] 2: name") && Catch::Contains("has this name"));
  CHECK_THAT(fault("[[alert]]\nname = \"a\"\nwhen = \"rate\"\nto = \"" + hook + "\"\n"), Catch::Contains("threshold") && Catch::Contains("missing"));
  CHECK_THAT(fault("listen = \"127.0.0.1:0\"\n[[alert]]\nname = \"a\"\nwhen = \"no_standby\"\nto = \"" + hook + "\"\n"), Catch::Contains("store in PostgreSQL"));
  CHECK_THAT(fault("[[alert]]\nname = \"a\"\nwhen = \"moon_phase\"\nto = \"" + hook + "\"\n"), Catch::Contains("oldest_due_age"));
  CHECK_THAT(fault("[mail]\nserver = \"http://h\"\n"), Catch::Contains("mail.server"));
}

namespace {

/// A server of mail: STARTTLS (but for one without `tls`), AUTH PLAIN, and what it was given.
class MailServer {
 public:
  explicit MailServer(SSL_CTX* tls) : tls_(tls), server_([this](Stream& stream, int) { Serve(stream); }) {}
  uint16_t port() const { return server_.port(); }
  void Refuse(bool refuse) { refuse_ = refuse; }
  /// Waits for so many messages.
  std::vector<std::string> WaitFor(size_t count) {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, test::AtMostSeconds(60), [&] { return messages_.size() >= count; });
    return messages_;
  }
  std::string credentials() {
    std::lock_guard lock(mutex_);
    return credentials_;
  }

 private:
  void Serve(Stream& stream) {
    bool safe = false;
    stream.Send("220 test ESMTP\r\n");
    for (std::string line; stream.ReadTo("\r\n", &line); line.clear()) {
      if (line.starts_with("EHLO")) {
        stream.Send(safe ? "250-test\r\n250 AUTH PLAIN\r\n" : tls_ != nullptr ? "250-test\r\n250 STARTTLS\r\n" : "250 test\r\n");
      } else if (line == "STARTTLS") {
        stream.Send("220 go\r\n");
        if (!stream.Accept(tls_)) return;
        safe = true;
      } else if (line.starts_with("AUTH PLAIN")) {
        std::string given = line.size() > 11 ? line.substr(11) : "";
        if (given.empty()) {
          stream.Send("334 \r\n");
          if (!stream.ReadTo("\r\n", &given)) return;
        }
        std::lock_guard lock(mutex_);
        credentials_ = *DecodeBase64(given);
        stream.Send("235 well\r\n");
      } else if (line == "DATA") {
        if (refuse_) {
          stream.Send("451 not now\r\n");
          continue;
        }
        stream.Send("354 go on\r\n");
        std::string message;
        if (!stream.ReadTo("\r\n.\r\n", &message)) return;
        {
          std::lock_guard lock(mutex_);
          messages_.push_back(std::move(message));
        }
        came_.notify_all();
        stream.Send("250 taken\r\n");
      } else if (line == "QUIT") {
        stream.Send("221 bye\r\n");
        return;
      } else {
        stream.Send(safe || !line.starts_with("MAIL") ? "250 well\r\n" : "530 STARTTLS first\r\n");
      }
    }
  }

  SSL_CTX* const tls_;
  std::atomic<bool> refuse_{false};
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::string> messages_;
  std::string credentials_;
  ThreadedServer server_;
};

}  // namespace

TEST_CASE("alerts: mail goes by STARTTLS with the password of a file, is tried again, and goes to no server that is not who it says") {
  TempDir dir;
  CertificateAuthority authority;
  const PeerContext tls = NewPeerContext(/*server=*/true, "", authority.Issue("IP:127.0.0.1"));
  MailServer server(tls.get());
  const std::string mail = "[mail]\nserver = \"smtp://127.0.0.1:" + std::to_string(server.port()) +
                           "\"\nfrom = \"notifyd@example.com\"\nuser = \"me\"\npassword_file = \"" + dir.Write("password", "s3cret\n") + "\"\n";
  const std::string trusted = "ca_file = \"" + dir.Write("ca.pem", authority.certificate()) + "\"\n";
  server.Refuse(true);
  const std::string file = dir.Write("n.toml", Pending("late", "mail:ops@example.com") + mail + trusted);
  Broker broker(dir.path(), {"--config", file});
  const std::string notify = JsonAt(broker.Call("POST", "/v1/alerts/late/test").body, "/notifies/0");
  REQUIRE_FALSE(notify.empty());
  const std::string attempt = Attempted(broker, notify);
  CHECK(JsonAt(attempt, "/attempts/0/status") == "451");
  CHECK(JsonAt(attempt, "/attempts/0/error") == "unexpected_answer");
  server.Refuse(false);
  const std::vector<std::string> messages = server.WaitFor(1);
  REQUIRE(messages.size() == 1);
  CHECK(server.credentials() == std::string("\0me\0s3cret", 10));
  CHECK_THAT(messages[0], Catch::Contains("\r\nFrom: <notifyd@example.com>") && Catch::Contains("\r\nTo: <ops@example.com>") &&
                              Catch::Contains("Subject: =?utf-8?B?" + EncodeBase64("[TEST] late") + "?=") &&
                              Catch::Contains("Message-ID: <" + notify));
  std::string body = messages[0].substr(messages[0].find("\r\n\r\n") + 4);
  std::erase_if(body, [](char c) { return c == '\r' || c == '\n'; });
  CHECK_THAT(*DecodeBase64(body), Catch::Contains("[TEST] late"));
  CHECK(JsonAt(broker.Settled(notify), "/state") == "succeeded");
  CHECK(broker.process().error().find("s3cret") == std::string::npos);

  // Another authority than the one that is trusted now: neither password nor message go there.
  CertificateAuthority other;
  dir.Write("n.toml", Pending("late", "mail:ops@example.com") + mail + "ca_file = \"" + dir.Write("other.pem", other.certificate()) + "\"\n");
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  const std::string second = JsonAt(broker.Call("POST", "/v1/alerts/late/test").body, "/notifies/0");
  CHECK(JsonAt(Attempted(broker, second), "/attempts/0/error") == "tls");
  CHECK(server.WaitFor(1).size() == 1);
}

TEST_CASE("alerts: a server of mail without TLS gets none, and it is said what lets it") {
  TempDir dir;
  MailServer server(nullptr);
  const std::string mail = "[mail]\nfrom = \"notifyd@example.com\"\nserver = \"smtp://127.0.0.1:" + std::to_string(server.port()) + "\"\n";
  Broker broker(dir.path(), {"--config", dir.Write("n.toml", Pending("late", "mail:ops@example.com") + mail)});
  const CtlRun lost = Ctl({"--server", broker.url(), "alerts", "test", "late"});
  CHECK(lost.code == 1);
  CHECK_THAT(lost.output, Catch::Contains("mail:ops@example.com ") && Catch::Contains("STARTTLS") && Catch::Contains("mail.tls"));
}

TEST_CASE("alerts: mail: and log: are no URLs of anybody else, and system takes no submits") {
  TempDir dir;
  Broker broker(dir.path());
  CHECK(broker.Call("POST", "/v1/notifies", R"({"url":"mail:ops@example.com"})").status == 422);
  CHECK(broker.Call("POST", "/v1/notifies", R"({"url":"log:/x"})").status == 422);
  CHECK(broker.Call("POST", "/v1/namespaces/system/notifies", R"({"url":"http://127.0.0.1:1/"})").status == 403);
  CHECK(JsonAt(broker.Call("GET", "/v1/alerts").body, "/items/0/name").empty());
  CHECK(broker.Call("GET", "/v1/alerts/late").status == 404);
  CHECK(broker.Call("POST", "/v1/alerts/late/test").status == 404);
}
