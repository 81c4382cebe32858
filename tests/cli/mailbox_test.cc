#include "cli/daemon/mailbox.h"

#include <catch2/catch.hpp>
#include <thread>

using namespace notifyd;

TEST_CASE("mailbox: events come out in the order of the posts, once") {
  Mailbox mailbox;
  mailbox.Post(Tick{});
  mailbox.Post(StopRequested{});
  std::vector<Event> events = mailbox.Take();
  REQUIRE(events.size() == 2);
  CHECK(std::holds_alternative<Tick>(events[0]));
  CHECK(std::holds_alternative<StopRequested>(events[1]));
  CHECK(mailbox.empty());
  CHECK(mailbox.Take().empty());
}

TEST_CASE("mailbox: one wake-up for many posts of another thread") {
  Mailbox mailbox;
  int wakes = 0;
  mailbox.OnWake([&] { ++wakes; });
  mailbox.AdoptThread();
  std::thread([&] {
    for (int i = 0; i < 100; ++i) mailbox.Post(Tick{});
  }).join();
  CHECK(wakes == 1);
  CHECK(mailbox.Take().size() == 100);
  std::thread([&] { mailbox.Post(Tick{}); }).join();
  CHECK(wakes == 2);
}

TEST_CASE("mailbox: the core's own thread is not woken by its own posts") {
  Mailbox mailbox;
  int wakes = 0;
  mailbox.OnWake([&] { ++wakes; });
  mailbox.AdoptThread();
  mailbox.Post(Tick{});
  CHECK(wakes == 0);
  CHECK(mailbox.Take().size() == 1);
}
