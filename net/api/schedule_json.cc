#include "net/api/schedule_json.h"

#include <string>
#include <utility>
#include <variant>

#include "base/json.h"
#include "base/json_or_null.h"
#include "broker/spec.h"
#include "net/api/problem.h"
#include "net/api/render.h"
#include "net/api/replies.h"
#include "net/api/resource.h"
#include "net/api/schedule_fields.h"
#include "net/api/topic_json.h"

namespace notifyd {
namespace {

constexpr const char* kOutcomes[] = {"made", "by_hand", "skipped", "missed"};  // by ScheduleRun::Outcome

void WriteRun(const ScheduleRun& run, JsonWriter* json) {
  json->BeginObject();
  json->Key("scheduled_at");
  json->String(FormatRfc3339(run.scheduled_at));
  json->Key("outcome");
  json->String(kOutcomes[static_cast<size_t>(run.outcome)]);
  json->Key("at");
  json->String(FormatRfc3339(run.at));
  json->Key("notify");
  run.notify.value == 0 || run.event ? json->Null() : json->String(run.notify.ToString());
  json->Key("event");
  run.event ? json->String(run.notify.ToString()) : json->Null();
  TextOrNull("reason", run.reason, json);
  json->Key("count");
  json->Uint(run.count);
  json->EndObject();
}

class ScheduleShower {
 public:
  ScheduleShower(const SecretNames* secrets, const Sight& sight) : secrets_(secrets), sight_(sight) {}

  HttpResponse operator()(const ScheduleViewed& viewed) const {
    std::string body;
    JsonWriter json(&body);
    Status status = Write(viewed.schedule, /*listed=*/false, &json);
    if (!status.ok()) return ProblemResponse(status);
    return ResourceResponse(viewed.created ? 201 : 200, std::move(body), viewed.schedule.bytes,
                            viewed.created ? LocationOf("/v1/schedules/", viewed.schedule.name) : "");
  }

  HttpResponse operator()(const SchedulesListed& listed) const {
    Status status;
    HttpResponse response = ResourcesResponse(
        listed.items, listed.next,
        [&](const ScheduleView& schedule, JsonWriter* json) {
          if (status.ok()) status = Write(schedule, /*listed=*/true, json);
        },
        [](const ScheduleView& schedule) { return schedule.name; });
    return status.ok() ? std::move(response) : ProblemResponse(status);
  }

  HttpResponse operator()(const ScheduleRemoved&) const {
    HttpResponse response;
    response.status = 204;
    return response;
  }

  HttpResponse operator()(const ScheduleRan& ran) const {
    std::string body;
    JsonWriter json(&body);
    if (const auto* event = std::get_if<Published::Item>(&ran.item)) {
      json.BeginObject();
      WritePublished(*event, &json);
      json.EndObject();
      HttpResponse response = JsonResponse(event->fresh() ? 201 : 200, std::move(body));
      if (event->fresh()) response.headers.emplace_back("Location", "/v1/events/" + event->id.ToString());
      return response;
    }
    const SubmittedItem& item = std::get<SubmittedItem>(ran.item);
    Renderer::Item(item, &json);
    const bool fresh = !item.kept && !item.duplicate;
    HttpResponse response = JsonResponse(fresh ? 201 : 200, std::move(body));
    if (fresh) response.headers.emplace_back("Location", "/v1/notifies/" + item.id.ToString());
    return response;
  }

 private:
  Status Write(const ScheduleView& schedule, bool listed, JsonWriter* json) const {
    const Schedule& said = *schedule.said;
    Result<NotifySpec> spec = DecodeSpec(*said.spec);
    if (!spec.ok()) return std::move(spec).status();
    json->BeginObject();
    json->Key("name");
    json->String(schedule.name);
    json->Key("created_at");
    json->String(FormatRfc3339(schedule.created_at));
    ShowFields(ScheduleFields(), said, json);
    const NotifyShowing showing{.spec = *spec, .envelope = *said.envelope, .hidden = sight_.bodies ? secrets_ : &SecretNames::Every()};
    json->Key(said.publishes() ? "publish" : "notify");
    json->BeginObject();
    if (said.publishes()) {
      json->Key("topic");
      json->String(said.topic);
      TextOrNull("key", said.key, json);
    }
    for (const NotifyField& field : NotifyFields()) {
      if (!(said.publishes() ? IsOfPublish(field) : IsOfSchedule(field)) || ((listed || !sight_.bodies) && !field.listed)) continue;
      json->Key(field.name());
      field.show(showing, json);
    }
    json->EndObject();
    json->Key("next");
    json->BeginArray();
    for (WallTime time : schedule.next) json->String(FormatRfc3339(time));
    json->EndArray();
    json->Key("missed_total");
    json->Uint(schedule.missed);
    if (!listed) {
      json->Key("runs");
      json->BeginArray();
      for (auto run = schedule.runs.rbegin(); run != schedule.runs.rend(); ++run) WriteRun(*run, json);
      json->EndArray();
    }
    json->EndObject();
    return Status::Ok();
  }

  const SecretNames* secrets_;
  const Sight& sight_;
};

}  // namespace

HttpResponse ScheduleResponse(const ScheduleAnswer& answer, const SecretNames* secrets, const Sight& sight) {
  return std::visit(ScheduleShower(secrets, sight), answer.what);
}

}  // namespace notifyd
