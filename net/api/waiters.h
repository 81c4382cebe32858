// Waiters: how many requests wait for the end of a notify, by namespace. One for all loops, any thread: a share that each loop counted for itself
// would be as many shares as there are loops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/ids.h"

namespace notifyd {

class Waiters {
 public:
  enum class Answer : uint8_t { kTaken, kFull, kShare };

  /// One more, unless `most` wait, or `share` of this namespace.
  Answer Take(NamespaceNumber space, size_t most, size_t share) {
    std::lock_guard lock(mutex_);
    if (size_ >= most) return Answer::kFull;
    auto found = of_.find(space);
    if (found == of_.end() ? share == 0 : found->second >= share) return Answer::kShare;
    ++of_[space];
    ++size_;
    return Answer::kTaken;
  }
  /// One that was taken waits no more.
  void GiveBack(NamespaceNumber space) {
    std::lock_guard lock(mutex_);
    --size_;
    if (auto found = of_.find(space); --found->second == 0) of_.erase(found);
  }
  size_t load() const {
    std::lock_guard lock(mutex_);
    return size_;
  }

 private:
  mutable std::mutex mutex_;
  size_t size_ = 0;
  std::unordered_map<NamespaceNumber, size_t> of_;  // none is 0
};

}  // namespace notifyd
