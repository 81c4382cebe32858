// The first moments of a core, while what its namespace has said of services, topics and subscriptions (the catalog) is still being read: whatever is
// answered from that waits for it, and nothing is taken for missing because it is not read yet.
#include <catch2/catch.hpp>

#include "broker/flow_settings.h"
#include "broker/group_events.h"
#include "broker/schedule_events.h"
#include "broker/service_events.h"
#include "broker/topics_fixture.h"

namespace notifyd {
namespace {

class FirstMoments : public Topics {
 public:
  using CoreFixture::Item;
  using Topics::Topics;

  void MakeService() {
    ServiceRequest r;
    r.ask = std::make_shared<const ServiceAsk>(ServiceAsk{PutService{"billing", {}, {}}});
    REQUIRE(std::holds_alternative<ServiceAnswered>(Do(std::move(r)).body));
  }
  static Fields To(const std::string& service) {
    Fields fields;
    fields.host = "service://" + service;
    return fields;
  }
  static GroupRequest Group(const std::string& service) {
    GroupPost post;
    post.submit.batch = true;
    for (const Fields& f : {Fields{}, To(service)}) post.submit.items.push_back(Item(f));
    GroupRequest r;
    r.ask = std::make_shared<const GroupAsk>(GroupAsk{std::move(post), 0});
    return r;
  }
  static SubmitRequest Notify(const std::string& service) {
    SubmitRequest r;
    r.items.push_back(Item(To(service)));
    return r;
  }
  static TopicRequest Subscription(const std::string& service) {
    SubscriptionPut put = PutOf("to " + service, {});
    auto said = std::make_shared<notifyd::Subscription>(*put.said);
    auto envelope = std::make_shared<Envelope>(*said->envelope);
    envelope->host = "service://" + service;
    said->envelope = std::move(envelope);
    put.said = std::move(said);
    return {{}, std::make_shared<const TopicAsk>(TopicAsk{std::move(put)})};
  }
  static ScheduleRequest Schedule(const std::string& service) {
    const SubmitItem item = Item(To(service));
    notifyd::Schedule said;
    said.every_ms = 60'000;
    said.envelope = item.envelope;
    said.spec = item.spec;
    ScheduleRequest r;
    r.ask = std::make_shared<const ScheduleAsk>(ScheduleAsk{SchedulePut{"to " + service, std::make_shared<const notifyd::Schedule>(said), {}}});
    return r;
  }
  /// A start at which pages take long: what is asked meanwhile is answered once they are there. Returns that answer.
  template <class T>
  const Reply& AtTheStart(T request) {
    Restart(CrashKind::kKill, /*pages=*/false);
    const uint64_t token = Ask(std::move(request));
    Run();
    const bool waited = !replies.contains(token);
    reads().OpenPages();
    Run();
    CHECK(waited);
    REQUIRE(replies.contains(token));
    return replies.at(token);
  }
};

}  // namespace

TEST_CASE("start: a service that is not read yet is there, for whoever is the first to name it; one that nobody said is not") {
  FirstMoments f;
  f.MakeService();
  CHECK(FirstMoments::CodeOf(f.AtTheStart(FirstMoments::Notify("billing"))) == Code::kOk);
  CHECK(FirstMoments::CodeOf(f.AtTheStart(FirstMoments::Group("billing"))) == Code::kOk);
  CHECK(FirstMoments::CodeOf(f.AtTheStart(FirstMoments::Subscription("billing"))) == Code::kOk);
  CHECK(FirstMoments::CodeOf(f.AtTheStart(FirstMoments::Schedule("billing"))) == Code::kOk);
  CHECK(f.Stats().totals.accepted == 3);
  CHECK(FirstMoments::CodeOf(f.AtTheStart(FirstMoments::Notify("nobody"))) == Code::kUnacceptable);
  CHECK(FirstMoments::CodeOf(f.AtTheStart(FirstMoments::Group("nobody"))) == Code::kUnacceptable);
  CHECK(FirstMoments::CodeOf(f.AtTheStart(FirstMoments::Subscription("nobody"))) == Code::kUnacceptable);
  CHECK(FirstMoments::CodeOf(f.AtTheStart(FirstMoments::Schedule("nobody"))) == Code::kUnacceptable);
  CHECK(f.Stats().totals.accepted == 3);
}

TEST_CASE("start: what a trigger makes of an event that is held is judged by a schema that is not read yet") {
  FirstMoments f;
  TopicRecord said;
  said.schema = R"({"type":"object","properties":{"n":{"type":"integer"}}})";
  f.Tell({TopicPut{"a.b", said, {}}});
  EventItem held = Topics::Item("a.b", R"({"n":1})");
  held.fkey = "k";
  const NotifyId event = f.Emit(held).id;
  TriggerRequest trigger;
  trigger.fkey = "k";
  trigger.data = R"({"n":"no integer"})";
  const auto spec = std::get<Unmerged>(f.Do(trigger).body).spec;
  const NotifySpec merged = *MergeTriggerData(*DecodeSpec(*spec), *trigger.data, 1'000'000);
  trigger.merge = TriggerRequest::Merge{spec, std::make_shared<const std::string>(EncodeSpec(merged))};
  CHECK(FirstMoments::CodeOf(f.AtTheStart(trigger)) == Code::kUnacceptable);
  CHECK(f.Event(event).event.held);
  CHECK(FirstMoments::CodeOf(f.Trigger("k", R"({"n":2})")) == Code::kOk);
  f.Pass(10);
  CHECK(f.Event(event).event.record->payload == R"({"n":2})");
}

TEST_CASE("start: an event is judged by a schema, and a topic by strict_topics, that is not read yet") {
  FirstMoments f;
  TopicRecord said;
  said.schema = R"({"type":"object"})";
  f.Tell({TopicPut{"a.b", said, {}}});
  Publish bad, good, unknown;
  bad.strict = good.strict = unknown.strict = true;
  bad.events.push_back(Topics::Item("a.b", "1"));
  good.events.push_back(Topics::Item("a.b", "{}"));
  unknown.events.push_back(Topics::Item("a.c", "{}"));
  const auto ask = [](Publish publish) { return TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{std::move(publish)})}; };
  CHECK(FirstMoments::CodeOf(f.AtTheStart(ask(bad))) == Code::kUnacceptable);
  CHECK(FirstMoments::CodeOf(f.AtTheStart(ask(good))) == Code::kOk);
  CHECK(FirstMoments::CodeOf(f.AtTheStart(ask(unknown))) == Code::kUnacceptable);
}

TEST_CASE("start: explain says that a subscription is paused that is not read yet") {
  FirstMoments f;
  f.Subscribe("one", {.paused = true, .delay_ms = 60'000});
  const NotifyId waits = f.Event(f.Emit(Topics::Item("a.b", "{}")).id).notifies.at(0).id;
  ExplainRequest r;
  r.id = waits;
  const auto reasons = std::get<Explained>(f.AtTheStart(r).body).reasons;
  REQUIRE(reasons.size() == 2);
  CHECK(reasons[0].code == "not_due");
  CHECK(reasons[1].code == "subscription_paused");
}

TEST_CASE("start: of a subscription nothing is pending once all has ended, also where a retry from before it was read is not counted yet") {
  constexpr int kMany = 80;  // more than the agenda begins in a turn
  FirstMoments f;
  f.Subscribe("many");
  f.Subscribe("one", {.topic = "c"});
  for (int i = 0; i < kMany; ++i) f.Emit(Topics::Item("a.b", "{}"));
  f.Emit(Topics::Item("c", "{}"));
  f.ServeAll();
  f.Pass(1'000);
  std::vector<NotifyId> many;
  NotifyId one;
  for (const auto& [id, record] : f.image().notifies) {
    if (record->envelope->flow->subscription == "one") one = id;
    else many.push_back(id);
  }
  REQUIRE(many.size() == kMany);
  REQUIRE(f.CountOf(RecordKind::kBacklog) == 0);

  f.Restart(CrashKind::kKill, /*pages=*/false);
  for (NotifyId id : many) REQUIRE(std::holds_alternative<Retried>(f.ById<RetryRequest>(id).body));
  REQUIRE(std::holds_alternative<Retried>(f.ById<RetryRequest>(one).body));
  const auto found = std::find_if(f.starts.begin(), f.starts.end(), [&](const StartAttempt& start) { return start.id == one; });
  REQUIRE(found != f.starts.end());
  const StartAttempt started = *found;
  f.reads().OpenPages();
  f.Turn();
  f.End(started, Verdict::kSuccess);  // in the turn in which the subscriptions are read
  f.Run();
  f.ServeAll();
  f.Pass(1'000);
  CHECK(f.StateOf(one) == State::kSucceeded);
  CHECK(f.See("one").pending == 0);
  CHECK(f.See("many").pending == 0);
  CHECK(f.CountOf(RecordKind::kAgenda) == 0);
}

TEST_CASE("start: a host that was not reached for disable_after_ms pauses subscriptions that are not read yet") {
  CoreLimits limits;
  limits.breaker.failures = 1;
  limits.breaker.disable_after_ms = 25'000;
  FirstMoments f(limits);
  f.Subscribe("one");
  f.Restart(CrashKind::kKill, /*pages=*/false);
  FirstMoments::Fields fields;
  fields.host = "one:80";
  fields.retry = Waits({500}, 100);
  f.Submit(fields);
  for (int i = 0; i < 1'000; ++i, f.Pass(500)) {
    if (f.starts.empty()) continue;
    AttemptEnded e;
    e.id = f.starts.front().id;
    e.result.verdict = Verdict::kFailure;
    e.result.unsent = true;
    e.result.record.number = f.starts.front().number;
    e.result.record.started_at = f.starts.front().at;
    e.result.record.error = "connect_failed";
    f.starts.pop_front();
    f.Post(std::move(e));
    f.Run();
  }
  f.reads().OpenPages();
  f.Run();
  CHECK(f.See("one").said->paused);
}

TEST_CASE("ttl: what ends while the broker stops ends at the next start") {
  CoreLimits limits;
  limits.page_items = 8;
  CoreFixture f(limits);
  const size_t count = GENERATE(1, 50);
  for (size_t i = 0; i < count; ++i) {
    CoreFixture::Fields held;
    held.fkey = "k" + std::to_string(i);
    held.ttl = Delay(5'000);
    f.Submit(held);
  }
  f.Submit({});
  f.Restart();  // so that they are on disk alone
  f.Pass(1'000);
  REQUIRE(f.starts.size() == 1);
  const bool overdue = GENERATE(false, true);
  if (overdue) {
    // The turn of the stop finds them run out, and none looked at.
    f.now.wall.ms += 20'000;
    f.now.mono.ms += 20'000;
  }
  f.Post(StopRequested{});
  f.Run();
  f.Pass(20'000);  // and marks are due
  f.EndFirst(Verdict::kSuccess);
  f.Pass(100);
  REQUIRE(f.drained);
  f.Restart(CrashKind::kKill);
  f.Pass(1'000);
  CHECK(f.Stats().totals.expired == count);
}

}  // namespace notifyd
