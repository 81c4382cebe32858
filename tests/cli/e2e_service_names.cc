// Services whose instances a name server knows, by the real broker.
#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "cli/e2e_broker.h"
#include "net/fake_dns.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

ScriptedAnswer Ok(const SeenRequest&) {
  return {200, ""};
}

/// Waits for what will come; a minute at most.
template <class Ready>
bool Eventually(Ready ready) {
  for (int i = 0; i < 3000; ++i) {
    if (ready()) return true;
    usleep(20'000);
  }
  return false;
}

class Rig {
 public:
  Rig() { config = dir.path() + "/notifyd.toml"; }
  void Write(const std::string& services) { std::ofstream(config) << "[dns]\nservers = \"" + dns.server() + "\"\n" + services; }
  void Start() { broker = std::make_unique<Broker>(dir.path(), std::vector<std::string>{"--config", config}); }
  std::string Instances() { return broker->Call("GET", "/v1/services/billing/instances").body; }
  bool Has(const std::string& id) { return Instances().find("\"id\":\"" + id + "\"") != std::string::npos; }
  std::string Reason(const std::string& id) { return JsonAt(broker->Call("GET", "/v1/notifies/" + id + "/explain").body, "/reasons/0/code"); }

  TempDir dir;
  FakeDns dns;
  std::string config;
  std::unique_ptr<Broker> broker;
};

}  // namespace

TEST_CASE("service names: what a name leads to takes the calls, with the name as Host; it is looked up again, over a kill -9 too") {
  Rig f;
  ScriptedServer receiver(Ok);
  const std::string port = std::to_string(receiver.port());
  f.Write("[[service]]\nname = \"billing\"\ndns = \"billing.test:" + port + "\"\n");
  f.Start();
  // The name is not there yet.
  const std::string waits = f.broker->Submit(R"({"url":"service://billing/x"})");
  CHECK(f.Reason(waits) == "no_instance");
  f.dns.Set("billing.test", {{"127.0.0.1"}, 1});
  const std::string settled = f.broker->Settled(waits);
  CHECK(JsonAt(settled, "/state") == "succeeded");
  CHECK(JsonAt(settled, "/attempts/0/instance") == "127.0.0.1:" + port);
  CHECK(receiver.WaitFor(1)[0].Header("Host") == "billing.test:" + port);
  CHECK(JsonAt(f.Instances(), "/items/0/from_file") == "true");
  CHECK(f.broker->Call("PUT", "/v1/services/billing/instances/127.0.0.1:" + port, R"({"url":"http://127.0.0.1:1"})").status == 409);

  // A server that fails takes nothing away; one that knows it no more does.
  f.dns.Set("billing.test", {{}, 0, false, true});
  REQUIRE(f.broker->process().WaitForError("service name not looked up"));
  CHECK(JsonAt(f.broker->Settled(f.broker->Submit(R"({"url":"service://billing/x"})")), "/state") == "succeeded");
  f.dns.Set("billing.test", {{"127.0.0.2"}, 1});
  CHECK(Eventually([&] { return f.Has("127.0.0.2:" + port); }));
  CHECK_FALSE(f.Has("127.0.0.1:" + port));
  const std::string metrics = f.broker->Call("GET", "/metrics").body;
  CHECK_THAT(metrics, Catch::Contains("notifyd_service_name_instances{name=\"billing.test:" + port + "\"} 1\n"));
  CHECK_THAT(metrics, Catch::Contains("notifyd_service_name_lookups_total{name=\"billing.test:" + port + "\",outcome=\"failed\"}"));
  f.dns.Set("billing.test", {});
  CHECK(Eventually([&] { return JsonAt(f.Instances(), "/items/0/id").empty(); }));
  const std::string later = f.broker->Submit(R"({"url":"service://billing/x"})");
  CHECK(f.Reason(later) == "no_instance");
  f.broker->process().Signal(SIGKILL);
  f.broker->process().Wait();

  f.dns.Set("billing.test", {{"127.0.0.1"}, 1});
  f.Start();
  CHECK(JsonAt(f.broker->Settled(later), "/state") == "succeeded");
  CHECK(f.broker->BooksBalance());
}

TEST_CASE("service names: SRV records say ports and weights; a reload keeps what is known, and follows the file") {
  Rig f;
  ScriptedServer a(Ok), b(Ok);
  FakeDns::Zone zone;
  zone.services = {{1, 3, a.port(), "one.test"}, {1, 1, b.port(), "two.test"}, {2, 1, 1, "later.test"}};
  zone.ttl_s = 3600;
  f.dns.Set("_http._tcp.billing.test", zone);
  f.dns.Set("one.test", {{"127.0.0.1"}, 3600});
  f.dns.Set("two.test", {{"127.0.0.1"}, 3600});
  const std::string service = "[[service]]\nname = \"billing\"\nbalance = \"round_robin\"\ndns = \"_http._tcp.billing.test\"\n";
  f.Write(service);
  f.Start();
  for (int i = 0; i < 8; ++i) CHECK(JsonAt(f.broker->Settled(f.broker->Submit(R"({"url":"service://billing/x"})")), "/state") == "succeeded");
  CHECK(a.seen().size() == 6);
  CHECK(b.seen().size() == 2);
  CHECK(a.seen()[0].Header("Host") == "one.test:" + std::to_string(a.port()));

  const int asked = f.dns.asked("_http._tcp.billing.test");
  f.Write(service + "failover_max = 1\n");
  f.broker->process().Signal(SIGHUP);
  REQUIRE(f.broker->process().WaitForError("settings reloaded"));
  CHECK(JsonAt(f.broker->Call("GET", "/v1/services/billing").body, "/failover_max") == "1");
  CHECK(f.Has("one.test:" + std::to_string(a.port())));
  CHECK(f.dns.asked("_http._tcp.billing.test") == asked);
  f.Write("");
  f.broker->process().Signal(SIGHUP);
  CHECK(Eventually([&] { return f.broker->Call("GET", "/v1/services/billing").status == 404; }));
}

TEST_CASE("service names: an address that no call may go to gets none, whatever the name says") {
  Rig f;
  ScriptedServer receiver(Ok);
  f.dns.Set("billing.test", {{"127.0.0.1"}, 3600});
  f.Write("[[service]]\nname = \"billing\"\ndns = \"billing.test:" + std::to_string(receiver.port()) + "\"\n[destinations]\ndeny = [\"private\"]\n");
  f.Start();
  const std::string settled = f.broker->Settled(f.broker->Submit(R"({"url":"service://billing/x","retry":{"max_attempts":1}})"));
  CHECK(JsonAt(settled, "/state") == "failed");
  CHECK(JsonAt(settled, "/attempts/0/error") == "destination_refused");
  CHECK(receiver.seen().empty());
}
