// Turns without lanes, notifies or a store: nodes that always have something to send.
#include "broker/turns.h"

#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

/// Nodes that start as many calls as they are let, at targets by name. What starts stays in flight until End.
struct World {
  struct Node : RingNode {
    std::string name, caller;
    Target* at = nullptr;
    int left = 0;
  };
  struct Call {
    Target* target;
    Caller* caller;
  };
  explicit World(Turns::Caps caps) : turns(caps) {}

  Node* Add(const std::string& name, const std::string& target, int calls, const std::string& caller = "unknown") {
    Node& node = nodes[name];
    node.name = name;
    node.caller = caller;
    node.at = &targets[target];
    node.left = calls;
    turns.Join(&node, node.at);
    return &node;
  }
  /// Returns who started a call, in order.
  std::vector<std::string> Run() {
    std::vector<std::string> started;
    while (auto turn = turns.Next()) {
      if (auto* node = static_cast<Node*>(turn->node)) {
        turns.Leave(node);
        Caller* caller = turns.CallerOf(node->caller);
        if (turns.AtShare(*caller, *turn->target)) {
          turns.Park(node, turn->target, caller);
        } else {
          turns.Begin(turn->target, caller);
          calls[node->name].push_back({turn->target, caller});
          started.push_back(node->name);
          if (--node->left > 0) turns.Join(node, node->at);
        }
      }
      turns.Done(*turn);
      Check();
    }
    return started;
  }
  void End(const std::string& name) {
    Call call = calls[name].back();
    calls[name].pop_back();
    turns.End(call.target, call.caller);
    Check();
  }
  void Check() {
    turns.CheckInvariants();
    for (const auto& [name, target] : targets) turns.CheckTarget(target);
  }
  size_t InFlight(const std::string& target) { return targets[target].in_flight; }

  std::map<std::string, Target> targets;
  std::map<std::string, Node> nodes;
  std::map<std::string, std::vector<Call>> calls;
  Turns turns;
};

using Names = std::vector<std::string>;

TEST_CASE("turns: targets take turns, and so do the nodes of one") {
  World w({100, 100});
  w.Add("a1", "a", 3);
  w.Add("a2", "a", 2);
  w.Add("b1", "b", 2);
  CHECK(w.Run() == Names{"a1", "b1", "a2", "b1", "a1", "a2", "a1"});
  CHECK(w.turns.in_flight() == 7);
}

TEST_CASE("turns: no more start than may be in flight in all, and one goes on for each that ends") {
  World w({4, 4});
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) w.Add(name, name, 1, name);
  CHECK(w.Run() == Names{"a", "b", "c", "d"});
  CHECK(w.turns.full());
  CHECK(w.Run().empty());
  w.End("a");
  CHECK(w.Run() == Names{"e"});
}

TEST_CASE("turns: a target has no more than its cap, and holds up no other") {
  World w({100, 2});
  w.Add("slow", "slow", 10);
  w.Add("other", "other", 2);
  CHECK(w.Run() == Names{"slow", "other", "slow", "other"});
  CHECK(w.turns.BlockedTargets() == 1);
  w.End("other");
  CHECK(w.Run().empty());
  w.End("slow");
  CHECK(w.Run() == Names{"slow"});
}

TEST_CASE("turns: a call that has its turn elsewhere takes a place of a target, and of nothing else") {
  World w({100, 3});
  w.Add("a", "a", 10);
  Target* a = &w.targets["a"];
  w.turns.BeginBeside(a);
  CHECK(w.Run() == Names{"a", "a"});
  CHECK(w.turns.in_flight() == 2);
  w.turns.BeginBeside(a);  // one more than it may: whoever begins it asks HasRoom
  CHECK_FALSE(w.turns.HasRoom(*a));
  w.End("a");
  CHECK(w.Run().empty());
  w.turns.EndBeside(a);
  w.Check();
  CHECK(w.Run() == Names{"a"});
  w.turns.SetCap(a, 2);
  w.turns.EndBeside(a);
  CHECK(w.Run().empty());
  w.End("a");
  CHECK(w.turns.HasRoom(*a));
  CHECK(w.Run() == Names{"a"});
  w.turns.SetShut(a, true);
  w.End("a");
  CHECK_FALSE(w.turns.HasRoom(*a));
}

TEST_CASE("turns: a target that yields goes once behind those that are in the round") {
  World w({100, 100});
  w.Add("a", "a", 2);
  w.Add("b", "b", 2);
  w.turns.Yield(&w.targets["a"]);
  CHECK(w.Run() == Names{"b", "a", "b", "a"});
}

TEST_CASE("turns: targets that hang come to rest at equal shares, and leave places for those with nothing in flight") {
  World w({1024, 1024});
  for (int i = 0; i < 3; ++i) w.Add("hung" + std::to_string(i), "hung" + std::to_string(i), 2'000, "c" + std::to_string(i));
  w.Run();
  CHECK(w.InFlight("hung0") >= 250);
  CHECK(w.InFlight("hung0") <= 256);
  CHECK(w.InFlight("hung2") + 2 >= w.InFlight("hung0"));
  w.Add("fresh", "fresh", 1, "c9");
  CHECK(w.Run() == Names{"fresh"});
}

TEST_CASE("turns: of the targets at their share, the one with the least in flight goes on first") {
  World w({64, 64});
  w.Add("many", "many", 100);
  w.Run();
  w.Add("few", "few", 100);
  w.Run();
  REQUIRE(w.InFlight("few") < w.InFlight("many"));
  for (int i = 0; i < 6; ++i) w.End("many");
  Names started = w.Run();
  REQUIRE_FALSE(started.empty());
  CHECK(started.front() == "few");
}

TEST_CASE("turns: a node whose caller is at its share waits aside, and others at its target go on") {
  World w({40, 40});
  for (int i = 0; i < 20; ++i) w.Add("x" + std::to_string(i), "x" + std::to_string(i), 2, "greedy");
  w.Run();
  size_t greedy = w.turns.FindCaller("greedy")->in_flight;
  CHECK(greedy < 40);
  w.Add("last", "fresh", 1, "greedy");
  w.Add("theirs", "fresh", 1, "other");
  CHECK(w.Run() == Names{"theirs"});
  CHECK(w.nodes["last"].flow);
  CHECK(w.turns.WaitingCallers() == 1);
  while (w.nodes["last"].left > 0) {
    bool ended = false;
    for (auto& [name, calls] : w.calls)
      if (name[0] == 'x' && !calls.empty()) {
        w.End(name);
        ended = true;
        break;
      }
    REQUIRE(ended);
    w.Run();
  }
  CHECK(w.turns.WaitingCallers() == 0);
}

TEST_CASE("turns: whoever waited for its caller's share gets the next place at its busy target, however many wait in that one's ring") {
  World w({10, 1});
  for (int i = 0; i < 9; ++i) w.Add("g" + std::to_string(i), "t" + std::to_string(i), 1, "greedy");
  REQUIRE(w.Run().size() == 9);
  w.Add("y", "busy", 100, "other");
  w.Add("z", "busy", 100, "third");
  w.Add("x", "busy", 1, "greedy");
  REQUIRE(w.Run() == Names{"y"});
  w.End("y");
  REQUIRE(w.Run() == Names{"z"});
  w.End("z");
  REQUIRE(w.Run() == Names{"y"});
  REQUIRE(w.nodes["x"].flow);  // it had its turn, and its caller has as much in flight as it may
  for (int i = 0; i < 8; ++i) w.End("g" + std::to_string(i));
  REQUIRE(w.Run().empty());
  w.End("y");
  REQUIRE(w.Run() == Names{"x"});
  w.End("x");
  CHECK(w.Run() == Names{"z"});
}

TEST_CASE("turns: a node that leaves is nobody's any more, the last of a flow takes the flow with it") {
  World w({40, 40});
  for (int i = 0; i < 40; ++i) w.Add("x" + std::to_string(i), "x" + std::to_string(i), 2, "greedy");
  w.Run();
  World::Node* parked = nullptr;
  for (auto& [name, node] : w.nodes)
    if (node.flow) parked = &node;
  REQUIRE(parked);
  size_t contenders = w.turns.Contenders();
  Target* target = parked->target;
  CHECK(w.turns.Leave(parked) == target);
  CHECK(w.turns.Leave(parked) == nullptr);
  CHECK(w.turns.Contenders() == contenders - 1);
  CHECK(target->parked == 0);
  w.Check();
}

TEST_CASE("turns: lower caps hold from the next call on, higher ones let those go on who were blocked") {
  World w({100, 10});
  w.Add("a", "a", 100);
  CHECK(w.Run().size() == 10);
  w.turns.SetCaps({100, 3});
  w.turns.ReviewBlocked();
  CHECK(w.Run().empty());
  for (int i = 0; i < 7; ++i) w.End("a");
  CHECK(w.Run().empty());
  w.End("a");
  CHECK(w.Run().size() == 1);
  w.turns.SetCaps({100, 5});
  w.turns.ReviewBlocked();
  CHECK(w.Run().size() == 2);
}

TEST_CASE("turns: a target may go once nothing of it is in flight or waits") {
  World w({10, 10});
  w.Add("a", "a", 1);
  CHECK_FALSE(w.targets["a"].idle());
  w.Run();
  CHECK_FALSE(w.targets["a"].idle());
  w.End("a");
  CHECK(w.targets["a"].idle());
  CHECK(w.turns.FindCaller("unknown") == nullptr);
  CHECK(w.turns.Contenders() == 0);
}

TEST_CASE("turns: a target whose nodes all left has a turn of nobody, and is let go") {
  World w({10, 10});
  World::Node* node = w.Add("a", "a", 1);
  w.turns.Leave(node);
  auto turn = w.turns.Next();
  REQUIRE(turn);
  CHECK(turn->node == nullptr);
  w.turns.Done(*turn);
  CHECK(w.targets["a"].idle());
  CHECK_FALSE(w.turns.Next());
}

}  // namespace
}  // namespace notifyd
