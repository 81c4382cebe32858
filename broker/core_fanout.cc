// The notifies of events: made from subscriptions' templates, at once or as the agenda goes on. See core_topics.h.
#include <algorithm>
#include <utility>

#include "base/canonical_json.h"
#include "base/json.h"
#include "broker/core_services.h"
#include "broker/core_topics.h"
#include "broker/flow.h"

namespace notifyd {
namespace {

/// So many notifies are made in one turn.
constexpr size_t kInOneTurn = 1'000;
constexpr size_t kMostMatched = 10'000;
/// So many events are read at once.
constexpr size_t kEventsAPage = 256;
/// A payload that is not longer is written with each notify: to read it with the event would cost more.
constexpr size_t kShortPayload = 128;
constexpr size_t kMostLabels = 16;

/// An item of the agenda: {kFanOut, how, event, cursor, notifies made so far}.
struct FanOutItem {
  uint8_t kind = 0;
  NotifyId event;
  uint64_t cursor = 0;
  uint64_t made = 0;
};
std::string Encode(const FanOutItem& item) {
  std::string what;
  Encoder encoder(&what);
  encoder.U8(kFanOut);
  encoder.U8(item.kind);
  encoder.Varint(item.event.value);
  encoder.Varint(item.cursor);
  encoder.Varint(item.made);
  return what;
}
FanOutItem DecodeFanOut(std::string_view what) {
  Decoder decoder(what.substr(1));
  FanOutItem item;
  item.kind = decoder.U8();
  item.event.value = decoder.Varint();
  item.cursor = decoder.Varint();
  item.made = decoder.Varint();
  CHECK(decoder.done());
  return item;
}

/// {kScan, is it a replay, subscription's serial, cursor, from, to}.
struct ScanItem {
  bool replay = false;
  uint64_t subscription = 0;
  NotifyId cursor;
  WallTime from, to;
};
std::string Encode(const ScanItem& item) {
  std::string what;
  Encoder encoder(&what);
  encoder.U8(kScan);
  encoder.U8(item.replay ? 1 : 0);
  encoder.Varint(item.subscription);
  encoder.Varint(item.cursor.value);
  encoder.Signed(item.from.ms);
  encoder.Signed(item.to.ms);
  return what;
}
ScanItem DecodeScan(std::string_view what) {
  Decoder decoder(what.substr(1));
  ScanItem item;
  item.replay = decoder.U8() != 0;
  item.subscription = decoder.Varint();
  item.cursor.value = decoder.Varint();
  item.from.ms = decoder.Signed();
  item.to.ms = decoder.Signed();
  CHECK(decoder.done());
  return item;
}

void AddTo(std::vector<EventPlace::Run>* runs, NotifyId id) {
  if (!runs->empty() && runs->back().first.value + runs->back().count == id.value) ++runs->back().count;
  else runs->push_back({id, 1});
}

/// The template's, and those of the event beside them as far as there is room.
std::shared_ptr<const Labels> Merged(const std::shared_ptr<const Labels>& own, const Labels& of_event) {
  if (of_event.empty()) return own;
  Labels all = own ? *own : Labels();
  for (const auto& label : of_event) {
    if (all.size() >= kMostLabels) break;
    if (std::none_of(all.begin(), all.end(), [&](const auto& each) { return each.first == label.first; })) all.push_back(label);
  }
  std::sort(all.begin(), all.end());
  return std::make_shared<const Labels>(std::move(all));
}

}  // namespace

// ---- who

const JsonTree* Core::Impl::TopicPart::Hand::Data() {
  if (!parsed && event->payload_kind == PayloadKind::kData)
    if (Result<JsonTree> tree = JsonTree::Parse(event->payload); tree.ok()) data = std::move(*tree);
  parsed = true;
  return data ? &*data : nullptr;
}

bool Core::Impl::TopicPart::Wants(const Known& known, Hand* hand) const {
  if (!known.record.said->enabled) return false;
  if (!known.filter) return true;
  const JsonTree* data = hand->Data();
  std::optional<JsonTree::Value> root;
  if (data) root = data->root();
  const Labels& labels = hand->event->labels;
  return known.filter->Matches({root ? &*root : nullptr, labels.empty() ? nullptr : &labels, hand->event->key, hand->event->topic});
}

std::vector<Core::Impl::TopicPart::Known*> Core::Impl::TopicPart::WhoWants(Hand* hand, uint64_t above, FanOutKind kind) {
  std::vector<uint64_t> serials;
  index_.Match(hand->event->topic, &serials);
  std::vector<Known*> wants;
  for (uint64_t serial : serials) {
    if (serial <= above) continue;
    Known* known = by_serial_.at(serial);
    const SubscriptionRecord& record = known->record;
    if (kind == FanOutKind::kLive && (record.catching_up || record.live_after >= hand->id)) continue;
    // One that was held when its catch-up came by was left to this.
    if (kind == FanOutKind::kHeld && record.catching_up && record.live_after < hand->id) continue;
    if (Wants(*known, hand)) wants.push_back(known);
  }
  return wants;
}

// ---- what

/// As ReadNotify's for a submit; but an event was taken before anybody asked: one without the value goes where all go that have none.
std::string Core::Impl::TopicPart::LaneFor(const Known& known, Hand* hand) const {
  std::string name = known.record.said->envelope->lane.name;
  const NotifySpec& spec = known.spec;
  if (!spec.order_by) return name;
  std::optional<uint64_t> hash;
  if (*spec.order_by == "key") {
    if (!hand->event->key.empty()) {
      std::string key;
      JsonWriter(&key).String(hand->event->key);
      if (Result<JsonTree> tree = JsonTree::Parse(key); tree.ok()) hash = Hash64(CanonicalJson(tree->root()));
    }
  } else if (const JsonTree* data = hand->Data()) {
    if (std::optional<JsonTree::Value> value = data->root().At(*spec.order_by)) hash = Hash64(CanonicalJson(*value));
  }
  const uint64_t partition = hash.value_or(spec.order_by_spread ? hand->id.value : 0) % spec.partitions;
  return name + "~" + std::to_string(partition);
}

std::optional<std::vector<std::string>> Core::Impl::TopicPart::InstancesOf(const Known& known) const {
  const Subscription& said = *known.record.said;
  const FlowFields* flow = said.envelope->flow.get();
  if (!said.each_instance || (flow && !flow->instance.empty())) return std::nullopt;
  return core_.services_->AliveOf(ServiceOf(said.envelope->host), flow ? std::string_view(flow->pool) : std::string_view());
}

uint64_t Core::Impl::TopicPart::CountOf(const std::vector<Known*>& wants) const {
  uint64_t count = 0;
  for (const Known* known : wants) {
    const std::optional<std::vector<std::string>> instances = InstancesOf(*known);
    count += instances ? instances->size() : 1;
  }
  return count;
}

/// `spec`: as it is written.
SubmitItem Core::Impl::TopicPart::ItemFor(const Known& known, Hand* hand, bool replay, const std::string& instance, NotifySpec* spec) const {
  const Subscription& said = *known.record.said;
  const EventRecord& event = *hand->event;
  auto envelope = std::make_shared<Envelope>(*said.envelope);
  envelope->lane.name = LaneFor(known, hand);
  auto flow = std::make_shared<FlowFields>(said.envelope->flow ? *said.envelope->flow : FlowFields());
  flow->event = hand->id;
  flow->topic = event.topic;
  flow->subscription = known.name;
  if (!instance.empty()) {
    // It waits for that instance at a host of its own, as one does whose submitter names it.
    flow->instance = instance;
    envelope->host.append(envelope->host.find('?') == std::string::npos ? "?" : "&").append("instance=").append(instance);
  }
  envelope->flow = std::move(flow);
  envelope->labels = Merged(said.envelope->labels, event.labels);
  if (!event.trace_parent.empty()) envelope->trace_parent = event.trace_parent;
  *spec = known.spec;
  if (!event.trace_parent.empty()) spec->trace_state = event.trace_state;
  spec->via = event.via;
  spec->payload_kind = event.payload_kind;
  if (!event.content_type.empty() && !spec->content_type_given) {
    spec->content_type = event.content_type;
    spec->content_type_given = true;
  }
  const JsonTree* data = known.transform ? hand->Data() : nullptr;
  Result<std::string> transformed = data ? known.transform->Apply(data->root(), core_.limits_.max_body_bytes) : std::string();
  // What would become too long goes as it is.
  const bool own = data && transformed.ok();
  spec->payload = own ? std::move(*transformed) : std::string();
  spec->payload_of_event = !own && event.payload_kind != PayloadKind::kNone && event.payload.size() > kShortPayload;
  if (spec->payload_of_event) spec->payload_kind = PayloadKind::kNone;
  else if (!own) spec->payload = event.payload;
  SubmitItem item;
  item.envelope = std::move(envelope);
  item.spec = std::make_shared<const std::string>(EncodeSpec(*spec));
  item.when = event.due_at && !replay ? When{When::Kind::kAt, event.due_at->ms} : said.when;
  item.ttl = said.ttl;
  return item;
}

void Core::Impl::TopicPart::MakeNotifies(Known* known, Hand* hand, bool replay, Made* made) {
  const std::optional<std::vector<std::string>> instances = InstancesOf(*known);
  if (!instances) return MakeNotify(known, hand, replay, {}, made);
  for (const std::string& instance : *instances) MakeNotify(known, hand, replay, instance, made);
}

void Core::Impl::TopicPart::MakeNotify(Known* known, Hand* hand, bool replay, const std::string& instance, Made* made) {
  if (!HasRoom(known, hand->id)) return;
  NotifySpec spec;
  const SubmitItem item = ItemFor(*known, hand, replay, instance, &spec);
  Entry* entry = core_.ApplySubmit(item, item.spec, nullptr);
  if (spec.payload_of_event) {
    // Memory keeps it whole, as it would be read.
    const EventRecord& event = *hand->event;
    std::shared_ptr<const std::string> whole;
    if (core_.spec_bytes_ + item.spec->size() + event.payload.size() <= core_.limits_.max_spec_bytes)
      whole = std::make_shared<const std::string>(WithPayload(*item.spec, event.payload_kind, event.payload));
    core_.KeepSpec(entry, std::move(whole));
  }
  CountPending(*item.envelope, 1);
  AddTo(&made->runs, entry->id);
  ++made->count;
  ++(replay ? figures_.replayed : figures_.matched);
}

TopicFigures Core::Impl::TopicPart::figures() const {
  TopicFigures figures = figures_;
  figures.backlog = begun_.size();
  for (const AgendaDue& due : core_.agenda_) figures.backlog += !due.what.empty() && due.what[0] == kFanOut && !begun_.contains(due.serial);
  return figures;
}

// ---- an event's notifies, as the agenda goes on

void Core::Impl::TopicPart::BeginFanOut(NotifyId event, FanOutKind kind) {
  core_.AddToAgenda(Encode(FanOutItem{static_cast<uint8_t>(kind), event, 0, 0}));
}

/// Returns nothing once all is known; `hand->event` is null where there is no such event.
std::optional<Handled> Core::Impl::TopicPart::NeedEvent(Task* task, NotifyId id, Hand* hand, EventPlace* place, RecordSlot** slot) {
  hand->id = id;
  // What has no id yet cannot be there, and nobody may be looking it up when it comes.
  if (id.value >= core_.totals_.next_id) return std::nullopt;
  RecordSlot* event = core_.NeedRecord(task, RecordKind::kEvent, KeyOfEvent(id));
  if (!event) return Handled::kParked;
  if (!event->record) return std::nullopt;
  Result<EventRecord> record = DecodeEvent(event->record->value);
  if (!record.ok()) {
    core_.Fatal(record.status());
    return Handled::kDone;
  }
  *slot = core_.NeedRecord(task, RecordKind::kTopicEvent, KeyOfTopicEvent(record->topic, id));
  if (!*slot) return Handled::kParked;
  if (!(*slot)->record) return std::nullopt;
  Result<EventPlace> found = DecodeEventPlace((*slot)->record->value);
  if (!found.ok()) {
    core_.Fatal(found.status());
    return Handled::kDone;
  }
  hand->event = std::make_shared<const EventRecord>(std::move(*record));
  *place = std::move(*found);
  return std::nullopt;
}

/// Gives an event that was held the payload that its notify has by now.
void Core::Impl::TopicPart::TakeTriggered(std::string_view bytes, Hand* hand) {
  Result<NotifySpec> spec = DecodeSpec(bytes);
  if (!spec.ok() || (spec->payload_kind == hand->event->payload_kind && spec->payload == hand->event->payload)) return;
  auto event = std::make_shared<EventRecord>(*hand->event);
  event->payload_kind = spec->payload_kind;
  event->payload = std::move(spec->payload);
  core_.WriteRecord(core_.records_.at({RecordKind::kEvent, KeyOfEvent(hand->id)}).get(), EncodeEvent(*event));
  hand->event = std::move(event);
}

/// The turn of what holds an event has come: it is done, and the event is fanned out.
void Core::Impl::TopicPart::Release(Entry* entry) {
  Lane* lane = entry->lane;
  core_.CountSending(entry, -1);
  core_.AbandonAtBreaker(entry);
  core_.GiveBackPlace(entry);
  core_.Decide(Decided::Kind::kReturn, entry->id);
  BeginFanOut(entry->id, FanOutKind::kHeld);
  core_.Settle(entry, Phase::kSucceeded, "", std::nullopt);
  core_.journal_.AskSync();
  core_.Kick(lane);
  core_.RefillTail(lane);
  core_.MaybeDrop(lane);
}

/// The fan-out whose turn it was is at its end: the next one may go.
void Core::Impl::TopicPart::EndFanOut(uint64_t serial) {
  core_.DropFromAgenda(serial);
  begun_.erase(serial);
  if (made_ < kInOneTurn) GoOn();
}

void Core::Impl::TopicPart::GoOn() {
  if (!MayGoOn()) return;
  Task* next = waiting_.begin()->second;
  waiting_.erase(waiting_.begin());
  core_.Unpark(next);
}

/// Once a turn.
void Core::Impl::TopicPart::EndFanOuts() {
  made_ = 0;
  if (!core_.stopping_) return GoOn();
  // They stay on the agenda.
  for (auto& [serial, task] : std::exchange(waiting_, {})) core_.Unpark(task);
}

Handled Core::Impl::TopicPart::FanOut(Task* task, AgendaDue& r) {
  if (core_.stopping_) {
    --core_.agenda_running_;
    return Handled::kDone;
  }
  begun_.insert(r.serial);
  FanOutItem item = DecodeFanOut(r.what);
  Hand hand;
  EventPlace place;
  RecordSlot* slot = nullptr;
  if (std::optional<Handled> handled = NeedEvent(task, item.event, &hand, &place, &slot)) return *handled;
  if (r.serial != *begun_.begin()) {
    ++task->missing;
    waiting_[r.serial] = task;
    return Handled::kParked;
  }
  if (hand.event && place.held) {
    // The trigger may have changed its data.
    Entry* entry = core_.NeedEntry(task, item.event, true);
    if (!entry) return Handled::kParked;
    if (entry->full) TakeTriggered(*entry->full->spec, &hand);
    place.held = false;
  }
  --core_.agenda_running_;
  if (!hand.event) {
    EndFanOut(r.serial);
    return Handled::kDone;
  }
  const auto kind = static_cast<FanOutKind>(item.kind);
  const bool replay = kind == FanOutKind::kReplay;
  std::vector<Known*> wants = WhoWants(&hand, item.cursor, kind);
  Made made;
  made.runs = std::move(place.runs);
  size_t now = 0;
  for (; now < wants.size() && made.count < kInOneTurn; ++now) MakeNotifies(wants[now], &hand, replay, &made);
  item.made += made.count;
  made_ += made.count;
  place.runs = std::move(made.runs);
  const bool ends = now == wants.size();
  if (ends && !replay) place.matched = item.made;
  core_.WriteRecord(slot, EncodeEventPlace(place));
  core_.journal_.AskSync();
  if (ends) {
    EndFanOut(r.serial);
  } else {
    item.cursor = wants[now - 1]->record.serial;
    core_.KeepOnAgenda(r.serial, Encode(item));
  }
  return Handled::kDone;
}

Handled Core::Impl::TopicPart::On(Task* task, RequestId request, const EventReplay& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  if (core_.disk_low_) return core_.Refuse(request, Code::kDiskFull, "the disk is nearly full: nothing is sent again until space is free again");
  const IdempotencyKey key{"\x01replay " + ask.id.ToString(), ask.idempotency_key};
  const bool keyed = !ask.idempotency_key.empty();
  if (keyed) core_.NeedIdempotency(task, key);
  Hand hand;
  EventPlace place;
  RecordSlot* slot = nullptr;
  std::optional<Handled> handled = NeedEvent(task, ask.id, &hand, &place, &slot);
  if (task->missing > 0) return Handled::kParked;
  if (handled) return *handled;
  if (keyed)
    if (std::optional<Handled> answered = AnswerRepeat(request, key, ask.fields)) return *answered;
  if (!hand.event || IsOver(hand.event->topic, hand.event->published_at)) return core_.RefuseAfter(request, Code::kNotFound, kNoEvent);
  if (place.held) return core_.RefuseAfter(request, Code::kConflict, "the event is held under its fkey, or was never fanned out");
  std::vector<Known*> wants = WhoWants(&hand, 0, FanOutKind::kReplay);
  const uint64_t count = CountOf(wants);
  if (Status status = MayMake(count); !status.ok()) return core_.Refuse(request, status);
  Replayed answer{count, false};
  if (count > kInOneTurn || IsBusy()) {
    BeginFanOut(ask.id, FanOutKind::kReplay);
  } else {
    Made made;
    made.runs = std::move(place.runs);
    for (Known* known : wants) MakeNotifies(known, &hand, /*replay=*/true, &made);
    place.runs = std::move(made.runs);
    answer.accepted = made.count;
    core_.WriteRecord(slot, EncodeEventPlace(place));
  }
  if (keyed) Remember(key, ask.fields, {*answer.accepted + 1});
  core_.journal_.AskSync();
  return Answer(request, {std::move(answer)});
}

/// Of a replay whose idempotency key is known: its number of notifies stands in the place of an id, one more, 0 where it was not known.
std::optional<Handled> Core::Impl::TopicPart::AnswerRepeat(RequestId request, const IdempotencyKey& key, const Fingerprint& fields) {
  const auto& record = core_.idempotency_.at(key)->record;
  if (!record || record->expires_at <= core_.now_.wall) return std::nullopt;
  if (record->fields != fields)
    return core_.RefuseAfter(request, Code::kUnacceptable, "this idempotency key was used with other fields", "/idempotency_key");
  Replayed answer;
  answer.duplicate = true;
  if (record->id.value > 0) answer.accepted = record->id.value - 1;
  return Answer(request, {std::move(answer)});
}

/// Quotas of what makes so many notifies at once, and is no event.
Status Core::Impl::TopicPart::MayMake(uint64_t count) const {
  if (count > kMostMatched) return Status(Code::kUnacceptable, "more than 10,000 subscriptions match this event: " + std::to_string(count));
  if (core_.totals_.pending() + count > core_.limits_.max_pending)
    return Status(Code::kTooMany, "the limit of pending notifies is reached: max_pending is " + std::to_string(core_.limits_.max_pending));
  return core_.CheckStored(count * kRecordBytes);
}

// ---- a subscription's past events

void Core::Impl::TopicPart::CatchUp(uint64_t serial, WallTime from) {
  core_.AddToAgenda(Encode(ScanItem{false, serial, {}, from, kWallNever}));
}

void Core::Impl::TopicPart::AskEvents(NotifyId above, std::function<void(Rows)> then) {
  core_.AskRecords(RecordsPage{RecordKind::kEvent, KeyOfEvent({above.value + 1}), "", false}, kEventsAPage,
                   [published = figures_.published, then = std::move(then)](std::vector<RecordRow>& rows, bool more) {
                     then(Rows{std::move(rows), more, published});
                   });
}

/// Makes notifies for a subscription of those events of a page that it wants and that lie in the time. Returns nothing once that is done, with the
/// last event that was looked at and whether the time is over; parks where something must be known first.
std::optional<Handled> Core::Impl::TopicPart::TakeRows(Task* task, Known* known, const Rows& rows, WallTime from, WallTime to, bool replay,
                                                       Looked* out) {
  std::vector<std::pair<Hand, RecordSlot*>> wanted;
  for (const RecordRow& row : rows.rows) {
    Hand hand;
    hand.id = EventOfKey(row.key);
    Result<EventRecord> event = DecodeEvent(row.record.value);
    if (!event.ok()) {
      core_.Fatal(event.status());
      return Handled::kDone;
    }
    if (event->published_at >= to) {
      out->over = true;
      break;
    }
    out->last = hand.id;
    if (event->published_at < from || IsOver(event->topic, event->published_at) || !TopicMatches(known->record.said->topic, event->topic)) continue;
    hand.event = std::make_shared<const EventRecord>(std::move(*event));
    if (!Wants(*known, &hand)) continue;
    RecordSlot* slot = core_.NeedRecord(task, RecordKind::kTopicEvent, KeyOfTopicEvent(hand.event->topic, hand.id));
    wanted.emplace_back(std::move(hand), slot);
  }
  if (task->missing > 0) return Handled::kParked;
  for (auto& [hand, slot] : wanted) {
    if (!slot->record) continue;  // it went since
    Result<EventPlace> place = DecodeEventPlace(slot->record->value);
    if (!place.ok()) {
      core_.Fatal(place.status());
      return Handled::kDone;
    }
    if (place->held) continue;  // its trigger fans it out
    Made made;
    made.runs = std::move(place->runs);
    MakeNotifies(known, &hand, replay, &made);
    place->runs = std::move(made.runs);
    out->made += made.count;
    if (made.count > 0) core_.WriteRecord(slot, EncodeEventPlace(*place));
  }
  return std::nullopt;
}

Handled Core::Impl::TopicPart::Scan(Task* task, AgendaDue& r) {
  ScanItem item = DecodeScan(r.what);
  auto found = by_serial_.find(item.subscription);
  if (found == by_serial_.end()) {
    rows_.erase(r.serial);
    core_.DropFromAgenda(r.serial);
    --core_.agenda_running_;
    return Handled::kDone;
  }
  auto rows = rows_.find(r.serial);
  if (rows == rows_.end()) {
    AskEvents(item.cursor, [this, due = r](Rows read) {
      if (core_.stopping_) {
        --core_.agenda_running_;
        return;
      }
      rows_[due.serial] = std::move(read);
      core_.RunTask(MakeTask(due));
    });
    return Handled::kDone;
  }
  Known* known = found->second;
  Looked looked;
  looked.last = item.cursor;
  if (std::optional<Handled> handled = TakeRows(task, known, rows->second, item.from, item.to, item.replay, &looked)) return *handled;
  --core_.agenda_running_;
  const bool end = rows->second.rows.empty() || looked.over;
  const bool current = rows->second.published == figures_.published;
  rows_.erase(rows);
  core_.journal_.AskSync();
  const bool done = end && (item.replay || current);
  if (!item.replay) {
    known->record.catching_up = !done;
    known->record.live_after = looked.last;
    WriteSubscription(*known, /*fresh=*/false);
  }
  if (done) {
    core_.DropFromAgenda(r.serial);
    return Handled::kDone;
  }
  item.cursor = looked.last;
  core_.KeepOnAgenda(r.serial, Encode(item));
  return Handled::kDone;
}

Handled Core::Impl::TopicPart::On(Task* task, RequestId request, const SubscriptionReplay& ask) {
  // Where it is run again, with what was read; that stays while it is parked.
  auto read = rows_of_.extract(request);
  if (core_.RefusedStopping(request)) return Handled::kDone;
  if (core_.disk_low_) return core_.Refuse(request, Code::kDiskFull, "the disk is nearly full: nothing is sent again until space is free again");
  auto found = subscriptions_.find(ask.name);
  if (found == subscriptions_.end()) return core_.RefuseAfter(request, Code::kNotFound, "there is no such subscription");
  Known* known = found->second.get();
  if (!ask.condition.Holds(known->bytes)) return core_.ReplyAfter(core_.journal_.Barrier(), request, Stale{});
  const IdempotencyKey key{"\x01replay " + ask.name, ask.idempotency_key};
  const bool keyed = !ask.idempotency_key.empty();
  if (keyed) {
    if (!core_.NeedIdempotency(task, key)) {
      rows_of_.insert(std::move(read));
      return Handled::kParked;
    }
    if (std::optional<Handled> answered = AnswerRepeat(request, key, ask.fields)) return *answered;
  }
  // Up to now: this very millisecond is part of that.
  const WallTime from = ask.from.value_or(WallTime{0}), to = ask.to.value_or(WallTime{core_.now_.wall.ms + 1});
  if (read.empty()) {
    AskEvents({}, [this, request, ask](Rows rows) {
      rows_of_[request] = std::move(rows);
      SubscriptionReplay again = ask;
      core_.RunTask(MakeTask(TopicRequest{request, std::make_shared<const TopicAsk>(TopicAsk{std::move(again)})}));
    });
    return Handled::kDone;
  }
  Replayed answer;
  if (!read.mapped().more) {
    Looked looked;
    if (Status status = MayMake(read.mapped().rows.size()); !status.ok()) return core_.Refuse(request, status);
    if (std::optional<Handled> handled = TakeRows(task, known, read.mapped(), from, to, /*replay=*/true, &looked)) {
      if (*handled == Handled::kParked) rows_of_.insert(std::move(read));
      return *handled;
    }
    answer.accepted = looked.made;
  } else {
    core_.AddToAgenda(Encode(ScanItem{true, known->record.serial, {}, from, to}));
  }
  if (keyed) Remember(key, ask.fields, {answer.accepted ? *answer.accepted + 1 : 0});
  core_.journal_.AskSync();
  return Answer(request, {std::move(answer)});
}

}  // namespace notifyd
