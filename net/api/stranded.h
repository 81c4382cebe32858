// What is said of a request for a namespace that nobody has before the database in which it lies is reached again.
#pragma once

#include <optional>

#include "broker/places.h"
#include "net/http.h"

namespace notifyd {

/// Nothing where it is not stranded there: it is served, or will be soon.
std::optional<HttpResponse> StrandedResponse(const Place& place);

}  // namespace notifyd
