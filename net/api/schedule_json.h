// Answers about schedules as HTTP responses. Pure. Contract section 15.
#pragma once

#include "base/secrets.h"
#include "broker/schedule_events.h"
#include "net/api/asker.h"
#include "net/http.h"

namespace notifyd {

/// `secrets`: headers whose values are not shown.
HttpResponse ScheduleResponse(const ScheduleAnswer& answer, const SecretNames* secrets, const Sight& sight);

}  // namespace notifyd
