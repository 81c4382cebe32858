// What the auditor makes of the disk: batch by batch, after a crash, and at the end. Promises 1, 2 and 8, and that the indexes agree with the
// records.
#include <algorithm>

#include "broker/history_records.h"
#include "broker/spec.h"
#include "sim/auditor.h"
#include "sim/workload.h"

namespace notifyd::sim {

void Auditor::OnBoot(const FakeStore* store) {
  store_ = store;
  boot_t_ = t();
  stopping_ = false;
  reloads_.clear();
  afters_.clear();
  // Its batches are counted anew: all that those who woke it found on the disk is older than them.
  for (auto& [request, open] : open_) open.written = 0;
  versions_.clear();
  ++seq_;
  for (const auto& [id, notify] : model_.notifies()) versions_[id].push_back({seq_, 0, notify.exists, notify.state, notify.spec});
  model_.OnBoot();
}

void Auditor::OnCrash(const FakeImage& image) {
  ++tally_.crashes;
  ++epoch_;
  ++seq_;
  if (image.batch < synced().batch) Violation("P1 a batch that was synced is gone after the crash");
  open_.clear();
  waits_.clear();
  in_flight_ = 0;
  for (auto& [lane, progress] : lanes_) progress = {};
  for (auto& [host, progress] : hosts_) progress = {};
  model_.RollBack(image.batch);
  // An end that arrived is synced at most sync_delay_ms later (promise 2); how long a sync takes is the store's affair.
  int64_t durable_before = t() - profile_.limits.sync_delay_ms - 3 * StoreDelayMs() - 5;
  for (auto it = attempts_.begin(); it != attempts_.end();) {
    const Model::Notify* notify = model_.Find(it->first);
    if (!notify) {  // never acknowledged, never happened: its id goes to another
      it = attempts_.erase(it);
      continue;
    }
    for (auto& [number, attempt] : it->second) {
      if (attempt.end_t < 0 || notify->state.attempts_made >= number) continue;
      if (attempt.end_t < durable_before && !store_->failed())
        Violation("P2 the end of " + it->first.ToString() + "#" + std::to_string(number) + " came " + std::to_string(t() - attempt.end_t) +
                  " ms before the crash and is lost");
      attempt.end_t = -1;  // forgotten: it comes again
    }
    ++it;
  }
  store_ = nullptr;
  CompareImage(image, "after a crash");
  CheckImage(image, "after a crash");
}

void Auditor::OnSleep() {
  ++seq_;
  if (in_flight_ > 0) Violation("P4 the namespace falls asleep with " + std::to_string(in_flight_) + " calls in flight");
  if (HasRequests()) Violation("P1 the namespace falls asleep over a request");
  if (written().batch != synced().batch) Violation("P1 the namespace falls asleep before all is durable");
  CheckImage(written(), "as it falls asleep");
  // The next core counts its batches anew, over what is all durable.
  model_.RollBack(UINT64_MAX);
}

void Auditor::OnDiscarded(const Totals& totals) {
  const Model::Sums& sums = model_.sums();
  const bool same = totals.accepted == sums.accepted && totals.revived == sums.revived && totals.succeeded == sums.succeeded &&
                    totals.failed == sums.failed && totals.expired == sums.expired && totals.cancelled == sums.cancelled + sums.pending() &&
                    totals.attempts == sums.attempts && totals.pending() == 0;
  if (!same) Violation("P8 what a removed namespace leaves in the sums is not what became of its notifies");
  if (in_flight_ > 0) Violation("P8 a namespace is drained with calls in flight");
}

bool Auditor::Unfinished() const {
  if (HasRequests() || in_flight_ > 0) return true;
  for (NotifyId id : model_.pending()) {
    const Model::Notify& notify = *model_.Find(id);
    const NotifyState& state = notify.state;
    bool stays = state.phase == Phase::kHeld && state.due == kWallNever && state.expires_at == kWallNever;
    if (!stays || model_.IsPaused(notify.envelope->lane)) return true;
  }
  return false;
}

// ---- an image against the model

void Auditor::CompareNotify(const FakeImage& image, NotifyId id, const Model::Notify& own, const std::string& what) {
  const NotifyRecord* record = image.Find(id);
  if (!record != !own.exists) {
    if (record) return Violation("P1 " + id.ToString() + " was removed, and is on disk " + what);
    NotifyId about = ToldAbout(*own.spec);
    if (about.value != 0)
      return Violation("P1 the callback " + id.ToString() + " is not on disk " + what + ": nobody is told of " + about.ToString());
    return Violation("P1 " + id.ToString() + " is not on disk " + what);
  }
  if (!record) return;
  if (!Model::SameState(record->state, own.state)) Violation("P1 the state of " + id.ToString() + " is not on disk " + what);
  if (*record->spec != *own.spec || record->envelope->priority != own.envelope->priority)
    Violation("P1 " + id.ToString() + " has other contents on disk " + what);
}

void Auditor::CompareFkey(const FakeImage& image, const std::string& fkey, const FkeyRecord& own, const std::string& what) {
  auto found = image.fkeys.find(fkey);
  bool same = found != image.fkeys.end() && found->second.id == own.id && found->second.expires_at == own.expires_at &&
              !found->second.remembered == !own.remembered && (!own.remembered || *found->second.remembered == *own.remembered);
  if (!same) Violation("P1 what fkey " + fkey + " stands for is not on disk " + what);
}

void Auditor::CompareKey(const FakeImage& image, const IdempotencyKey& key, const IdempotencyRecord& own, const std::string& what) {
  auto found = image.idempotency.find(key);
  bool same = found != image.idempotency.end() && found->second.id == own.id && found->second.fields == own.fields &&
              found->second.expires_at == own.expires_at;
  if (!same) Violation("P1 what idempotency key " + key.key + " stands for is not on disk " + what);
}

void Auditor::CompareSettings(const FakeImage& image, const LaneKey& lane, const LaneSettings& own, const std::string& what) {
  auto found = image.lane_settings.find(lane);
  if ((found == image.lane_settings.end() ? LaneSettings() : found->second) != own)
    Violation("P1 the settings of lane " + lane.name + ", a pause or another, are not on disk " + what);
}

void Auditor::ComparePaused(const FakeImage& image, const std::set<Model::SwitchKey>& own, const std::string& what) {
  std::set<Model::SwitchKey> said;
  if (image.switches) {
    for (const auto& [host, settings] : image.switches->hosts)
      if (settings.paused) said.insert({true, host});
    for (const auto& [caller, settings] : image.switches->callers)
      if (settings.paused) said.insert({false, caller});
  }
  if (said != own) Violation("P1 the pauses of hosts and callers are not on disk " + what);
}

void Auditor::CompareImage(const FakeImage& image, const std::string& what) {
  size_t existing = 0, settings = 0;
  for (const auto& [id, notify] : model_.notifies()) {
    CompareNotify(image, id, notify, what);
    existing += notify.exists;
  }
  if (existing != image.notifies.size()) Violation("P1 there are notifies on disk that nobody submitted, " + what);
  for (const auto& [fkey, own] : model_.fkeys()) CompareFkey(image, fkey, own.record, what);
  if (model_.fkeys().size() != image.fkeys.size()) Violation("P1 there are fkeys on disk that nobody used, " + what);
  for (const auto& [key, own] : model_.keys()) CompareKey(image, key, own.record, what);
  if (model_.keys().size() != image.idempotency.size()) Violation("P1 there are idempotency keys on disk that nobody used, " + what);
  for (const auto& [lane, own] : model_.lanes()) {
    CompareSettings(image, lane, own.settings, what);
    settings += !own.settings.IsDefault();
  }
  ComparePaused(image, model_.Paused(), what);
  if (settings != image.lane_settings.size()) Violation("P1 there are settings of lanes on disk that nobody made, " + what);
  CheckTotals(image.totals);
}

// ---- an image by itself

void Auditor::CheckImage(const FakeImage& image, const std::string& what) {
  auto wrong = [&](const std::string& text) { Violation("image " + what + ": " + text); };
  const Totals& totals = image.totals;
  uint64_t held = 0, held_due = 0, due = 0, retrying = 0, tail = 0, settled = 0;
  for (const auto& [id, record] : image.notifies) {
    const NotifyState& state = record->state;
    std::string name = id.ToString();
    bool settled_entry = image.settled.count({state.phase, id}) > 0;
    if (IsSettled(state.phase)) {
      ++settled;
      if (settled_entry != (state.phase != Phase::kSucceeded)) wrong(name + " and the index of settled ones disagree");
      continue;
    }
    if (state.expires_at != kWallNever && !image.expiries.count({state.expires_at.ms, id})) wrong(name + " is not in the index of expiries");
    // One whose due time came, or whose ttl is over, holds nothing.
    if (state.phase == Phase::kHeld && std::min(state.due.ms, state.expires_at.ms) > clock_->HighestWall(0, t())) {
      auto fkey = image.fkeys.find(record->envelope->fkey);
      if (fkey == image.fkeys.end() || fkey->second.id != id) wrong(name + " is held, but its fkey does not point to it");
    }
    bool in_tail = image.InTail(*record);
    bool by_wall = image.due[0].count({state.due.ms, id}) > 0;
    bool by_mono = state.phase == Phase::kRetrying && image.due[1].count({state.retry_at.ms, id}) > 0;
    bool nowhere = state.phase == Phase::kHeld && state.due == kWallNever;
    if (in_tail + by_wall + by_mono != (nowhere ? 0 : 1))
      wrong(name + " (phase " + std::to_string(static_cast<int>(state.phase)) + ") is in " + std::to_string(in_tail + by_wall + by_mono) +
            " indexes");
    if (auto lane = image.lanes.find(record->envelope->lane); in_tail && lane != image.lanes.end() && lane->second.blocked_head == id)
      tally_.shelved_heads += !model_.IsPaused(lane->first);
    held += nowhere;
    tail += in_tail;
    retrying += by_mono;
    (state.phase == Phase::kHeld ? held_due : due) += by_wall;
  }
  size_t tails = 0, sleepers = 0;
  for (const auto& [lane, keys] : image.tails) {
    tails += keys.size();
    auto it = image.lanes.find(lane);
    if (it == image.lanes.end() || !it->second.tail) wrong("lane " + lane.name + " has a tail, but its record does not say so");
    else if (*keys.begin() < it->second.tail_from) wrong("lane " + lane.name + " has tail keys below its mark");
  }
  for (const auto& [host, lanes] : image.sleepers)
    for (const auto& [order, lane] : lanes) {
      ++sleepers;
      auto it = image.lanes.find(lane);
      if (it == image.lanes.end() || !it->second.listed || it->second.sleeper_host != host || it->second.sleeper_order != order)
        wrong("lane " + lane.name + " sleeps at " + host + ", but its record does not say so");
    }
  for (const auto& [lane, record] : image.lanes)
    if (record.listed && !(image.sleepers.count(record.sleeper_host) && image.sleepers.at(record.sleeper_host).count(record.sleeper_order)))
      wrong("lane " + lane.name + " says it sleeps, but its host does not know");
  tally_.deepest_tail = std::max<uint64_t>(tally_.deepest_tail, tails);
  tally_.sleepers = std::max<uint64_t>(tally_.sleepers, sleepers);
  auto same = [&](const char* name, uint64_t counted, uint64_t said) {
    if (counted != said) wrong(std::string(name) + ": counted " + std::to_string(counted) + ", said " + std::to_string(said));
  };
  same("held", held, totals.by_index[Index::kHeld]);
  same("due, wall clock", held_due + due, totals.by_index[Index::kHeldDue] + totals.by_index[Index::kDue]);
  same("retrying", retrying, totals.by_index[Index::kRetrying]);
  same("tail", tail, totals.by_index[Index::kTail]);
  same("keys of the due index, wall clock", image.due[0].size(), held_due + due);
  same("keys of the due index, monotonic clock", image.due[1].size(), retrying);
  same("keys of tails", tails, tail);
  same("sleeping lanes", sleepers, totals.sleeping_lanes);
  same("lane records", image.lanes.size(), totals.lane_records);
  // Those that were purged are missing from both by the same number.
  uint64_t purged = totals.accepted - image.notifies.size();
  same("settled", settled + purged + totals.revived, totals.succeeded + totals.failed + totals.cancelled + totals.expired);
  CheckLaneCounts(image);
  CheckDueCounts(image);
  CheckCallbacks(image);
  same("books", totals.accepted + totals.revived, totals.pending() + totals.succeeded + totals.failed + totals.cancelled + totals.expired);
}

void Auditor::OnQuiet(const StatsView& stats, const std::vector<NotifyView>& listed) {
  CompareImage(written(), "at the end");
  CheckImage(written(), "at the end");
  uint64_t held = 0, succeeded = 0, failed = 0, cancelled = 0, expired = 0;
  for (const auto& [id, record] : written().notifies) {
    const NotifyState& state = record->state;
    held += state.phase == Phase::kHeld;
    succeeded += state.phase == Phase::kSucceeded;
    failed += state.phase == Phase::kFailed;
    cancelled += state.phase == Phase::kCancelled;
    expired += state.phase == Phase::kExpired;
    bool stays = state.phase == Phase::kHeld && state.due == kWallNever && state.expires_at == kWallNever;
    if (!IsSettled(state.phase) && !stays)
      Violation("P4 " + id.ToString() + " is stuck in phase " + std::to_string(static_cast<int>(state.phase)) + ", lane " +
                record->envelope->lane.name + ", due in " + std::to_string(state.due.ms - clock_->now().wall.ms) + " ms");
  }
  const Totals& totals = stats.totals;
  if (stats.held != held || stats.scheduled + stats.ready + stats.sending + stats.retrying != 0)
    Violation("P8 at rest: held " + std::to_string(stats.held) + " of " + std::to_string(held) + ", scheduled " + std::to_string(stats.scheduled) +
              ", ready " + std::to_string(stats.ready) + ", sending " + std::to_string(stats.sending) + ", retrying " +
              std::to_string(stats.retrying));
  // Each that settled was counted once for each time that it did: those that were revived, more than once.
  uint64_t purged = totals.accepted - written().notifies.size();
  uint64_t more = totals.succeeded + totals.failed + totals.cancelled + totals.expired - succeeded - failed - cancelled - expired - purged;
  if (totals.succeeded < succeeded || totals.failed < failed || totals.cancelled < cancelled || totals.expired < expired || more != totals.revived)
    Violation("P8 at rest the totals do not agree with what is on disk");
  // The list, walked to its end, is what is on disk.
  if (listed.size() != written().notifies.size())
    return Violation("P1 the list shows " + std::to_string(listed.size()) + " of " + std::to_string(written().notifies.size()));
  auto it = written().notifies.rbegin();
  for (const NotifyView& view : listed) {
    if (view.record->id != it->first || static_cast<uint8_t>(view.state) != static_cast<uint8_t>(it->second->state.phase))
      Violation("P1 the list shows " + view.record->id.ToString() + " as " + notifyd::ToString(view.state) + " in place of " + it->first.ToString());
    ++it;
  }
}

/// The counts of each lane against its notifies.
/// What is said to fall due in each minute, and each day, is what the due indexes have, but for what was due at once.
void Auditor::CheckDueCounts(const FakeImage& image) {
  std::map<std::string, int64_t> due;
  auto count = [&](WallTime at) {
    ++due[DueMinuteKey(BeginOf(kDueMinuteMs, at))];
    ++due[DueDayKey(BeginOf(kDueDayMs, at))];
  };
  for (const DueKey& key : image.due[0])
    if (const NotifyRecord* record = image.Find(key.id); record && !record->state.at_once) count(record->state.due);
  for (const DueKey& key : image.due[1])
    if (const NotifyRecord* record = image.Find(key.id)) count(record->state.next_attempt_at);
  for (const auto& [key, record] : image.records)
    if (key.kind == RecordKind::kDueCount && key.key != kDueSinceKey) due[key.key] -= *DecodeCount(record.value);
  for (const auto& [key, difference] : due)
    if (difference != 0) Violation("P8 what falls due is counted wrongly: " + std::to_string(difference) + " more do than is said of one span");
}

void Auditor::CheckLaneCounts(const FakeImage& image) {
  std::map<LaneKey, IndexCounts> counted;
  for (const auto& [id, record] : image.notifies) {
    const NotifyState& state = record->state;
    if (IsSettled(state.phase)) continue;
    IndexCounts& counts = counted[record->envelope->lane];
    if (state.phase == Phase::kHeld && state.due == kWallNever) ++counts[Index::kHeld];
    else if (image.InTail(*record)) ++counts[Index::kTail];
    else if (state.phase == Phase::kRetrying) ++counts[Index::kRetrying];
    else if (state.phase == Phase::kHeld) ++counts[Index::kHeldDue];
    else ++counts[Index::kDue];
  }
  for (const auto& [lane, said] : image.lane_counts)
    if (said != (counted.count(lane) ? counted.at(lane) : IndexCounts{}))
      Violation("image: the counts of lane " + lane.name + " differ from its notifies");
  for (const auto& [lane, counts] : counted)
    if (!image.lane_counts.count(lane)) Violation("image: lane " + lane.name + " has notifies, but no counts");
}

/// Who settled and asked to be told of it was told in the same batch.
void Auditor::CheckCallbacks(const FakeImage& image) {
  std::map<NotifyId, int> told;
  for (const auto& [id, record] : image.notifies)
    if (NotifyId about = ToldAbout(*record->spec); about.value != 0) ++told[about];
  tally_.callbacks += told.size();
  for (const auto& [lane, settings] : image.lane_settings) tally_.paused_themselves += settings.paused == Paused::kByFailure;
  for (const auto& [id, record] : image.notifies) {
    bool tells = !removing_ && record->envelope->callback && IsSettled(record->state.phase) && record->state.reason != "replaced";
    if (tells && told[id] == 0) Violation("image: " + id.ToString() + " settled, and nobody is told of it");
    if (!record->envelope->callback && told[id] > 0) Violation("image: " + id.ToString() + " has a callback that nobody asked for");
  }
}

}  // namespace notifyd::sim
