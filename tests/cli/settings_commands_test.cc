// What the file says of commands.
#include <unistd.h>

#include "cli/daemon/settings.h"
#include "support/temp_dir.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using notifyd::test::TempDir;

namespace {

Invocation ReadCommands(const TempDir& dir, const std::string& text) {
  return ReadCommandLine({"--config", dir.Write("n.toml", text)}, {});
}

}  // namespace

TEST_CASE("commands: the file says all, the rest is at its default") {
  TempDir dir;
  Invocation read = ReadCommands(dir, R"(
[[command]]
name = "whole.1"
exec = ["/bin/sh", "-c", "exit 0"]
namespaces = ["default", "sales"]
callers = ["shop"]
directory = "/tmp"
environment = { LANG = "C.UTF-8" }
env = ["image", "width_2"]
max_running = 4
timeout_ms = 60000
memory_bytes = 1073741824
[[command]]
name = "plain"
exec = ["/bin/true"]
)");
  REQUIRE(read.error == "");
  CommandRule whole{.name = "whole.1",
                    .exec = {"/bin/sh", "-c", "exit 0"},
                    .namespaces = {"default", "sales"},
                    .callers = {"shop"},
                    .identity = {},
                    .directory = "/tmp",
                    .environment = {{"LANG", "C.UTF-8"}},
                    .env = {"image", "width_2"},
                    .max_running = 4,
                    .timeout_ms = 60'000,
                    .memory_bytes = 1 << 30};
  CommandRule plain;
  plain.name = "plain";
  plain.exec = {"/bin/true"};
  CHECK(read.options.commands.all() == std::vector<CommandRule>{whole, plain});
  // What the cores go by.
  const std::vector<HostRule>& caps = read.options.flow.commands;
  REQUIRE(caps.size() == 2);
  CHECK(caps[0].command == "whole.1");
  CHECK(caps[0].concurrency == 4);
  CHECK(caps[0].shared);
  CHECK(caps[0].namespaces == std::vector<std::string>{"default", "sales"});
  CHECK(caps[1].concurrency == 16);
  CHECK_FALSE(caps[1].shared);

  const CommandRules& rules = read.options.commands;
  CHECK(rules.Check("sales", "shop", "whole.1").ok());
  CHECK(rules.Check("default", "", "plain").ok());
  // Neither says which of them it was.
  for (const Status& refused :
       {rules.Check("sales", "other", "whole.1"), rules.Check("sales", "shop", "plain"), rules.Check("default", "", "none")}) {
    CHECK(refused.code() == Code::kUnacceptable);
    CHECK_THAT(refused.detail(), Catch::EndsWith("for this namespace and caller"));
  }
}

TEST_CASE("commands: what could not be run is refused, by table, key, file and line") {
  TempDir dir;
  struct Row {
    const char* key;
    std::string text;
  };
  const std::string no_program = dir.Write("text", "no program");
  const Row rows[] = {{"name", "name = \"Upper\""},
                      {"name", "name = \"\""},
                      {"name", "name = 5"},
                      {"exec", "exec = \"/bin/true\""},
                      {"exec", "exec = []"},
                      {"exec", "exec = [\"true\"]"},
                      {"exec", "exec = [\"/bin/none-such\"]"},
                      {"exec", "exec = [\"/bin\"]"},
                      {"exec", "exec = [\"" + no_program + "\"]"},
                      {"exec", "exec = [\"/bin/true\", 5]"},
                      {"exec", "exec = [\"/bin/true\", \"a\\u0000b\"]"},
                      {"namespaces", "namespaces = []"},
                      {"namespaces", "namespaces = [\"*\"]"},
                      {"namespaces", "namespaces = [\"sales\", \"sales.eu\"]"},
                      {"callers", "callers = \"a\""},
                      {"user", "user = \"no-such-user-here\""},
                      {"directory", "directory = \"tmp\""},
                      {"directory", "directory = \"/none-such\""},
                      {"directory", "directory = \"/bin/true\""},
                      {"environment", "environment = { \"A-B\" = \"x\" }"},
                      {"environment", "environment = { NOTIFY_ID = \"x\" }"},
                      {"environment", "environment = { A = 5 }"},
                      {"env", "env = [\"a.b\"]"},
                      {"env", "env = [\"\"]"},
                      {"max_running", "max_running = 0"},
                      {"timeout_ms", "timeout_ms = 86400001"},
                      {"memory_bytes", "memory_bytes = 1000"},
                      {"shell", "shell = true"}};
  for (const Row& row : rows) {
    const std::string name = row.key == std::string("name") ? "" : "name = \"b\"",
                      exec = row.key == std::string("exec") ? "" : "exec = [\"/bin/true\"]";
    Invocation read =
        ReadCommands(dir, "[[command]]\nname = \"a\"\nexec = [\"/bin/true\"]\n[[command]]\n" + name + "\n" + exec + "\n" + row.text + "\n");
    INFO(row.text << ": " << read.error);
    CHECK(read.exit_code == 2);
    CHECK_THAT(read.error, Catch::StartsWith("[[command]] 2: " + std::string(row.key) + " (" + dir.path() + "/n.toml:7): "));
    CHECK(read.field == "/command/1/" + std::string(row.key));
  }
  CHECK_THAT(ReadCommands(dir, "[[command]]\nname = \"a\"\n").error, Catch::Contains("exec (") && Catch::Contains("is missing"));
  CHECK_THAT(ReadCommands(dir, "[[command]]\nexec = [\"/bin/true\"]\n").error, Catch::Contains("name (") && Catch::Contains("is missing"));
  const std::string one = "[[command]]\nname = \"a\"\nexec = [\"/bin/true\"]\n";
  CHECK_THAT(ReadCommands(dir, one + one).error, Catch::StartsWith("[[command]] 2: name (") && Catch::Contains("another command has this name"));
}

TEST_CASE("commands: another user is taken by a broker that may change to it, and by no other") {
  TempDir dir;
  const std::string text = "[[command]]\nname = \"a\"\nexec = [\"/bin/true\"]\nuser = \"nobody\"\n";
  Invocation read = ReadCommands(dir, text);
  if (geteuid() == 0) {
    REQUIRE(read.error == "");
    const std::optional<Identity>& identity = read.options.commands.all()[0].identity;
    REQUIRE(identity.has_value());
    CHECK(identity->user != 0);
    CHECK(identity->group != 0);
    // Its own is none.
    CHECK_FALSE(
        ReadCommands(dir, "[[command]]\nname = \"a\"\nexec = [\"/bin/true\"]\nuser = \"root\"\n").options.commands.all()[0].identity.has_value());
  } else {
    CHECK_THAT(read.error, Catch::Contains("may not run programs as \"nobody\""));
  }
}

TEST_CASE("commands: a reload applies them, and names them") {
  TempDir dir;
  Options running = ReadCommands(dir, "[[command]]\nname = \"a\"\nexec = [\"/bin/true\"]\n").options;
  const Options fresh = ReadCommands(dir, "[[command]]\nname = \"a\"\nexec = [\"/bin/false\"]\n").options;
  CHECK(ApplyReloadable(fresh, &running).applied == std::vector<std::string>{"command"});
  CHECK(running.commands == fresh.commands);
  CHECK(ApplyReloadable(fresh, &running).applied.empty());
}
