// Where several brokers' namespaces go: cases by themselves, then members that come, go, drain and are loaded at random. Negative controls must be
// caught.
#include "broker/placement.h"

#include <catch2/catch.hpp>
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "broker/seeds.h"

using namespace notifyd;

namespace {

PlacedNamespace At(NamespaceNumber number, std::string at, uint64_t load = 0) {
  return {number, std::move(at), load, false};
}

void Apply(const std::vector<PlacementMove>& moves, PlacementView* view) {
  for (const PlacementMove& move : moves)
    for (PlacedNamespace& space : view->namespaces)
      if (space.number == move.number) space.at = move.to;
}

std::map<std::string, int> Counts(const PlacementView& view) {
  std::map<std::string, int> counts;
  for (const PlacedNamespace& space : view.namespaces) ++counts[space.at];
  return counts;
}

}  // namespace

TEST_CASE("placement: what is nowhere, or at a member that is gone, is placed at once, evenly") {
  PlacementView view{"a", {{"a"}, {"b"}}, {At(2, ""), At(3, "gone"), At(4, "b"), At(5, "")}};
  Placement placement({1'000});
  const std::vector<PlacementMove> moves = placement.Decide({1'000}, view);
  CHECK(moves.size() == 3);
  for (const PlacementMove& move : moves) CHECK(move.at_once);
  Apply(moves, &view);
  CHECK(Counts(view) == std::map<std::string, int>{{"a", 2}, {"b", 2}});
  CHECK(placement.Decide({1'001}, view).empty());
}

TEST_CASE("placement: what lies in a cell goes to members that know it, at once where it is elsewhere, and nowhere else while there is one") {
  PlacementView view{"a", {{"a"}, {"b"}, {"c"}}, {At(2, ""), At(3, "b"), At(4, "c"), At(5, "a"), At(6, "a")}};
  for (PlacedNamespace& space : view.namespaces) space.cell = space.number < 6 ? "east" : "";
  for (PlacementMember& member : view.members) member.cells.emplace();
  view.members[0].cells = {"east"};
  view.members[2].cells = std::nullopt;  // one of a release before, that says nothing
  Placement placement({0});
  Apply(placement.Decide({1}, view), &view);
  CHECK(Counts(view)["b"] == 0);
  CHECK(Counts(view)["a"] + Counts(view)["c"] == 5);
  // It is the lightest, and what is at home alone is sent there.
  for (int64_t at = 10'000; at < 60'000; at += 1'000) Apply(placement.Decide({at}, view), &view);
  for (const PlacedNamespace& space : view.namespaces) CHECK((space.cell.empty() || space.at != "b"));
  // Nobody else knows it: what is drained keeps it; once that is gone it is somewhere all the same.
  view.members = {{"a"}, {"b"}};
  view.members[0].cells = {"east"};
  view.members[0].draining = true;
  view.members[1].cells.emplace();
  view.namespaces = {At(2, "a"), At(3, "a")};
  view.namespaces[0].cell = "east";
  for (int64_t at = 100'000; at < 160'000; at += 1'000) Apply(placement.Decide({at}, view), &view);
  CHECK(view.namespaces[0].at == "a");
  CHECK(view.namespaces[1].at == "b");
  view.leader = "b";
  view.members.erase(view.members.begin());
  Apply(placement.Decide({161'000}, view), &view);
  CHECK(view.namespaces[0].at == "b");
  view.members.push_back({"d"});
  view.members.back().cells = {"east"};
  Apply(placement.Decide({161'001}, view), &view);
  CHECK(view.namespaces[0].at == "d");
  CHECK(view.namespaces[1].at == "b");
}

TEST_CASE("placement: members are evened out by one move a second, none for ten seconds after a start") {
  PlacementView view{"a", {{"a"}, {"b"}}, {}};
  for (NamespaceNumber number = 2; number < 10; ++number) view.namespaces.push_back(At(number, "a"));
  Placement placement({0});
  std::vector<int64_t> moved;
  for (int64_t at = 0; at < 60'000; at += 100) {
    const std::vector<PlacementMove> moves = placement.Decide({at}, view);
    for (size_t i = 0; i < moves.size(); ++i) moved.push_back(at);
    Apply(moves, &view);
  }
  CHECK(moved == std::vector<int64_t>{10'000, 11'000, 12'000, 13'000});
  CHECK(Counts(view) == std::map<std::string, int>{{"a", 4}, {"b", 4}});
  // One that joins waits as long.
  view.members.push_back({"c"});
  moved.clear();
  for (int64_t at = 60'000; at < 90'000; at += 100) {
    const std::vector<PlacementMove> moves = placement.Decide({at}, view);
    for (size_t i = 0; i < moves.size(); ++i) moved.push_back(at);
    Apply(moves, &view);
  }
  REQUIRE(moved.size() == 2);
  CHECK(moved.front() == 70'000);
  CHECK(Counts(view)["c"] == 2);
}

TEST_CASE("placement: what has to be where the leader is goes there at once, and stays though that one drains") {
  PlacementView view{"a", {{"a", true}, {"b"}}, {{1, "b", 0, true}, At(2, "a"), At(3, "b")}};
  Placement placement({0});
  std::vector<PlacementMove> moves = placement.Decide({0}, view);
  REQUIRE(moves.size() == 1);
  CHECK(moves[0].to == "a");
  CHECK_FALSE(moves[0].at_once);
  Apply(moves, &view);
  CHECK(placement.Decide({9'999}, view).empty());
  moves = placement.Decide({10'000}, view);
  REQUIRE(moves.size() == 1);
  CHECK(moves[0].number == 2);
  CHECK(moves[0].to == "b");
  Apply(moves, &view);
  for (int64_t at = 10'100; at < 200'000; at += 1'000) CHECK(placement.Decide({at}, view).empty());
}

TEST_CASE("placement: a heavy namespace is given its member alone, and is not sent to and fro") {
  PlacementView view{"a", {{"a"}, {"b"}}, {At(2, "a", 1'000), At(3, "a", 10), At(4, "a", 10), At(5, "b", 10)}};
  Placement placement({0});
  for (int64_t at = 10'000; at < 100'000; at += 1'000) Apply(placement.Decide({at}, view), &view);
  CHECK(Counts(view) == std::map<std::string, int>{{"a", 1}, {"b", 3}});
  CHECK(view.namespaces[0].at == "a");
}

TEST_CASE("placement: where all drain nothing moves, and what is nowhere is served all the same") {
  PlacementView view{"a", {{"a", true}, {"b", true}}, {At(2, "a"), At(3, "")}};
  Placement placement({0});
  Apply(placement.Decide({0}, view), &view);
  CHECK(view.namespaces[1].at == "b");
  for (int64_t at = 10'000; at < 30'000; at += 1'000) CHECK(placement.Decide({at}, view).empty());
  CHECK(placement.Decide({30'000}, {"", {}, view.namespaces}).empty());
}

TEST_CASE("placement: what is at a member that stops goes at once, evenly, and nothing goes there; with the leader stays what has to") {
  PlacementView view{"a", {{"a"}, {"b"}, {"c"}}, {{kSystemNumber, "a", 0, true}, At(2, "b"), At(3, "b"), At(4, "b"), At(5, "")}};
  view.members[1].leaving = true;
  Placement placement({0});
  std::vector<PlacementMove> moves = placement.Decide({0}, view);
  CHECK(moves.size() == 4);
  for (const PlacementMove& move : moves) CHECK(move.at_once == (move.number == 5));
  Apply(moves, &view);
  CHECK(Counts(view) == std::map<std::string, int>{{"a", 3}, {"c", 2}});
  // The leader stops, then the one that is left: to nobody.
  view.members = {{"a"}, {"c"}};
  view.members[0].leaving = true;
  Apply(placement.Decide({1}, view), &view);
  CHECK(Counts(view) == std::map<std::string, int>{{"a", 1}, {"c", 4}});
  view.members[1].leaving = true;
  CHECK(placement.Decide({2}, view).empty());
  // One that drains takes what nobody else can.
  view.members.push_back({"d", true});
  Apply(placement.Decide({3}, view), &view);
  CHECK(Counts(view) == std::map<std::string, int>{{"a", 1}, {"d", 4}});
}

TEST_CASE("placement: one that falters is given nothing, keeps what it serves, and what it is to have and nobody serves goes elsewhere at once") {
  PlacementView view{"a", {{"a"}, {"b"}, {"c"}}, {At(2, "a"), At(3, "b"), At(4, "b"), At(5, ""), At(6, "c"), At(7, "gone")}};
  view.members[1].falters = true;
  view.namespaces[2].served = false;  // it was given up for b
  Placement placement({0});
  std::vector<PlacementMove> moves = placement.Decide({0}, view);
  CHECK(moves.size() == 3);
  for (const PlacementMove& move : moves) {
    CHECK(move.at_once);
    CHECK(move.to != "b");
    CHECK(move.number != 3);
  }
  Apply(moves, &view);
  for (PlacedNamespace& space : view.namespaces) space.served = true;
  // Nothing is evened out towards it, nor away from it.
  for (int64_t at = 10'000; at < 60'000; at += 1'000) Apply(placement.Decide({at}, view), &view);
  CHECK(Counts(view)["b"] == 1);
  view.members[1].falters = false;
  for (int64_t at = 60'000; at < 70'000; at += 1'000) Apply(placement.Decide({at}, view), &view);
  CHECK(Counts(view) == std::map<std::string, int>{{"a", 2}, {"b", 2}, {"c", 2}});
}

TEST_CASE("placement: where all falter, or only those that drain or stop do not, nobody is left without what it has") {
  PlacementView view{"a", {{"a"}, {"b"}}, {At(2, "a"), At(3, "b"), At(4, "b"), At(5, "")}};
  view.members[0].falters = view.members[1].falters = true;
  view.namespaces[2].served = false;
  Placement placement({0});
  std::vector<PlacementMove> moves = placement.Decide({20'000}, view);
  REQUIRE(moves.size() == 1);
  CHECK(moves[0].number == 5);
  Apply(moves, &view);
  CHECK(placement.Decide({20'001}, view).empty());
  // Rather at one that drains; and what that has stays, in place of going to one that does not take it.
  view.members[0] = {"a", true};
  moves = placement.Decide({40'000}, view);
  REQUIRE(moves.size() == 1);
  CHECK(moves[0].number == 4);
  CHECK(moves[0].to == "a");
  Apply(moves, &view);
  view.namespaces[2].served = true;
  CHECK(placement.Decide({60'000}, view).empty());
  // Rather at one that falters than at one that stops.
  view.members[0] = {"a"};
  view.members[0].leaving = true;
  moves = placement.Decide({80'000}, view);
  CHECK(moves.size() == 3);
  for (const PlacementMove& move : moves) CHECK(move.to == "b");
}

TEST_CASE("placement: members whose renewals are late now and then move nothing") {
  PlacementView view{"a", {{"a"}, {"b"}, {"c"}}, {}};
  for (NamespaceNumber number = 2; number < 20; ++number) view.namespaces.push_back(At(number, std::string(1, static_cast<char>('a' + number % 3))));
  Placement placement({0});
  Random random(7);
  for (int64_t at = 0; at < 200'000; at += 250) {
    for (PlacementMember& member : view.members) member.falters = random.Chance(0.2);
    CHECK(placement.Decide({at}, view).empty());
  }
}

namespace {

struct Findings {
  int crowded = 0;    // moves less than a second apart, of those that somebody served
  int early = 0;      // within the first ten seconds
  int homeless = 0;   // a namespace was at no member that is alive
  int restless = 0;   // with loads that hardly change: a namespace moved more than a few times, or something moved at the very end
  int undrained = 0;  // a member that drains, beside others that do not, had something left
  int unleft = 0;     // a member that stops, beside others that do not, had something left
  int in_vain = 0;    // something was given to a member that falters beside one that does not, nor stops
  int moves = 0;
  Findings& operator+=(const Findings& other) {
    crowded += other.crowded;
    early += other.early;
    homeless += other.homeless;
    restless += other.restless;
    undrained += other.undrained;
    unleft += other.unleft;
    in_vain += other.in_vain;
    moves += other.moves;
    return *this;
  }
  bool well() const { return restless + undrained + homeless == 0; }
};

/// A leader's life: members come, go and drain for a while, then all stays as it is but for a little noise in the loads.
class Life {
 public:
  Life(uint64_t seed, const PlacementRules& rules) : random_(seed), placement_({0}, rules) {
    view_.leader = "m0";
    const uint64_t members = 1 + random_.Below(5), namespaces = 1 + random_.Below(60);
    for (uint64_t i = 0; i < members; ++i) view_.members.push_back({"m" + std::to_string(i)});
    for (uint64_t i = 1; i <= namespaces; ++i) {
      const uint64_t load = random_.Chance(0.1) ? random_.Below(2'000) : random_.Below(100);
      view_.namespaces.push_back({static_cast<NamespaceNumber>(i), "", load, i == kSystemNumber});
      base_.push_back(load);
    }
  }

  Findings Run() {
    for (; now_ < 100'000; now_ += 250) {
      if (random_.Chance(0.01)) Change();
      if (random_.Chance(0.02)) Load();
      Step(false);
    }
    for (; now_ < 300'000; now_ += 250) Step(true);
    // Long enough to empty any member, then nothing more is to be done.
    moved_.clear();
    for (; now_ < 700'000; now_ += 250) Step(true);
    for (const auto& [number, times] : moved_)
      if (times > 3) ++found_.restless;
    const bool all_drain = std::all_of(view_.members.begin(), view_.members.end(), [](const auto& each) { return each.draining; });
    for (const PlacedNamespace& space : view_.namespaces)
      for (const PlacementMember& member : view_.members)
        if (!all_drain && !space.with_leader && space.at == member.name && member.draining) ++found_.undrained;
    return found_;
  }

 private:
  void Change() {
    PlacementMember& some = view_.members[random_.Below(view_.members.size())];
    const uint64_t what = random_.Below(6);
    if (what == 5) some.falters = !some.falters;
    if (what == 0) some.draining = !some.draining;
    if (what == 4 && some.name != view_.leader) some.leaving = true;  // until it is gone
    if (what == 1) view_.members.push_back({"n" + std::to_string(++made_)});
    if (what == 2 && some.name != view_.leader) view_.members.erase(view_.members.begin() + (&some - view_.members.data()));
  }
  void Load() { base_[random_.Below(base_.size())] = random_.Below(500); }

  void Step(bool calm) {
    for (size_t i = 0; i < base_.size(); ++i)
      view_.namespaces[i].load = base_[i] + (base_[i] / 50 > 0 ? random_.Below(base_[i] / 50) : 0);  // two in a hundred
    for (PlacementMember& member : view_.members) member.falters = member.falters && !calm;
    if (calm) std::erase_if(view_.members, [](const PlacementMember& member) { return member.leaving; });
    std::set<std::string> leaving;
    for (const PlacementMember& member : view_.members)
      if (member.leaving) leaving.insert(member.name);
    std::set<std::string> faltering;
    for (const PlacementMember& member : view_.members)
      if (member.falters) faltering.insert(member.name);
    const bool any_takes = std::any_of(view_.members.begin(), view_.members.end(), [](const auto& each) { return !each.falters && !each.leaving; });
    const std::vector<PlacementMove> moves = placement_.Decide({now_}, view_);
    Apply(moves, &view_);
    for (const PlacementMove& move : moves) {
      ++found_.moves;
      if (any_takes && move.number != kSystemNumber && faltering.contains(move.to)) ++found_.in_vain;
      if (move.at_once || move.number == kSystemNumber || leaving.contains(move.from)) continue;
      if (last_ >= 0 && now_ - last_ < 1'000) ++found_.crowded;
      if (now_ < 10'000) ++found_.early;
      last_ = now_;
      if (calm) ++moved_[move.number];
    }
    for (const PlacedNamespace& space : view_.namespaces)
      if (leaving.contains(space.at) && leaving.size() < view_.members.size()) ++found_.unleft;
    for (const PlacedNamespace& space : view_.namespaces)
      if (std::none_of(view_.members.begin(), view_.members.end(), [&](const auto& each) { return each.name == space.at; })) ++found_.homeless;
  }

  Random random_;
  Placement placement_;
  PlacementView view_;
  std::vector<uint64_t> base_;
  std::map<NamespaceNumber, int> moved_;
  int64_t now_ = 0, last_ = -1;
  int made_ = 0;
  Findings found_;
};

Findings RunAll(uint64_t count, const PlacementRules& rules) {
  return SumOfSeeds(count, [&](uint64_t seed) { return Life(seed, rules).Run(); });
}

}  // namespace

TEST_CASE("placement: members that come, go, drain and are loaded at random: it comes to rest, empties whoever drains, and takes its time") {
  const Findings found = RunAll(100, {});
  CHECK(found.crowded == 0);
  CHECK(found.early == 0);
  CHECK(found.homeless == 0);
  CHECK(found.restless == 0);
  CHECK(found.undrained == 0);
  CHECK(found.unleft == 0);
  CHECK(found.in_vain == 0);
  CHECK(found.moves > 2'000);
}

TEST_CASE("placement: rules without a pace, a quiet start, or a slack are caught") {
  PlacementRules hasty;
  hasty.every_ms = 0;
  CHECK(RunAll(20, hasty).crowded > 0);
  PlacementRules early;
  early.quiet_ms = 0;
  CHECK(RunAll(20, early).early > 0);
  PlacementRules restless;
  restless.slack_share = 0;
  restless.rest_ms = 0;
  CHECK(RunAll(20, restless).restless > 0);
}
