#include "net/access/token_rates.h"

#include <catch2/catch.hpp>

#include "base/random.h"

namespace notifyd {
namespace {

TEST_CASE("token rates: a second's worth at once, then as it fills") {
  TokenRates rates;
  for (int i = 0; i < 10; ++i) CHECK(rates.Take("a", 10, 1, MonoTime{0}) == 0);
  CHECK(rates.Take("a", 10, 1, MonoTime{0}) == 100);
  CHECK(rates.Take("b", 10, 1, MonoTime{0}) == 0);
  CHECK(rates.Take("a", 10, 1, MonoTime{99}) == 1);
  CHECK(rates.Take("a", 10, 1, MonoTime{100}) == 0);
  CHECK(rates.Take("a", 10, 10, MonoTime{60'000}) == 0);
  CHECK(rates.Take("a", 10, 1, MonoTime{60'000}) == 100);
}

TEST_CASE("token rates: less than one a second still lets one go") {
  TokenRates rates;
  CHECK(rates.Take("a", 0.001, 1, MonoTime{0}) == 0);
  CHECK(rates.Take("a", 0.001, 1, MonoTime{0}) == 1'000'000);
  CHECK(rates.Take("a", 0.001, 1, MonoTime{1'000'000}) == 0);
}

TEST_CASE("token rates: a batch larger than the bucket goes once it is full, and is owed") {
  TokenRates rates;
  CHECK(rates.Take("a", 10, 100, MonoTime{0}) == 0);
  CHECK(rates.Take("a", 10, 1, MonoTime{0}) == 9'100);
  CHECK(rates.Take("a", 10, 100, MonoTime{9'000}) == 1'000);
  CHECK(rates.Take("a", 10, 100, MonoTime{10'000}) == 0);
}

TEST_CASE("token rates: of several that are each for itself so many go as there is room for, and nothing is owed") {
  TokenRates rates;
  CHECK(rates.TakeSome("a", 10, 100, MonoTime{0}) == 10);
  CHECK(rates.TakeSome("a", 10, 100, MonoTime{0}) == 0);
  CHECK(rates.TakeSome("a", 10, 100, MonoTime{250}) == 2);
  CHECK(rates.Take("a", 10, 1, MonoTime{300}) == 0);  // what was left over counts
  CHECK(rates.TakeSome("a", 10, 3, MonoTime{60'000}) == 3);
  CHECK(rates.TakeSome("a", 0.5, 3, MonoTime{120'000}) == 1);
  CHECK(rates.Take("b", 1, 60, MonoTime{0}) == 0);  // 59 are owed
  CHECK(rates.TakeSome("b", 1, 2, MonoTime{50'000}) == 0);
}

TEST_CASE("token rates: over time nobody gets more than his rate, whatever he asks for and when") {
  TokenRates rates;
  Random random(9);
  int64_t now = 0;
  double taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    now += static_cast<int64_t>(random.Below(100));
    const size_t count = 1 + random.Below(30);
    if (rates.Take("a", 20, count, MonoTime{now}) == 0) taken += static_cast<double>(count);
    REQUIRE(taken <= 20 + 20 * static_cast<double>(now) / 1000 + 30);
  }
  // And nobody who asks all the time gets much less.
  CHECK(taken > 0.9 * 20 * static_cast<double>(now) / 1000);
}

TEST_CASE("token rates: what is full is forgotten") {
  TokenRates rates;
  for (int i = 0; i < 10'000; ++i) rates.Take("token " + std::to_string(i), 1, 1, MonoTime{i * 100});
  CHECK(rates.size() < 200);
}

}  // namespace
}  // namespace notifyd
