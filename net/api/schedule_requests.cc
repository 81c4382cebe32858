#include "net/api/schedule_requests.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "broker/schedule_events.h"
#include "net/api/bound_steps.h"
#include "net/api/guard.h"
#include "net/api/list_query.h"
#include "net/api/request_tools.h"
#include "net/api/requests.h"
#include "net/api/resource.h"
#include "net/api/schedule_fields.h"
#include "net/api/steps.h"
#include "net/api/submit_parser.h"

namespace notifyd {
namespace {

template <class Ask>
Asked AskOfSchedules(const Asking& asking, Ask what) {
  return AsksOfSchedules()(asking.id, std::move(what));
}

/// The same of what carries a condition, for the schedule that the path names.
template <class Ask>
Asked AskOfNamed(const Asking& asking, Ask what, bool makes = false) {
  return AskOfOne<AsksOfSchedules>(asking, std::move(what), LookAtSchedule, makes);
}

}  // namespace

Result<Asked> ReadSchedules(const Asking& asking) {
  Result<ResourcesQuery> query = ParseResourcesQuery(asking.query);
  if (!query.ok()) return std::move(query).status();
  if (IsBoundToNames(asking.asker)) return Asked(ListBoundSchedules(asking, *std::move(query)));
  return AskOfSchedules(asking, ScheduleList{*std::move(query)});
}

Result<Asked> ReadScheduleGet(const Asking& asking) {
  NOTIFYD_TRY(CheckScheduleName(asking.route.argument));
  if (IsBoundToNames(asking.asker)) return Asked(LookAtSchedule(asking, {}));
  return AskOfSchedules(asking, ScheduleGet{asking.route.argument});
}

Result<Asked> ReadSchedulePut(const Asking& asking) {
  NOTIFYD_TRY(CheckScheduleName(asking.route.argument));
  NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/false));
  Result<ResourceCondition> condition = ConditionOf(*asking.request);
  if (!condition.ok()) return std::move(condition).status();
  Result<std::shared_ptr<const Schedule>> said = ReadSchedule(asking.request->body, asking.asker, &asking.tools->submit, &asking.tools->json);
  if (!said.ok()) return std::move(said).status();
  // Its runs lie in no lane that it could be judged by, from then on.
  if ((*said)->publishes()) NOTIFYD_TRY(RefuseBound(asking.asker, "a schedule that publishes"));
  NOTIFYD_TRY(CheckDestinations(asking, *(*said)->envelope, *(*said)->spec, "/notify"));
  return AskOfNamed(asking, SchedulePut{asking.route.argument, *std::move(said), *std::move(condition)}, /*makes=*/true);
}

Result<Asked> ReadScheduleChange(const Asking& asking) {
  NOTIFYD_TRY(CheckScheduleName(asking.route.argument));
  NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/true));
  Result<ResourceCondition> condition = ConditionOf(*asking.request);
  if (!condition.ok()) return std::move(condition).status();
  std::optional<bool> paused;
  bool is_array = false;
  Status status = asking.tools->json.Read(asking.request->body, 0, &is_array, [&](const JsonValue& root) -> Status {
    for (const JsonValue& value : root) {
      if (value.key != "paused")
        return Status(Code::kUnacceptable, "a change names paused alone; a PUT says all of a schedule", UnknownField({}, value.key).field());
      NOTIFYD_TRY(ReadBool(value, "/paused", &paused.emplace()));
    }
    return paused ? Status::Ok() : Status(Code::kUnacceptable, "paused is missing", "/paused");
  });
  if (!status.ok()) return status;
  return AskOfNamed(asking, SchedulePause{asking.route.argument, *paused, *std::move(condition)});
}

Result<Asked> ReadScheduleRemoval(const Asking& asking) {
  NOTIFYD_TRY(CheckScheduleName(asking.route.argument));
  Result<ResourceCondition> condition = ConditionOf(*asking.request);
  if (!condition.ok()) return std::move(condition).status();
  return AskOfNamed(asking, ScheduleDelete{asking.route.argument, *std::move(condition)});
}

Result<Asked> ReadScheduleRun(const Asking& asking) {
  NOTIFYD_TRY(CheckScheduleName(asking.route.argument));
  Result<const std::string*> header = IdempotencyHeader(*asking.request);
  if (!header.ok()) return std::move(header).status();
  ScheduleRunNow run{asking.route.argument};
  NOTIFYD_TRY(ReadKeyHeader(*header, &run.idempotency_key));
  return AskOfNamed(asking, std::move(run));
}

}  // namespace notifyd
