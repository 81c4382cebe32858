// notifyctl as a process: where the broker is, which token it is shown, and what is said where that is not enough.
#include <sys/stat.h>

#include <filesystem>

#include "cli/client/credential.h"
#include "cli/ctl.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

const std::string kToken = "ntf_abc123_0123456789abcdefghijklmnopqrstuvwxyz";

/// A token's file for its owner alone, or wider.
std::string TokenFile(const TempDir& dir, const std::string& text, mode_t mode = 0600) {
  std::string path = dir.Write("token", text);
  REQUIRE(chmod(path.c_str(), mode) == 0);
  return path;
}

/// With an empty home, unless the environment says another.
CtlRun CtlAs(const std::string& server, std::vector<std::string> arguments, std::vector<std::string> environment) {
  static const TempDir home;
  bool has_home = false;
  for (const std::string& entry : environment) has_home = has_home || entry.starts_with("HOME=");
  if (!has_home) environment.push_back("HOME=" + home.path());
  arguments.insert(arguments.begin(), {"--server", server});
  return Ctl(arguments, environment);
}

}  // namespace

TEST_CASE("notifyctl: shows the token of NOTIFYD_TOKEN, else of NOTIFYD_TOKEN_FILE, else of the home, else none") {
  ScriptedServer broker(Always(200, "{}"));
  TempDir dir, home;
  std::string file = TokenFile(dir, "ntf_file_1\n");
  std::filesystem::create_directories(home.path() + "/.config/notifyd");
  REQUIRE(chmod(home.Write(".config/notifyd/token", "ntf_home_1").c_str(), 0600) == 0);
  auto shown = [&](const std::vector<std::string>& environment) {
    CHECK(CtlAs(broker.url(), {"stats"}, environment).code == 0);
    return broker.seen().back().Header("Authorization");
  };
  CHECK(shown({"NOTIFYD_TOKEN=" + kToken, "NOTIFYD_TOKEN_FILE=" + file, "HOME=" + home.path()}) == "Bearer " + kToken);
  CHECK(shown({"NOTIFYD_TOKEN=", "NOTIFYD_TOKEN_FILE=" + file, "HOME=" + home.path()}) == "Bearer ntf_file_1");
  CHECK(shown({"HOME=" + home.path()}) == "Bearer ntf_home_1");
  CHECK(shown({}).empty());
}

TEST_CASE("notifyctl: a file of lines is submitted with the token, too") {
  ScriptedServer broker(Always(403, R"({"status":403,"detail":"the scope submit is needed"})"));
  TempDir dir;
  CtlRun run = CtlAs(broker.url(), {"submit", "--file", dir.Write("lines", "{\"url\":\"http://x/\"}\n")}, {"NOTIFYD_TOKEN=" + kToken});
  CHECK(run.code == 1);
  CHECK(broker.seen().at(0).Header("Authorization") == "Bearer " + kToken);
  CHECK_THAT(run.error, Catch::Contains("the scope submit is needed (asked with the token of NOTIFYD_TOKEN)"));
}

TEST_CASE("notifyctl: a token's file that others may read is refused, and nobody is asked") {
  mode_t mode = GENERATE(0640, 0604, 0660, 0644, 0610);
  ScriptedServer broker(Always(200, "{}"));
  TempDir dir;
  std::string file = TokenFile(dir, kToken, mode);
  CtlRun run = CtlAs(broker.url(), {"stats"}, {"NOTIFYD_TOKEN_FILE=" + file});
  CHECK(run.code == 2);
  CHECK(run.error == "notifyctl: " + file + " is open to others than its owner: chmod 600 " + file + "\n");
  CHECK(broker.seen().empty());
}

TEST_CASE("notifyctl: what is no token is neither sent nor printed") {
  std::string text = GENERATE("", "hunter2", "ntf_a b", "ntf_a\r\nHost: evil", "-----BEGIN PRIVATE KEY-----", "ntf_\xc3\xa4");
  ScriptedServer broker(Always(200, "{}"));
  TempDir dir;
  CtlRun run = CtlAs(broker.url(), {"stats"}, {"NOTIFYD_TOKEN_FILE=" + TokenFile(dir, text)});
  CHECK(run.code == 2);
  CHECK_THAT(run.error, Catch::Contains("holds no token"));
  if (!text.empty()) CHECK_THAT(run.error, !Catch::Contains(text));
  CHECK(broker.seen().empty());
}

TEST_CASE("notifyctl: a token's file that is not there, or none, is wrong usage") {
  TempDir dir;
  for (const std::string& path : {dir.path() + "/none", dir.path(), std::string("/dev/null")}) {
    CtlRun run = CtlAs("http://127.0.0.1:1", {"stats"}, {"NOTIFYD_TOKEN_FILE=" + path});
    CHECK(run.code == 2);
    CHECK_THAT(run.error, Catch::Contains("cannot read " + path));
  }
  CHECK(CtlAs("http://127.0.0.1:1", {"version"}, {"NOTIFYD_TOKEN_FILE=" + dir.path() + "/none"}).code == 0);
}

TEST_CASE("notifyctl: a refusal says whose token it was, or that there was none") {
  auto [status, token, hint] = GENERATE(table<int, std::string, std::string>({
      {401, "", " (no token was found: NOTIFYD_TOKEN holds one, NOTIFYD_TOKEN_FILE names a file of one, or ~/.config/notifyd/token is one)"},
      {401, kToken, " (asked with the token of NOTIFYD_TOKEN)"},
      {403, kToken, " (asked with the token of NOTIFYD_TOKEN)"},
      {403, "", ""},
      {404, kToken, ""},
  }));
  ScriptedServer broker(Always(status, R"({"detail":"why not"})"));
  CtlRun run = CtlAs(broker.url(), {"lanes", "l", "--mode", "fifo"}, {"NOTIFYD_TOKEN=" + token});
  CHECK(run.code == 1);
  CHECK(run.error == "notifyctl: why not" + hint + "\n");
}

TEST_CASE("notifyctl: a namespace that is not there is said with what makes one") {
  ScriptedServer broker(Always(404, R"({"detail":"there is no namespace \"team-a\""})"));
  CtlRun run = CtlAs(broker.url(), {"stats", "--namespace", "team-a"}, {});
  CHECK(run.code == 1);
  CHECK(run.error == "notifyctl: there is no namespace \"team-a\" (notifyctl namespace create NAME makes one)\n");
}

TEST_CASE("notifyctl --namespace: stands in front of all that a namespace has, and of nothing else") {
  ScriptedServer broker(Always(200, R"({"items":[],"next":null,"id":"n1","state":"held"})"));
  auto target = [&](std::vector<std::string> arguments, const std::vector<std::string>& environment = {}) {
    CHECK(CtlAs(broker.url(), std::move(arguments), environment).code == 0);
    return broker.seen().back().target;
  };
  CHECK(target({"get", "n1", "--namespace", "team-a"}) == "/v1/namespaces/team-a/notifies/n1");
  CHECK(target({"list", "--limit", "7"}, {"NOTIFYD_NAMESPACE=team-a"}) == "/v1/namespaces/team-a/notifies?limit=7");
  CHECK(target({"--namespace", "b", "stats"}, {"NOTIFYD_NAMESPACE=team-a"}) == "/v1/namespaces/b/stats");
  CHECK(target({"stats", "--all-namespaces"}, {"NOTIFYD_NAMESPACE=team-a"}) == "/v1/stats?namespaces=all");
  CHECK(target({"list", "--all-namespaces"}) == "/v1/notifies?limit=100&namespaces=all");
  CHECK(target({"--namespace", "b", "token", "show", "t1"}) == "/v1/tokens/t1");
  CHECK(target({"--namespace", "b", "namespace", "show", "a"}) == "/v1/namespaces/a");
  CHECK(target({"--namespace", "b", "host", "show", "h:80"}) == "/v1/namespaces/b/hosts/h%3A80");
  CHECK(target({"--namespace", "b", "whoami"}) == "/v1/whoami");
  CHECK(target({"stats"}, {"NOTIFYD_NAMESPACE="}) == "/v1/stats");
  CHECK(CtlAs(broker.url(), {"stats", "--namespace", ""}, {}).code == 2);
}

TEST_CASE("notifyctl ready: done where submits are taken; else the reason, as a refusal") {
  ScriptedServer ready(Always(200, R"({"status":"ready"})")), starting(Always(503, R"({"detail":"it starts"})"));
  CtlRun run = CtlAs(ready.url(), {"ready"}, {"NOTIFYD_NAMESPACE=a"});
  CHECK(run.code == 0);
  CHECK(run.output == "status  ready\n");
  CHECK(ready.seen().at(0).target == "/readyz");
  run = CtlAs(starting.url(), {"ready"}, {});
  CHECK(run.code == 1);
  CHECK(run.error == "notifyctl: it starts\n");
  CHECK(CtlAs("http://127.0.0.1:" + std::to_string(ClosedPort()), {"ready"}, {}).code == 3);
}

TEST_CASE("notifyctl --server unix:PATH: asks over that socket") {
  TempDir dir;
  std::string path = dir.path() + "/broker.sock";
  ScriptedServer broker(Always(200, R"({"id":"n1","duplicate":false})"), path);
  CHECK(CtlAs("unix:" + path, {"submit", "http://x/"}, {}).code == 0);
  CHECK(broker.seen().at(0).target == "/v1/notifies");
  CtlRun lines = CtlAs("unix:" + path, {"submit", "--file", dir.Write("lines", "{\"url\":\"http://x/\"}\n")}, {});
  CHECK(broker.seen().at(1).target == "/v1/notifies");
}

TEST_CASE("notifyctl --server unix:PATH: where nobody listens it names the path and why") {
  TempDir dir;
  std::string path = dir.path() + "/none.sock";
  CtlRun run = CtlAs("unix:" + path, {"stats"}, {});
  CHECK(run.code == 3);
  CHECK(run.error == "notifyctl: unix:" + path + ": No such file or directory\n");
  CHECK(CtlAs("unix:none.sock", {"stats"}, {}).code == 2);
  CHECK(CtlAs("unix:/" + std::string(200, 'x'), {"stats"}, {}).code == 2);
}

TEST_CASE("notifyctl --ca-file: a file that is none is named") {
  ScriptedServer broker(Always(200, "{}"));
  std::string server = "https://127.0.0.1:" + std::to_string(broker.port());
  CtlRun run = CtlAs(server, {"stats", "--ca-file", "/no/such/file"}, {});
  CHECK(run.code == 3);
  CHECK_THAT(run.error, Catch::Contains("/no/such/file"));
  run = CtlAs(server, {"stats"}, {"NOTIFYD_CA_FILE=/no/such/file"});
  CHECK_THAT(run.error, Catch::Contains("/no/such/file"));
}
