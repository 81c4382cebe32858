// What the auditor makes of what sees and steers: lanes and their pauses, changes of notifies, bulk requests, callbacks, remembered triggers.
#include <algorithm>

#include "broker/spec.h"
#include "sim/auditor.h"
#include "sim/workload.h"

namespace notifyd::sim {

// ---- requests

/// Any of those that the filter may find may be what the request is about.
void Auditor::AskAll(const BulkRequest& bulk) {
  for (auto& [token, item] : items_) AskOne(bulk, &item);
}

void Auditor::AskOne(const BulkRequest& bulk, Item* item) {
  if (bulk.dry_run || !item->said.head || item->token > kCallbackTokens) return;
  const NotifyHead& head = *item->said.head;
  if (head.lane.name != *bulk.query.lane || head.lane.mode != *bulk.query.mode || (bulk.query.caller && head.caller != *bulk.query.caller)) return;
  switch (bulk.kind) {
    case BulkKind::kCancel:
      item->cancel_asked_t = t();
      break;
    case BulkKind::kPurge:
      item->purge_asked_t = t();
      break;
    case BulkKind::kRetry:
      item->retry_asked_t = t();
      if (item->id.value == 0) break;
      retries_asked_[item->id] = t();
      item->pending = true;
      pending_.insert(item->token);
      break;
  }
}

void Auditor::OnSteering(const Event& event) {
  if (const auto* change = std::get_if<ChangeRequest>(&event)) {
    changes_asked_[change->id] = t();
    if (Item* item = ById(change->id)) item->change_asked_t = t();
  } else if (const auto* bulk = std::get_if<BulkRequest>(&event)) {
    AskAll(*bulk);
  } else if (const auto* lane = std::get_if<LaneChangeRequest>(&event)) {
    LaneAsks& asks = lane_asks_[lane->lane];
    if (lane->patch.paused && !*lane->patch.paused) asks.resume_asked_t = t();
    if (lane->patch.on_retry && *lane->patch.on_retry == OnRetry::kSkip) asks.ever_skipped = true;
    if (lane->patch.concurrency && *lane->patch.concurrency) asks.concurrency = std::max(asks.concurrency, **lane->patch.concurrency);
  }
}

/// A submit under an fkey for which an acknowledged trigger is remembered, with nothing else about that fkey under way.
void Auditor::ExpectRemembered(Item* item) {
  const std::string& fkey = item->said.head->fkey;
  auto found = remembered_.find(fkey);
  if (found == remembered_.end()) return;
  RememberedAsk ask = found->second;
  remembered_.erase(found);
  if (t() >= ask.expires_t - 1'000 || profile_.wall_step_every_ms > 0 || item->said.idempotency_key != "") return;
  for (const auto& [id, open] : open_)
    if (const auto* submit = std::get_if<SubmitRequest>(&open.event)) {
      for (const SubmitItem& other : submit->items)
        if (other.head->fkey == fkey && TokenOf(*other.spec) != item->token) return;
    } else if (std::holds_alternative<TriggerRequest>(open.event) || std::holds_alternative<BulkRequest>(open.event)) {
      return;
    }
  item->awaited = true;
  item->awaited_mark = ask.mark;
}

// ---- answers

void Auditor::CheckSteered(const Open& open, const Reply& reply) {
  auto wrong = [&] { Violation("request " + std::to_string(reply.request.token) + " gets an answer of another kind"); };
  if (const auto* trigger = std::get_if<TriggerRequest>(&open.event)) {
    if (!std::holds_alternative<Remembered>(reply.body) || trigger->remember_ms == 0) return wrong();
    auto record = synced().fkeys.find(trigger->fkey);
    if (record == synced().fkeys.end()) return Violation("P1 the trigger of " + trigger->fkey + " is answered before it is durable");
    // Whether a submit that was under way came before it or after it, nobody knows.
    bool disturbed = !record->second.remembered || trigger->when.kind != When::Kind::kDefault;
    for (const auto& [id, other] : open_)
      disturbed |= std::holds_alternative<SubmitRequest>(other.event) || std::holds_alternative<TriggerRequest>(other.event) ||
                   std::holds_alternative<BulkRequest>(other.event);
    if (!disturbed) remembered_[trigger->fkey] = {t(), open.t + trigger->remember_ms, trigger->data ? trigger->data->substr(1) : ""};
    return;
  }
  if (const auto* read = std::get_if<ChangeReadRequest>(&open.event)) {
    const auto* viewed = std::get_if<Viewed>(&reply.body);
    if (!viewed || viewed->view.record->id != read->id) return wrong();
    return;
  }
  if (const auto* change = std::get_if<ChangeRequest>(&open.event)) {
    if (std::holds_alternative<Stale>(reply.body)) return;
    const auto* viewed = std::get_if<Viewed>(&reply.body);
    if (!viewed || viewed->view.record->id != change->id) return wrong();
    ++tally_.changes;
    const NotifyRecord* durable = synced().Find(change->id);
    Item* item = ById(change->id);
    if (!durable && item && item->purge_asked_t >= 0) return;
    if (!durable) return Violation("P1 the change of " + change->id.ToString() + " is answered before it is durable");
    // A trigger or another change may have come behind it.
    bool alone = item && item->change_asked_t <= open.t && item->trigger_asked_t < open.t - kOvertakeMs;
    if (alone && *durable->spec != *change->spec) Violation("P1 the change of " + change->id.ToString() + " is answered, and is not on disk");
    return;
  }
  if (const auto* explain = std::get_if<ExplainRequest>(&open.event)) {
    const auto* explained = std::get_if<Explained>(&reply.body);
    if (!explained || explained->id != explain->id) return wrong();
    if (explained->reasons.empty()) Violation(explain->id.ToString() + " is explained without a reason");
    return;
  }
  if (const auto* bulk = std::get_if<BulkRequest>(&open.event)) {
    const auto* done = std::get_if<BulkDone>(&reply.body);
    if (!done) return wrong();
    AskAll(*bulk);  // it was under way until now
    if (!bulk->dry_run) (bulk->kind == BulkKind::kPurge ? tally_.purged : tally_.in_bulk) += done->count;
    if (done->count > bulk->query.limit) Violation("a bulk request went over its limit");
    if (done->next.value != 0 && done->next <= bulk->query.above) Violation("the cursor of a bulk request goes back");
    return;
  }
  if (const auto* lanes = std::get_if<LanesRequest>(&open.event)) {
    if (lanes->query.only) return std::holds_alternative<LaneViewed>(reply.body) ? void() : wrong();
    const auto* listed = std::get_if<LanesListed>(&reply.body);
    if (!listed) return wrong();
    std::optional<LaneKey> last = lanes->query.after;
    for (const LaneView& view : listed->lanes) {
      if (last && std::tie(view.lane.name, view.lane.mode) <= std::tie(last->name, last->mode)) Violation("the list of lanes is not in order");
      if (view.lane.name.compare(0, lanes->query.prefix.size(), lanes->query.prefix) != 0)
        Violation("the list of lanes shows one without the prefix");
      last = view.lane;
    }
    if (listed->lanes.size() > lanes->query.limit) Violation("a page of lanes is over its limit");
    return;
  }
  if (const auto* lane = std::get_if<LaneChangeRequest>(&open.event)) {
    const auto* viewed = std::get_if<LaneViewed>(&reply.body);
    if (!viewed || viewed->lane.lane != lane->lane) return wrong();
    LaneAsks& asks = lane_asks_[lane->lane];
    if (lane->patch.paused && *lane->patch.paused) {
      ++tally_.pauses;
      auto settings = synced().lane_settings.find(lane->lane);
      bool paused = settings != synced().lane_settings.end() && settings->second.paused != Paused::kNo;
      if (!paused && asks.resume_asked_t < open.t) Violation("P1 the pause of lane " + lane->lane.name + " is answered before it is durable");
      // One that was resumed in between, or is about to be, may go on.
      bool resuming = asks.resume_asked_t >= open.t - kOvertakeMs;
      if (!resuming) asks.pause_acked_t = t();
    }
    return;
  }
  wrong();
}

// ---- what holds

bool Auditor::IsPaused(const LaneKey& lane) const {
  auto settings = written().lane_settings.find(lane);
  return settings != written().lane_settings.end() && settings->second.paused != Paused::kNo;
}

void Auditor::CheckPause(const StartAttempt& attempt) {
  const LaneAsks& asks = lane_asks_[attempt.head->lane];
  if (asks.pause_acked_t >= 0 && asks.resume_asked_t < asks.pause_acked_t)
    Violation("P4 " + attempt.id.ToString() + " starts in lane " + attempt.head->lane.name + ", whose pause was acknowledged");
}

/// The counts of each lane against its notifies.
void Auditor::CheckLaneCounts(const FakeImage& image) {
  std::map<LaneKey, LaneCounts> counted;
  for (const auto& [id, record] : image.notifies) {
    const NotifyState& state = record->state;
    if (IsSettled(state.phase)) continue;
    LaneCounts& counts = counted[record->head->lane];
    if (state.phase == Phase::kHeld && state.due == kWallNever) ++counts.held;
    else if (image.InTail(*record)) ++counts.tail;
    else if (state.phase == Phase::kRetrying) ++counts.retrying;
    else if (state.phase == Phase::kHeld) ++counts.held_due;
    else ++counts.due;
  }
  for (const auto& [lane, said] : image.lane_counts)
    if (said != (counted.count(lane) ? counted.at(lane) : LaneCounts{}))
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
    bool tells = record->head->callback && IsSettled(record->state.phase) && record->state.reason != "replaced";
    if (tells && told[id] == 0) Violation("image: " + id.ToString() + " settled, and nobody is told of it");
    if (!record->head->callback && told[id] > 0) Violation("image: " + id.ToString() + " has a callback that nobody asked for");
  }
}

}  // namespace notifyd::sim
