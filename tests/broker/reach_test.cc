// Which of several brokers are cut off from the others: by cases, and what placement makes of it.
#include "broker/reach.h"

#include <catch2/catch.hpp>

#include "broker/placement.h"

using namespace notifyd;

namespace {

using Names = std::set<std::string>;
using Members = std::map<std::string, Reach>;

Reach Misses(Names names) {
  return {true, std::move(names)};
}

PlacementView View(const Members& members, std::vector<PlacedNamespace> namespaces) {
  PlacementView view{"a", {}, std::move(namespaces)};
  for (const auto& [name, reach] : members) view.members.push_back({.name = name, .reach = reach});
  return view;
}

PlacedNamespace PlaceAt(NamespaceNumber number, std::string at) {
  return {number, std::move(at), 0, false};
}

void ApplyMoves(const std::vector<PlacementMove>& moves, PlacementView* view) {
  for (const PlacementMove& move : moves)
    for (PlacedNamespace& space : view->namespaces)
      if (space.number == move.number) space.at = move.to;
}

}  // namespace

TEST_CASE("reach: whoever most others do not reach is cut off, whoever leads") {
  const Members one_bad = {{"a", Misses({"c"})}, {"b", Misses({"c"})}, {"c", Misses({"a", "b"})}};
  for (const char* leader : {"a", "b", "c", ""}) CHECK(FindCutOff(one_bad, leader) == Names{"c"});
  const Members two_bad = {{"a", Misses({"c", "d"})}, {"b", Misses({"c", "d"})}, {"c", Misses({"a", "b", "d"})}, {"d", Misses({"a", "b", "c"})}};
  for (const char* leader : {"a", "c"}) CHECK(FindCutOff(two_bad, leader) == Names{"c", "d"});
  // One cannot be reached, though it reaches the others.
  CHECK(FindCutOff({{"a", Misses({})}, {"b", Misses({"a"})}}, "a") == Names{"a"});
  CHECK(FindCutOff({{"a", Misses({"b"})}, {"b", Misses({})}}, "b") == Names{"b"});
}

TEST_CASE("reach: of halves that do not reach each other the leader's stays, and else the larger one") {
  const Members pair = {{"a", Misses({"b"})}, {"b", Misses({"a"})}};
  CHECK(FindCutOff(pair, "a") == Names{"b"});
  CHECK(FindCutOff(pair, "b") == Names{"a"});
  const Members halves = {{"a", Misses({"c", "d"})}, {"b", Misses({"c", "d"})}, {"c", Misses({"a", "b"})}, {"d", Misses({"a", "b"})}};
  CHECK(FindCutOff(halves, "a") == Names{"c", "d"});
  CHECK(FindCutOff(halves, "d") == Names{"a", "b"});
  Members parts = halves;
  parts["e"] = Misses({"a", "b"});
  parts["a"].unreached.insert("e");
  parts["b"].unreached.insert("e");
  for (const char* leader : {"a", "c"}) CHECK(FindCutOff(parts, leader) == Names{"a", "b"});
}

TEST_CASE("reach: a single link that is broken, what nobody said, and nobody at all cut nobody off") {
  CHECK(FindCutOff({{"a", Misses({})}, {"b", Misses({"c"})}, {"c", Misses({"b"})}}, "a").empty());
  CHECK(FindCutOff({}, "a").empty());
  CHECK(FindCutOff({{"a", Misses({"gone"})}}, "a").empty());
  // Members of a version before this say nothing.
  CHECK(FindCutOff({{"a", {}}, {"b", {}}, {"c", {}}}, "a").empty());
  CHECK(FindCutOff({{"a", Misses({"c"})}, {"b", {}}, {"c", {}}}, "b") == Names{"c"});
  const Members all_apart = {{"a", Misses({"b", "c"})}, {"b", Misses({"a", "c"})}, {"c", Misses({"a", "b"})}};
  CHECK(FindCutOff(all_apart, "b") == Names{"a", "c"});
}

TEST_CASE("placement: a member that is cut off is given nothing, and emptied once that lasts") {
  const Members fine = {{"a", Misses({})}, {"b", Misses({})}, {"c", Misses({})}};
  const Members cut = {{"a", Misses({"c"})}, {"b", Misses({"c"})}, {"c", Misses({"a", "b"})}};
  PlacementRules rules;
  Placement placement({0}, rules);
  PlacementView view = View(fine, {PlaceAt(2, "a"), PlaceAt(3, "b"), PlaceAt(4, "c"), PlaceAt(5, "c"), PlaceAt(6, "a"), PlaceAt(7, "b")});
  int64_t now = 0;
  const auto run = [&](const Members& members, int64_t ms) {
    size_t moved = 0;
    for (const int64_t end = now + ms; now < end; now += 250) {
      PlacementView next = View(members, view.namespaces);
      const std::vector<PlacementMove> moves = placement.Decide({now}, next);
      moved += moves.size();
      ApplyMoves(moves, &next);
      view = next;
    }
    return moved;
  };
  const auto at = [&](const std::string& name) {
    size_t count = 0;
    for (const PlacedNamespace& space : view.namespaces) count += space.at == name;
    return count;
  };
  CHECK(run(fine, 15'000) == 0);
  // For a moment: nothing moves, and what is new goes elsewhere.
  view.namespaces.push_back(PlaceAt(8, ""));
  CHECK(run(cut, rules.cut_ms - 1'000) == 1);
  CHECK(at("c") == 2);
  CHECK(placement.cut_off().empty());
  CHECK(run(fine, 1'000) == 0);
  // For good.
  CHECK(run(cut, rules.cut_ms + 5'000) == 2);
  CHECK(at("c") == 0);
  CHECK(placement.cut_off() == Names{"c"});
  // What comes and goes does not bring it back; what stays does.
  for (int i = 0; i < 10; ++i) {
    CHECK(run(fine, rules.back_ms / 2) == 0);
    CHECK(run(cut, 1'000) == 0);
  }
  CHECK(at("c") == 0);
  CHECK(run(fine, rules.back_ms + 10'000) > 0);
  CHECK(at("c") == 2);
  CHECK(placement.cut_off().empty());
}

TEST_CASE("placement: a leader that is cut off gives what it has to those that reach each other, and keeps what has to be with it") {
  const Members cut = {{"a", Misses({"b", "c"})}, {"b", Misses({"a"})}, {"c", Misses({"a"})}};
  Placement placement({0});
  PlacementView view = View(cut, {{kSystemNumber, "a", 0, true}, PlaceAt(2, "a"), PlaceAt(3, "a"), PlaceAt(4, "b")});
  for (int64_t now = 0; now < 30'000; now += 250) ApplyMoves(placement.Decide({now}, view), &view);
  CHECK(view.namespaces[0].at == "a");
  for (size_t i = 1; i < view.namespaces.size(); ++i) CHECK(view.namespaces[i].at != "a");
  // Draining ones are better than those that nobody reaches; and what is nowhere is served by somebody.
  for (PlacementMember& member : view.members) member.draining = member.name != "a";
  view.namespaces.push_back(PlaceAt(9, ""));
  ApplyMoves(placement.Decide({30'000}, view), &view);
  CHECK(view.namespaces.back().at != "a");
}
