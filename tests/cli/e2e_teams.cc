// Two teams on one broker, each with a namespace and tokens of its own, as notifyctl sees it.
#include <signal.h>

#include "cli/ctl.h"
#include "cli/e2e_broker.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// A broker that asks for tokens, with the namespaces red and blue, which may call this machine.
class Teams {
 public:
  Teams() {
    std::string output;
    REQUIRE(ExitOf({"token", "create", "--data-dir", dir_.path() + "/data", "--scopes", "admin"}, nullptr, &output) == 0);
    admin_ = output.substr(0, output.find('\n'));
    broker_ = std::make_unique<Broker>(dir_.path(), std::vector<std::string>{"--auth-mode", "token"});
    for (const char* name : {"red", "blue"}) Must(As(admin_, {"namespace", "create", name, "--allow", "127.0.0.0/8"}));
  }

  CtlRun As(const std::string& token, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--server", broker_->url(), "--json"});
    return Ctl(arguments, {"NOTIFYD_TOKEN=" + token});
  }
  /// What was printed; it must be done.
  std::string Must(const CtlRun& run) const {
    INFO(run.error);
    REQUIRE(run.code == 0);
    return run.output;
  }
  std::string Token(const std::string& space, const std::string& scopes, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"token", "create", "--namespaces", space, "--scopes", scopes});
    return JsonAt(Must(As(admin_, more)), "/token");
  }
  const std::string& admin() const { return admin_; }
  Broker& broker() { return *broker_; }

 private:
  TempDir dir_;
  std::string admin_;
  std::unique_ptr<Broker> broker_;
};

constexpr char kAllOfOne[] = "submit,read,read_bodies,operate";

}  // namespace

TEST_CASE("teams: what one does under a key, in a lane, by an id or a filter is nothing to the other") {
  Teams teams;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  const std::string red = teams.Token("red", kAllOfOne), blue = teams.Token("blue", kAllOfOne), url = receiver.url() + "/x";
  const std::string held = JsonAt(
      teams.Must(teams.As(red, {"submit", url, "--fkey", "k", "--lane", "l", "--mode", "fifo", "--idempotency-key", "i", "--data", "1"})), "/id");

  SECTION("an id says nothing to whoever is not of its namespace, existing or not") {
    for (const std::string& id : {held, std::string("n7fff000000000001")}) {
      CtlRun run = teams.As(blue, {"get", id});
      CHECK(run.code == 1);
      CHECK_THAT(run.error, !Catch::Contains("held"));
      for (const char* command : {"cancel", "retry", "explain"}) CHECK(teams.As(blue, {command, id}).code == 1);
    }
  }
  SECTION("a namespace that is named is refused, existing or not, with the same words") {
    CtlRun there = teams.As(blue, {"--namespace", "red", "list"}), none = teams.As(blue, {"--namespace", "green", "list"});
    CHECK(there.code == 1);
    CHECK(there.error == none.error);
  }
  SECTION("an fkey, an idempotency key and a lane are each namespace's own") {
    CHECK(teams.As(blue, {"trigger", "k"}).code == 1);
    CHECK(teams.As(blue, {"cancel", "--fkey", "k"}).code == 1);
    CtlRun own = teams.As(blue, {"submit", url, "--fkey", "k", "--on-held", "replace", "--idempotency-key", "i", "--data", "2"});
    CHECK(JsonAt(teams.Must(own), "/duplicate") == "");  // said of duplicates alone
    teams.Must(teams.As(blue, {"pause", "l", "--mode", "fifo"}));
    CHECK(JsonAt(teams.Must(teams.As(red, {"lanes", "l", "--mode", "fifo"})), "/paused") == "false");
  }
  SECTION("lists, filters and totals end at the namespace") {
    CHECK(JsonAt(teams.Must(teams.As(blue, {"list"})), "/items") == "[]");
    CHECK(JsonAt(teams.Must(teams.As(blue, {"cancel", "--state", "held"})), "/count") == "0");
    CHECK(JsonAt(teams.Must(teams.As(blue, {"stats"})), "/totals/accepted") == "0");
    CHECK(teams.As(blue, {"stats", "--all-namespaces"}).code == 1);
  }
  CHECK(JsonAt(teams.Must(teams.As(red, {"get", held})), "/state") == "held");
  teams.Must(teams.As(red, {"trigger", "k"}));
  CHECK(JsonAt(teams.Must(teams.As(red, {"get", held, "--wait"})), "/state") == "succeeded");
  CHECK(JsonAt(teams.Must(teams.As(teams.admin(), {"verify", "--all-namespaces"})), "/balance") == "true");
}

TEST_CASE("teams: an admin of one namespace manages its own, and hands out nothing that it has not") {
  Teams teams;
  const std::string admin = teams.Token("red", "admin,submit,read,operate");
  teams.Must(teams.As(admin, {"namespace", "update", "red", "--retention-settled-ms", "3600000"}));
  std::string given = JsonAt(teams.Must(teams.As(admin, {"token", "create", "--namespaces", "red", "--scopes", "submit"})), "/token");
  CHECK(teams.As(given, {"submit", "http://127.0.0.1:9/"}).code == 0);
  CHECK(teams.As(given, {"list"}).code == 1);
  for (const std::vector<std::string>& beyond : std::vector<std::vector<std::string>>{
           {"token", "create", "--namespaces", "blue", "--scopes", "submit"},
           {"token", "create", "--namespaces", "*", "--scopes", "submit"},
           {"token", "create", "--namespaces", "red", "--scopes", "read_bodies"},
           {"namespace", "update", "blue", "--retention-settled-ms", "3600000"},
           {"namespace", "update", "red", "--max-pending", "1000000"},
           {"namespace", "update", "red", "--allow", "10.0.0.0/8"},
           {"namespace", "create", "green"},
           {"namespace", "delete", "red"},
       }) {
    INFO(beyond[0] << " " << beyond[1] << " " << beyond.back());
    CHECK(teams.As(admin, beyond).code == 1);
  }
}

TEST_CASE("teams: a token that is disabled, deleted or rotated ends, and its grace is kept") {
  Teams teams;
  const std::string token = teams.Token("red", "read"), id = token.substr(4, token.find('_', 4) - 4);
  CHECK(teams.As(token, {"list"}).code == 0);
  const std::string rotated = JsonAt(teams.Must(teams.As(teams.admin(), {"token", "rotate", id, "--grace-ms", "3600000"})), "/token");
  CHECK(rotated != token);
  for (const std::string& each : {token, rotated}) CHECK(teams.As(each, {"list"}).code == 0);
  teams.Must(teams.As(teams.admin(), {"token", "update", id, "--disabled", "true"}));
  for (const std::string& each : {token, rotated}) CHECK(teams.As(each, {"list"}).code == 1);
  teams.Must(teams.As(teams.admin(), {"token", "update", id, "--disabled", "false"}));
  CHECK(teams.As(rotated, {"list"}).code == 0);
  teams.Must(teams.As(teams.admin(), {"token", "delete", id}));
  CHECK(teams.As(rotated, {"list"}).code == 1);
}

TEST_CASE("teams: a namespace with pending notifies goes only where they may be discarded, and its token with it") {
  Teams teams;
  const std::string red = teams.Token("red", kAllOfOne);
  teams.Must(teams.As(red, {"submit", "http://127.0.0.1:9/", "--fkey", "k"}));
  CHECK(teams.As(teams.admin(), {"namespace", "delete", "red"}).code == 1);
  CHECK(teams.As(red, {"list"}).code == 0);
  teams.Must(teams.As(teams.admin(), {"namespace", "delete", "red", "--discard-pending"}));
  CHECK(teams.As(red, {"list"}).code == 1);
  CHECK(JsonAt(teams.Must(teams.As(teams.admin(), {"verify", "--all-namespaces"})), "/balance") == "true");
}

TEST_CASE("teams: who is bound to lanes leaves alone what others put in theirs, and steers its own") {
  Teams teams;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  const std::string all = teams.Token("red", kAllOfOne), bound = teams.Token("red", kAllOfOne, {"--lanes", "a/"}), url = receiver.url() + "/x";
  teams.Must(teams.As(all, {"subscription", "set", "theirs", "--topic", "t", "--url", url, "--lane", "b/l", "--paused", "true"}));
  teams.Must(teams.As(bound, {"subscription", "set", "own", "--topic", "t", "--url", url, "--lane", "a/l", "--paused", "true"}));
  teams.Must(teams.As(all, {"schedule", "put", "theirs", "--every-ms", "3600000", "--notify", R"({"url":")" + url + R"(","lane":"b/l"})"}));
  const std::string event = JsonAt(teams.Must(teams.As(bound, {"publish", "t", "--data", "1"})), "/id");
  for (const std::vector<std::string>& beyond : std::vector<std::vector<std::string>>{
           {"subscription", "show", "theirs"},
           {"subscription", "set", "theirs", "--topic", "t", "--url", url, "--lane", "a/l"},
           {"subscription", "replay", "theirs", "--all"},
           {"subscription", "apply", "theirs"},
           {"subscription", "delete", "theirs"},
           {"schedule", "show", "theirs"},
           {"schedule", "run", "theirs"},
           {"schedule", "pause", "theirs"},
           {"schedule", "delete", "theirs"},
           {"topic", "set", "t"},
           {"event", "replay", event},
       }) {
    INFO(beyond[0] << " " << beyond[1]);
    CHECK(teams.As(bound, beyond).code == 1);
  }
  const std::string listed = teams.Must(teams.As(bound, {"subscription", "list"}));
  CHECK(JsonAt(listed, "/items/0/name") == "own");
  CHECK(JsonAt(listed, "/items/1/name") == "");
  const std::string seen = teams.Must(teams.As(bound, {"event", "show", event}));
  CHECK(JsonAt(seen, "/notifies/0/subscription") == "own");
  CHECK(JsonAt(seen, "/notifies/1/subscription") == "");
  teams.Must(teams.As(bound, {"subscription", "set", "own", "--topic", "t", "--url", url + "2", "--lane", "a/l", "--paused", "true"}));
  CHECK(JsonAt(teams.Must(teams.As(bound, {"subscription", "apply", "own"})), "/count") == "1");
  teams.Must(teams.As(bound, {"subscription", "delete", "own"}));
  CHECK(JsonAt(teams.Must(teams.As(all, {"subscription", "show", "theirs"})), "/pending") == "1");
  // Addresses that are closed to the namespace are no template's.
  CHECK(teams.As(all, {"subscription", "set", "far", "--topic", "t", "--url", "http://169.254.169.254/"}).code == 1);
  CHECK(JsonAt(teams.Must(teams.As(teams.admin(), {"verify", "--all-namespaces"})), "/balance") == "true");
}
