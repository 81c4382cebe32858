#include "net/api/routes.h"

#include "net/api/demand.h"
#include "net/api/requests.h"

namespace notifyd {
namespace {

using enum Parameters;

constexpr RouteRow kRoutes[] = {
    {"/v1/notifies", Verb::kGet, kRead, ReadList, DemandOfList},
    {"/v1/notifies", Verb::kPost, kNone, ReadSubmit, DemandOfSubmit, /*lines=*/true},
    {"/v1/notifies/retry", Verb::kPost, kNone, ReadBulk<BulkKind::kRetry>},
    {"/v1/notifies/cancel", Verb::kPost, kNone, ReadBulk<BulkKind::kCancel>},
    {"/v1/notifies/purge", Verb::kPost, kNone, ReadBulk<BulkKind::kPurge>},
    {"/v1/notifies/{id}", Verb::kGet, kRead, ReadGet, DemandOfNotify},
    {"/v1/notifies/{id}", Verb::kPatch, kNone, ReadChange, DemandOfNotify},
    {"/v1/notifies/{id}", Verb::kDelete, kNone, ReadCancel, DemandOfNotify},
    {"/v1/notifies/{id}/explain", Verb::kGet, kNone, ReadExplain},
    {"/v1/notifies/{id}/retry", Verb::kPost, kNone, ReadRetryOfOne},
    {"/v1/fkeys/{fkey}", Verb::kGet, kNone, ReadFkeyGet, DemandOfNotify},
    {"/v1/fkeys/{fkey}", Verb::kDelete, kNone, ReadFkeyCancel, DemandOfNotify},
    {"/v1/fkeys/{fkey}/trigger", Verb::kPost, kRead, ReadTrigger},
    {"/v1/lanes", Verb::kGet, kRead, ReadLanes, DemandOfLanes},
    {"/v1/lanes/{mode}/{name}", Verb::kGet, kNone, ReadLane},
    {"/v1/lanes/{mode}/{name}", Verb::kPatch, kNone, ReadLaneChange},
    {"/v1/stats", Verb::kGet, kNone, ReadStats},
    {"/metrics", Verb::kGet, kIgnored, ReadMetrics, DemandOfProbe},
    {"/healthz", Verb::kGet, kIgnored, ReadHealthz, DemandOfProbe},
    {"/readyz", Verb::kGet, kIgnored, ReadReadyz, DemandOfProbe},
};

}  // namespace

std::span<const RouteRow> AllRoutes() {
  return kRoutes;
}

}  // namespace notifyd
