// `notifyd token create` as a process, where no broker runs.
#include <sys/stat.h>

#include <filesystem>

#include "cli/e2e_broker.h"
#include "cli/token_create.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

TEST_CASE("notifyd token create: where no broker runs the token is made in the store, and a broker starts on it") {
  TempDir dir;
  Made first = Create(dir.path(), {"--scopes", "admin"}),
       second = Create(dir.path(), {"--scopes", "submit", "--namespaces", "default", "--expires-in", "90d"});
  INFO(first.error << second.error);
  REQUIRE((first.code == 0 && second.code == 0));
  for (const Made& made : {first, second}) {
    CHECK_THAT(made.token, Catch::StartsWith("ntf_") && !Catch::Contains("\n"));
    CHECK_THAT(made.error, !Catch::Contains(made.token));
  }
  CHECK(first.token != second.token);
  CHECK_THAT(first.error, Catch::Contains("admin,submit,read,read_bodies,register,operate,metrics in all namespaces"));
  CHECK_THAT(second.error, Catch::Contains("submit in default"));
  Broker broker(dir.path());
  CHECK(broker.Call("GET", "/v1/stats").status == 200);
}

TEST_CASE("notifyd token create: a namespace that is not there is refused") {
  TempDir dir;
  Made made = Create(dir.path(), {"--scopes", "submit", "--namespaces", "nowhere"});
  CHECK(made.code != 0);
  CHECK(made.token.empty());
  CHECK_THAT(made.error, Catch::Contains("nowhere"));
}

TEST_CASE("notifyd token create: wrong usage exits with 2, prints no token, and makes no store") {
  std::vector<std::string> arguments = GENERATE(values<std::vector<std::string>>({{},
                                                                                  {"--scopes", "adnim"},
                                                                                  {"--scopes", ""},
                                                                                  {"--scopes", "submit", "--cidrs", "10.0.0.0/99"},
                                                                                  {"--scopes", "submit", "--expires-in", "90"},
                                                                                  {"--scopes", "submit", "--expires-at", "soon"},
                                                                                  {"--scopes", "submit", "--lanes", ""},
                                                                                  {"--scopes", "submit", "--submits-per-s", "many"},
                                                                                  {"--scopes", "submit", "--no-such-flag"},
                                                                                  {"--scopes", "submit", "--limits-pending", "0"}}));
  TempDir dir;
  Made made = Create(dir.path(), arguments);
  CHECK(made.code == 2);
  CHECK(made.token.empty());
  CHECK_THAT(made.error, Catch::StartsWith("notifyd: "));
  struct stat status {};
  CHECK(stat(dir.At("data").c_str(), &status) != 0);
}

TEST_CASE("notifyd token create: says in which store, and makes none where nothing says that one is meant") {
  TempDir dir;
  const std::string place = std::filesystem::canonical(dir.path()).string() + "/data";
  auto create_there = [&](const std::string& flags) {
    Process shell("/bin/sh", {{"-c", "cd '" + dir.path() + "' && exec \"$0\" token create --scopes admin" + flags, NOTIFYD_BINARY}, {}});
    Made made;
    made.code = shell.Wait();
    made.token = shell.output();
    made.error = shell.error();
    return made;
  };
  Made refused = create_there("");
  CHECK(refused.code == 2);
  CHECK(refused.token.empty());
  CHECK_THAT(refused.error, Catch::Contains("there is no store in " + place) && Catch::Contains("--data-dir"));
  CHECK_FALSE(std::filesystem::exists(place));
  Made first = create_there(" --data-dir ./data"), second = create_there("");
  INFO(first.error << second.error);
  REQUIRE((first.code == 0 && second.code == 0));
  CHECK_THAT(first.error, Catch::Contains("of the store in " + place + ", which was made for it"));
  CHECK_THAT(second.error, Catch::Contains("of the store in " + place + ";"));
}

TEST_CASE("notifyd token: its only command is create, whose --help names its flags") {
  std::string error, help;
  CHECK(ExitOf({"token"}, &error) == 2);
  CHECK(ExitOf({"token", "list"}, &error) == 2);
  CHECK_THAT(error, Catch::Contains("notifyctl"));
  CHECK(ExitOf({"token", "create", "--help"}, nullptr, &help) == 0);
  for (const char* flag : {"--scopes", "--namespaces", "--name", "--caller", "--expires-in", "--data-dir"}) CHECK_THAT(help, Catch::Contains(flag));
}
