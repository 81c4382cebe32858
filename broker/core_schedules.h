// The core's part of schedules: contract section 15. Included by broker/core*.cc alone. See core_impl.h.
//
// A schedule is two records, what was said of it and where it stands, and one of its next run (kRun), which the store keeps by its time. Memory has
// the runs that come next, kMostRows of them at most, whatever the number of schedules:
//   All runs with keys below horizon_ are in rows_, but for those that were refused in this pass (left behind), none of which lies below left_from_.
//   A row may be one that has gone: whoever carries it out looks at where the schedule stands.
// What a run makes, and the run's going on to its next time, are one batch.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>

#include "broker/core_impl.h"
#include "broker/schedule_events.h"
#include "broker/schedule_times.h"
#include "broker/spec.h"

namespace notifyd {

class Core::Impl::SchedulePart {
 public:
  explicit SchedulePart(Core::Impl* core);
  Handled Handle(Task* task, ScheduleRequest& r);
  Handled Handle(Task* task, ScheduleDue& r);

  /// Begins no run by itself from now on.
  void Hold() { held_ = true; }
  /// In each turn: begins the runs that are due.
  void Fire();
  /// The store is back, which was not reached: `missed` says what becomes of the times that came meanwhile.
  void OnStoreBack() { NoteLate(kStoreAway); }
  /// When it wants a turn.
  void AddTo(Wake* wake) const;
  /// Nothing of it is under way, and it knows NextDue().
  bool MayRest() const { return !recall_ && !paging_ && !left_behind_ && under_way_.empty() && (!rows_.empty() || KnowsAll()); }
  /// How many runs were missed since the core was made.
  uint64_t missed() const { return missed_; }
  /// When its next run is due, with MayRest(); kWallNever: there is none.
  WallTime NextDue() const { return rows_.empty() ? kWallNever : WallTime{rows_.begin()->first.due_ms}; }
  void AddHeld(HeldKinds* kinds) const { kinds->push_back({"schedule_runs", rows_.size()}); }

 private:
  static constexpr size_t kMostRows = 2048, kPageRows = 1024;
  static constexpr size_t kMostUnderWay = 64;
  /// What is later than this when the core first can make it was missed: no broker ran, the clock was set ahead, or the store was away.
  static constexpr int64_t kOnTimeMs = 2000;
  static constexpr const char *kNotRunning = "not_running", *kStoreAway = "unavailable";
  static constexpr int64_t kAgainMs = 1000;
  static constexpr uint64_t kMostCaughtUp = 1000;
  /// So long the key of a run is remembered at least: that none is made twice holds whatever the setting is.
  static constexpr int64_t kLeastWindowMs = 24 * 3'600 * 1'000;
  /// Years of minutes may have been missed.
  static constexpr uint64_t kCountedInOneTurn = 10'000;
  /// ScheduleDrop holds up nobody. Two years of minutes; a time to come may lie thousands of years ahead.
  static constexpr uint64_t kCountedInOneDrop = 1'000'000;
  static constexpr RunKey kAll{INT64_MAX, UINT64_MAX};

  /// Of one schedule, as it is looked at.
  struct Looked {
    RecordSlot *said_slot = nullptr, *state_slot = nullptr;
    std::string name;
    ScheduleRecord record;
    ScheduleState state;
  };

  Handled Do(Task* task, RequestId request, const SchedulePut& ask);
  Handled Do(Task* task, RequestId request, const SchedulePause& ask);
  Handled Do(Task* task, RequestId request, const ScheduleGet& ask);
  Handled Do(Task* task, RequestId request, const ScheduleDelete& ask);
  Handled Do(Task* task, RequestId request, const ScheduleDrop& ask);
  Handled Do(Task* task, RequestId request, const ScheduleList& ask);
  Handled RunNow(Task* task, const ScheduleRequest& r, const ScheduleRunNow& ask);
  Handled Answer(RequestId request, ScheduleAnswer answer, bool unchanged = false);
  Handled NotThere(RequestId request) { return core_.RefuseAfter(request, Code::kNotFound, "there is no such schedule"); }

  /// Asks for the two records. Nothing: they are not known yet; else its record's `said` is null where there is no such schedule.
  std::optional<Looked> Look(Task* task, const std::string& name);
  bool Decode(const StoredRecord& said, const StoredRecord& state, Looked* out);
  Result<ScheduleTimes> TimesOf(const ScheduleRecord& record) const;
  ScheduleView ViewOf(const Looked& looked, size_t next) const;

  /// What a run makes: the template as it is at `scheduled_at`, when `spec` is its spec.
  SubmitItem ItemOf(const Looked& looked, WallTime scheduled_at, const std::string& key, const NotifySpec& spec) const;
  EventItem EventOf(const Looked& looked, WallTime scheduled_at, const std::string& key, NotifySpec spec) const;
  /// Is what a run makes of it, with a time in it, a body that may be? Error: kTooLarge.
  Status Fits(const notifyd::Schedule& said, const NotifySpec& spec) const;
  Status Fits(const notifyd::Schedule& said) const;
  using Taken = std::variant<Refused, SubmittedItem, Published::Item>;
  /// Makes that, once under `key` (empty: whenever). Nothing: what it needs is not known yet, and nothing was done.
  std::optional<Taken> TakeRun(Task* task, const Looked& looked, WallTime scheduled_at, const std::string& key);
  /// Was nothing made since its fkey holds something, and on_held is keep?
  static bool IsKept(const Taken& taken);
  /// Is something of what its last run made not settled? Nothing: that is not known yet.
  std::optional<bool> IsUnderWay(Task* task, const ScheduleState& state);
  Handled RunAt(Task* task, const RunKey& key, Looked* looked, const ScheduleTimes& times, WallTime scheduled_at);
  /// Of a run that is refused for now: it is tried each second until the next one comes, and is missed then.
  Handled TryAgain(const RunKey& key, Looked* looked, const ScheduleTimes& times, WallTime scheduled_at);
  /// Is the one that is next one of those, which came in time and whose next one has not come?
  bool IsTried(const Looked& looked, const ScheduleTimes& times) const;
  /// Notes what became of the times until `done`, and goes on to the next one behind that.
  void GoOn(Looked* looked, const ScheduleTimes& times, WallTime done, std::optional<ScheduleRun> run);
  void NoteRun(Looked* looked, ScheduleRun run);
  /// Puts it behind the others of which is told.
  static void Keep(ScheduleState* state, ScheduleRun run);
  /// Notes the times from `first`, which is next, until `until`. Returns whether those are all, as far as a turn goes: then the next one is that
  /// behind them, which its caller sees to; else that is done, and the rest is for a later turn.
  bool NoteMissed(Looked* looked, const ScheduleTimes& times, WallTime first, WallTime until);
  /// Its times are `times` from now on, which may be null where it is paused; `before`: what was said of it, null where it is new. Times that have
  /// come and were not made yet stay where they are as far as they are among those; what became of the others is noted.
  void ChangeTimes(Looked* looked, const std::shared_ptr<const notifyd::Schedule>& before, const ScheduleTimes* times);
  /// Of the times that have come and were not made yet notes those that are none of `stay` (null: all of them), as far as a turn goes.
  /// `old`: its times until now; null: they are not known, and the one that is next stands for all of them.
  void NoteDropped(Looked* looked, const ScheduleTimes* old, const ScheduleTimes* stay);
  /// Puts its next run where it belongs, in place of the one before.
  void MoveTo(Looked* looked, std::optional<ScheduleState::Next> next);
  void WriteState(Looked* looked);

  bool BeginsNone() const { return held_ || core_.stopping_ || core_.closed_; }
  bool KnowsAll() const { return horizon_ == kAll; }
  void Insert(const RunKey& key, std::string name);
  void Erase(const RunKey& key) { rows_.erase(key); }
  /// What is late now is for `missed`, and was not run for this reason.
  void NoteLate(const char* why);
  /// Notes a clock that was set, ahead or back.
  void FollowClock();
  Handled Done(const RunKey& key);
  /// Lets it be looked at again in a second.
  Handled LeaveBehind(const RunKey& key);
  void PageRuns();
  /// Tells alerts of what was missed shortly before the core began: what the broker before was told of that it may not have told anybody.
  void RecallMissed();
  void RecallMissed(const std::string& name, const ScheduleState& state);
  void Evict();
  void UpdateMark();

  Core::Impl& core_;
  std::map<RunKey, std::string> rows_;  // names, by the time of their next run
  RunKey horizon_ = kAll;
  bool paging_ = false;
  std::set<RunKey> under_way_;   // of rows_
  std::set<uint64_t> counting_;  // serials of those whose last run says what was missed, as far as it is counted
  bool held_ = false;
  bool left_behind_ = false;
  uint64_t missed_ = 0;
  RunKey left_from_ = kAll;
  MonoTime again_at_ = kMonoNever;
  WallTime seen_, on_time_from_;
  const char* late_for_ = kNotRunning;  // why what was due before on_time_from_ was not run then
  const WallTime began_;
  std::optional<std::string> recall_;  // from where on; nothing: all that was missed is recalled
  bool recalling_ = false;
};

}  // namespace notifyd
