// Model: what the broker must hold and answer, stepped by the order in which the core decided. It is told what was carried out (a request, an
// attempt's end, the end of a ttl) and derives all else from what the request said and what the receiver did; it shares no code with the core.
// Where the contract leaves freedom (jitter of a wait, whether one whose due time had come counts as sent after the clock stepped back) it takes
// what the core wrote, within bounds. One thread.
//
// A change belongs to the batch into which it was written: RollBack undoes those that a crash lost.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "broker/effects.h"
#include "broker/events.h"
#include "sim/breaker_model.h"
#include "sim/clock.h"
#include "sim/profile.h"

namespace notifyd::sim {

/// The operations that a decision, and what went on before it, put into their batch.
class Slice {
 public:
  Slice() = default;
  Slice(const WriteOp* begin, const WriteOp* end) : begin_(begin), end_(end) {}
  const WriteOp* begin() const { return begin_; }
  const WriteOp* end() const { return end_; }
  bool empty() const { return begin_ == end_; }
  /// The last state that is written for it; null: none is.
  const NotifyState* StateOf(NotifyId id) const;
  /// The last whole record that is written for it, or null.
  const NotifyRecord* RecordOf(NotifyId id) const;
  bool HoldsUnder(const std::string& fkey, NotifyId id) const;
  /// The key stands for it from now on.
  bool Remembers(const IdempotencyKey& key, NotifyId id) const;

 private:
  const WriteOp* begin_ = nullptr;
  const WriteOp* end_ = nullptr;
};

class Model {
 public:
  static constexpr uint16_t kAnything = 0xFFFF;
  struct Notify {
    bool exists = true;  // false: purged
    std::shared_ptr<const Envelope> envelope;
    std::shared_ptr<const std::string> spec;
    WallTime created_at;
    NotifyState state;
    uint64_t batch = 0;      // the newest that changes it
    uint64_t durable = 0;    // no attempt before this one is synced
    int64_t due_set_t = 0;   // since when it has this due time
    bool restarted = false;  // since its wait was set
    int64_t settled_t = -1;  // when it settled, the last time
    /// Its newest attempt was lost with a used connection, and the next one repeats that. In memory alone: what was read from the disk since (kMaybe)
    /// may have been forgotten there.
    enum class Repeats : uint8_t { kNo, kMaybe, kYes } repeats = Repeats::kNo;
    bool pending() const { return exists && !IsSettled(state.phase); }
  };
  struct Fkey {
    FkeyRecord record;
    uint64_t batch = 0;
  };
  struct Key {
    IdempotencyRecord record;
    uint64_t batch = 0;
  };
  /// Whether a host (true) or a caller is paused, by its name.
  using SwitchKey = std::pair<bool, std::string>;
  struct Switch {
    bool paused = false;
    uint64_t batch = 0;
  };
  struct Lane {
    LaneSettings settings;
    uint64_t batch = 0;        // of the settings
    NotifyId blocked_head;     // fifo: attempted, and all others wait for it
    bool unsure_head = false;  // a reload may have let it go
    bool repeat_head = false;  // it stands still for its repeat alone, whatever the lane does with failures
    uint64_t end_batch = 0;    // fifo: of the last end or settling
  };
  /// A place in flight; in memory alone.
  struct Flight {
    uint32_t number = 0;
    bool started = false;
    bool on_wire = false;
    std::shared_ptr<const std::string> spec;             // as it was when it started,
    uint64_t durable = 0;                                // and from when it might
    bool last = false;                                   // no other follows it
    StartAttempt::Over over = StartAttempt::Over::kAny;  // once it is on the wire
    std::optional<AttemptResult> truth;                  // what the receiver did, once the core was told
    uint64_t era = 0;                                    // as its host's breaker knows it
    bool refused = false;                                // or it has its turn to fail there
    bool reached = false, heard = false;                 // the core was told that a connection came about, and has said that it knows
  };
  struct Sums {
    uint64_t next_id = 1, accepted = 0, revived = 0, succeeded = 0, failed = 0, cancelled = 0, expired = 0, attempts = 0, retries = 0;
    WallTime last_due_at_once;
    NotifyId last_at_once;  // whose due time that is; after a start the newest of all
    uint64_t pending() const { return accepted + revived - succeeded - failed - cancelled - expired; }
  };
  /// What the answer to a request must be.
  struct Expected {
    bool decided = false;
    uint64_t needs = 0;  // it may not come before this batch is synced
    decltype(Reply::body) body;
    bool any_refusal = false;
    bool may_be_nothing = false;   // a bulk request that changes nothing may be answered although the broker stops
    NotifyId id;                   // Viewed, Explained
    std::optional<Notify> viewed;  // Viewed: as it became
    std::vector<uint16_t> states;  // kAnything: nobody can tell;
                                   // Submitted, Triggered, Retried: which states may be shown, a bit each
    bool absent = false;           // GET: there was none
    NotifyId or_repeat;            // Unmerged: or Triggered as a repeat of this one, where nobody can tell whether it is held still; 0: no
  };

  Model(const Profile& profile, const SimClock* clock, std::function<void(const std::string&)> violation)
      : profile_(profile), clock_(clock), violation_(std::move(violation)), limits_(profile.limits) {
    sums_.next_id = NotifyId::Of(profile.number, 1).value;
  }

  void OnBoot();
  /// Undoes what stands in later batches; nothing is in flight any more.
  void RollBack(uint64_t batch);
  /// It was read from the disk, so that what memory alone knew of it may be gone.
  void OnLoaded(NotifyId id);
  /// What is synced is never undone.
  void Forget(uint64_t synced);

  /// Between these, the decision: which batch it goes into, and what was written with it.
  void Begin(uint64_t batch, Slice slice);
  /// The notifies, fkeys, keys and lanes that the decision touched are compared with what was written.
  void End();

  Expected Carry(const Event& request);
  void CarryItem(const BulkRequest& bulk, NotifyId id);
  void CarryReached(NotifyId id);
  void CarryEnd(NotifyId id);
  void CarryExpiry(NotifyId id);
  void CarryTurn(NotifyId id, uint64_t written);
  void CarryStart(NotifyId id);
  void CarryReturn(NotifyId id);
  void CarryStop() { stopping_ = true; }
  void CarryClose() { closed_ = true; }
  void CarryDisk() { disk_low_ = !disk_low_; }
  void CarryLimits(const CoreLimits& limits);
  /// What the core may have in flight, from its next run on, of all that is lent.
  void Lend(const GrantChanged& grant) {
    if (grant.number > lent_.number) lent_ = grant;
  }

  /// What the core says in this run: the breakers of these hosts opened. EndRun: each was to.
  void BeginRun(std::multiset<std::string> opened) { opened_ = std::move(opened); }
  void EndRun();

  const Notify* Find(NotifyId id) const;
  bool Settled(const Notify& notify) const { return IsSettled(notify.state.phase); }
  bool IsPaused(const LaneKey& lane) const;
  bool IsHostPaused(const std::string& host) const { return IsSwitchedOff({true, host}); }
  bool IsCallerPaused(const std::string& caller) const { return IsSwitchedOff({false, caller}); }
  /// Those that are paused now.
  std::set<SwitchKey> Paused() const;
  /// Its starts are limited by a rate.
  bool HasRate(const LaneKey& lane) const;
  const Lane* LaneOf(const LaneKey& lane) const;
  /// The host's breaker is open, and not yet to be probed.
  bool HeldByBreaker(const std::string& host) const;
  /// When the host's breaker was last seen other than closed; -1: never.
  int64_t BreakerShutAt(const std::string& host) const;
  /// Those that have as many calls in flight as they may, seen from a host.
  std::set<std::string> CallersAtShare(const std::string& host) const;
  Flight* InFlight(NotifyId id);
  bool HasFlight(NotifyId id) const { return flights_.count(id) > 0; }
  /// Which states may be shown for it now, a bit each.
  uint16_t StatesOf(NotifyId id, const Notify& notify) const;
  /// Its place in its lane.
  OrderKey OrderOf(NotifyId id) const;
  /// Its due time had come, at some time since it was set.
  bool DueCame(const Notify& notify) const;
  static bool SameState(const NotifyState& a, const NotifyState& b);

  const std::map<NotifyId, Notify>& notifies() const { return notifies_; }
  const std::map<std::string, Fkey>& fkeys() const { return fkeys_; }
  const std::map<IdempotencyKey, Key>& keys() const { return keys_; }
  const std::map<LaneKey, Lane>& lanes() const { return lanes_; }
  const std::set<NotifyId>& pending() const { return pending_; }
  const Sums& sums() const { return sums_; }
  /// Submits that took a trigger which was remembered.
  uint64_t awaited() const { return awaited_; }
  /// Those that failed at a breaker.
  uint64_t given_up() const { return given_up_; }
  /// Calls that were known to have reached their host before they ended, where that counted.
  uint64_t reached() const { return reached_; }
  /// The flight is a probe of the host.
  bool IsProbe(const Flight& flight, const std::string& host) const;
  const CoreLimits& limits() const { return limits_; }
  /// What the last decision changed.
  const std::set<NotifyId>& touched() const { return touched_.notifies; }
  /// Touched since the last call: what the batch changed.
  struct Touched {
    std::set<NotifyId> notifies;
    std::set<std::string> fkeys;
    std::set<IdempotencyKey> keys;
    std::set<LaneKey> lanes;
    bool switches = false;
  };
  Touched TakeTouched() { return std::exchange(batch_touched_, {}); }
  bool stopping() const { return stopping_; }

 private:
  struct Undo {
    uint64_t batch = 0;
    std::variant<std::pair<NotifyId, std::optional<Notify>>, std::pair<std::string, std::optional<Fkey>>,
                 std::pair<IdempotencyKey, std::optional<Key>>, std::pair<LaneKey, std::optional<Lane>>, Sums,
                 std::pair<SwitchKey, std::optional<Switch>>>
        old;
  };
  void UndoLast();
  Notify& Change(NotifyId id);
  Fkey& ChangeFkey(const std::string& fkey);
  Key& ChangeKey(const IdempotencyKey& key);
  Lane& ChangeLane(const LaneKey& lane);
  // model_switches.cc
  bool IsSwitchedOff(const SwitchKey& key) const;
  Expected SwitchTo(const SwitchKey& key, std::optional<bool> paused);
  void CheckSwitches();
  void CheckNotPaused(const std::string& what, const Envelope& envelope);
  void ComparePut(NotifyId id, const NotifyRecord& record, const Notify& notify);
  void CompareState(NotifyId id, const NotifyState& written, const Notify& notify);

  WallTime wall() const { return clock_->now().wall; }
  MonoTime mono() const { return clock_->now().mono; }
  WallTime AtOnce(NotifyId id);
  void SetDue(NotifyId id, Notify* notify, bool at_once, WallTime due);
  void Resolve(const When& when, bool* at_once, WallTime* due) const;
  /// Held under its fkey? Unsure where its due time had come before the clock stepped back: then `as_held` says how the core took it.
  template <class F>
  bool Held(const Notify& notify, F as_held) const;
  void Settle(NotifyId id, Phase phase, const std::string& reason);
  void MakeCallback(NotifyId about, const Notify& notify);
  void ApplyRetry(NotifyId id);
  void DoubtHeads();
  void CheckCaps(NotifyId id, const Envelope& envelope);
  uint32_t MaxInFlight() const { return std::min(limits_.max_in_flight, lent_.max_in_flight); }
  /// What is still free and not kept for others; 32 times that bounds a caller that has something in flight.
  int64_t FreePlaces() const { return static_cast<int64_t>(MaxInFlight()) - static_cast<int64_t>(flights_.size()) - 1; }
  int64_t KeptPlaces() const { return MaxInFlight() / 128; }
  bool CallerAtShare(uint32_t in_flight, bool host_is_busy) const;
  void EndFlight(NotifyId id, const Envelope& envelope);
  // model_breakers.cc
  const BreakerModel* BreakerOf(const std::string& host) const;
  void BeginAtBreaker(NotifyId id, const std::string& host, Flight* flight);
  void ReturnAtBreaker(NotifyId id, const std::string& host, const Flight& flight);
  /// Returns whether it was a probe in vain.
  bool EndAtBreaker(NotifyId id, const std::string& host, const Flight& flight, const AttemptResult& truth);
  void WaitOn(NotifyId id);
  void CarryGivenUp(NotifyId id);
  const RetryPolicy& PolicyOf(const Notify& notify) const;
  OnRetry OnRetryOf(const LaneKey& lane) const;
  /// Has somebody, or the file, said what the lane does?
  bool SaysOnRetry(const LaneKey& lane) const;
  OnFailure OnFailureOf(const LaneKey& lane) const;
  double RuleRate(const LaneKey& lane) const;
  template <class T, class F>
  T Setting(const LaneKey& lane, F field, T otherwise) const;
  void WaitAfter(NotifyId id, Notify* notify, uint32_t failures, const AttemptResult& truth, bool later, bool repeat);

  static Expected Refusal(Code code, uint64_t needs, NotifyId holder = {});
  const Notify* HolderOf(const std::string& fkey, NotifyId* id, uint64_t* needs) const;
  const Fkey* RememberedUnder(const std::string& fkey) const;
  Expected On(const SubmitRequest& r);
  void StepAside(const SubmitItem& item);
  Status SubmitOne(const SubmitItem& item, bool each, SubmittedItem* answer, uint16_t* states, uint64_t* needs, bool* unsure,
                   const std::set<std::string>& here);
  Expected On(const TriggerRequest& r);
  Expected On(const FkeyGetRequest& r);
  Expected On(const FkeyCancelRequest& r);
  Expected On(const GetRequest& r);
  Expected On(const CancelRequest& r);
  Expected On(const RetryRequest& r);
  Expected On(const ChangeReadRequest& r);
  Expected On(const ChangeRequest& r);
  Expected On(const ExplainRequest& r);
  Expected On(const BulkRequest& r);
  Expected On(const LaneChangeRequest& r);
  Expected On(const StatsRequest& r);
  Expected On(const HostChangeRequest& r);
  Expected On(const CallerChangeRequest& r);
  std::optional<Expected> RefusedChange(NotifyId id) const;
  /// Stale, where there is a base and the notify is not that any more as far as users change it.
  std::optional<Expected> RefusedAsStale(const std::shared_ptr<const NotifyRecord>& base, const Notify& now) const;
  Expected View(NotifyId id, uint64_t needs) const;

  const Profile& profile_;
  const SimClock* clock_;
  std::function<void(const std::string&)> violation_;
  CoreLimits limits_;
  GrantChanged lent_{0, UINT32_MAX, SIZE_MAX};
  bool stopping_ = false, closed_ = false, disk_low_ = false;
  std::map<NotifyId, Notify> notifies_;
  std::map<std::string, Fkey> fkeys_;
  std::map<IdempotencyKey, Key> keys_;
  std::map<LaneKey, Lane> lanes_;
  std::map<SwitchKey, Switch> switches_;
  std::map<NotifyId, Flight> flights_;
  std::map<LaneKey, NotifyId> fifo_flights_;
  std::map<LaneKey, uint32_t> lane_flights_;
  std::map<std::string, uint32_t> host_flights_, caller_flights_;
  std::map<LaneKey, std::set<NotifyId>> by_lane_;  // pending ones of fifo lanes
  std::set<NotifyId> pending_;
  Sums sums_;
  std::deque<Undo> undo_;
  std::map<std::string, BreakerModel> breakers_;  // by host; in memory alone
  std::map<std::string, int64_t> shut_t_;
  std::multiset<std::string> opened_;
  std::set<NotifyId> refused_;  // had their turn at an open breaker, to fail there
  uint64_t batch_ = 0, awaited_ = 0, given_up_ = 0, reached_ = 0;
  Slice slice_;
  Touched touched_, batch_touched_;
};

/// `data`, the JSON text of an object with one member, over the payload of the spec; null where it cannot be decoded.
std::shared_ptr<const std::string> Merged(const std::string& spec, const std::string& data);

}  // namespace notifyd::sim
