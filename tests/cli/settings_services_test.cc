// The services of the configuration's file, as its settings say.
#include "cli/daemon/settings.h"
#include "support/process.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using notifyd::test::TempDir;

namespace {

using ServicesAction = Invocation::Action;

std::string ServicesRefusal(const std::string& file) {
  Invocation read = ReadCommandLine({"--config", file}, {});
  CHECK(read.action == ServicesAction::kExit);
  CHECK(read.exit_code == 2);
  return read.error;
}

}  // namespace

TEST_CASE("settings: services of the file, and what of them is refused, with file, line, table and key") {
  TempDir dir;
  const std::string file = dir.Write(
      "n.toml",
      "[[service]]\nname = \"billing\"\nnamespaces = [\"*\"]\nbalance = \"hash\"\nhash_by = \"/id\"\nbreaker = { failures = 2, ratio = 0.25 }\n"
      "instances = [{ id = \"a\", url = \"http://a:80\", weight = 2, pools = [\"eu\"] }, { id = \"b\", url = \"http://b\" }]\n");
  Invocation invocation = ReadCommandLine({"--config", file}, {});
  INFO(invocation.error);
  REQUIRE(invocation.action == ServicesAction::kRun);
  REQUIRE(invocation.options.flow.services.size() == 1);
  const FileService& service = invocation.options.flow.services[0];
  CHECK(service.name == "billing");
  CHECK(service.namespaces == std::vector<std::string>{"*"});
  CHECK(service.settings.balance == Balance::kHash);
  CHECK(service.settings.breaker->failures == 2);
  CHECK(service.settings.breaker->ratio_percent == 25);
  REQUIRE(service.instances.size() == 2);
  CHECK(service.instances[0].second == InstanceSettings{"http://a:80", 2, {"eu"}, 0});
  Options running;
  CHECK(ApplyReloadable(invocation.options, &running).applied == std::vector<std::string>{"service"});
  CHECK(ApplyReloadable(invocation.options, &running).applied.empty());
  struct Bad {
    const char *text, *where;
  };
  for (const Bad& bad : std::vector<Bad>{{"name = \"Billing\"", "[[service]] 1: name ("},
                                         {"balance = \"hash\"", "[[service]] 1: name ("},
                                         {"name = \"b\"\nbalance = \"fair\"", "[[service]] 1: balance ("},
                                         {"name = \"b\"\nnope = 1", "[[service]] 1: nope ("},
                                         {"name = \"b\"\nnamespaces = []", "[[service]] 1: namespaces ("},
                                         {"name = \"b\"\nnamespaces = [\"*\", \"Sales\"]", "[[service]] 1: namespaces ("},
                                         {"name = \"b\"\ninstances = [1]", "[[service]] 1: instances ("},
                                         {"name = \"b\"\ninstances = [{ id = \"a\" }]", "[[service]] 1: instances/0/url ("},
                                         {"name = \"b\"\ninstances = [{ url = \"http://a\" }]", "[[service]] 1: instances/0/id ("},
                                         {"name = \"b\"\ninstances = [{ id = \"a\", url = \"http://a\", ttl_ms = 5000 }]", "instances/0/ttl_ms ("}}) {
    CAPTURE(bad.text);
    dir.Write("n.toml", std::string("[[service]]\n") + bad.text + "\n");
    CHECK_THAT(ServicesRefusal(file), Catch::Contains(bad.where) && Catch::Contains(file + ":"));
  }
  dir.Write("n.toml", "[[service]]\nname = \"b\"\n[[service]]\nname = \"b\"\n");
  CHECK_THAT(ServicesRefusal(file), Catch::StartsWith("[[service]] 2: name ("));
}

TEST_CASE("settings: a name in place of a service's instances, and what of names is refused") {
  TempDir dir;
  const std::string file = dir.Write("n.toml",
                                     "[[service]]\nname = \"a\"\ndns = \"a.internal:8080\"\n[[service]]\nname = \"b\"\nhttps = true\n"
                                     "dns = \"b.internal:443\"\n[[service]]\nname = \"c\"\ndns = \"_http._tcp.c.internal\"\n");
  Invocation invocation = ReadCommandLine({"--config", file}, {});
  INFO(invocation.error);
  REQUIRE(invocation.action == ServicesAction::kRun);
  REQUIRE(invocation.options.flow.services.size() == 3);
  CHECK(invocation.options.flow.services[0].dns == "a.internal:8080");
  CHECK(invocation.options.flow.services[0].instances.empty());
  for (const char* bad :
       {"dns = \"a.internal\"", "dns = 5", "dns = \"\"", "dns = \"10.0.0.1:80\"", "dns = \"_x.a.internal:80\"", "dns = \"a:80\"\ninstances = []"}) {
    CAPTURE(bad);
    dir.Write("n.toml", std::string("[[service]]\nname = \"a\"\n") + bad + "\n");
    CHECK_THAT(ServicesRefusal(file), Catch::StartsWith("[[service]] 1: dns (" + file + ":"));
  }
  for (const char* bad : {"name.internal:53", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:53,", "10.0.0.1:53, 10.0.0.2:53", "unix:/x"}) {
    CAPTURE(bad);
    dir.Write("n.toml", std::string("[dns]\nservers = \"") + bad + "\"\n");
    CHECK_THAT(ServicesRefusal(file), Catch::Contains("dns.servers"));
  }
  dir.Write("n.toml", "[dns]\nservers = \"10.0.0.1:53,[fd00::1]:5353\"\n");
  CHECK(ReadCommandLine({"--config", file}, {}).options.sender.resolver.servers == "10.0.0.1:53,[fd00::1]:5353");
}
