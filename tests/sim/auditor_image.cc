// What the auditor makes of the disk: after a crash, and at the end. Promises 1, 2 and 8, and that the indexes agree with the records.
#include <algorithm>

#include "sim/auditor.h"
#include "sim/workload.h"

namespace notifyd::sim {

void Auditor::OnBoot(const FakeStore* store) {
  store_ = store;
  boot_t_ = t();
  stopping_ = false;
  last_totals_.reset();
  for (const auto& [id, record] : written().notifies) {
    Item* item = Link(id, *record->spec);
    if (item) item->known_t = t();
  }
}

void Auditor::OnCrash(const FakeImage& image) {
  ++tally_.crashes;
  ++epoch_;
  for (const auto& [id, open] : open_)
    if (const auto* bulk = std::get_if<BulkRequest>(&open.event)) AskAll(*bulk);
  open_.clear();
  remembered_.clear();
  in_flight_ = 0;
  for (auto& [lane, progress] : lanes_) progress = {};
  for (auto& [host, progress] : hosts_) progress = {};
  // An end that arrived is synced at most sync_delay_ms later (promise 2); how long a sync takes is the store's affair.
  int64_t durable_before = t() - profile_.limits.sync_delay_ms - 3 * StoreDelayMs() - 5;
  for (auto& [token, item] : items_) {
    item.in_flight = false;
    item.known_t = -1;
    if (item.id.value == 0) continue;
    std::string name = item.id.ToString();
    const NotifyRecord* record = image.Find(item.id);
    if (!record) {
      if (item.purge_asked_t >= 0) {
        pending_.erase(token);
        continue;
      }
      if (item.acked_t >= 0) {
        Violation("P1 " + name + " was acknowledged and is gone after the crash");
        continue;
      }
      // Never acknowledged, never happened: its id goes to another.
      tokens_.erase(item.id);
      pending_.erase(token);
      item.id = {};
      item.attempts.clear();
      continue;
    }
    if (StaysCancelled(item) && record->state.phase != Phase::kCancelled)
      Violation("P1 the cancel of " + name + " was acknowledged and is undone by the crash");
    if (!item.marks_acked.empty() && record->state.phase == Phase::kHeld)
      Violation("P1 the trigger of " + name + " was acknowledged and is undone by the crash");
    for (auto& [number, attempt] : item.attempts) {
      if (attempt.end_t < 0 || record->state.attempts_made >= number) continue;
      if (attempt.end_t < durable_before && !store_->failed())
        Violation("P2 the end of " + name + "#" + std::to_string(number) + " came " + std::to_string(t() - attempt.end_t) +
                  " ms before the crash and is lost");
      attempt.end_t = -1;  // forgotten: it comes again
    }
    if (!IsSettled(record->state.phase)) {
      item.pending = true;
      pending_.insert(token);
    }
  }
  store_ = nullptr;
  CheckImage(image, "after a crash");
}

bool Auditor::Unfinished() const {
  if (!open_.empty() || in_flight_ > 0) return true;
  for (const auto& [id, record] : written().notifies) {
    const NotifyState& state = record->state;
    if (IsSettled(state.phase)) continue;
    if (IsPaused(record->head->lane)) return true;
    bool stays = state.phase == Phase::kHeld && state.due == kWallNever && state.expires_at == kWallNever;
    if (!stays) return true;
  }
  return false;
}

void Auditor::CheckSettled(const Item& item, const NotifyRecord& record) {
  std::string name = record.id.ToString();
  switch (record.state.phase) {
    case Phase::kSucceeded:
      if (!item.succeeded) Violation("P2 " + name + " is succeeded, but its receiver never took it");
      return;
    case Phase::kFailed: {
      if (item.attempts.empty()) return Violation("P2 " + name + " failed without an attempt");
      const auto& [number, last] = *item.attempts.rbegin();
      uint32_t budget = item.said.head->reply_none ? 1 : item.said.head->retry_policy().max_attempts;
      if (last.truth.verdict == Verdict::kSuccess) Violation("P2 " + name + " failed, but its last attempt succeeded");
      if (last.truth.verdict == Verdict::kLater) Violation("P2 " + name + " failed, but its last answer was \"not ready yet\"");
      if (last.truth.verdict == Verdict::kFailure && number - record.state.attempts_before - record.state.laters < budget)
        Violation("P2 " + name + " failed after " + std::to_string(number) + " attempts with budget left");
      return;
    }
    case Phase::kCancelled:
      if (item.cancel_asked_t < 0) Violation("P1 " + name + " is cancelled, and nobody asked for it");
      return;
    case Phase::kExpired:
      if (item.said.ttl.kind == When::Kind::kDefault && item.change_asked_t < 0) Violation("P6 " + name + " expired without a ttl");
      return;
    default:
      if (record.state.phase == Phase::kHeld && record.state.due == kWallNever && record.state.expires_at == kWallNever) return;
      Violation("P4 " + name + " is stuck in phase " + std::to_string(static_cast<int>(record.state.phase)) + ", lane " + record.head->lane.name +
                ", due in " + std::to_string(record.state.due.ms - clock_->now().wall.ms) + " ms");
  }
}

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
    if (state.phase == Phase::kHeld && state.due.ms > clock_->HighestWall(0, t())) {  // one whose due time came holds nothing
      auto fkey = image.fkeys.find(record->head->fkey);
      if (fkey == image.fkeys.end() || fkey->second.id != id) wrong(name + " is held, but its fkey does not point to it");
    }
    bool in_tail = image.InTail(*record);
    bool by_wall = image.due[0].count({state.due.ms, id}) > 0;
    bool by_mono = state.phase == Phase::kRetrying && image.due[1].count({state.retry_at.ms, id}) > 0;
    bool nowhere = state.phase == Phase::kHeld && state.due == kWallNever;
    if (in_tail + by_wall + by_mono != (nowhere ? 0 : 1))
      wrong(name + " (phase " + std::to_string(static_cast<int>(state.phase)) + ") is in " + std::to_string(in_tail + by_wall + by_mono) +
            " indexes");
    held += nowhere;
    tail += in_tail;
    retrying += by_mono;
    (state.phase == Phase::kHeld ? held_due : due) += by_wall;
  }
  size_t tails = 0, dormant = 0;
  for (const auto& [lane, keys] : image.tails) {
    tails += keys.size();
    auto it = image.lanes.find(lane);
    if (it == image.lanes.end() || !it->second.tail) wrong("lane " + lane.name + " has a tail, but its record does not say so");
    else if (*keys.begin() < it->second.tail_from) wrong("lane " + lane.name + " has tail keys below its mark");
  }
  for (const auto& [host, lanes] : image.dormant)
    for (const auto& [order, lane] : lanes) {
      ++dormant;
      auto it = image.lanes.find(lane);
      if (it == image.lanes.end() || !it->second.dormant || it->second.dormant_host != host || it->second.dormant_order != order)
        wrong("lane " + lane.name + " sleeps at " + host + ", but its record does not say so");
    }
  for (const auto& [lane, record] : image.lanes)
    if (record.dormant && !(image.dormant.count(record.dormant_host) && image.dormant.at(record.dormant_host).count(record.dormant_order)))
      wrong("lane " + lane.name + " says it sleeps, but its host does not know");
  tally_.deepest_tail = std::max<uint64_t>(tally_.deepest_tail, tails);
  tally_.dormant = std::max<uint64_t>(tally_.dormant, dormant);
  auto same = [&](const char* name, uint64_t counted, uint64_t said) {
    if (counted != said) wrong(std::string(name) + ": counted " + std::to_string(counted) + ", said " + std::to_string(said));
  };
  same("held", held, totals.held);
  same("due, wall clock", held_due + due, totals.held_due + totals.due);
  same("retrying", retrying, totals.retrying);
  same("tail", tail, totals.tail);
  same("keys of the due index, wall clock", image.due[0].size(), held_due + due);
  same("keys of the due index, monotonic clock", image.due[1].size(), retrying);
  same("keys of tails", tails, tail);
  same("sleeping lanes", dormant, totals.dormant_lanes);
  same("lane records", image.lanes.size(), totals.lane_records);
  // Those that were purged are missing from both by the same number.
  if (image.notifies.size() > totals.accepted) wrong("more notifies than were accepted");
  uint64_t purged = totals.accepted - image.notifies.size();
  bool may_purge = false;
  for (const auto& [token, item] : items_) may_purge |= item.purge_asked_t >= 0;
  if (!may_purge) same("accepted", image.notifies.size(), totals.accepted);
  same("settled", settled + purged + totals.revived, totals.succeeded + totals.failed + totals.cancelled + totals.expired);
  CheckLaneCounts(image);
  CheckCallbacks(image);
  same("books", totals.accepted + totals.revived, totals.pending() + totals.succeeded + totals.failed + totals.cancelled + totals.expired);
}

void Auditor::OnQuiet(const StatsView& stats, const std::vector<NotifyView>& listed) {
  CheckImage(written(), "at the end");
  uint64_t held = 0, succeeded = 0, failed = 0, cancelled = 0, expired = 0;
  for (const auto& [id, record] : written().notifies) {
    Item* item = Link(id, *record->spec);
    if (item) CheckSettled(*item, *record);
    held += record->state.phase == Phase::kHeld;
    succeeded += record->state.phase == Phase::kSucceeded;
    failed += record->state.phase == Phase::kFailed;
    cancelled += record->state.phase == Phase::kCancelled;
    expired += record->state.phase == Phase::kExpired;
  }
  for (const auto& [token, item] : items_)
    if (item.acked_t >= 0 && !written().Find(item.id) && item.purge_asked_t < 0)
      Violation("P1 " + item.id.ToString() + " was acknowledged and is gone");
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

}  // namespace notifyd::sim
