// kill -9, and the broker is gone.
#pragma once

#include <signal.h>

#include "cli/e2e_broker.h"

#include <catch2/catch.hpp>

namespace notifyd::test {

inline void Kill(Broker* broker) {
  broker->process().Signal(SIGKILL);
  REQUIRE(broker->process().Wait() == 1000 + SIGKILL);
}

}  // namespace notifyd::test
