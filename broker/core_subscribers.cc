// What waits of a subscription: counted and bounded, given the template of now, cancelled. See core_topics.h.
#include <algorithm>
#include <utility>

#include "broker/alert_meter.h"
#include "broker/core_topics.h"
#include "broker/flow.h"
#include "broker/grant.h"
#include "broker/services.h"

namespace notifyd {
namespace {

/// So many are changed in one turn.
constexpr size_t kInOneTurn = 500;
/// So many get a template, or so many that they take so many bytes: they are read with payloads of their own, which may be long.
constexpr size_t kAppliedInOneTurn = 100;
constexpr size_t kAppliedBytes = 8 << 20;
constexpr size_t kMostApplied = 10'000;
constexpr const char* kUnsubscribed = "unsubscribed";

const std::vector<State>& PendingStates() {
  static const std::vector<State> kStates = {State::kHeld, State::kScheduled, State::kReady, State::kSending, State::kRetrying};
  return kStates;
}

/// Items of the agenda: {kUnsubscribe, cursor, above all that is meant, name, and the lanes' prefixes, if any} and {kCounted, change, name}.
std::string EncodeUnsubscribe(NotifyId cursor, NotifyId below, const std::string& name, const std::vector<std::string>& lanes) {
  std::string what;
  Encoder encoder(&what);
  encoder.U8(kUnsubscribe);
  encoder.Varint(cursor.value);
  encoder.Varint(below.value);
  encoder.Text(name);
  for (const std::string& lane : lanes) encoder.Text(lane);
  return what;
}

/// Does it wait, of that subscription, in a lane that is meant?
bool IsOf(const Entry& entry, const std::string& subscription, const std::vector<std::string>& lanes) {
  if (!entry.exists || !entry.pending() || !entry.envelope->flow || entry.envelope->flow->subscription != subscription) return false;
  return MatchesPrefix(lanes, entry.envelope->lane.name);
}

}  // namespace

// ---- how many

void Core::Impl::TopicPart::CountPending(const Envelope& envelope, int64_t change) {
  if (!envelope.flow || envelope.flow->subscription.empty()) return;
  const std::string& name = envelope.flow->subscription;
  const auto found = backlogs_.find(name);
  const bool takes_back = change < 0 && (found == backlogs_.end() || found->second.record.pending == 0);
  if (core_.catalog_.known && !takes_back) return Count(name, change);
  // What it was is still being read, or what it takes back is still on the agenda since that was so, and goes first.
  std::string what;
  Encoder encoder(&what);
  encoder.U8(kCounted);
  encoder.Signed(change);
  encoder.Text(name);
  core_.AddToAgenda(std::move(what));
}

void Core::Impl::TopicPart::Count(const std::string& name, int64_t change) {
  uint64_t& pending = backlogs_[name].record.pending;
  pending = static_cast<uint64_t>(std::max<int64_t>(0, static_cast<int64_t>(pending) + change));
  changed_.insert(name);
}

Handled Core::Impl::TopicPart::Counted(AgendaDue& r) {
  Decoder decoder(std::string_view(r.what).substr(1));
  const int64_t change = decoder.Signed();
  Count(std::string(decoder.Text()), change);
  core_.DropFromAgenda(r.serial);
  core_.EndDue(r);
  return Handled::kDone;
}

void Core::Impl::TopicPart::WriteBacklogs() {
  for (const std::string& name : std::exchange(changed_, {})) {
    Backlog& backlog = backlogs_[name];
    const bool kept = backlog.record.pending > 0 || (backlog.record.skipped > 0 && Find(name));
    if (kept) core_.WriteRecord(RecordKey{RecordKind::kBacklog, name}, EncodeBacklog(backlog.record), kWallNever, !backlog.stored);
    else if (backlog.stored) core_.RemoveRecord(RecordKey{RecordKind::kBacklog, name}, /*was_there=*/true);
    backlog.stored = kept;
    if (!kept) backlogs_.erase(name);
  }
}

/// May it get one more? Counts where it may not, and notes the first time.
bool Core::Impl::TopicPart::HasRoom(Known* known, NotifyId event) {
  Backlog& backlog = backlogs_[known->name];
  if (backlog.record.pending < known->record.said->max_pending) {
    known->skipping = false;
    return true;
  }
  ++figures_.skipped;
  NoteSkipped(*known, event, "max_pending", &known->skipping);
  return false;
}

/// The event is not fanned out to it. `noted`: so it was with the last one, for the same reason; then it is counted for alerts alone.
void Core::Impl::TopicPart::NoteSkipped(const Known& known, NotifyId event, const char* reason, bool* noted) {
  ++backlogs_[known.name].record.skipped;
  changed_.insert(known.name);
  if (std::exchange(*noted, true)) {
    auto& [count, last] = skips_[known.name];
    ++count;
    last = event;
    return;
  }
  core_.out_->flow_logs.push_back({true, "subscription skipped", {{"subscription", known.name}, {"event_id", event.ToString()}, {"reason", reason}}});
}

void Core::Impl::TopicPart::TellSkips() {
  for (const auto& [name, skips] : std::exchange(skips_, {}))
    core_.out_->flow_logs.push_back(
        {true, std::string(kSkippedOn), {{"subscription", name}, {"event_id", skips.second.ToString()}, {"count", std::to_string(skips.first)}}});
}

/// Its transform makes nothing of the event that may be sent. What was meant to be left out must not go out in its place.
void Core::Impl::TopicPart::NoteUntransformed(Known* known, Hand* hand, EventPlace* place) {
  std::vector<std::string>& names = place->untransformed;
  if (names.size() < EventPlace::kMostUntransformed && std::find(names.begin(), names.end(), known->name) == names.end())
    names.push_back(known->name);
  ++figures_.untransformed;
  NoteSkipped(*known, hand->id, hand->Data() ? "transform_too_long" : "transform_raw_body", &known->untransformed);
}

// ---- who is not reached

namespace {

/// So many are paused in one turn.
constexpr size_t kPausedInOneTurn = 50;

/// An item of the agenda: {kUnreachableHost, for how long, name of the last that was paused, destination}.
std::string EncodeUnreachable(int64_t open_ms, const std::string& after, const std::string& destination) {
  std::string what;
  Encoder encoder(&what);
  encoder.U8(kUnreachableHost);
  encoder.Signed(open_ms);
  encoder.Text(after);
  encoder.Text(destination);
  return what;
}

bool MayBePaused(const Subscription& said, const std::string& destination) {
  if (said.paused || !said.enabled) return false;
  const std::string& host = said.envelope->host;
  return host == destination || (!ServiceOf(host).empty() && ServiceOf(host) == ServiceOf(destination));
}

}  // namespace

void Core::Impl::TopicPart::OnUnreachable(const std::string& destination, int64_t open_ms) {
  const bool any = std::any_of(subscriptions_.begin(), subscriptions_.end(),
                               [&](const auto& each) { return MayBePaused(*each.second->record.said, destination); });
  // The agenda looks once all are read.
  if (any || !core_.catalog_.known) core_.AddToAgenda(EncodeUnreachable(open_ms, "", destination));
}

Handled Core::Impl::TopicPart::PauseUnreachable(Task* task, AgendaDue& r) {
  Decoder decoder(std::string_view(r.what).substr(1));
  const int64_t open_ms = decoder.Signed();
  const std::string after(decoder.Text()), destination(decoder.Text());
  std::vector<std::pair<Name, std::shared_ptr<const Subscription>>> paused;
  auto it = subscriptions_.upper_bound(after);
  for (; it != subscriptions_.end() && paused.size() < kPausedInOneTurn; ++it) {
    if (!MayBePaused(*it->second->record.said, destination)) continue;
    auto said = std::make_shared<Subscription>(*it->second->record.said);
    said->paused = true;
    NeedLanes(task, LanesOf(*said));
    paused.emplace_back(it->first, std::move(said));
  }
  if (task->missing > 0) return Handled::kParked;
  const bool more = it != subscriptions_.end();
  for (const auto& [name, said] : paused) {
    SubscriptionRecord record = Find(name)->record;
    record.said = said;
    record.unreachable = true;
    CHECK(Keep(name, std::move(record)).ok());
    WriteSubscription(*Find(name), /*fresh=*/false);
    PauseLanes(name, {}, LanesOf(*said), {});
    ++figures_.paused;
    core_.out_->flow_logs.push_back(
        {true, "subscription paused", {{"subscription", name}, {"host", destination}, {"open_ms", std::to_string(open_ms)}}});
  }
  core_.EndDue(r);
  if (more && !paused.empty()) core_.KeepOnAgenda(r.serial, EncodeUnreachable(open_ms, paused.back().first, destination));
  else core_.DropFromAgenda(r.serial);
  return Handled::kDone;
}

// ---- those that wait

/// Lists what waits of a subscription, oldest first, and hands that to `then` with the cursor to go on with.
void Core::Impl::TopicPart::ListPending(const std::string& subscription, NotifyId above, size_t limit, std::function<void(Found)> then) {
  ListQuery query;
  query.states = PendingStates();
  query.subscription = subscription;
  query.oldest_first = true;
  query.above = above;
  query.limit = limit;
  query.show_bytes = 1 << 20;
  const uint64_t token = next_list_++;
  lists_[token] = std::move(then);
  // What an event was fanned out into a moment ago need not be in the store yet.
  core_.ListDecided({kTopicLists, token}, std::move(query));
}

bool Core::Impl::TopicPart::TookList(ListDone& e) {
  if (e.request.thread != kTopicLists) return false;
  auto then = lists_.extract(e.request.token);
  CHECK(!then.empty());
  if (!e.status.ok()) {
    core_.Fatal(std::move(e.status));
    return true;
  }
  Found found;
  for (const LoadedNotify& item : e.items) {
    found.ids.push_back(item.record->id);
    found.bytes.push_back(item.bytes);
  }
  found.next = e.next;
  then.mapped()(std::move(found));
  return true;
}

/// What was skipped of a subscription that was deleted is not of the next one of that name, though what is pending of it is still counted.
void Core::Impl::TopicPart::ForgetSkipped(const Name& name) {
  if (auto backlog = backlogs_.find(name); backlog != backlogs_.end()) backlog->second.record.skipped = 0;
  changed_.insert(name);
}

void Core::Impl::TopicPart::Leave(const SubscriptionDelete& ask) {
  ForgetSkipped(ask.name);
  if (!ask.cancel_pending) return;
  const NotifyId below{core_.totals_.next_id};
  core_.AddToAgenda(EncodeUnsubscribe({}, below, ask.name, ask.lanes));
  std::vector<BacklogRecord::Leaving>& leaving = backlogs_[ask.name].record.leaving;
  std::erase_if(leaving, [&](const auto& each) { return each.lanes == ask.lanes; });  // that of this name before it: this is more
  leaving.push_back({below, ask.lanes});
}

bool Core::Impl::TopicPart::IsLeaving(const Entry& entry) const {
  if (!entry.envelope->flow || entry.envelope->flow->subscription.empty()) return false;
  auto backlog = backlogs_.find(entry.envelope->flow->subscription);
  if (backlog == backlogs_.end()) return false;
  const std::vector<BacklogRecord::Leaving>& leaving = backlog->second.record.leaving;
  return std::any_of(leaving.begin(), leaving.end(),
                     [&](const auto& each) { return entry.id < each.below && MatchesPrefix(each.lanes, entry.envelope->lane.name); });
}

void Core::Impl::TopicPart::Unsubscribe(Entry* entry) {
  core_.Settle(entry, Phase::kCancelled, kUnsubscribed, std::nullopt);
  core_.Decide(Decided::Kind::kExpiry, entry->id);
  core_.journal_.AskSync();
}

/// The agenda is through with it.
void Core::Impl::TopicPart::EndLeaving(const Name& name, const BacklogRecord::Leaving& leaving) {
  auto backlog = backlogs_.find(name);
  if (backlog != backlogs_.end() && std::erase(backlog->second.record.leaving, leaving) > 0) changed_.insert(name);
}

Handled Core::Impl::TopicPart::Unsubscribe(Task* task, AgendaDue& r) {
  Decoder decoder(std::string_view(r.what).substr(1));
  const NotifyId cursor{decoder.Varint()}, below{decoder.Varint()};
  const std::string name(decoder.Text());
  std::vector<std::string> lanes;
  while (decoder.ok() && !decoder.done()) lanes.emplace_back(decoder.Text());
  auto found = found_.find(r.serial);
  if (found == found_.end()) {
    ListPending(name, cursor, kInOneTurn, [this, due = r](Found listed) {
      if (core_.stopping_) {
        core_.EndDue(due);
        return;
      }
      found_[due.serial] = std::move(listed);
      core_.RunTask(MakeTask(due));
    });
    return Handled::kDone;
  }
  for (NotifyId id : found->second.ids) {
    Entry* entry = core_.NeedEntry(task, id);
    if (!entry || !IsOf(*entry, name, lanes)) continue;
    core_.NeedLane(task, entry->envelope->lane);
    if (core_.LacksLastAttempt(*entry)) core_.NeedEntry(task, id, Reads::kEnd);
  }
  if (task->missing > 0) return Handled::kParked;
  for (NotifyId id : found->second.ids) {
    Entry* entry = core_.FindEntry(id);
    if (id < below && IsOf(*entry, name, lanes)) core_.Settle(entry, Phase::kCancelled, kUnsubscribed, std::nullopt);
  }
  const NotifyId next = found->second.next;
  found_.erase(found);
  core_.EndDue(r);
  core_.journal_.AskSync();
  if (next.value != 0 && next < below) {
    core_.KeepOnAgenda(r.serial, EncodeUnsubscribe(next, below, name, lanes));
  } else {
    EndLeaving(name, {below, lanes});
    core_.DropFromAgenda(r.serial);
  }
  return Handled::kDone;
}

// ---- the template of now

/// It goes no further: the broker stops, or the subscription is another one by now. Where something was changed that is answered, with where to go
/// on; else nothing was done, and why is for the caller to say: false.
bool Core::Impl::TopicPart::EndApply(RequestId request) {
  auto found = applying_.extract(request);
  if (found.empty()) return false;
  const Applying& applying = found.mapped();
  if (!applying.answered && applying.count == 0) return false;
  if (!applying.answered) Answer(request, {Applied{applying.count, applying.done}});
  return true;
}

void Core::Impl::TopicPart::AnswerAppliesUnknown() {
  for (auto& [request, applying] : applying_) {
    if (applying.count == 0 || std::exchange(applying.answered, true)) continue;
    core_.Refuse(request, Code::kOutcomeUnknown, "the database does not write: to how many this was given is known once it does again");
  }
}

Handled Core::Impl::TopicPart::On(Task* task, RequestId request, const SubscriptionApply& ask) {
  const Known* known = Find(ask.name);
  const bool goes_on = !core_.stopping_ && !core_.closed_ && known && ask.condition.Holds(known->bytes);
  if (!goes_on && EndApply(request)) return Handled::kDone;
  if (core_.RefusedStopping(request)) return Handled::kDone;
  if (!known) return core_.RefuseAfter(request, Code::kNotFound, "there is no such subscription");
  if (!goes_on) return core_.ReplyAfter(core_.journal_.Barrier(), request, Stale{});
  Applying& applying = applying_[request];
  auto again = [this, request, ask] {
    SubscriptionApply copy = ask;
    core_.RunTask(MakeTask(TopicRequest{request, std::make_shared<const TopicAsk>(TopicAsk{std::move(copy)})}));
  };
  if (!applying.listed) {
    ListPending(ask.name, applying.begun ? applying.cursor : ask.above, kAppliedInOneTurn, [this, request, again](Found found) {
      Applying& listed = applying_[request];
      size_t bytes = 0, taken = 0;
      while (taken < found.ids.size() && bytes < kAppliedBytes) bytes += found.bytes[taken++];
      if (taken < found.ids.size()) found.next = found.ids[taken - 1];
      found.ids.resize(taken);
      listed.ids = std::move(found.ids);
      listed.cursor = found.next;
      listed.listed = listed.begun = true;
      listed.looked_at += listed.ids.size();
      again();
    });
    return Handled::kDone;
  }
  for (NotifyId id : applying.ids) {
    Entry* entry = core_.NeedEntry(task, id);
    if (!entry || !IsOf(*entry, ask.name, ask.lanes) || entry->in_flight()) continue;
    core_.NeedLane(task, entry->envelope->lane);
    // Answers that are still to show it are to show its payload, too.
    if (!core_.NeedEntry(task, id, core_.IsShown(id) ? Reads::kWhole : Reads::kStored)) continue;
    if (entry->full && MayHavePayloadOfEvent(*entry->full, *known))
      core_.NeedRecord(task, RecordKind::kEvent, KeyOfEvent(entry->envelope->flow->event));
  }
  if (task->missing > 0) return Handled::kParked;
  for (NotifyId id : applying.ids) {
    Entry* entry = core_.FindEntry(id);
    if (IsOf(*entry, ask.name, ask.lanes) && !entry->in_flight() && entry->full) applying.count += ApplyTemplate(entry, *known);
  }
  core_.journal_.AskSync();
  applying.done = applying.cursor;
  applying.listed = false;
  if (applying.cursor.value != 0 && applying.looked_at + kAppliedInOneTurn <= kMostApplied) {
    again();
    return Handled::kDone;
  }
  const Applied answer{applying.count, applying.cursor};
  const bool answered = applying.answered;
  applying_.erase(request);
  if (!answered) Answer(request, {answer}, /*unchanged=*/answer.count == 0);
  return Handled::kDone;
}

/// May it have been written by an earlier notifyd with the payload of its event, which is no part of it any more?
bool Core::Impl::TopicPart::MayHavePayloadOfEvent(const NotifyRecord& record, const Known& known) {
  return !record.bare && !known.transform && record.spec->size() > kShortPayload;
}

/// Is its payload as it stands with its event, so that it need not be written again?
bool Core::Impl::TopicPart::HasPayloadOfItsEvent(const Entry& entry, const NotifySpec& spec) const {
  if (spec.payload_kind == PayloadKind::kNone || spec.payload.size() <= kShortPayload) return false;
  auto slot = core_.records_.find({RecordKind::kEvent, KeyOfEvent(entry.envelope->flow->event)});
  if (slot == core_.records_.end() || !slot->second->record) return false;
  const Result<EventRecord> event = DecodeEvent(slot->second->record->value);
  return event.ok() && event->payload_kind == spec.payload_kind && event->payload == spec.payload;
}

/// Gives url, headers, retry and timeouts to one that waits. Returns whether anything changed.
bool Core::Impl::TopicPart::ApplyTemplate(Entry* entry, const Known& known) {
  const bool apart = entry->full->bare != nullptr;  // its payload stands with its event, and stays there
  const std::shared_ptr<const std::string> stored = entry->full->stored_spec();
  Result<NotifySpec> spec = DecodeSpec(*stored);
  if (!spec.ok()) return false;
  const NotifySpec& now = known.spec;
  spec->url = now.url;
  spec->headers = now.headers;
  spec->timeout_ms = now.timeout_ms;
  spec->connect_timeout_ms = now.connect_timeout_ms;
  const Envelope& from = *known.record.said->envelope;
  auto envelope = std::make_shared<Envelope>(*entry->envelope);
  auto flow = std::make_shared<FlowFields>(*envelope->flow);
  if (ServiceOf(from.host) != ServiceOf(envelope->host)) {
    // What it wanted was of another service.
    const FlowFields wanted = from.flow ? *from.flow : FlowFields();
    flow->pool = wanted.pool;
    flow->pool_fallback = wanted.pool_fallback;
    flow->instance = wanted.instance;
  }
  envelope->host = HostOf(from.host, {flow->pool, flow->pool_fallback, flow->instance});
  envelope->flow = std::move(flow);
  envelope->retry = from.retry;
  std::string bytes = EncodeSpec(*spec);
  if (bytes == *stored && envelope->host == entry->envelope->host && envelope->retry_policy() == entry->envelope->retry_policy()) return false;
  core_.KeepForAnswers(*entry);
  auto record = std::make_shared<NotifyRecord>(*entry->full);
  if (entry->envelope->lane.mode == Mode::kFifo) core_.Gate(core_.GetLane(entry->envelope->lane));
  core_.Unplace(entry);
  const Index index = entry->index;
  core_.RemoveIndex(entry);
  if (envelope->host != entry->envelope->host) {
    Host* before = entry->host;
    entry->host = core_.GetHost(envelope->host);
    ++entry->host->refs;
    core_.UnrefHost(before);
  }
  core_.SetEnvelope(entry, envelope);
  // What asks again without end has an end, whatever it was made with.
  if (const When& ttl = known.record.said->ttl;
      envelope->retry_policy().later_on && entry->state.expires_at == kWallNever && ttl.kind == When::Kind::kDelay) {
    entry->state.expires_at = WallTime{core_.now_.wall.ms + ttl.ms};
    core_.PutExpiryOf(entry);
  }
  entry->durable = core_.journal_.open();
  core_.AddIndex(entry, index == Index::kTail ? IndexOf(entry->state, false) : index);
  core_.PlaceEntry(entry);
  record->envelope = entry->envelope;
  record->spec = std::make_shared<const std::string>(std::move(bytes));
  record->bare = nullptr;
  core_.KeepSpec(entry, apart ? nullptr : record->spec);
  if (HasPayloadOfItsEvent(*entry, *spec)) record->spec = std::make_shared<const std::string>(EncodeSpec(WithPayloadOfEvent(std::move(*spec))));
  record->state = entry->state;
  entry->full = nullptr;
  ++entry->changes;
  core_.Touch(entry);
  core_.Write(PutNotify{std::move(record)});
  return true;
}

}  // namespace notifyd
