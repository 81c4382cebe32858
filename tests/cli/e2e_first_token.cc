// The first token as a broker takes it, whichever way it was made.
#include <filesystem>
#include <sstream>

#include "cli/ctl.h"
#include "cli/e2e_broker.h"
#include "cli/token_create.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// notifyctl with that token.
CtlRun As(const Broker& broker, const std::string& token, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--server", broker.url()});
  return Ctl(arguments, {"NOTIFYD_TOKEN=" + token});
}

/// The token's row as notifyctl shows it, without what differs from one to the next.
std::string Shown(const Broker& broker, const std::string& admin, const std::string& token) {
  std::string id = token.substr(4, token.find('_', 4) - 4), out;
  CtlRun run = As(broker, admin, {"token", "show", id});
  CHECK(run.code == 0);
  std::istringstream lines(run.output);
  for (std::string line; std::getline(lines, line);) {
    bool differs = false;
    for (const char* name : {"id ", "version ", "etag ", "created_at ", "created_by ", "last_used_at "}) differs = differs || line.starts_with(name);
    if (!differs) out += line + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("notifyd token create: where no broker runs the token is made in the store, and counts for the next start") {
  TempDir dir;
  Made made = Create(dir.path(), {"--scopes", "admin"});
  INFO(made.error);
  REQUIRE(made.code == 0);
  CHECK_THAT(made.token, Catch::StartsWith("ntf_") && !Catch::Contains("\n"));
  CHECK_THAT(made.error, !Catch::Contains(made.token));
  Broker broker(dir.path(), {"--auth-mode", "token"});
  CHECK(As(broker, made.token, {"stats"}).code == 0);
  CHECK_THAT(As(broker, made.token, {"audit"}).output, Catch::Contains("the store's owner") && Catch::Contains("token_made"));
  CtlRun none = As(broker, "", {"stats"});
  CHECK(none.code == 1);
  CHECK_THAT(none.error, Catch::Contains("no token was found"));
  CtlRun wrong = As(broker, made.token + "x", {"stats"});
  CHECK(wrong.code == 1);
  CHECK_THAT(wrong.error, Catch::Contains("asked with the token of NOTIFYD_TOKEN"));
}

TEST_CASE("notifyd token create: a broker that runs is asked over its control socket, and the token counts at once") {
  TempDir dir;
  Broker broker(dir.path(), {"--auth-mode", "token"});
  Made made = Create(dir.path(), {"--scopes", "admin"});
  INFO(made.error);
  REQUIRE(made.code == 0);
  CHECK(As(broker, made.token, {"stats"}).code == 0);
}

TEST_CASE("notifyd token create: a data directory may be named from where one stands; without an admin the log says how to make one") {
  TempDir dir;
  const std::string named = std::filesystem::relative(dir.path() + "/data").string();
  Broker broker(dir.path(), {"--auth-mode", "token"});
  CHECK_THAT(broker.process().error(), Catch::Contains("nobody may administer the broker") &&
                                           Catch::Contains("notifyd token create --data-dir " + std::filesystem::canonical(dir.path()).string() +
                                                           "/data --scopes admin makes one"));
  Made made;
  made.code = ExitOf({"token", "create", "--data-dir", named, "--scopes", "admin"}, &made.error, &made.token);
  INFO(made.error);
  CHECK(made.code == 0);
}

TEST_CASE("notifyd token create: both ways make the same of the same flags") {
  TempDir dir;
  const std::vector<std::string> flags = {
      "--scopes",  "submit,read", "--namespaces", "default", "--name",     "shop", "--caller",        "shop", "--cidrs",      "127.0.0.0/8, ::1",
      "--lanes",   "a-,b-",       "--fkeys",      "f",       "--services", "s",    "--submits-per-s", "2.5",  "--expires-at", "2040-01-01T00:00:00Z",
      "--signing", "true"};
  Made admin = Create(dir.path(), {"--scopes", "admin"}), offline = Create(dir.path(), flags);
  INFO(admin.error << offline.error);
  REQUIRE((admin.code == 0 && offline.code == 0));
  Broker broker(dir.path(), {"--auth-mode", "token"});
  Made online = Create(dir.path(), flags);
  REQUIRE(online.code == 0);
  std::string shown = Shown(broker, admin.token, offline.token);
  CHECK(shown == Shown(broker, admin.token, online.token));
  for (const char* part : {"shop", "submit", "127.0.0.0/8", "a-", "2.5", "2040-01-01T00:00:00.000Z"}) CHECK_THAT(shown, Catch::Contains(part));
}

TEST_CASE("notifyd token create --scopes admin: has all scopes, so that it can hand out any") {
  TempDir dir;
  Made made = Create(dir.path(), {"--scopes", "admin"});
  REQUIRE(made.code == 0);
  CHECK_THAT(made.error, Catch::Contains("admin,submit,read,read_bodies,register,operate,metrics in all namespaces"));
  Broker broker(dir.path(), {"--auth-mode", "token"});
  CtlRun given = As(broker, made.token, {"token", "create", "--namespaces", "default", "--scopes", "submit"});
  INFO(given.error);
  CHECK(given.code == 0);
  CHECK_THAT(given.output, Catch::StartsWith("ntf_"));
}
