#include "net/api/bound_steps.h"

#include <utility>
#include <variant>

#include "net/api/problem.h"
#include "net/api/registry_steps.h"

namespace notifyd {
namespace {

struct OfSubscriptions {
  using Asks = AsksOfTopics;
  using Get = SubscriptionGet;
  using List = SubscriptionList;
  using View = SubscriptionView;
  using Viewed = SubscriptionViewed;
  using Listed = SubscriptionsListed;
  using Answer = TopicAnswer;
  using Answered = TopicAnswered;
  static const View& Of(const Viewed& viewed) { return viewed.subscription; }
};

struct OfSchedules {
  using Asks = AsksOfSchedules;
  using Get = ScheduleGet;
  using List = ScheduleList;
  using View = ScheduleView;
  using Viewed = ScheduleViewed;
  using Listed = SchedulesListed;
  using Answer = ScheduleAnswer;
  using Answered = ScheduleAnswered;
  static const View& Of(const Viewed& viewed) { return viewed.schedule; }
};

/// What the answer is of, where it is one; null else.
template <class What, class Kind>
const What* AnswerOf(const ReplyBody& reply) {
  const auto* answered = std::get_if<typename Kind::Answered>(&reply);
  return answered ? std::get_if<What>(&answered->answer->what) : nullptr;
}

class BoundSteps : public Steps {
 protected:
  explicit BoundSteps(const Asking& asking) : id_(asking.id), asker_(asking.asker), row_(*asking.route.row), tools_(asking.tools) {}
  HttpResponse Render(const ReplyBody& reply) const { return tools_->replies.Render(reply, SightOf(asker_)); }

  const RequestId id_;
  const Asker asker_;
  const RouteRow& row_;
  std::shared_ptr<RequestTools> tools_;
};

template <class Kind>
class LookSteps : public BoundSteps {
 public:
  LookSteps(const Asking& asking, AfterLook then) : BoundSteps(asking), name_(asking.route.argument), then_(std::move(then)) {}

  NextStep First() override {
    looking_ = true;
    return typename Kind::Asks()(id_, typename Kind::Get{name_});
  }

  NextStep Next(ReplyBody reply) override {
    if (!std::exchange(looking_, false)) {
      if (!std::holds_alternative<Stale>(reply)) return Render(reply);
      if (++tries_ == kMaxChangeTries) return ProblemResponse(Status(Code::kConflict, "it is being changed by others; try again"));
      return First();
    }
    if (const auto* viewed = AnswerOf<typename Kind::Viewed, Kind>(reply)) return Seen(Kind::Of(*viewed), reply);
    const Refused* refused = std::get_if<Refused>(&reply);
    if (!refused || refused->status.code() != Code::kNotFound) return Render(reply);
    if (!then_.condition.Holds(std::nullopt)) return NotWhatIfMatchSays();
    if (!then_.makes) return ProblemResponse(NothingThere(row_));
    return then_.go_on({.absent = true});
  }

 private:
  NextStep Seen(const typename Kind::View& view, const ReplyBody& reply) const {
    if (!MaySee(asker_, *view.said->envelope, /*route_is_own=*/false)) return ProblemResponse(NothingThere(row_));
    if (!then_.go_on) return Render(reply);
    if (!then_.condition.Holds(view.bytes)) return NotWhatIfMatchSays();
    return then_.go_on({.prints = std::vector{FingerprintOf(view.bytes)}});
  }

  const std::string name_;
  const AfterLook then_;
  bool looking_ = false;
  int tries_ = 0;
};

template <class Kind>
class ListSteps : public BoundSteps {
 public:
  ListSteps(const Asking& asking, ResourcesQuery query) : BoundSteps(asking), query_(std::move(query)) {}

  NextStep First() override { return typename Kind::Asks()(id_, typename Kind::List{query_}); }

  NextStep Next(ReplyBody reply) override {
    const auto* listed = AnswerOf<typename Kind::Listed, Kind>(reply);
    if (!listed) return Render(reply);
    for (const typename Kind::View& view : listed->items) {
      if (!MaySee(asker_, *view.said->envelope, /*route_is_own=*/false)) continue;
      seen_bytes_ += view.bytes.size();
      // The name of what he may not see is no cursor either.
      if (seen_.items.size() == query_.limit || (!seen_.items.empty() && seen_bytes_ > kListPageBytes)) {
        seen_.next = seen_.items.back().name;
        break;
      }
      seen_.items.push_back(view);
    }
    if (!seen_.next && listed->next) {
      query_.after = *listed->next;
      return First();
    }
    return Render(typename Kind::Answered{std::make_shared<const typename Kind::Answer>(typename Kind::Answer{std::move(seen_)})});
  }

 private:
  ResourcesQuery query_;
  typename Kind::Listed seen_;
  size_t seen_bytes_ = 0;  // of these, and of the one that would be next
};

class EventSteps : public BoundSteps {
 public:
  EventSteps(const Asking& asking, EventGet get) : BoundSteps(asking), get_(get) {}

  NextStep First() override { return AsksOfTopics()(id_, get_); }
  bool GoAside(const std::shared_ptr<RequestTools>& tools) override {
    tools_ = tools;
    return true;
  }

  NextStep Next(ReplyBody reply) override {
    const EventViewed* viewed = AnswerOf<EventViewed, OfSubscriptions>(reply);
    if (!viewed) return Render(reply);
    const bool held_elsewhere = !viewed->fkey.empty() && !asker_.principal.MayUseFkey(viewed->fkey);
    if (held_elsewhere || !asker_.Sees(viewed->event.record->caller)) return ProblemResponse(NothingThere(row_));
    EventViewed seen = *viewed;
    std::erase_if(seen.notifies,
                  [&](const EventViewed::Notify& notify) { return !notify.envelope || !MaySee(asker_, *notify.envelope, /*route_is_own=*/true); });
    seen.untransformed.clear();  // in which lanes those would be is not known
    return Render(TopicAnswered{std::make_shared<const TopicAnswer>(TopicAnswer{std::move(seen)})});
  }

 private:
  const EventGet get_;
};

}  // namespace

std::unique_ptr<Steps> LookAtSubscription(const Asking& asking, AfterLook then) {
  return std::make_unique<LookSteps<OfSubscriptions>>(asking, std::move(then));
}
std::unique_ptr<Steps> LookAtSchedule(const Asking& asking, AfterLook then) {
  return std::make_unique<LookSteps<OfSchedules>>(asking, std::move(then));
}
std::unique_ptr<Steps> ListBoundSubscriptions(const Asking& asking, ResourcesQuery query) {
  return std::make_unique<ListSteps<OfSubscriptions>>(asking, std::move(query));
}
std::unique_ptr<Steps> ListBoundSchedules(const Asking& asking, ResourcesQuery query) {
  return std::make_unique<ListSteps<OfSchedules>>(asking, std::move(query));
}
std::unique_ptr<Steps> LookAtEvent(const Asking& asking, EventGet get) {
  return std::make_unique<EventSteps>(asking, get);
}

}  // namespace notifyd
