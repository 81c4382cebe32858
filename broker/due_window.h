// DueWindow: an index of the store by time, as seen from memory. What lies near is in a timer wheel, read in a page at a time; what lies beyond is on
// disk only. It knows keys and times; what a node stands for, reading the pages and what becomes of a node whose time has come is the caller's. It
// reads no clock. Not thread-safe.
// I1: whatever lies below cover() must be in memory (here, or further on); what lies above may be, and does no harm.
// I2: the horizon moves up by pages (and where the index is empty), and down by evictions alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/timer_wheel.h"
#include "broker/notify.h"

namespace notifyd {

/// How far an index by DueKey has been read, a page at a time.
class Horizon {
 public:
  Horizon() = default;
  explicit Horizon(DueKey at) : at_(at) {}
  /// All below it has been read.
  const DueKey& at() const { return at_; }
  void Set(DueKey at) { at_ = at; }
  /// What comes into the index below it must be kept in memory: the horizon, or the end of the page under way, which may miss it.
  DueKey cover() const { return page_to_ ? DueKey{*page_to_, NotifyId{0}} : at_; }
  bool paging() const { return page_to_.has_value(); }
  /// A page of what is >= at() and due before `to_ms` is under way. None may be.
  void BeginPage(int64_t to_ms) {
    NOTIFYD_CHECK(!paging());
    page_to_ = to_ms;
  }
  /// The page is there. `last`: its last key where it ended at its limit, else null: all of it was read.
  void EndPage(const DueKey* last) {
    NOTIFYD_CHECK(paging());
    at_ = last ? DueKey{last->time_ms, NotifyId{last->id.value + 1}} : DueKey{*page_to_, NotifyId{0}};
    page_to_.reset();
  }

 private:
  DueKey at_;
  std::optional<int64_t> page_to_;
};

/// `Node` derives from TimerNode and has `DueKey key() const`, whose time is the node's in the wheel. Nodes are the caller's and must not move.
template <class Node>
class DueWindow {
 public:
  explicit DueWindow(int64_t now_ms) : wheel_(now_ms) {}

  Horizon& horizon() { return horizon_; }
  const Horizon& horizon() const { return horizon_; }
  size_t size() const { return wheel_.size(); }
  /// It is due soon enough for memory.
  bool Covers(const DueKey& key) const { return key < horizon_.cover(); }

  void Insert(Node* node, int64_t at_ms) { wheel_.Insert(node, at_ms); }
  void Remove(Node* node) { wheel_.Remove(node); }
  /// Takes out all that is due and hands it to `place`, by key, so that a fifo lane meets its notifies in order. `place` may insert and remove
  /// others.
  template <class Place>
  void Advance(int64_t now_ms, Place place) {
    std::vector<TimerNode*> due = std::move(scratch_);
    due.clear();
    wheel_.Advance(now_ms, &due);
    std::sort(due.begin(), due.end(), ByKey);
    for (TimerNode* node : due) place(static_cast<Node*>(node));
    scratch_ = std::move(due);
  }
  /// Lets the half that is due last go back to being on disk only: lowers the horizon to the first of it and hands each to `let_go`. At least one
  /// node is there.
  template <class LetGo>
  void EvictFarther(LetGo let_go) {
    std::vector<TimerNode*> all;
    wheel_.Collect(&all);
    auto middle = all.begin() + static_cast<ptrdiff_t>(all.size() / 2);
    std::nth_element(all.begin(), middle, all.end(), ByKey);
    // What was placed while a page was under way may lie above the horizon: it can go without lowering that.
    horizon_.Set(std::min(horizon_.at(), KeyOf(*middle)));
    for (auto it = middle; it != all.end(); ++it) {
      wheel_.Remove(*it);
      let_go(static_cast<Node*>(*it));
    }
  }

  /// Returns whether the next page is due: half of the lookahead is used up.
  bool WantsPage(int64_t now_ms, int64_t lookahead_ms) const { return !horizon_.paging() && horizon_.at().time_ms <= now_ms + lookahead_ms / 2; }
  /// Returns when it must be looked at again. `room`: pages may be asked for.
  int64_t NextWake(int64_t now_ms, int64_t lookahead_ms, bool room) const {
    int64_t wake = wheel_.NextWake();
    return room ? std::min(wake, std::max(horizon_.at().time_ms - lookahead_ms / 2, now_ms + 1)) : wake;
  }
  /// Returns the least key that the index may still have, as far as wheel and horizon tell.
  DueKey Mark() const {
    DueKey least = horizon_.at();
    ForEach([&](Node* node) { least = std::min(least, node->key()); });
    return least;
  }
  /// In no order.
  template <class Visit>
  void ForEach(Visit visit) const {
    std::vector<TimerNode*> all;
    wheel_.Collect(&all);
    for (TimerNode* node : all) visit(static_cast<Node*>(node));
  }
  void CheckInvariants() const {
    wheel_.CheckInvariants();
    ForEach([](Node* node) { NOTIFYD_CHECK(node->key().time_ms == node->when_ms); });
  }

 private:
  static DueKey KeyOf(const TimerNode* node) { return static_cast<const Node*>(node)->key(); }
  static bool ByKey(const TimerNode* a, const TimerNode* b) { return KeyOf(a) < KeyOf(b); }

  TimerWheel wheel_;
  Horizon horizon_;
  std::vector<TimerNode*> scratch_;
};

}  // namespace notifyd
