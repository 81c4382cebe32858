#include "base/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace notifyd {

void TimerWheel::Insert(TimerNode* node, int64_t when_ms) {
  CHECK(!node->linked());
  node->when_ms = when_ms;
  Link(node);
  ++size_;
}

void TimerWheel::Remove(TimerNode* node) {
  CHECK(node->linked());
  Unlink(node);
  --size_;
}

void TimerWheel::Link(TimerNode* node) {
  TimerNode** list;
  if (node->when_ms <= elapsed_) {
    node->level = kLevels;
    list = &overdue_;
  } else {
    uint64_t differ = static_cast<uint64_t>(node->when_ms) ^ static_cast<uint64_t>(elapsed_);
    int level = (static_cast<int>(std::bit_width(differ)) - 1) / kBits;
    if (level >= kLevels) level = kLevels - 1;
    int shift = level * kBits;
    // Beyond the top level's turn a node is parked in its last slot and put in anew when that comes up.
    bool beyond = differ >> (kBits * kLevels) != 0;
    int slot = beyond ? kSlots - 1 : static_cast<int>(static_cast<uint64_t>(node->when_ms) >> shift & (kSlots - 1));
    node->level = static_cast<int8_t>(level);
    node->in_slot = static_cast<uint8_t>(slot);
    occupied_[level] |= uint64_t{1} << slot;
    list = &slots_[level][slot];
  }
  node->prev = nullptr;
  node->next = *list;
  if (*list) (*list)->prev = node;
  *list = node;
}

void TimerWheel::Unlink(TimerNode* node) {
  TimerNode** list = node->level == kLevels ? &overdue_ : &slots_[node->level][node->in_slot];
  if (node->prev) node->prev->next = node->next;
  else *list = node->next;
  if (node->next) node->next->prev = node->prev;
  if (!*list && node->level < kLevels) occupied_[node->level] &= ~(uint64_t{1} << node->in_slot);
  node->prev = node->next = nullptr;
  node->level = -1;
}

bool TimerWheel::Next(int* level, int* slot, int64_t* time) const {
  for (int l = 0; l < kLevels; ++l) {
    if (!occupied_[l]) continue;
    int shift = l * kBits;
    int now_slot = static_cast<int>(static_cast<uint64_t>(elapsed_) >> shift & (kSlots - 1));
    // All slots of a level lie ahead of the present one within its turn (I1), so the lowest set bit above it is the next.
    uint64_t ahead = now_slot == kSlots - 1 ? 0 : occupied_[l] & (~uint64_t{0} << (now_slot + 1));
    int s = ahead ? std::countr_zero(ahead) : std::countr_zero(occupied_[l]);
    uint64_t turn = static_cast<uint64_t>(elapsed_) & ~((uint64_t{kSlots} << shift) - 1);
    *level = l;
    *slot = s;
    *time = static_cast<int64_t>(turn | static_cast<uint64_t>(s) << shift);
    return true;
  }
  return false;
}

TimerNode* TimerWheel::Pop(int64_t now_ms) {
  if (now_ms < elapsed_) {
    std::vector<TimerNode*> all;
    Collect(&all);
    for (TimerNode* node : all) Unlink(node);
    elapsed_ = now_ms;
    for (TimerNode* node : all) Link(node);
  }
  int level, slot;
  int64_t time;
  while (!overdue_ && Next(&level, &slot, &time) && time <= now_ms) {
    elapsed_ = std::max(elapsed_, time);
    TimerNode* list = slots_[level][slot];
    slots_[level][slot] = nullptr;
    occupied_[level] &= ~(uint64_t{1} << slot);
    while (list) {
      TimerNode* node = list;
      list = list->next;
      node->level = -1;
      Link(node);
    }
  }
  TimerNode* node = overdue_;
  if (node) Remove(node);
  else elapsed_ = std::max(elapsed_, now_ms);
  return node;
}

void TimerWheel::Advance(int64_t now_ms, std::vector<TimerNode*>* fired) {
  while (TimerNode* node = Pop(now_ms)) fired->push_back(node);
}

int64_t TimerWheel::NextWake() const {
  if (overdue_) return elapsed_;
  int level, slot;
  int64_t time;
  return Next(&level, &slot, &time) ? time : kNever;
}

void TimerWheel::Collect(std::vector<TimerNode*>* out) const {
  for (TimerNode* node = overdue_; node; node = node->next) out->push_back(node);
  for (int l = 0; l < kLevels; ++l)
    for (uint64_t left = occupied_[l]; left != 0; left &= left - 1)
      for (TimerNode* node = slots_[l][std::countr_zero(left)]; node; node = node->next) out->push_back(node);
}

void TimerWheel::CheckInvariants() const {
  size_t count = 0;
  for (TimerNode* node = overdue_; node; node = node->next) ++count;
  for (int l = 0; l < kLevels; ++l) {
    uint64_t filled = 0;
    for (int s = 0; s < kSlots; ++s) filled |= static_cast<uint64_t>(slots_[l][s] != nullptr) << s;
    CHECK(filled == occupied_[l]);  // I2
    for (uint64_t left = filled; left != 0; left &= left - 1) {
      const int s = std::countr_zero(left);
      for (TimerNode* node = slots_[l][s]; node; node = node->next) {
        CHECK(node->level == l && node->in_slot == s && node->when_ms > elapsed_);
        ++count;
      }
    }
  }
  CHECK(count == size_);
}

}  // namespace notifyd
