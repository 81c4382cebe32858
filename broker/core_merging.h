// Data of triggers that came before what they trigger: it is merged into that when it is submitted or published. Merging reads and writes bodies, so
// a turn does little of it: a request that needs more waits, parked, for later turns, and is decided in one of them as a whole, as its keys stand
// then. One request at a time loads data and merges, so that memory does not grow with their number. Included by broker/core*.cc alone.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "broker/core_impl.h"
#include "broker/spec.h"

namespace notifyd {

/// The items of a request, for whoever merges.
class MergeSource {
 public:
  virtual ~MergeSource() = default;
  virtual size_t count() const = 0;
  virtual const std::string& fkey(size_t i) const = 0;
  /// About as long as spec(i), which is made where it is to be merged alone.
  virtual size_t bytes(size_t i) const = 0;
  virtual NotifySpec spec(size_t i) const = 0;
  /// Are the items lines of a bulk submit?
  virtual bool lines() const { return false; }
  /// How the request is refused where merging is.
  virtual Status Refusal(const Status& why) const = 0;
};

class Core::Impl::MergePart {
 public:
  explicit MergePart(Core::Impl* core) : core_(*core) {}
  /// Merges what the items' fkeys, whose slots must be known, remember: into task->merged. Returns false where the task must wait.
  bool Merge(Task* task, const MergeSource& source);
  /// Returns what became of the item with that trigger; null where Merge did not see that they belong together: then it sets task->unmerged, and the
  /// request is to be merged and planned anew.
  static const MergedEarly* Find(Task* task, size_t i, const std::shared_ptr<const RememberedTrigger>& early);
  /// Lets tasks that wait go on as far as the turn goes, and ends it.
  void EndTurn();
  /// Somebody waits who could go on in the next turn.
  bool WantsTurn() const;

 private:
  /// One task at a time merges, from before it loads data until it is decided.
  bool HasTurn(Task* task);
  bool MayMerge(size_t bytes) const;

  Core::Impl& core_;
  std::weak_ptr<const char> merging_;  // held by the task whose turn it is
  std::deque<Task*> waiting_;          // for their turn, parked; in front the one that has it, where that waits for the core's next one
  size_t merged_bytes_ = 0;    // in this turn
  bool serves_ = false;        // those that wait
};

}  // namespace notifyd
