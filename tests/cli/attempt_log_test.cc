#include "cli/daemon/attempt_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>

#include "base/log.h"
#include "base/json_tree.h"
#include "support/process.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

/// The JSON lines that `log` writes.
std::vector<std::string> Lines(LogLevel level, const std::function<void()>& log) {
  test::TempDir dir;
  std::string file = dir.path() + "/err";
  std::fflush(stderr);
  int saved = dup(STDERR_FILENO), fd = open(file.c_str(), O_WRONLY | O_CREAT, 0600);
  dup2(fd, STDERR_FILENO);
  LogInit(LogFormat::kJson, level);
  log();
  LogFinish();
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(fd);
  LogInit(LogFormat::kAuto, LogLevel::kInfo);
  std::vector<std::string> lines;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The value at a key, as it stands; "none" where there is none.
std::string At(const std::string& line, const std::string& key) {
  Result<JsonTree> tree = JsonTree::Parse(line);
  REQUIRE(tree.ok());
  auto value = tree->root().At("/" + key);
  return value ? std::string(value->raw()) : "none";
}

AttemptLog Sample() {
  auto envelope = std::make_shared<Envelope>();
  envelope->lane = {Mode::kFifo, "billing"};
  envelope->host = "127.0.0.1:80";
  envelope->caller = "shop";
  envelope->trace_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  AttemptLog log;
  log.id = NotifyId{5};
  log.envelope = envelope;
  log.attempt = true;
  log.number = 3;
  log.status = 500;
  log.duration_ms = 12;
  log.error = "unexpected_answer";
  log.attempts_made = 3;
  return log;
}

}  // namespace

TEST_CASE("attempt log: an attempt is a line at debug, and none at info") {
  std::vector<std::string> lines = Lines(LogLevel::kDebug, [] { LogAttempt("default", Sample()); });
  REQUIRE(lines.size() == 1);
  CHECK(At(lines[0], "event") == R"("attempt")");
  CHECK(At(lines[0], "level") == R"("debug")");
  CHECK(At(lines[0], "id") == "\"" + NotifyId{5}.ToString() + "\"");
  CHECK(At(lines[0], "caller") == R"("shop")");
  CHECK(At(lines[0], "lane") == R"("billing")");
  CHECK(At(lines[0], "mode") == R"("fifo")");
  CHECK(At(lines[0], "trace_id") == R"("4bf92f3577b34da6a3ce929d0e0e4736")");
  CHECK(At(lines[0], "host") == R"("127.0.0.1:80")");
  CHECK(At(lines[0], "attempt") == "3");
  CHECK(At(lines[0], "status") == "500");
  CHECK(At(lines[0], "duration_ms") == "12");
  CHECK(At(lines[0], "error") == R"("unexpected_answer")");
  CHECK(Lines(LogLevel::kInfo, [] { LogAttempt("default", Sample()); }).empty());
}

TEST_CASE("attempt log: an end is a line at info, with what the last attempt brought") {
  for (auto [phase, event] : std::vector<std::pair<Phase, std::string>>{{Phase::kSucceeded, "notify succeeded"},
                                                                        {Phase::kFailed, "notify failed"},
                                                                        {Phase::kCancelled, "notify cancelled"},
                                                                        {Phase::kExpired, "notify expired"}}) {
    AttemptLog log = Sample();
    log.settled = true;
    log.phase = phase;
    log.reason = "attempts used up";
    std::vector<std::string> lines = Lines(LogLevel::kInfo, [&] { LogAttempt("default", log); });
    REQUIRE(lines.size() == 1);
    CHECK(At(lines[0], "event") == "\"" + event + "\"");
    CHECK(At(lines[0], "level") == R"("info")");
    for (const char* key : {"id", "caller", "lane", "mode", "trace_id", "status", "error", "duration_ms"}) CHECK(At(lines[0], key) != "none");
    CHECK(At(lines[0], "attempts") == "3");
    CHECK(At(lines[0], "reason") == R"("attempts used up")");
    CHECK(Lines(LogLevel::kDebug, [&] { LogAttempt("default", log); }).size() == 2);
    CHECK(Lines(LogLevel::kWarn, [&] { LogAttempt("default", log); }).empty());
  }
}

TEST_CASE("attempt log: an end without an attempt or a trace says nothing of them") {
  AttemptLog log = Sample();
  auto envelope = std::make_shared<Envelope>(*log.envelope);
  envelope->trace_parent.clear();
  log.envelope = envelope;
  log.attempt = false;
  log.settled = true;
  log.phase = Phase::kCancelled;
  log.attempts_made = 0;
  std::vector<std::string> lines = Lines(LogLevel::kDebug, [&] { LogAttempt("default", log); });
  REQUIRE(lines.size() == 1);
  for (const char* key : {"trace_id", "status", "error", "duration_ms", "reason"}) CHECK(At(lines[0], key) == "none");
  CHECK(At(lines[0], "attempts") == "0");
}

TEST_CASE("attempt log: a lane that paused itself is a warning") {
  std::vector<std::string> lines = Lines(LogLevel::kWarn, [] { LogLane("default", {{Mode::kFifo, "billing"}, NotifyId{5}}); });
  REQUIRE(lines.size() == 1);
  CHECK(At(lines[0], "event") == R"("lane paused")");
  CHECK(At(lines[0], "level") == R"("warn")");
  CHECK(At(lines[0], "lane") == R"("billing")");
  CHECK(At(lines[0], "mode") == R"("fifo")");
  CHECK(At(lines[0], "id") == "\"" + NotifyId{5}.ToString() + "\"");
}
