// Requests that may have been carried out by another member of a cluster, whose answer never came, and that are asked again (members_stage.h).
#include <catch2/catch.hpp>

#include <atomic>
#include <string>

#include "net/api/passing.h"
#include "net/members_stage.h"
#include "support/threaded_server.h"

namespace notifyd {
namespace {

TEST_CASE("members: what broke and is asked again is not answered as refused by what does not know of the first time") {
  StagedBroker a(kMoving);
  const std::string keyed = RequestOf("POST", "/v1/notifies", kNotify, "Idempotency-Key: k\r\n");
  std::atomic<int> asked{0};
  std::string says;
  ThreadedServer breaks([&](Stream& stream, int) {
    std::string head;
    if (!stream.ReadTo("\r\n\r\n", &head)) return;
    if (asked++ > 0 && !says.empty()) stream.Send(says);
    else a.places.Set(says.empty() ? kMoving : There(breaks.port()));
  });
  const auto refuses = [&](const std::string& status) {
    says = "HTTP/1.1 " + status + " No\r\nContent-Length: 0\r\n\r\n";
    a.places.Set(There(breaks.port()));
  };
  RawClient client(a.port, 0, 40);
  SECTION("that it has no place any more") {
    a.places.Set(There(breaks.port()));
    REQUIRE(client.Send(keyed));
    REQUIRE(a.places.WaitForWaiting());
    a.loop.Pass(Passing::kMostWaitMs + 1);
    CHECK(client.ReadResponse().status == 504);
    CHECK(a.Counted(PassingFigures::kUnknown) == 1);
    CHECK(a.Counted(PassingFigures::kNoPlace) == 0);
  }
  SECTION("that the broker stops") {
    a.places.Set(There(breaks.port()));
    const bool triggers = GENERATE(false, true);
    REQUIRE(client.Send(triggers ? RequestOf("POST", "/v1/fkeys/f/trigger") : keyed));
    REQUIRE(a.places.WaitForWaiting());
    a.OnLoop([](Api& api) { api.EndBulkSubmits(Leaving::kStopping); });
    CHECK(client.ReadResponse().status == 504);
  }
  SECTION("what is refused for the moment") {
    refuses(GENERATE("429", "503", "507", "401", "403", "404", "500"));
    REQUIRE(client.Send(keyed));
    const RawResponse answer = client.ReadResponse();
    CHECK(answer.status == 504);
    CHECK(answer.body.find("urn:notifyd:problem:outcome-unknown") != std::string::npos);
    CHECK(asked == 2);
  }
  SECTION("what is refused for what it is, it was the first time") {
    refuses(GENERATE("422", "409"));
    REQUIRE(client.Send(keyed));
    CHECK(client.ReadResponse().status < 500);
  }
  SECTION("by this one, which has it by now") {
    a.stops = true;
    a.places.Set(There(breaks.port()));
    REQUIRE(client.Send(keyed));
    REQUIRE(a.places.WaitForWaiting());
    a.places.Set(kHere);
    CHECK(client.ReadResponse().status == 504);
    CHECK(a.Came("refused") == 1);
  }
  SECTION("a look has no outcome") {
    a.places.Set(There(breaks.port()));
    REQUIRE(client.Send(RequestOf("GET", "/v1/notifies/n0000000000000001")));
    REQUIRE(a.places.WaitForWaiting());
    a.loop.Pass(Passing::kMostWaitMs + 1);
    CHECK(client.ReadResponse().status == 503);
  }
}

}  // namespace
}  // namespace notifyd
