// Rules for lanes in the configuration.
#include "cli/daemon/settings.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "support/process.h"

using namespace notifyd;
using notifyd::test::TempDir;
using LanesAction = Invocation::Action;

namespace {

/// A command line that must be refused with exit code 2: what it says.
std::string LanesRefusal(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {}) {
  Invocation read = ReadCommandLine(arguments, environment);
  CHECK(read.action == LanesAction::kExit);
  CHECK(read.exit_code == 2);
  CHECK(read.output.empty());
  return read.error;
}

}  // namespace

TEST_CASE("settings: lane rules are read in the order of the file, with what each says and no more") {
  TempDir dir;
  std::string file = dir.Write("n.toml", R"(
[[lane]]
match = "http://a/*"
concurrency = 100000
rate_per_s = 0.001
burst = 1000000
on_retry = "block"
on_failure = "pause"
[limits]
pending = 5
[[lane]]
match = "*"
mode = "fifo"
rate_per_s = 5
on_retry = "skip"
on_failure = "continue"
[[lane]]
match = "x"
mode = "concurrent"
[[lane]]
match = "customers"
order_by = "/customer/id"
partitions = 1024
order_by_missing = "spread"
)");
  Invocation read = ReadCommandLine({"--config", file}, {});
  INFO(read.error);
  REQUIRE(read.action == LanesAction::kRun);
  LaneSettings first, second;
  first.concurrency = 100'000;
  first.rate_per_s = 0.001;
  first.burst = 1'000'000;
  first.on_retry = OnRetry::kBlock;
  first.on_failure = OnFailure::kPause;
  second.rate_per_s = 5;
  second.on_retry = OnRetry::kSkip;
  second.on_failure = OnFailure::kContinue;
  const LaneRule ordered{"customers", {}, {}, "/customer/id", 1024, true};
  CHECK(read.options.core.lane_rules ==
        std::vector<LaneRule>{{"http://a/*", {}, first}, {"*", Mode::kFifo, second}, {"x", Mode::kConcurrent, {}}, ordered});
  CHECK(read.options.core.max_pending == 5);
  CHECK(ReadCommandLine({"--config", dir.Write("none.toml", "lane = []\n")}, {}).options.core.lane_rules.empty());
}

TEST_CASE("settings: a bad value of a lane rule is refused, with file, line, table and key") {
  struct Bad {
    const char *text, *key;
  };
  for (const Bad& bad : std::vector<Bad>{
           {"match = \"\"", "match"},
           {"match = 5", "match"},
           {"match = [\"a\"]", "match"},
           {"mode = \"lifo\"", "mode"},
           {"mode = 1", "mode"},
           {"concurrency = 0", "concurrency"},
           {"concurrency = 100001", "concurrency"},
           {"concurrency = 1.5", "concurrency"},
           {"concurrency = \"8\"", "concurrency"},
           {"rate_per_s = 0", "rate_per_s"},
           {"rate_per_s = 0.0009", "rate_per_s"},
           {"rate_per_s = 1000001", "rate_per_s"},
           {"rate_per_s = nan", "rate_per_s"},
           {"rate_per_s = inf", "rate_per_s"},
           {"rate_per_s = \"5\"", "rate_per_s"},
           {"burst = 0", "burst"},
           {"burst = 1000001", "burst"},
           {"burst = 5", "burst"},
           {"on_retry = \"no\"", "on_retry"},
           {"on_retry = true", "on_retry"},
           {"on_failure = \"stop\"", "on_failure"},
           {"order_by = \"id\"", "order_by"},
           {"order_by = 5", "order_by"},
           {"partitions = 0\norder_by = \"/id\"", "partitions"},
           {"partitions = 5", "partitions"},
           {"order_by_missing = \"spread\"", "order_by_missing"},
           {"order_by_missing = \"keep\"\norder_by = \"/id\"", "order_by_missing"},
           {"paused = true", "paused"},
           {"concurency = 1", "concurency"},
           {"a.b = 1", "a"},
       }) {
    TempDir dir;
    bool match = std::string_view(bad.key) == "match";
    std::string file = dir.Write("n.toml", std::string("[[lane]]\nmatch = \"a\"\n[[lane]]\n") + (match ? "\n" : "match = \"b\"\n") + bad.text + "\n");
    INFO(bad.text);
    CHECK_THAT(LanesRefusal({"--config", file}), Catch::StartsWith("[[lane]] 2: " + std::string(bad.key) + " (" + file + ":5): "));
    CHECK(ReadCommandLine({"--check-config", "--config", file}, {}).exit_code == 2);
  }
}

TEST_CASE("settings: a lane rule without match, or with what says nothing in its mode, is refused") {
  TempDir dir;
  CHECK_THAT(LanesRefusal({"--config", dir.Write("1.toml", "[[lane]]\nburst = 1\n")}), Catch::Contains("1.toml:1): is missing"));
  CHECK_THAT(LanesRefusal({"--config", dir.Write("2.toml", "[[lane]]\nmatch = \"a\"\nmode = \"fifo\"\nconcurrency = 1\n")}),
             Catch::Contains("concurrency") && Catch::Contains("2.toml:4") && Catch::Contains("fifo"));
  for (const char* key : {"on_retry = \"skip\"", "on_failure = \"pause\""})
    CHECK_THAT(LanesRefusal({"--config", dir.Write("3.toml", std::string("[[lane]]\nmatch = \"a\"\nmode = \"concurrent\"\n") + key + "\n")}),
               Catch::Contains("on_") && Catch::Contains("3.toml:4") && Catch::Contains("concurrent"));
  CHECK_THAT(LanesRefusal({"--config", dir.Write("4.toml", "[lane]\nmatch = \"a\"\n")}), Catch::Contains("[[lane]]") && Catch::Contains("4.toml:1"));
  CHECK_THAT(LanesRefusal({"--config", dir.Write("5.toml", "lane = 5\n")}), Catch::Contains("[[lane]]"));
  CHECK_THAT(LanesRefusal({"--config", dir.Write("6.toml", "lane = [1]\n")}), Catch::Contains("[[lane]]"));
  CHECK_THAT(LanesRefusal({"--config", dir.Write("7.toml", "[lane.x]\n")}), Catch::Contains("[[lane]]"));
}

TEST_CASE("settings: lane rules come from the file alone") {
  CHECK_THAT(LanesRefusal({"--lane", "x"}), Catch::Contains("--lane"));
  CHECK(ReadCommandLine({}, {"NOTIFYD_LANE=x"}).unknown_variables == std::vector<std::string>{"NOTIFYD_LANE"});
}
