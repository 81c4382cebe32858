// See core_groups.h.
#include "broker/core_groups.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/json.h"
#include "broker/callback.h"
#include "broker/core_submits.h"
#include "broker/flow.h"
#include "broker/partition.h"
#include "broker/resource.h"
#include "broker/response_records.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

/// So many kept answers are read at once: each may have kMostResponseBytes.
constexpr size_t kResponsesAPage = 8;
constexpr const char* kNoGroup = "there is no such group";

bool HasFailed(Phase phase) {
  return phase == Phase::kFailed || phase == Phase::kExpired;
}

/// What tells of a group's end: {"id","state","counts","caller","labels","created_at","settled_at","url"}.
NotifySpec SpecOfEnd(NotifyId id, const GroupRecord& group) {
  NotifySpec spec;
  spec.url = group.callback->url;
  spec.via = group.via;
  spec.payload_kind = PayloadKind::kData;
  uint32_t counts[static_cast<size_t>(State::kExpired) + 1] = {};
  for (const GroupMember& member : group.members) ++counts[static_cast<size_t>(member.phase)];
  JsonWriter json(&spec.payload);
  json.BeginObject();
  json.Key("id");
  json.String(id.ToString());
  json.Key("state");
  json.String("settled");
  json.Key("count");
  json.Uint(group.members.size());
  json.Key("counts");
  json.BeginObject();
  for (State state : {State::kSucceeded, State::kFailed, State::kCancelled, State::kExpired}) {
    json.Key(ToString(state));
    json.Uint(counts[static_cast<size_t>(state)]);
  }
  json.EndObject();
  json.Key("caller");
  json.String(group.caller);
  json.Key("labels");
  WriteLabels(group.labels.get(), &json);
  json.Key("created_at");
  json.String(FormatRfc3339(group.created_at));
  json.Key("settled_at");
  json.String(FormatRfc3339(group.settled_at));
  json.EndObject();
  return spec;
}

/// When the last of its members was settled, all of which are; never its epoch.
WallTime LastSettled(const GroupRecord& group) {
  WallTime last{1};
  for (const GroupMember& member : group.members) last = std::max(last, member.settled_at);
  return last;
}

}  // namespace

const char* Core::Impl::GroupPart::kTurnRefusal = "the notify waits for its turn in its group";

Handled Core::Impl::Handle(Task* task, GroupRequest& r) {
  return groups_->Handle(task, r);
}

Handled Core::Impl::GroupPart::Handle(Task* task, GroupRequest& r) {
  const GroupAsk& ask = *r.ask;
  if (const auto* post = std::get_if<GroupPost>(&ask.what)) return Post(task, r, *post);
  if (const auto* get = std::get_if<GroupGet>(&ask.what)) return Get(task, r, *get);
  if (const auto* cancel = std::get_if<GroupCancel>(&ask.what)) return Cancel(task, r, *cancel);
  return List(r, std::get<GroupList>(ask.what));
}

RecordSlot* Core::Impl::GroupPart::Need(Task* task, NotifyId id, GroupRecord* record, bool even_over) {
  // What has no id yet cannot be there, and must have no slot when it comes (Make).
  if (id.value == 0 || id.value >= core_.totals_.next_id) return nullptr;
  RecordSlot* slot = core_.NeedRecord(task, RecordKind::kGroup, GroupKey(id));
  if (!slot || !slot->record || (slot->record->expires_at <= core_.now_.wall && !even_over)) return nullptr;
  Result<GroupRecord> decoded = DecodeGroup(slot->record->value);
  if (!decoded.ok()) return nullptr;
  *record = *std::move(decoded);
  return slot;
}

// ---- a new one

Handled Core::Impl::GroupPart::Post(Task* task, const GroupRequest& r, const GroupPost& post) {
  if (core_.RefusedStopping(r.request)) return Handled::kDone;
  NotifyId earlier;
  if (!post.idempotency_key.empty()) {
    IdempotencySlot* slot = core_.NeedIdempotency(task, {post.caller, post.idempotency_key});
    if (!slot) return Handled::kParked;
    if (slot->record && slot->record->expires_at > core_.now_.wall) {
      if (!HasFields(slot->record->fields, post))
        return core_.RefuseAfter(r.request, Code::kUnacceptable, "this idempotency key was used with other fields", "/idempotency_key");
      earlier = slot->record->id;
    }
  }
  if (earlier.value != 0) {
    GroupView view;
    view.id = earlier;
    view.as = GroupAs::kDuplicate;
    if (!Need(task, earlier, &view.record)) {
      if (task->missing > 0) return Handled::kParked;
      view.gone = true;
      return Show(r.request, std::move(view));
    }
    return Answer(task, r, std::move(view));
  }
  if (Status room = core_.Room(kSubmitsRefused); !room.ok()) return core_.Refuse(r.request, room);
  std::optional<Refused> refused;
  if (!Submits(&core_, task).Judge(post.submit, &refused)) return Handled::kParked;
  if (refused) {
    Status& status = refused->status;
    if (!status.field().empty()) status = Status(status.code(), status.detail(), "/notifies" + status.field());
    return core_.ReplyAfter(core_.journal_.Barrier(), r.request, std::move(*refused));
  }
  GroupView view;
  view.as = GroupAs::kMade;
  view.id = Make(post, &view.record);
  return Answer(task, r, std::move(view));
}

NotifyId Core::Impl::GroupPart::Make(const GroupPost& post, GroupRecord* made) {
  const NotifyId id{core_.totals_.next_id++};
  GroupRecord& record = *made;
  record.created_at = core_.now_.wall;
  record.caller = post.caller;
  record.cancel_rest = post.cancel_rest;
  record.sequential = post.sequential;
  record.released = post.sequential ? 1 : 0;
  record.callback = post.callback;
  record.labels = post.labels;
  record.via = post.via;
  record.trace_parent = post.trace_parent;
  record.members.reserve(post.submit.items.size());
  for (size_t place = 0; place < post.submit.items.size(); ++place) {
    SubmitItem item = post.submit.items[place];
    auto envelope = std::make_shared<Envelope>(*item.envelope);
    auto flow = envelope->flow ? std::make_shared<FlowFields>(*envelope->flow) : std::make_shared<FlowFields>();
    flow->group = id;
    flow->group_place = static_cast<uint32_t>(place);
    record.keeps |= flow->keep_response_bytes > 0;
    envelope->flow = std::move(flow);
    item.envelope = std::move(envelope);
    item.group_turn = post.sequential && place > 0;
    GroupMember& member = record.members.emplace_back();
    if (item.group_turn) {
      member.when = item.when;
      member.ttl = item.ttl;
    }
    const Entry* entry = core_.ApplySubmit(item, item.spec, nullptr);
    CHECK(entry->id == MemberOf(id, place));
  }
  std::string value = EncodeGroup(record);
  core_.stored_.bytes += kRecordBytes + value.size();
  core_.WriteNewRecord({RecordKind::kGroup, GroupKey(id)}, std::move(value));
  if (!post.idempotency_key.empty()) {
    SubmitItem key;
    key.idempotency_key = post.idempotency_key;
    key.fields = post.fields;
    auto envelope = std::make_shared<Envelope>();
    envelope->caller = post.caller;
    key.envelope = std::move(envelope);
    core_.RememberKey(key, id);
  }
  return id;
}

// ---- seen

/// Memory may have what the record has not yet, or has not at all: in which of the states that are not settled one is.
bool Core::Impl::GroupPart::Overlay(Task* task, GroupView* view, bool envelopes) {
  const size_t count = view->record.members.size();
  for (size_t place = 0; place < count; ++place)
    if (envelopes || !view->record.members[place].settled()) core_.NeedEntry(task, MemberOf(view->id, place));
  if (task->missing > 0) return false;
  view->states.resize(count);
  if (envelopes) view->envelopes.resize(count);
  view->counts = {};
  for (size_t place = 0; place < count; ++place) {
    GroupMember& member = view->record.members[place];
    State state = static_cast<State>(member.phase);
    const Entry* entry = core_.FindEntry(MemberOf(view->id, place));
    if (entry && entry->known && entry->exists) {
      if (envelopes) view->envelopes[place] = entry->envelope;
      state = core_.StateOf(entry->state, entry);
      if (entry->state.phase != member.phase || entry->state.attempts_made > member.attempts_made) {
        if (member.attempts_made != entry->state.attempts_made) member.status = 0;
        member.phase = entry->state.phase;
        member.attempts_made = entry->state.attempts_made;
        member.settled_at = entry->state.settled_at;
        member.reason = entry->state.reason;
      }
    } else if (!member.settled()) {
      // It was purged, and the agenda has what became of it.
      state = State::kReady;
    }
    view->states[place] = state;
    ++view->counts[static_cast<size_t>(state)];
  }
  // The record has it in a moment.
  if (view->settled() && !view->record.was_settled()) view->record.settled_at = LastSettled(view->record);
  return true;
}

Handled Core::Impl::GroupPart::Show(RequestId request, GroupView view) {
  const bool unchanged = view.unchanged;
  return core_.ReplyAfter(core_.journal_.Barrier(), request, GroupAnswered{std::make_shared<const GroupAnswer>(GroupAnswer{std::move(view)})},
                          unchanged);
}

Handled Core::Impl::GroupPart::Answer(Task* task, const GroupRequest& r, GroupView view) {
  const GroupGet* get = std::get_if<GroupGet>(&r.ask->what);
  if (!Overlay(task, &view, get && get->envelopes)) return Handled::kParked;
  if (r.ask->wait_ms > 0 && !view.settled() && !core_.stopping_) {
    if (!polls_.Add(r.request, view.id, {core_.now_.mono.ms + r.ask->wait_ms})) return Handled::kDone;
    waiting_[r.request] = std::make_shared<const GroupAsk>(GroupAsk{GroupGet{view.id, view.as, /*waited=*/true}, 0});
    return Handled::kDone;
  }
  view.waited |= r.ask->wait_ms > 0;
  if (view.record.keeps) {
    view.responses.resize(view.record.members.size());
    AnswerWithResponses(r.request, std::make_shared<GroupView>(std::move(view)), 0, kMostResponseBytes);
    return Handled::kDone;
  }
  return Show(r.request, std::move(view));
}

void Core::Impl::GroupPart::AnswerWithResponses(RequestId request, std::shared_ptr<GroupView> view, size_t place, size_t room) {
  const size_t count = view->record.members.size();
  RecordsPage page{RecordKind::kResponse, ResponseKey(MemberOf(view->id, place)).key, ResponseKey(MemberOf(view->id, count)).key};
  core_.AskRecords(std::move(page), kResponsesAPage, [this, request, view = std::move(view), count, room](std::vector<RecordRow>& rows, bool more) mutable {
    size_t next = count;
    for (const RecordRow& row : rows) {
      next = GroupOfKey(row.key).value - MemberOf(view->id, 0).value + 1;
      Result<Response> response = DecodeResponse(row.record.value);
      if (!response.ok()) continue;
      if (response->body.size() > room) {
        more = false;
        break;
      }
      room -= response->body.size();
      view->responses[next - 1] = std::make_shared<const Response>(*std::move(response));
    }
    if (more && next < count) return AnswerWithResponses(request, std::move(view), next, room);
    Show(request, std::move(*view));
  });
}

Handled Core::Impl::GroupPart::Get(Task* task, const GroupRequest& r, const GroupGet& get) {
  // As of one notify.
  if (core_.closed_ && get.waited && get.as == GroupAs::kSeen && core_.RefusedStopping(r.request)) return Handled::kDone;
  GroupView view;
  view.id = get.id;
  // Whoever waited for it sees it, however short it is kept.
  if (!Need(task, get.id, &view.record, /*even_over=*/get.waited))
    return task->missing > 0 ? Handled::kParked : core_.Refuse(r.request, Code::kNotFound, kNoGroup);
  view.as = get.as;
  view.waited = get.waited;
  return Answer(task, r, std::move(view));
}

Handled Core::Impl::GroupPart::List(const GroupRequest& r, const GroupList& list) {
  RecordsPage page{RecordKind::kGroup, "", list.below.value != 0 ? GroupKey(list.below) : "", /*newest_first=*/true, kListPageBytes};
  core_.AskRecords(std::move(page), list.limit, [this, request = r.request](std::vector<RecordRow>& rows, bool more) {
    GroupsListed listed;
    for (const RecordRow& row : rows) {
      Result<GroupRecord> record = DecodeGroup(row.record.value);
      if (!record.ok()) continue;
      GroupView& view = listed.groups.emplace_back();
      view.id = GroupOfKey(row.key);
      view.record = *std::move(record);
      for (const GroupMember& member : view.record.members)
        ++view.counts[static_cast<size_t>(member.settled() ? static_cast<State>(member.phase) : State::kReady)];
      std::vector<GroupMember>().swap(view.record.members);  // they take many times what they are stored in
    }
    if (more && !rows.empty()) listed.next = GroupOfKey(rows.back().key);
    core_.ReplyNow(request, GroupAnswered{std::make_shared<const GroupAnswer>(GroupAnswer{std::move(listed)})});
  });
  return Handled::kDone;
}

// ---- members that settle

void Core::Impl::GroupPart::OnChanged(const Entry& entry, const AttemptRecord* attempt) {
  const auto& flow = entry.envelope->flow;
  if (!flow || flow->group.value == 0 || core_.draining_) return;
  GroupOutcome outcome;
  outcome.group = flow->group;
  outcome.place = flow->group_place;
  GroupMember& member = outcome.member;
  member.phase = entry.state.phase;
  member.revived = !member.settled();
  if (member.settled()) {
    if (!attempt && entry.full && !entry.full->attempts.empty()) attempt = &entry.full->attempts.back();
    member.status = attempt ? attempt->status : 0;
    member.attempts_made = entry.state.attempts_made;
    member.settled_at = entry.state.settled_at;
    member.reason = entry.state.reason;
  }
  core_.AddToAgenda(EncodeOutcome(outcome));
}

void Core::Impl::GroupPart::NeedGroupOf(Task* task, const Entry& entry) {
  const auto& flow = entry.envelope->flow;
  if (flow && flow->group.value != 0) core_.NeedRecord(task, RecordKind::kGroup, GroupKey(flow->group));
}

void Core::Impl::GroupPart::OnRevived(Task* task, const std::vector<Entry*>& entries) {
  std::map<NotifyId, std::vector<size_t>> places;
  for (const Entry* entry : entries)
    if (const auto& flow = entry->envelope->flow; flow && flow->group.value != 0) places[flow->group].push_back(flow->group_place);
  for (const auto& [group, revived] : places) {
    GroupRecord record;
    RecordSlot* slot = Need(task, group, &record, /*even_over=*/true);
    if (!slot) continue;
    for (size_t place : revived) {
      if (place >= record.members.size()) continue;
      GroupMember& member = record.members[place];
      member.phase = Phase::kWaiting;
      member.revived = member.sent_again = true;
    }
    core_.WriteRecord(slot, EncodeGroup(record), kWallNever);  // as long as one of it is pending
  }
}

void Core::Impl::GroupPart::OnGivenBack(const Entry& entry) {
  const auto& flow = entry.envelope->flow;
  if (!flow) return;
  if (auto stopped = stopped_.find(flow->group); stopped != stopped_.end()) core_.AddToAgenda(AdvanceItem(flow->group, stopped->second.by_request));
}

Handled Core::Impl::GroupPart::Handle(Task* task, AgendaDue& due) {
  Decoder decoder(std::string_view(due.what).substr(1));
  const uint8_t what = decoder.U8();
  const NotifyId group{decoder.Big64()};
  if (decoder.ok() && what == kGroupOutcome) return Outcomes(task, due, group);
  if (decoder.ok() && what == kGroupAdvance) return Advance(task, due, group, /*by_request=*/!decoder.done());
  return Done(due);
}

Handled Core::Impl::GroupPart::Done(const AgendaDue& due) {
  core_.DropFromAgenda(due.serial);
  core_.EndDue(due);
  return Handled::kDone;
}

/// Asks for the members that were sent again and of which there is an outcome, in `first` or in an item behind it. Returns false where the task must
/// wait for one.
bool Core::Impl::GroupPart::NeedSentAgain(Task* task, NotifyId group, const GroupRecord& record, const std::string& first) {
  const auto is_of = [](const GroupMember& member) { return !member.settled() && member.sent_again; };
  if (std::none_of(record.members.begin(), record.members.end(), is_of)) return true;
  const auto need = [&](const std::string& item) {
    const std::optional<GroupOutcome> outcome = DecodeOutcome(item);
    if (!outcome || !outcome->member.settled() || outcome->place >= record.members.size()) return;
    if (is_of(record.members[outcome->place])) core_.NeedEntry(task, MemberOf(group, outcome->place));
  };
  need(first);
  const std::string head = first.substr(0, kGroupItemHead);
  for (const AgendaDue& other : core_.agenda_[AgendaSort::kGroups].due)
    if (other.what.starts_with(head)) need(other.what);
  return task->missing == 0;
}

/// Is it of an end from before the member was sent again, which the record knows from that batch on? The notify itself, which must be known
/// (NeedSentAgain), has the last one.
bool Core::Impl::GroupPart::IsOutdated(const GroupOutcome& outcome, const GroupMember& known) const {
  if (known.settled() || !known.sent_again || !outcome.member.settled()) return false;
  const Entry* entry = core_.FindEntry(MemberOf(outcome.group, outcome.place));
  if (!entry || !entry->known || !entry->exists) return false;
  return entry->pending() || entry->state.phase != outcome.member.phase || entry->state.settled_at != outcome.member.settled_at;
}

/// Takes what became of members into the record: this one, and all of the same group behind it, so that a group of which many settle at once is
/// written once.
Handled Core::Impl::GroupPart::Outcomes(Task* task, AgendaDue& due, NotifyId group) {
  GroupRecord record;
  RecordSlot* slot = Need(task, group, &record, /*even_over=*/true);
  if (task->missing > 0) return Handled::kParked;
  if (!slot) return Done(due);
  if (!NeedSentAgain(task, group, record, due.what)) return Handled::kParked;
  bool failed = false;
  auto take = [&](std::string_view item) {
    std::optional<GroupOutcome> outcome = DecodeOutcome(item);
    if (!outcome || outcome->place >= record.members.size()) return;
    GroupMember& member = record.members[outcome->place];
    if (IsOutdated(*outcome, member)) return;
    outcome->member.when = member.when;
    outcome->member.ttl = member.ttl;
    // That it was revived the record has known from the first. It may have been asked to end since.
    if (outcome->member.revived && !member.settled()) return;
    member = std::move(outcome->member);
    failed |= HasFailed(member.phase);
  };
  take(due.what);
  const std::string head = due.what.substr(0, kGroupItemHead);
  std::erase_if(core_.agenda_[AgendaSort::kGroups].due, [&](const AgendaDue& other) {
    if (!other.what.starts_with(head)) return false;
    take(other.what);
    core_.DropFromAgenda(other.serial);
    return true;
  });
  const bool settled = record.pending() == 0;
  if (settled && !record.was_settled()) Settled(group, &record);
  WallTime expires_at = settled ? slot->record->expires_at : kWallNever;
  if (settled && expires_at == kWallNever) {
    const bool all_well =
        std::all_of(record.members.begin(), record.members.end(), [](const GroupMember& m) { return m.phase == Phase::kSucceeded; });
    expires_at = {core_.now_.wall.ms + (all_well ? core_.limits_.retention_succeeded_ms : core_.limits_.retention_settled_ms)};
  }
  core_.WriteRecord(slot, EncodeGroup(record), expires_at);
  if (settled) {
    DropStopped(group);
    WakePolls(group);
  } else if (!record.stopped) {
    const bool next = record.sequential && record.released > 0 && record.members[record.released - 1].settled();
    if (next || (record.cancel_rest && failed)) core_.AddToAgenda(AdvanceItem(group, /*by_request=*/false));
  }
  return Done(due);
}

/// All members are settled for the first time.
void Core::Impl::GroupPart::Settled(NotifyId id, GroupRecord* record) {
  record->settled_at = LastSettled(*record);
  if (record->callback) CallBack(id, record);
  size_t succeeded = 0;
  for (const GroupMember& member : record->members) succeeded += member.phase == Phase::kSucceeded;
  const std::string notifies = std::to_string(record->members.size()), well = std::to_string(succeeded);
  core_.out_->flow_logs.push_back({false, "group settled", {{"group", id.ToString()}, {"notifies", notifies}, {"succeeded", well}}});
}

void Core::Impl::GroupPart::CallBack(NotifyId id, GroupRecord* record) {
  auto envelope = std::make_shared<Envelope>();
  envelope->lane = {Mode::kConcurrent, record->callback->lane};
  envelope->host = record->callback->host;
  envelope->caller = record->caller;
  envelope->labels = record->labels;
  envelope->trace_parent = record->trace_parent;
  const NotifySpec spec = SpecOfEnd(id, *record);
  OrderByRule(core_.limits_.lane_rules, spec.payload, id.value, envelope.get());
  SubmitItem item;
  item.envelope = std::move(envelope);
  record->callback_id = core_.ApplySubmit(item, std::make_shared<const std::string>(EncodeSpec(spec)), nullptr)->id;
}

// ---- the next member, and the end of what waits

/// Collects the members that are not settled and not in flight, with all that settling them needs. Returns false where the task must wait.
bool Core::Impl::GroupPart::NeedWaiting(Task* task, NotifyId group, const GroupRecord& record, bool revived_too, std::vector<Entry*>* waiting,
                                        bool* in_flight) {
  for (size_t place = 0; place < record.members.size(); ++place) {
    if (record.members[place].settled() || (record.members[place].revived && !revived_too)) continue;
    const NotifyId id = MemberOf(group, place);
    Entry* entry = core_.NeedEntry(task, id);
    if (!entry || !entry->pending()) continue;
    if (entry->in_flight()) {
      *in_flight = true;
      continue;
    }
    core_.NeedLane(task, entry->envelope->lane);
    if (core_.LacksLastAttempt(*entry)) core_.NeedEntry(task, id, Reads::kEnd);
    waiting->push_back(entry);
  }
  return task->missing == 0;
}

Handled Core::Impl::GroupPart::Advance(Task* task, AgendaDue& due, NotifyId group, bool by_request) {
  GroupRecord record;
  RecordSlot* slot = Need(task, group, &record, /*even_over=*/true);
  if (task->missing > 0) return Handled::kParked;
  if (!slot || record.pending() == 0) {
    DropStopped(group);
    return Done(due);
  }
  bool stop = record.stopped;
  const uint32_t released = record.released;
  const auto count = static_cast<uint32_t>(record.members.size());
  Entry* next = nullptr;
  uint32_t next_place = 0;
  while (!stop && record.sequential && record.released < count) {
    const GroupMember& turn = record.members[record.released - 1];
    if (!turn.settled()) break;
    if (record.cancel_rest && turn.phase != Phase::kSucceeded) {
      stop = true;
      break;
    }
    next_place = record.released++;
    if (record.members[next_place].settled()) continue;
    next = core_.NeedEntryToSend(task, MemberOf(group, next_place));
    if (next && next->pending()) core_.NeedLane(task, next->envelope->lane);
    break;
  }
  if (!record.sequential && record.cancel_rest)
    stop |= std::any_of(record.members.begin(), record.members.end(), [](const GroupMember& member) { return HasFailed(member.phase); });
  std::vector<Entry*> waiting;
  bool in_flight = false;
  if (stop) NeedWaiting(task, group, record, /*revived_too=*/false, &waiting, &in_flight);
  if (task->missing > 0) return Handled::kParked;
  if (next && next->pending() && AwaitsTurn(*next)) Release(next, record.members[next_place]);
  const char* reason = record.cancel_rest && !by_request ? kGroupFailed : "cancelled";
  for (Entry* entry : waiting) core_.Settle(entry, Phase::kCancelled, reason, std::nullopt);
  if (stop != record.stopped || released != record.released) {
    record.stopped = stop;
    core_.WriteRecord(slot, EncodeGroup(record), slot->record->expires_at);
  }
  if (!stop) return Done(due);
  DropStopped(group);
  if (!in_flight) return Done(due);
  // What is in flight may come to wait for another attempt: then it is cancelled, too, whatever restarts lie between.
  stopped_[group] = {due.serial, by_request};
  core_.EndDue(due);
  return Handled::kDone;
}

void Core::Impl::GroupPart::DropStopped(NotifyId id) {
  auto found = stopped_.find(id);
  if (found == stopped_.end()) return;
  core_.DropFromAgenda(found->second.serial);
  stopped_.erase(found);
}

/// It is its turn. Its lane must be known.
void Core::Impl::GroupPart::Release(Entry* entry, const GroupMember& member) {
  core_.Unplace(entry);
  core_.RemoveIndex(entry);
  entry->state.phase = Phase::kWaiting;
  if (member.ttl.kind == When::Kind::kDelay) {
    entry->state.expires_at = {core_.now_.wall.ms + member.ttl.ms};
    core_.PutExpiryOf(entry);
  }
  core_.SetDue(entry, core_.DueOf(member.when));
  core_.ChangeState(entry, std::nullopt);
}

Handled Core::Impl::GroupPart::Cancel(Task* task, const GroupRequest& r, const GroupCancel& cancel) {
  if (core_.RefusedStopping(r.request)) return Handled::kDone;
  GroupView view;
  view.id = cancel.id;
  RecordSlot* slot = Need(task, cancel.id, &view.record);
  if (!slot) return task->missing > 0 ? Handled::kParked : core_.RefuseAfter(r.request, Code::kNotFound, kNoGroup);
  std::vector<Entry*> waiting;
  bool in_flight = false;
  if (!NeedWaiting(task, cancel.id, view.record, /*revived_too=*/true, &waiting, &in_flight)) return Handled::kParked;
  if (waiting.empty() && !in_flight) return core_.RefuseAfter(r.request, Code::kConflict, "all notifies of the group are settled");
  for (Entry* entry : waiting) core_.Settle(entry, Phase::kCancelled, "cancelled", std::nullopt);
  view.record.stopped = true;
  for (GroupMember& member : view.record.members) member.revived = false;
  const auto stopped = stopped_.find(cancel.id);
  std::string value = EncodeGroup(view.record);
  view.unchanged = waiting.empty() && value == slot->record->value && stopped != stopped_.end() && stopped->second.by_request;
  if (value != slot->record->value) core_.WriteRecord(slot, std::move(value), slot->record->expires_at);
  if (in_flight) core_.AddToAgenda(AdvanceItem(cancel.id, /*by_request=*/true));
  core_.journal_.AskSync();
  return Answer(task, r, std::move(view));
}

std::string Core::Impl::GroupPart::ExplainTurn(const Entry& entry) {
  const FlowFields& flow = *entry.envelope->flow;
  return "it is number " + std::to_string(flow.group_place + 1) + " of the group " + flow.group.ToString() +
         ", whose notifies go one after another, and waits for its turn";
}

// ---- who waits

void Core::Impl::GroupPart::EndPoll(RequestId request) {
  polls_.Remove(request);
  auto found = waiting_.find(request);
  if (found == waiting_.end()) return;
  std::shared_ptr<const GroupAsk> ask = std::move(found->second);
  waiting_.erase(found);
  core_.RunTask(MakeTask(GroupRequest{request, std::move(ask)}));
}

void Core::Impl::GroupPart::WakePolls(NotifyId id) {
  for (RequestId request : polls_.WaitingFor(id)) EndPoll(request);
}

void Core::Impl::GroupPart::EndInTime() {
  while (std::optional<RequestId> over = polls_.Over(core_.now_.mono)) EndPoll(*over);
}

void Core::Impl::GroupPart::EndAll() {
  while (std::optional<RequestId> waiting = polls_.First()) EndPoll(*waiting);
}

}  // namespace notifyd
