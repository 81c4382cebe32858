// Auditor: checks promises 1-4, 6 and 8 of contract section 2 from outside. It knows only the requests, the replies, what went over the wire
// and the two images of the fake disk (written, and synced); it shares no code with the core. One thread.
//
// What it relies on: FakeStore's images are true; each submitted item carries a token (workload.h) by which it is known again.
// It never stops a run: violations gather, each with its simulated time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/effects.h"
#include "broker/events.h"
#include "fakes/fake_store.h"
#include "sim/clock.h"
#include "sim/profile.h"
#include "sim/receiver.h"

namespace notifyd::sim {

/// How long a request may be under way, at most: within it, one that was made later may overtake it.
constexpr int64_t kOvertakeMs = 1'000;

class Auditor : public WireObserver {
 public:
  Auditor(const Profile& profile, const SimClock* clock);

  /// A broker starts on `store` (borrowed), after a crash or for the first time.
  void OnBoot(const FakeStore* store);
  /// The broker is gone; `image` is what its disk holds now. Requests without an answer may or may not have happened.
  void OnCrash(const FakeImage& image);
  /// Before the core gets it.
  void OnRequest(const Event& event);
  void OnReply(const Reply& reply);
  void OnStart(const StartAttempt& attempt) override;
  void OnArrived(NotifyId id, uint32_t number) override;
  void OnEnded(NotifyId id, const AttemptResult& truth) override;
  /// Looks for what should move and does not. Call at least every 500 ms of simulated time.
  void OnTime();
  /// From now on all hosts are healthy.
  void OnHealed() { healed_ = true; }
  /// The broker was told to stop: refusals are in order.
  void OnStopping() { stopping_ = true; }
  void OnDiskLow() { disk_was_low_ = true; }
  /// The wall clock stepped: lateness is not judged across it.
  void OnWallStep() { wall_step_t_ = clock_->t(); }
  /// All has settled that can: the end state, against the whole history. `stats`, `listed`: the last answers.
  void OnQuiet(const StatsView& stats, const std::vector<NotifyView>& listed);
  /// Something that can still settle by itself, or an answer that is due?
  bool Unfinished() const;
  bool HasRequests() const { return !open_.empty(); }
  void Violation(const std::string& text);

  const std::vector<std::string>& violations() const { return violations_; }
  /// What the run amounted to, for traces and to see that seeds do reach what they should.
  struct Tally {
    uint64_t acked = 0, starts = 0, repeats = 0, refused = 0, triggers = 0, cancels = 0, revivals = 0, crashes = 0, duplicates = 0, deepest_tail = 0,
             dormant = 0;
    uint64_t pauses = 0, paused_themselves = 0, changes = 0, in_bulk = 0, purged = 0, callbacks = 0, awaited = 0, laters = 0;
  };
  const Tally& tally() const { return tally_; }

 private:
  struct Attempt {
    int64_t start_t = 0, end_t = -1;  // end_t: when the core was told
    int epoch = 0;
    int arrivals = 0;
    AttemptResult truth;
  };
  /// One submitted item and all that is known about what became of it.
  struct Item {
    uint64_t token = 0;
    SubmitItem said;
    NotifyId id;           // 0: not known yet
    int64_t asked_t = 0;   // first request with it
    int64_t acked_t = -1;  // first 2xx for it
    int64_t known_t = -1;  // since when this broker certainly knows it: acked, or on the disk it started from
    bool pending = false;  // not known to have settled
    // What clients asked for, answered or not, and what was acknowledged.
    int64_t cancel_asked_t = -1, cancel_acked_t = -1;
    int64_t cancel_holds_from_t = -1;  // when the acknowledged cancel was asked: a retry asked since then may have undone it
    int64_t retry_asked_t = -1, retries_acked = 0, retries_asked = 0;
    int64_t trigger_asked_t = -1;
    int64_t trigger_due_lowest = 0;
    std::set<std::string> marks_acked;  // data of acknowledged triggers
    int64_t change_asked_t = -1;        // of its times or priority
    int64_t purge_asked_t = -1;
    bool awaited = false;  // a trigger that was remembered must send it
    std::string awaited_mark;
    std::map<uint32_t, Attempt> attempts;
    bool in_flight = false;
    bool succeeded = false;  // some attempt really did
  };
  struct Open {
    Event event;
    int64_t t = 0;
    uint32_t attempts_made = 0;  // retry: as it stood durably when it was asked
    NotifyId held;               // trigger and fkey requests: who held it durably when it was asked
  };
  /// How long a lane or a host has had work and done nothing.
  struct Progress {
    int64_t idle_since = -1;
    uint32_t in_flight = 0;
  };

  /// A cancel of it was acknowledged, and nobody asked to send it again since.
  static bool StaysCancelled(const Item& item) { return item.cancel_acked_t >= 0 && item.retry_asked_t < item.cancel_holds_from_t; }
  Item* ById(NotifyId id);
  Item* Link(NotifyId id, const std::string& spec);
  template <class F>
  void ForFkey(const std::string& fkey, F f);
  const FakeImage& written() const { return store_->written(); }
  const FakeImage& synced() const { return store_->synced(); }
  int64_t t() const { return clock_->t(); }
  int64_t StoreDelayMs() const;
  bool HealthyHost(const std::string& host) const;
  bool HealthyLane(const LaneKey& lane) const;

  // auditor.cc: what goes over the wire
  void CheckNumber(const Item& item, uint32_t number, const NotifyRecord& record);
  void CheckTime(const Item& item, uint32_t number, const NotifyRecord& record);
  void CheckFifo(const Item& item, uint32_t number, const NotifyRecord& record);
  void CheckCaps(const NotifyHead& head);
  int64_t DueLowest(const Item& item) const;
  static int64_t WaitLowest(const RetryPolicy& policy, uint32_t failures, int64_t retry_after_ms);

  // auditor_replies.cc
  void CheckReply(const Open& open, const Reply& reply);
  void CheckSubmitted(const SubmitRequest& request, const Submitted& reply);
  void CheckTriggered(const TriggerRequest& request, const Triggered& reply);
  void CheckViewed(const Open& open, const Viewed& reply);
  void CheckRefused(const Open& open, const Refused& reply);
  void CheckListed(const ListRequest& request, const Listed& reply);
  void CheckStats(const StatsView& stats);
  const NotifyRecord* Durable(NotifyId id, const char* what);

  // auditor_steering.cc: lanes, changes, many at once, callbacks, remembered triggers
  struct LaneAsks {
    int64_t pause_acked_t = -1, resume_asked_t = -1;  // newest
    bool ever_skipped = false;                        // on_retry: skip, at some time
    uint32_t concurrency = 0;                         // the highest that was ever asked for
  };
  void OnSteering(const Event& event);
  void CheckSteered(const Open& open, const Reply& reply);
  void CheckPause(const StartAttempt& attempt);
  void CheckCallbacks(const FakeImage& image);
  void CheckLaneCounts(const FakeImage& image);
  void ExpectRemembered(Item* item);
  bool IsPaused(const LaneKey& lane) const;
  void AskAll(const BulkRequest& bulk);
  void AskOne(const BulkRequest& bulk, Item* item);

  // auditor_image.cc
  /// Do the indexes, the totals and the records of one image agree? `what`: names it.
  void CheckImage(const FakeImage& image, const std::string& what);
  void CheckSettled(const Item& item, const NotifyRecord& record);

  const Profile& profile_;
  const SimClock* clock_;
  const FakeStore* store_ = nullptr;
  int epoch_ = 0;
  int64_t boot_t_ = 0, wall_step_t_ = -1, last_in_flight_t_ = -1;
  bool healed_ = false, stopping_ = false, disk_was_low_ = false;
  std::map<uint64_t, Item> items_;  // by token
  std::map<NotifyId, uint64_t> tokens_;
  std::map<std::string, std::vector<uint64_t>> by_fkey_;
  std::map<LaneKey, std::vector<uint64_t>> by_lane_;
  std::map<LaneKey, std::set<std::string>> lane_hosts_;
  std::map<std::pair<std::string, std::string>, uint64_t> accepted_keys_;      // caller and idempotency key -> token
  std::map<NotifyId, int64_t> cancels_asked_, retries_asked_, changes_asked_;  // of ids not linked yet too
  struct FkeyAsks {
    int64_t cancel_t = -1, trigger_t = -1, trigger_lowest = INT64_MAX;
    int64_t remember_until_t = -1, remember_lowest = INT64_MAX;  // a trigger may be remembered until then
  };
  std::map<std::string, FkeyAsks> fkey_asks_;  // the newest ones
  std::map<LaneKey, LaneAsks> lane_asks_;
  struct RememberedAsk {
    int64_t acked_t = -1, expires_t = 0;
    std::string mark;
  };
  std::map<std::string, RememberedAsk> remembered_;  // acknowledged, and nothing about that fkey was asked since
  std::set<uint64_t> pending_;
  std::map<RequestId, Open> open_;
  std::set<RequestId> gone_;  // disconnected
  std::map<LaneKey, Progress> lanes_;
  std::map<std::string, Progress> hosts_;
  std::map<LaneKey, std::pair<NotifyId, uint32_t>> last_in_lane_;  // fifo: the newest attempt
  uint32_t in_flight_ = 0;
  std::optional<Totals> last_totals_;
  std::vector<std::string> violations_;
  Tally tally_;
};

}  // namespace notifyd::sim
