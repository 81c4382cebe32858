// DeadlineWheel: coarse deadlines of many connections at the price of a few pointer writes. One thread; reads no clock.
// Moving a deadline further away, the common case (a request on a kept-alive connection), writes one number: the entry stays in its slot and
// is put where it belongs when that slot comes up.
// I1: an entry fires at or after its deadline, at most about two ticks late.
// I2: an entry is in at most one slot, and in none once Disarm was called.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace notifyd {

class DeadlineWheel {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  /// What is watched derives from it. Must be disarmed before it dies.
  struct Entry {
    Entry* previous = nullptr;
    Entry* next = nullptr;
    int64_t deadline_ms = kNever;
    int64_t tick = 0;  // of the slot that it is in; means something only while next is set
  };

  DeadlineWheel(int64_t tick_ms, int64_t now_ms) : tick_ms_(tick_ms), current_(now_ms / tick_ms) {
    for (Entry& head : slots_) head.previous = head.next = &head;
  }
  DeadlineWheel(const DeadlineWheel&) = delete;
  DeadlineWheel& operator=(const DeadlineWheel&) = delete;

  int64_t tick_ms() const { return tick_ms_; }

  /// Replaces the entry's deadline; kNever: none.
  void Arm(Entry* entry, int64_t deadline_ms) {
    entry->deadline_ms = deadline_ms;
    if (deadline_ms == kNever) return;
    int64_t tick = std::clamp(deadline_ms / tick_ms_ + 1, current_ + 1, current_ + kSlots - 1);
    if (entry->next != nullptr) {
      if (entry->tick <= tick) return;
      Unlink(entry);
    }
    Entry* head = &slots_[static_cast<size_t>(tick % kSlots)];
    entry->tick = tick;
    entry->next = head;
    entry->previous = head->previous;
    entry->previous->next = entry;
    head->previous = entry;
  }

  void Disarm(Entry* entry) {
    entry->deadline_ms = kNever;
    if (entry->next != nullptr) Unlink(entry);
  }

  /// Calls `expired(entry)` for each whose deadline has come. It may arm and disarm any entry.
  template <class Expired>
  void Advance(int64_t now_ms, Expired expired) {
    int64_t target = now_ms / tick_ms_;
    current_ = std::max(current_, target - kSlots);
    while (current_ < target) {
      ++current_;
      Entry* head = &slots_[static_cast<size_t>(current_ % kSlots)];
      // Arm never links into the current slot, so this ends.
      while (head->next != head) {
        Entry* entry = head->next;
        Unlink(entry);
        if (entry->deadline_ms == kNever) continue;
        if (entry->deadline_ms <= now_ms) {
          expired(entry);
        } else {
          Arm(entry, entry->deadline_ms);
        }
      }
    }
  }

 private:
  static constexpr int64_t kSlots = 512;

  static void Unlink(Entry* entry) {
    entry->previous->next = entry->next;
    entry->next->previous = entry->previous;
    entry->previous = entry->next = nullptr;
  }

  int64_t tick_ms_;
  int64_t current_;
  std::array<Entry, kSlots> slots_;
};

}  // namespace notifyd
