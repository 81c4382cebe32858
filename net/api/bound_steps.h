// What requests about subscriptions, schedules and events go through where the asker is bound to lanes or fkeys: what stands there is looked at
// first, and what lies outside of them is answered as what is not there; a change then goes on under the condition that it is still what was seen
// (net/api/ guard.h has the same of notifies, group_steps.h of groups).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "broker/resource.h"
#include "broker/topic_events.h"
#include "net/api/routes.h"
#include "net/api/steps.h"

namespace notifyd {

/// What is done behind the look.
struct AfterLook {
  ResourceCondition condition = {};                         // the request's own
  std::function<Event(ResourceCondition)> go_on = nullptr;  // null: what was seen is the answer
  bool makes = false;                                       // a PUT: there need be nothing yet
};

std::unique_ptr<Steps> LookAtSubscription(const Asking& asking, AfterLook then);
std::unique_ptr<Steps> LookAtSchedule(const Asking& asking, AfterLook then);
/// Page after page, without those that lie outside.
std::unique_ptr<Steps> ListBoundSubscriptions(const Asking& asking, ResourcesQuery query);
std::unique_ptr<Steps> ListBoundSchedules(const Asking& asking, ResourcesQuery query);
/// Also where the asker sees what its own caller published alone.
std::unique_ptr<Steps> LookAtEvent(const Asking& asking, EventGet get);

}  // namespace notifyd
