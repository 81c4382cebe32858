#include "broker/long_polls.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

constexpr RequestId kA{0, 1}, kB{0, 2}, kC{1, 1};
constexpr NotifyId kFirst{7}, kSecond{8};

TEST_CASE("long polls: who waits for a notify is found by it, in the order in which they came") {
  LongPolls polls;
  CHECK(polls.Add(kB, kFirst, {100}));
  CHECK(polls.Add(kA, kFirst, {50}));
  CHECK(polls.Add(kC, kSecond, {70}));
  CHECK(polls.WaitingFor(kFirst) == std::vector{kB, kA});
  CHECK(polls.WaitingFor(kSecond) == std::vector{kC});
  CHECK(polls.WaitingFor({9}).empty());
  polls.CheckInvariants();
}

TEST_CASE("long polls: a request that waits already is not taken twice, and waits for what it waited for") {
  LongPolls polls;
  polls.Add(kA, kFirst, {50});
  CHECK_FALSE(polls.Add(kA, kSecond, {10}));
  CHECK(polls.WaitingFor(kSecond).empty());
  CHECK(polls.NextEnd() == MonoTime{50});
  polls.CheckInvariants();
}

TEST_CASE("long polls: waits end in the order of their times, the least request first where two end together") {
  LongPolls polls;
  CHECK(polls.NextEnd() == kMonoNever);
  CHECK_FALSE(polls.Over(kMonoNever));
  polls.Add(kC, kFirst, {50});
  polls.Add(kB, kFirst, {50});
  polls.Add(kA, kSecond, {40});
  CHECK_FALSE(polls.Over({39}));
  std::vector<RequestId> ended;
  while (auto over = polls.Over({50})) {
    ended.push_back(*over);
    polls.Remove(*over);
    polls.CheckInvariants();
  }
  CHECK(ended == std::vector{kA, kB, kC});
  CHECK(polls.NextEnd() == kMonoNever);
}

TEST_CASE("long polls: whoever goes away is known no more, and waits for nothing") {
  LongPolls polls;
  polls.Add(kA, kFirst, {50});
  polls.Add(kB, kFirst, {60});
  CHECK(polls.First() == kA);
  CHECK(polls.Remove(kA) == kFirst);
  CHECK_FALSE(polls.Remove(kA));
  CHECK(polls.WaitingFor(kFirst) == std::vector{kB});
  CHECK(polls.First() == kB);
  CHECK(polls.Remove(kB) == kFirst);
  CHECK_FALSE(polls.First());
  polls.CheckInvariants();
}

}  // namespace
}  // namespace notifyd
