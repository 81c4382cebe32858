// BatchPlan: which messages of a batch are submitted together, in their order, so that one that is refused takes no other down with it: what stands
// before it goes first, then it alone, then what is behind it. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/check.h"

namespace notifyd {

class BatchPlan {
 public:
  struct Range {
    size_t from = 0, to = 0;  // of the batch's messages, `to` excluded; never empty
    size_t size() const { return to - from; }
  };

  explicit BatchPlan(size_t count) : ends_{count} {}

  bool done() const { return at_ == ends_.back(); }
  /// What is to be submitted next, `most` messages of it at most. Not done.
  Range Next(size_t most) const {
    NOTIFYD_CHECK(!done() && most > 0);
    return {at_, ends_.back() - at_ > most ? at_ + most : ends_.back()};
  }
  /// Goes on behind `to`, a place in the range of Next: what stands before it was accepted, or handed on.
  void Settle(size_t to) {
    NOTIFYD_CHECK(to > at_ && to <= ends_.back());
    at_ = to;
    while (ends_.size() > 1 && ends_.back() == at_) ends_.pop_back();
  }
  /// A range of several was refused as a whole. `culprit`: the message that the refusal named; nothing: it named none, and halves are tried.
  void Split(Range refused, std::optional<size_t> culprit) {
    NOTIFYD_CHECK(refused.from == at_ && refused.size() > 1);
    if (refused.to < ends_.back()) ends_.push_back(refused.to);
    if (!culprit || *culprit < refused.from || *culprit >= refused.to) {
      ends_.push_back(refused.from + refused.size() / 2);
      return;
    }
    if (*culprit + 1 < ends_.back()) ends_.push_back(*culprit + 1);
    if (*culprit > at_) ends_.push_back(*culprit);
  }

 private:
  size_t at_ = 0;
  std::vector<size_t> ends_;  // where ranges must end, the next one last; the first is the batch's end
};

}  // namespace notifyd
