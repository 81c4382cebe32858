// What a request about one group goes through where the asker may not see, or not steer, all of its namespace: the group is looked at first, and
// another caller's is answered as one that is not there (net/api/guard.h has the same of notifies).
#pragma once

#include <memory>

#include "broker/group_events.h"
#include "net/api/routes.h"
#include "net/api/steps.h"

namespace notifyd {

/// May he see that group, as an answer has it: its caller's, and where he is bound to lanes or fkeys, all of its notifies that are still there? A
/// list is not asked about.
bool MaySee(const Asker& asker, const GroupAnswer& answer);

/// How much of that answer he sees: who submitted the group sees the answers that are kept of its notifies, as at each of them.
Sight SightOf(const Asker& asker, const GroupAnswer& answer);

/// `ask`, behind a look at the group.
std::unique_ptr<Steps> MakeGroupSteps(RequestId id, NotifyId group, GroupAsk ask, const Asking& asking);

}  // namespace notifyd
