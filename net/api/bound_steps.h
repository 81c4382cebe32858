// What requests about subscriptions, schedules and events go through where the asker is bound to lanes or fkeys: what stands there is looked at
// first, and what lies outside of them is answered as what is not there; a change then goes on under the condition that it is still what was seen
// (net/api/ guard.h has the same of notifies, group_steps.h of groups).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "broker/resource.h"
#include "broker/schedule_events.h"
#include "broker/topic_events.h"
#include "net/api/guard.h"
#include "net/api/routes.h"
#include "net/api/steps.h"

namespace notifyd {

/// How a core is asked about topics, subscriptions and events, and about schedules: ask(id, what).
struct AsksOfTopics {
  template <class What>
  Event operator()(RequestId id, What what) const {
    return TopicRequest{id, std::make_shared<const TopicAsk>(TopicAsk{std::move(what)})};
  }
};
struct AsksOfSchedules {
  template <class What>
  Event operator()(RequestId id, What what) const {
    return ScheduleRequest{id, std::make_shared<const ScheduleAsk>(ScheduleAsk{std::move(what)})};
  }
};

/// What is done behind the look.
struct AfterLook {
  ResourceCondition condition = {};                         // the request's own
  std::function<Event(ResourceCondition)> go_on = nullptr;  // null: what was seen is the answer
  bool makes = false;                                       // a PUT: there need be nothing yet
};

std::unique_ptr<Steps> LookAtSubscription(const Asking& asking, AfterLook then);
std::unique_ptr<Steps> LookAtSchedule(const Asking& asking, AfterLook then);
/// Asks `what`, which carries a condition, of the one that the path names: behind a look at it, LookAtSubscription or LookAtSchedule, where the asker
/// is bound. `makes`: as AfterLook has it.
template <class Asks, class What>
Asked AskOfOne(const Asking& asking, What what, std::unique_ptr<Steps> (*look)(const Asking&, AfterLook), bool makes) {
  if (!IsBoundToNames(asking.asker)) return Asks()(asking.id, std::move(what));
  ResourceCondition own = what.condition;
  auto go_on = [id = asking.id, what = std::move(what)](ResourceCondition condition) {
    What copy = what;
    copy.condition = std::move(condition);
    return Asks()(id, std::move(copy));
  };
  return look(asking, {std::move(own), std::move(go_on), makes});
}

/// Page after page, without those that lie outside.
std::unique_ptr<Steps> ListBoundSubscriptions(const Asking& asking, ResourcesQuery query);
std::unique_ptr<Steps> ListBoundSchedules(const Asking& asking, ResourcesQuery query);
/// Also where the asker sees what its own caller published alone.
std::unique_ptr<Steps> LookAtEvent(const Asking& asking, EventGet get);

}  // namespace notifyd
