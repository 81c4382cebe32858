// Services by the real broker: instances that die, hang and come back, a restart by kill -9, and services of the file.
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "cli/e2e_broker.h"
#include "support/counting_receiver.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

std::string Registration(const std::string& url, const std::string& more = "") {
  return "{\"url\":\"" + url + "\"" + more + "}";
}

void Register(Broker& broker, const std::string& id, const std::string& body) {
  const int status = broker.Call("PUT", "/v1/services/billing/instances/" + id, body).status;
  REQUIRE((status == 200 || status == 201));
}

/// A port of one's own at which connections are refused, until it opens: then each gets one answer, 503 first.
class LatePort {
 public:
  LatePort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~LatePort() {
    shutdown(fd_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    close(fd_);
  }
  const std::string& url() const { return url_; }
  void Open() {
    REQUIRE(listen(fd_, 16) == 0);
    thread_ = std::thread([this] { Serve(); });
  }
  std::vector<std::string> seen() {
    std::lock_guard<std::mutex> lock(mutex_);
    return seen_;
  }

 private:
  void Serve() {
    for (int fd; (fd = accept(fd_, nullptr, nullptr)) >= 0; close(fd)) {
      std::string request;
      char buffer[4096];
      for (ssize_t n; request.find("\r\n\r\n") == std::string::npos && (n = read(fd, buffer, sizeof buffer)) > 0;)
        request.append(buffer, static_cast<size_t>(n));
      std::unique_lock<std::mutex> lock(mutex_);
      seen_.push_back(request.substr(0, request.find(" HTTP/")));
      const std::string answer =
          std::string(seen_.size() == 1 ? "HTTP/1.1 503 No" : "HTTP/1.1 200 OK") + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      lock.unlock();
      if (write(fd, answer.data(), answer.size()) < 0) continue;
    }
  }

  const int fd_;
  std::string url_;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<std::string> seen_;
};

}  // namespace

TEST_CASE("services: what is sent to a name goes to its instances, with their paths, over a kill -9") {
  TempDir dir;
  ScriptedServer a([](const SeenRequest&) { return ScriptedAnswer{200, ""}; });
  ScriptedServer b([](const SeenRequest&) { return ScriptedAnswer{200, ""}; });
  std::string waits;
  {
    Broker broker(dir.path());
    CHECK(broker.Call("POST", "/v1/notifies", R"({"url":"service://billing/x"})").status == 422);
    CHECK(broker.Call("PUT", "/v1/services/billing", R"({"balance":"round_robin","host_header":"billing.example"})").status == 201);
    waits = broker.Submit(R"({"url":"service://billing/first?q=1","data":{"n":1}})");
    CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + waits + "/explain").body, "/reasons/0/code") == "no_instance");
    broker.process().Signal(SIGKILL);
    CHECK(broker.process().Wait() == 1000 + SIGKILL);
  }
  {
    Broker broker(dir.path());
    CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + waits + "/explain").body, "/reasons/0/code") == "no_instance");
    Register(broker, "a", Registration(a.url() + "/base"));
    const std::string settled = broker.Settled(waits);
    CHECK(JsonAt(settled, "/state") == "succeeded");
    CHECK(JsonAt(settled, "/lane") == "service://billing");
    CHECK(JsonAt(settled, "/attempts/0/instance") == "a");
    CHECK(JsonAt(settled, "/attempts_made") == "1");
    REQUIRE(a.seen().size() == 1);
    CHECK(a.seen()[0].target == "/base/first?q=1");
    CHECK(a.seen()[0].Header("Host") == "billing.example");
    Register(broker, "b", Registration(b.url()));
    broker.process().Signal(SIGKILL);
    broker.process().Wait();
  }
  Broker broker(dir.path());
  for (int i = 0; i < 10; ++i) CHECK(JsonAt(broker.Settled(broker.Submit(R"({"url":"service://billing/y"})")), "/state") == "succeeded");
  CHECK(a.seen().size() == 6);
  CHECK(b.seen().size() == 5);
  CHECK(broker.BooksBalance());
}

TEST_CASE("services: of four instances one is gone and one refuses: no notify fails, and each that was refused went on at once") {
  TempDir dir;
  auto answer = [](const SeenRequest&) { return ScriptedAnswer{200, ""}; };
  ScriptedServer a(answer), b(answer);
  Broker broker(dir.path());
  Register(broker, "a", Registration(a.url()));
  Register(broker, "b", Registration(b.url()));
  Register(broker, "dead", Registration("http://127.0.0.1:1"));
  Register(broker, "dead2", Registration("http://127.0.0.1:1/x", R"(,"weight":5)"));
  std::vector<std::string> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(broker.Submit(R"({"url":"service://billing/x","retry":{"max_attempts":1}})"));
  size_t failovers = 0;
  for (const std::string& id : ids) {
    const std::string settled = broker.Settled(id);
    CHECK(JsonAt(settled, "/state") == "succeeded");  // in its one round
    failovers += JsonAt(settled, "/attempts_made") != "1";
  }
  CHECK(failovers > 0);
  CHECK(a.seen().size() + b.seen().size() == 50);
  CHECK(broker.Stat("/totals/retries") >= failovers);
  CHECK_THAT(broker.Call("GET", "/v1/services/billing/instances").body, Catch::Contains("unreachable"));
  CHECK(broker.BooksBalance());
}

TEST_CASE("services: an instance that is not renewed is gone, and nothing is sent to it") {
  TempDir dir;
  ScriptedServer a([](const SeenRequest&) { return ScriptedAnswer{200, ""}; });
  Broker broker(dir.path());
  Register(broker, "a", Registration(a.url(), R"(,"ttl_ms":1000)"));
  HttpAnswer list = broker.Call("GET", "/v1/services/billing/instances");
  CHECK(JsonAt(list.body, "/items/0/state") == "alive");
  for (int i = 0; i < 600 && JsonAt(broker.Call("GET", "/v1/services/billing/instances").body, "/items/0/id") == "a"; ++i) usleep(20'000);
  const std::string id = broker.Submit(R"({"url":"service://billing/x"})");
  CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id + "/explain").body, "/reasons/0/code") == "no_instance");
  CHECK(a.seen().empty());
  Register(broker, "a", Registration(a.url()));
  CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
}

TEST_CASE("services: those of the file are there from the start, cannot be changed by the API, and follow the file at SIGHUP") {
  TempDir dir;
  ScriptedServer a([](const SeenRequest&) { return ScriptedAnswer{200, ""}; });
  const std::string config = dir.path() + "/notifyd.toml";
  auto write = [&](const std::string& text) { std::ofstream(config) << text; };
  write("[[service]]\nname = \"billing\"\nbalance = \"random\"\ninstances = [{ id = \"a\", url = \"" + a.url() + "\" }]\n");
  Broker broker(dir.path(), {"--config", config});
  const std::string service = broker.Call("GET", "/v1/services/billing").body;
  CHECK(JsonAt(service, "/from_file") == "true");
  CHECK(JsonAt(service, "/balance") == "random");
  CHECK(JsonAt(broker.Settled(broker.Submit(R"({"url":"service://billing/x"})")), "/state") == "succeeded");
  CHECK(broker.Call("PUT", "/v1/services/billing", "{}").status == 409);
  CHECK(broker.Call("DELETE", "/v1/services/billing").status == 409);
  CHECK(broker.Call("PUT", "/v1/services/billing/instances/a", Registration(a.url())).status == 409);
  write("");
  broker.process().Signal(SIGHUP);
  int status = 200;
  for (int i = 0; i < 600 && status != 404; ++i, usleep(20'000)) status = broker.Call("GET", "/v1/services/billing").status;
  CHECK(status == 404);
  std::string error;
  write("[[service]]\nname = \"billing\"\nbalance = \"fair\"\n");
  CHECK(ExitOf({"--config", config, "--check-config"}, &error) == 2);
  CHECK_THAT(error, Catch::Contains("[[service]] 1: balance") && Catch::Contains(":3"));
}

TEST_CASE("services: a probe of its own tells whether an instance is back, and what waits goes out then") {
  TempDir dir;
  LatePort late;
  Broker broker(dir.path());
  REQUIRE(broker.Call("PUT", "/v1/services/billing", R"({"breaker":{"failures":1,"open_ms":200},"probe":"/healthz"})").status == 201);
  Register(broker, "a", Registration(late.url() + "/api"));
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(broker.Submit(R"({"url":"service://billing/x"})"));
  auto state = [&] { return JsonAt(broker.Call("GET", "/v1/services/billing/instances/a").body, "/breaker/state"); };
  for (int i = 0; i < 600 && state() == "closed"; ++i) usleep(20'000);
  REQUIRE(state() != "closed");
  late.Open();
  for (const std::string& id : ids) CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
  const std::vector<std::string> seen = late.seen();
  REQUIRE(seen.size() == 5);
  CHECK(seen[0] == "GET /api/healthz");  // 503: it is not back
  CHECK(seen[1] == "GET /api/healthz");
  for (size_t i = 2; i < 5; ++i) CHECK(seen[i] == "POST /api/x");
  CHECK(broker.BooksBalance());
}

TEST_CASE("services: the cap and the pause of a host hold for calls that reach it as an instance, from the file, by hand and over a kill -9") {
  TempDir dir;
  CountingReceiver receiver;
  receiver.Withhold();
  const std::string at = receiver.url().substr(std::string_view("http://").size(), receiver.url().size() - std::string_view("http:///").size());
  const auto rule = [](int concurrency) { return "[[destination]]\nmatch = \"127.0.0.1:*\"\nconcurrency = " + std::to_string(concurrency) + "\n"; };
  const std::string file = dir.Write("n.toml", rule(2));
  auto broker = std::make_unique<Broker>(dir.path() + "/data", std::vector<std::string>{"--config", file});
  Register(*broker, "a", Registration(receiver.url()));
  std::vector<std::string> ids;
  for (int i = 0; i < 8; ++i) ids.push_back(broker->Submit(R"({"url":"service://billing/)" + std::to_string(i) + "\"}"));
  REQUIRE(receiver.WaitForWithheld(2));
  CHECK(broker->Stat("/states/sending") == 2);
  CHECK(JsonAt(broker->Call("GET", "/v1/hosts/" + at).body, "/in_flight") == "2");
  const std::string why = broker->Call("GET", "/v1/notifies/" + ids.back() + "/explain").body;
  CHECK_THAT(why, Catch::Contains("\"host_at_cap\"") && Catch::Contains(at));
  // One that names the host itself has no other place there.
  ids.push_back(broker->Submit(R"({"url":")" + receiver.url() + "\"}"));
  dir.Write("n.toml", rule(3));
  broker->process().Signal(SIGHUP);
  REQUIRE(receiver.WaitForWithheld(3));
  CHECK(broker->Stat("/states/sending") == 3);

  CHECK(broker->Call("PATCH", "/v1/hosts/" + at, R"({"paused":true})").status == 200);
  broker->process().Signal(SIGKILL);
  broker->process().Wait();
  broker.reset();
  REQUIRE(receiver.NextRun());
  broker = std::make_unique<Broker>(dir.path() + "/data", std::vector<std::string>{"--config", file});
  const std::string late = broker->Submit(R"({"url":"service://billing/late"})");
  CHECK_THAT(broker->Call("GET", "/v1/notifies/" + late + "/explain").body, Catch::Contains("\"host_paused\"") && Catch::Contains(at));
  CHECK(broker->Stat("/states/sending") == 0);
  CHECK(broker->Call("PATCH", "/v1/hosts/" + at, R"({"paused":false})").status == 200);
  REQUIRE(receiver.WaitForWithheld(3));
  CHECK(broker->Stat("/states/sending") == 3);
  receiver.Release();
  ids.push_back(late);
  for (const std::string& id : ids) CHECK(JsonAt(broker->Settled(id), "/state") == "succeeded");
}
