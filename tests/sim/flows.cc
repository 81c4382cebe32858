#include "sim/flows.h"

#include <algorithm>

#include "broker/flow.h"
#include "sim/describe.h"
#include "sim/flows_run.h"

namespace notifyd::sim {
namespace {

constexpr int64_t kNever = SimClock::kNever;

struct Said {
  const char *name, *topic, *filter;
};
constexpr Said kSaid[] = {{"s0", "a.#", ""}, {"s1", "*.b", ""}, {"s2", "#", "{\"data\":{\"n\":{\"$gte\":50}}}"}, {"s3", "d.c", ""}};

}  // namespace

Flows::Flows(uint64_t seed, Mutation mutation, Tracing tracing, FlowParts parts)
    : seed_(seed),
      mutation_(mutation),
      random_(seed * 7919 + 11),
      trace_(tracing),
      away_random_(seed * 6'151 + 5),
      goes_away_(parts == FlowParts::kAll && seed % 2 == 1) {
  world_.clock = &clock_;
  world_.inbox = &inbox_;
  world_.next_request = &next_request_;
  world_.tally = &tally_;
  world_.violation = [this](const std::string& text) { Violation(text); };
  world_.mutation = mutation;
  if (parts == FlowParts::kNone) return;
  if (Random quota(seed * 41 + 3); quota.Chance(0.3)) world_.max_pending = 40 + quota.Below(60);
  uint64_t number = 0;
  for (const auto make : {MakeAnswersPart, MakeHeldPart, MakeReplayPart, MakeApplyPart, MakePublishingPart, MakeHostsPart, MakeAlertsPart})
    parts_.push_back(make(&world_, seed * 104'729 + ++number));
}

// ---- the workload

std::shared_ptr<const Envelope> Flows::EnvelopeOf(const std::string& lane, Mode mode) {
  auto envelope = std::make_shared<Envelope>();
  envelope->host = "h" + std::to_string(random_.Below(3)) + ".test:80";
  envelope->lane = {mode, lane};
  envelope->caller = "c";
  auto retry = std::make_shared<RetryPolicy>();
  retry->max_attempts = static_cast<uint32_t>(Between(1, 4));
  retry->initial_ms = Between(0, 300);
  retry->max_ms = 600;
  envelope->retry = std::move(retry);
  return envelope;
}

std::shared_ptr<const std::string> Flows::SpecOf(const std::string& url) {
  NotifySpec spec;
  spec.url = url;
  return std::make_shared<const std::string>(EncodeSpec(spec));
}

void Flows::DrawSubscriptions() {
  PutService put{"svc", {}, {}};
  put.settings.balance = static_cast<Balance>(random_.Below(4));
  Wish service;
  service.service = ServiceAsk{std::move(put)};
  wishes_.push_back(std::move(service));
  for (const Said& said : kSaid) {
    auto subscription = std::make_shared<Subscription>();
    subscription->topic = said.topic;
    subscription->filter = said.filter;
    subscription->envelope = EnvelopeOf(std::string("subscription/") + said.name, random_.Chance(0.5) ? Mode::kFifo : Mode::kConcurrent);
    subscription->spec = SpecOf(std::string("http://") + subscription->envelope->host + "/" + said.name);
    Wish wish;
    wish.subscription = SubscriptionPut{said.name, std::move(subscription), std::nullopt, {}};
    wishes_.push_back(std::move(wish));
  }
  first_ = wishes_.size();
  for (const char* id : {"i0", "i1", "i2"}) beating_.push_back({id, Between(0, 2'000), -1, {}});
}

Wish Flows::DrawGroup(size_t number) {
  Wish wish;
  const std::string name = "g" + std::to_string(number);
  GroupPost post;
  post.submit.batch = true;
  post.caller = "c";
  post.idempotency_key = name;
  post.fields = FingerprintOf(name);
  post.sequential = random_.Chance(0.6);
  post.cancel_rest = random_.Chance(0.5);
  if (random_.Chance(0.7)) {
    wish.tells = "http://h0.test:80/" + name + "/told";
    post.callback = Callback{wish.tells, wish.tells, "h0.test:80", ""};
  }
  for (int64_t place = 0, count = Between(1, 6); place < count; ++place) {
    SubmitItem item;
    const bool fifo = random_.Chance(0.3);
    item.envelope = EnvelopeOf((fifo ? "fifo" : "lane") + std::to_string(random_.Below(4)), fifo ? Mode::kFifo : Mode::kConcurrent);
    item.spec = SpecOf("http://" + item.envelope->host + "/" + name);
    if (random_.Chance(0.3)) item.when = {When::Kind::kDelay, Between(0, 1'500)};
    if (random_.Chance(0.1)) item.ttl = {When::Kind::kDelay, Between(200, 5'000)};
    post.submit.items.push_back(std::move(item));
  }
  wish.group = std::move(post);
  return wish;
}

std::set<std::string> Flows::SubscribedTo(const std::string& topic, int64_t n) {
  std::set<std::string> subscribed;
  if (topic[0] == 'a') subscribed.insert("s0");
  if (topic == "a.b") subscribed.insert("s1");
  if (n >= 50) subscribed.insert("s2");
  if (topic == "d.c") subscribed.insert("s3");
  return subscribed;
}

Wish Flows::DrawEvent(size_t number) {
  Wish wish;
  const char* topics[] = {"a", "a.b", "a.c", "d.c", "x.y.z"};
  EventItem item;
  item.topic = topics[random_.Below(5)];
  item.caller = "c";
  const int64_t n = Between(0, 99);
  item.payload_kind = PayloadKind::kData;
  item.payload = "{\"n\":" + std::to_string(n) + "}";
  item.idempotency_key = "e" + std::to_string(number);
  item.fields = FingerprintOf(item.idempotency_key);
  wish.subscribed = SubscribedTo(item.topic, n);
  wish.event = std::move(item);
  return wish;
}

Wish Flows::DrawCall(size_t number) {
  SubmitItem item;
  auto envelope = std::make_shared<Envelope>(*EnvelopeOf(kService, Mode::kConcurrent));
  envelope->host = kService;
  item.envelope = std::move(envelope);
  item.idempotency_key = "v" + std::to_string(number);
  item.fields = FingerprintOf(item.idempotency_key);
  NotifySpec spec;
  spec.url = std::string(kService) + "/v" + std::to_string(number);
  spec.idempotency_key = item.idempotency_key;
  item.spec = std::make_shared<const std::string>(EncodeSpec(spec));
  Wish wish;
  wish.call = std::move(item);
  return wish;
}

Wish Flows::DrawSchedule(const std::string& name, Missed missed, int64_t over_ms) {
  auto said = std::make_shared<Schedule>();
  said->every_ms = Between(1'000, 3'000);
  // One that has no time left is refused.
  said->end_at = WallTime{clock_.now().wall.ms + std::max(over_ms, said->every_ms + 3'000)};
  said->missed = missed;
  said->envelope = EnvelopeOf("schedule/" + name, Mode::kConcurrent);
  said->spec = SpecOf("http://" + said->envelope->host + "/" + name);
  Wish wish;
  wish.schedule = SchedulePut{name, std::move(said), {}};
  return wish;
}

/// Its own ttl is what counts; a core with a fault is told of a longer one.
void Flows::Beat(Beating* instance) {
  instance->next_at = t() + (random_.Chance(0.2) ? Between(1'500, 5'000) : Between(200, 800));
  PutInstance put{"svc", instance->id, {}, {}};
  put.settings.url = "http://" + instance->id + ".test:80";
  put.settings.ttl_ms = mutation_ == Mutation::kOutlived ? 600'000 : kTtlMs;
  ServiceRequest request;
  request.request = {0, next_request_++};
  request.ask = std::make_shared<const ServiceAsk>(ServiceAsk{std::move(put)});
  instance->unheard.insert(request.request);
  inbox_.push_back(std::move(request));
}

void Flows::DrawWishes() {
  DrawSubscriptions();
  int64_t at = 0;
  for (int64_t n = Between(10, 60); n > 0; --n) {
    at += random_.Chance(0.3) ? 0 : Between(1, 300);
    const uint64_t dice = random_.Below(10);
    Wish wish = dice < 4 ? DrawGroup(wishes_.size()) : dice < 8 ? DrawEvent(wishes_.size()) : DrawCall(wishes_.size());
    wish.at = at;
    wishes_.push_back(std::move(wish));
  }
  last_at_ = at;
  wishes_.push_back(DrawSchedule("all", Missed::kAll, at + 2'000));
  wishes_.push_back(DrawSchedule("one", Missed::kOne, at + 2'000));
  wishes_.push_back(DrawSchedule("skip", Missed::kSkip, at + 2'000));
  for (size_t i = 0; i < wishes_.size(); ++i) wishes_[i].number = i;
  world_.busy_ms = last_at_ + 1'000;
  for (auto& part : parts_) part->Begin();
}

void Flows::Ask(Wish* wish) {
  wish->asked = {0, next_request_++};
  trace_.Add("t=" + std::to_string(t()) + " asks " + std::to_string(wish->number));
  if (wish->group) {
    GroupRequest request;
    request.request = wish->asked;
    request.ask = std::make_shared<const GroupAsk>(GroupAsk{*wish->group, 0});
    inbox_.push_back(std::move(request));
    return;
  }
  if (wish->service) {
    ServiceRequest request;
    request.request = wish->asked;
    request.ask = std::make_shared<const ServiceAsk>(*wish->service);
    inbox_.push_back(std::move(request));
    return;
  }
  if (wish->schedule) {
    ScheduleRequest request;
    request.request = wish->asked;
    request.ask = std::make_shared<const ScheduleAsk>(ScheduleAsk{*wish->schedule});
    inbox_.push_back(std::move(request));
    return;
  }
  if (wish->call) return inbox_.push_back(SubmitRequest{wish->asked, {*wish->call}, false});
  TopicRequest request;
  request.request = wish->asked;
  TopicAsk ask;
  if (wish->subscription) ask.what = *wish->subscription;
  else ask.what = Publish{{*wish->event}, false, false};
  request.ask = std::make_shared<const TopicAsk>(std::move(ask));
  inbox_.push_back(std::move(request));
}

/// Somebody cancels a group now and then, looks at one, or sends one of its members again.
void Flows::Meddle() {
  std::vector<Wish*> groups;
  for (Wish& wish : wishes_)
    if (wish.group && wish.id.value != 0) groups.push_back(&wish);
  if (groups.empty()) return;
  Wish* wish = groups[random_.Below(groups.size())];
  if (random_.Chance(0.2)) {
    wish->retried = true;
    const NotifyId member = MemberOf(wish->id, random_.Below(wish->group->submit.items.size()));
    inbox_.push_back(RetryRequest{{0, next_request_++}, member, ""});
    return;
  }
  GroupAsk ask;
  if (random_.Chance(0.3)) {
    wish->withdrawn = true;
    ask.what = GroupCancel{wish->id};
  } else {
    ask.what = GroupGet{wish->id};
    ask.wait_ms = random_.Chance(0.5) ? Between(1, 2'000) : 0;
  }
  GroupRequest request;
  request.request = {0, next_request_++};
  request.ask = std::make_shared<const GroupAsk>(std::move(ask));
  inbox_.push_back(std::move(request));
}

void Flows::Send(Reply reply) {
  if (trace_.on()) trace_.Add(Describe(reply));
  for (Beating& instance : beating_)
    if (instance.unheard.erase(reply.request)) instance.until = t() + kTtlMs;
  for (auto& part : parts_)
    if (part->Answered(reply)) return;
  for (Wish& wish : wishes_) {
    if (wish.done || wish.asked != reply.request) continue;
    wish.done = true;
    if (const auto* answered = std::get_if<GroupAnswered>(&reply.body)) {
      const auto* view = std::get_if<GroupView>(&answered->answer->what);
      if (!view) return Violation("group " + std::to_string(wish.number) + " is answered with a list");
      wish.id = view->id;
      tally_.duplicates += view->as == GroupAs::kDuplicate;
    } else if (const auto* answered = std::get_if<TopicAnswered>(&reply.body)) {
      const auto* published = std::get_if<Published>(&answered->answer->what);
      if (!wish.event) return;
      if (!published || published->events.size() != 1) return Violation("event " + std::to_string(wish.number) + " has another answer than its id");
      wish.id = published->events[0].id;
      tally_.duplicates += published->events[0].duplicate;
      if (published->events[0].matched && *published->events[0].matched != wish.subscribed.size())
        Violation("event " + std::to_string(wish.number) + " is said to match " + std::to_string(*published->events[0].matched));
    } else if (const auto* submitted = std::get_if<Submitted>(&reply.body)) {
      wish.id = submitted->items.at(0).id;
      tally_.duplicates += submitted->items[0].duplicate;
    } else if (const auto* refused = std::get_if<Refused>(&reply.body)) {
      // The broker stops, or its store is away: it is asked again. A schedule has another end where none of its times is left by then: so it is not
      // there.
      const int64_t wall_ms = clock_.now().wall.ms;
      const Schedule* schedule = wish.schedule ? wish.schedule->said.get() : nullptr;
      if (schedule && refused->status.field() == "/end_at" && wall_ms + schedule->every_ms >= schedule->end_at->ms) {
        auto said = std::make_shared<Schedule>(*schedule);
        said->end_at = WallTime{wall_ms + said->every_ms + 3'000};
        wish.schedule->said = std::move(said);
      } else if (refused->status.code() == Code::kTooMany && world_.max_pending) {
        wish.at = t() + kAgainMs;
      } else if (refused->status.code() != Code::kUnavailable) {
        Violation("wish " + std::to_string(wish.number) + " is refused: " + refused->status.detail());
      }
      if (refused->status.code() == Code::kUnavailable) wish.at = t() + kAskAgainMs;
      wish.done = false;
      wish.asked = {};
    }
    return;
  }
}

// ---- the broker and what it calls

/// What a store with a fault never gets to see.
void Flows::Spoil(WriteBatch* to) {
  WriteBatch& batch = *to;
  for (auto& part : parts_) part->Spoil(to);
  auto is_run = [](const WriteOp& op) {
    const auto* put = std::get_if<PutNotify>(&op);
    return put && put->record->envelope->flow && !put->record->envelope->flow->schedule.empty();
  };
  if (mutation_ == Mutation::kLostRun) std::erase_if(batch.ops, [&](const WriteOp& op) { return is_run(op) && random_.Chance(0.3); });
  if (mutation_ == Mutation::kRunTwice && std::any_of(batch.ops.begin(), batch.ops.end(), is_run))
    std::erase_if(batch.ops, [](const WriteOp& op) {
      auto of_schedule = [](const RecordKey& key) { return key.kind == RecordKind::kSchedule || key.kind == RecordKind::kRun; };
      const auto* put = std::get_if<PutRecord>(&op);
      const auto* gone = std::get_if<DeleteRecord>(&op);
      return std::holds_alternative<PutIdempotency>(op) || (put && of_schedule(put->key)) || (gone && of_schedule(gone->key));
    });
  if (mutation_ == Mutation::kSkippedSubscription)
    std::erase_if(batch.ops, [&](const WriteOp& op) {
      const auto* put = std::get_if<PutNotify>(&op);
      return put && put->record->envelope->flow && put->record->envelope->flow->subscription == "s0" && random_.Chance(0.3);
    });
  if (mutation_ == Mutation::kToldTwice) {
    // That a group was told of is forgotten, and that this was to be done is not.
    const bool tells = std::any_of(batch.ops.begin(), batch.ops.end(), [](const WriteOp& op) {
      const auto* put = std::get_if<PutRecord>(&op);
      Result<GroupRecord> group =
          put && put->key.kind == RecordKind::kGroup ? DecodeGroup(put->record->value) : Result<GroupRecord>(Status(Code::kCorrupt, ""));
      return group.ok() && group->callback_id.value != 0;
    });
    if (tells)
      std::erase_if(batch.ops, [](const WriteOp& op) {
        const auto* put = std::get_if<PutRecord>(&op);
        const auto* gone = std::get_if<DeleteRecord>(&op);
        return (put && put->key.kind == RecordKind::kGroup) || (gone && gone->key.kind == RecordKind::kAgenda);
      });
  }
}

void Flows::Commit(WriteBatch batch) {
  if (trace_.on()) trace_.Add(Describe(batch));
  if (mutation_ == Mutation::kForgottenPromise) batch.totals.promised = batch.totals.promised_bytes = 0;
  CheckPromised(batch);
  Spoil(&batch);
  store_->Commit(std::move(batch));
}

void Flows::Start(StartAttempt attempt) {
  if (trace_.on()) trace_.Add(Describe(attempt));
  CheckTurn(attempt);
  CheckInstance(attempt);
  AttemptResult result;
  result.record.number = attempt.number;
  result.record.started_at = attempt.at;
  result.record.duration_ms = Between(0, 120);
  result.verdict = Verdict::kSuccess;
  result.record.status = 200;
  if (!world_.calm && random_.Chance(fails_)) {
    result.verdict = random_.Chance(0.1) ? Verdict::kFatal : Verdict::kFailure;
    result.record.status = 500;
    result.record.error = "unexpected_answer";
    if (attempt.instance && random_.Chance(0.5)) {
      result.verdict = Verdict::kFailure;
      result.record.status = 0;
      result.record.error = "connect_failed";
      result.unsent = true;
    }
  }
  for (auto& part : parts_) part->OnStart(attempt, &result);
  const int64_t at = t() + result.record.duration_ms;
  if (attempt.tell_reached && !result.unsent && random_.Chance(0.8))
    ends_.emplace(std::pair(Between(t(), at), next_end_++), AttemptReached{attempt.id, attempt.number});
  ends_.emplace(std::pair(at, next_end_++), AttemptEnded{attempt.id, std::move(result)});
}

/// A member of a sequential group goes out once its turn has come, for good.
void Flows::CheckTurn(const StartAttempt& attempt) {
  const FlowFields* flow = attempt.envelope->flow.get();
  if (!flow || flow->group.value == 0) return;
  const FakeImage& image = store_->synced();
  auto record = image.records.find({RecordKind::kGroup, GroupKey(flow->group)});
  Result<GroupRecord> group = record == image.records.end() ? Result<GroupRecord>(Status(Code::kNotFound, "")) : DecodeGroup(record->second.value);
  const std::string name = flow->group.ToString() + "/" + std::to_string(flow->group_place);
  if (!group.ok()) return Violation(name + " starts, and its group is not on the disk");
  const bool retried = std::any_of(wishes_.begin(), wishes_.end(), [&](const Wish& wish) { return wish.retried && wish.id == flow->group; });
  if (!group->sequential || retried) return;
  size_t& furthest = furthest_[flow->group];
  if (flow->group_place < furthest) Violation(name + " starts after one that is behind it");
  furthest = std::max<size_t>(furthest, flow->group_place);
  if (flow->group_place == 0) return;
  const NotifyRecord* before = image.Find(MemberOf(flow->group, flow->group_place - 1));
  if (!before || !IsSettled(before->state.phase)) return Violation(name + " starts, and the one before it is not settled");
  if (group->cancel_rest && before->state.phase != Phase::kSucceeded) Violation(name + " starts, and the one before it has not succeeded");
}

/// A call of a service goes to an instance that was heard of within its ttl. After a restart each has a fresh one.
void Flows::CheckInstance(const StartAttempt& attempt) {
  if (attempt.envelope->host != kService) return;
  if (!attempt.instance) return Violation(attempt.id.ToString() + " goes to a service, and to no instance of it");
  ++tally_.calls;
  for (const Beating& instance : beating_)
    if (instance.id == attempt.instance->id && instance.unheard.empty() && instance.until < t())
      Violation(attempt.id.ToString() + " goes to " + instance.id + ", whose ttl was over " + std::to_string(t() - instance.until) + " ms before");
}

void Flows::Boot(FakeImage image) {
  clock_.SetMono({image.totals.mono.ms});
  Random random(seed_ * 31 + 7);
  FakeStoreOptions options;
  options.simple = false;
  options.seed = seed_ * 1'000 + ++boots_;
  options.write_ms_max = static_cast<int64_t>(random.Below(5));
  options.sync_ms_max = 1 + static_cast<int64_t>(random.Below(30));
  options.read_ms_max = 1 + static_cast<int64_t>(random.Below(25));
  options.answer_ms_max = static_cast<int64_t>(random.Below(6));
  if (mutation_ == Mutation::kLoseChange) options.fault = StoreFault::kLoseChange;
  CoreLimits limits;
  if (random.Chance(0.7)) {
    limits.page_items = 1 + random.Below(12);
    limits.max_loaded_per_lane = 2 + random.Below(10);
    limits.lookahead_ms = 200 + static_cast<int64_t>(random.Below(3'000));
    limits.max_in_flight_per_lane = 1 + static_cast<uint32_t>(random.Below(8));
    limits.max_loaded = 150 + random.Below(200);
  }
  if (world_.max_pending) limits.max_pending = *world_.max_pending;
  if (seed_ % 2 == 0) {
    limits.merged_bytes_a_turn = 1;
    options.remembered_kept = 0;
  }
  if (seed_ % 8 == 3) limits.max_spec_bytes = 0;  // no body is kept in memory
  fan_outs_.clear();
  for (auto at = image.records.lower_bound({RecordKind::kAgenda, ""}); at != image.records.end() && at->first.kind == RecordKind::kAgenda; ++at)
    NoteFanOut(at->first.key, at->second.value);
  store_ = std::make_unique<FakeStore>(options, std::move(image), t());
  store_->Start(static_cast<EventSink*>(this));
  core_ = std::make_unique<Core>(limits, store_->totals(), clock_.now(), random_.Next());
  Driver::Hooks hooks;
  hooks.fatal = [this](const Status& status) {
    Violation("the broker stops: " + status.detail());
    fatal_ = true;
  };
  driver_ =
      std::make_unique<Driver>(core_.get(), static_cast<Store*>(this), static_cast<Sender*>(this), static_cast<ReplySink*>(this), std::move(hooks));
  last_tick_ = -1;
  trace_.Add("t=" + std::to_string(t()) + " boot");
  std::vector<Event> told;
  for (auto& part : parts_) part->AtBoot(&told);
  told.push_back(Tick{});
  driver_->Run(clock_.now(), std::move(told));
  crash_at_ = world_.calm || random_.Chance(0.2) ? kNever : t() + Between(20, 3'000);
  away_ = false;
  // Not before it has read what it knows of instances.
  away_at_ = world_.calm || !goes_away_ || away_random_.Chance(0.3) ? kNever : t() + 300 + static_cast<int64_t>(away_random_.Below(2'000));
}

void Flows::ComeOrGo() {
  away_ = !away_;
  tally_.away += away_;
  // Not so long that anybody is told that nobody knows what became of what he asked for.
  away_at_ = t() + 100 + static_cast<int64_t>(away_random_.Below(away_ ? 4'500 : 6'000));
  store_->SetAway(away_);
}

void Flows::Crash() {
  ++tally_.crashes;
  trace_.Add("t=" + std::to_string(t()) + " crash");
  FakeImage image = store_->Crash(random_.Chance(0.5) ? CrashKind::kKill : CrashKind::kPower);
  driver_.reset();
  core_.reset();
  store_.reset();
  inbox_.clear();
  ends_.clear();
  for (Wish& wish : wishes_)
    if (!wish.done) wish.asked = {};
  for (auto& part : parts_) part->OnCrash();
  // Nothing runs for a while, now and then.
  if (random_.Chance(0.3)) clock_.AdvanceTo(t() + Between(0, 8'000));
  // What it knows of instances it reads first.
  for (Beating& instance : beating_) {
    instance.unheard.clear();
    instance.until = t() + kTtlMs + 200;
  }
  Boot(std::move(image));
}

void Flows::Run() {
  const Wake wake = core_->NextWake();
  int64_t at = std::min(clock_.WhenWall(wake.wall), clock_.WhenMono(wake.mono));
  if (std::max(at, last_tick_ + 1) <= t()) {
    last_tick_ = t();
    inbox_.push_back(Tick{});
  }
  std::vector<Event> events = std::exchange(inbox_, {});
  for (size_t from = 0; from < events.size() && !fatal_;) {
    const size_t take = random_.Chance(0.5) ? events.size() - from : 1 + random_.Below(events.size() - from);
    std::vector<Event> bite;
    for (size_t i = 0; i < take; ++i) {
      if (trace_.on()) trace_.Add("t=" + std::to_string(t()) + " " + Describe(events[from]));
      bite.push_back(std::move(events[from++]));
    }
    driver_->Run(clock_.now(), std::move(bite));
  }
  core_->CheckInvariants();
  if (world_.max_pending && t() >= next_look_) {
    CheckPending(store_->written());
    next_look_ = t() + 50;
  }
}

/// Lets time pass. `to_rest`: until nothing is pending at the latest.
void Flows::Pass(int64_t until, bool to_rest) {
  while (t() < until && violations_.empty() && !fatal_) {
    const bool all = std::all_of(wishes_.begin(), wishes_.end(), [](const Wish& wish) { return wish.done; }) &&
                     std::all_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->Done(); });
    const FakeImage& image = store_->written();
    if (to_rest && all && image.totals.pending() == 0 && image.totals.records[RecordKind::kAgenda] == 0 &&
        image.totals.records[RecordKind::kRun] == 0 && ends_.empty())
      return;
    const bool ready = std::all_of(wishes_.begin(), wishes_.begin() + static_cast<ptrdiff_t>(first_), [](auto& wish) { return wish.done; });
    int64_t next = std::min({t() + 500, store_->NextAt(), crash_at_, away_at_});
    if (!ends_.empty()) next = std::min(next, ends_.begin()->first.first);
    const Wake wake = core_->NextWake();
    next = std::min(next, std::max(std::min(clock_.WhenWall(wake.wall), clock_.WhenMono(wake.mono)), last_tick_ + 1));
    for (const Wish& wish : wishes_)
      if (!wish.done && wish.asked.token == 0 && (wish.number < first_ || ready)) next = std::min(next, std::max(wish.at, t()));
    if (!world_.calm && ready)
      for (const Beating& instance : beating_) next = std::min(next, std::max(instance.next_at, t()));
    for (const auto& part : parts_) next = std::min(next, inbox_.empty() ? part->NextAt() : t());
    clock_.AdvanceTo(std::max(next, t()));
    for (auto& part : parts_) part->Act();
    for (Wish& wish : wishes_)
      if (!wish.done && wish.asked.token == 0 && wish.at <= t() && (wish.number < first_ || ready)) Ask(&wish);
    if (!world_.calm && random_.Chance(0.01)) Meddle();
    if (!world_.calm && ready)
      for (Beating& instance : beating_)
        if (instance.next_at <= t()) Beat(&instance);
    while (!ends_.empty() && ends_.begin()->first.first <= t()) {
      Event end = std::move(ends_.extract(ends_.begin()).mapped());
      if (const auto* ended = std::get_if<AttemptEnded>(&end))
        for (auto& part : parts_) part->OnEnd(*ended);
      inbox_.push_back(std::move(end));
    }
    store_->AdvanceTo(t());
    if (away_at_ <= t()) ComeOrGo();
    if (crash_at_ <= t()) {
      if (random_.Chance(0.5)) Run();
      Crash();
      continue;
    }
    Run();
  }
}

FlowsOutcome Flows::Go() {
  fails_ = random_.Unit() * 0.5;
  DrawWishes();
  Boot({});
  Pass(last_at_ + 3'000, false);
  // From here on all is well, after one more crash.
  world_.calm = true;
  for (auto& part : parts_) part->OnCalm();
  PutInstance stays{"svc", "stays", {}, {}};
  stays.settings.url = "http://stays.test:80";
  Wish wish;
  wish.number = wishes_.size();
  wish.service = ServiceAsk{std::move(stays)};
  wishes_.push_back(std::move(wish));
  if (violations_.empty()) Crash();
  Pass(t() + 20 * 60'000, true);
  Pass(t() + 1'000, false);
  if (violations_.empty()) {
    if (store_->written().totals.pending() > 0) Violation(std::to_string(store_->written().totals.pending()) + " never settle");
    for (const Wish& wish : wishes_)
      if (!wish.done) Violation("wish " + std::to_string(wish.number) + " has no answer");
    for (const auto& part : parts_)
      if (!part->Done()) Violation("something that is asked of a part has no answer");
  }
  if (violations_.empty()) CheckGroups(store_->written());
  if (violations_.empty()) CheckEvents(store_->written());
  if (violations_.empty()) CheckCalls(store_->written());
  if (violations_.empty()) CheckSchedules(store_->written());
  for (auto& part : parts_)
    if (violations_.empty()) part->Check(store_->written());
  for (const std::string& violation : violations_) trace_.Add("VIOLATION " + violation);
  return {trace_.hash(), violations_, tally_};
}

FlowsOutcome RunFlows(uint64_t seed, Mutation mutation, Tracing tracing, FlowParts parts) {
  return Flows(seed, mutation, tracing, parts).Go();
}

}  // namespace notifyd::sim
