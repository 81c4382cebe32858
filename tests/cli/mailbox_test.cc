#include "cli/daemon/mailbox.h"

#include <catch2/catch.hpp>
#include <thread>

using namespace notifyd;

TEST_CASE("mailbox: events come out in the order of the posts, once") {
  Mailbox mailbox;
  mailbox.Post(0, Tick{});
  mailbox.Post(0, StopRequested{});
  std::vector<Mailbox::Mail> mail = mailbox.Take();
  REQUIRE(mail.size() == 1);
  REQUIRE(mail[0].events.size() == 2);
  CHECK(std::holds_alternative<Tick>(mail[0].events[0]));
  CHECK(std::holds_alternative<StopRequested>(mail[0].events[1]));
  CHECK(mailbox.empty());
  CHECK(mailbox.Take().empty());
}

TEST_CASE("mailbox: events are gathered by namespace, each in its order") {
  Mailbox mailbox;
  for (int round = 0; round < 2; ++round) {
    for (uint64_t i = 0; i < 3; ++i)
      for (NamespaceNumber to : {7, 0, 9}) mailbox.Post(to, Committed{.batch = i});
    std::vector<Mailbox::Mail> mail = mailbox.Take();
    REQUIRE(mail.size() == 3);
    CHECK(mail[0].to == 7);
    CHECK(mail[1].to == 0);
    CHECK(mail[2].to == 9);
    for (const Mailbox::Mail& each : mail) {
      REQUIRE(each.events.size() == 3);
      for (uint64_t i = 0; i < 3; ++i) CHECK(std::get<Committed>(each.events[i]).batch == i);
    }
  }
}

TEST_CASE("mailbox: one wake-up for many posts of another thread") {
  Mailbox mailbox;
  int wakes = 0;
  mailbox.OnWake([&] { ++wakes; });
  mailbox.AdoptThread();
  std::thread([&] {
    for (int i = 0; i < 100; ++i) mailbox.Post(static_cast<NamespaceNumber>(i % 3), Tick{});
  }).join();
  CHECK(wakes == 1);
  CHECK(mailbox.Take().size() == 3);
  std::thread([&] { mailbox.Post(0, Tick{}); }).join();
  CHECK(wakes == 2);
}

TEST_CASE("mailbox: the cores' own thread is not woken by its own posts") {
  Mailbox mailbox;
  int wakes = 0;
  mailbox.OnWake([&] { ++wakes; });
  mailbox.AdoptThread();
  mailbox.Post(0, Tick{});
  CHECK(wakes == 0);
  CHECK(mailbox.Take().size() == 1);
}
