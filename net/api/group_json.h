// Groups as JSON, and the core's answers about them as HTTP responses. Pure. Contract section 13.
#pragma once

#include <cstddef>

#include "broker/group_events.h"
#include "net/api/asker.h"
#include "net/http.h"

namespace notifyd {

HttpResponse GroupResponse(const GroupAnswer& answer, const Sight& sight);

/// What such an answer takes at most.
size_t BytesToShow(const GroupAnswer& answer);

}  // namespace notifyd
