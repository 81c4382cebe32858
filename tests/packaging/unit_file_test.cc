// conf/notifyd.service beside what the broker is.
#include "support/process.h"
#include "cli/daemon/settings.h"
#include "packaging/project.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

std::string Directive(const std::string& name) {
  return OneMatch(ProjectFile("conf/notifyd.service"), "\n" + name + "=([^\n]*)");
}

}  // namespace

TEST_CASE("unit: the flags of its command are flags of notifyd") {
  std::set<std::string> used = FlagsIn(Directive("ExecStart"));
  REQUIRE(!used.empty());
  CHECK(Missing(used, FlagsOfNotifyd()) == "");
}

TEST_CASE("unit: it waits longer for a stop than calls in flight may take") {
  CHECK(std::stoll(Directive("TimeoutStopSec")) * 1000 > Options().shutdown_grace_ms);
}

TEST_CASE("unit: the installed store lies in the one directory that may be written") {
  std::string installed = ProjectFile("cmake/install.cmake");
  std::string store = OneMatch(installed, R"(set\(NOTIFYD_STATE_DIR ([^)]*)\))");
  CHECK(store == "/var/lib/" + Directive("StateDirectory"));
  CHECK(store == Directive("ReadWritePaths"));
  CHECK(store == Directive("WorkingDirectory"));
}

TEST_CASE("unit: wrong usage or configuration is not tried again") {
  Process wrong(NOTIFYD_BINARY, {{"--no-such-flag"}, {}});
  CHECK(std::to_string(wrong.Wait()) == Directive("RestartPreventExitStatus"));
}

TEST_CASE("unit: it may open as many files as its limits can ask for") {
  Options options;
  CHECK(std::stoull(Directive("LimitNOFILE")) > options.http.max_connections + options.core.max_in_flight + options.sender.max_idle_connections);
}

TEST_CASE("unit of a bridge: its command is there, and wrong usage is not tried again") {
  const std::string unit = ProjectFile("conf/notifyd-bridge@.service");
  const std::string command = OneMatch(unit, "\nExecStart=/usr/bin/notifyctl ([^\n]*)");
  CHECK(command.starts_with("bridge amqp "));
  CHECK(Missing(FlagsIn(command), AllMatches(OutputOf(NOTIFYCTL_BINARY, {"bridge", "amqp", "--help"}), "(--[a-z][a-z-]*)")) == "");
  Process wrong(NOTIFYCTL_BINARY, {{"bridge", "amqp"}, {}});
  CHECK(std::to_string(wrong.Wait()) == OneMatch(unit, "\nRestartPreventExitStatus=([^\n]*)"));
  // A submit's 10 s, or a dead letter's 15 s, each found a second late; a connection that is being made, and the goodbye, 10 s each.
  CHECK(std::stoll(OneMatch(unit, "\nTimeoutStopSec=([^\n]*)")) > 15 + 1 + 10 + 10);
}

}  // namespace notifyd::test
