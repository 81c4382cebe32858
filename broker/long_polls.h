// LongPolls: requests that wait for the end of a notify (GET with wait_ms), and until when. It knows ids and times; what is said to whoever stops
// waiting, and what keeps a notify in memory meanwhile, is the caller's. Not thread-safe.
// I1: a request waits for one notify at most, and stands in each of the three indexes or in none.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "broker/events.h"

namespace notifyd {

class LongPolls {
 public:
  /// Lets `request` wait for `id` until `until`. Returns false, and changes nothing, where it waits already.
  bool Add(RequestId request, NotifyId id, MonoTime until);
  /// Ends the wait of `request`. Returns the notify that it waited for; nothing where it did not wait.
  std::optional<NotifyId> Remove(RequestId request);
  /// Returns who waits for `id`, in the order in which they came.
  std::vector<RequestId> WaitingFor(NotifyId id) const;
  /// Returns the request whose time ends first, where that is at `now` or before; nothing else.
  std::optional<RequestId> Over(MonoTime now) const;
  /// Returns the request with the least id; nothing where nobody waits.
  std::optional<RequestId> First() const;
  /// Returns when the first wait ends; kMonoNever where nobody waits.
  MonoTime NextEnd() const { return ends_.empty() ? kMonoNever : ends_.begin()->first; }
  size_t size() const { return waits_.size(); }
  void CheckInvariants() const;

 private:
  struct Wait {
    NotifyId id;
    MonoTime until;
  };
  std::map<RequestId, Wait> waits_;
  std::unordered_map<NotifyId, std::vector<RequestId>> by_id_;
  std::set<std::pair<MonoTime, RequestId>> ends_;
};

}  // namespace notifyd
