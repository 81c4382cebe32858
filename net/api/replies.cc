#include "net/api/replies.h"

#include "base/check.h"
#include "base/json.h"
#include "base/json_or_null.h"
#include "net/api/alert_json.h"
#include "net/api/group_json.h"
#include "net/api/lane_json.h"
#include "net/api/list_query.h"
#include "net/api/problem.h"
#include "net/api/registry_steps.h"
#include "net/api/resource.h"
#include "net/api/responses.h"
#include "net/api/schedule_json.h"
#include "net/api/service_json.h"
#include "net/api/stats.h"
#include "net/api/switch_json.h"
#include "net/api/topic_json.h"

namespace notifyd {
namespace {

HttpResponse IdAndState(int status, NotifyId id, State state) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("id");
  json.String(id.ToString());
  json.Key("state");
  json.String(ToString(state));
  json.EndObject();
  return JsonResponse(status, std::move(body));
}

void Next(NotifyId next, JsonWriter* json) {
  json->Key("next");
  next.value == 0 ? json->Null() : json->String(next.ToString());
}

}  // namespace

HttpResponse JsonResponse(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

HttpResponse Replies::Render(const ReplyBody& body, const Sight& sight) const {
  return std::visit([&](const auto& reply) { return Of(reply, sight); }, body);
}

HttpResponse Replies::Of(const Refused& refused, const Sight&) const {
  return ProblemResponse(refused.status, refused.holder, refused.retry_after_ms > 0 ? refused.retry_after_ms : 1000);
}

HttpResponse Replies::Of(const Submitted& submitted, const Sight&) const {
  std::string body;
  JsonWriter json(&body);
  if (submitted.batch) {
    body.reserve(submitted.items.size() * 160);
    json.BeginObject();
    json.Key("items");
    json.BeginArray();
    for (const SubmittedItem& item : submitted.items) Renderer::Item(item, &json);
    json.EndArray();
    json.EndObject();
    return JsonResponse(201, std::move(body));
  }
  CHECK(submitted.items.size() == 1);
  const SubmittedItem& item = submitted.items[0];
  Renderer::Item(item, &json);
  bool fresh = !item.duplicate && !item.kept;
  HttpResponse response = JsonResponse(fresh ? 201 : 200, std::move(body));
  if (fresh) response.headers.emplace_back("Location", "/v1/notifies/" + item.id.ToString());
  return response;
}

HttpResponse Replies::Of(const Triggered& triggered, const Sight&) const {
  return IdAndState(triggered.fresh ? 202 : 200, triggered.id, triggered.state);
}
HttpResponse Replies::Of(const Remembered&, const Sight&) const {
  return JsonResponse(202, R"({"remembered":true})");
}
HttpResponse Replies::Of(const RememberedViewed& viewed, const Sight& sight) const {
  std::string body;
  JsonWriter json(&body);
  const RememberedTrigger& trigger = *viewed.trigger;
  json.BeginObject();
  json.Key("fkey");
  json.String(viewed.fkey);
  json.Key("remembered");
  json.Bool(true);
  json.Key("expires_at");
  json.String(FormatRfc3339(viewed.expires_at));
  json.Key("due_at");
  trigger.due.at_once ? json.Null() : json.String(FormatRfc3339(trigger.due.at));
  if (sight.bodies) {
    json.Key("data");
    trigger.data ? json.Raw(*trigger.data) : json.Null();
  }
  json.EndObject();
  return JsonResponse(200, std::move(body));
}
HttpResponse Replies::Of(const Withdrawn&, const Sight&) const {
  return JsonResponse(200, R"({"remembered":false})");
}
HttpResponse Replies::Of(const Retried& retried, const Sight&) const {
  return IdAndState(202, retried.id, retried.state);
}
HttpResponse Replies::Of(const Stale&, const Sight&) const {
  return NotWhatIfMatchSays();
}
HttpResponse Replies::Of(const Unmerged&, const Sight&) const {
  CHECK(false);
  return {};
}

HttpResponse Replies::Of(const Viewed& viewed, const Sight& sight) const {
  std::string body;
  JsonWriter json(&body);
  Status status = renderer_.Notify(viewed.view, false, sight, &json);
  if (!status.ok()) return ProblemResponse(status);
  HttpResponse response = JsonResponse(200, std::move(body));
  response.headers.emplace_back("ETag", ETagOf(*viewed.view.record));
  return response;
}

HttpResponse Replies::Of(const Listed& listed, const Sight& sight) const {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("items");
  json.BeginArray();
  for (const NotifyView& view : listed.items) {
    Status status = renderer_.Notify(view, true, sight, &json);
    if (!status.ok()) return ProblemResponse(status);
  }
  json.EndArray();
  if (listed.next_due) {
    json.Key("next");
    json.String(std::to_string(listed.next_due->time_ms) + "-" + listed.next_due->id.ToString());
  } else {
    Next(listed.next, &json);
  }
  json.EndObject();
  return JsonResponse(200, std::move(body));
}

HttpResponse Replies::RenderList(const std::vector<OfSpace>& items, const std::optional<std::string>& next, const Sight& sight) const {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("items");
  json.BeginArray();
  for (const OfSpace& item : items) {
    Status status = renderer_.Notify(item.view, true, sight, &json, item.space);
    if (!status.ok()) return ProblemResponse(status);
  }
  json.EndArray();
  json.Key("next");
  next ? json.String(*next) : json.Null();
  json.EndObject();
  return JsonResponse(200, std::move(body));
}

HttpResponse Replies::Of(const BulkDone& done, const Sight&) const {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("count");
  json.Uint(done.count);
  Next(done.next, &json);
  json.EndObject();
  return JsonResponse(200, std::move(body));
}

HttpResponse Replies::Of(const Explained& explained, const Sight&) const {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("id");
  json.String(explained.id.ToString());
  json.Key("state");
  json.String(ToString(explained.state));
  json.Key("reasons");
  json.BeginArray();
  for (const Explained::Reason& reason : explained.reasons) {
    json.BeginObject();
    json.Key("code");
    json.String(reason.code);
    json.Key("detail");
    json.String(reason.detail);
    json.EndObject();
  }
  json.EndArray();
  TimeOrNull("expected_at", explained.expected_at, &json);
  json.EndObject();
  return JsonResponse(200, std::move(body));
}

HttpResponse Replies::Of(const LanesListed& listed, const Sight& sight) const {
  const auto cursor = [&](const LaneKey& lane) { return LaneCursor(sight.number, lane); };
  std::optional<std::string> next;
  if (listed.more && listed.next) next = cursor(*listed.next);
  return ResourcesResponse(listed.lanes, std::move(next), WriteLane, [&](const LaneView& view) { return cursor(view.lane); });
}

HttpResponse Replies::Of(const LaneViewed& viewed, const Sight&) const {
  std::string body;
  JsonWriter json(&body);
  WriteLane(viewed.lane, &json);
  return JsonResponse(200, std::move(body));
}

HttpResponse Replies::Of(const CallersListed& listed, const Sight&) const {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("items");
  json.BeginArray();
  for (const CallerView& caller : listed.callers) WriteCaller(caller, &json);
  json.EndArray();
  json.Key("next");  // the top of them is all that there is
  json.Null();
  json.Key("counted_for_ms");
  json.Int(listed.counted_for_ms);
  json.EndObject();
  return JsonResponse(200, std::move(body));
}

HttpResponse Replies::Of(const CallerViewed& viewed, const Sight&) const {
  std::string body;
  JsonWriter json(&body);
  WriteCaller(viewed.caller, &json);
  return JsonResponse(200, std::move(body));
}

HttpResponse Replies::Of(const HostsListed& listed, const Sight&) const {
  std::optional<std::string> next;
  if (listed.more) next = listed.hosts.back().host;
  return ResourcesResponse(listed.hosts, std::move(next), WriteHost, [](const HostView& view) { return view.host; });
}

HttpResponse Replies::Of(const HostViewed& viewed, const Sight&) const {
  std::string body;
  JsonWriter json(&body);
  WriteHost(viewed.host, &json);
  return JsonResponse(200, std::move(body));
}

HttpResponse Replies::Of(const Waited&, const Sight&) const {
  CHECK(false);
  return {};
}
HttpResponse Replies::Of(const ServiceAnswered& answered, const Sight&) const {
  return RenderServices(*answered.answer);
}
HttpResponse Replies::Of(const TopicAnswered& answered, const Sight& sight) const {
  return TopicResponse(*answered.answer, renderer_, sight);
}
HttpResponse Replies::Of(const GroupAnswered& answered, const Sight& sight) const {
  return GroupResponse(*answered.answer, sight);
}
HttpResponse Replies::Of(const ScheduleAnswered& answered, const Sight& sight) const {
  return ScheduleResponse(*answered.answer, secrets_, sight);
}
HttpResponse Replies::Of(const FiguresAnswered&, const Sight&) const {
  CHECK(false);
  return {};
}
HttpResponse Replies::Of(const AlertAnswered& answered, const Sight&) const {
  return AlertResponse(*answered.answer);
}
HttpResponse Replies::Of(const ResponseViewed& viewed, const Sight&) const {
  std::string body;
  JsonWriter json(&body);
  WriteResponse(*viewed.response, &json);
  return JsonResponse(200, std::move(body));
}

HttpResponse Replies::Of(const StatsView& stats, const Sight& sight) const {
  return JsonResponse(200, RenderStats(stats, options_->process ? options_->process() : ProcessStats(), options_->version, sight.process));
}

}  // namespace notifyd
