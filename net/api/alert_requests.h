// The readers of requests about alerts. As in requests.h. Contract section 17.
#pragma once

#include "net/api/routes.h"

namespace notifyd {

Result<Asked> ReadAlerts(const Asking& asking);
Result<Asked> ReadAlert(const Asking& asking);
Result<Asked> ReadAlertTest(const Asking& asking);

}  // namespace notifyd
