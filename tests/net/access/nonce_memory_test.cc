#include "net/access/nonce_memory.h"

#include <catch2/catch.hpp>
#include <algorithm>
#include <map>
#include <string>

#include "base/random.h"

namespace notifyd {
namespace {

using Answer = NonceMemory::Answer;

TEST_CASE("nonce memory: the same as a set of pairs with times, whatever comes") {
  NonceMemory memory(200);
  Random random(7);
  std::map<std::pair<std::string, std::string>, int64_t> model;
  int64_t now = 1'800'000'000'000;
  size_t full = 0, seen = 0, back = 0;
  std::map<std::pair<std::string, std::string>, NonceMemory::Taken> taken;
  for (int i = 0; i < 20'000; ++i) {
    now += static_cast<int64_t>(random.Below(2000));
    // Forgotten by whole minutes, and never too early.
    std::erase_if(model, [&](const auto& each) { return (each.second / 60'000 + 1) * 60'000 <= now; });
    const std::pair<std::string, std::string> pair{"token" + std::to_string(random.Below(3)), "nonce" + std::to_string(random.Below(2000))};
    const int64_t until = now + static_cast<int64_t>(random.Below(600'000));
    const Answer expected = model.contains(pair) ? Answer::kSeen : model.size() >= 200 ? Answer::kFull : Answer::kNew;
    NonceMemory::Taken what;
    REQUIRE(memory.Add(pair.first, pair.second, WallTime{until}, WallTime{now}, &what) == expected);
    if (expected == Answer::kNew) model.emplace(pair, until), taken[pair] = what;
    // Some come to nothing, of those that are here, or whose minute is over by now.
    if (random.Below(3) == 0 && !taken.empty()) {
      auto some = taken.lower_bound({"token" + std::to_string(random.Below(3)), "nonce" + std::to_string(random.Below(2000))});
      if (some == taken.end()) some = taken.begin();
      memory.GiveBack(some->second);
      back += model.erase(some->first);
      taken.erase(some);
    }
    full += expected == Answer::kFull;
    seen += expected == Answer::kSeen;
    REQUIRE(memory.size() == model.size());
  }
  CHECK(full > 100);
  CHECK(seen > 100);
  CHECK(back > 100);
}

TEST_CASE("nonce memory: a million in bounded bytes, then it is full, and all of it comes back") {
  NonceMemory memory;
  const WallTime now{1'800'000'000'000};
  size_t most = 0;
  for (size_t i = 0; i < NonceMemory::kMost; ++i) {
    // Over the eleven minutes that may be accepted: as unfavourable as it gets for sets that double.
    const WallTime until{now.ms + static_cast<int64_t>(i % 11) * 60'000};
    REQUIRE(memory.Add("token", std::to_string(i), until, now) == Answer::kNew);
    if (i % 1000 == 0) most = std::max(most, memory.bytes());
  }
  CHECK(memory.Add("token", "one more", now, now) == Answer::kFull);
  CHECK(memory.Add("token", "999999", now, now) == Answer::kSeen);
  CHECK(std::max(most, memory.bytes()) < NonceMemory::kMostBytes);
  CHECK(memory.Add("token", "one more", WallTime{now.ms + 1'200'000}, WallTime{now.ms + 1'200'000}) == Answer::kNew);
  CHECK(memory.size() == 1);
  CHECK(memory.bytes() < 10'000);
}

}  // namespace
}  // namespace notifyd
