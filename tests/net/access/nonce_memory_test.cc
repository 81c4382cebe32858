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
    // None has more than are left.
    const auto of_token =
        static_cast<size_t>(std::count_if(model.begin(), model.end(), [&](const auto& each) { return each.first.first == pair.first; }));
    const Answer expected = model.contains(pair) ? Answer::kSeen : 200 - model.size() <= of_token ? Answer::kFull : Answer::kNew;
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
  const size_t full = NonceMemory::kMost - NonceMemory::kMost / 1000;
  for (size_t i = 0; i < full; ++i) {
    // Over the eleven minutes that may be accepted: as unfavourable as it gets for sets that double.
    const WallTime until{now.ms + static_cast<int64_t>(i % 11) * 60'000};
    REQUIRE(memory.Add("token" + std::to_string(i % 1000), std::to_string(i), until, now) == Answer::kNew);
    if (i % 1000 == 0) most = std::max(most, memory.bytes());
  }
  for (size_t i = full; i < NonceMemory::kMost; ++i) memory.Add("token" + std::to_string(i), "one", now, now);
  CHECK(memory.size() == NonceMemory::kMost);
  CHECK(memory.Add("token", "one more", now, now) == Answer::kFull);
  CHECK(memory.Add("token999", "998999", now, now) == Answer::kSeen);
  CHECK(std::max(most, memory.bytes()) < NonceMemory::kMostBytes);
  CHECK(memory.Add("token", "one more", WallTime{now.ms + 1'200'000}, WallTime{now.ms + 1'200'000}) == Answer::kNew);
  CHECK(memory.size() == 1);
  CHECK(memory.bytes() < 10'000);
}

TEST_CASE("nonce memory: a token that sends what it can leaves room for others, and gets back what it gives back") {
  NonceMemory memory(1000);
  const WallTime now{1'800'000'000'000};
  NonceMemory::Taken last;
  size_t taken = 0;
  while (memory.Add("greedy", std::to_string(taken), now, now, &last) == Answer::kNew) ++taken;
  CHECK(taken == 500);
  size_t second = 0;
  while (memory.Add("greedy too", std::to_string(second), now, now) == Answer::kNew) ++second;
  CHECK(second == 250);
  for (int i = 0; i < 100; ++i) REQUIRE(memory.Add("modest", std::to_string(i), now, now) == Answer::kNew);
  CHECK(memory.Add("greedy", "one more", now, now) == Answer::kFull);
  memory.GiveBack(last);
  memory.GiveBack(last);  // it is not there any more
  CHECK(memory.size() == 849);
  const WallTime later{now.ms + 60'000};
  CHECK(memory.Add("greedy", "one more", later, later) == Answer::kNew);
  CHECK(memory.size() == 1);
}

}  // namespace
}  // namespace notifyd
