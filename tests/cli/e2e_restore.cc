// `notifyd restore` as a process, and what a broker makes of what it left.
#include <signal.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include "cli/ctl.h"
#include "cli/e2e_broker.h"
#include "cli/token_create.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

int Stats(const Broker& broker, const std::string& token) {
  return Ctl({"--server", broker.url(), "stats"}, {"NOTIFYD_TOKEN=" + token}).code;
}

int RestoreWith(const TempDir& from, const TempDir& to, std::vector<std::string> more, std::string* error, std::string* output) {
  more.insert(more.begin(), {"restore", from.At("data"), "--data-dir", to.At("data")});
  return ExitOf(more, error, output);
}

}  // namespace

TEST_CASE("notifyd restore: all is there again, and no token of then counts until somebody says so") {
  TempDir backup;
  std::string id, error, output;
  const std::string token = Create(backup.path(), {"--scopes", "admin"}).token;
  {
    Broker broker(backup.path());
    id = broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"f"})");
    broker.process().Signal(SIGTERM);
    CHECK(broker.process().Wait() == 0);
  }
  for (bool keep : {false, true}) {
    TempDir dir;
    CHECK(RestoreWith(backup, dir, {"--tokens", keep ? "keep" : "disable"}, &error, &output) == 0);
    INFO(error);
    CHECK((output.find("1 tokens are disabled") == std::string::npos) == keep);
    {
      Broker broker(dir.path(), {"--auth-mode", "token"});
      CHECK((Stats(broker, token) == 0) == keep);
      const std::string fresh = Create(dir.path(), {"--scopes", "admin"}).token;
      CHECK(Stats(broker, fresh) == 0);
      if (!keep) {
        const std::string of = token.substr(4, token.find('_', 4) - 4);
        CHECK(Ctl({"--server", broker.url(), "token", "update", of, "--disabled", "false"}, {"NOTIFYD_TOKEN=" + fresh}).code == 0);
      }
      CHECK(Stats(broker, token) == 0);
    }
    Broker broker(dir.path());
    CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/fkey") == "f");
    CHECK_FALSE(std::filesystem::exists(dir.At("data.restoring")));
  }
}

TEST_CASE("notifyd restore: nothing is put where something is, of what is no store, or of what a broker has open") {
  TempDir backup, dir, none;
  std::string error, output;
  CHECK(RestoreWith(none, dir, {}, &error, &output) == 2);
  CHECK_THAT(error, Catch::Contains("is no backup, and no store"));
  {
    Broker broker(backup.path());
    CHECK(RestoreWith(backup, dir, {}, &error, &output) == 2);
    CHECK_THAT(error, Catch::Contains("a broker runs on"));
    broker.process().Signal(SIGTERM);
    CHECK(broker.process().Wait() == 0);
  }
  CHECK_FALSE(std::filesystem::exists(dir.At("data")));
  CHECK_FALSE(std::filesystem::exists(dir.At("data.restoring")));
  CHECK(RestoreWith(backup, dir, {}, &error, &output) == 0);
  {
    Broker broker(dir.path());
    CHECK(RestoreWith(backup, dir, {}, &error, &output) == 2);
    CHECK_THAT(error, Catch::Contains("a broker runs on " + dir.At("data") + ": stop it first"));
    broker.process().Signal(SIGTERM);
    CHECK(broker.process().Wait() == 0);
  }
  CHECK(RestoreWith(backup, dir, {}, &error, &output) == 2);
  CHECK_THAT(error, Catch::Contains("is not empty"));
  CHECK(RestoreWith(backup, none, {"--tokens", "some"}, &error, &output) == 2);
  // Nor into the backup itself, nor in the place of a link, which is said before anything is copied.
  const auto files = [&] { return std::distance(std::filesystem::directory_iterator(backup.At("data")), std::filesystem::directory_iterator()); };
  const auto before = files();
  for (const char* inside : {"/child", "", "/child/"}) {
    CHECK(ExitOf({"restore", backup.At("data"), "--data-dir", backup.At("data") + inside}, &error, &output) == 2);
    CHECK_THAT(error, Catch::Contains("lies in the backup"));
  }
  CHECK(files() == before);
  std::filesystem::create_directory(none.At("real"));
  std::filesystem::create_symlink(none.At("real"), none.At("data"));
  CHECK(RestoreWith(backup, none, {}, &error, &output) == 2);
  CHECK_THAT(error, Catch::Contains("is a link"));
  std::filesystem::remove(none.At("data"));
  // Whoever restores to the same place at the same time loses nothing of it.
  std::filesystem::create_directory(none.At("data.restoring"));
  CHECK(RestoreWith(backup, none, {}, &error, &output) == 2);
  CHECK(std::filesystem::exists(none.At("data.restoring")));
  std::filesystem::remove(none.At("data.restoring"));
  // One that does not open is not put there.
  TempDir damaged, target;
  std::filesystem::copy(backup.At("data"), damaged.At("data"));
  std::filesystem::remove(damaged.At("data") + "/CURRENT");
  CHECK(RestoreWith(damaged, target, {}, &error, &output) == 1);
  CHECK_FALSE(std::filesystem::exists(target.At("data")));
  CHECK_FALSE(std::filesystem::exists(target.At("data.restoring")));
}
