// TimerWheel: a hierarchical timer wheel over milliseconds of some clock (Varghese and Lauck 1987, with the level picked by the highest bit
// in which a deadline differs from now). It takes `now` as an argument and says when it must next be advanced; it reads no clock.
//
// Insert, remove: O(1). Pop and Advance: O(fired + cascaded). Nodes are intrusive and owned by the caller; a node in the wheel must not move.
// I1: every node at level L, slot S differs from `elapsed` first in the 6 bits of level L, and those bits of its deadline are S.
// I2: a slot's bit is set exactly where its list is not empty.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace notifyd {

struct TimerNode {
  int64_t when_ms = 0;
  TimerNode* prev = nullptr;
  TimerNode* next = nullptr;
  int8_t level = -1;  // -1: in no wheel; kLevels: overdue
  uint8_t in_slot = 0;
  bool linked() const { return level >= 0; }
};

class TimerWheel {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  explicit TimerWheel(int64_t now_ms) : elapsed_(now_ms) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// Puts `node`, which must not be linked, into the wheel. A deadline that has passed fires at the next Pop.
  void Insert(TimerNode* node, int64_t when_ms);
  /// Takes `node`, which must be linked in this wheel, out of it.
  void Remove(TimerNode* node);
  /// Unlinks a node with when_ms <= now_ms and returns it, by deadline as far as slots tell; null where there is none. Between two calls any node may
  /// be inserted, removed and destroyed. A `now_ms` below the last one is a clock that stepped back: all nodes are put in anew, and none fires that
  /// has not come due.
  TimerNode* Pop(int64_t now_ms);
  /// Pops all there is and appends it to `fired`.
  void Advance(int64_t now_ms, std::vector<TimerNode*>* fired);
  /// Returns when Pop must be called at the latest; it may then fire nothing yet (a cascade). kNever when empty.
  int64_t NextWake() const;
  size_t size() const { return size_; }
  /// Appends all nodes, in no order; for eviction and checks.
  void Collect(std::vector<TimerNode*>* out) const;
  void CheckInvariants() const;

 private:
  static constexpr int kLevels = 7;  // 64^7 ms: 139 years
  static constexpr int kBits = 6;
  static constexpr int kSlots = 1 << kBits;

  void Link(TimerNode* node);
  void Unlink(TimerNode* node);
  /// Finds the slot that must be looked at next; false where all are empty.
  bool Next(int* level, int* slot, int64_t* time) const;

  int64_t elapsed_;
  size_t size_ = 0;
  TimerNode* overdue_ = nullptr;
  std::array<uint64_t, kLevels> occupied_{};
  std::array<std::array<TimerNode*, kSlots>, kLevels> slots_{};
};

}  // namespace notifyd
