#include "sim/model.h"

#include <algorithm>
#include <cmath>

#include "broker/spec.h"
#include "sim/workload.h"

namespace notifyd::sim {
namespace {

std::string Name(NotifyId id) {
  return id.ToString();
}

std::string StateText(const NotifyState& s) {
  auto time = [](int64_t ms) { return ms == kWallNever.ms ? std::string("never") : std::to_string(ms); };
  return "phase " + std::to_string(static_cast<int>(s.phase)) + (s.reason.empty() ? "" : " (" + s.reason + ")") + " due " + time(s.due.ms) +
         (s.at_once ? " at once" : "") + " retry " + std::to_string(s.retry_at.ms) + " next " + std::to_string(s.next_attempt_at.ms) + " expires " +
         time(s.expires_at.ms) + " settled " + std::to_string(s.settled_at.ms) + " made " + std::to_string(s.attempts_made) + "-" +
         std::to_string(s.attempts_before) + "-" + std::to_string(s.laters);
}

/// The only patterns of the workload's rules end in a star.
bool RuleMatches(const LaneRule& rule, const LaneKey& lane) {
  return (!rule.mode || *rule.mode == lane.mode) && lane.name.starts_with(rule.match.substr(0, rule.match.size() - 1));
}

}  // namespace

std::shared_ptr<const std::string> Merged(const std::string& bytes, const std::string& data) {
  Result<NotifySpec> spec = DecodeSpec(bytes);
  if (!spec.ok()) return nullptr;
  if (spec->payload_kind == PayloadKind::kNone) {
    spec->payload_kind = PayloadKind::kData;
    spec->payload = data;
  } else {
    size_t colon = data.find(':');
    std::string member = data.substr(1, colon);  // "name":
    size_t at = spec->payload.find(member);
    std::string value = data.substr(colon + 1, data.size() - colon - 2);
    if (at != std::string::npos) {
      size_t from = at + member.size();
      spec->payload.replace(from, spec->payload.find_first_of(",}", from) - from, value);
    } else {
      spec->payload.replace(spec->payload.size() - 1, 1, "," + member + value + "}");
    }
  }
  return std::make_shared<const std::string>(EncodeSpec(*spec));
}

// ---- what was written

const NotifyState* Slice::StateOf(NotifyId id) const {
  for (const WriteOp* op = end_; op != begin_;) {
    --op;
    if (const auto* put = std::get_if<PutNotify>(op); put && put->record->id == id) return &put->record->state;
    if (const auto* change = std::get_if<ChangeNotify>(op); change && change->id == id) return &change->change->state;
  }
  return nullptr;
}

const NotifyRecord* Slice::RecordOf(NotifyId id) const {
  for (const WriteOp* op = end_; op != begin_;) {
    --op;
    if (const auto* put = std::get_if<PutNotify>(op); put && put->record->id == id) return put->record.get();
  }
  return nullptr;
}

bool Slice::HoldsUnder(const std::string& fkey, NotifyId id) const {
  return std::any_of(begin_, end_, [&](const WriteOp& op) {
    const auto* put = std::get_if<PutFkey>(&op);
    return put && put->fkey == fkey && put->record.id == id;
  });
}

bool Slice::Remembers(const IdempotencyKey& key, NotifyId id) const {
  return std::any_of(begin_, end_, [&](const WriteOp& op) {
    const auto* put = std::get_if<PutIdempotency>(&op);
    return put && put->key == key && put->record.id == id;
  });
}

bool Model::SameState(const NotifyState& a, const NotifyState& b) {
  return a.phase == b.phase && a.due == b.due && a.retry_at == b.retry_at && a.next_attempt_at == b.next_attempt_at && a.expires_at == b.expires_at &&
         a.settled_at == b.settled_at && a.attempts_made == b.attempts_made && a.attempts_before == b.attempts_before && a.laters == b.laters &&
         a.reason == b.reason && a.at_once == b.at_once;
}

void Model::CompareState(NotifyId id, const NotifyState& written, const Notify& notify) {
  const NotifyState& own = notify.state;
  if (SameState(written, own)) return;
  std::string both = ": " + StateText(written) + " in place of " + StateText(own);
  if (written.phase == Phase::kSucceeded && own.phase != Phase::kSucceeded && !IsSettled(own.phase))
    return violation_("P2 " + Name(id) + " is succeeded, but its receiver never took it" + both);
  bool times = written.phase == own.phase && written.attempts_made == own.attempts_made && written.attempts_before == own.attempts_before &&
               written.laters == own.laters && written.reason == own.reason;
  violation_((times ? "P6 the times of " : "P1 ") + Name(id) + (times ? "" : " is written otherwise than was decided") + both);
}

void Model::ComparePut(NotifyId id, const NotifyRecord& record, const Notify& notify) {
  CompareState(id, record.state, notify);
  if (*record.spec != *notify.spec) violation_("P1 " + Name(id) + " is written with other contents than were decided");
  const Envelope &a = *record.envelope, &b = *notify.envelope;
  if (a.lane != b.lane || a.host != b.host || a.fkey != b.fkey || a.caller != b.caller || a.priority != b.priority ||
      a.retry_policy() != b.retry_policy() || a.reply_none != b.reply_none || !a.callback != !b.callback)
    violation_("P1 " + Name(id) + " is written with another head than was decided");
  if (record.created_at != notify.created_at) violation_("P1 " + Name(id) + " is written with another time of creation");
}

void Model::Begin(uint64_t batch, Slice slice) {
  batch_ = batch;
  slice_ = slice;
  touched_ = {};
  undo_.push_back({batch, sums_});
}

void Model::End() {
  std::set<NotifyId> written;
  for (const WriteOp& op : slice_) {
    NotifyId id;
    if (const auto* put = std::get_if<PutNotify>(&op)) id = put->record->id;
    else if (const auto* change = std::get_if<ChangeNotify>(&op)) id = change->id;
    else if (const auto* deleted = std::get_if<DeleteNotify>(&op)) id = deleted->id;
    if (id.value != 0 && !touched_.notifies.count(id)) violation_("P1 " + Name(id) + " is changed, and nothing was decided about it");
    if (id.value != 0) written.insert(id);
    if (const auto* put = std::get_if<PutFkey>(&op)) {
      auto own = fkeys_.find(put->fkey);
      if (own == fkeys_.end() || !touched_.fkeys.count(put->fkey))
        violation_("P1 fkey " + put->fkey + " is changed, and nothing was decided about it");
    } else if (const auto* put = std::get_if<PutIdempotency>(&op)) {
      if (!touched_.keys.count(put->key)) violation_("P1 idempotency key " + put->key.key + " is changed, and nothing was decided about it");
    } else if (const auto* put = std::get_if<PutLaneSettings>(&op)) {
      if (!touched_.lanes.count(put->lane) || lanes_.at(put->lane).settings != put->settings)
        violation_("P1 the settings of lane " + put->lane.name + " are written otherwise than was decided");
    }
  }
  CheckSwitches();
  for (NotifyId id : touched_.notifies) {
    const Notify& notify = notifies_.at(id);
    if (!written.count(id)) {
      violation_("P1 what was decided about " + Name(id) + " is not written: " + StateText(notify.state));
      continue;
    }
    if (notify.exists) {
      if (const NotifyState* state = slice_.StateOf(id)) CompareState(id, *state, notify);
      if (const NotifyRecord* record = slice_.RecordOf(id)) {
        NotifyRecord last = *record;
        last.state = *slice_.StateOf(id);
        ComparePut(id, last, notify);
      }
    }
    bool pending = notify.pending();
    if (pending) pending_.insert(id);
    else pending_.erase(id);
    if (notify.envelope->lane.mode == Mode::kFifo) {
      if (pending) by_lane_[notify.envelope->lane].insert(id);
      else by_lane_[notify.envelope->lane].erase(id);
    }
  }
  batch_touched_.notifies.insert(touched_.notifies.begin(), touched_.notifies.end());
  batch_touched_.fkeys.insert(touched_.fkeys.begin(), touched_.fkeys.end());
  batch_touched_.keys.insert(touched_.keys.begin(), touched_.keys.end());
  batch_touched_.lanes.insert(touched_.lanes.begin(), touched_.lanes.end());
  batch_touched_.switches |= touched_.switches;
}

// ---- changes, and their undoing

namespace {

template <class Map>
std::optional<typename Map::mapped_type> Old(const Map& map, const typename Map::key_type& key) {
  auto found = map.find(key);
  return found == map.end() ? std::nullopt : std::optional(found->second);
}

template <class Map>
void PutBack(Map* map, const typename Map::key_type& key, const std::optional<typename Map::mapped_type>& old) {
  if (old) (*map)[key] = *old;
  else map->erase(key);
}

}  // namespace

Model::Notify& Model::Change(NotifyId id) {
  undo_.push_back({batch_, std::pair(id, Old(notifies_, id))});
  touched_.notifies.insert(id);
  Notify& notify = notifies_[id];
  notify.batch = batch_;
  return notify;
}
Model::Fkey& Model::ChangeFkey(const std::string& fkey) {
  undo_.push_back({batch_, std::pair(fkey, Old(fkeys_, fkey))});
  touched_.fkeys.insert(fkey);
  Fkey& changed = fkeys_[fkey];
  changed.batch = batch_;
  return changed;
}
Model::Key& Model::ChangeKey(const IdempotencyKey& key) {
  undo_.push_back({batch_, std::pair(key, Old(keys_, key))});
  touched_.keys.insert(key);
  Key& changed = keys_[key];
  changed.batch = batch_;
  return changed;
}
Model::Lane& Model::ChangeLane(const LaneKey& lane) {
  undo_.push_back({batch_, std::pair(lane, Old(lanes_, lane))});
  touched_.lanes.insert(lane);
  return lanes_[lane];
}

void Model::UndoLast() {
  Undo& undo = undo_.back();
  if (auto* notify = std::get_if<0>(&undo.old)) PutBack(&notifies_, notify->first, notify->second);
  else if (auto* fkey = std::get_if<1>(&undo.old)) PutBack(&fkeys_, fkey->first, fkey->second);
  else if (auto* key = std::get_if<2>(&undo.old)) PutBack(&keys_, key->first, key->second);
  else if (auto* lane = std::get_if<3>(&undo.old)) PutBack(&lanes_, lane->first, lane->second);
  else if (auto* own = std::get_if<5>(&undo.old)) PutBack(&switches_, own->first, own->second);
  else sums_ = std::get<Sums>(undo.old);
  undo_.pop_back();
}

void Model::RollBack(uint64_t batch) {
  while (!undo_.empty() && undo_.back().batch > batch) UndoLast();
  undo_.clear();
  flights_.clear();
  fifo_flights_.clear();
  lane_flights_.clear();
  host_flights_.clear();
  caller_flights_.clear();
  pending_.clear();
  by_lane_.clear();
  touched_ = batch_touched_ = {};
  // Batches are numbered anew from here.
  for (auto& [id, notify] : notifies_) {
    notify.batch = notify.durable = 0;
    notify.restarted = true;
    notify.repeats = Notify::Repeats::kNo;
    if (!notify.pending()) continue;
    pending_.insert(id);
    if (notify.envelope->lane.mode == Mode::kFifo) by_lane_[notify.envelope->lane].insert(id);
  }
  for (auto& [fkey, own] : fkeys_) own.batch = 0;
  for (auto& [key, own] : keys_) own.batch = 0;
  for (auto& [key, lane] : lanes_) lane.batch = lane.end_batch = 0;
  for (auto& [key, own] : switches_) own.batch = 0;
}

void Model::OnLoaded(NotifyId id) {
  auto found = notifies_.find(id);
  if (found != notifies_.end() && found->second.repeats == Notify::Repeats::kYes) found->second.repeats = Notify::Repeats::kMaybe;
}

void Model::Forget(uint64_t synced) {
  while (!undo_.empty() && undo_.front().batch <= synced) undo_.pop_front();
}

void Model::OnBoot() {
  limits_ = profile_.limits;
  lent_ = {0, UINT32_MAX, SIZE_MAX};
  stopping_ = closed_ = disk_low_ = false;
  sums_.last_at_once = {sums_.next_id - 1};
  breakers_.clear();
  opened_.clear();
  refused_.clear();
  DoubtHeads();
}

// ---- what follows from what

const Model::Notify* Model::Find(NotifyId id) const {
  auto found = notifies_.find(id);
  return found == notifies_.end() ? nullptr : &found->second;
}
const Model::Lane* Model::LaneOf(const LaneKey& lane) const {
  auto found = lanes_.find(lane);
  return found == lanes_.end() ? nullptr : &found->second;
}
Model::Flight* Model::InFlight(NotifyId id) {
  auto found = flights_.find(id);
  return found == flights_.end() ? nullptr : &found->second;
}

bool Model::IsPaused(const LaneKey& lane) const {
  const Lane* own = LaneOf(lane);
  return own && own->settings.paused != Paused::kNo;
}

double Model::RuleRate(const LaneKey& lane) const {
  for (const LaneRule& rule : limits_.lane_rules)
    if (RuleMatches(rule, lane)) return rule.settings.rate_per_s.value_or(0);
  return 0;
}

bool Model::HasRate(const LaneKey& lane) const {
  return Setting(lane, &LaneSettings::rate_per_s, 0.0) > 0;
}

template <class T, class F>
T Model::Setting(const LaneKey& lane, F field, T otherwise) const {
  if (const Lane* own = LaneOf(lane); own && own->settings.*field) return *(own->settings.*field);
  for (const LaneRule& rule : limits_.lane_rules)
    if (RuleMatches(rule, lane)) return (rule.settings.*field).value_or(otherwise);
  return otherwise;
}
OnRetry Model::OnRetryOf(const LaneKey& lane) const {
  return Setting(lane, &LaneSettings::on_retry, OnRetry::kBlock);
}
bool Model::SaysOnRetry(const LaneKey& lane) const {
  return OnRetryOf(lane) == Setting(lane, &LaneSettings::on_retry, OnRetry::kSkip);
}
OnFailure Model::OnFailureOf(const LaneKey& lane) const {
  return Setting(lane, &LaneSettings::on_failure, OnFailure::kContinue);
}

const RetryPolicy& Model::PolicyOf(const Notify& notify) const {
  static const RetryPolicy standard;
  return notify.envelope->retry ? *notify.envelope->retry : standard;
}

OrderKey Model::OrderOf(NotifyId id) const {
  const Notify& notify = notifies_.at(id);
  uint8_t rank = notify.envelope->lane.mode == Mode::kFifo ? 0 : static_cast<uint8_t>(9 - notify.envelope->priority);
  return {rank, notify.state.due, id};
}

bool Model::DueCame(const Notify& notify) const {
  return notify.state.due != kWallNever && clock_->HighestWall(notify.due_set_t, clock_->t()) >= notify.state.due.ms;
}

uint16_t Model::StatesOf(NotifyId id, const Notify& notify) const {
  auto bit = [](State state) { return static_cast<uint16_t>(1 << static_cast<int>(state)); };
  const NotifyState& s = notify.state;
  if (IsSettled(s.phase)) return bit(static_cast<State>(s.phase));
  if (HasFlight(id)) return bit(State::kSending);
  auto waits = [&](State waiting, bool came, bool may_have_come) {
    if (came) return bit(State::kReady);
    return may_have_come ? static_cast<uint16_t>(bit(waiting) | bit(State::kReady)) : bit(waiting);
  };
  if (s.phase == Phase::kHeld) return waits(State::kHeld, s.due <= wall(), DueCame(notify));
  if (s.phase == Phase::kWaiting) return waits(State::kScheduled, s.at_once || s.due <= wall(), DueCame(notify));
  return waits(State::kRetrying, s.retry_at <= mono(), notify.restarted);
}

// ---- settling

void Model::MakeCallback(NotifyId about, const Notify& notify) {
  NotifyId id{sums_.next_id++};
  ++sums_.accepted;
  const NotifyRecord* record = slice_.RecordOf(id);
  if (!record) return violation_("P1 " + Name(about) + " settles, and nobody is told of it");
  const Callback& callback = *notify.envelope->callback;
  Result<NotifySpec> spec = DecodeSpec(*record->spec);
  auto says = [&](const std::string& text) { return spec.ok() && spec->payload.find(text) != std::string::npos; };
  const NotifyState& state = notify.state;
  if (!spec.ok() || spec->url != callback.url || record->envelope->lane != LaneKey{Mode::kConcurrent, callback.lane} ||
      record->envelope->host != callback.host || record->envelope->callback || ToldAbout(*record->spec) != about ||
      !says(std::string("\"state\":\"") + notifyd::ToString(static_cast<State>(state.phase)) + "\"") ||
      !says("\"attempts_made\":" + std::to_string(state.attempts_made)))
    violation_("P1 the callback " + Name(id) + " does not tell of " + Name(about) + " as it settled");
  Notify& made = Change(id);
  made = {};
  made.batch = batch_;
  made.envelope = record->envelope;
  made.spec = record->spec;
  made.created_at = wall();
  SetDue(id, &made, true, {});
}

void Model::Settle(NotifyId id, Phase phase, const std::string& reason) {
  Notify& notify = Change(id);
  NotifyState& state = notify.state;
  bool failed_head = phase == Phase::kFailed || (phase == Phase::kExpired && state.attempts_made > state.attempts_before);
  state.phase = phase;
  state.reason = reason;
  state.settled_at = wall();
  notify.settled_t = clock_->t();
  state.at_once = false;
  state.next_attempt_at = {};
  ++(phase == Phase::kSucceeded   ? sums_.succeeded
     : phase == Phase::kFailed    ? sums_.failed
     : phase == Phase::kCancelled ? sums_.cancelled
                                  : sums_.expired);
  // Nobody is told from a namespace that is being removed.
  if (notify.envelope->callback && reason != "replaced" && !closed_) MakeCallback(id, notify);
  const Envelope& envelope = *notify.envelope;
  if (auto own = fkeys_.find(envelope.fkey); !envelope.fkey.empty() && own != fkeys_.end() && own->second.record.id == id) {
    int64_t kept_ms = phase == Phase::kSucceeded ? profile_.limits.retention_succeeded_ms : profile_.limits.retention_settled_ms;
    ChangeFkey(envelope.fkey).record.expires_at = {wall().ms + kept_ms};
  }
  if (envelope.lane.mode != Mode::kFifo) return;
  Lane& lane = ChangeLane(envelope.lane);
  lane.end_batch = batch_;
  if (lane.blocked_head == id) lane.blocked_head = {};
  if (failed_head && OnFailureOf(envelope.lane) == OnFailure::kPause && lane.settings.paused == Paused::kNo) {
    lane.settings.paused = Paused::kByFailure;
    lane.settings.pause.note = std::make_shared<const PauseNote>(PauseNote{wall(), {}, {}, id});
    lane.batch = batch_;
  }
}

// ---- attempts

/// Who has nothing in flight may always start one.
bool Model::CallerAtShare(uint32_t in_flight, bool host_is_busy) const {
  return in_flight > 0 && in_flight >= 32 * (FreePlaces() - (host_is_busy ? KeptPlaces() : 0));
}

std::set<std::string> Model::CallersAtShare(const std::string& host) const {
  auto at_host = host_flights_.find(host);
  const bool busy = at_host != host_flights_.end() && at_host->second > 0;
  std::set<std::string> callers;
  for (const auto& [caller, in_flight] : caller_flights_)
    if (CallerAtShare(in_flight, busy)) callers.insert(caller);
  return callers;
}

void Model::CheckCaps(NotifyId id, const Envelope& envelope) {
  const Lane* own = LaneOf(envelope.lane);
  uint32_t lane_cap = envelope.lane.mode == Mode::kFifo ? 1 : limits_.max_in_flight_per_lane;
  if (own && own->settings.concurrency && envelope.lane.mode == Mode::kConcurrent) lane_cap = *own->settings.concurrency;
  if (flights_.size() >= MaxInFlight()) violation_("P4 " + Name(id) + ": more in flight than " + std::to_string(MaxInFlight()));
  // What is still free, less one slot and a 128th that is kept for hosts with nothing in flight, bounds each host, and 32 times that each caller; the
  // last slot is for callers that have nothing in flight. Who has nothing in flight may always start one.
  uint32_t &at_host = host_flights_[envelope.host], &of_caller = caller_flights_[envelope.caller];
  if (at_host > 0 && at_host >= std::min<int64_t>(limits_.max_in_flight_per_host, FreePlaces() - KeptPlaces()))
    violation_("P4 " + Name(id) + ": more in flight at " + envelope.host + " than its share, " + std::to_string(at_host));
  // A lane of several callers waits for the share of none; which of them memory has seen since when is not known here.
  bool mixed = std::any_of(notifies_.begin(), notifies_.end(), [&](const auto& each) {
    return each.second.envelope && each.second.envelope->lane == envelope.lane && each.second.envelope->caller != envelope.caller;
  });
  if (!mixed && CallerAtShare(of_caller, at_host > 0))
    violation_("P4 " + Name(id) + ": more in flight of caller " + envelope.caller + " than its share, " + std::to_string(of_caller));
  ++at_host;
  ++of_caller;
  if (lane_flights_[envelope.lane]++ >= lane_cap)
    violation_("P3 " + Name(id) + ": more in flight in lane " + envelope.lane.name + " than " + std::to_string(lane_cap));
}

void Model::EndFlight(NotifyId id, const Envelope& envelope) {
  flights_.erase(id);
  --host_flights_[envelope.host];
  --caller_flights_[envelope.caller];
  --lane_flights_[envelope.lane];
  if (auto own = fifo_flights_.find(envelope.lane); own != fifo_flights_.end() && own->second == id) fifo_flights_.erase(own);
}

void Model::CarryTurn(NotifyId id, uint64_t written) {
  const Notify* notify = Find(id);
  std::string name = Name(id);
  if (!notify || !notify->pending()) return violation_("P1 it is the turn of " + name + ", which is not pending");
  const LaneKey& key = notify->envelope->lane;
  const NotifyState& state = notify->state;
  if (HasFlight(id)) violation_("P2 it is the turn of " + name + ", which is in flight");
  if (IsPaused(key)) violation_("P4 it is the turn of " + name + " in lane " + key.name + ", which is paused");
  CheckNotPaused("it is the turn of " + name, *notify->envelope);
  CheckCaps(id, *notify->envelope);
  flights_[id].number = state.attempts_made + 1;
  BeginAtBreaker(id, notify->envelope->host, &flights_[id]);
  if (state.phase == Phase::kRetrying ? state.retry_at > mono() && !notify->restarted : !state.at_once && !DueCame(*notify))
    violation_("P6 it is the turn of " + name + (state.due == kWallNever ? ", which is held" : ", early"));
  if (key.mode != Mode::kFifo) return;
  const Lane* lane = LaneOf(key);
  auto [flight, free] = fifo_flights_.emplace(key, id);
  if (!free) violation_("P3 it is the turn of " + name + " while " + Name(flight->second) + " of lane " + key.name + " is in flight");
  if (lane && lane->end_batch > written)
    violation_("P3 it is the turn of " + name + " before the outcome of the one before it in " + key.name + " is written");
  bool heads = lane && (OnRetryOf(key) == OnRetry::kBlock || lane->repeat_head) && !lane->unsure_head && lane->blocked_head.value != 0;
  if (heads) {
    if (lane->blocked_head != id) violation_("P3 " + name + " overtakes the attempted head " + Name(lane->blocked_head) + " of " + key.name);
    return;
  }
  // Once a reload may have let an attempted head go it goes among the others, and they may go before it.
  for (NotifyId other_id : by_lane_[key]) {
    const Notify& other = notifies_.at(other_id);
    const NotifyState& s = other.state;
    if (other_id == id || s.phase == Phase::kRetrying || s.expires_at <= wall()) continue;
    bool due = s.due <= wall() || (s.phase == Phase::kWaiting && s.at_once);
    bool before = s.due < state.due || (s.due == state.due && other_id < id);
    if (due && before && lane && lane->unsure_head && state.phase == Phase::kRetrying) continue;
    if (due && before) violation_("P3 " + name + " goes before " + Name(other_id) + " in " + key.name + ", which is due and earlier in order");
  }
}

void Model::CarryReturn(NotifyId id) {
  Flight* flight = InFlight(id);
  if (!flight || flight->started) violation_("P2 " + Name(id) + " gives back a place in flight that it does not have");
  else {
    ReturnAtBreaker(id, Find(id)->envelope->host, *flight);
    EndFlight(id, *Find(id)->envelope);
  }
}

void Model::CarryStart(NotifyId id) {
  const Notify* notify = Find(id);
  Flight* flight = InFlight(id);
  std::string name = Name(id);
  if (!notify || !flight || flight->started) return violation_("P2 " + name + " starts without its turn");
  if (!notify->pending()) violation_("P1 " + name + " starts although it is " + StateText(notify->state));
  if (IsPaused(notify->envelope->lane)) violation_("P4 " + name + " starts in lane " + notify->envelope->lane.name + ", which is paused");
  CheckNotPaused(name + " starts", *notify->envelope);
  if (notify->state.expires_at <= wall())
    violation_("P6 " + name + " starts " + std::to_string(wall().ms - notify->state.expires_at.ms) + " ms after its expiry");
  uint32_t budget = notify->envelope->reply_none ? 1 : PolicyOf(*notify).max_attempts;
  uint32_t counted = flight->number - notify->state.attempts_before - notify->state.laters;
  if (counted > budget) violation_("P2 " + name + " is over its budget of " + std::to_string(budget));
  if (flight->refused) violation_("P4 " + name + " starts at a breaker that is open");
  flight->started = true;
  flight->last = counted >= budget;
  flight->spec = notify->spec;
  flight->durable = notify->durable;
}

/// The next attempt's time: jitter is the core's to choose, within the policy.
void Model::WaitAfter(NotifyId id, Notify* notify, uint32_t failures, const AttemptResult& truth, bool later, bool repeat) {
  const RetryPolicy& policy = PolicyOf(*notify);
  double wait = std::min(static_cast<double>(policy.initial_ms) * std::pow(policy.factor, failures - 1), static_cast<double>(policy.max_ms));
  if (!policy.schedule_ms.empty()) wait = static_cast<double>(policy.schedule_ms[std::min<size_t>(failures, policy.schedule_ms.size()) - 1]);
  double asked = std::min(static_cast<double>(truth.retry_after_ms), static_cast<double>(policy.max_ms));
  double longer = std::max(wait, asked);
  double least = std::max({longer * (1 - policy.jitter), asked, later ? 10.0 : 0.0});
  double most = longer * (1 + policy.jitter);
  if (policy.schedule_ms.empty() || asked > wait) most = std::min(most, static_cast<double>(policy.max_ms));
  most = std::max({most, asked, later ? 10.0 : 0.0});
  if (repeat) least = most = 0;
  NotifyState& state = notify->state;
  const NotifyState* written = slice_.StateOf(id);
  int64_t chosen = written ? written->retry_at.ms - mono().ms : 0;
  double slack = 0.5;  // to the nearest millisecond
  if (static_cast<double>(chosen) < least - slack || static_cast<double>(chosen) > most + slack)
    violation_("P6 " + Name(id) + " waits " + std::to_string(chosen) + " ms for its next attempt, not " + std::to_string(least) + " to " +
               std::to_string(most));
  state.phase = Phase::kRetrying;
  state.retry_at = {mono().ms + chosen};
  state.next_attempt_at = {wall().ms + chosen};
  notify->durable = batch_;
  notify->restarted = false;
}

void Model::CarryEnd(NotifyId id) {
  Flight* flight = InFlight(id);
  if (!flight || !flight->started || !flight->truth || !Find(id)) return violation_("P2 " + Name(id) + " ends, and nothing of it was in flight");
  AttemptResult truth = *flight->truth;
  uint32_t number = flight->number;
  // Once: what was lost again, over a new connection, waits like any other.
  const bool repeat = truth.lost_reused && truth.verdict == Verdict::kFailure && flight->over != StartAttempt::Over::kNew;
  const bool in_vain = EndAtBreaker(id, Find(id)->envelope->host, *flight, truth);
  EndFlight(id, *Find(id)->envelope);
  Notify& notify = Change(id);
  NotifyState& state = notify.state;
  LaneKey key = notify.envelope->lane;
  if (key.mode == Mode::kFifo) ChangeLane(key).end_batch = batch_;
  uint32_t tries = number - state.attempts_before;
  ++sums_.attempts;
  if (number > 1) ++sums_.retries;
  state.attempts_made = number;
  notify.repeats = Notify::Repeats::kNo;
  if (IsSettled(state.phase)) return;  // cancelled meanwhile: it changes nothing
  bool later = truth.verdict == Verdict::kLater;
  if (later) ++state.laters;
  uint32_t failures = tries - state.laters;
  uint32_t budget = PolicyOf(notify).max_attempts;
  if (truth.verdict == Verdict::kSuccess) return Settle(id, Phase::kSucceeded, "");
  if (state.expires_at <= wall()) return Settle(id, Phase::kExpired, "");
  if (truth.verdict == Verdict::kFatal)
    return Settle(id, Phase::kFailed, truth.record.error == "destination_refused" ? truth.record.error : "fatal_answer");
  if (in_vain) return WaitOn(id);
  if (notify.envelope->reply_none) return Settle(id, Phase::kFailed, "not_sent");
  if (!later && failures >= budget) return Settle(id, Phase::kFailed, "attempts_exhausted");
  WaitAfter(id, &notify, std::max<uint32_t>(failures, 1), truth, later, repeat);
  if (repeat) notify.repeats = Notify::Repeats::kYes;
  if (key.mode != Mode::kFifo) return;
  Lane& lane = ChangeLane(key);
  if (OnRetryOf(key) == OnRetry::kBlock || repeat) {
    lane.blocked_head = id;
    lane.unsure_head = false;
    lane.repeat_head = repeat;
  } else if (lane.blocked_head == id) {
    lane.blocked_head = {};
  }
}

void Model::CarryLimits(const CoreLimits& limits) {
  limits_ = limits;
  DoubtHeads();
}

/// Where the settings have come to say that others pass an attempted head, the one that was held up others may have been let go, or not.
void Model::DoubtHeads() {
  for (auto& [key, lane] : lanes_) lane.unsure_head |= lane.blocked_head.value != 0 && OnRetryOf(key) == OnRetry::kSkip;
}

}  // namespace notifyd::sim
