// What requests to the registry have in common: preconditions, and the one step from what is asked to the answer. Contract section 8: "changed by
// compare-and-set under a version".
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/api/steps.h"

namespace notifyd {

/// "\"7\"": a row's version as an entity tag.
std::string ETagOfVersion(uint64_t version);

/// What If-Match and If-None-Match ask for. `version`: of the row as it is published; nothing where there is none. Errors: kMalformed, kUnacceptable
/// (If-None-Match is anything but "*"). Nothing: it does not hold now already.
Result<std::optional<Precondition>> PreconditionOf(const HttpRequest& request, std::optional<uint64_t> version);

/// 412.
HttpResponse NotWhatIfMatchSays();

/// What the registry refuses. `conditional`: the request had a precondition of its own.
HttpResponse RefusalOf(const RegistryReply& reply, bool conditional);

/// Asks the registry, and answers with what `answer` makes of its reply, or with its refusal.
std::unique_ptr<Steps> AskRegistry(RegistryEvent event, bool conditional, std::function<HttpResponse(const RegistryReply&)> answer);

}  // namespace notifyd
