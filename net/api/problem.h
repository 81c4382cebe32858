// Problem documents (RFC 9457): every refusal's one form, and the one table from codes to HTTP statuses. Pure. Contract section 3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "net/http.h"

namespace notifyd {

/// `code` must not be kOk.
int HttpStatusOf(Code code);

/// The answer to a request that failed with `status`, with Retry-After where trying again helps: in `retry_after_ms`, rounded up to seconds.
/// `holder`: the notify in the way, 0: none.
HttpResponse ProblemResponse(const Status& status, NotifyId holder = {}, int64_t retry_after_ms = 1000);

/// The same for refusals that only HTTP knows (405, 408, 412, 431, ...). `detail` may hold anything.
/// `next_index`: as LeavingResponse has it.
HttpResponse ProblemResponse(int http_status, std::string_view detail, std::optional<uint64_t> next_index = std::nullopt);

/// Why the broker takes no more of a bulk submit.
enum class Leaving { kStopping, kRestarting };

/// The answer to a bulk submit of which nothing is taken; its body is, with `next_index`, also the last line of the answer to one that is ended: the
/// line of that index and all behind it were not taken.
HttpResponse LeavingResponse(Leaving why, std::optional<uint64_t> next_index = std::nullopt);

}  // namespace notifyd
