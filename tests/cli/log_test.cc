#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <regex>
#include <sstream>

#include "broker/json_tree.h"
#include "cli/process.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

/// What `log` writes to standard error.
std::string Captured(const std::function<void()>& log) {
  test::TempDir dir;
  std::string file = dir.path() + "/err";
  std::fflush(stderr);
  int saved = dup(STDERR_FILENO), fd = open(file.c_str(), O_WRONLY | O_CREAT, 0600);
  dup2(fd, STDERR_FILENO);
  log();
  std::fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(fd);
  LogInit(LogFormat::kAuto, LogLevel::kInfo);
  std::stringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("log: text is one line with time, level, event and fields") {
  std::string line = Captured([] {
    LogInit(LogFormat::kText, LogLevel::kInfo);
    Log(LogLevel::kInfo, "store opened", {{"directory", "./data"}, {"bytes", uint64_t{4096}}, {"clean", true}, {"ratio", 0.5}, {"note", "a b"}});
  });
  std::regex wanted(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info  store opened directory=\./data bytes=4096 clean=true ratio=0\.5 note="a b"\n)");
  INFO(line);
  CHECK(std::regex_match(line, wanted));
}

TEST_CASE("log: JSON is one object a line, whatever a peer sent") {
  std::string nasty = "a\"b\\c\nd\x01\xff{}%v";
  std::string line = Captured([&] {
    LogInit(LogFormat::kJson, LogLevel::kInfo);
    Log(LogLevel::kError, nasty, {{"detail", nasty}, {"n", -5}});
  });
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
  Result<JsonTree> tree = JsonTree::Parse(line);
  REQUIRE(tree.ok());
  CHECK(tree->root().At("/event")->text() == "a\"b\\c\nd\x01\xef\xbf\xbd{}%v");
  CHECK(tree->root().At("/detail")->text() == tree->root().At("/event")->text());
  CHECK(tree->root().At("/n")->raw() == "-5");
  CHECK(tree->root().At("/level")->text() == "error");
  CHECK(tree->root().At("/time")->text().size() == 24);
}

TEST_CASE("log: text stays one line, whatever a peer sent") {
  std::string line = Captured([] {
    LogInit(LogFormat::kText, LogLevel::kInfo);
    Log(LogLevel::kWarn, "event\nforged", {{"detail", "x\ny"}});
  });
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
}

TEST_CASE("log: what is below the level is not written") {
  std::string lines = Captured([] {
    LogInit(LogFormat::kText, LogLevel::kWarn);
    Log(LogLevel::kDebug, "one");
    Log(LogLevel::kInfo, "two");
    Log(LogLevel::kWarn, "three");
  });
  CHECK_THAT(lines, Catch::Contains("three") && !Catch::Contains("one") && !Catch::Contains("two"));
}
