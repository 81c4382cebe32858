// A breaker by itself, with its settings and a clock.
#pragma once

#include <catch2/catch.hpp>

#include "broker/breaker.h"

namespace notifyd {

struct BreakerRig {
  BreakerSettings settings;
  Breaker breaker;
  MonoTime now{1'000};
  Breaker::Change Call(Contact contact) { return breaker.End(breaker.Begin(now), contact, now, settings); }
  void Pass(int64_t ms) { now.ms += ms; }
  /// Opens it by failures in a row.
  void Open() {
    for (uint32_t i = 0; i < settings.failures; ++i) Call(Contact::kUnreached);
    REQUIRE(breaker.state() == Breaker::State::kOpen);
  }
  int64_t WaitMs() const { return breaker.next_probe().ms - now.ms; }
  /// From now on the first wait is that long.
  void WaitAtFirst(int64_t ms) {
    settings.open_ms = ms;
    breaker.OnSettings(now, settings);
  }
};

}  // namespace notifyd
