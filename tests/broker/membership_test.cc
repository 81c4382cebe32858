// Which of several brokers serves which unit of a store, and who leads: cases by themselves. Many members at once: membership_random_test.cc.
#include "broker/membership.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "broker/cluster_rows.h"

using namespace notifyd;

namespace {

OwnerWord WordOf(uint64_t incarnation) {
  return {1, 1, {0, incarnation}, false};
}

}  // namespace

TEST_CASE("membership: what is placed here and is nobody's is asked for, and the registry where nobody leads") {
  ClusterRows rows;
  rows.Find("a")->word = WordOf(1);
  rows.Find("b")->word = WordOf(2);
  rows.image.units = {{0, 3, {0, 2}, "a"}, {2, 0, {}, "a"}, {3, 1, {0, 9}, "a"}, {4, 0, {}, "b"}, {5, 2, {0, 1}, "a"}};
  Membership a("a");
  a.Seen({0}, {0, 1}, rows.image);
  // The default one is still another's that is alive; 3's owner is gone; 5 is its own by an answer that was lost.
  CHECK(a.ToAcquire() == std::vector<int64_t>{kRegistryUnit, 2, 3, 5});
  CHECK(a.moving());
  a.Acquired(kRegistryUnit);
  a.Acquired(2);
  CHECK(a.leads());
  CHECK(a.Serves(2));
  CHECK(a.ToAcquire() == std::vector<int64_t>{3, 5});
}

TEST_CASE("membership: what is placed elsewhere is left, then released as it was seen last") {
  ClusterRows rows;
  rows.Find("a")->word = WordOf(1);
  rows.image.units = {{2, 4, {0, 1}, "b"}};
  Membership a("a");
  a.Acquired(2);
  a.Seen({0}, {0, 1}, rows.image);
  CHECK(a.ToLeave().empty());  // there is no b
  rows.Find("b")->word = WordOf(2);
  a.Seen({1}, {0, 1}, rows.image);
  REQUIRE(a.ToLeave() == std::vector<int64_t>{2});
  a.Leave(2);
  CHECK_FALSE(a.Serves(2));
  CHECK(a.ToLeave().empty());
  CHECK(a.ToRelease().empty());  // something of it is still under way
  a.Left(2);
  REQUIRE(a.ToRelease().size() == 1);
  CHECK(a.ToRelease()[0].epoch == 4);
  CHECK(rows.Release(a.ToRelease()[0]));
  CHECK_FALSE(rows.Release(a.ToRelease()[0]));
}

TEST_CASE("membership: what is placed at a member that does not renew its lease is served on here until that one does") {
  ClusterRows rows;
  rows.Find("a")->word = WordOf(1);
  rows.Find("b")->word = WordOf(2);
  rows.image.units = {{2, 4, {0, 1}, "b"}};
  Membership a("a");
  a.Acquired(2);
  a.Seen({0}, {0, 1}, rows.image);
  a.Seen({2'000}, {0, 1}, rows.image);
  CHECK(a.ToLeave().empty());  // by its row it is alive yet
  a.Seen({6'500}, {0, 1}, rows.image);
  CHECK(a.ToLeave().empty());
  ++rows.Find("b")->word.renewal;
  a.Seen({6'550}, {0, 1}, rows.image);
  CHECK(a.ToLeave() == std::vector<int64_t>{2});
}

TEST_CASE("membership: what would be nobody's for as long as its database is away is served on here until that is back") {
  ClusterRows rows;
  rows.Find("a")->word = WordOf(1);
  rows.Find("b")->word = WordOf(2);
  rows.image.units = {{2, 4, {0, 1}, "b"}, {3, 1, {0, 1}, "b"}};
  Membership a("a");
  a.Acquired(2);
  a.Acquired(3);
  a.Seen({0}, {0, 1}, rows.image);
  CHECK(a.ToLeave([](int64_t unit) { return unit == 2; }) == std::vector<int64_t>{3});
  CHECK(a.Serves(2));
  CHECK(a.ToRelease().empty());
  CHECK(a.ToLeave([](int64_t) { return false; }) == std::vector<int64_t>{2, 3});
}

TEST_CASE("membership: a leader sees who falters, not who has just joined or is late by a look, and what nobody has") {
  ClusterRows rows;
  for (const char* name : {"a", "b", "c"}) rows.Find(name)->word = WordOf(static_cast<uint64_t>(name[0]));
  rows.Find("c")->word.free = true;
  rows.Find("b")->draining = true;
  rows.image.units = {{kRegistryUnit, 3, {0, 'a'}, ""}, {2, 5, {0, 'b'}, "b", 7}, {3, 5, {}, "b"}, {4, 5, {0, 'c'}, "c"}};
  Membership a("a");
  const auto falter = [&](int64_t now_ms) {
    a.Seen({now_ms}, {0, 'a'}, rows.image);
    std::set<std::string> names;
    for (const PlacementMember& member : a.View({}, {}).members)
      if (member.falters) names.insert(member.name);
    return names;
  };
  CHECK(falter(0).empty());
  ++rows.Find("a")->word.renewal;
  CHECK(falter(2'000).empty());
  CHECK(falter(2'999).empty());
  CHECK(falter(3'000) == std::set<std::string>{"b"});
  rows.Find("d")->word = WordOf('d');
  CHECK(falter(4'000) == std::set<std::string>{"b"});
  ++rows.Find("b")->word.renewal;
  ++rows.Find("a")->word.renewal;
  CHECK(falter(4'100).empty());

  const PlacementView view = a.View({{2, {}}, {3, {}}, {4, {}}, {5, {}, 0, true}}, {"d"});
  CHECK(view.leader == "a");
  REQUIRE(view.members.size() == 3);  // c is gone
  CHECK(view.members[1].draining);
  CHECK(view.members[2].leaving);
  REQUIRE(view.namespaces.size() == 4);
  CHECK(view.namespaces[0].at == "b");
  CHECK(view.namespaces[0].load == 7);
  CHECK(view.namespaces[0].served);
  CHECK_FALSE(view.namespaces[1].served);
  CHECK(view.namespaces[2].at == "c");
  CHECK_FALSE(view.namespaces[2].served);
  CHECK(view.namespaces[3].at.empty());
  CHECK(view.namespaces[3].with_leader);
}

TEST_CASE("membership: a member is buried once it was not renewed for a lease and a tenth, never oneself, nor twice") {
  ClusterRows rows;
  rows.Find("a")->word = WordOf(1);
  rows.Find("b")->word = WordOf(2);
  Membership a("a");
  a.Seen({0}, {0, 1}, rows.image);
  a.Seen({6'000}, {0, 1}, rows.image);
  CHECK(a.ToBury({6'599}).empty());
  CHECK(a.NextBurial().ms == 6'600);
  REQUIRE(a.ToBury({6'600}).size() == 1);
  ++rows.Find("b")->word.renewal;
  CHECK_FALSE(rows.Bury(a.ToBury({6'600})[0]));
  a.Seen({6'700}, {0, 1}, rows.image);
  CHECK(a.ToBury({6'700}).empty());
  REQUIRE(a.ToBury({13'300}).size() == 1);
  CHECK(rows.Bury(a.ToBury({13'300})[0]));
  a.Seen({13'300}, {0, 1}, rows.image);
  CHECK(a.ToBury({30'000}).empty());
  CHECK_FALSE(a.FindAlive("b"));
}

TEST_CASE("membership: a lease that its member told of is counted from then, not from the next look; what comes late or is unknown changes nothing") {
  ClusterRows rows;
  rows.Find("a")->word = WordOf(1);
  rows.Find("b")->word = WordOf(2);
  Membership a("a");
  a.Heard({0}, "b", WordOf(2));  // before the store said so
  a.Seen({100}, {0, 1}, rows.image);
  CHECK(a.NextBurial().ms == 6'700);
  ++rows.Find("b")->word.renewal;
  const OwnerWord renewed = rows.Find("b")->word;
  a.Heard({2'000}, "b", renewed);
  CHECK(a.ToBury({9'000}).empty());  // the row is not seen yet as it was said to be
  a.Seen({2'400}, {0, 1}, rows.image);
  CHECK(a.NextBurial().ms == 8'600);
  a.Heard({3'000}, "b", WordOf(2));  // overtaken
  OwnerWord other = renewed;
  other.incarnation = {0, 9};
  ++other.renewal;
  a.Heard({3'000}, "b", other);
  a.Heard({3'000}, "b", renewed);  // once more
  a.Heard({3'000}, "c", renewed);
  CHECK(a.NextBurial().ms == 8'600);
  CHECK(a.ToBury({8'599}).empty());
  REQUIRE(a.ToBury({8'600}).size() == 1);
  CHECK(rows.Bury(a.ToBury({8'600})[0]));
}

TEST_CASE("membership: where the store has an older renewal than was told of, what it says counts, from when it was seen") {
  ClusterRows rows;
  rows.Find("a")->word = WordOf(1);
  rows.Find("b")->word = WordOf(2);
  Membership a("a");
  a.Seen({0}, {0, 1}, rows.image);
  OwnerWord lost = WordOf(2);
  ++lost.renewal;
  a.Heard({1'000}, "b", lost);
  a.Seen({1'500}, {0, 1}, rows.image);
  CHECK(a.NextBurial().ms == 8'100);
  rows.Find("b")->word = lost;  // the same number, renewed anew
  a.Seen({3'000}, {0, 1}, rows.image);
  CHECK(a.NextBurial().ms == 9'600);
}

TEST_CASE("membership: a leader that most others do not reach gives the registry up, and does not take it again before it is reached") {
  ClusterRows rows;
  for (const char* name : {"a", "b", "c"}) rows.Find(name)->word = WordOf(static_cast<uint64_t>(name[0]));
  const Incarnation a_owns{0, 'a'}, b_owns{0, 'b'};
  rows.image.units = {{kRegistryUnit, 3, a_owns, ""}, {kSystemNumber, 2, a_owns, "a"}, {2, 5, a_owns, "a"}};
  Membership a("a"), b("b");
  const auto look = [&] {
    a.Seen({0}, a_owns, rows.image);
    b.Seen({0}, b_owns, rows.image);
  };
  look();
  for (int64_t unit : {kRegistryUnit, int64_t{kSystemNumber}, int64_t{2}}) a.Acquired(unit);
  CHECK_FALSE(a.ToYield(/*cut_off=*/true, {}));
  rows.Find("b")->reach = {true, {"a"}};
  rows.Find("c")->reach = {true, {"a"}};
  look();
  CHECK_FALSE(a.ToYield(false, {}));  // it may be over in a moment
  CHECK(a.ToYield(true, {}));
  CHECK(a.ToRelease().empty());
  a.Leave(kRegistryUnit);
  CHECK_FALSE(a.leads());
  CHECK(a.ToRelease().empty());  // what it wrote as the leader is not all written
  CHECK(b.ToAcquire().empty());
  a.Left(kRegistryUnit);
  CHECK(a.ToAcquire().empty());
  REQUIRE(a.ToRelease().size() == 1);
  CHECK(a.ToRelease()[0].unit == kRegistryUnit);
  REQUIRE(rows.Release(a.ToRelease()[0]));
  look();
  CHECK(a.ToAcquire().empty());
  CHECK(b.ToAcquire() == std::vector<int64_t>{kRegistryUnit});
  // What is reached again may lead again.
  rows.Find("b")->reach = rows.Find("c")->reach = {true, {}};
  look();
  CHECK(a.ToAcquire() == std::vector<int64_t>{kRegistryUnit});
}

TEST_CASE("membership: a leader that is drained gives the registry up once it is emptied, and to nobody who is drained, too, or stops") {
  ClusterRows rows;
  for (const char* name : {"a", "b"}) rows.Find(name)->word = WordOf(static_cast<uint64_t>(name[0]));
  const Incarnation a_owns{0, 'a'};
  rows.image.units = {{kRegistryUnit, 3, a_owns, ""}, {kSystemNumber, 2, a_owns, "a"}, {2, 5, a_owns, "a"}};
  rows.Find("a")->draining = true;
  Membership a("a");
  a.Seen({0}, a_owns, rows.image);
  for (int64_t unit : {kRegistryUnit, int64_t{kSystemNumber}, int64_t{2}}) a.Acquired(unit);
  CHECK_FALSE(a.ToYield(false, {}));
  a.Leave(2);
  a.Left(2);
  CHECK(a.ToYield(false, {}));
  CHECK_FALSE(a.ToYield(false, {"b"}));
  rows.Find("b")->draining = true;
  a.Seen({1}, a_owns, rows.image);
  CHECK_FALSE(a.ToYield(false, {}));
  rows.image.units[0].owner = {};
  Membership b("b");
  b.Seen({1}, {0, 'b'}, rows.image);
  CHECK(b.ToAcquire() == std::vector<int64_t>{kRegistryUnit});  // somebody has to
}

TEST_CASE("membership: a leader that is drained, or cut off, leads on while none of those that are to lead renews its lease") {
  ClusterRows rows;
  for (const char* name : {"a", "b", "c"}) rows.Find(name)->word = WordOf(static_cast<uint64_t>(name[0]));
  const Incarnation a_owns{0, 'a'};
  rows.image.units = {{kRegistryUnit, 3, a_owns, ""}};
  const bool cut_off = GENERATE(false, true);
  if (cut_off) rows.Find("b")->reach = rows.Find("c")->reach = {true, {"a"}};
  else rows.Find("a")->draining = true;
  Membership a("a");
  a.Seen({0}, a_owns, rows.image);
  a.Acquired(kRegistryUnit);
  CHECK(a.ToYield(cut_off, {}));
  // Their rows say that they live, until they are buried.
  a.Seen({2'000}, a_owns, rows.image);
  CHECK_FALSE(a.ToYield(cut_off, {}));
  a.Seen({6'500}, a_owns, rows.image);
  CHECK_FALSE(a.ToYield(cut_off, {}));
  ++rows.Find("b")->word.renewal;
  a.Seen({6'550}, a_owns, rows.image);
  CHECK(a.ToYield(cut_off, {}));
  CHECK_FALSE(a.ToYield(cut_off, {"b"}));  // it stops
}

TEST_CASE("membership: what was given up and nobody takes who is to lead, any takes, and does not give it up again for them at once") {
  ClusterRows rows;
  for (const char* name : {"a", "b", "c"}) rows.Find(name)->word = WordOf(static_cast<uint64_t>(name[0]));
  const Incarnation a_owns{0, 'a'}, c_owns{0, 'c'};
  rows.image.units = {{kRegistryUnit, 3, a_owns, ""}};
  for (const char* name : {"a", "c"}) rows.Find(name)->draining = true;
  Membership a("a"), c("c");
  int64_t now_ms = 0;
  const auto look = [&](int64_t after_ms) {
    now_ms += after_ms;
    a.Seen({now_ms}, a_owns, rows.image);
    c.Seen({now_ms}, c_owns, rows.image);
  };
  look(0);
  a.Acquired(kRegistryUnit);
  REQUIRE(a.ToYield(false, {}));
  a.Leave(kRegistryUnit);
  a.Left(kRegistryUnit);
  REQUIRE(rows.Release(a.ToRelease().at(0)));
  // b, which is alive by its row, does not come.
  look(10);
  look(LeadTimes().fit_first_ms - 1);
  CHECK(a.ToAcquire().empty());
  CHECK(c.ToAcquire().empty());
  look(1);
  CHECK(c.ToAcquire() == std::vector<int64_t>{kRegistryUnit});
  REQUIRE(a.ToAcquire() == std::vector<int64_t>{kRegistryUnit});
  REQUIRE(rows.Acquire(rows.Find("a")->word, kRegistryUnit) > 0);
  a.Acquired(kRegistryUnit);
  look(10);
  CHECK(c.ToAcquire().empty());
  const int64_t took_ms = now_ms;
  while (now_ms - took_ms < LeadTimes().anyway_ms - 500) {
    ++rows.Find("b")->word.renewal;
    look(100);
    CHECK_FALSE(a.ToYield(false, {}));
  }
  look(500);
  CHECK(a.ToYield(false, {}));
}

TEST_CASE("membership: where a leader is gone one that is drained leads though another one is alive by its row, if that does not come") {
  ClusterRows rows;
  for (const char* name : {"a", "b"}) rows.Find(name)->word = WordOf(static_cast<uint64_t>(name[0]));
  rows.Find("a")->draining = true;
  rows.image.units = {{kRegistryUnit, 3, {0, 'l'}, ""}};
  Membership a("a"), b("b");
  a.Seen({0}, {0, 'a'}, rows.image);
  b.Seen({0}, {0, 'b'}, rows.image);
  CHECK(b.ToAcquire() == std::vector<int64_t>{kRegistryUnit});
  CHECK(a.ToAcquire().empty());
  a.Seen({1'000}, {0, 'a'}, rows.image);
  // Somebody led for a moment: the others have their time anew.
  rows.Unit(kRegistryUnit)->epoch += 2;
  a.Seen({2'000}, {0, 'a'}, rows.image);
  CHECK(a.ToAcquire().empty());
  a.Seen({4'000}, {0, 'a'}, rows.image);
  CHECK(a.ToAcquire() == std::vector<int64_t>{kRegistryUnit});
}
