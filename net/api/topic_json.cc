#include "net/api/topic_json.h"

#include <string>
#include <utility>
#include <variant>

#include "base/base64.h"
#include "base/json.h"
#include "base/json_or_null.h"
#include "broker/callback.h"
#include "broker/spec.h"
#include "net/api/problem.h"
#include "net/api/replies.h"
#include "net/api/resource.h"
#include "net/api/topic_fields.h"

namespace notifyd {
namespace {

void WriteId(std::string_view key, NotifyId id, JsonWriter* json) {
  json->Key(key);
  id.value == 0 ? json->Null() : json->String(id.ToString());
}
void WriteCount(std::string_view key, const std::optional<uint64_t>& count, JsonWriter* json) {
  json->Key(key);
  count ? json->Uint(*count) : json->Null();
}
/// Where it is so alone, as of notifies.
void WriteWhereTrue(std::string_view key, bool is_so, JsonWriter* json) {
  if (!is_so) return;
  json->Key(key);
  json->Bool(true);
}

/// Shows one answer, each of its kind.
class TopicShower {
 public:
  TopicShower(const Renderer& renderer, const Sight& sight) : renderer_(renderer), sight_(sight) {}

  HttpResponse operator()(const TopicViewed& viewed) const {
    std::string body;
    JsonWriter json(&body);
    Write(viewed.topic, &json);
    return ResourceResponse(viewed.created ? 201 : 200, std::move(body), viewed.topic.bytes,
                            viewed.created ? LocationOf("/v1/topics/", viewed.topic.topic) : "");
  }

  HttpResponse operator()(const TopicsListed& listed) const {
    return ResourcesResponse(
        listed.items, listed.next, [](const TopicView& topic, JsonWriter* json) { Write(topic, json); },
        [](const TopicView& topic) { return topic.topic; });
  }

  HttpResponse operator()(const SubscriptionViewed& viewed) const {
    std::string body;
    JsonWriter json(&body);
    Status status = Write(viewed.subscription, &json);
    if (!status.ok()) return ProblemResponse(status);
    return ResourceResponse(viewed.created ? 201 : 200, std::move(body), viewed.subscription.bytes,
                            viewed.created ? LocationOf("/v1/subscriptions/", viewed.subscription.name) : "");
  }

  HttpResponse operator()(const SubscriptionsListed& listed) const {
    Status status;
    HttpResponse response = ResourcesResponse(
        listed.items, listed.next,
        [&](const SubscriptionView& subscription, JsonWriter* json) {
          if (status.ok()) status = Write(subscription, json);
        },
        [](const SubscriptionView& subscription) { return subscription.name; });
    return status.ok() ? std::move(response) : ProblemResponse(status);
  }

  HttpResponse operator()(const Removed&) const {
    HttpResponse response;
    response.status = 204;
    return response;
  }

  HttpResponse operator()(const Published& published) const {
    std::string body;
    JsonWriter json(&body);
    if (!published.batch) {
      const Published::Item& item = published.events.front();
      Write(item, &json);
      HttpResponse response = JsonResponse(item.fresh() ? 201 : 200, std::move(body));
      if (item.fresh()) response.headers.emplace_back("Location", "/v1/events/" + item.id.ToString());
      return response;
    }
    json.BeginObject();
    json.Key("items");
    json.BeginArray();
    for (const Published::Item& item : published.events) Write(item, &json);
    json.EndArray();
    json.EndObject();
    return JsonResponse(201, std::move(body));
  }

  HttpResponse operator()(const EventViewed& viewed) const {
    std::string body;
    JsonWriter json(&body);
    json.BeginObject();
    WriteMembers(viewed.event, /*listed=*/false, &json);
    json.Key("notifies");
    json.BeginArray();
    for (const EventViewed::Notify& notify : viewed.notifies) {
      json.BeginObject();
      json.Key("id");
      json.String(notify.id.ToString());
      json.Key("subscription");
      json.String(notify.subscription);
      json.Key("state");
      json.String(ToString(notify.state));
      json.EndObject();
    }
    json.EndArray();
    json.Key("not_transformed");
    if (viewed.untransformed.empty()) {
      json.Null();
    } else {
      json.BeginArray();
      for (const std::string& subscription : viewed.untransformed) json.String(subscription);
      json.EndArray();
    }
    WriteId("next", viewed.next, &json);
    json.EndObject();
    return JsonResponse(200, std::move(body));
  }

  HttpResponse operator()(const EventsListed& listed) const {
    const std::optional<std::string> next = listed.next.value == 0 ? std::nullopt : std::optional(listed.next.ToString());
    return ResourcesResponse(
        listed.items, next,
        [this](const EventView& event, JsonWriter* json) {
          json->BeginObject();
          WriteMembers(event, /*listed=*/true, json);
          json->EndObject();
        },
        [](const EventView& event) { return event.id.ToString(); });
  }

  HttpResponse operator()(const Replayed& replayed) const {
    std::string body;
    JsonWriter json(&body);
    json.BeginObject();
    WriteCount("accepted", replayed.accepted, &json);
    WriteWhereTrue("duplicate", replayed.duplicate, &json);
    json.EndObject();
    return JsonResponse(replayed.duplicate ? 200 : 202, std::move(body));
  }

  HttpResponse operator()(const Applied& applied) const {
    std::string body;
    JsonWriter json(&body);
    json.BeginObject();
    json.Key("count");
    json.Uint(applied.count);
    WriteId("next", applied.next, &json);
    json.EndObject();
    return JsonResponse(200, std::move(body));
  }

 private:
  static void Write(const TopicView& topic, JsonWriter* json) {
    json->BeginObject();
    json->Key("name");
    json->String(topic.topic);
    ShowFields(TopicFields(), topic.said, json);
    json->EndObject();
  }

  Status Write(const SubscriptionView& subscription, JsonWriter* json) const {
    const Subscription& said = *subscription.said;
    Result<NotifySpec> spec = DecodeSpec(*said.spec);
    if (!spec.ok()) return std::move(spec).status();
    json->BeginObject();
    json->Key("name");
    json->String(subscription.name);
    json->Key("created_at");
    json->String(FormatRfc3339(subscription.created_at));
    ShowFields(SubscriptionFields(), said, json);
    const NotifyShowing showing{.spec = *spec, .envelope = *said.envelope, .hidden = renderer_.Hidden(sight_)};
    for (const NotifyField& field : NotifyFields()) {
      if (!IsOfTemplate(field)) continue;
      json->Key(field.name());
      field.show(showing, json);
    }
    json->Key("paused_by");
    said.paused ? json->String(subscription.unreachable ? "unreachable" : "request") : json->Null();
    json->Key("pending");
    json->Uint(subscription.pending);
    json->Key("skipped");
    json->Uint(subscription.skipped);
    json->Key("catching_up");
    json->Bool(subscription.catching_up);
    json->EndObject();
    return Status::Ok();
  }

  static void Write(const Published::Item& item, JsonWriter* json) {
    json->BeginObject();
    WritePublished(item, json);
    json->EndObject();
  }

  void WriteMembers(const EventView& event, bool listed, JsonWriter* json) const {
    const EventRecord& record = *event.record;
    WriteId("id", event.id, json);
    json->Key("topic");
    json->String(record.topic);
    json->Key("published_at");
    json->String(FormatRfc3339(record.published_at));
    TimeOrNull("due_at", record.due_at, json);
    json->Key("caller");
    json->String(record.caller);
    TextOrNull("key", record.key, json);
    json->Key("labels");
    WriteLabels(record.labels.empty() ? nullptr : &record.labels, json);
    WriteCount("matched", event.matched, json);
    TextOrNull("content_type", record.content_type, json);
    if (listed || !sight_.bodies) return;
    auto payload = [&](std::string_view key, PayloadKind kind) {
      json->Key(key);
      if (record.payload_kind != kind) json->Null();
      else if (kind == PayloadKind::kData) json->Raw(record.payload);
      else json->String(kind == PayloadKind::kBody ? record.payload : EncodeBase64(record.payload));
    };
    payload("data", PayloadKind::kData);
    payload("body", PayloadKind::kBody);
    payload("body_base64", PayloadKind::kBodyBase64);
  }

  const Renderer& renderer_;
  const Sight& sight_;
};

}  // namespace

void WritePublished(const Published::Item& item, JsonWriter* json) {
  WriteId("id", item.id, json);
  WriteCount("matched", item.matched, json);
  WriteWhereTrue("duplicate", item.duplicate, json);
  WriteWhereTrue("kept", item.kept, json);
}

HttpResponse TopicResponse(const TopicAnswer& answer, const Renderer& renderer, const Sight& sight) {
  return std::visit(TopicShower(renderer, sight), answer.what);
}

}  // namespace notifyd
