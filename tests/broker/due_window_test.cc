#include "broker/due_window.h"

#include <map>
#include <memory>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"

namespace notifyd {
namespace {

struct Node : TimerNode {
  explicit Node(DueKey k) : place(k) {}
  DueKey place;
  DueKey key() const { return place; }
};
using Window = DueWindow<Node>;

std::vector<uint64_t> Due(Window* window, int64_t now_ms) {
  std::vector<uint64_t> ids;
  window->Advance(now_ms, [&](Node* node) { ids.push_back(node->place.id.value); });
  return ids;
}

TEST_CASE("due window: what is due comes by time, then id, whatever the order in which it was put") {
  Window window(0);
  Node a({20, {3}}), b({20, {1}}), c({10, {9}}), d({30, {2}});
  for (Node* node : {&a, &b, &c, &d}) window.Insert(node, node->place.time_ms);
  CHECK(Due(&window, 20) == std::vector<uint64_t>{9, 1, 3});
  CHECK(window.size() == 1);
  CHECK(Due(&window, 30) == std::vector<uint64_t>{2});
}

TEST_CASE("due window: one that is due may put others and take them away") {
  Window window(0);
  Node a({10, {1}}), b({50, {2}}), c({10, {3}});
  window.Insert(&a, 10);
  window.Insert(&b, 50);
  window.Advance(10, [&](Node*) {
    window.Remove(&b);
    window.Insert(&c, 10);
  });
  CHECK(window.size() == 1);
  CHECK(Due(&window, 10) == std::vector<uint64_t>{3});
}

TEST_CASE("horizon: while a page is under way it covers all that the page may miss") {
  Horizon horizon({100, {0}});
  CHECK(horizon.cover() == DueKey{100, {0}});
  horizon.BeginPage(200);
  CHECK(horizon.paging());
  CHECK(horizon.cover() == DueKey{200, {0}});
  CHECK(horizon.at() == DueKey{100, {0}});
}

TEST_CASE("horizon: a page that ended at its limit reaches behind its last key, a whole one to its end") {
  Horizon horizon({100, {0}});
  horizon.BeginPage(200);
  DueKey last{150, {7}};
  horizon.EndPage(&last);
  CHECK(horizon.at() == DueKey{150, {8}});
  CHECK_FALSE(horizon.paging());
  horizon.BeginPage(200);
  horizon.EndPage(nullptr);
  CHECK(horizon.at() == DueKey{200, {0}});
}

TEST_CASE("due window: what is due last goes, and the horizon with it") {
  Window window(0);
  std::vector<std::unique_ptr<Node>> nodes;
  for (uint64_t i = 1; i <= 10; ++i) {
    nodes.push_back(std::make_unique<Node>(DueKey{static_cast<int64_t>(10 * i), {i}}));
    window.Insert(nodes.back().get(), nodes.back()->place.time_ms);
  }
  window.horizon().Set({1'000, {0}});
  std::set<uint64_t> gone;
  window.EvictFarther([&](Node* node) { gone.insert(node->place.id.value); });
  CHECK(gone == std::set<uint64_t>{6, 7, 8, 9, 10});
  CHECK(window.horizon().at() == DueKey{60, {6}});
  CHECK_FALSE(window.Covers({60, {6}}));
  CHECK(window.Covers({50, {5}}));
}

TEST_CASE("due window: what lies above the horizon goes without lowering it") {
  Window window(0);
  Node a({500, {1}}), b({600, {2}});
  window.Insert(&a, 500);
  window.Insert(&b, 600);
  window.horizon().Set({100, {0}});
  window.EvictFarther([](Node*) {});
  CHECK(window.horizon().at() == DueKey{100, {0}});
}

TEST_CASE("due window: the next page is due once half of the lookahead is used up, and it wakes for that where there is room") {
  Window window(0);
  window.horizon().Set({100, {0}});
  CHECK_FALSE(window.WantsPage(49, 100));
  CHECK(window.WantsPage(50, 100));
  CHECK(window.NextWake(0, 100, true) == 50);
  CHECK(window.NextWake(80, 100, true) == 81);
  CHECK(window.NextWake(0, 100, false) == TimerWheel::kNever);
  Node a({30, {1}});
  window.Insert(&a, 30);
  CHECK(window.NextWake(0, 100, true) == 30);
  CHECK(window.Mark() == DueKey{30, {1}});
  window.horizon().BeginPage(200);
  CHECK_FALSE(window.WantsPage(99, 100));
}

TEST_CASE("due window: over random pages, evictions and steps of time, each key comes once and in time") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    std::map<DueKey, std::unique_ptr<Node>> disk;  // a node where it is in memory
    for (uint64_t id = 1; id <= 300; ++id) disk[{static_cast<int64_t>(random.Below(1'000)), {id}}] = nullptr;
    Window window(0);
    std::vector<DueKey> came;
    size_t pages = 0;
    for (int64_t now = 0; now < 1'100; now += static_cast<int64_t>(random.Below(20))) {
      while (window.WantsPage(now, 100)) {
        DueKey from = window.horizon().at();
        window.horizon().BeginPage(now + 100);
        std::optional<DueKey> last;
        size_t taken = 0;
        for (auto it = disk.lower_bound(from); it != disk.end() && it->first.time_ms < now + 100; ++it) {
          if (++taken > 16) break;
          last = it->first;
          if (it->second) continue;
          it->second = std::make_unique<Node>(it->first);
          window.Insert(it->second.get(), it->first.time_ms);
        }
        window.horizon().EndPage(taken > 16 ? &*last : nullptr);
        ++pages;
      }
      window.Advance(now, [&](Node* node) {
        came.push_back(node->place);
        disk.erase(came.back());
      });
      for (const auto& [key, node] : disk) CHECK(key.time_ms > now);
      if (window.size() > 10 && random.Chance(0.2)) window.EvictFarther([&](Node* node) { disk[node->place].reset(); });
      window.CheckInvariants();
    }
    CHECK(came.size() == 300);
    CHECK(pages > 20);
  }
}

}  // namespace
}  // namespace notifyd
