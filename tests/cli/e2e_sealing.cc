// Sealing at rest from outside: what is found in the data directory's files, and `notifyd rekey` with a broker, without one, and over kill -9.
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "cli/e2e_broker.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

const std::string kFirstKey(64, '1'), kSecondKey(64, '2'), kThirdKey(64, '3');

ScriptedAnswer Answer(const SeenRequest&) {
  return {200, "secret-answer", "text/plain"};
}

/// A file of keys, for its owner alone.
std::string KeyFile(const TempDir& dir, const std::string& keys) {
  const std::string path = dir.Write("keys", keys + "\n");
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  return path;
}

std::vector<std::string> Sealed(const TempDir& dir) {
  return {"--store-encryption-key-file", dir.At("keys"), "--log-level", "debug"};
}

/// All files of its data directory, as they lie there.
std::string FilesOf(const TempDir& dir) {
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.At("data"))) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    all.append(std::istreambuf_iterator<char>(in), {});
  }
  return all;
}

/// Something of each kind that is sealed, through to its end.
void Use(Broker* broker, const std::string& receiver) {
  const std::string id =
      broker->Submit(R"({"url":")" + receiver + R"(/?q=secret-url","body":"secret-body","headers":{"X-A":"secret-header"},)" +
                     R"("keep_response_bytes":100,"callback_url":")" + receiver + R"(/?q=secret-callback","lane":"name-of-lane"})");
  CHECK(JsonAt(broker->Settled(id), "/state") == "succeeded");
  CHECK(broker->Call("PUT", "/v1/subscriptions/s", R"({"topic":"t","url":")" + receiver + R"(/?q=secret-template"})").Done());
  CHECK(broker->Call("POST", "/v1/publish", R"({"topic":"t","data":{"a":"secret-event"}})").Done());
  CHECK(broker
            ->Call("PUT", "/v1/schedules/h",
                   R"({"cron":"0 0 1 1 *","notify":{"url":")" + receiver + R"(/?q=secret-schedule","body":"secret-scheduled"}})")
            .Done());
  CHECK(broker->Call("PUT", "/v1/services/v/instances/i", R"({"url":")" + receiver + R"(/secret-instance"})").Done());
  CHECK(broker->Call("POST", "/v1/fkeys/name-of-fkey/trigger?remember_ms=600000", R"({"data":{"a":"secret-remembered"}})").Done());
}

const char* const kSecrets[] = {"secret-url",   "secret-body",     "secret-header",    "secret-callback", "secret-answer",    "secret-template",
                                "secret-event", "secret-schedule", "secret-scheduled", "secret-instance", "secret-remembered"};

int Rekey(const TempDir& dir, std::string* error, std::string* output) {
  return ExitOf({"rekey", "--data-dir", dir.At("data"), "--store-encryption-key-file", dir.At("keys")}, error, output);
}

}  // namespace

TEST_CASE("sealing: nothing that is sealed is in any file of the data directory, nor in the log; without a key all of it is") {
  ScriptedServer receiver(Answer);
  for (bool sealed : {true, false}) {
    TempDir dir;
    KeyFile(dir, kFirstKey);
    std::string log;
    {
      Broker broker(dir.path(), sealed ? Sealed(dir) : std::vector<std::string>());
      Use(&broker, receiver.url());
      CHECK(broker.Stat("/store/sealed") == sealed);
      CHECK(broker.Stat("/store/rekey_due") == 0);
      const std::string running = FilesOf(dir);
      for (const char* secret : kSecrets) {
        INFO(secret);
        CHECK((running.find(secret) == std::string::npos) == sealed);
      }
      CHECK(running.find("name-of-lane") != std::string::npos);
      broker.process().Signal(SIGKILL);
      broker.process().Wait();
      log = broker.process().error();
    }
    {
      // What was in the log is in tables now.
      Broker broker(dir.path(), sealed ? Sealed(dir) : std::vector<std::string>());
      broker.process().Signal(SIGTERM);
      CHECK(broker.process().Wait() == 0);
    }
    const std::string after = FilesOf(dir);
    for (const char* secret : kSecrets) {
      INFO(secret);
      if (sealed) CHECK(after.find(secret) == std::string::npos);
    }
    CHECK(log.find(kFirstKey) == std::string::npos);
    CHECK(after.find(kFirstKey) == std::string::npos);
  }
}

TEST_CASE("notifyd rekey: the broker goes on, and the old key is not needed once it says so") {
  ScriptedServer receiver(Answer);
  TempDir dir;
  KeyFile(dir, kFirstKey);
  std::string id, error, output;
  {
    Broker broker(dir.path(), Sealed(dir));
    id = broker.Submit(R"({"url":")" + receiver.url() + R"(/","body":"secret-body"})");
    broker.Settled(id);
    // Not by a file that lacks what is needed.
    KeyFile(dir, kSecondKey);
    CHECK(Rekey(dir, &error, &output) == 2);
    CHECK_THAT(error, Catch::Contains("put it back"));
    KeyFile(dir, kSecondKey + "\n" + kFirstKey);
    CHECK(Rekey(dir, &error, &output) == 0);
    CHECK_THAT(output, Catch::Contains("only the first key is needed"));
    CHECK(broker.Stat("/store/rekey_due") == 0);
    CHECK(broker.process().CountsError("\"event\":\"rekey done\"", 1));
    CHECK(JsonAt(broker.Call("GET", "/v1/rekey").body, "/state") == "done");
    const std::string next = broker.Submit(R"({"url":")" + receiver.url() + R"(/"})");
    CHECK(JsonAt(broker.Settled(next), "/state") == "succeeded");
    broker.process().Signal(SIGKILL);
    broker.process().Wait();
  }
  KeyFile(dir, kFirstKey);
  CHECK(ExitOf({"--data-dir", dir.At("data"), "--store-encryption-key-file", dir.At("keys"), "--listen", "127.0.0.1:0"}, &error) == 2);
  KeyFile(dir, kSecondKey);
  Broker broker(dir.path(), Sealed(dir));
  CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/body") == "secret-body");
  CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/attempts/0/response_body") == "secret-answer");
  CHECK(broker.BooksBalance());
}

TEST_CASE("notifyd rekey: where the store is sealed by another key than the file's first it does not say that the others may go") {
  TempDir dir, other;
  KeyFile(dir, kFirstKey);
  std::string error, output;
  Broker broker(dir.path(), Sealed(dir));
  KeyFile(dir, kSecondKey + "\n" + kFirstKey);
  // As a file does that was changed while the broker went by what it was before.
  KeyFile(other, kThirdKey + "\n" + kSecondKey + "\n" + kFirstKey);
  const std::vector<std::string> by_other = {"rekey", "--data-dir", dir.At("data"), "--store-encryption-key-file", other.At("keys")};
  CHECK(ExitOf(by_other, &error, &output) == 1);
  CHECK(output == "");
  CHECK_THAT(error, Catch::Contains("sealed, but not by the first key of " + other.At("keys")) && Catch::Contains("run it again"));
  CHECK_THAT(error, !Catch::Contains("not done"));
  const std::string needed = JsonAt(broker.Call("GET", "/v1/rekey").body, "/needed");
  CHECK(needed.size() == 8);
  CHECK_THAT(error, Catch::Contains("what the store needs: " + needed));
  KeyFile(dir, kThirdKey + "\n" + kSecondKey + "\n" + kFirstKey);
  CHECK(ExitOf(by_other, &error, &output) == 0);
  CHECK_THAT(output, Catch::Contains("only the first key is needed"));
  CHECK(JsonAt(broker.Call("GET", "/v1/rekey").body, "/needed") != needed);
}

TEST_CASE("notifyd rekey: where it cannot read which key is the first one it begins nothing, at the broker either") {
  TempDir dir, other;
  KeyFile(dir, kFirstKey);
  std::string error, output;
  Broker broker(dir.path(), Sealed(dir));
  KeyFile(dir, kSecondKey + "\n" + kFirstKey);
  auto refuses = [&](const std::vector<std::string>& more, const std::string& said) {
    std::vector<std::string> arguments = {"rekey", "--data-dir", dir.At("data")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    CHECK(ExitOf(arguments, &error, &output) != 0);
    CHECK(output == "");
    CHECK_THAT(error, Catch::Contains("not done") && Catch::Contains(said));
    CHECK(JsonAt(broker.Call("GET", "/v1/rekey").body, "/state") == "none");
  };
  refuses({}, "store.encryption_key_file is not set here");
  refuses({"--store-encryption-key-file", other.At("keys")}, other.At("keys"));
  KeyFile(other, "no key");
  refuses({"--store-encryption-key-file", other.At("keys")}, "32 bytes, as base64 or hex");
  CHECK(Rekey(dir, &error, &output) == 0);
}

TEST_CASE("notifyd rekey: refused while one by another key is under way it exits 1, and asks no further") {
  TempDir dir;
  KeyFile(dir, kSecondKey);
  std::filesystem::create_directory(dir.At("data"));
  auto refuses = [](const SeenRequest&) {
    return ScriptedAnswer{409, R"({"type":"conflict","detail":"a rekey by another key is under way"})", "application/problem+json"};
  };
  ScriptedServer broker(refuses, dir.At("data/control.sock"));
  std::string error, output;
  CHECK(Rekey(dir, &error, &output) == 1);
  CHECK(output == "");
  CHECK_THAT(error, Catch::Contains("a rekey by another key is under way"));
  CHECK(broker.seen().size() == 1);
}

TEST_CASE("notifyd rekey: one that kill -9 cuts short has lost nothing, and is done where no broker runs") {
  ScriptedServer receiver(Answer);
  TempDir dir;
  KeyFile(dir, kFirstKey);
  std::vector<std::string> ids;
  std::string error, output;
  {
    Broker broker(dir.path(), Sealed(dir));
    for (int i = 0; i < 100; ++i)
      ids.push_back(broker.Submit(R"({"url":")" + receiver.url() + R"(/","fkey":"f)" + std::to_string(i) + R"(","body":"secret-body"})"));
    KeyFile(dir, kSecondKey + "\n" + kFirstKey);
    CHECK(broker.Call("POST", "/v1/rekey").status == 202);
    broker.process().Signal(SIGKILL);
    broker.process().Wait();
  }
  CHECK(Rekey(dir, &error, &output) == 0);
  INFO(error);
  KeyFile(dir, kSecondKey);
  Broker broker(dir.path(), Sealed(dir));
  for (const std::string& id : ids) CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/body") == "secret-body");
  CHECK(broker.Stat("/store/rekey_due") == 0);
}

TEST_CASE("sealing: a key file that others may read, or a sealed store without one, is refused, and says what to do") {
  TempDir dir;
  KeyFile(dir, kFirstKey);
  std::string error;
  const std::vector<std::string> check = {"--check-config", "--data-dir", dir.At("data"), "--listen", "127.0.0.1:0", "--store-encryption-key-file",
                                          dir.At("keys")};
  CHECK(ExitOf(check, &error) == 0);
  REQUIRE(chmod(dir.At("keys").c_str(), 0644) == 0);
  CHECK(ExitOf(check, &error) == 2);
  CHECK_THAT(error, Catch::Contains("chmod 600"));
  KeyFile(dir, "no key");
  CHECK(ExitOf(check, &error) == 2);
  CHECK_THAT(error, Catch::Contains("32 bytes, as base64 or hex"));
  KeyFile(dir, kFirstKey);
  Broker(dir.path(), Sealed(dir)).process().Signal(SIGTERM);
  CHECK(ExitOf({"--data-dir", dir.At("data"), "--listen", "127.0.0.1:0"}, &error) == 2);
  CHECK_THAT(error, Catch::Contains("the store is sealed, and store.encryption_key_file is not set"));
  CHECK(ExitOf({"rekey", "--data-dir", dir.At("data")}, &error) == 2);
}

TEST_CASE("sealing: a restart in place and a reload without a key that the store needs are refused, and the broker goes on") {
  TempDir dir;
  KeyFile(dir, kFirstKey);
  const std::string plain = "listen = \"127.0.0.1:0\"\ndata_dir = \"" + dir.At("data") + "\"\n",
                    sealed = plain + "store.encryption_key_file = \"" + dir.At("keys") + "\"\n", file = dir.Write("n.toml", sealed);
  Process running(NOTIFYD_BINARY, {{"--config", file}, {}});
  REQUIRE(running.WaitForError("listening on"));
  size_t refused = 0;
  auto refuses = [&](const std::string& said) {
    ++refused;
    running.Signal(SIGHUP);
    REQUIRE(running.WaitForError("settings not reloaded, all stay as they were", refused));
    CHECK_THAT(LinesOf(running.error(), "settings not reloaded, all stay as they were").back(), Catch::Contains(said));
    running.Signal(SIGUSR1);
    REQUIRE(running.WaitForError("no restart, going on as before", refused));
    CHECK_THAT(LinesOf(running.error(), "no restart, going on as before").back(), Catch::Contains(said));
  };
  dir.Write("n.toml", plain);
  refuses("the store is sealed, and store.encryption_key_file is not set");
  dir.Write("n.toml", sealed);
  KeyFile(dir, kSecondKey);
  refuses("is sealed by a key that is not in store.encryption_key_file");
  KeyFile(dir, kSecondKey + "\n" + kFirstKey);
  running.Signal(SIGUSR1);
  REQUIRE(running.WaitForError("restarted in place"));
  // It seals by the second one now, and has something by the first one.
  KeyFile(dir, kFirstKey);
  refuses("is sealed by a key that is not in store.encryption_key_file");
  KeyFile(dir, kSecondKey);
  refuses("is sealed by a key that is not in store.encryption_key_file");
  CHECK(running.error().find(kFirstKey) == std::string::npos);
  CHECK(running.running());
}
