#include "net/api/topic_requests.h"

#include <memory>
#include <utility>

#include "broker/group_events.h"
#include "broker/topic_events.h"
#include "net/api/bound_steps.h"
#include "net/api/fields.h"
#include "net/api/guard.h"
#include "net/api/list_query.h"
#include "net/api/request_tools.h"
#include "net/api/requests.h"
#include "net/api/resource.h"
#include "net/api/steps.h"
#include "net/api/topic_fields.h"
#include "net/api/trace_context.h"

namespace notifyd {
namespace {

constexpr std::string_view kOfTopic = "what is said of a topic";

template <class Ask>
Asked AskTopics(const Asking& asking, Ask what) {
  return AsksOfTopics()(asking.id, std::move(what));
}

/// The same of what carries a condition, for the subscription that the path names.
template <class Ask>
Asked AskOfNamed(const Asking& asking, Ask what, bool makes = false) {
  return AskOfOne<AsksOfTopics>(asking, std::move(what), LookAtSubscription, makes);
}

/// The lanes that the asker may use, as the core is to be told them.
std::vector<std::string> LanesOf(const Asker& asker) {
  return asker.anybody() ? std::vector<std::string>() : asker.principal.grant()->lanes;
}

template <class Ask>
Result<Asked> AskForList(const Asking& asking) {
  Result<ResourcesQuery> query = ParseResourcesQuery(asking.query);
  if (!query.ok()) return std::move(query).status();
  return AskTopics(asking, Ask{*std::move(query)});
}

/// Errors: kNotFound.
Result<NotifyId> EventIdOf(const Route& route) {
  if (std::optional<NotifyId> id = ReadId(route.argument)) return *id;
  return Status(Code::kNotFound, "there is no such event");
}

/// 0 where there is none. Error: kUnacceptable, /cursor.
Result<NotifyId> CursorOf(const Asking& asking, const PageQuery& page) {
  if (page.cursor.empty()) return NotifyId();
  const std::optional<NotifyId> id = NotifyId::Parse(page.cursor);
  if (id && id->number() == asking.asker.number()) return *id;
  return Status(Code::kUnacceptable, "cursor must be what a list gave as next", "/cursor");
}

/// What a document may be left out for: how replays and applications are asked for where nothing is to be said.
Status CheckOptionalDocument(const HttpRequest& request) {
  return request.body.empty() ? Status::Ok() : CheckDocument(request, /*patch=*/false);
}

Result<Asked> PublishTo(const Asking& asking, const std::string* topic) {
  const HttpRequest* request = asking.request;
  NOTIFYD_TRY(CheckSubmitBody(*request));
  Result<const std::string*> key = IdempotencyHeader(*request);
  if (!key.ok()) return std::move(key).status();
  Result<ParsedPublish> parsed = ParsePublish(&asking.tools->submit, topic, request->body, *key, ContextOf(request->headers), asking.asker);
  if (!parsed.ok()) return std::move(parsed).status();
  return AskTopics(asking, Publish{.events = std::move(parsed->events), .batch = parsed->batch, .strict = asking.tools->options->strict_topics});
}

}  // namespace

// ---- topics

Result<Asked> ReadTopics(const Asking& asking) {
  return AskForList<TopicList>(asking);
}

Result<Asked> ReadTopic(const Asking& asking) {
  NOTIFYD_TRY(CheckTopicName(asking.route.argument));
  return AskTopics(asking, TopicGet{asking.route.argument});
}

Result<Asked> ReadTopicPut(const Asking& asking) {
  NOTIFYD_TRY(RefuseSystem(asking.asker));
  NOTIFYD_TRY(RefuseBound(asking.asker, kOfTopic));
  NOTIFYD_TRY(CheckTopicName(asking.route.argument));
  NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/false));
  Result<ResourceCondition> condition = ConditionOf(*asking.request);
  if (!condition.ok()) return std::move(condition).status();
  Result<TopicRecord> settings = ReadTopicSettings(&asking.tools->json, asking.request->body);
  if (!settings.ok()) return std::move(settings).status();
  return AskTopics(asking, TopicPut{asking.route.argument, *std::move(settings), *std::move(condition)});
}

Result<Asked> ReadTopicRemoval(const Asking& asking) {
  NOTIFYD_TRY(RefuseBound(asking.asker, kOfTopic));
  NOTIFYD_TRY(CheckTopicName(asking.route.argument));
  Result<ResourceCondition> condition = ConditionOf(*asking.request);
  if (!condition.ok()) return std::move(condition).status();
  return AskTopics(asking, TopicDelete{asking.route.argument, *std::move(condition)});
}

// ---- events

Result<Asked> ReadEvents(const Asking& asking) {
  NOTIFYD_TRY(CheckTopicName(asking.route.argument));
  Result<PageQuery> page = ParsePageQuery(asking.query);
  if (!page.ok()) return std::move(page).status();
  Result<NotifyId> below = CursorOf(asking, *page);
  if (!below.ok()) return std::move(below).status();
  return AskTopics(asking, EventList{asking.route.argument, page->limit, *below});
}

Result<Asked> ReadPublish(const Asking& asking) {
  NOTIFYD_TRY(CheckTopicName(asking.route.argument));
  return PublishTo(asking, &asking.route.argument);
}

Result<Asked> ReadPublishOfMany(const Asking& asking) {
  return PublishTo(asking, nullptr);
}

Result<Asked> ReadEvent(const Asking& asking) {
  Result<NotifyId> id = EventIdOf(asking.route);
  if (!id.ok()) return std::move(id).status();
  Result<PageQuery> page = ParsePageQuery(asking.query);
  if (!page.ok()) return std::move(page).status();
  Result<NotifyId> above = CursorOf(asking, *page);
  if (!above.ok()) return std::move(above).status();
  const EventGet get{*id, page->limit, *above};
  if (IsBounded(asking.asker, *asking.route.row)) return Asked(LookAtEvent(asking, get));
  return AskTopics(asking, get);
}

Result<Asked> ReadEventReplay(const Asking& asking) {
  NOTIFYD_TRY(RefuseBound(asking.asker, "a replay to all subscriptions"));
  Result<NotifyId> id = EventIdOf(asking.route);
  if (!id.ok()) return std::move(id).status();
  NOTIFYD_TRY(CheckOptionalDocument(*asking.request));
  Result<const std::string*> key = IdempotencyHeader(*asking.request);
  if (!key.ok()) return std::move(key).status();
  Result<ParsedReplay> replay = ParseReplay(&asking.tools->json, asking.request->body, *key, /*of_range=*/false);
  if (!replay.ok()) return std::move(replay).status();
  return AskTopics(asking, EventReplay{*id, std::move(replay->idempotency_key), replay->fields});
}

// ---- subscriptions

Result<Asked> ReadSubscriptions(const Asking& asking) {
  if (!IsBoundToNames(asking.asker)) return AskForList<SubscriptionList>(asking);
  Result<ResourcesQuery> query = ParseResourcesQuery(asking.query);
  if (!query.ok()) return std::move(query).status();
  return Asked(ListBoundSubscriptions(asking, *std::move(query)));
}

Result<Asked> ReadSubscription(const Asking& asking) {
  NOTIFYD_TRY(CheckSubscriptionName(asking.route.argument));
  if (IsBoundToNames(asking.asker)) return Asked(LookAtSubscription(asking, {}));
  return AskTopics(asking, SubscriptionGet{asking.route.argument});
}

Result<Asked> ReadSubscriptionPut(const Asking& asking) {
  const std::string& name = asking.route.argument;
  NOTIFYD_TRY(CheckSubscriptionName(name));
  NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/false));
  Result<ResourceCondition> condition = ConditionOf(*asking.request);
  if (!condition.ok()) return std::move(condition).status();
  Result<ParsedSubscription> parsed =
      ParseSubscription(&asking.tools->submit, name, asking.request->body, ContextOf(asking.request->headers), asking.asker);
  if (!parsed.ok()) return std::move(parsed).status();
  NOTIFYD_TRY(CheckDestinations(asking, *parsed->said->envelope, *parsed->said->spec));
  return AskOfNamed(asking,
                    SubscriptionPut{name, std::move(parsed->said), parsed->from, *std::move(condition),
                                    asking.asker.anybody() ? std::string() : asking.asker.principal.name()},
                    /*makes=*/true);
}

Result<Asked> ReadSubscriptionRemoval(const Asking& asking) {
  NOTIFYD_TRY(CheckSubscriptionName(asking.route.argument));
  Result<std::string> pending = ParseWord(asking.query, "pending", {"cancel", "keep"});
  if (!pending.ok()) return std::move(pending).status();
  Result<ResourceCondition> condition = ConditionOf(*asking.request);
  if (!condition.ok()) return std::move(condition).status();
  return AskOfNamed(asking, SubscriptionDelete{asking.route.argument, *pending != "keep", *std::move(condition), LanesOf(asking.asker)});
}

Result<Asked> ReadSubscriptionReplay(const Asking& asking) {
  NOTIFYD_TRY(CheckSubscriptionName(asking.route.argument));
  NOTIFYD_TRY(CheckOptionalDocument(*asking.request));
  Result<const std::string*> key = IdempotencyHeader(*asking.request);
  if (!key.ok()) return std::move(key).status();
  Result<ParsedReplay> replay = ParseReplay(&asking.tools->json, asking.request->body, *key, /*of_range=*/true);
  if (!replay.ok()) return std::move(replay).status();
  return AskOfNamed(asking, SubscriptionReplay{asking.route.argument, replay->from, replay->to, std::move(replay->idempotency_key), replay->fields});
}

Result<Asked> ReadSubscriptionApply(const Asking& asking) {
  NOTIFYD_TRY(CheckSubscriptionName(asking.route.argument));
  NOTIFYD_TRY(CheckOptionalDocument(*asking.request));
  Result<ResourceCondition> condition = ConditionOf(*asking.request);
  if (!condition.ok()) return std::move(condition).status();
  SubscriptionApply apply{asking.route.argument, {}, *std::move(condition), LanesOf(asking.asker)};
  if (asking.request->body.empty()) return AskOfNamed(asking, std::move(apply));
  auto read = [&](const JsonValue& value) -> Status {
    if (value.key != "cursor") return UnknownField({}, value.key);
    if (!IsGiven(&value)) return Status::Ok();
    std::optional<NotifyId> above;
    if (value.kind == JsonValue::Kind::kString) above = NotifyId::Parse(value.text);
    if (!above || above->number() != asking.asker.number())
      return Status(Code::kUnacceptable, "cursor must be what such a call gave as next", "/cursor");
    apply.above = *above;
    return Status::Ok();
  };
  bool is_array = false;
  Status status = asking.tools->json.Read(asking.request->body, 0, &is_array, [&](const JsonValue& root) -> Status {
    for (const JsonValue& value : root) NOTIFYD_TRY(read(value));
    return Status::Ok();
  });
  if (!status.ok()) return status;
  return AskOfNamed(asking, std::move(apply));
}

std::optional<BulkTopic> BulkTopicOf(const Route& route, const ApiOptions& options) {
  if (!route.row->path.ends_with("/publish")) return std::nullopt;
  BulkTopic topic{.topic = {}, .strict = options.strict_topics};
  if (!route.argument.empty()) topic.topic = route.argument;
  return topic;
}

size_t NotifiesIn(const Event& event) {
  if (const SubmitRequest* submit = std::get_if<SubmitRequest>(&event)) return submit->items.size();
  if (const GroupRequest* group = std::get_if<GroupRequest>(&event)) {
    const GroupPost* post = std::get_if<GroupPost>(&group->ask->what);
    return post ? post->submit.items.size() : 0;
  }
  const TopicRequest* request = std::get_if<TopicRequest>(&event);
  const Publish* publish = request ? std::get_if<Publish>(&request->ask->what) : nullptr;
  return publish ? publish->events.size() : 0;
}

}  // namespace notifyd
