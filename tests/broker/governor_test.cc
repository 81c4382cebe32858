// What is lent to one, to several, and taken back.
#include "broker/governor.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

/// The cores, each at what it was lent last; they report when the test says so.
struct Cores {
  explicit Cores(uint32_t in_flight, size_t loaded = 65'536) : governor({in_flight, loaded}) {}

  void Take() {
    for (const Governor::Lent& lent : out) {
      CHECK(lent.grant.number > grants[lent.to].number);
      grants[lent.to] = lent.grant;
    }
    ++messages;
    out.clear();
    governor.CheckInvariants();
  }
  void Join(NamespaceNumber number, uint32_t limit = 1'000'000) {
    governor.Join(number, limit, &out);
    Take();
  }
  /// As a core that has so much in flight, and wants more or not, under the grant that it was given last.
  void Report(NamespaceNumber number, uint32_t in_flight, bool wants) {
    CoreUsage usage;
    usage.grant = grants[number].number;
    usage.in_flight = in_flight;
    usage.wants_in_flight = wants;
    governor.Report(number, usage, &out);
    Take();
  }
  /// One that takes all that it gets, at once, until nothing moves.
  void Fill(std::vector<NamespaceNumber> numbers) {
    for (int round = 0; round < 50; ++round)
      for (NamespaceNumber number : numbers) Report(number, grants[number].max_in_flight, true);
  }

  Governor governor;
  Governor::Out out;
  std::map<NamespaceNumber, GrantChanged> grants;
  int messages = 0;
};

}  // namespace

TEST_CASE("governor: one namespace alone has all, at once") {
  Cores c(1024);
  c.Join(kDefaultNumber);
  CHECK(c.grants[0].max_in_flight == 1024);
  CHECK(c.grants[0].max_loaded == 65'536);
}

TEST_CASE("governor: many that did something and are idle do not keep a busy one from what there is") {
  Cores c(1024);
  c.governor.SetShared(true, &c.out);
  for (NamespaceNumber number = 10; number < 410; ++number) {
    c.Join(number);
    c.Report(number, c.grants[number].max_in_flight, true);
    c.Report(number, 0, false);
  }
  c.Join(2);
  for (int round = 0; round < 100; ++round) {
    c.Report(2, c.grants[2].max_in_flight, true);
    for (NamespaceNumber number = 10; number < 410; ++number) c.Report(number, 0, false);
  }
  CHECK(c.grants[2].max_in_flight > 850);
  // One of the idle ones begins again at once.
  c.Report(10, 0, true);
  CHECK(c.grants[10].max_in_flight >= 1);
}

TEST_CASE("governor: with one that does little beside one that wants all, nothing goes to and fro") {
  Cores c(1024);
  c.governor.SetShared(true, &c.out);
  c.Join(2);
  c.Join(3);
  // What it was lent is used once it is read from the disk, which it never is here.
  auto report = [&](NamespaceNumber number, size_t loaded) {
    CoreUsage usage;
    usage.grant = c.grants[number].number;
    usage.loaded = loaded;
    usage.wants_loaded = usage.loaded * 2 > c.grants[number].max_loaded;
    c.governor.Report(number, usage, &c.out);
    const bool said = !c.out.empty();
    c.Take();
    return said;
  };
  int said = 0;
  for (int round = 0; round < 1'000; ++round) {
    said += report(3, c.grants[3].max_loaded);
    said += report(2, 9);
  }
  CHECK(c.grants[3].max_loaded > 65'536 * 3 / 4);
  CHECK(c.grants[2].max_loaded >= 256);
  CHECK(said < 50);
}

TEST_CASE("governor: beside system alone default has all but what system needs, and gets that back") {
  Cores c(1024);
  c.Join(kDefaultNumber);
  c.Join(kSystemNumber);
  CHECK(c.grants[0].max_in_flight == 1024);
  c.Report(0, 1024, true);
  c.Report(kSystemNumber, 0, true);
  CHECK(c.grants[kSystemNumber].max_in_flight == 0);
  CHECK(c.grants[0].max_in_flight < 1024);
  c.Report(0, c.grants[0].max_in_flight, true);
  CHECK(c.grants[kSystemNumber].max_in_flight >= 1);
  c.Report(kSystemNumber, 0, false);
  c.governor.Gone(kSystemNumber, &c.out);
  c.Take();
  c.Report(0, c.grants[0].max_in_flight, true);
  CHECK(c.grants[0].max_in_flight == 1024);
}

TEST_CASE("governor: system has places for many alerts' targets, some of which may hang, while default wants all") {
  Cores c(1024);
  c.Join(kDefaultNumber);
  c.Join(kSystemNumber);
  c.Fill({kDefaultNumber, kSystemNumber});
  CHECK(c.grants[kSystemNumber].max_in_flight == 64);
  CHECK(c.grants[kDefaultNumber].max_in_flight == 960);
}

TEST_CASE("governor: where there are others, part stays free, and who comes with nothing gets some at once") {
  Cores c(1024);
  c.governor.SetShared(true, &c.out);
  c.Join(2);
  c.Fill({2});
  CHECK(c.grants[2].max_in_flight > 1024 * 3 / 4);
  CHECK(c.grants[2].max_in_flight <= 1024 - 16);
  for (NamespaceNumber number = 3; number < 7; ++number) {
    c.Join(number);
    CHECK(c.grants[number].max_in_flight >= 1);  // before anything is given back
  }
}

TEST_CASE("governor: default gives part back when another namespace is made") {
  Cores c(1024);
  c.Join(kDefaultNumber);
  c.Report(0, 1024, true);
  c.governor.SetShared(true, &c.out);
  c.Take();
  CHECK(c.grants[0].max_in_flight <= 1024 - 16);
  CHECK(c.governor.lent_in_flight() == 1024);  // until it says that it is below
  c.Report(0, c.grants[0].max_in_flight, true);
  CHECK(c.governor.lent_in_flight() < 1024);
}

TEST_CASE("governor: what is taken back is lent on only once it is reported") {
  Cores c(128);
  c.governor.SetShared(true, &c.out);
  c.Join(2);
  c.Fill({2});
  const uint32_t had = c.grants[2].max_in_flight;
  const GrantChanged before = c.grants[2];
  c.Join(3);
  c.Report(3, c.grants[3].max_in_flight, true);
  REQUIRE(c.grants[2].max_in_flight < had);
  CHECK(c.governor.lent_in_flight() <= 128);
  const uint32_t given = c.grants[3].max_in_flight;
  CHECK(given + had <= 128);
  // A report of before it took the new grant counts for nothing.
  CoreUsage old;
  old.grant = before.number;
  old.in_flight = 1;
  old.wants_in_flight = true;
  c.governor.Report(2, old, &c.out);
  c.Take();
  CHECK(c.grants[3].max_in_flight + had <= 128);
  // It took it, and still has as many in flight.
  c.Report(2, had, true);
  CHECK(c.grants[3].max_in_flight + had <= 128);
  // They ended.
  c.Fill({2, 3});
  CHECK(c.grants[3].max_in_flight > 2 * given);
  CHECK(c.governor.lent_in_flight() <= 128);
}

TEST_CASE("governor: several that want all come to about the same, and what is free goes to a newcomer") {
  Cores c(1024);
  c.governor.SetShared(true, &c.out);
  for (NamespaceNumber number = 2; number < 6; ++number) {
    c.Join(number);
    c.Fill({number});
  }
  c.Fill({2, 3, 4, 5});
  for (NamespaceNumber number = 2; number < 6; ++number) {
    CHECK(c.grants[number].max_in_flight > 1024 / 8);
    CHECK(c.grants[number].max_in_flight < 1024 * 3 / 8);
  }
  c.Join(6);
  CHECK(c.grants[6].max_in_flight >= 1);
}

TEST_CASE("governor: a namespace's own limit bounds it, from when it is said") {
  Cores c(1024);
  c.governor.SetShared(true, &c.out);
  c.Join(2, 10);
  c.Fill({2});
  CHECK(c.grants[2].max_in_flight == 10);
  c.governor.SetLimit(2, 5, &c.out);
  c.Take();
  CHECK(c.grants[2].max_in_flight == 5);
  c.Report(2, 5, true);
  CHECK(c.grants[2].max_in_flight == 5);
  c.governor.SetLimit(2, 50, &c.out);
  c.Take();
  c.Fill({2});
  CHECK(c.grants[2].max_in_flight == 50);
}

TEST_CASE("governor: a cap that is lowered is taken back from who has the most") {
  Cores c(1000);
  c.governor.SetShared(true, &c.out);
  c.Join(2);
  c.Join(3);
  c.Report(3, 1, false);
  c.Fill({2});
  c.governor.SetCaps({100, 65'536}, &c.out);
  c.Take();
  CHECK(c.grants[2].max_in_flight + c.grants[3].max_in_flight <= 100);
  c.Fill({2});
  CHECK(c.governor.lent_in_flight() <= 100);
  CHECK(c.grants[2].max_in_flight > 50);
}

TEST_CASE("governor: with more namespaces than places each has its turn") {
  Cores c(4);
  c.governor.SetShared(true, &c.out);
  std::map<NamespaceNumber, int> turns;
  for (NamespaceNumber number = 2; number < 14; ++number) c.Join(number);
  for (int round = 0; round < 200; ++round)
    for (NamespaceNumber number = 2; number < 14; ++number) {
      uint32_t in_flight = c.grants[number].max_in_flight;
      turns[number] += in_flight > 0;
      c.Report(number, in_flight, true);
      CHECK(c.governor.lent_in_flight() <= 4);
    }
  for (NamespaceNumber number = 2; number < 14; ++number) {
    INFO("namespace " << number);
    CHECK(turns[number] > 5);
  }
}

TEST_CASE("governor: memory is lent as calls are") {
  Cores c(1024, 65'536);
  c.governor.SetShared(true, &c.out);
  c.Join(2);
  c.Join(3);
  for (int round = 0; round < 50; ++round)
    for (NamespaceNumber number : {2, 3}) {
      CoreUsage usage;
      usage.grant = c.grants[number].number;
      usage.loaded = c.grants[number].max_loaded;
      usage.wants_loaded = true;
      c.governor.Report(number, usage, &c.out);
      c.Take();
    }
  CHECK(c.grants[2].max_loaded > 65'536 / 4);
  CHECK(c.grants[3].max_loaded > 65'536 / 4);
  CHECK(c.governor.lent_loaded() <= 65'536);
}

TEST_CASE("governor: where nothing moves nothing is said") {
  Cores c(1024);
  c.governor.SetShared(true, &c.out);
  for (NamespaceNumber number = 2; number < 6; ++number) c.Join(number);
  c.Fill({2, 3, 4, 5});
  for (NamespaceNumber number = 2; number < 6; ++number) {
    CoreUsage usage;
    usage.grant = c.grants[number].number;
    usage.in_flight = c.grants[number].max_in_flight;
    usage.wants_in_flight = true;
    c.governor.Report(number, usage, &c.out);
    CHECK(c.out.empty());
    c.out.clear();
  }
}

TEST_CASE("governor: what a core says all the time and what decides nothing need not be reported") {
  CoreUsage told;
  told.in_flight = 100;
  told.loaded = 1'000;
  CoreUsage now = told;
  now.in_flight = 120;
  now.loaded = 900;
  CHECK_FALSE(IsWorthReporting(told, now));
  for (auto change :
       {+[](CoreUsage& u) { u.grant = 1; }, +[](CoreUsage& u) { u.wants_in_flight = true; }, +[](CoreUsage& u) { u.wants_loaded = true; },
        +[](CoreUsage& u) { u.in_flight = 0; }, +[](CoreUsage& u) { u.in_flight = 300; }, +[](CoreUsage& u) { u.loaded = 3'000; }}) {
    CoreUsage changed = told;
    change(changed);
    CHECK(IsWorthReporting(told, changed));
  }
  told.over = now.over = true;
  CHECK(IsWorthReporting(told, now));
}
