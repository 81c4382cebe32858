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

}  // namespace notifyd
