// The readers of requests about schedules. As in requests.h. Contract section 15.
#pragma once

#include "net/api/routes.h"

namespace notifyd {

Result<Asked> ReadSchedules(const Asking& asking);
Result<Asked> ReadScheduleGet(const Asking& asking);
Result<Asked> ReadSchedulePut(const Asking& asking);
Result<Asked> ReadScheduleChange(const Asking& asking);
Result<Asked> ReadScheduleRemoval(const Asking& asking);
Result<Asked> ReadScheduleRun(const Asking& asking);

}  // namespace notifyd
