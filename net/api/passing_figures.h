// PassingFigures: what became of requests that were passed on to other members. Shared by all loops, any thread. Contract section 23.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/histogram.h"

namespace notifyd {

struct PassingFigures {
  enum Outcome : uint8_t {
    kAnswered,
    kNoPlace,  // nobody served it in time: 503
    kUnknown,  // its connection broke, and it was not asked again: 504
    kBroken,   // the answer ended before its end
    kClientLeft,
    kServedHere,  // by then
    kSecondHop,   // another member took this one for the one that serves it: 503
    kOutcomes,
  };
  static constexpr std::array<const char*, kOutcomes> kNames = {"answered",    "no_place",    "outcome_unknown", "broken",
                                                                "client_left", "served_here", "second_hop"};

  void Count(Outcome outcome) { outcomes[outcome].fetch_add(1, std::memory_order_relaxed); }

  std::array<std::atomic<uint64_t>, kOutcomes> outcomes{};
  std::atomic<uint64_t> repeated{0};  // asked again, of another member or the same
  NamedHistogram took{"notifyd_forward_seconds", "From when a request was passed on to the head of its answer.", {}};
};

}  // namespace notifyd
