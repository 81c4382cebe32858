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
