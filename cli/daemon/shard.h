// Shard: runs the cores of some of the namespaces on one loop. Takes the mailbox once a turn and hands each namespace's events to its driver in one
// go; makes a core where something comes for a namespace that sleeps, lets one that has had nothing to do fall asleep, and sleeps itself until the
// next wake of any of them.
//
// I1. A core runs only where there are events for it or its wake is due.
// I2. The loop never sleeps past the next wake, nor longer than kSleepMostMs, so that a step of the wall clock is seen by then.
// I3. Events for one namespace reach its core in the order of the posts, also while its part of the store is being opened.
// I4. A namespace's part of the store is open while its core is there, and let go of before the namespace is dropped, or another member has it.
//
// I5. Where one request, or the end of one attempt, is all that the shard has to do, its loop does not sleep between the steps of that, as far as
//     these come soon: to be woken for each would take longer than they do.
//
// All on the loop's thread, or before it runs, but Post, ready and awake.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "broker/driver.h"
#include "broker/reclaiming.h"
#include "cli/daemon/board.h"
#include "cli/daemon/clocks.h"
#include "cli/daemon/lending.h"
#include "cli/daemon/lookout.h"
#include "cli/daemon/mailbox.h"
#include "cli/daemon/published_table.h"
#include "cli/daemon/roster.h"
#include "net/access/audit_bytes.h"
#include "net/loop.h"

namespace notifyd {

class Shard {
 public:
  static constexpr int kTimerSlot = 0;
  static constexpr int64_t kSleepMostMs = 500;

  struct Rest {
    int64_t after_ms = 60'000;
    size_t most_awake = 512;      // beyond it those that have rested for longest need not wait for so long
    int64_t shortest_ms = 5'000;  // whose next wake is nearer stays awake
  };
  /// Borrowed, all of them.
  struct Setup {
    Loop* loop = nullptr;
    StoreHost* store = nullptr;
    Sender* sender = nullptr;
    ReplySink* replies = nullptr;
    Switchboard* switchboard = nullptr;  // takes what the registry asked for
    const PublishedTable* tables = nullptr;
    Lending* lending = nullptr;
    Board* board = nullptr;
    std::function<void()> flush;  // after a run of drivers
    /// `space`: the namespace's name.
    std::function<void(const std::string& space, const AttemptLog&)> log;
    std::function<void(const std::string& space, const LaneLog&)> lane_log;
    std::function<void(const std::string& space, const FlowLog&)> flow_log;
    std::function<void()> quiet;    // once, after Hold: nothing is in flight
    std::function<void()> drained;  // once, after Stop: nothing is in flight, all is durable
    std::function<void(const Status&)> fatal;
    std::function<uint64_t()> seed;
    /// One of several brokers serves each namespace: only those that it is given by Gain. `summon` takes what the registry has to say to another one.
    bool among_members = false;
    std::function<void(NamespaceNumber, Event)> summon;
    /// Does it lie where the store does not reach it for now? Then its requests are refused. Empty: none does, nor is any moved between cells.
    std::function<bool(NamespaceNumber)> lost = {};
    Rest rest;
    int64_t measure_each_ms = 10'000;  // what those store that had something to do
    AuditBytes* audit_bytes = nullptr;  // counts to what they store; null: it is not known
    /// A namespace is served elsewhere from now on. Empty: nobody asks.
    std::function<void(NamespaceNumber)> gone = {};
  };
  /// Installs itself as the loop's turn and the mailbox's wake-up. Call before the loop runs.
  Shard(Setup setup, std::shared_ptr<const CoreLimits> limits);
  ~Shard();

  /// Any thread. Requests to a namespace that is not there, or is being deleted, are refused.
  void Post(NamespaceNumber to, Event&& event) { mailbox_.Post(to, std::move(event)); }
  /// What `default` said last: it takes submits. Of the shard that has it. Any thread.
  bool ready() const { return ready_.load(std::memory_order_relaxed); }

  /// How many namespaces have a core now. Any thread.
  size_t awake() const { return awake_.load(std::memory_order_relaxed); }

  /// At a start: opens it here and now, and blocks for that. It never sleeps. Error: what the store says.
  Status OpenForGood(NamespaceNumber number);
  /// At a start: it sleeps until then, or is wanted at once.
  void BeginAsleep(NamespaceNumber number, WallTime wake) { roster_.SetWake(number, {wake, kMonoNever}); }
  void BeginAwake(NamespaceNumber number) { to_open_.push_back(number); }

  // Among several members. On its loop.
  /// These are served here from now on, as they were found.
  void Gain(const std::vector<NamespaceAtStart>& states);
  /// It is served here no more: takes nothing, starts no attempt, lets those in flight end. `left`, on the loop, once all of it is durable and it is
  /// let go of, or after a Cut.
  void Leave(NamespaceNumber number, std::function<void()> left);
  /// It is let go of as by Leave, to be opened again by Resume: meanwhile what comes for it waits, a request kStandsMostMs at most. It stays this
  /// shard's. `stood` as `left`. What came before, and that it looks something up for, is answered first, for kAnswersMostMs at most. Of one that
  /// leaves already `stood` is told once it has, and no more than that.
  void StandStill(NamespaceNumber number, std::function<void()> stood);
  /// Of one that stands still; else nothing.
  void Resume(NamespaceNumber number);
  static constexpr int64_t kStandsMostMs = 5'000, kAnswersMostMs = 250;
  /// What of it is still in flight is not waited for any more. Of one that stands still whoever it did not answer by then is told that the outcome
  /// is unknown; of one that leaves that is the caller's. False: there is nothing of it.
  bool Cut(NamespaceNumber number);

  /// The settings were read anew.
  void SetLimits(std::shared_ptr<const CoreLimits> limits);
  /// What the file says of services, of all namespaces, from now on.
  void SetFlow(std::shared_ptr<const FlowSettings> flow);
  /// `tables` has another table.
  void TableChanged();
  /// What its cores hold, each with its namespace's name, and what is none's. On its loop.
  std::vector<std::pair<std::string, HeldKinds>> held() const;
  /// Restart in place: no core starts an attempt any more.
  void Hold();
  /// No core takes submits any more, or starts an attempt. One whose part of the store is not reached, and that has nothing in flight, is not waited
  /// for.
  void Stop();
  /// The same for those alone whose part of the store is not reached now.
  void StopStranded();
  /// The store is stopped: lets go of all cores and their parts of it. Off its loop, which has ended.
  void Close();

 private:
  struct Slot;
  /// What runs on other threads for this shard, and may end after it.
  struct AsideState {
    std::mutex mutex;
    std::condition_variable ended;
    size_t under_way = 0;
    bool closed = false;  // of the loop's thread
  };
  struct Measurement {
    NamespaceNumber number = 0;
    uint64_t bytes = 0;
    bool compacting = false;
  };

  void Turn();
  bool RunOnce(const Now& now);
  void Deliver(const Now& now, NamespaceNumber to, std::vector<Event> events);
  void Run(const Now& now, Slot* slot, std::vector<Event> events);
  void RunEnded(const Now& now, Slot* slot);
  /// Of one that is to stand still: stops its core once that refuses nothing any more that it took in before, and had to look something up for.
  void StopWhenAnswered(const Now& now, Slot* slot);
  void StopToLeave(Slot* slot);
  void TellWhenLeft(Slot* slot, std::function<void()> then);
  /// Replies and attempts go on their way: those of a run, and those of refusals.
  void Flush();
  void ArmTimer(const Now& now);
  /// Has the loop look for what is near instead of sleeping. `ran`: something came in this turn.
  void LookOut(bool ran);
  Now Read() const;

  Slot* Find(NamespaceNumber number);
  /// It has one from then on, where it has none.
  Slot* SlotOf(NamespaceNumber number);
  /// It is not due any more.
  void EraseSlot(NamespaceNumber number);
  void Refuse(const std::vector<Event>& events, const Status& status);
  void RefuseLost(std::vector<Event>* events, const Status& why);
  void OpenLater(Slot* slot, const Status& why, int64_t pause_ms);
  bool IsItsOwnFault(const Slot& slot, const Status& fault) const;
  static Status NotOpenYet(const Slot& slot);
  static Status Untaken(const Slot& slot, const Status& fault);
  void TurnAway(NamespaceNumber number, std::vector<Event> events);
  void AnswerOwed(Slot* slot);
  void EndLeave(NamespaceNumber number);
  void Forget(NamespaceNumber number);
  void PutAside(NamespaceNumber number, std::vector<Event>* events);
  void TurnAsideWaiting(NamespaceNumber number, std::vector<Event>* waiting);
  void RefuseLate(const Now& now);
  void Wake(NamespaceNumber number, std::vector<Event> events);
  void OpenNext();
  void Opened(NamespaceNumber number);
  /// `stored_bytes`: as measured when it was opened.
  void Begin(Slot* slot, OpenedNamespace opened, uint64_t stored_bytes);
  bool LetRest(const Now& now);
  /// Returns whether it did; then it is gone.
  bool FallAsleep(const Now& now, Slot* slot);
  void Drop(Slot* slot);
  static const std::string& NameOf(const Slot& slot);
  /// What the audit keeps of it.
  uint64_t AuditBytesOf(const Slot& slot, WallTime now) const;
  std::shared_ptr<const CoreLimits> LimitsFor(const Slot& slot) const;
  /// What the file says of the slot's namespace.
  std::shared_ptr<const FlowSettings> FlowFor(const Slot& slot) const;
  void TellLimits(Slot* slot);
  void Held(bool* what);
  void CheckHeld();
  bool IsStranded(const Slot& slot) const;

  /// Loop::Aside, of which Close waits for the work, and that then does nothing any more.
  void Aside(std::function<void()> work, std::function<void()> then);
  void Show(Slot* slot);
  void ShowAll(const Now& now);
  void Measure(const Now& now);
  void Measured(const Measurement& measured);

  const Setup setup_;
  std::shared_ptr<const CoreLimits> limits_;
  std::shared_ptr<const FlowSettings> flow_;  // null: nothing was ever said
  Mailbox mailbox_;
  Roster roster_;
  std::unordered_map<NamespaceNumber, std::unique_ptr<Slot>> slots_;
  Slot* default_ = nullptr;  // of slots_
  std::unordered_set<NamespaceNumber> own_;  // among members: those that are served here
  std::unordered_map<NamespaceNumber, std::deque<std::pair<MonoTime, Event>>> standing_;  // what came since, and when
  std::deque<NamespaceNumber> to_open_;
  size_t opening_ = 0;
  std::vector<NamespaceNumber> unshown_;  // ran since the board was told
  MonoTime shown_at_, measured_at_;
  bool measuring_ = false;
  std::unordered_map<NamespaceNumber, Reclaiming> reclaiming_;  // of those with a limit, also while they sleep
  std::shared_ptr<AsideState> aside_ = std::make_shared<AsideState>();
  bool holding_ = false, stopping_ = false;
  bool quiet_ = false, drained_ = false;
  bool armed_ = false, adopted_ = false;
  bool unflushed_ = false;  // something was answered, or run, since the last Flush
  Lookout lookout_;
  Lookout::Near near_ = Lookout::Near::kNothing;  // behind the last run
  std::atomic<bool> ready_{false};
  std::atomic<size_t> awake_{0};
};

}  // namespace notifyd
