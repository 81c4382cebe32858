// Services and instances as documents: what a PUT says, and what answers show. Pure. Contract section 11.
#pragma once

#include <string>

#include "base/json.h"
#include "base/json_reader.h"
#include "base/status.h"
#include "broker/service_events.h"
#include "net/http.h"

namespace notifyd {

/// A PUT's document; it replaces whole. Errors: kMalformed, kUnacceptable with a field.
Result<ServiceSettings> ParseService(JsonReader* reader, const std::string& body);
Result<InstanceSettings> ParseInstance(JsonReader* reader, const std::string& body);

/// The answer to what was asked.
HttpResponse RenderServices(const ServiceAnswer& answer);
/// What that takes at most.
size_t BytesToShow(const ServiceAnswer& answer);

}  // namespace notifyd
