// Lists and ratios in the configuration: of which kind their values are.
#include "cli/daemon/settings.h"
#include "support/temp_dir.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using notifyd::test::TempDir;

namespace {

/// What a file that must be refused with exit code 2 is told.
std::string FaultOf(const std::string& file) {
  const Invocation read = ReadCommandLine({"--config", file}, {});
  CHECK(read.exit_code == 2);
  return read.error;
}

}  // namespace

TEST_CASE("settings: ports of destinations are numbers, or texts as flags have them") {
  TempDir dir;
  const auto ports = [](const std::vector<std::string>& arguments) {
    Invocation read = ReadCommandLine(arguments, {});
    INFO(read.error);
    REQUIRE(read.action == Invocation::Action::kRun);
    return read.options.sender.ports;
  };
  const std::string file = dir.Write("n.toml", "[destinations]\nports = [443, \"8443\"]\nhttps_only = true\n");
  CHECK(ports({"--config", file}) == std::vector<std::string>{"443", "8443"});
  CHECK(ReadCommandLine({"--config", file}, {}).options.sender.https_only);
  CHECK_THAT(FaultOf(dir.Write("0.toml", "[destinations]\nports = [0]\n")), Catch::Contains("destinations.ports (") && Catch::Contains("no port"));
}

TEST_CASE("settings: no other list takes numbers, and what is no number is shown as it was written") {
  TempDir dir;
  for (const char* list : {"[http]\nhosts = [1]\n", "[secrets]\nheaders = [5]\n", "[destinations]\ndeny = [10]\n"})
    CHECK_THAT(FaultOf(dir.Write("n.toml", list)), Catch::Contains("must be a list of strings"));
  for (const char* ratio : {"nan", "inf", "-inf"})
    CHECK_THAT(FaultOf(dir.Write("r.toml", std::string("[otlp]\nratio = ") + ratio + "\n")),
               Catch::Contains(std::string(ratio) + " is out of range, must be 0 to 1"));
}

TEST_CASE("settings: a rule of destinations or a command that names all namespaces, or none that can be, is refused, since it would hold for none") {
  TempDir dir;
  for (const char* table : {"[[destination]]\nmatch = \"a\"\n", "[[command]]\nname = \"a\"\nexec = [\"/bin/true\"]\n"}) {
    const auto fault_of = [&](const char* names) { return FaultOf(dir.Write("n.toml", table + std::string("namespaces = ") + names + "\n")); };
    CHECK_THAT(fault_of("[\"*\"]"), Catch::Contains("namespaces (") && Catch::Contains("there is no \"*\" here: each namespace must be named"));
    CHECK_THAT(fault_of("[\"sales\", \"sales*\"]"), Catch::Contains("namespaces (") && Catch::Contains("\"sales*\" is no name of a namespace"));
  }
  // Alerts are sent by the rules of `system`.
  const std::string file = dir.Write("s.toml", "[[destination]]\nmatch = \"a\"\nnamespaces = [\"system\", \"0-1\"]\n");
  CHECK(ReadCommandLine({"--config", file}, {}).error == "");
}
