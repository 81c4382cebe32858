// Auditor: checks promises 1-4, 6 and 8 of contract section 2. It steps a model (model.h) by the order in which the core decided, and holds it
// against all that comes out: what the core writes, what is on the fake disk, what clients are answered and what goes over the wire. One thread.
//
// What it relies on: FakeStore's images are true. What the core says it decided is not believed: each decision must be what the request and the
// model before it make of it, to the last field that is written, and no answer and no attempt may be without one.
// It never stops a run: violations gather, each with its simulated time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/effects.h"
#include "broker/events.h"
#include "fakes/fake_store.h"
#include "sim/clock.h"
#include "sim/model.h"
#include "sim/profile.h"
#include "sim/receiver.h"

namespace notifyd::sim {

class Auditor : public WireObserver {
 public:
  Auditor(const Profile& profile, const SimClock* clock);

  /// A broker starts on `store` (borrowed), after a crash or for the first time.
  void OnBoot(const FakeStore* store);
  /// The broker is gone; `image` is what its disk holds now. What was decided and is not in it never happened.
  void OnCrash(const FakeImage& image);
  /// Its core ends, with nothing to do; the next one starts with OnBoot.
  void OnSleep();
  /// Its namespace is drained, and comes to these totals.
  void OnDiscarded(const Totals& totals);
  /// Before the core gets it.
  void OnRequest(const Event& event);
  /// Before the core gets a LimitsChanged.
  void OnLimits(const CoreLimits& limits) { reloads_.push_back(limits); }
  /// Before the run of the core that gets it.
  void OnGrant(const GrantChanged& grant) { model_.Lend(grant); }
  /// What came of a run of the core, before it is carried out.
  void OnEffects(const Effects& effects);
  /// One more batch is written.
  void OnWritten(uint64_t batch);
  /// Before the core gets it from the store.
  void OnRead(const Event& event);
  void OnReply(const Reply& reply);
  void OnStart(const StartAttempt& attempt) override;
  void OnArrived(NotifyId id, uint32_t number) override;
  void OnReached(NotifyId id) override;
  void OnEnded(NotifyId id, const AttemptResult& truth) override;
  /// Looks for what should move and does not. Call at least every 500 ms of simulated time.
  void OnTime();
  /// From now on all hosts are healthy.
  void OnHealed();
  /// The broker was told to stop, or to hold: nothing must move any more.
  void OnStopping() { stopping_ = true; }
  /// The namespace is removed: nothing must move, and nobody is told of what ends.
  void OnRemoving() { stopping_ = removing_ = true; }
  /// The wall clock stepped: lateness is not judged across it.
  void OnWallStep() { wall_step_t_ = clock_->t(); }
  /// All has settled that can: the end state, against the whole history. `stats`, `listed`: the last answers.
  void OnQuiet(const StatsView& stats, const std::vector<NotifyView>& listed);
  /// Something that can still settle by itself, or an answer that is due?
  bool Unfinished() const;
  bool HasRequests() const;
  /// A change of a lane, a host or a caller is under way, whether or not anybody waits for its answer still.
  bool ChangesLanes() const;
  uint32_t in_flight() const { return in_flight_; }
  uint32_t in_flight_at(const std::string& host) const {
    auto found = hosts_.find(host);
    return found == hosts_.end() ? 0 : found->second.in_flight;
  }
  size_t pending() const { return model_.pending().size(); }
  /// Hosts (true) and callers that are paused, by their names.
  std::set<Model::SwitchKey> Paused() const { return model_.Paused(); }
  void Violation(const std::string& text);

  const std::vector<std::string>& violations() const { return violations_; }
  /// What the run amounted to, for traces and to see that seeds do reach what they should.
  struct Tally {
    uint64_t acked = 0, starts = 0, repeats = 0, refused = 0, triggers = 0, unmerged = 0, cancels = 0, revivals = 0, crashes = 0, duplicates = 0,
             deepest_tail = 0, sleepers = 0;
    uint64_t pauses = 0, paused_themselves = 0, changes = 0, in_bulk = 0, purged = 0, callbacks = 0, awaited = 0, laters = 0;
    uint64_t decided = 0, most_turns = 0, withdrawn = 0, removed = 0, at_once = 0, opened = 0, given_up = 0, reached = 0;
    uint64_t as_read = 0, not_as_read = 0;  // cancels and retries under a base: carried out, and refused for it
    uint64_t switched_off = 0;              // pauses of hosts and callers
    uint64_t shelved_heads = 0;             // attempted heads in tails of lanes that are not paused, at a crash
  };
  Tally tally() const {
    Tally tally = tally_;
    tally.awaited = model_.awaited();
    tally.given_up = model_.given_up();
    tally.reached = model_.reached();
    return tally;
  }

 private:
  struct Attempt {
    int64_t end_t = -1;  // when the core was told
    int epoch = 0;
    int arrivals = 0;
  };
  struct Open {
    Event event;
    int64_t t = 0;
    uint64_t seq = 0;
    bool gone = false;     // disconnected: it may be carried out, and nobody hears of it
    uint64_t written = 0;  // the newest batch that was written when it was asked
    Model::Expected expected;
    std::set<NotifyId> items;  // bulk: on which it was carried out
  };
  /// How a notify was on disk, from `seq` on.
  struct Version {
    uint64_t seq = 0, batch = 0;
    bool exists = false;
    NotifyState state;
    std::shared_ptr<const std::string> spec;
  };
  /// What a batch must leave on the disk.
  struct After {
    uint64_t batch = 0;
    std::vector<std::pair<NotifyId, Model::Notify>> notifies;
    std::vector<std::pair<std::string, FkeyRecord>> fkeys;
    std::vector<std::pair<IdempotencyKey, IdempotencyRecord>> keys;
    std::vector<std::pair<LaneKey, LaneSettings>> settings;
    std::optional<std::set<Model::SwitchKey>> paused;  // hosts and callers, where any was or is
  };
  /// A lane's turn at a host.
  struct Turn {
    LaneKey lane;
    std::set<std::string> at_share;  // callers that might have started nothing there then
  };
  /// How long a lane or a host has had work and done nothing.
  struct Progress {
    int64_t idle_since = -1;
    int64_t bound_ms = 0;  // the longest that held since then
    uint32_t in_flight = 0;
    NotifyId work;           // a lane: what it would send next,
    int64_t work_since = 0;  // when that was seen first,
    size_t turns_at = 0;     // and how many turns its host had given once it might have been fetched from the disk
  };

  const FakeImage& written() const { return store_->written(profile_.number); }
  const FakeImage& synced() const { return store_->synced(profile_.number); }
  int64_t t() const { return clock_->t(); }
  int64_t StoreDelayMs() const;
  bool HealthyHost(const std::string& host) const;
  bool HealthyLane(const LaneKey& lane) const;
  bool HeldByBreaker(const LaneKey& lane) const;
  bool IsHostPaused(const LaneKey& lane) const;
  /// Lanes that a paused host or caller may hold up.
  struct Held {
    std::set<LaneKey> lanes, of_callers;
  };
  Held HeldByPauses() const;
  void NoteSwitch(const Model::SwitchKey& what);

  // auditor.cc: what was decided, and what goes over the wire
  void Carry(const Decided& decided);
  void NoteWaits();
  void CheckTotals(const Totals& totals);
  void NoteAfter(uint64_t batch);
  void Restart();
  void CheckTurns(const LaneKey& lane, Progress* progress, NotifyId work);
  void CheckOver(const std::string& name, const StartAttempt& attempt, const Model::Notify& notify, Model::Flight* flight);
  void CheckLate(NotifyId id, const StartAttempt& attempt, const Model::Notify& notify);

  // auditor_replies.cc
  void CheckReply(const Open& open, const Reply& reply);
  void CheckRefused(const Open& open, const Reply& reply, const Refused& refused);
  void CheckSubmitted(const std::string& name, const Model::Expected& expected, const Submitted& reply);
  void CheckViewed(const Open& open, const std::string& name, const Viewed& reply);
  void CheckBulk(const Open& open, const std::string& name, const BulkDone& reply);
  void CheckListed(const Open& open, const Listed& reply);
  void CheckStats(const StatsView& expected, const StatsView& stats);
  void CheckLanes(const LanesRequest& request, const Reply& reply);
  /// Did it stand like that on the disk at some moment since `seq`, in `batch` or later?
  bool Stood(NotifyId id, const NotifyRecord& record, uint64_t seq, uint64_t batch) const;
  bool WasAbsent(NotifyId id, uint64_t seq) const;

  // auditor_image.cc
  /// Do the indexes, the totals and the records of one image agree, with each other and with the model? `what`: names it.
  void CheckImage(const FakeImage& image, const std::string& what);
  void CompareImage(const FakeImage& image, const std::string& what);
  void CompareNotify(const FakeImage& image, NotifyId id, const Model::Notify& own, const std::string& what);
  void CompareFkey(const FakeImage& image, const std::string& fkey, const FkeyRecord& own, const std::string& what);
  void CompareKey(const FakeImage& image, const IdempotencyKey& key, const IdempotencyRecord& own, const std::string& what);
  void CompareSettings(const FakeImage& image, const LaneKey& lane, const LaneSettings& own, const std::string& what);
  void ComparePaused(const FakeImage& image, const std::set<Model::SwitchKey>& own, const std::string& what);
  void CheckLaneCounts(const FakeImage& image);
  void CheckDueCounts(const FakeImage& image);
  void CheckCallbacks(const FakeImage& image);

  const Profile& profile_;
  const SimClock* clock_;
  Model model_;
  const FakeStore* store_ = nullptr;
  int epoch_ = 0;
  int64_t boot_t_ = 0, wall_step_t_ = -1, last_in_flight_t_ = -1, switched_t_ = -1;
  bool healed_ = false, stopping_ = false, removing_ = false;
  uint64_t seq_ = 0;
  std::deque<CoreLimits> reloads_;
  std::map<NotifyId, std::map<uint32_t, Attempt>> attempts_;
  std::map<NotifyId, std::vector<Version>> versions_;
  std::deque<After> afters_;
  std::map<LaneKey, std::set<std::string>> lane_hosts_;
  std::set<LaneKey> lanes_changed_;
  std::map<RequestId, Open> open_;
  std::multimap<NotifyId, RequestId> waits_;  // GETs that wait for it to settle
  std::map<LaneKey, Progress> lanes_;
  std::map<std::string, Progress> hosts_;
  std::map<std::string, std::vector<Turn>> turns_;  // by host, one after the other
  uint32_t in_flight_ = 0;
  std::vector<std::string> violations_;
  Tally tally_;
};

}  // namespace notifyd::sim
