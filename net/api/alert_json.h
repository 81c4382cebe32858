// Answers about alerts as HTTP responses. Pure. Contract section 17.
#pragma once

#include "broker/alert_events.h"
#include "net/http.h"

namespace notifyd {

HttpResponse AlertResponse(const AlertAnswer& answer);

}  // namespace notifyd
