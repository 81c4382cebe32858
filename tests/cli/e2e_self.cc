// The broker among its own receivers: calls to itself, and circles through others.
#include <signal.h>

#include "cli/await.h"
#include "cli/e2e_broker.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

ScriptedAnswer Fine(const SeenRequest&) {
  return {200, "fine"};
}

std::string Once(const std::string& url, const std::string& more = "") {
  return R"({"url":")" + url + R"(","retry":{"max_attempts":1})" + more + "}";
}

}  // namespace

TEST_CASE("self: a notify to the broker's own API is refused, on whatever address it listens") {
  TempDir dir;
  ScriptedServer receiver(Fine);
  const std::string listen = GENERATE(as<std::string>{}, "127.0.0.1:0", "0.0.0.0:0", "[::]:0");
  Broker broker(dir.path(), {"--listen", listen, "--auth-mode", "none", "--io-threads", "2"});
  const std::string port = broker.address().substr(broker.address().rfind(':'));
  const std::string victim = broker.Submit(Once(receiver.url() + "/", R"(,"delay_ms":3600000)"));
  const std::string notify = broker.Settled(broker.Submit(Once("http://127.0.0.1" + port + "/v1/notifies/" + victim, R"(,"method":"DELETE")")));
  INFO(notify);
  CHECK(JsonAt(notify, "/state") == "failed");
  CHECK(JsonAt(notify, "/reason") == "destination_refused");
  CHECK_THAT(JsonAt(notify, "/attempts/0/detail"), Catch::Contains("listens itself"));
  CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + victim).body, "/state") == "scheduled");
}

TEST_CASE("self: where the settings allow it, what comes back is refused by its Notify-Via") {
  TempDir dir;
  Broker broker(dir.path(), {"--destinations-allow", "127.0.0.1"});
  const std::string notify = broker.Settled(broker.Submit(Once(broker.url() + "/v1/notifies/retry", R"(,"data":{"filter":{"state":"failed"}})")));
  CHECK(JsonAt(notify, "/attempts/0/status") == "508");
  CHECK_THAT(JsonAt(notify, "/attempts/0/response_body"), Catch::Contains("urn:notifyd:problem:loop"));
}

TEST_CASE("self: the name in Notify-Via is the store's, over restarts, and other than another's") {
  TempDir dir, other_dir;
  ScriptedServer receiver(Fine);
  std::vector<std::string> names;
  for (const std::string& directory : {dir.path(), dir.path(), other_dir.path()}) {
    Broker broker(directory);
    broker.Settled(broker.Submit(Once(receiver.url() + "/")));
    names.push_back(receiver.seen().back().Header("Notify-Via"));
    broker.process().Signal(SIGTERM);
    REQUIRE(broker.process().Wait() == 0);
  }
  CHECK(names[0].size() == 24);
  CHECK(names[0].starts_with("notifyd-"));
  CHECK(names[0] == names[1]);
  CHECK(names[0] != names[2]);
}

TEST_CASE("self: a circle of retries and callbacks over two brokers ends") {
  TempDir one_dir, two_dir;
  ScriptedServer receiver(Fine);
  Broker one(one_dir.path()), two(two_dir.path());
  const std::string first = "n0000000000000001";
  // Each notify of the second broker that settles has the first one sent again, which has that sent again.
  REQUIRE(two.Submit(Once(receiver.url() + "/", R"(,"delay_ms":3600000,"callback_url":")" + one.url() + "/v1/notifies/" + first + R"(/retry")")) ==
          first);
  REQUIRE(one.Submit(Once(two.url() + "/v1/notifies/" + first + "/retry", R"(,"fkey":"start")")) == first);
  REQUIRE(one.Call("POST", "/v1/fkeys/start/trigger").status == 202);
  // One calls two, which sends its notify and tells one, which calls two again: there its own name comes back, and two refuses.
  std::string notify;
  const bool ended = Await([&] { return JsonAt(notify = one.Call("GET", "/v1/notifies/" + first).body, "/state") == "failed"; });
  INFO(notify);
  REQUIRE(ended);
  CHECK(JsonAt(notify, "/attempts_made") == "2");
  CHECK(JsonAt(notify, "/attempts/0/status") == "202");
  CHECK(JsonAt(notify, "/attempts/1/status") == "508");
  CHECK(receiver.seen().size() == 1);
  // Asked by a person it begins anew, and ends a lap later: two's callback carries both names, and one refuses.
  REQUIRE(one.Call("POST", "/v1/notifies/" + first + "/retry").status == 202);
  REQUIRE(receiver.WaitFor(2).size() == 2);
  REQUIRE(Await([&] { return !JsonAt(notify = two.Call("GET", "/v1/notifies/n0000000000000003").body, "/attempts/0/status").empty(); }));
  CHECK(JsonAt(notify, "/attempts/0/status") == "508");
  CHECK(JsonAt(one.Call("GET", "/v1/notifies/" + first).body, "/attempts_made") == "3");
  CHECK(receiver.seen().size() == 2);
  CHECK(one.BooksBalance());
}
