#include "base/deadline_wheel.h"

#include <catch2/catch.hpp>
#include <vector>

#include "base/random.h"

namespace notifyd {
namespace {

TEST_CASE("deadline wheel: each entry fires once, not before its deadline and at most two ticks behind it") {
  struct Item : DeadlineWheel::Entry {
    int64_t due = 0;
    int64_t fired = -1;
  };
  DeadlineWheel wheel(10, 0);
  Random random(5);
  std::vector<Item> items(500);
  for (Item& item : items) wheel.Arm(&item, item.due = static_cast<int64_t>(random.Below(20'000)));
  // A third is moved, either way; some are cleared.
  for (size_t i = 0; i < items.size(); i += 3) wheel.Arm(&items[i], items[i].due = static_cast<int64_t>(random.Below(20'000)));
  for (size_t i = 0; i < items.size(); i += 10) wheel.Arm(&items[i], items[i].due = DeadlineWheel::kNever);
  for (size_t i = 5; i < items.size(); i += 10) {
    wheel.Disarm(&items[i]);
    items[i].due = DeadlineWheel::kNever;
  }
  for (int64_t now = 0; now <= 20'100; now += 10) {
    wheel.Advance(now, [&](DeadlineWheel::Entry* entry) {
      auto* item = static_cast<Item*>(entry);
      REQUIRE(item->fired == -1);
      item->fired = now;
    });
  }
  for (const Item& item : items) {
    if (item.due == DeadlineWheel::kNever) {
      REQUIRE(item.fired == -1);
    } else {
      REQUIRE(item.fired >= item.due);
      REQUIRE(item.fired <= item.due + 20);
    }
  }
}

TEST_CASE("deadline wheel: a long sleep passes over nothing") {
  DeadlineWheel wheel(10, 0);
  std::vector<DeadlineWheel::Entry> items(100);
  for (size_t i = 0; i < items.size(); ++i) wheel.Arm(&items[i], static_cast<int64_t>(i) * 1000);
  size_t fired = 0;
  wheel.Advance(1'000'000, [&](DeadlineWheel::Entry*) { ++fired; });
  CHECK(fired == 100);
}

TEST_CASE("deadline wheel: an expiry may disarm and arm others") {
  DeadlineWheel wheel(10, 0);
  std::vector<DeadlineWheel::Entry> items(3);
  for (DeadlineWheel::Entry& item : items) wheel.Arm(&item, 15);
  size_t fired = 0;
  wheel.Advance(100, [&](DeadlineWheel::Entry* entry) {
    ++fired;
    for (DeadlineWheel::Entry& item : items) {
      if (&item != entry) wheel.Disarm(&item);
    }
    wheel.Arm(entry, 500);
  });
  CHECK(fired == 1);
  wheel.Advance(600, [&](DeadlineWheel::Entry*) { ++fired; });
  CHECK(fired == 2);
}

TEST_CASE("deadline wheel: what is armed for a time that has passed fires at the next tick, so that an expiry that arms itself ends") {
  DeadlineWheel wheel(10, 1000);
  DeadlineWheel::Entry entry;
  wheel.Arm(&entry, 400);
  size_t fired = 0;
  auto again = [&](DeadlineWheel::Entry* expired) {
    ++fired;
    wheel.Arm(expired, 400);
  };
  wheel.Advance(1000, again);
  CHECK(fired == 0);
  wheel.Advance(1010, again);
  CHECK(fired == 1);
  wheel.Advance(1015, again);
  CHECK(fired == 1);
  wheel.Advance(1500, again);
  CHECK(fired == 2);
  wheel.Disarm(&entry);
}

}  // namespace
}  // namespace notifyd
