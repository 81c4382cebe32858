// Schedules that publish an event a run, and such by cron (contract section 15).
#include <set>

#include "broker/flow.h"
#include "broker/schedule_events.h"
#include "broker/topic_events.h"
#include "sim/flow_part.h"

namespace notifyd::sim {
namespace {

/// The only expression by which these schedules run: a minute is as long as a run of the simulator bears to wait.
constexpr const char* kEachMinute = "* * * * *";

std::set<int64_t> TimesOf(WallTime created_at, const Schedule& said) {
  std::set<int64_t> times;
  const int64_t step_ms = said.cron.empty() ? said.every_ms : 60'000;
  const int64_t from = said.cron.empty() ? created_at.ms : created_at.ms - created_at.ms % step_ms;
  for (int64_t at = from + step_ms; at <= said.end_at->ms; at += step_ms) times.insert(at);
  return times;
}

class PublishingPart : public FlowPart {
 public:
  using FlowPart::FlowPart;

  void Begin() override {
    auto subscription = std::make_shared<Subscription>();
    subscription->topic = "tick.#";
    subscription->envelope = EnvelopeOf("tick.test:80", "subscription/tick", random_.Chance(0.5) ? Mode::kFifo : Mode::kConcurrent, 100);
    subscription->spec = SpecOf("http://tick.test:80/tick");
    AskFirst(
        [subscription = std::shared_ptr<const Subscription>(std::move(subscription))](RequestId id) {
          TopicRequest request;
          request.request = id;
          request.ask = std::make_shared<const TopicAsk>(TopicAsk{SubscriptionPut{"tick", subscription, std::nullopt, {}}});
          return Event(std::move(request));
        },
        [this](const Reply& reply) { Expect<TopicAnswered>(reply, "a subscription's PUT"); });
    for (const Missed missed : {Missed::kAll, Missed::kOne, Missed::kSkip})
      if (random_.Chance(0.7)) Draw("tick" + std::to_string(static_cast<int>(missed)), missed, false);
    if (random_.Chance(0.3)) Draw("minute", random_.Chance(0.5) ? Missed::kAll : Missed::kOne, true);
  }

  void Spoil(WriteBatch* batch) override {
    if (world_.mutation != Mutation::kPublishTwice) return;
    const bool publishes = std::any_of(batch->ops.begin(), batch->ops.end(), [](const WriteOp& op) {
      const auto* put = std::get_if<PutRecord>(&op);
      if (!put || put->key.kind != RecordKind::kEvent) return false;
      Result<EventRecord> event = DecodeEvent(put->record->value);
      return event.ok() && !event->schedule.empty();
    });
    if (!publishes) return;
    // That it was published stays; that the run was made is forgotten.
    std::erase_if(batch->ops, [](const WriteOp& op) {
      auto of_schedule = [](const RecordKey& key) { return key.kind == RecordKind::kSchedule || key.kind == RecordKind::kRun; };
      const auto* put = std::get_if<PutRecord>(&op);
      const auto* gone = std::get_if<DeleteRecord>(&op);
      return std::holds_alternative<PutIdempotency>(op) || (put && of_schedule(put->key)) || (gone && of_schedule(gone->key));
    });
  }

  void Check(const FakeImage& image) override {
    std::map<std::string, std::multiset<int64_t>> made;
    std::map<NotifyId, size_t> notifies;
    for (const auto& [id, record] : image.notifies)
      if (const FlowFields* flow = record->envelope->flow.get(); flow && flow->subscription == "tick") ++notifies[flow->event];
    for (auto at = image.records.lower_bound({RecordKind::kEvent, ""}); at != image.records.end() && at->first.kind == RecordKind::kEvent; ++at) {
      Result<EventRecord> event = DecodeEvent(at->second.value);
      if (!event.ok() || event->schedule.empty()) continue;
      made[event->schedule].insert(event->scheduled_at.ms);
      const NotifyId id = EventOfKey(at->first.key);
      if (notifies[id] != 1) Violation("event " + id.ToString() + " of " + event->schedule + " has " + std::to_string(notifies[id]) + " notifies");
    }
    for (const auto& [name, times] : made)
      if (!said_.contains(name)) Violation("schedule " + name + " has runs, and was refused");
    for (const auto& [name, said] : said_) {
      if (!CheckTimes(name, *said, image, made[name], world_)) return;
      world_.tally->published += made[name].size();
    }
  }

 private:
  void Draw(const std::string& name, Missed missed, bool cron) {
    auto said = std::make_shared<Schedule>();
    if (cron) said->cron = kEachMinute;
    else said->every_ms = Between(1'000, 3'000);
    said->end_at = WallTime{wall().ms + (cron ? 150'000 : world_.busy_ms + 12'000)};  // one with no time left is refused
    said->missed = missed;
    said->envelope = EnvelopeOf("tick.test:80", "schedule/" + name, Mode::kConcurrent, 100);
    said->spec = SpecOf("http://tick.test:80/" + name);
    said->topic = "tick." + name;
    said_[name] = said;
    Put(0, name, said);
    if (cron || random_.Chance(0.5)) return;
    // With another jitter its times stay, also those that have come and are not made yet.
    for (int64_t at = Between(500, 3'000); at < world_.busy_ms; at += Between(500, 3'000)) {
      auto again = std::make_shared<Schedule>(*said);
      again->jitter_ms = Between(0, 400);
      Put(at, name, std::move(again));
    }
  }

  void Put(int64_t at, const std::string& name, std::shared_ptr<const Schedule> said) {
    AskAt(
        at,
        [name, said](RequestId id) {
          ScheduleRequest request;
          request.request = id;
          request.ask = std::make_shared<const ScheduleAsk>(ScheduleAsk{SchedulePut{name, said, {}}});
          return Event(std::move(request));
        },
        [this, name, said](const Reply& reply) {
          // A broker that kept dying may be up too late for any of its times. It is refused, as is what is asked of it after, and is not there.
          const auto* refused = std::get_if<Refused>(&reply.body);
          if (refused && refused->status.field() == "/end_at" && TimesOf(wall(), *said).empty()) said_.erase(name);
          else Expect<ScheduleAnswered>(reply, "a schedule's PUT");
        });
  }

  std::map<std::string, std::shared_ptr<const Schedule>> said_;
};

}  // namespace

bool CheckTimes(const std::string& schedule, const Schedule& said, const FakeImage& image, const std::multiset<int64_t>& made,
                const FlowWorld& world) {
  const std::string name = "schedule " + schedule;
  auto bad = [&](const std::string& text) {
    world.violation(name + " " + text);
    return false;
  };
  auto put = image.records.find({RecordKind::kSchedule, schedule});
  auto state = image.records.find({RecordKind::kSchedule, KeyOfScheduleState(schedule)});
  if (put == image.records.end() || state == image.records.end()) return bad("was acknowledged, and is not there");
  Result<ScheduleRecord> record = DecodeScheduleRecord(put->second.value);
  Result<ScheduleState> stands = DecodeScheduleState(state->second.value);
  if (!record.ok() || !stands.ok()) return bad("cannot be read");
  world.tally->missed += stands->missed;
  const std::set<int64_t> times = TimesOf(record->created_at, said);
  for (int64_t at : made) {
    if (made.count(at) > 1) return bad("has two runs of one time");
    if (!times.contains(at)) return bad("has a run of a time that is none of its times");
  }
  if (made.size() + stands->missed != times.size())
    return bad("has " + std::to_string(made.size()) + " runs and " + std::to_string(stands->missed) + " that were missed, of " +
               std::to_string(times.size()) + " times");
  // There may have been no room for one until the next came.
  if (said.missed == Missed::kAll && stands->missed > 0 && !world.max_pending) return bad("missed some, and was to make up for all");
  return true;
}

std::unique_ptr<FlowPart> MakePublishingPart(FlowWorld* world, uint64_t seed) {
  return std::make_unique<PublishingPart>(world, seed);
}

}  // namespace notifyd::sim
