// An event is taken: judged whole, kept, and its notifies are made with it where they are few. See core_topics.h.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "broker/core_merging.h"
#include "broker/core_topics.h"
#include "broker/flow.h"
#include "broker/payload.h"

namespace notifyd {
namespace {

constexpr char kEventsRefused[] = "events are refused";

/// So many bytes of schemas (Schema::compiled_bytes) are compiled for one request, some 50 ms. What was compiled stays (SchemaCache), so that the
/// same request has less to do when it comes again.
constexpr size_t kMostCompiled = 256 << 10;
/// So many bytes of data are parsed in a step of the judgement that they are parsed for.
constexpr size_t kParsedBytesAStep = 32;
/// Where all steps are used up, what the other events of the request may make is told by going through so many subscriptions at most, some 50 ms.
constexpr size_t kMostLeftOpen = 300'000;

}  // namespace

struct Core::Impl::TopicPart::Plan {
  Hand hand;
  Matching matching;
  Weight weight;                          // of those that want it, as far as that is known
  Weight most;                            // and of those that may
  std::optional<Published::Item> before;  // a duplicate's answer
  size_t duplicate_of = SIZE_MAX;         // or it is one of an earlier item
  size_t kept_of = SIZE_MAX;              // or, as on_held says, gives way to that of an earlier item
  // Of one with an fkey.
  SubmitItem holds;                                // the notify that holds it
  Entry* replaced = nullptr;                       // held until now
  size_t replaced_of = SIZE_MAX;                   // or by that of an earlier item
  std::shared_ptr<const RememberedTrigger> early;  // a trigger that was there before it
  NotifyId in_the_way;

  bool IsFresh() const { return !before && duplicate_of == SIZE_MAX && kept_of == SIZE_MAX; }
  /// It takes the place of what its fkey holds.
  bool IsInPlace() const { return replaced || replaced_of != SIZE_MAX; }
  bool IsKept() const { return kept_of != SIZE_MAX || (before && before->kept); }
};

/// What one request took of schemas.
struct Core::Impl::TopicPart::Judged {
  uint64_t steps = 0;   // as Schema::Validate has it
  size_t compiled = 0;  // of those that had to be compiled: Schema::compiled_bytes
  std::set<const KnownTopic*> topics = {};  // that have a schema
  size_t kept = 0;                          // Schema::bytes of theirs
};

/// What the events before one have claimed.
struct Core::Impl::TopicPart::Planning {
  Task* task = nullptr;
  size_t item = 0;  // that is planned
  std::map<IdempotencyKey, size_t> keys;
  std::map<std::string, size_t> fkeys;  // held by that item; SIZE_MAX: by nobody any more
  std::map<std::string, uint64_t> by_caller;
  uint64_t fresh = 0, pending = 0, bytes = 0;
  int64_t* steps = nullptr;  // of matching, that are left
  Judged judged;
  std::map<std::string, Weight> unasked = {};  // by topic, what an event of it may make, where no steps were left to ask who wants it
  size_t left_open = 0;                        // subscriptions that were gone through for that, event by event
};

/// The notify's, that holds an event under its fkey.
NotifySpec Core::Impl::TopicPart::SpecOfHeld(const EventItem& item) {
  NotifySpec spec;
  spec.url = std::string(kHeldHost) + item.topic;
  spec.payload_kind = item.payload_kind;
  spec.payload = item.payload;
  if (!item.content_type.empty()) {
    spec.content_type = item.content_type;
    spec.content_type_given = true;
  }
  spec.on_held = item.on_held;
  return spec;
}

/// The events of a request, to be merged with what came before them.
class Core::Impl::TopicPart::EventSource : public MergeSource {
 public:
  explicit EventSource(const Publish& ask) : events_(ask.events) {}
  size_t count() const override { return events_.size(); }
  const std::string& fkey(size_t i) const override { return events_[i].fkey; }
  size_t bytes(size_t i) const override { return events_[i].payload.size(); }
  NotifySpec spec(size_t i) const override { return SpecOfHeld(events_[i]); }
  Status Refusal(const Status& why) const override {
    return Status(why.code(), "the trigger of this fkey that came before has data that cannot be merged into this event", "/fkey");
  }

 private:
  const std::vector<EventItem>& events_;
};

/// Apart from those of submits: no caller can be said that has control characters (HasControl).
IdempotencyKey Core::Impl::TopicPart::KeyOf(const EventItem& item) {
  return {std::string("\x01topic ") + item.topic, item.idempotency_key};
}

void Core::Impl::TopicPart::Remember(IdempotencyKey key, const Fingerprint& fields, NotifyId id, int64_t window_ms) {
  IdempotencySlot* slot = core_.idempotency_.at(key).get();
  slot->record = IdempotencyRecord{id, fields, {core_.now_.wall.ms + (window_ms > 0 ? window_ms : core_.limits_.idempotency_window_ms)}};
  core_.Touch(slot);
  core_.journal_.AskSync();
  core_.Write(PutIdempotency{std::move(key), *slot->record});
}

/// Some fan-out is under way, or waits for its turn.
bool Core::Impl::TopicPart::IsBusy() const {
  return !begun_.empty() || !core_.agenda_[AgendaSort::kFanOuts].empty();
}

/// Is data (null: there is none), which is asked for where the topic has a schema alone, what that schema asks for? Error: kUnacceptable with the
/// pointer; kUnavailable: a request that comes again will find more schemas compiled.
Status Core::Impl::TopicPart::Judge(std::string_view topic, const std::function<const JsonTree*()>& data, Judged* judged) {
  core_.CheckCatalog();
  auto found = topics_.find(topic);
  if (found == topics_.end() || found->second.said.schema.empty()) return Status::Ok();
  std::shared_ptr<const Schema> schema = schemas_.Find(topic);
  if (!schema) {
    const std::string& text = found->second.said.schema;
    if (judged->compiled >= kMostCompiled) return Status(Code::kUnavailable, "the schemas of so many topics are not ready yet: ask again");
    Result<std::shared_ptr<const Schema>> compiled = schemas_.Compile(topic, text);
    if (!compiled.ok())
      return Status(Code::kUnacceptable, "the topic's schema cannot be judged by, put another: " + compiled.status().detail(), "/data");
    schema = *std::move(compiled);
    judged->compiled += schema->compiled_bytes();
  }
  // What is not kept until the last one is judged would be compiled anew whenever the request comes again.
  if (judged->topics.insert(&found->second).second) judged->kept += schema->bytes();
  if (judged->kept > SchemaCache::kMaxBytes)
    return Status(Code::kUnacceptable, "the schemas of so many topics are too large for one request: publish to fewer at once", "/topic");
  const JsonTree* tree = data();
  if (!tree) return Status(Code::kUnacceptable, "the topic's schema is of data, and there is none", "/data");
  const uint64_t before = judged->steps;
  judged->steps += tree->root().raw().size() / kParsedBytesAStep;
  Status status = schema->Validate(tree->root(), &judged->steps);
  if (before > 0 && judged->steps > Schema::kMaxSteps)
    return Status(Code::kUnacceptable,
                  "it takes too long to tell whether schemas allow what this request has up to here: publish fewer events at once", "/data");
  return status.ok() ? std::move(status) : Status(status.code(), status.detail(), "/data" + status.field());
}

Status Core::Impl::TopicPart::JudgeHeld(const Envelope& envelope, const NotifySpec& spec) {
  Judged judged;
  return JudgeHeld(envelope, spec, &judged);
}

Status Core::Impl::TopicPart::JudgeHeld(const Envelope& envelope, const NotifySpec& spec, Judged* judged) {
  std::optional<JsonTree> tree;
  const auto data = [&]() -> const JsonTree* {
    if (spec.payload_kind != PayloadKind::kData) return nullptr;
    if (Result<JsonTree> parsed = JsonTree::Parse(spec.payload); parsed.ok()) tree = *std::move(parsed);
    return tree ? &*tree : nullptr;
  };
  return Judge(std::string_view(envelope.host).substr(kHeldHost.size()), data, judged);
}

Status Core::Impl::TopicPart::CheckKnown(std::string_view topic) const {
  core_.CheckCatalog();
  if (topics_.contains(topic)) return Status::Ok();
  return Status(Code::kUnacceptable, "this topic is not known, and topics must be (strict_topics)", "/topic");
}

Status Core::Impl::TopicPart::PlanEvent(const Publish& ask, size_t i, Planning* planning, Plan* plan) {
  const EventItem& item = ask.events[i];
  if (ask.strict) NOTIFYD_TRY(CheckKnown(item.topic));
  if (item.when.kind == When::Kind::kAt && item.when.ms > core_.now_.wall.ms + kMaxAheadMs) return TooFarAhead(item.when);
  auto event = std::make_shared<EventRecord>();
  event->topic = item.topic;
  event->published_at = core_.now_.wall;
  event->caller = item.caller;
  event->key = item.key;
  if (item.labels) event->labels = *item.labels;
  event->payload_kind = item.payload_kind;
  event->payload = item.payload;
  event->content_type = item.content_type;
  if (const DueTime due = core_.DueOf(item.when); !due.at_once && item.fkey.empty()) event->due_at = due.at;
  event->trace_parent = item.trace_parent;
  event->trace_state = item.trace_state;
  event->via = item.via;
  event->schedule = item.schedule;
  event->scheduled_at = item.scheduled_at;
  plan->hand.event = std::move(event);
  NOTIFYD_TRY(Judge(
      item.topic, [plan] { return plan->hand.Data(); }, &planning->judged));
  plan->hand.id = {core_.totals_.next_id};  // or a later one: above all subscriptions' live_after all the same
  if (!item.fkey.empty()) return PlanHeld(ask, i, planning, plan);
  const bool unasked = *planning->steps <= 0 && !guards_.any();
  if (auto known = planning->unasked.find(item.topic); unasked && known != planning->unasked.end()) {
    plan->most = known->second;
    return Status::Ok();
  }
  const bool all = Match(&plan->hand, FanOutKind::kLive, SIZE_MAX, planning->steps, &plan->matching);
  plan->weight = plan->most = WeightOf(plan->hand, plan->matching.wants);
  if (!all) {
    plan->most += MayStillGet(plan->hand, FanOutKind::kLive, plan->matching);
    planning->left_open += plan->matching.serials.size() - plan->matching.next;
    if (planning->left_open > kMostLeftOpen)
      return Status(Code::kUnacceptable, "it takes too long to tell what the events of this request up to here could make: publish fewer at once",
                    "/topic");
  }
  if (plan->most.count > kMostMatched)
    return Status(Code::kUnacceptable,
                  "an event makes 10,000 notifies at most, and this one " + std::string(all ? "would" : "takes long to match and could") + " make " +
                      std::to_string(plan->most.count),
                  "/topic");
  if (unasked && !all) planning->unasked[item.topic] = plan->most;
  return Status::Ok();
}

/// Asks for all that the events' keys name.
void Core::Impl::TopicPart::NeedFor(Task* task, const Publish& ask) {
  if (!core_.switches_.known) core_.NeedSwitches(task);
  for (const EventItem& item : ask.events) {
    if (!item.fkey.empty())
      if (FkeySlot* slot = core_.NeedFkey(task, item.fkey);
          slot && slot->record && slot->record->expires_at > core_.now_.wall && !slot->record->remembered)
        if (Entry* entry = core_.NeedEntry(task, slot->record->id); entry && entry->pending()) core_.NeedLane(task, entry->envelope->lane);
    if (item.idempotency_key.empty()) continue;
    IdempotencySlot* slot = core_.NeedIdempotency(task, KeyOf(item));
    if (slot && slot->record && slot->record->expires_at > core_.now_.wall)
      core_.NeedRecord(task, RecordKind::kTopicEvent, KeyOfTopicEvent(item.topic, slot->record->id));
  }
}

/// Looks whether the item's idempotency key, which it has, is known: then the event is a duplicate.
Status Core::Impl::TopicPart::PlanKeyed(const Publish& ask, size_t i, Planning* planning, Plan* plan) {
  const EventItem& item = ask.events[i];
  const Status differs(Code::kUnacceptable, "this idempotency key was used with other fields", "/idempotency_key");
  IdempotencyKey key = KeyOf(item);
  if (auto here = planning->keys.find(key); here != planning->keys.end()) {
    if (ask.events[here->second].fields != item.fields) return differs;
    plan->duplicate_of = here->second;
    return Status::Ok();
  }
  const auto& record = core_.idempotency_.at(key)->record;
  if (!record || record->expires_at <= core_.now_.wall) {
    planning->keys[std::move(key)] = i;
    return Status::Ok();
  }
  if (!HasFields(record->fields, item)) return differs;
  plan->before = Published::Item{record->id, std::nullopt, true};
  const RecordSlot& slot = *core_.records_.at({RecordKind::kTopicEvent, KeyOfTopicEvent(item.topic, record->id)});
  if (slot.record)
    if (Result<EventPlace> place = DecodeEventPlace(slot.record->value); place.ok()) plan->before->matched = place->matched;
  return Status::Ok();
}

/// Judges the quotas: once, for all that the event makes, whenever that is made. Where that is not known yet, it is judged by what is, and those
/// behind it by what it may make. `retry_after_ms` as in Refused.
Status Core::Impl::TopicPart::Judge(const EventItem& item, const Plan& plan, Planning* planning, int64_t* retry_after_ms) const {
  if (Status room = core_.Room(kEventsRefused); !room.ok()) return room;
  planning->pending += !item.fkey.empty() && !plan.IsInPlace();
  planning->bytes += 2 * kRecordBytes + item.payload.size() + item.topic.size() + item.key.size();
  if (!plan.IsInPlace() && core_.totals_.claimed() + planning->pending + plan.weight.count > core_.limits_.max_pending) return core_.TooManyPending();
  if (Status status = core_.CheckStored(planning->bytes + plan.weight.bytes); !status.ok()) return status;
  planning->pending += plan.most.count;
  planning->bytes += plan.most.bytes;
  if (!core_.switches_.all->callers.empty()) {
    uint64_t& of_caller = planning->by_caller[item.caller];
    if (Status status = core_.CheckCaller(item.caller, of_caller, /*whole=*/true); !status.ok()) {
      *retry_after_ms = core_.CallerMayAgainIn(item.caller);
      return status;
    }
    ++of_caller;
  }
  ++planning->fresh;
  return Status::Ok();
}

/// As Judge, for one that gives way to what its fkey holds: of that its key is kept.
Status Core::Impl::TopicPart::JudgeKept(const EventItem& item, Planning* planning) const {
  if (item.idempotency_key.empty()) return Status::Ok();
  if (Status room = core_.Room(kEventsRefused); !room.ok()) return room;
  planning->bytes += BytesOfKey(item);
  return core_.CheckStored(planning->bytes);
}

/// Plans all events and takes what they cost of the rate. Returns the refusal of the whole, where it is one. What is planned changes nothing.
/// Where it leaves task->unmerged set, it has taken and refused nothing.
std::optional<Refused> Core::Impl::TopicPart::PlanAll(Task* task, const Publish& ask, int64_t* steps, std::vector<Plan>* plans) {
  Planning planning;
  planning.task = task;
  planning.steps = steps;
  for (size_t i = 0; i < ask.events.size(); ++i) {
    const EventItem& item = ask.events[i];
    planning.item = i;
    Plan& plan = plans->emplace_back();
    int64_t retry_after_ms = 0;
    Status status;
    if (!item.idempotency_key.empty()) status = PlanKeyed(ask, i, &planning, &plan);
    if (status.ok() && plan.IsFresh()) {
      status = PlanEvent(ask, i, &planning, &plan);
      if (status.ok() && plan.IsKept()) status = JudgeKept(item, &planning);
      if (status.ok() && plan.IsFresh()) status = Judge(item, plan, &planning, &retry_after_ms);
    }
    if (!status.ok()) {
      if (task->unmerged) return std::nullopt;  // what is wrong with one before it is said first
      const std::string field = ask.batch ? "/" + std::to_string(i) + status.field() : status.field();
      return Refused{Status(status.code(), status.detail(), field), plan.in_the_way, retry_after_ms};
    }
  }
  if (task->unmerged || planning.fresh == 0) return std::nullopt;
  const TokenRate rate = core_.SubmitRate();
  const double needed = std::min<double>(static_cast<double>(planning.fresh), rate.burst);
  if (core_.SubmitTokens() < needed)
    return Refused{core_.SubmitsTooFast(), {}, core_.submits_.When(needed, core_.now_.mono, rate).ms - core_.now_.mono.ms};
  core_.submits_.Take(core_.now_.mono, rate, static_cast<double>(planning.fresh));
  for (const auto& [caller, taken] : planning.by_caller) core_.TakeOfCaller(caller, taken);
  return std::nullopt;
}

Handled Core::Impl::TopicPart::On(Task* task, RequestId request, const Publish& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  std::optional<Taken> taken = TakeAll(task, ask);
  if (!taken) return Handled::kParked;
  if (auto* refused = std::get_if<Refused>(&*taken)) return core_.ReplyAfter(core_.journal_.Barrier(), request, std::move(*refused));
  return Answer(request, {std::move(std::get<Published>(*taken))});
}

std::optional<Core::Impl::TopicPart::Taken> Core::Impl::TopicPart::TakeAll(Task* task, const Publish& ask) {
  if (core_.lost_) return Refused{core_.Room(kEventsRefused), {}, 0};
  NeedFor(task, ask);
  if (task->missing > 0) return std::nullopt;
  std::vector<Plan> plans;
  plans.reserve(ask.events.size());
  do {
    if (!core_.merging_->Merge(task, EventSource(ask))) return std::nullopt;
    plans.clear();
    task->unmerged = false;
    int64_t steps = StepsToAsk();
    asked_steps_ += steps;
    std::optional<Refused> refused = PlanAll(task, ask, &steps, &plans);
    asked_steps_ -= steps;  // what is left of them
    if (refused) return std::move(*refused);
  } while (task->unmerged);
  Published answer;
  answer.batch = ask.batch;
  size_t room = kMadeInOneTurn;
  int64_t steps_to_make = kStepsToMake;
  bool behind = IsBusy();
  for (size_t i = 0; i < plans.size(); ++i) {
    Plan& plan = plans[i];
    if (plan.IsKept()) {
      answer.events.push_back(Keep(ask.events[i], plan.before ? *plan.before : answer.events[plan.kept_of]));
    } else if (plan.before) {
      answer.events.push_back(*plan.before);
    } else if (plan.duplicate_of != SIZE_MAX) {
      answer.events.push_back(answer.events[plan.duplicate_of]);
      answer.events.back().duplicate = true;
      answer.events.back().kept = false;
    } else if (!ask.events[i].fkey.empty()) {
      if (plan.replaced_of != SIZE_MAX) plan.replaced = core_.FindEntry(answer.events[plan.replaced_of].id);
      answer.events.push_back(Hold(ask.events[i], &plan));
    } else {
      const bool known = !behind && plan.matching.done;  // who gets it; behind others, that is said later
      const Weight weight = plan.weight;
      behind = behind || !known || weight.count > room || weight.steps > steps_to_make;
      if (!behind) room -= weight.count, steps_to_make -= weight.steps;
      answer.events.push_back(Take(ask.events[i], &plan, behind));
      behind = behind || !answer.events.back().matched;  // of that a part is made later
      if (known && !answer.events.back().matched) answer.events.back().matched = weight.count;
    }
  }
  return answer;
}

/// Keeps an event that was planned, and makes its notifies, or lets the agenda do that, or what is left of it: then `matched` is not known here.
Published::Item Core::Impl::TopicPart::Take(const EventItem& item, Plan* plan, bool later) {
  plan->hand.id = {core_.totals_.next_id++};
  const NotifyId id = plan->hand.id;
  EventPlace place;
  place.counted_from = plan->hand.event->due_at.value_or(plan->hand.event->published_at);
  core_.WriteNewRecord({RecordKind::kEvent, KeyOfEvent(id)}, EncodeEvent(*plan->hand.event));
  core_.stored_.bytes += 2 * kRecordBytes + item.payload.size();
  ++figures_.published;
  if (later) {
    HandOver(BeginFanOut(id, FanOutKind::kLive, plan->most), std::move(plan->matching));
  } else {
    Made made{&place};
    const uint64_t cursor = MakeSome(&plan->hand, FanOutKind::kLive, 0, &plan->matching, &made);
    if (plan->matching.made == plan->matching.wants.size()) {
      place.matched = made.count;
    } else {
      const uint64_t serial = GoOnFanningOut(plan->hand, FanOutKind::kLive, cursor, plan->matching, made.count);
      HandOver(serial, std::move(plan->matching));
    }
  }
  core_.WriteNewRecord({RecordKind::kTopicEvent, KeyOfTopicEvent(item.topic, id)}, EncodeEventPlace(place));
  if (!item.idempotency_key.empty()) Remember(KeyOf(item), item.fields, id, item.idempotency_window_ms);
  core_.journal_.AskSync();
  return {id, place.matched, false, false};
}

// ---- held under an fkey: by a notify of the same id, which is triggered, replaced, cancelled and expires as any other, and whose turn fans it out

/// As Core::Impl::PlanHeld does it for a submit.
Status Core::Impl::TopicPart::PlanHeld(const Publish& ask, size_t i, Planning* planning, Plan* plan) {
  const EventItem& item = ask.events[i];
  const std::optional<FkeyRecord>& record = core_.fkeys_.at(item.fkey)->record;
  Entry* held = nullptr;
  size_t held_of = SIZE_MAX;
  if (auto here = planning->fkeys.find(item.fkey); here != planning->fkeys.end()) {
    held_of = here->second;
  } else if (record && record->expires_at > core_.now_.wall) {
    if (record->remembered) plan->early = record->remembered;
    else if (Entry* entry = core_.FindEntry(record->id);
             entry->pending() && entry->held(core_.now_.wall) && entry->state.expires_at > core_.now_.wall)
      held = entry;
  }
  if (held) plan->in_the_way = held->id;
  const bool is_held = held || held_of != SIZE_MAX;
  if (is_held && item.on_held == OnHeld::kReject) return Status(Code::kConflict, "a notify is held under this fkey already", "/fkey");
  if (is_held && item.on_held == OnHeld::kKeep) {
    if (held) plan->before = Published::Item{held->id, std::nullopt, false, true, true};
    plan->kept_of = held_of;
    return Status::Ok();
  }
  if (is_held && item.for_caller_alone && (held ? held->envelope->caller : ask.events[held_of].caller) != item.caller)
    return Status(Code::kConflict, "another caller's notify is held under this fkey", "/fkey");
  plan->replaced = held;
  plan->replaced_of = held_of;
  // One whose due time has passed goes out at once and holds nothing, like one that was triggered already.
  const bool holds = !plan->early && (item.when.kind == When::Kind::kDefault || !core_.DueOf(item.when).at_once);
  planning->fkeys[item.fkey] = holds ? i : SIZE_MAX;
  auto envelope = std::make_shared<Envelope>();
  envelope->lane = {Mode::kConcurrent, "topic/" + item.topic};
  envelope->host = std::string(kHeldHost) + item.topic;
  envelope->caller = item.caller;
  envelope->fkey = item.fkey;
  envelope->labels = item.labels;
  if (plan->early && plan->early->HasData()) {
    const MergedEarly* merged = MergePart::Find(planning->task, planning->item, plan->early);
    if (!merged) return Status::Ok();  // it is planned anew
    NOTIFYD_TRY(merged->refused);
    Result<NotifySpec> spec = DecodeSpec(*merged->spec);
    CHECK(spec.ok());
    NOTIFYD_TRY(JudgeHeld(*envelope, *spec, &planning->judged));
    plan->holds.spec = merged->spec;
  } else {
    plan->holds.spec = std::make_shared<const std::string>(EncodeSpec(SpecOfHeld(item)));
  }
  plan->holds.envelope = std::move(envelope);
  plan->holds.when = item.when;
  plan->holds.on_held = item.on_held;
  return Status::Ok();
}

/// `held`: what the event gives way to. Its key answers with that from now on.
Published::Item Core::Impl::TopicPart::Keep(const EventItem& item, const Published::Item& held) {
  if (!item.idempotency_key.empty()) {
    Remember(KeyOf(item), item.fields, held.id, item.idempotency_window_ms);
    core_.stored_.bytes += BytesOfKey(item);
  }
  return {held.id, std::nullopt, false, true, true};
}

Published::Item Core::Impl::TopicPart::Hold(const EventItem& item, Plan* plan) {
  if (plan->replaced) core_.Settle(plan->replaced, Phase::kCancelled, kReplaced, std::nullopt);
  const NotifyId id{core_.totals_.next_id};
  auto envelope = std::make_shared<Envelope>(*plan->holds.envelope);
  FlowFields flow;
  flow.event = id;
  flow.topic = item.topic;
  flow.schedule = item.schedule;
  flow.scheduled_at = item.scheduled_at;
  envelope->flow = std::make_shared<const FlowFields>(std::move(flow));
  plan->holds.envelope = std::move(envelope);
  Entry* entry = core_.ApplySubmit(plan->holds, plan->holds.spec, plan->early.get());
  CHECK(entry->id == id);
  EventPlace place;
  place.counted_from = plan->hand.event->published_at;
  place.held = true;
  core_.WriteNewRecord({RecordKind::kEvent, KeyOfEvent(id)}, EncodeEvent(*plan->hand.event));
  core_.WriteNewRecord({RecordKind::kTopicEvent, KeyOfTopicEvent(item.topic, id)}, EncodeEventPlace(place));
  core_.stored_.bytes += 2 * kRecordBytes + item.payload.size();
  ++figures_.published;
  if (!item.idempotency_key.empty()) Remember(KeyOf(item), item.fields, id, item.idempotency_window_ms);
  return {id, std::nullopt, false, entry->state.phase == Phase::kHeld};
}

}  // namespace notifyd
