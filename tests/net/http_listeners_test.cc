// Several listeners of one server: what they serve, how many they let in.

#include <catch2/catch.hpp>

#include "net/http_fixture.h"

namespace notifyd {
namespace {

TEST_CASE("http listeners: one whose connections are used up keeps nobody from another") {
  HttpLimits limits;
  limits.max_probe_connections = 1;
  HttpListener crowded, quiet;
  crowded.max_connections = 2;
  quiet.max_connections = 1;
  quiet.serves = {true, true, true, false};
  HttpFixture fixture(limits, nullptr, &crowded);
  uint16_t other = 0;
  fixture.OnLoop([&](HttpServer& server) { other = *server.Listen("127.0.0.1", 0, false, &quiet); });
  RawClient one(fixture.port()), two(fixture.port());
  REQUIRE(fixture.WaitForConnections(2));
  RawClient third(fixture.port());
  third.Send(kGet);
  CHECK(third.ReadResponse().status == 503);
  RawClient probe(other);
  probe.Send(kGet);
  CHECK(probe.ReadResponse().status == 200);
  CHECK(crowded.connections == 2);
  CHECK(quiet.connections == 1);
  CHECK(fixture.budget().connections == 3);
  RawClient fourth(other);
  fourth.Send(kGet);
  CHECK(fourth.ReadResponse().status == 503);
}

}  // namespace
}  // namespace notifyd
