// The notifies of events: made from subscriptions' templates, at once or as the agenda goes on. See core_topics.h.
#include <algorithm>
#include <utility>

#include "base/json.h"
#include "broker/core_services.h"
#include "broker/core_topics.h"
#include "broker/flow.h"
#include "broker/partition.h"

namespace notifyd {
namespace {

constexpr size_t kMostLabels = 16;
/// So many promises are kept apart: what is promised beyond is put together with the last one, and is over with all of that.
constexpr size_t kMostPromises = 10'000;

/// An item of the agenda: {kFanOut, how, event, cursor, notifies made so far, and, where another one has some of its own, its serial and the last of
/// the instances that it has them for}.
struct FanOutItem {
  uint8_t kind = 0;
  NotifyId event;
  uint64_t cursor = 0;
  uint64_t made = 0;
  uint64_t of = 0;
  std::string instance = {};
};
std::string Encode(const FanOutItem& item) {
  std::string what;
  Encoder encoder(&what);
  encoder.U8(kFanOut);
  encoder.U8(item.kind);
  encoder.Varint(item.event.value);
  encoder.Varint(item.cursor);
  encoder.Varint(item.made);
  if (item.of == 0) return what;
  encoder.Varint(item.of);
  encoder.Text(item.instance);
  return what;
}
FanOutItem DecodeFanOut(std::string_view what) {
  Decoder decoder(what.substr(1));
  FanOutItem item;
  item.kind = decoder.U8();
  item.event.value = decoder.Varint();
  item.cursor = decoder.Varint();
  item.made = decoder.Varint();
  if (!decoder.done()) {
    item.of = decoder.Varint();
    item.instance = decoder.Text();
  }
  CHECK(decoder.done());
  return item;
}

void AddTo(std::vector<EventPlace::Run>* runs, NotifyId id) {
  if (!runs->empty() && runs->back().first.value + runs->back().count == id.value) ++runs->back().count;
  else runs->push_back({id, 1});
}

/// The template's, and those of the event beside them as far as there is room.
std::shared_ptr<const Labels> MergedLabels(const std::shared_ptr<const Labels>& own, const Labels& of_event) {
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
      if (Result<JsonTree> tree = JsonTree::Parse(key); tree.ok()) hash = OrderHashAt(*tree, "");
    }
  } else if (const JsonTree* data = hand->Data()) {
    hash = OrderHashAt(*data, *spec.order_by);
  }
  return name + PartitionSuffix(hash.value_or(spec.order_by_spread ? hand->id.value : 0), spec.partitions);
}

/// Gives `spec` the event's payload as the subscription gets it. Returns false where its transform makes nothing of it that may be sent: that would
/// be too long, or there is no data to pick from.
bool Core::Impl::TopicPart::TakePayload(const Known& known, Hand* hand, NotifySpec* spec) const {
  const EventRecord& event = *hand->event;
  spec->payload_kind = event.payload_kind;
  spec->payload.clear();
  spec->payload_of_event = false;
  if (known.transform && event.payload_kind != PayloadKind::kNone) {
    const JsonTree* data = hand->Data();
    if (!data) return false;
    Result<std::string> transformed = known.transform->Apply(data->root(), core_.limits_.max_body_bytes);
    if (!transformed.ok()) return false;
    spec->payload = std::move(*transformed);
    return true;
  }
  spec->payload_of_event = event.payload_kind != PayloadKind::kNone && event.payload.size() > kShortPayload;
  if (spec->payload_of_event) spec->payload_kind = PayloadKind::kNone;
  else spec->payload = event.payload;
  return true;
}

/// `spec`: as it is written. Nothing: as TakePayload.
std::optional<SubmitItem> Core::Impl::TopicPart::ItemFor(const Known& known, Hand* hand, bool replay, const std::string& instance,
                                                         NotifySpec* spec) const {
  const Subscription& said = *known.record.said;
  const EventRecord& event = *hand->event;
  auto envelope = std::make_shared<Envelope>(*said.envelope);
  envelope->lane.name = LaneFor(known, hand);
  auto flow = std::make_shared<FlowFields>(said.envelope->flow ? *said.envelope->flow : FlowFields());
  flow->event = hand->id;
  flow->topic = event.topic;
  flow->subscription = known.name;
  flow->schedule = event.schedule;
  flow->scheduled_at = event.scheduled_at;
  if (!instance.empty()) {
    // It waits for that instance at a host of its own, as one does whose submitter names it.
    flow->instance = instance;
    envelope->host = HostOf(std::move(envelope->host), {flow->pool, flow->pool_fallback, flow->instance});
  }
  envelope->flow = std::move(flow);
  envelope->labels = MergedLabels(said.envelope->labels, event.labels);
  if (!event.trace_parent.empty()) envelope->trace_parent = event.trace_parent;
  *spec = known.spec;
  if (!event.trace_parent.empty()) spec->trace_state = event.trace_state;
  spec->via = event.via;
  if (!event.content_type.empty() && !spec->content_type_given) {
    spec->content_type = event.content_type;
    spec->content_type_given = true;
  }
  if (!TakePayload(known, hand, spec)) return std::nullopt;
  SubmitItem item;
  item.envelope = std::move(envelope);
  item.spec = std::make_shared<const std::string>(EncodeSpec(*spec));
  item.when = event.due_at && !replay ? When{When::Kind::kAt, event.due_at->ms} : said.when;
  item.ttl = said.ttl;
  return item;
}

bool Core::Impl::TopicPart::MayMakeMore() const {
  return made_bytes_ < kBytesInOneTurn || (made_batch_ != core_.journal_.open() && core_.journal_.IsWritten(made_batch_));
}

void Core::Impl::TopicPart::CountMade(size_t bytes) {
  if (made_batch_ != core_.journal_.open()) made_bytes_ = 0;
  made_batch_ = core_.journal_.open();
  made_bytes_ += bytes;
}

bool Core::Impl::TopicPart::MakeNotifies(Known* known, Hand* hand, bool replay, Partly* partly, Made* made) {
  const std::optional<std::vector<std::string>> instances = InstancesOf(*known);
  if (!instances) {
    MakeNotify(known, hand, replay, {}, made);
    return true;
  }
  const size_t made_before = made->count;
  for (auto it = std::upper_bound(instances->begin(), instances->end(), partly->instance); it != instances->end(); ++it) {
    if (made->count > made_before && (made->count >= kMadeInOneTurn || !HasRoomFor(*known))) return false;
    MakeNotify(known, hand, replay, *it, made);
    partly->instance = *it;
  }
  return true;
}

/// Makes notifies for those that want the event, as far as a turn goes. Returns the last one that has all of its own; `cursor` where none has.
uint64_t Core::Impl::TopicPart::MakeSome(Hand* hand, FanOutKind kind, uint64_t cursor, Matching* matching, Made* made) {
  for (int64_t left = kStepsToMake; matching->made < matching->wants.size() && made->count < kMadeInOneTurn && left > 0;) {
    const uint64_t serial = matching->wants[matching->made];
    auto wants = by_serial_.find(serial);
    if (wants == by_serial_.end() || !wants->second->record.said->enabled) {
      ++made->passed;  // it is there no more
    } else {
      Known* known = wants->second;
      if (!HasRoomFor(*known)) break;
      const uint64_t before = made->count;
      if (matching->partly.of != serial) matching->partly = {serial, ""};
      const bool all = MakeNotifies(known, hand, kind == FanOutKind::kReplay, &matching->partly, made);
      left -= static_cast<int64_t>(made->count - before) * StepsToMake(*known, *hand);
      if (!all) break;
    }
    matching->partly = {};
    cursor = serial;
    ++matching->made;
  }
  return cursor;
}

void Core::Impl::TopicPart::NoteLackOfSpace(const Name& subscription, NotifyId event) {
  if (std::exchange(lack_noted_, true)) return;
  core_.out_->flow_logs.push_back({true, "fan-out waits", {{"subscription", subscription}, {"event_id", event.ToString()}}});
}

void Core::Impl::TopicPart::MakeNotify(Known* known, Hand* hand, bool replay, const std::string& instance, Made* made) {
  ++made->passed;
  if (!HasRoom(known, hand->id)) return;
  NotifySpec spec;
  const std::optional<SubmitItem> made_item = ItemFor(*known, hand, replay, instance, &spec);
  if (!made_item) return NoteUntransformed(known, hand, made->place);
  if (known->transform) {
    known->untransformed = lack_noted_ = false;
    std::erase(made->place->untransformed, known->name);
  }
  const SubmitItem& item = *made_item;
  CountMade(item.spec->size());
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
  AddTo(&made->place->runs, entry->id);
  ++made->count;
  ++(replay ? figures_.replayed : figures_.matched);
}

TopicFigures Core::Impl::TopicPart::figures() const {
  TopicFigures figures = figures_;
  figures.backlog = begun_.size();
  for (const AgendaDue& due : core_.agenda_[AgendaSort::kFanOuts].due) figures.backlog += !begun_.contains(due.serial);
  return figures;
}

// ---- what is promised (T8). Fan-outs are over in the order of their serials (T1): so are promises.

/// What is there at the start is of fan-outs that the agenda brings back; which of them has how much is not kept.
Core::Impl::TopicPart::TopicPart(Core::Impl* core) : core_(*core), next_sweep_(core->now_.mono) {
  const Totals& totals = core_.totals_;
  if (totals.promised > 0) promises_.push_back({0, totals.next_serial - 1, totals.promised, totals.promised_bytes});
}

void Core::Impl::TopicPart::SetPromise(Promise* promise, uint64_t count, uint64_t bytes) {
  core_.totals_.promised += count - promise->count;
  core_.totals_.promised_bytes += bytes - promise->bytes;
  promise->count = count;
  promise->bytes = bytes;
}

/// Promises what a fan-out, the last one so far, is to make.
void Core::Impl::TopicPart::AddPromise(uint64_t serial, const Weight& weight) {
  if (weight.count == 0) return;
  if (promises_.size() < kMostPromises) promises_.push_back({serial, serial});
  Promise& promise = promises_.back();
  promise.last = serial;
  SetPromise(&promise, promise.count + weight.count, promise.bytes + weight.bytes);
}

/// Of the fan-out whose turn it is that much is left, as is known by now.
void Core::Impl::TopicPart::Reweigh(uint64_t serial, const Weight& weight) {
  EndPromises(serial - 1);
  if (promises_.empty() || promises_.front().first > serial) {
    if (weight.count == 0) return;
    promises_.push_front({serial, serial});
  }
  if (Promise& own = promises_.front(); own.first == own.last) SetPromise(&own, weight.count, weight.bytes);
}

/// The fan-out whose turn it is has made so many, or will not make them after all.
void Core::Impl::TopicPart::Fulfil(uint64_t serial, uint64_t count) {
  EndPromises(serial - 1);
  if (promises_.empty() || promises_.front().first > serial) return;
  Promise& promise = promises_.front();
  const uint64_t left = promise.count - std::min(promise.count, count);
  SetPromise(&promise, left, left == 0 ? 0 : promise.bytes / promise.count * left);
}

/// Fan-outs up to that serial are over.
void Core::Impl::TopicPart::EndPromises(uint64_t last) {
  while (!promises_.empty() && promises_.front().last <= last) {
    SetPromise(&promises_.front(), 0, 0);
    promises_.pop_front();
  }
}

void Core::Impl::TopicPart::CheckPromises() const {
  uint64_t count = 0, bytes = 0;
  const Promise* before = nullptr;
  for (const Promise& promise : promises_) {
    CHECK(promise.first <= promise.last && (!before || before->last < promise.first));
    count += promise.count;
    bytes += promise.bytes;
    before = &promise;
  }
  CHECK(count == core_.totals_.promised && bytes == core_.totals_.promised_bytes);
  if (core_.stopping_) return;  // what the agenda has is left to the next start
  CHECK(IsBusy() || (count == 0 && bytes == 0));
  // How many instances there were when it was judged is not known any more.
  for (const auto& [serial, known] : by_serial_)
    if (known->record.said->each_instance) return;
  for (const auto& [serial, matching] : matchings_) {
    if (!matching.done || matching.held) continue;
    const auto own =
        std::find_if(promises_.begin(), promises_.end(), [of = serial](const Promise& each) { return each.first <= of && of <= each.last; });
    const uint64_t left = matching.wants.size() - matching.made;
    if (own == promises_.end()) CHECK(left == 0);
    else if (own->first == own->last) CHECK(own->count == left);
  }
}

// ---- an event's notifies, as the agenda goes on

/// `weight`: as it was judged.
uint64_t Core::Impl::TopicPart::BeginFanOut(NotifyId event, FanOutKind kind, const Weight& weight) {
  const uint64_t serial = core_.AddToAgenda(Encode(FanOutItem{static_cast<uint8_t>(kind), event, 0, 0}));
  AddPromise(serial, weight);
  return serial;
}

/// As BeginFanOut, for one of which a part is made.
uint64_t Core::Impl::TopicPart::GoOnFanningOut(const Hand& hand, FanOutKind kind, uint64_t cursor, const Matching& matching, uint64_t made) {
  const FanOutItem item{static_cast<uint8_t>(kind), hand.id, cursor, made, matching.partly.of, matching.partly.instance};
  const uint64_t serial = core_.AddToAgenda(Encode(item));
  AddPromise(serial, WeightOf(hand, matching.wants, matching.made));
  return serial;
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

void Core::Impl::TopicPart::NoteBegun(const AgendaDue& r) {
  const FanOutItem item = DecodeFanOut(r.what);
  begun_.try_emplace(r.serial, Begun{item.event, static_cast<FanOutKind>(item.kind), item.cursor});
}

/// Is a fan-out of the event under way, or may it be that one waits? What of the agenda is on disk is not known.
bool Core::Impl::TopicPart::IsOnAgenda(NotifyId event) const {
  const AgendaLine& line = core_.agenda_[AgendaSort::kFanOuts];
  if (line.OnDisk()) return true;
  const auto begun = [event](const auto& each) { return each.second.event == event; };
  const auto waits = [event](const AgendaDue& due) { return DecodeFanOut(due.what).event == event; };
  return std::any_of(begun_.begin(), begun_.end(), begun) || std::any_of(line.due.begin(), line.due.end(), waits);
}

/// Does a subscription that is catching up leave the event to the fan-out that its trigger begins, or began? It does unless that has passed it over,
/// as one that was catching up then, or is done with judging. What of that is on disk has not begun, but for what a crash cut off behind hundreds of
/// others.
bool Core::Impl::TopicPart::IsLeftToFanOut(const Known& known, NotifyId event, const EventPlace& place) const {
  if (place.matched) return false;
  for (const auto& [serial, begun] : begun_)
    if (begun.event == event && begun.kind == FanOutKind::kHeld) return begun.judged < known.record.serial;
  for (const AgendaDue& due : core_.agenda_[AgendaSort::kFanOuts].due) {
    const FanOutItem item = DecodeFanOut(due.what);
    if (item.event == event && static_cast<FanOutKind>(item.kind) == FanOutKind::kHeld) return item.cursor < known.record.serial;
  }
  return place.held;
}

/// The fan-out whose turn it was is at its end: the next one may go.
void Core::Impl::TopicPart::EndFanOut(uint64_t serial) {
  core_.DropFromAgenda(serial);
  begun_.erase(serial);
  EndPromises(serial);
  if (auto matching = matchings_.extract(serial); !matching.empty()) handed_over_ -= matching.mapped().wants.size();
  if (made_ < kMadeInOneTurn && agenda_steps_ < kStepsToMake) GoOn();
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
  asked_steps_ = agenda_steps_ = 0;
  if (core_.stopping_ || MayMakeMore())
    for (Task* task : std::exchange(short_, {})) core_.Unpark(task);
  if (!core_.stopping_) {
    GoOn();
    // Those that a start found may have made less, or were made by an earlier notifyd, which does not know of promises.
    if (core_.totals_.promised > 0 && !IsBusy()) EndPromises(UINT64_MAX);
    return GoOnScanning();
  }
  // They stay on the agenda.
  for (auto& [serial, task] : std::exchange(waiting_, {})) core_.Unpark(task);
  for (const AgendaDue& due : std::exchange(waiting_scans_, {})) core_.EndDue(due);
}

/// Lets a task of the agenda wait where nothing can be made now; it is run again when that may be over.
Handled Core::Impl::TopicPart::WaitForRoom(Task* task) {
  ++task->missing;
  short_.push_back(task);
  return Handled::kParked;
}

Handled Core::Impl::TopicPart::FanOut(Task* task, AgendaDue& r) {
  if (core_.stopping_) {
    core_.EndDue(r);
    return Handled::kDone;
  }
  FanOutItem item = DecodeFanOut(r.what);
  if (auto known = matchings_.find(r.serial); known != matchings_.end() && known->second.hand && r.serial == begun_.begin()->first) {
    // Its event is at hand, and need not be read as long as nothing is made of it.
    Matching& matching = known->second;
    const bool done = MatchSome(r.serial, &*matching.hand, static_cast<FanOutKind>(item.kind), &matching);
    if (!done && matching.made == matching.wants.size()) {
      core_.EndDue(r);
      item.cursor = matching.judged;
      GoOnLater(r, Encode(item));
      return Handled::kDone;
    }
  }
  Hand hand;
  EventPlace place;
  RecordSlot* slot = nullptr;
  if (std::optional<Handled> handled = NeedEvent(task, item.event, &hand, &place, &slot)) return *handled;
  if (hand.event && place.held && !TakeOver(task, r.serial, &hand)) return Handled::kParked;
  if (r.serial != begun_.begin()->first || !MayMakeMore() || !HasSpace()) {
    ++task->missing;
    waiting_[r.serial] = task;
    return Handled::kParked;
  }
  core_.EndDue(r);
  lacks_space_ = false;
  place.held = false;
  if (!hand.event) {
    NoteLostEvent(item.event);
    EndFanOut(r.serial);
    return Handled::kDone;
  }
  FanOutSome(r, &hand, &place, slot);
  return Handled::kDone;
}

/// Match, as far as a turn of the agenda goes, of the fan-out whose turn it is.
bool Core::Impl::TopicPart::MatchSome(uint64_t serial, Hand* hand, FanOutKind kind, Matching* matching) {
  const bool known = matching->done;
  const size_t wanted = matching->wants.size();
  int64_t steps = StepsOfAgenda();
  agenda_steps_ += steps;
  const bool done = Match(hand, kind, kMadeInOneTurn, &steps, matching);
  agenda_steps_ -= steps;
  begun_.at(serial).judged = matching->done ? UINT64_MAX : matching->judged;
  handed_over_ += matching->wants.size() - wanted;
  if (done && !known && !matching->held) Reweigh(serial, WeightOf(*hand, matching->wants, matching->made));
  return done;
}

/// Makes notifies of those that want the event, as many as a turn makes of one, and judges who does, as far as a turn goes.
void Core::Impl::TopicPart::FanOutSome(AgendaDue& r, Hand* hand, EventPlace* place, RecordSlot* slot) {
  FanOutItem item = DecodeFanOut(r.what);
  const auto kind = static_cast<FanOutKind>(item.kind);
  auto [known, begins] = matchings_.try_emplace(r.serial);
  Matching& matching = known->second;
  if (begins) {
    matching.held = kind == FanOutKind::kHeld;
    matching.judged = item.cursor;
    matching.partly = {item.of, std::move(item.instance)};
  }
  if (matching.hand) *hand = *std::exchange(matching.hand, std::nullopt);
  MatchSome(r.serial, hand, kind, &matching);
  Made made{place};
  const size_t untransformed = place->untransformed.size();
  item.cursor = MakeSome(hand, kind, item.cursor, &matching, &made);
  if (!matching.held) Fulfil(r.serial, made.passed);
  item.made += made.count;
  item.of = matching.partly.of;
  item.instance = matching.partly.instance;
  made_ += made.count;
  const bool all = matching.made == matching.wants.size();
  if (all) item.cursor = matching.judged;
  if (all && matching.done) {
    if (kind != FanOutKind::kReplay) {
      place->matched = item.made;
      place->counted_from = std::max(place->counted_from, core_.now_.wall);
    }
    core_.WriteRecord(slot, EncodeEventPlace(*place));
    core_.journal_.AskSync();
    return EndFanOut(r.serial);
  }
  if (made.count > 0 || place->untransformed.size() != untransformed) {
    core_.WriteRecord(slot, EncodeEventPlace(*place));
    core_.journal_.AskSync();
  }
  if (auto next = all ? by_serial_.end() : by_serial_.find(matching.wants[matching.made]); next != by_serial_.end() && LacksSpace(*next->second)) {
    lacks_space_ = true;
    NoteLackOfSpace(next->second->name, item.event);
  }
  matching.hand = std::move(*hand);
  GoOnLater(r, Encode(item));
}

/// The item goes on in the next turn; it is written where it says something new.
void Core::Impl::TopicPart::GoOnLater(AgendaDue& r, std::string what) {
  if (what == r.what) core_.agenda_.Of(what).due.push_front({r.serial, std::move(what)});
  else core_.KeepOnAgenda(r.serial, std::move(what));
}

}  // namespace notifyd
