// Lane rules at the start, and what SIGHUP changes in a broker that runs.
#include <signal.h>

#include <filesystem>

#include "support/counting_receiver.h"
#include "cli/e2e_broker.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

std::string Rule(const std::string& match, int concurrency) {
  return "[[lane]]\nmatch = \"" + match + "\"\nconcurrency = " + std::to_string(concurrency) + "\n";
}

void SubmitTo(Broker* broker, const CountingReceiver& receiver, const std::string& lane, int count) {
  for (int i = 0; i < count; ++i) broker->Submit(R"({"url":")" + receiver.url() + R"(","lane":")" + lane + "\"}");
}

std::string Concurrency(Broker* broker, const std::string& lane) {
  return JsonAt(broker->Call("GET", "/v1/lanes/concurrent/" + lane).body, "/settings/concurrency");
}

}  // namespace

TEST_CASE("notifyd: --check-config refuses a bad lane rule with exit code 2, and names it") {
  TempDir dir;
  std::string file = dir.Write("n.toml", Rule("a", 1) + Rule("b", 0)), error;
  CHECK(ExitOf({"--config", file, "--check-config"}, &error) == 2);
  CHECK_THAT(error, Catch::Contains("[[lane]] 2") && Catch::Contains("concurrency") && Catch::Contains(file + ":6"));
  CHECK(ExitOf({"--config", file, "--data-dir", dir.path() + "/data"}, &error) == 2);
}

TEST_CASE("notifyd: lane rules hold from the start, and others from a SIGHUP on") {
  TempDir dir;
  CountingReceiver receiver;
  receiver.Withhold();
  std::string file = dir.Write("n.toml", Rule("narrow*", 1));
  Broker broker(dir.path(), {"--config", file});
  SubmitTo(&broker, receiver, "narrow-one", 4);
  SubmitTo(&broker, receiver, "wide", 3);
  REQUIRE(receiver.WaitForWithheld(4));
  CHECK(Concurrency(&broker, "narrow-one") == "1");
  CHECK(Concurrency(&broker, "wide") == "64");
  CHECK(broker.Stat("/states/sending") == 4);

  dir.Write("n.toml", Rule("narrow*", 3) + Rule("*", 2));
  broker.process().Signal(SIGHUP);
  REQUIRE(receiver.WaitForWithheld(6));
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  CHECK(Concurrency(&broker, "narrow-one") == "3");
  CHECK(Concurrency(&broker, "wide") == "2");
  CHECK(broker.Stat("/states/sending") == 6);
  std::vector<std::string> said = LinesOf(broker.process().error(), "settings reloaded");
  REQUIRE(said.size() == 1);
  CHECK(JsonAt(said[0], "/applied") == "lane");
  receiver.Release();
  CHECK(receiver.WaitFor(7));
}

TEST_CASE("notifyd: a SIGHUP with a wrong file changes nothing and says why") {
  TempDir dir;
  CountingReceiver receiver;
  receiver.Withhold();
  std::string file = dir.Write("n.toml", Rule("a", 2));
  Broker broker(dir.path(), {"--config", file});
  SubmitTo(&broker, receiver, "a", 3);
  REQUIRE(receiver.WaitForWithheld(2));
  size_t refused = 0;
  for (const std::string& wrong : {Rule("a", 3) + "[limits]\npending = 0\n", Rule("a", 3) + "[[lane]]\n", std::string("rubbish"),
                                   Rule("a", 3) + "[destinations]\nallow = [\"no range\"]\n"}) {
    INFO(wrong);
    dir.Write("n.toml", wrong);
    broker.process().Signal(SIGHUP);
    REQUIRE(broker.process().WaitForError("settings not reloaded", ++refused));
    CHECK(Concurrency(&broker, "a") == "2");
  }
  std::vector<std::string> said = LinesOf(broker.process().error(), "settings not reloaded, all stay as they were");
  REQUIRE(said.size() == 4);
  CHECK_THAT(JsonAt(said[0], "/detail"), Catch::Contains("limits.pending") && Catch::Contains(file));
  CHECK_THAT(JsonAt(said[1], "/detail"), Catch::Contains("[[lane]] 2") && Catch::Contains(file));
  CHECK(JsonAt(said[0], "/field") == "/limits/pending");
  CHECK(JsonAt(said[1], "/field") == "/lane/1/match");
  CHECK_THAT(said[2], !Catch::Contains("\"field\""));
  CHECK(JsonAt(said[3], "/field") == "/destinations/allow");
  for (const std::string& line : said) CHECK(JsonAt(line, "/level") == "error");
  CHECK(broker.Stat("/states/sending") == 2);
  receiver.Release();
  CHECK(receiver.WaitFor(3));
}

TEST_CASE("notifyd: a file of settings whose place a directory has taken is refused at a reload and before a restart in place, and all stays") {
  TempDir dir;
  CountingReceiver receiver;
  std::string file = dir.Write("n.toml", "[destinations]\ndeny = [\"127.0.0.0/8\"]\n");
  Broker broker(dir.path(), {"--config", file});
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  CHECK(ExitOf({"--config", file, "--check-config"}) == 2);
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings not reloaded, all stay as they were"));
  CHECK(JsonAt(LinesOf(broker.process().error(), "settings not reloaded, all stay as they were")[0], "/detail") == file + " is not a regular file");
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError("no restart, going on as before"));
  CHECK_FALSE(broker.process().CountsError("settings reloaded", 1));
  // What it denied is denied still.
  CHECK(JsonAt(broker.Settled(broker.Submit(R"({"url":")" + receiver.url() + "\"}")), "/attempts/0/error") == "destination_refused");
}

TEST_CASE("notifyd: a SIGHUP applies what can change, and names what cannot in one warning") {
  TempDir dir;
  CountingReceiver receiver;
  std::string file = dir.Write("n.toml", "");
  Broker broker(dir.path(), {"--config", file});
  dir.Write("n.toml", "io_threads = 2\n[limits]\nheaders = 50\npending = 5\n[log]\nlevel = \"debug\"\n[destinations]\ndeny = [\"127.0.0.0/8\"]\n");
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  std::string log = broker.process().error();
  std::vector<std::string> warned = LinesOf(log, "settings that changed hold after a restart only"), said = LinesOf(log, "settings reloaded");
  REQUIRE(warned.size() == 1);
  CHECK(JsonAt(warned[0], "/level") == "warn");
  CHECK(JsonAt(warned[0], "/names") == "io_threads, limits.headers");
  REQUIRE(said.size() == 1);
  CHECK(JsonAt(said[0], "/applied") == "log.level, limits.pending, destinations.deny");
  // And it is so: the destination is refused, its attempt logged at debug, and no sixth one accepted.
  std::string id = broker.Submit(R"({"url":")" + receiver.url() + "\"}");
  CHECK(JsonAt(broker.Settled(id), "/attempts/0/error") == "destination_refused");
  CHECK(broker.process().WaitForError(R"("event":"attempt")"));
  for (int i = 0; i < 5; ++i) broker.Submit(R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})");
  CHECK(broker.Call("POST", "/v1/notifies", R"({"url":"http://127.0.0.1:9/"})").status == 429);
  CHECK(receiver.count() == 0);
}

TEST_CASE("notifyd: a SIGHUP changes which headers are shown as ***, on every io thread") {
  TempDir dir;
  std::string file = dir.Write("n.toml", "");
  Broker broker(dir.path(), {"--config", file, "--io-threads", "2"});
  std::string id = broker.Submit(R"({"url":"http://127.0.0.1:9/","delay_ms":3600000,"headers":{"X-Pin":"1234"}})");
  CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/headers/X-Pin") == "1234");
  dir.Write("n.toml", "[secrets]\nheaders = [\"x-pin\"]\n");
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  // Each connection is taken by one of the two threads.
  for (int i = 0; i < 20; ++i) CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/headers/X-Pin") == "***");
}

TEST_CASE("notifyd: a SIGHUP where nothing changed says so") {
  TempDir dir;
  Broker broker(dir.path());
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  CHECK(JsonAt(LinesOf(broker.process().error(), "settings reloaded")[0], "/applied") == "nothing changed");
  CHECK(broker.Call("GET", "/readyz").status == 200);
}

TEST_CASE("notifyd: a SIGHUP reaches the senders of every io thread") {
  TempDir dir;
  CountingReceiver one, two, three, four;
  std::string file = dir.Write("n.toml", "");
  Broker broker(dir.path(), {"--config", file, "--io-threads", "3"});
  dir.Write("n.toml", "[destinations]\ndeny = [\"127.0.0.0/8\"]\n");
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  for (const CountingReceiver* receiver : {&one, &two, &three, &four}) {
    std::string notify = broker.Settled(broker.Submit(R"({"url":")" + receiver->url() + "\"}"));
    CHECK(JsonAt(notify, "/attempts/0/error") == "destination_refused");
  }
}

TEST_CASE("notifyd: what a destination rule says of hosts holds from the start, under an operator's word, and otherwise from a SIGHUP on") {
  TempDir dir;
  CountingReceiver receiver;
  receiver.Withhold();
  const auto rule = [](int concurrency) { return "[[destination]]\nmatch = \"127.0.0.1:*\"\nconcurrency = " + std::to_string(concurrency) + "\n"; };
  Broker broker(dir.path(), {"--config", dir.Write("n.toml", rule(2))});
  const std::string host = "/v1/hosts/" + receiver.url().substr(std::string_view("http://").size());
  const std::string at = host.substr(0, host.find('/', std::string_view("/v1/hosts/").size()));
  const auto effective = [&] { return JsonAt(broker.Call("GET", at).body, "/effective/concurrency"); };
  SubmitTo(&broker, receiver, "wide", 8);
  REQUIRE(receiver.WaitForWithheld(2));
  CHECK(effective() == "2");
  CHECK(broker.Stat("/states/sending") == 2);

  CHECK(broker.Call("PATCH", at, R"({"concurrency":3})").status == 200);
  REQUIRE(receiver.WaitForWithheld(3));
  CHECK(effective() == "3");
  CHECK(broker.Stat("/states/sending") == 3);
  CHECK(broker.Call("PATCH", at, R"({"concurrency":null})").status == 200);
  CHECK(effective() == "2");

  dir.Write("n.toml", rule(5));
  broker.process().Signal(SIGHUP);
  REQUIRE(receiver.WaitForWithheld(5));
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  CHECK(JsonAt(LinesOf(broker.process().error(), "settings reloaded").at(0), "/applied") == "destination");
  CHECK(effective() == "5");
  CHECK(broker.Stat("/states/sending") == 5);
  receiver.Release();
  CHECK(receiver.WaitFor(8));
}
