// Workload: the clients. Draws requests from the seed and remembers only what answers told it. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "broker/effects.h"
#include "broker/events.h"
#include "sim/clock.h"
#include "sim/profile.h"

namespace notifyd::sim {

/// Each submitted item carries a token in its URL, by which the auditor knows it again wherever it turns up. 0: none.
uint64_t TokenOf(const std::string& spec);
/// The token of a notify as the store has it: that of its item; of a callback, one of its own by its id.
uint64_t TokenOf(const NotifyRecord& record);
uint64_t TokenOf(NotifyId id, const std::string& spec);
/// Of a callback: whom it tells about; 0: it is none.
NotifyId ToldAbout(const std::string& spec);
constexpr uint64_t kCallbackTokens = 1'000'000'000;
/// The text that a trigger with data `n` leaves in the payload.
std::string TriggerMark(uint64_t n);

class Workload {
 public:
  Workload(const Profile& profile, const SimClock* clock);

  /// When the next request is due; kNever: no more come.
  int64_t NextAt() const { return left_ > 0 ? std::min(next_at_, NextPauseAt()) : SimClock::kNever; }
  /// The requests that are due now.
  std::vector<Event> Draw();
  void OnReply(const Reply& reply);
  RequestId NewRequest() { return {0, next_request_++}; }
  /// A request that pauses a host, or a caller, or resumes it.
  Event Pausing(bool host, const std::string& name, bool paused);

 private:
  Event DrawOne();
  // steering.cc
  Event DrawSteering(RequestId request);
  ListQuery DrawBulkQuery();
  LaneChangeRequest DrawLaneChange(RequestId request);
  LaneKey DrawLane();
  int64_t NextPauseAt() const;
  void DrawPauses(std::vector<Event>* events);
  TriggerRequest Keep(TriggerRequest trigger);
  template <class Act>
  Act UnderCondition(Act act) const;
  SubmitItem DrawItem(bool in_batch);
  NotifyId DrawId();
  When DrawWhen();
  std::string DrawFkey() { return "f" + std::to_string(random_.Below(8)); }
  int64_t Between(int64_t least, int64_t most) { return least + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(most - least + 1))); }

  const Profile& profile_;
  const SimClock* clock_;
  Random random_;
  Random pauses_;  // so that what else is drawn stays as it was
  int64_t pause_at_ = 0;
  std::map<std::pair<bool, std::string>, int64_t> resume_at_;  // by whether it is a host, and its name
  int left_;
  int64_t next_at_ = 0;
  uint64_t next_request_ = 1, next_token_ = 1, next_mark_ = 1;
  std::vector<NotifyId> ids_;                               // as answered
  std::vector<std::shared_ptr<const NotifyRecord>> bases_;  // read for a change that is to come
  std::deque<std::shared_ptr<const NotifyRecord>> read_;    // of late: what cancels and retries may stand under
  std::vector<SubmitItem> keyed_;                           // with an idempotency key, to be repeated
  std::vector<RequestId> open_;                             // for disconnects
  std::map<RequestId, TriggerRequest> triggers_;            // with data, not answered yet
  std::deque<TriggerRequest> merged_;                       // to be asked again, with their data merged
};

}  // namespace notifyd::sim
