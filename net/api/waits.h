// How long requests wait for an end, as their heads ask for it and as events say it, and what became of those that wait. Pure. Whoever serves a
// request and whoever passes it on go by the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "broker/effects.h"
#include "broker/events.h"
#include "net/api/url.h"
#include "net/cluster/passed_peer.h"
#include "net/http.h"

namespace notifyd {

struct RouteRow;

/// Of one notify, or a batch.
bool IsSubmit(const RouteRow& row);

/// How long a request is to wait for an end.
struct AskedWait {
  int64_t ms = 0;                  // 0: not
  std::optional<int64_t> applied;  // Preference-Applied: so many seconds, where a header Prefer asked for it
};
/// By ?wait_ms; else, of a submit, by a header `Prefer: wait=S` (RFC 7240), as 60 s where it is longer, which is passed over where it says nothing.
/// Of the head alone: Prefer goes for one notify, and not for a batch. Error: kUnacceptable.
Result<AskedWait> AskedWaitOf(const HttpRequest& head, const RouteRow& row, const QueryParameters& query);
/// The same of any head, for whoever passes it on; 0 where it is refused.
int64_t AskedWaitMs(const HttpRequest& head);
/// The same of what stands behind the question mark, alone.
int64_t AskedWaitMs(std::string_view query);

/// So many ms the request waits for an end; 0: it does not.
int64_t WaitOf(const Event& event);
/// Has a request that waits wait for so long.
void SetWait(int64_t wait_ms, Event* event);
/// What a submit, or a new group, came to that waits for the end of that, where the reply is that it has not come; nothing else.
std::optional<CarriedOut> CarriedOutBy(const ReplyBody& reply);

}  // namespace notifyd
