#include "base/crash_point.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <set>
#include <string>

namespace notifyd {
namespace {

/// What becomes of a process of its own that arms this, and passes both points so often: the signal that ended it, or 0.
int EndOf(const std::string& armed, int passages) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!ArmCrashPoint(armed).ok()) ::_exit(2);
    for (int i = 0; i < passages; ++i) {
      PassCrashPoint(CrashPoint::kStopBegun);
      PassCrashPoint(CrashPoint::kStopClosing);
    }
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return WTERMSIG(status);
  CHECK(WEXITSTATUS(status) == 0);
  return 0;
}

TEST_CASE("crash point: the Nth passage of the one that is armed ends the process, and no passage of another") {
  CHECK(EndOf("stop.begun", 1) == SIGKILL);
  CHECK(EndOf("stop.closing:3", 3) == SIGKILL);
  CHECK(EndOf("stop.closing:3", 2) == 0);
  CHECK(EndOf("stop.drained", 10) == 0);
}

TEST_CASE("crash point: what arms none is refused, and the names are told") {
  for (const char* bad : {"", "stop", "stop.begun:", "stop.begun:0", "stop.begun:x", "stop.begun:1x", "stop.begun:-1", "Stop.begun"}) {
    INFO(bad);
    CHECK(ArmCrashPoint(bad).code() == Code::kUnacceptable);
  }
  CHECK_FALSE(CrashPointsArmed());
  const std::string told = ArmCrashPoint("?").detail();
  for (const char* name : kCrashPointNames) CHECK(told.find(name) != std::string::npos);
}

TEST_CASE("crash point: no two have the same name") {
  CHECK(std::set<std::string>(std::begin(kCrashPointNames), std::end(kCrashPointNames)).size() == std::size(kCrashPointNames));
}

}  // namespace
}  // namespace notifyd
