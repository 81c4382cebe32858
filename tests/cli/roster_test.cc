#include "cli/daemon/roster.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

using Numbers = std::vector<NamespaceNumber>;

Now At(int64_t wall, int64_t mono) {
  return {WallTime{wall}, MonoTime{mono}};
}

}  // namespace

TEST_CASE("roster: a wake comes once, by the clock that is first") {
  Roster roster(1000, 100);
  roster.SetWake(3, {WallTime{50}, kMonoNever});
  roster.SetWake(4, {kWallNever, MonoTime{20}});
  roster.SetWake(5, {WallTime{60}, MonoTime{30}});
  CHECK(roster.Next().wall == WallTime{50});
  CHECK(roster.Next().mono == MonoTime{20});
  CHECK(roster.TakeDue(At(49, 19)).empty());
  CHECK(roster.TakeDue(At(50, 30)) == Numbers{3, 4, 5});
  // The other clock's wake of 5 went with it.
  CHECK(roster.Next().wall == kWallNever);
  CHECK(roster.TakeDue(At(1000, 1000)).empty());
}

TEST_CASE("roster: a later wake stands in place of the one before") {
  Roster roster(1000, 100);
  roster.SetWake(3, {WallTime{50}, MonoTime{50}});
  roster.SetWake(3, {WallTime{80}, kMonoNever});
  CHECK(roster.TakeDue(At(79, 100)).empty());
  CHECK(roster.TakeDue(At(80, 100)) == Numbers{3});
  roster.SetWake(3, {WallTime{90}, kMonoNever});
  roster.SetWake(3, {});
  CHECK(roster.TakeDue(At(1000, 1000)).empty());
}

TEST_CASE("roster: who has had nothing to do is to rest, once, the longest first") {
  Roster roster(1600, 100);
  roster.Busy(7, MonoTime{0});
  roster.Busy(2, MonoTime{10});
  roster.Busy(9, MonoTime{20});
  CHECK(roster.Next().mono == MonoTime{1600});
  roster.Busy(7, MonoTime{200});
  CHECK(roster.TakeRested(MonoTime{1609}).empty());
  CHECK(roster.TakeRested(MonoTime{1620}) == Numbers{2, 9});
  CHECK(roster.TakeRested(MonoTime{1799}).empty());
  CHECK(roster.TakeRested(MonoTime{1800}) == Numbers{7});
  CHECK(roster.TakeRested(MonoTime{9999}).empty());
  CHECK(roster.Next().mono == kMonoNever);
}

TEST_CASE("roster: where many are awake, those that have rested for longest wait less") {
  Roster roster(1600, 2);
  for (NamespaceNumber number : {1, 2, 3, 4}) roster.Busy(number, MonoTime{number});
  CHECK(roster.TakeRested(MonoTime{50}).empty());
  CHECK(roster.TakeRested(MonoTime{200}) == Numbers{1, 2});
  CHECK(roster.TakeRested(MonoTime{1602}).empty());
  roster.Rest(3);
  CHECK(roster.TakeRested(MonoTime{1604}) == Numbers{4});
}

}  // namespace notifyd::test
