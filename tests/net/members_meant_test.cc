// Members whose addresses lead elsewhere (members_stage.h).
#include <catch2/catch.hpp>

#include <string>

#include "net/members_stage.h"

namespace notifyd {
namespace {

TEST_CASE("members: a listener for clients passes nothing on that a member passed on to it") {
  StagedBroker a(kHere, {.first_id = 7});
  // As by an advertise that leads there: to this one itself, and round and round.
  a.places.Set(There(a.port));
  RawClient client(a.port, 0, 40);
  REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
  SECTION("that is asked again for a while, by the one that has it, and not by more and more of them") {
    REQUIRE(Until([&] { return a.figures.repeated >= 3; }));
    a.loop.Pass(Passing::kMostWaitMs + 1);
    CHECK(client.ReadResponse().status == 503);
    CHECK(a.Counted(PassingFigures::kNoPlace) == 1);
    CHECK(a.Counted(PassingFigures::kAnswered) == 0);
    CHECK(a.Came("submit") == 0);
  }
  SECTION("that is served here by then") {
    REQUIRE(Until([&] { return a.figures.repeated >= 1; }));
    a.places.Set(kHere);
    CHECK(client.ReadResponse().status == 201);
    CHECK(a.Came("submit") == 1);
  }
  // Whoever says it himself is told, and has nothing by it.
  for (const std::string_view name : {kPassedOnHeader, kWaitsOnHeader}) {
    const RawResponse refused = Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify, std::string(name) + ": x\r\n"));
    CHECK(refused.status == 421);
    CHECK_THAT(refused.body, Catch::Contains("urn:notifyd:problem:misdirected"));
  }
}

}  // namespace
}  // namespace notifyd
