// What people see who look into a broker: a profile, and what its cores hold.
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

#include "cli/await.h"
#include "cli/ctl.h"
#include "cli/e2e_broker.h"
#include "net/gzip.h"
#include "support/counting_receiver.h"
#include "support/seen_profile.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

TEST_CASE("debug: a profile of a broker under load is pprof's, with its own functions; only one is taken at a time") {
  TempDir dir;
  CountingReceiver receiver;
  Broker broker(dir.path());
  // The later of them finds the earlier one under way.
  std::vector<HttpAnswer> answers(2);
  std::vector<std::thread> asking;
  for (HttpAnswer& answer : answers)
    asking.emplace_back([&] {
      HttpClient client(broker.url());
      Result<HttpAnswer> got = client.Call("GET", "/v1/debug/profile?seconds=4");
      if (got.ok()) answer = *got;
    });
  std::string batch;
  for (int i = 0; i < 500; ++i) batch += std::string(i == 0 ? "[" : ",") + R"({"url":")" + receiver.url() + "\"}";
  for (int round = 0; round < 20; ++round) CHECK(broker.Call("POST", "/v1/notifies", batch + "]").status == 201);
  for (std::thread& each : asking) each.join();
  std::sort(answers.begin(), answers.end(), [](const HttpAnswer& a, const HttpAnswer& b) { return a.status < b.status; });
  REQUIRE(answers[0].status == 200);
  CHECK(answers[1].status == 409);
  std::string bytes;
  REQUIRE(GunzipAll(answers[0].body, 64 << 20, &bytes).ok());
  const SeenProfile seen = ReadProfile(bytes);
  CHECK(seen.types == std::vector<std::string>{"samples/count", "cpu/nanoseconds"});
  CHECK(seen.duration_ns >= 4'000'000'000);
  CHECK(seen.samples > 0);
  CHECK(std::any_of(seen.files.begin(), seen.files.end(), [](const std::string& file) { return file.ends_with("notifyd"); }));
  CHECK(std::any_of(seen.cumulative.begin(), seen.cumulative.end(),
                    [](const auto& each) { return each.first.find("notifyd::") != std::string::npos; }));
  CHECK(broker.Call("GET", "/v1/debug/profile?seconds=0").status == 422);
}

TEST_CASE("debug: a restart in place ends a profile, and the program that follows knows nothing of it") {
  TempDir dir;
  CountingReceiver receiver;
  Broker broker(dir.path());
  HttpAnswer profile;
  std::thread asking([&] {
    HttpClient client(broker.url());
    // It may find one of the short ones below under way.
    for (profile.status = 409; profile.status == 409;) {
      Result<HttpAnswer> got = client.Call("GET", "/v1/debug/profile?seconds=60");
      profile = got.ok() ? *got : HttpAnswer();
    }
  });
  // Once another one is refused, it is under way.
  CHECK(Await([&] { return broker.Call("GET", "/v1/debug/profile?seconds=1").status == 409; }));
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError("restart: starting"));
  // More CPU time than one period of the profile's timer, which would end a process that does not know its signal.
  std::string batch;
  for (int i = 0; i < 500; ++i) batch += std::string(i == 0 ? "[" : ",") + R"({"url":")" + receiver.url() + "\"}";
  for (int round = 0; round < 5; ++round) CHECK(broker.Call("POST", "/v1/notifies", batch + "]").status == 201);
  CHECK(broker.Call("GET", "/v1/debug/profile?seconds=1").status == 200);
  asking.join();
  CHECK(profile.status == 200);  // of the time until then
}

TEST_CASE("debug: the state says what the cores hold") {
  TempDir dir;
  Broker broker(dir.path(), {"--shards", "2"});
  for (int i = 0; i < 3; ++i) broker.Submit(R"({"url":"http://127.0.0.1:9/","delay_ms":1000,"lane":"l)" + std::to_string(i) + R"("})");
  const HttpAnswer state = broker.Call("GET", "/v1/debug/state");
  REQUIRE(state.status == 200);
  CHECK(JsonAt(state.body, "/shards/1/shard") == "1");
  CHECK(JsonAt(state.body, "/namespaces/0/namespace") == "default");
  CHECK(JsonAt(state.body, "/namespaces/0/held/notifies/count") == "3");
  CHECK(std::stoul(JsonAt(state.body, "/namespaces/0/held/notifies/bytes")) > 0);
  CHECK(std::stoul(JsonAt(state.body, "/namespaces/0/held/specs/bytes")) > 0);
  CHECK(JsonAt(state.body, "/more") == "false");
  CtlRun shown = Ctl({"--server", broker.url(), "debug", "state"});
  CHECK(shown.code == 0);
  CHECK_THAT(shown.output, Catch::Contains("notifies") && Catch::Contains("HELD"));
  const std::string file = dir.At("p.gz");
  REQUIRE(Ctl({"--server", broker.url(), "debug", "profile", "--seconds", "1", "-f", file}).code == 0);
  std::stringstream packed;
  packed << std::ifstream(file, std::ios::binary).rdbuf();
  std::string bytes;
  REQUIRE(GunzipAll(packed.str(), 64 << 20, &bytes).ok());
  CHECK(ReadProfile(bytes).types.size() == 2);
  CHECK(Ctl({"--server", broker.url(), "debug", "profile", "--seconds", "61"}).code == 2);
}
