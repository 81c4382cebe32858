// Past events are brought to subscriptions: an event once more, a subscription's time, and what came before a subscription that begins in the past.
// See core_topics.h.
#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "broker/core_topics.h"

namespace notifyd {
namespace {

/// So many events are read at once.
constexpr size_t kEventsAPage = 256;
/// So many bytes of an event are decoded in a step.
constexpr size_t kDecodedBytesAStep = 64;

/// Where a caller stands in the keys of others. A subscription may have the name of an event.
const std::string kReplayOfEvent = "\x01replay e", kReplayToSubscription = "\x01replay s";

/// {kScan, is it a replay, subscription's serial, cursor, from, to, and, where another event has some of its notifies, its id and the last of the
/// instances that it has them for}.
struct ScanItem {
  bool replay = false;
  uint64_t subscription = 0;
  NotifyId cursor;
  WallTime from, to;
  uint64_t of = 0;
  std::string instance = {};
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
  if (item.of == 0) return what;
  encoder.Varint(item.of);
  encoder.Text(item.instance);
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
  if (!decoder.done()) {
    item.of = decoder.Varint();
    item.instance = decoder.Text();
  }
  CHECK(decoder.done());
  return item;
}

/// It is known that it brings nothing to anybody, so that nothing was changed.
bool MakesNone(const Replayed& answer) {
  return answer.accepted == 0;
}

}  // namespace

Handled Core::Impl::TopicPart::On(Task* task, RequestId request, const EventReplay& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  if (Status room = core_.Room("nothing is sent again"); !room.ok()) return core_.Refuse(request, room);
  const IdempotencyKey key{kReplayOfEvent + ask.id.ToString(), ask.idempotency_key};
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
  if (!hand.event || IsOver(*hand.event, place)) return core_.RefuseAfter(request, Code::kNotFound, kNoEvent);
  if (place.held) return core_.RefuseAfter(request, Code::kConflict, "the event is held under its fkey, or was never fanned out");
  Matching matching;
  int64_t steps = StepsToAsk();
  asked_steps_ += steps;
  const bool all = Match(&hand, FanOutKind::kReplay, SIZE_MAX, &steps, &matching);
  asked_steps_ -= steps;
  const Weight weight = WeightOf(hand, matching.wants);
  Weight most = weight;
  if (!all) most += MayStillGet(hand, FanOutKind::kReplay, matching);
  if (Status status = MayMake(most.count, weight); !status.ok()) return core_.Refuse(request, status);
  Replayed answer;
  if (all) answer.accepted = weight.count;
  if (!all || weight.count > kMadeInOneTurn || weight.steps > kStepsToMake || IsBusy()) {
    HandOver(BeginFanOut(ask.id, FanOutKind::kReplay, most), std::move(matching));
  } else {
    Made made{&place};
    const uint64_t cursor = MakeSome(&hand, FanOutKind::kReplay, 0, &matching, &made);
    if (matching.made == matching.wants.size()) {
      answer.accepted = made.count;
    } else {
      const uint64_t serial = GoOnFanningOut(hand, FanOutKind::kReplay, cursor, matching, made.count);
      HandOver(serial, std::move(matching));
    }
    core_.WriteRecord(slot, EncodeEventPlace(place));
  }
  if (keyed) Remember(key, ask.fields, {answer.accepted ? *answer.accepted + 1 : 0});
  core_.journal_.AskSync();
  return Answer(request, {answer}, MakesNone(answer));
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
  return Answer(request, {std::move(answer)}, /*unchanged=*/true);
}

/// Quotas of what makes so many notifies at once, as far as is known, at most so many, and is no event.
Status Core::Impl::TopicPart::MayMake(uint64_t most, const Weight& weight) const {
  if (most > kMostMatched) return Status(Code::kUnacceptable, "more than 10,000 subscriptions match this event: " + std::to_string(most));
  if (core_.totals_.claimed() + weight.count > core_.limits_.max_pending) return core_.TooManyPending();
  return core_.CheckStored(weight.bytes);
}

// ---- a subscription's past events

void Core::Impl::TopicPart::CatchUp(uint64_t serial, WallTime from) {
  core_.AddToAgenda(Encode(ScanItem{false, serial, {}, from, kWallNever}));
}

void Core::Impl::TopicPart::AskEvents(NotifyId above, std::function<void(Rows)> then) {
  core_.AskRecords(RecordsPage{RecordKind::kEvent, KeyOfEvent({above.value + 1}), "", false}, kEventsAPage,
                   [published = figures_.published, released = released_, then = std::move(then)](std::vector<RecordRow>& rows, bool more) {
                     then(Rows{std::move(rows), more, published, released});
                   });
}

/// Which events of a subscription's past are brought to it, whether as a replay, and whether the quotas were told how many these are.
struct Core::Impl::TopicPart::Range {
  WallTime from, to;
  bool replay = false, judged = false;
};

/// Goes on to judge which events of a page the subscription wants. Returns whether all are judged.
bool Core::Impl::TopicPart::JudgeRows(const Known& known, const Range& range, int64_t* steps, Rows* rows) {
  for (; rows->next < rows->rows.size(); ++rows->next) {
    if (*steps <= 0) return false;
    RecordRow& row = rows->rows[rows->next];
    Hand hand;
    if (rows->hand) {
      hand = *std::exchange(rows->hand, std::nullopt);
    } else {
      Result<EventRecord> event = DecodeEvent(row.record.value);
      if (!event.ok()) {
        core_.Fatal(event.status());
        return false;
      }
      hand.id = EventOfKey(row.key);
      hand.event = std::make_shared<const EventRecord>(std::move(*event));
      *steps -= static_cast<int64_t>(row.record.value.size() / kDecodedBytesAStep);
      std::string().swap(row.record.value);  // what is wanted of it is in `hand`
    }
    const EventRecord& event = *hand.event;
    // One that is too late says nothing of those behind it: the clock may have stepped back between.
    if (event.published_at >= range.from && event.published_at < range.to && hand.IsOf(known.record.said->topic, steps)) {
      const std::optional<bool> wants = Wants(known, &hand, steps, &rows->judging);
      if (!wants) {
        rows->hand = std::move(hand);
        return false;
      }
      if (*wants) {
        const NotifyId id = hand.id;
        // Parsed again where it is needed: a page of them would take much memory.
        rows->wanted.push_back({id, std::move(hand.event)});
        hand.id = id;
      }
    }
    rows->last = hand.id;
  }
  return true;
}

/// Makes notifies for a subscription of those events of a page that it wants and that lie in the time, as far as a turn goes. Returns nothing once
/// that is done; parks where something must be known first.
std::optional<Handled> Core::Impl::TopicPart::TakeRows(Task* task, Known* known, const Range& range, int64_t* steps, Rows* rows, Looked* out) {
  const NotifyId before = out->last;
  out->paused = !JudgeRows(*known, range, steps, rows);
  for (const Hand& hand : rows->wanted) core_.NeedRecord(task, RecordKind::kTopicEvent, KeyOfTopicEvent(hand.event->topic, hand.id));
  if (task->missing > 0) return Handled::kParked;
  out->last = std::max(out->last, rows->last);
  size_t made = 0;
  for (int64_t left = kStepsToMake; made < rows->wanted.size() && left > 0 && known->record.said->enabled && HasRoomFor(*known); ++made) {
    if (!range.judged && IsFull()) break;
    Hand& hand = rows->wanted[made];
    RecordSlot* slot = core_.records_.at({RecordKind::kTopicEvent, KeyOfTopicEvent(hand.event->topic, hand.id)}).get();
    if (!slot->record) continue;  // it went since
    Result<EventPlace> place = DecodeEventPlace(slot->record->value);
    if (!place.ok()) {
      core_.Fatal(place.status());
      return Handled::kDone;
    }
    const bool leaves = range.replay ? place->held : IsLeftToFanOut(*known, hand.id, *place);
    if (leaves || IsOver(*hand.event, *place)) continue;
    Made of_it{&*place};
    const size_t untransformed = place->untransformed.size();
    if (rows->partly.of != hand.id.value) rows->partly = {hand.id.value, ""};
    const bool all = MakeNotifies(known, &hand, range.replay, &rows->partly, &of_it);
    out->made += of_it.count;
    left -= static_cast<int64_t>(of_it.count) * StepsToMake(*known, hand);
    if (of_it.count > 0 || place->untransformed.size() != untransformed) core_.WriteRecord(slot, EncodeEventPlace(*place));
    if (!all) break;
    rows->partly = {};
  }
  if (made < rows->wanted.size() && known->record.said->enabled) {
    out->paused = true;
    out->last = made > 0 ? rows->wanted[made - 1].id : before;
    rows->wanted.erase(rows->wanted.begin(), rows->wanted.begin() + static_cast<ptrdiff_t>(made));
  } else {
    rows->wanted.clear();
  }
  return std::nullopt;
}

/// How many a scan will make nobody knows, so it was not judged: it makes them as there is room, and holds up nothing else meanwhile.
Handled Core::Impl::TopicPart::WaitWhileFull(AgendaDue& r, const Name& subscription, NotifyId event) {
  if (std::exchange(full_noted_, r.serial) != r.serial)
    core_.out_->flow_logs.push_back({true, "fan-out waits", {{"subscription", subscription}, {"event_id", event.ToString()}}});
  core_.EndDue(r);
  full_.emplace(r.serial, std::move(r.what));
  // Those that wait leave pages for others. Who goes on first keeps its own.
  size_t kept = 0;
  std::erase_if(rows_, [&](const auto& each) { return full_.contains(each.first) && ++kept > kMostPages / 2; });
  return Handled::kDone;
}

/// One after the other: each reads a page before it makes anything. Those whose subscriptions are gone wait for nothing.
void Core::Impl::TopicPart::GoOnScanning() {
  if (std::exchange(full_gone_, false)) {
    for (auto it = full_.begin(); it != full_.end();) {
      const auto each = it++;
      if (by_serial_.contains(DecodeScan(each->second).subscription)) continue;
      core_.agenda_[AgendaSort::kScans].due.push_front({each->first, std::move(each->second)});
      full_.erase(each);
    }
  }
  while (PagesHeld() < kMostPages && !waiting_scans_.empty()) {
    AgendaDue next = std::move(waiting_scans_.front());
    waiting_scans_.pop_front();
    core_.RunTask(MakeTask(std::move(next)));
  }
  if (full_.empty() || let_go_ || IsFull()) return;
  auto first = full_.extract(full_.begin());
  core_.agenda_[AgendaSort::kScans].due.push_front({first.key(), std::move(first.mapped())});
  let_go_ = true;
}

/// Reads the events that are next; then the scan goes on. A page may take many megabytes, so that few scans have one: the others follow, each behind
/// those that asked before it.
void Core::Impl::TopicPart::ReadPage(AgendaDue& r) {
  if (PagesHeld() >= kMostPages) {
    waiting_scans_.push_back(std::move(r));
    return;
  }
  ++reading_;
  AskEvents(DecodeScan(r.what).cursor, [this, due = r](Rows read) {
    --reading_;
    if (core_.stopping_) {
      core_.EndDue(due);
      return;
    }
    ScanItem begun = DecodeScan(due.what);
    read.partly = {begun.of, std::move(begun.instance)};
    rows_[due.serial] = std::move(read);
    core_.RunTask(MakeTask(due));
  });
}

/// What comes up to that event is the scan's, and live events are those behind it.
void Core::Impl::TopicPart::MoveLive(Known* known, NotifyId last) {
  if (last <= known->record.live_after) return;
  known->record.live_after = last;
  WriteSubscription(*known, /*fresh=*/false);
}

Handled Core::Impl::TopicPart::Scan(Task* task, AgendaDue& r) {
  ScanItem item = DecodeScan(r.what);
  auto found = by_serial_.find(item.subscription);
  let_go_ = let_go_ && found != by_serial_.end() && !rows_.contains(r.serial);
  if (found == by_serial_.end()) {
    rows_.erase(r.serial);
    core_.DropFromAgenda(r.serial);
    core_.EndDue(r);
    return Handled::kDone;
  }
  auto rows = rows_.find(r.serial);
  if (rows != rows_.end() && IsStale(rows->second)) {
    rows_.erase(rows);
    rows = rows_.end();
  }
  if (core_.stopping_) {
    core_.EndDue(r);
    return Handled::kDone;
  }
  Known* known = found->second;
  if (LacksSpace(*known)) {
    // It may for long, and has no page meanwhile.
    NoteLackOfSpace(known->name, item.cursor);
    rows_.erase(r.serial);
    let_go_ = false;
    return WaitForRoom(task);
  }
  if (rows == rows_.end()) {
    ReadPage(r);
    return Handled::kDone;
  }
  if (!rows->second.wanted.empty() && IsFull()) return WaitWhileFull(r, known->name, item.cursor);
  if (!HasRoomFor(*known)) return WaitForRoom(task);
  Looked looked;
  looked.last = item.cursor;
  int64_t steps = StepsOfAgenda();
  agenda_steps_ += steps;
  const std::optional<Handled> handled = TakeRows(task, known, {item.from, item.to, item.replay}, &steps, &rows->second, &looked);
  agenda_steps_ -= steps;
  if (handled) return *handled;
  core_.EndDue(r);
  if (looked.paused) {
    // The rest of the page stays in memory; what is done is written.
    item.cursor = looked.last;
    item.of = rows->second.partly.of;
    item.instance = rows->second.partly.instance;
    if (!item.replay) MoveLive(known, looked.last);
    if (looked.made > 0) core_.journal_.AskSync();
    GoOnLater(r, Encode(item));
    return Handled::kDone;
  }
  // What is published while a replay goes on is none of its business.
  const bool end = rows->second.rows.empty() || (item.replay && !rows->second.more);
  const bool done = end && (item.replay || rows->second.published == figures_.published);
  rows_.erase(rows);
  core_.journal_.AskSync();
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
  item.of = 0;
  core_.KeepOnAgenda(r.serial, Encode(item));
  return Handled::kDone;
}

Handled Core::Impl::TopicPart::On(Task* task, RequestId request, const SubscriptionReplay& ask) {
  // Where it is run again, with what was read; that stays while it is parked.
  auto read = rows_of_.extract(request);
  if (core_.RefusedStopping(request)) return Handled::kDone;
  if (Status room = core_.Room("nothing is sent again"); !room.ok()) return core_.Refuse(request, room);
  auto found = subscriptions_.find(ask.name);
  if (found == subscriptions_.end()) return core_.RefuseAfter(request, Code::kNotFound, "there is no such subscription");
  Known* known = found->second.get();
  if (!ask.condition.Holds(known->bytes)) return core_.ReplyAfter(core_.journal_.Barrier(), request, Stale{});
  const IdempotencyKey key{kReplayToSubscription + ask.name, ask.idempotency_key};
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
  if (!read.empty() && IsStale(read.mapped())) read = {};
  // While many ask at once the rest of them is not judged: it goes to the agenda.
  if (read.empty() && asking_ + rows_of_.size() < kMostPages) {
    ++asking_;
    AskEvents({}, [this, request, ask](Rows rows) {
      --asking_;
      rows_of_[request] = std::move(rows);
      SubscriptionReplay again = ask;
      core_.RunTask(MakeTask(TopicRequest{request, std::make_shared<const TopicAsk>(TopicAsk{std::move(again)})}));
    });
    return Handled::kDone;
  }
  Replayed answer;
  Rows none;
  Rows& rows = read.empty() ? none : read.mapped();
  const Range range{from, to, /*replay=*/true, /*judged=*/true};
  int64_t steps = StepsToAsk();
  asked_steps_ += steps;
  bool now = !read.empty() && !rows.more && JudgeRows(*known, range, &steps, &rows);
  asked_steps_ -= steps;
  now = now && HasRoomFor(*known);
  for (int64_t left = kStepsToMake; const Hand& hand : rows.wanted) now = now && (left -= StepsToMake(*known, hand)) > 0;
  if (now) {
    Looked looked;
    const uint64_t events = rows.wanted.size();
    Weight weight = events > 0 ? WeightOf(rows.wanted.front(), {known->record.serial}) : Weight();
    weight.count *= events, weight.bytes *= events;
    if (Status status = MayMake(events, weight); !status.ok()) return core_.Refuse(request, status);
    if (std::optional<Handled> handled = TakeRows(task, known, range, &steps, &rows, &looked)) {
      if (*handled == Handled::kParked) rows_of_.insert(std::move(read));
      return *handled;
    }
    if (looked.paused) {
      // What is left of it goes on from there.
      const uint64_t serial =
          core_.AddToAgenda(Encode(ScanItem{true, known->record.serial, looked.last, from, to, rows.partly.of, rows.partly.instance}));
      if (MayHavePage()) rows_[serial] = std::move(rows);
    } else {
      answer.accepted = looked.made;
    }
  } else {
    if (Status status = MayMake(1, {1, kRecordBytes, 0}); !status.ok()) return core_.Refuse(request, status);
    const uint64_t serial = core_.AddToAgenda(Encode(ScanItem{true, known->record.serial, {}, from, to}));
    if (!read.empty() && MayHavePage()) rows_[serial] = std::move(rows);
  }
  if (keyed) Remember(key, ask.fields, {answer.accepted ? *answer.accepted + 1 : 0});
  core_.journal_.AskSync();
  return Answer(request, {answer}, MakesNone(answer));
}

}  // namespace notifyd
