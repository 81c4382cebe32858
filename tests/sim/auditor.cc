// What the auditor makes of the core's decisions, and of what goes over the wire: promises 2, 3, 4 and 6.
#include "sim/auditor.h"

#include <algorithm>

#include "sim/workload.h"

namespace notifyd::sim {
namespace {

/// Turns that one lane may have while another waits for its first and could take it: in memory lanes take turns, and one that sleeps is woken once
/// each before it in its host's list has had its quantum of four. So one quantum of a lane that stands before it, what that has in the time in which
/// the other is fetched, and as much again for a lane that comes first anew meanwhile. Where many stand before it that has one beside each of them:
/// it is in memory for as long as something new comes to it.
constexpr uint64_t kMostTurns = 12;

}  // namespace

Auditor::Auditor(const Profile& profile, const SimClock* clock)
    : profile_(profile), clock_(clock), model_(profile, clock, [this](const std::string& text) { Violation(text); }) {}

void Auditor::Violation(const std::string& text) {
  if (violations_.size() < 20) violations_.push_back("t=" + std::to_string(t()) + " " + text);
}

int64_t Auditor::StoreDelayMs() const {
  const FakeStoreOptions& store = profile_.store;
  return store.write_ms_max + store.sync_ms_max + store.answer_ms_max + store.read_ms_max + 2;
}

bool Auditor::HealthyHost(const std::string& host) const {
  for (size_t i = 0; i < profile_.hosts.size(); ++i)
    if (Receiver::HostName(i) == host) return profile_.hosts[i] == HostKind::kHealthy;
  return false;
}

bool Auditor::HealthyLane(const LaneKey& lane) const {
  auto hosts = lane_hosts_.find(lane);
  return hosts == lane_hosts_.end() ||
         std::all_of(hosts->second.begin(), hosts->second.end(), [&](const std::string& host) { return HealthyHost(host); });
}

/// Some host of the lane has a breaker that is open and not yet to be probed.
bool Auditor::HeldByBreaker(const LaneKey& lane) const {
  auto hosts = lane_hosts_.find(lane);
  return hosts != lane_hosts_.end() &&
         std::any_of(hosts->second.begin(), hosts->second.end(), [&](const std::string& host) { return model_.HeldByBreaker(host); });
}

bool Auditor::IsHostPaused(const LaneKey& lane) const {
  auto hosts = lane_hosts_.find(lane);
  return hosts != lane_hosts_.end() &&
         std::any_of(hosts->second.begin(), hosts->second.end(), [&](const std::string& host) { return model_.IsHostPaused(host); });
}

Auditor::Held Auditor::HeldByPauses() const {
  Held held;
  if (model_.Paused().empty()) return held;
  for (NotifyId id : model_.pending()) {
    const Envelope& envelope = *model_.Find(id)->envelope;
    const bool of_caller = model_.IsCallerPaused(envelope.caller);
    if (of_caller) held.of_callers.insert(envelope.lane);
    if (of_caller || IsHostPaused(envelope.lane)) held.lanes.insert(envelope.lane);
  }
  return held;
}

/// A host or a caller was paused, or resumed. What it holds up has stood still for good reason until now.
void Auditor::NoteSwitch(const Model::SwitchKey& what) {
  switched_t_ = t();
  for (NotifyId id : model_.pending()) {
    const Envelope& envelope = *model_.Find(id)->envelope;
    auto hosts = lane_hosts_.find(envelope.lane);
    const bool at_host = what.first && hosts != lane_hosts_.end() && hosts->second.contains(what.second);
    if (!at_host && (what.first || what.second != envelope.caller)) continue;
    lanes_[envelope.lane].idle_since = hosts_[envelope.host].idle_since = -1;
    lanes_[envelope.lane].work = {};
  }
  if (what.first) hosts_[what.second].idle_since = -1;
}

void Auditor::OnHealed() {
  healed_ = true;
  Restart();
}

/// What may move is another thing from now on: what has stood still is counted from here.
void Auditor::Restart() {
  for (auto& [lane, progress] : lanes_) {
    progress.idle_since = -1;
    progress.work = {};
  }
  for (auto& [host, progress] : hosts_) progress.idle_since = -1;
}

// ---- decisions

void Auditor::OnEffects(const Effects& effects) {
  if (effects.fatal) return;  // nothing of it is carried out, and the broker ends
  const WriteBatch* batch = effects.writes.empty() ? nullptr : &effects.writes.back();
  if (effects.writes.size() > 1) Violation("more than one batch comes of one run");
  std::multiset<std::string> opened;
  for (const FlowLog& log : effects.flow_logs)
    if (log.event == "breaker opened") opened.insert(log.fields.front().second);
  tally_.opened += opened.size();
  model_.BeginRun(std::move(opened));
  size_t at = 0;
  for (const Decided& decided : *effects.decided) {
    ++tally_.decided;
    bool in_batch = batch && batch->number == decided.batch;
    if (in_batch ? decided.ops < at || decided.ops > batch->ops.size() : decided.ops > 0) return Violation("a decision names another batch");
    const WriteOp* ops = in_batch ? batch->ops.data() : nullptr;
    model_.Begin(decided.batch, in_batch ? Slice(ops + at, ops + decided.ops) : Slice());
    if (in_batch) at = decided.ops;
    Carry(decided);
    model_.End();
    NoteWaits();
  }
  model_.EndRun();
  if (!batch) return;
  // What follows the last decision moves between indexes alone.
  model_.Begin(batch->number, Slice(batch->ops.data() + at, batch->ops.data() + batch->ops.size()));
  model_.End();
  CheckTotals(batch->totals);
  NoteAfter(batch->number);
}

void Auditor::Carry(const Decided& decided) {
  auto request = open_.find(decided.request);
  switch (decided.kind) {
    case Decided::Kind::kRequest: {
      std::string name = "request " + std::to_string(decided.request.token);
      if (request == open_.end()) return Violation(name + " is decided, and was never asked or is answered");
      Open& open = request->second;
      if (open.expected.decided) return Violation(name + " is decided twice");
      open.expected = model_.Carry(open.event);
      const auto* get = std::get_if<GetRequest>(&open.event);
      if (get && get->wait_ms > 0) {
        const Model::Notify* notify = model_.Find(get->id);
        if (notify && notify->pending()) waits_.emplace(get->id, decided.request);
      } else if (const auto* lane = std::get_if<LaneChangeRequest>(&open.event)) {
        lanes_changed_.insert(lane->lane);
        Restart();
      } else if (const auto* host = std::get_if<HostChangeRequest>(&open.event)) {
        NoteSwitch({true, host->host});
      } else if (const auto* caller = std::get_if<CallerChangeRequest>(&open.event)) {
        NoteSwitch({false, caller->caller});
      }
      return;
    }
    case Decided::Kind::kItem: {
      const auto* bulk = request == open_.end() ? nullptr : std::get_if<BulkRequest>(&request->second.event);
      if (!bulk) return Violation(decided.id.ToString() + " is changed by a bulk request that nobody made");
      if (!request->second.items.insert(decided.id).second) Violation("a bulk request is carried out twice on " + decided.id.ToString());
      return model_.CarryItem(*bulk, decided.id);
    }
    case Decided::Kind::kTurn:
      if (const Model::Notify* notify = model_.Find(decided.id))
        turns_[notify->envelope->host].push_back({notify->envelope->lane, model_.CallersAtShare(notify->envelope->host)});
      return model_.CarryTurn(decided.id, written().batch);
    case Decided::Kind::kStart:
      return model_.CarryStart(decided.id);
    case Decided::Kind::kReturn:
      return model_.CarryReturn(decided.id);
    case Decided::Kind::kReached:
      return model_.CarryReached(decided.id);
    case Decided::Kind::kEnd:
      return model_.CarryEnd(decided.id);
    case Decided::Kind::kExpiry:
      return model_.CarryExpiry(decided.id);
    case Decided::Kind::kDisk:
      return model_.CarryDisk();
    case Decided::Kind::kStop:
      return model_.CarryStop();
    case Decided::Kind::kClose:
      return model_.CarryClose();
    case Decided::Kind::kLimits:
      if (reloads_.empty()) return Violation("a reload is decided that nobody asked for");
      model_.CarryLimits(reloads_.front());
      reloads_.pop_front();
      Restart();
      return;
  }
}

/// Who waits for the end of a notify is shown it as it settled, whatever is decided about it then.
void Auditor::NoteWaits() {
  if (waits_.empty()) return;
  for (NotifyId id : model_.touched()) {
    const Model::Notify& notify = *model_.Find(id);
    if (notify.pending()) continue;
    auto [from, to] = waits_.equal_range(id);
    for (auto it = from; it != to; ++it)
      if (auto open = open_.find(it->second); open != open_.end()) open->second.expected.viewed = notify;
    waits_.erase(from, to);
  }
}

void Auditor::CheckTotals(const Totals& totals) {
  const Model::Sums& sums = model_.sums();
  auto same = [&](const char* name, uint64_t said, uint64_t own) {
    if (said != own) Violation(std::string("P8 total ") + name + ": " + std::to_string(said) + " in place of " + std::to_string(own));
  };
  same("accepted", totals.accepted, sums.accepted);
  same("revived", totals.revived, sums.revived);
  same("succeeded", totals.succeeded, sums.succeeded);
  same("failed", totals.failed, sums.failed);
  same("cancelled", totals.cancelled, sums.cancelled);
  same("expired", totals.expired, sums.expired);
  same("attempts", totals.attempts, sums.attempts);
  same("retries", totals.retries, sums.retries);
  same("pending", totals.pending(), sums.pending());
  same("next id", totals.next_id, sums.next_id);
}

void Auditor::NoteAfter(uint64_t batch) {
  Model::Touched touched = model_.TakeTouched();
  After after;
  after.batch = batch;
  for (NotifyId id : touched.notifies)
    if (const Model::Notify* notify = model_.Find(id)) {
      after.notifies.emplace_back(id, *notify);
      lane_hosts_[notify->envelope->lane].insert(notify->envelope->host);
    }
  for (const std::string& fkey : touched.fkeys) after.fkeys.emplace_back(fkey, model_.fkeys().at(fkey).record);
  for (const IdempotencyKey& key : touched.keys) after.keys.emplace_back(key, model_.keys().at(key).record);
  for (const LaneKey& lane : touched.lanes) after.settings.emplace_back(lane, model_.lanes().at(lane).settings);
  if (touched.switches) after.paused = model_.Paused();
  afters_.push_back(std::move(after));
}

void Auditor::OnWritten(uint64_t batch) {
  ++seq_;
  if (afters_.empty() || afters_.front().batch != batch) return Violation("batch " + std::to_string(batch) + " is written, and nobody decided it");
  After after = std::move(afters_.front());
  afters_.pop_front();
  std::string what = "in batch " + std::to_string(batch);
  for (const auto& [id, notify] : after.notifies) {
    CompareNotify(written(), id, notify, what);
    versions_[id].push_back({seq_, batch, notify.exists, notify.state, notify.spec});
  }
  for (const auto& [fkey, record] : after.fkeys) CompareFkey(written(), fkey, record, what);
  for (const auto& [key, record] : after.keys) CompareKey(written(), key, record, what);
  for (const auto& [lane, settings] : after.settings) CompareSettings(written(), lane, settings, what);
  if (after.paused) ComparePaused(written(), *after.paused, what);
}

/// While a lane waits for a turn at its host, no other may have one after the other. What is in flight of its caller may be as much as that may have:
/// then it waits for the end of one of those calls, however long they take, and others have their turns.
void Auditor::CheckTurns(const LaneKey& lane, Progress* progress, NotifyId work) {
  if (work.value == 0 || progress->in_flight > 0 || stopping_) {
    progress->work = {};
    return;
  }
  const Envelope& envelope = *model_.Find(work)->envelope;
  const std::vector<Turn>& turns = turns_[envelope.host];
  if (progress->work != work || model_.HasRate(lane)) {
    progress->work = work;
    progress->work_since = t();
  }
  // Until it is fetched from the disk (its host's list, the lane, its tail, a body), others have what would be its turns.
  if (t() - progress->work_since < 500 + 10 * StoreDelayMs()) {
    progress->turns_at = turns.size();
    return;
  }
  std::map<LaneKey, uint64_t> had;
  for (size_t i = progress->turns_at; i < turns.size(); ++i)
    if (!turns[i].at_share.count(envelope.caller)) ++had[turns[i].lane];
  const uint64_t most = std::max(kMostTurns, had.size());
  for (const auto& [other, n] : had) {
    tally_.most_turns = std::max(tally_.most_turns, n);
    if (n <= most) continue;
    Violation("P4 " + std::string(notifyd::ToString(lane.mode)) + " lane " + lane.name + " (" + work.ToString() + ") waits while lane " + other.name +
              " has more than " + std::to_string(most) + " turns");
    progress->turns_at = turns.size();
    return;
  }
}

// ---- the wire

void Auditor::OnStart(const StartAttempt& attempt) {
  ++tally_.starts;
  std::string name = attempt.id.ToString() + "#" + std::to_string(attempt.number);
  const Model::Notify* notify = model_.Find(attempt.id);
  Model::Flight* flight = model_.InFlight(attempt.id);
  if (!notify || !flight || !flight->started || flight->on_wire) return Violation("P2 " + name + " goes out, and nothing was decided about it");
  flight->on_wire = true;
  if (attempt.number != flight->number) Violation("P2 " + name + " goes out in place of number " + std::to_string(flight->number));
  if (*attempt.spec != *flight->spec) Violation("P1 " + name + " goes out with other contents than were decided");
  if (synced().batch < flight->durable) Violation("P1 " + name + " goes out before what it depends on is durable");
  CheckOver(name, attempt, *notify, flight);
  if (model_.IsProbe(*flight, attempt.envelope->host) && !attempt.tell_reached)
    Violation("P4 " + name + " is a probe of " + attempt.envelope->host + ", and is not to tell of its connection");
  std::map<uint32_t, Attempt>& attempts = attempts_[attempt.id];
  uint32_t last = attempts.empty() ? 0 : attempts.rbegin()->first;
  if (attempt.number < last) Violation("P2 " + name + ": the number went back from " + std::to_string(last));
  if (attempt.number > last + 1) Violation("P2 " + name + ": the number jumped from " + std::to_string(last));
  if (attempt.number == last && attempts.at(last).epoch == epoch_) Violation("P2 " + name + " is repeated without a crash");
  tally_.repeats += attempt.number == last;
  CheckLate(attempt.id, attempt, *notify);
  attempts[attempt.number] = Attempt{-1, epoch_, 0};
  ++in_flight_;
  last_in_flight_t_ = t();
  for (Progress* progress : {&lanes_[attempt.envelope->lane], &hosts_[attempt.envelope->host]}) {
    ++progress->in_flight;
    progress->idle_since = -1;
  }
}

/// The repeat of what was lost with a used connection goes over a new one, and what nothing follows over one that is sure.
void Auditor::CheckOver(const std::string& name, const StartAttempt& attempt, const Model::Notify& notify, Model::Flight* flight) {
  using Over = StartAttempt::Over;
  using Repeats = Model::Notify::Repeats;
  flight->over = attempt.over;
  tally_.at_once += notify.repeats == Repeats::kYes;
  const Over plain = flight->last ? Over::kSure : Over::kAny;
  const bool fits = attempt.over == Over::kNew ? notify.repeats != Repeats::kNo : attempt.over == plain && notify.repeats != Repeats::kYes;
  auto text = [](Over over) { return over == Over::kNew ? "a new" : over == Over::kSure ? "a sure" : "any"; };
  if (!fits)
    Violation("P2 " + name + " goes out over " + text(attempt.over) + " connection in place of " +
              text(notify.repeats == Repeats::kYes ? Over::kNew : plain) + " one");
}

void Auditor::OnRead(const Event& event) {
  auto note = [this](const LoadedNotify& notify) {
    if (notify.record) model_.OnLoaded(notify.record->id);
  };
  if (const auto* loaded = std::get_if<Loaded>(&event)) {
    for (const LoadedValue& value : loaded->values)
      if (const auto* notify = std::get_if<LoadedNotify>(&value)) note(*notify);
  } else if (const auto* page = std::get_if<PageLoaded>(&event)) {
    if (const auto* rows = std::get_if<std::vector<LoadedDue>>(&page->rows))
      for (const LoadedDue& due : *rows) note(due.notify);
    if (const auto* rows = std::get_if<std::vector<LoadedTail>>(&page->rows))
      for (const LoadedTail& tail : *rows) note(tail.notify);
  }
}

/// Not late, where nothing at all was in its way: nothing was in flight since it fell due, and nothing else happened to it.
void Auditor::CheckLate(NotifyId id, const StartAttempt& attempt, const Model::Notify& notify) {
  int64_t late = clock_->now().wall.ms - notify.state.due.ms;
  int64_t due_t = t() - late;
  bool undisturbed = attempt.number == 1 && attempts_[id].empty() && notify.envelope->lane.mode == Mode::kConcurrent && in_flight_ == 0 &&
                     last_in_flight_t_ < due_t &&
                     std::max({wall_step_t_, boot_t_, notify.due_set_t, model_.BreakerShutAt(notify.envelope->host), switched_t_}) < due_t - 1000 &&
                     model_.Paused().empty() && !lanes_changed_.count(notify.envelope->lane) && profile_.limits.lane_rules.empty();
  // A lane waits at the host of its head: one before it, to a host that was not reached, held it up, and may be cancelled by now.
  const auto held_up = [&](const auto& each) {
    const Model::Notify& other = each.second;
    return other.envelope->lane == notify.envelope->lane && other.state.due < notify.state.due &&
           model_.BreakerShutAt(other.envelope->host) >= due_t - 1000;
  };
  if (undisturbed && late > 100 + 4 * StoreDelayMs() + profile_.patience_ms &&
      std::none_of(model_.notifies().begin(), model_.notifies().end(), held_up))
    Violation("P6 " + id.ToString() + " starts " + std::to_string(late) + " ms late with nothing in its way");
}

void Auditor::OnArrived(NotifyId id, uint32_t number) {
  if (++attempts_[id][number].arrivals > 1) Violation("P2 " + id.ToString() + "#" + std::to_string(number) + " arrived twice without a crash");
}

void Auditor::OnReached(NotifyId id) {
  if (Model::Flight* flight = model_.InFlight(id)) flight->reached = true;
}

void Auditor::OnEnded(NotifyId id, const AttemptResult& truth) {
  Model::Flight* flight = model_.InFlight(id);
  const Model::Notify* notify = model_.Find(id);
  if (!flight || !notify) return;
  flight->truth = truth;
  attempts_[id][truth.record.number].end_t = t();
  tally_.laters += truth.verdict == Verdict::kLater;
  --in_flight_;
  last_in_flight_t_ = t();
  --lanes_[notify->envelope->lane].in_flight;
  --hosts_[notify->envelope->host].in_flight;
}

// ---- promise 4: nothing that can go stands still

void Auditor::OnTime() {
  if (!store_) return;
  model_.Forget(synced().batch);
  Now now = clock_->now();
  struct Look {
    bool open = false;    // neither it nor what it waits for is paused, nor has it an unhealthy host
    NotifyId head, next;  // fifo: who holds up all others; the first in order that can go
    OrderKey order;
  };
  std::map<LaneKey, Look> looks;
  const Held held = HeldByPauses();
  for (NotifyId id : model_.pending()) {
    const Model::Notify& notify = *model_.Find(id);
    const NotifyState& state = notify.state;
    if (notify.durable > synced().batch || state.expires_at <= now.wall) continue;
    bool goes = state.phase == Phase::kRetrying ? state.retry_at <= now.mono : state.due <= now.wall || state.at_once;
    if (!goes || model_.HasFlight(id)) continue;
    const LaneKey& key = notify.envelope->lane;
    auto [it, fresh] = looks.try_emplace(key);
    Look& look = it->second;
    if (fresh) {
      const Model::Lane* lane = model_.LaneOf(key);
      look.open = !(lane && lane->settings.paused != Paused::kNo) && HealthyLane(key) && !HeldByBreaker(key) && !held.lanes.contains(key);
      if (lane) look.head = lane->blocked_head;
    }
    if (!look.open || (look.head.value != 0 && look.head != id)) continue;
    OrderKey order = model_.OrderOf(id);
    if (look.next.value != 0 && look.order < order) continue;
    look.next = id;
    look.order = order;
  }
  std::map<std::string, std::vector<NotifyId>> hosts;  // what their lanes would send next
  for (const auto& [lane, look] : looks) {
    if (look.next.value == 0) continue;
    const Envelope& envelope = *model_.Find(look.next)->envelope;
    hosts[envelope.host].push_back(look.next);
    lanes_[envelope.lane];
    hosts_[envelope.host];
  }
  auto look_at = [&](Progress* progress, NotifyId work, int64_t bound_ms, auto name) {
    if (work.value == 0 || progress->in_flight > 0 || stopping_) {
      progress->idle_since = -1;
      return;
    }
    if (progress->idle_since < 0) {
      progress->idle_since = t();
      progress->bound_ms = 0;
    }
    progress->bound_ms = std::max(progress->bound_ms, bound_ms);
    if (t() - progress->idle_since <= progress->bound_ms) return;
    Violation("P4 " + name() + " has had work for " + std::to_string(t() - progress->idle_since) + " ms (" + work.ToString() +
              ") and nothing in flight");
    progress->idle_since = -1;
  };
  // Those of a paused caller are looked at, one after the other, and put back: each takes a page of its host's list, a load and a page of its tail.
  int64_t base_ms = 3'000 + profile_.patience_ms + (10 + 3 * static_cast<int64_t>(held.of_callers.size())) * StoreDelayMs();
  for (auto& [name, progress] : hosts_) {
    auto work = hosts.find(name);
    look_at(&progress, work == hosts.end() ? NotifyId{} : work->second.front(), base_ms, [&name = name] { return name; });
  }
  for (auto& [lane, progress] : lanes_) {
    auto look = looks.find(lane);
    NotifyId work = look == looks.end() ? NotifyId{} : look->second.next;
    size_t rivals = 0;
    if (work.value != 0)
      for (const std::string& host : lane_hosts_[lane]) rivals += hosts.count(host) ? hosts[host].size() : 0;
    // A turn each: at worst one call at a time at the host, each as slow as a healthy one may be (a lane may have to be woken for it).
    look_at(&progress, work, base_ms + static_cast<int64_t>(rivals) * 3 * (profile_.healthy_ms_max + StoreDelayMs()),
            [&lane = lane] { return std::string(notifyd::ToString(lane.mode)) + " lane " + lane.name; });
    CheckTurns(lane, &progress, work);
  }
  for (auto& [id, open] : open_) {
    int64_t wait = std::holds_alternative<GetRequest>(open.event) ? std::get<GetRequest>(open.event).wait_ms : 0;
    if (!open.gone && t() - open.t > wait + 5'000 + profile_.patience_ms) {
      Violation("request " + std::to_string(id.token) + " has no answer after " + std::to_string(t() - open.t) + " ms");
      open.gone = true;  // said once
    }
  }
}

}  // namespace notifyd::sim
