// The services of the configuration's file, as its settings say.
#include "cli/daemon/settings.h"
#include "support/process.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using notifyd::test::TempDir;

namespace {

using Action = Invocation::Action;

std::string RefusalOf(const std::string& file) {
  Invocation read = ReadCommandLine({"--config", file}, {});
  CHECK(read.action == Action::kExit);
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
  REQUIRE(invocation.action == Action::kRun);
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
                                         {"name = \"b\"\ninstances = [1]", "[[service]] 1: instances ("},
                                         {"name = \"b\"\ninstances = [{ id = \"a\" }]", "[[service]] 1: instances/0/url ("},
                                         {"name = \"b\"\ninstances = [{ url = \"http://a\" }]", "[[service]] 1: instances/0/id ("},
                                         {"name = \"b\"\ninstances = [{ id = \"a\", url = \"http://a\", ttl_ms = 5000 }]", "instances/0/ttl_ms ("}}) {
    CAPTURE(bad.text);
    dir.Write("n.toml", std::string("[[service]]\n") + bad.text + "\n");
    CHECK_THAT(RefusalOf(file), Catch::Contains(bad.where) && Catch::Contains(file + ":"));
  }
  dir.Write("n.toml", "[[service]]\nname = \"b\"\n[[service]]\nname = \"b\"\n");
  CHECK_THAT(RefusalOf(file), Catch::StartsWith("[[service]] 2: name ("));
}
