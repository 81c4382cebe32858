// The programs that tests start: what each is from, and what becomes of it.
#include "support/process.h"

#include <stdexcept>

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

TEST_CASE("process: a program that a test started ends with the test, however that ends") {
  Process shown("setpriv", {{"--dump"}, {}});
  CHECK(shown.Wait() == 0);
  CHECK_THAT(shown.output(), Catch::Contains("Parent death signal: KILL"));
}

TEST_CASE("process: one that cannot be started is told at once") {
  CHECK_THROWS_AS(Process("no-such-program-anywhere", {{}, {}}), std::runtime_error);
  CHECK_THROWS_AS(Process("true", {{}, {}, "/no/such/file"}), std::runtime_error);
  CHECK(Process("true", {{}, {}}).Wait() == 0);
}
