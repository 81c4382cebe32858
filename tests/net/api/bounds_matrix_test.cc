// Every route, by a token that is bound to lanes, fkeys and services: what lies outside of them is refused, not there, or left out. A route that is
// not judged in the table below fails.
#include "teams_fixture.h"
#include "broker/group_events.h"
#include "broker/schedule_events.h"
#include "broker/topic_events.h"
#include "net/api/routes.h"

#include <map>

namespace notifyd {
namespace {

enum class Bound {
  kRefused,  // 403: the name stands in the request, or the change reaches beyond any
  kHidden,   // 404: what stands there is looked at first
  kPicked,   // the answer leaves out what is outside
  kFree,     // it is of the whole namespace, or of no namespace, and says nothing of single notifies
};

/// Behind the method and the path: the body that names what is outside.
const std::map<std::pair<std::string, Verb>, std::pair<Bound, std::string>>& Judgements() {
  using enum Bound;
  using enum Verb;
  const std::string filter = R"({"filter":{"state":"failed","lane":"b/x","fkey":"a:1"}})", notify = R"({"url":"http://h/","lane":"b/x"})";
  static const std::map<std::pair<std::string, Verb>, std::pair<Bound, std::string>> kJudgements = {
      {{"/v1/notifies", kGet}, {kRefused, ""}},
      {{"/v1/notifies", kPost}, {kRefused, notify}},
      {{"/v1/notifies/retry", kPost}, {kRefused, filter}},
      {{"/v1/notifies/cancel", kPost}, {kRefused, filter}},
      {{"/v1/notifies/purge", kPost}, {kRefused, filter}},
      {{"/v1/notifies/{id}", kGet}, {kHidden, ""}},
      {{"/v1/notifies/{id}", kPatch}, {kHidden, "{}"}},
      {{"/v1/notifies/{id}", kDelete}, {kHidden, ""}},
      {{"/v1/notifies/{id}/explain", kGet}, {kHidden, ""}},
      {{"/v1/notifies/{id}/response", kGet}, {kHidden, ""}},
      {{"/v1/notifies/{id}/retry", kPost}, {kHidden, ""}},
      {{"/v1/groups", kGet}, {kRefused, ""}},
      {{"/v1/groups", kPost}, {kRefused, "{\"notifies\":[" + notify + "]}"}},
      {{"/v1/groups/{id}", kGet}, {kHidden, ""}},
      {{"/v1/groups/{id}", kDelete}, {kHidden, ""}},
      {{"/v1/fkeys/{fkey}", kGet}, {kRefused, ""}},
      {{"/v1/fkeys/{fkey}", kDelete}, {kRefused, ""}},
      {{"/v1/fkeys/{fkey}/trigger", kPost}, {kRefused, ""}},
      {{"/v1/topics", kGet}, {kFree, ""}},
      {{"/v1/topics/{topic}", kGet}, {kFree, ""}},
      {{"/v1/topics/{topic}", kPut}, {kRefused, "{}"}},
      {{"/v1/topics/{topic}", kDelete}, {kRefused, ""}},
      // An event goes where subscriptions let it go: each is its owner's consent. What is held is held under an fkey.
      {{"/v1/topics/{topic}/publish", kPost}, {kRefused, R"({"fkey":"b:1"})"}},
      {{"/v1/topics/{topic}/events", kGet}, {kFree, ""}},
      {{"/v1/publish", kPost}, {kRefused, R"([{"topic":"t","fkey":"b:1"}])"}},
      {{"/v1/events/{id}", kGet}, {kPicked, ""}},
      {{"/v1/events/{id}/replay", kPost}, {kRefused, ""}},
      {{"/v1/subscriptions", kGet}, {kPicked, ""}},
      {{"/v1/subscriptions/{name}", kGet}, {kHidden, ""}},
      {{"/v1/subscriptions/{name}", kPut}, {kHidden, R"({"topic":"t","url":"http://h/","lane":"a/x"})"}},
      {{"/v1/subscriptions/{name}", kDelete}, {kHidden, ""}},
      {{"/v1/subscriptions/{name}/replay", kPost}, {kHidden, "{}"}},
      {{"/v1/subscriptions/{name}/apply", kPost}, {kHidden, "{}"}},
      {{"/v1/schedules", kGet}, {kPicked, ""}},
      {{"/v1/schedules/{name}", kGet}, {kHidden, ""}},
      {{"/v1/schedules/{name}", kPut}, {kHidden, R"({"every_ms":1000,"notify":{"url":"http://h/","lane":"a/x"}})"}},
      {{"/v1/schedules/{name}", kPatch}, {kHidden, R"({"paused":true})"}},
      {{"/v1/schedules/{name}", kDelete}, {kHidden, ""}},
      {{"/v1/schedules/{name}/run", kPost}, {kHidden, ""}},
      {{"/v1/lanes", kGet}, {kRefused, ""}},
      {{"/v1/lanes/{mode}/{name}", kGet}, {kRefused, ""}},
      {{"/v1/lanes/{mode}/{name}", kPatch}, {kRefused, "{}"}},
      {{"/v1/callers", kGet}, {kFree, ""}},
      {{"/v1/callers/{caller}", kGet}, {kFree, ""}},
      {{"/v1/callers/{caller}", kPatch}, {kRefused, R"({"paused":true})"}},
      {{"/v1/hosts", kGet}, {kFree, ""}},
      {{"/v1/hosts/{host}", kGet}, {kFree, ""}},
      {{"/v1/hosts/{host}", kPatch}, {kRefused, R"({"paused":true})"}},
      {{"/v1/hosts/{host}/probe", kPost}, {kRefused, ""}},
      {{"/v1/services", kGet}, {kRefused, ""}},
      {{"/v1/services/{name}", kGet}, {kRefused, ""}},
      {{"/v1/services/{name}", kPut}, {kRefused, "{}"}},
      {{"/v1/services/{name}", kDelete}, {kRefused, ""}},
      {{"/v1/services/{name}/instances", kGet}, {kRefused, ""}},
      {{"/v1/services/{name}/instances/{id}", kGet}, {kRefused, ""}},
      {{"/v1/services/{name}/instances/{id}", kPut}, {kRefused, R"({"url":"http://h/"})"}},
      {{"/v1/services/{name}/instances/{id}", kDelete}, {kRefused, ""}},
      {{"/v1/stats", kGet}, {kFree, ""}},
      {{"/v1/namespaces", kGet}, {kFree, ""}},
      {{"/v1/namespaces/{ns}", kGet}, {kFree, ""}},
      {{"/v1/namespaces/{ns}", kPut}, {kRefused, R"({"lane_rules":[{"match":"b/*","concurrency":1}]})"}},
      {{"/v1/namespaces/{ns}", kPatch}, {kRefused, R"({"retention_settled_ms":5})"}},
      {{"/v1/namespaces/{ns}", kDelete}, {kRefused, ""}},
      {{"/v1/namespaces/{ns}/keys", kPost}, {kRefused, "{}"}},
      {{"/v1/namespaces/{ns}/keys/{name}", kDelete}, {kRefused, ""}},
      // Who hands out tokens hands out no more than he has: tests/broker/grant_test.cc.
      {{"/v1/tokens", kGet}, {kFree, ""}},
      {{"/v1/tokens", kPost}, {kFree, ""}},
      {{"/v1/tokens/{id}", kGet}, {kFree, ""}},
      {{"/v1/tokens/{id}", kPatch}, {kFree, ""}},
      {{"/v1/tokens/{id}", kDelete}, {kFree, ""}},
      {{"/v1/tokens/{id}/rotate", kPost}, {kFree, ""}},
      {{"/v1/audit", kGet}, {kFree, ""}},
      {{"/v1/rekey", kGet}, {kFree, ""}},
      {{"/v1/rekey", kPost}, {kRefused, ""}},
      {{"/v1/backups", kGet}, {kFree, ""}},
      {{"/v1/backups", kPost}, {kRefused, "{}"}},
      {{"/v1/backups/{name}", kGet}, {kFree, ""}},
      {{"/v1/backups/{name}", kDelete}, {kRefused, ""}},
      {{"/v1/cluster", kGet}, {kFree, ""}},
      {{"/v1/cluster/members/{name}/drain", kPost}, {kRefused, ""}},
      {{"/v1/cluster/members/{name}/drain", kDelete}, {kRefused, ""}},
      {{"/v1/history", kGet}, {kFree, ""}},
      {{"/v1/due", kGet}, {kFree, ""}},
      {{"/v1/live", kGet}, {kFree, ""}},
      {{"/v1/alerts", kGet}, {kFree, ""}},
      {{"/v1/alerts/{name}", kGet}, {kFree, ""}},
      {{"/v1/alerts/{name}/test", kPost}, {kFree, ""}},
      {{"/v1/whoami", kGet}, {kFree, ""}},
      {{"/console", kGet}, {kFree, ""}},
      {{"/console/", kGet}, {kFree, ""}},
      {{"/console/{file}", kGet}, {kFree, ""}},
      {{"/v1/debug/profile", kGet}, {kFree, ""}},
      {{"/v1/debug/state", kGet}, {kFree, ""}},
      {{"/.well-known/jwks.json", kGet}, {kFree, ""}},
      {{"/metrics", kGet}, {kFree, ""}},
      {{"/healthz", kGet}, {kFree, ""}},
      {{"/readyz", kGet}, {kFree, ""}},
  };
  return kJudgements;
}

class BoundsFixture : public TeamsFixture {
 public:
  BoundsFixture() {
    grant = Of({"one"}, ScopeSet::All());
    grant.lanes = {"a/"};
    grant.fkeys = {"a:"};
    grant.services = {"a-"};
    token = Give(grant);
  }

  static std::string TargetOf(const RouteRow& row) {
    std::string target(row.path);
    for (const auto& [what, with] : {std::pair<std::string, std::string>{"{mode}", "fifo"},
                                     {"{fkey}", "b:1"},
                                     {"{topic}", "t"},
                                     {"{ns}", "one"},
                                     {"{caller}", "c"},
                                     {"{host}", "h:1"},
                                     {"{id}", row.names_notify() || row.names_group() || row.names_event() ? Id().ToString() : "i"},
                                     {"{name}", row.path.starts_with("/v1/lanes")      ? "b%2Fx"
                                                : row.path.starts_with("/v1/services") ? "b-s"
                                                                                       : "mine"}})
      if (size_t at = target.find(what); at != std::string::npos) target.replace(at, what.size(), with);
    return target;
  }
  static NotifyId Id() { return NotifyId::Of(kOne, 7); }
  static std::string MethodOf(Verb verb) {
    static const std::map<Verb, std::string> kNames = {
        {Verb::kGet, "GET"}, {Verb::kPost, "POST"}, {Verb::kPut, "PUT"}, {Verb::kPatch, "PATCH"}, {Verb::kDelete, "DELETE"}};
    return kNames.at(verb);
  }
  std::string Do(const RouteRow& row, const std::string& body) { return As(token, MethodOf(row.verb), TargetOf(row), body); }

  // ---- what the core shows

  SubscriptionView SubscriptionIn(const std::string& lane, const std::string& name = "mine") {
    auto said = std::make_shared<Subscription>();
    const Viewed of = ViewOf(Id(), "shop", lane);
    said->topic = "t";
    said->envelope = of.view.record->envelope;
    said->spec = of.view.record->spec;
    return {.name = name, .said = std::move(said), .bytes = "bytes of " + lane, .created_at = {}};
  }
  ScheduleView ScheduleIn(const std::string& lane, const std::string& name = "mine") {
    auto said = std::make_shared<Schedule>();
    const Viewed of = ViewOf(Id(), "shop", lane);
    said->every_ms = 1000;
    said->envelope = of.view.record->envelope;
    said->spec = of.view.record->spec;
    return {.name = name, .said = std::move(said), .bytes = "bytes of " + lane, .created_at = {}, .next = {}, .runs = {}};
  }
  GroupView GroupIn(const std::vector<std::string>& lanes) {
    GroupView view;
    view.id = Id();
    view.record.caller = "shop";
    for (const std::string& lane : lanes) {
      view.record.members.emplace_back().phase = Phase::kSucceeded;
      view.states.push_back(State::kSucceeded);
      view.envelopes.push_back(lane.empty() ? nullptr : ViewOf(Id(), "shop", lane).view.record->envelope);
    }
    return view;
  }
  void TopicSays(decltype(TopicAnswer::what) what) { Reply(TopicAnswered{std::make_shared<const TopicAnswer>(TopicAnswer{std::move(what)})}); }
  void ScheduleSays(decltype(ScheduleAnswer::what) what) {
    Reply(ScheduleAnswered{std::make_shared<const ScheduleAnswer>(ScheduleAnswer{std::move(what)})});
  }
  void GroupSays(GroupView view) { Reply(GroupAnswered{std::make_shared<const GroupAnswer>(GroupAnswer{std::move(view)})}); }
  /// What the row names, in that lane.
  void Shows(const RouteRow& row, const std::string& lane) {
    if (row.names_notify()) Reply(ViewOf(Id(), "shop", lane));
    else if (row.names_group()) GroupSays(GroupIn({"a/x", lane}));
    else if (row.path.starts_with("/v1/subscriptions")) TopicSays(SubscriptionViewed{SubscriptionIn(lane), false});
    else ScheduleSays(ScheduleViewed{ScheduleIn(lane), false});
  }
  /// The condition that what was posted last goes under; null where it has none.
  const ResourceCondition* Condition() {
    auto of = [](const auto& what) -> const ResourceCondition* {
      if constexpr (requires { what.condition; }) return &what.condition;
      else return nullptr;
    };
    const Event& event = sink.events.back();
    if (const auto* topic = std::get_if<TopicRequest>(&event)) return std::visit(of, topic->ask->what);
    if (const auto* schedule = std::get_if<ScheduleRequest>(&event)) return std::visit(of, schedule->ask->what);
    return nullptr;
  }

  Grant grant;
  std::string token;
};

TEST_CASE("bounds: every route is judged for tokens that are bound to lanes, fkeys and services") {
  BoundsFixture f;
  for (const RouteRow& row : AllRoutes()) {
    CAPTURE(std::string(row.path), BoundsFixture::MethodOf(row.verb));
    auto found = Judgements().find({std::string(row.path), row.verb});
    REQUIRE(found != Judgements().end());
    const auto& [bound, body] = found->second;
    if (bound == Bound::kFree) continue;
    f.sink.events.clear();
    const std::string outcome = f.Do(row, body);
    if (bound == Bound::kRefused) {
      CHECK(outcome.substr(0, 3) == "403");
      CHECK(f.sink.events.empty());
      // Nothing but that the token was used.
      for (const RegistryEvent& event : f.sink.registry) CHECK(std::holds_alternative<TokenUsed>(event));
      continue;
    }
    REQUIRE(outcome == "posted");
    if (bound == Bound::kPicked) continue;
    f.Shows(row, "b/x");
    CHECK(f.Outcome() == "404");
    CHECK(f.sink.events.size() == 1);
    // What is within goes on, and what is moved out meanwhile does not.
    f.Do(row, body);
    f.Shows(row, "a/x");
    if (f.answered()) CHECK(f.Outcome() == "200");
    const ResourceCondition* condition = f.answered() ? nullptr : f.Condition();
    if (!condition) continue;
    CHECK(condition->Holds("bytes of a/x"));
    CHECK_FALSE(condition->Holds("bytes of b/x"));
    f.Reply(Stale{});
    REQUIRE_FALSE(f.answered());
    f.Shows(row, "b/x");
    CHECK(f.Outcome() == "404");
  }
  CHECK(Judgements().size() == AllRoutes().size());
}

TEST_CASE("bounds: nor does an admin of all namespaces who is bound to names reach beyond them") {
  BoundsFixture f;
  f.grant.namespaces = NamespaceSet::All();
  const std::string token = f.Give(f.grant);
  for (const auto& [method, target] : {std::pair<const char*, const char*>{"PUT", "/v1/namespaces/three"},
                                       {"PATCH", "/v1/namespaces/one"},
                                       {"DELETE", "/v1/namespaces/one"},
                                       {"POST", "/v1/namespaces/one/keys"},
                                       {"DELETE", "/v1/namespaces/one/keys/k"},
                                       {"POST", "/v1/rekey"},
                                       {"POST", "/v1/backups"},
                                       {"DELETE", "/v1/backups/nightly"},
                                       {"POST", "/v1/cluster/members/a/drain"}}) {
    CAPTURE(method, target);
    CHECK(f.As(token, method, target, method == std::string("PATCH") ? "{}" : "") == "403");
    CHECK(f.Detail().find("bound to lanes or fkeys") != std::string::npos);
  }
  CHECK(f.rekeys == 0);
  CHECK(f.drains.empty());
  CHECK(f.backup_asks.empty());
  CHECK(f.As(token, "DELETE", "/v1/tokens/unknown12345") == "posted");
}

TEST_CASE("bounds: a PUT makes what is not there, and only then; the request's own condition holds besides") {
  BoundsFixture f;
  const std::string subscription = R"({"topic":"t","url":"http://h/","lane":"a/x"})";
  const std::string schedule = R"({"every_ms":1000,"notify":{"url":"http://h/","lane":"a/x"}})";
  const Refused nothing{Status(Code::kNotFound, "there is nothing")};
  for (const auto& [target, body] : {std::pair<std::string, std::string>{"/v1/subscriptions/s", subscription}, {"/v1/schedules/s", schedule}}) {
    CAPTURE(target);
    f.As(f.token, "PUT", target, body);
    f.Reply(nothing);
    REQUIRE_FALSE(f.answered());
    CHECK(f.Condition()->absent);
    f.As(f.token, "PUT", target, body, {{"If-Match", "*"}});
    f.Reply(nothing);
    CHECK(f.Outcome() == "412");
    f.As(f.token, "DELETE", target);
    f.Reply(nothing);
    CHECK(f.Outcome() == "404");
  }
  f.As(f.token, "PUT", "/v1/subscriptions/s", subscription, {{"If-None-Match", "*"}});
  f.TopicSays(SubscriptionViewed{f.SubscriptionIn("a/x"), false});
  CHECK(f.Outcome() == "412");
  // A template outside of the grant is refused, as ever.
  CHECK(f.As(f.token, "PUT", "/v1/subscriptions/s", R"({"topic":"t","url":"http://h/","lane":"b/x"})") == "403 /lane");
  CHECK(f.As(f.token, "PUT", "/v1/subscriptions/s", R"({"topic":"t","url":"http://h/"})") == "403 /lane");
  CHECK(f.As(f.token, "PUT", "/v1/schedules/s", R"({"every_ms":1000,"notify":{"url":"http://h/","lane":"b/x"}})") == "403 /notify/lane");
  CHECK(f.As(f.token, "PUT", "/v1/schedules/s", R"({"every_ms":1000,"publish":{"topic":"t"}})") == "403");
}

TEST_CASE("bounds: what waits of a subscription is steered in the token's own lanes alone") {
  BoundsFixture f;
  f.As(f.token, "POST", "/v1/subscriptions/s/apply");
  f.TopicSays(SubscriptionViewed{f.SubscriptionIn("a/x"), false});
  CHECK(std::get<SubscriptionApply>(f.Posted<TopicRequest>().ask->what).lanes == std::vector<std::string>{"a/"});
  f.As(f.token, "DELETE", "/v1/subscriptions/s");
  f.TopicSays(SubscriptionViewed{f.SubscriptionIn("a/x"), false});
  CHECK(std::get<SubscriptionDelete>(f.Posted<TopicRequest>().ask->what).lanes == std::vector<std::string>{"a/"});
}

TEST_CASE("bounds: lists leave out what lies outside, and go on behind it") {
  BoundsFixture f;
  f.As(f.token, "GET", "/v1/subscriptions?limit=2");
  f.TopicSays(SubscriptionsListed{{f.SubscriptionIn("b/x", "1"), f.SubscriptionIn("a/x", "2")}, "2"});
  REQUIRE_FALSE(f.answered());
  CHECK(std::get<SubscriptionList>(f.Posted<TopicRequest>().ask->what).query.after == "2");
  f.TopicSays(SubscriptionsListed{{f.SubscriptionIn("a/y", "3"), f.SubscriptionIn("a/z", "4")}, std::nullopt});
  CHECK(Json(f.Answer().body).At("/items/0/name") == "2");
  CHECK(Json(f.Answer().body).At("/items/1/name") == "3");
  CHECK_FALSE(Json(f.Answer().body).Has("/items/2"));
  CHECK(Json(f.Answer().body).At("/next") == "3");
  f.As(f.token, "GET", "/v1/schedules");
  f.ScheduleSays(SchedulesListed{{f.ScheduleIn("a/x", "1"), f.ScheduleIn("b/x", "2")}, std::nullopt});
  CHECK(Json(f.Answer().body).At("/items/0/name") == "1");
  CHECK_FALSE(Json(f.Answer().body).Has("/items/1"));
  CHECK(Json(f.Answer().body).At("/next") == "null");
}

TEST_CASE("bounds: lists that leave something out gather no more than a page may hold") {
  BoundsFixture f;
  SubscriptionView first = f.SubscriptionIn("a/x", "1"), outside = f.SubscriptionIn("b/x", "2"), last = f.SubscriptionIn("a/y", "3");
  for (SubscriptionView* view : {&first, &outside, &last}) view->bytes = std::string(kListPageBytes * 2 / 3, 'b');
  f.As(f.token, "GET", "/v1/subscriptions?limit=100");
  f.TopicSays(SubscriptionsListed{{first}, "1"});
  f.TopicSays(SubscriptionsListed{{outside}, "2"});
  REQUIRE_FALSE(f.answered());
  f.TopicSays(SubscriptionsListed{{last}, "3"});
  REQUIRE(f.answered());
  CHECK(Json(f.Answer().body).At("/items/0/name") == "1");
  CHECK_FALSE(Json(f.Answer().body).Has("/items/1"));
  CHECK(Json(f.Answer().body).At("/next") == "1");
}

TEST_CASE("bounds: an event shows those of its notifies that may be seen, and who submits alone sees his own caller's events") {
  BoundsFixture f;
  auto event = [&](const std::string& caller, const std::string& fkey = "") {
    auto record = std::make_shared<EventRecord>();
    record->topic = "t";
    record->caller = caller;
    EventViewed viewed;
    viewed.event = {BoundsFixture::Id(), std::move(record), 2, !fkey.empty()};
    viewed.fkey = fkey;
    viewed.untransformed = {"b/x"};
    for (const char* lane : {"a/x", "b/x"})
      viewed.notifies.push_back({NotifyId::Of(TeamsFixture::kOne, lane[0]), lane, State::kReady, f.ViewOf({1}, "shop", lane).view.record->envelope});
    f.TopicSays(std::move(viewed));
  };
  const std::string path = "/v1/events/" + BoundsFixture::Id().ToString();
  f.As(f.token, "GET", path);
  event("anyone");
  CHECK(Json(f.Answer().body).At("/notifies/0/subscription") == "a/x");
  CHECK_FALSE(Json(f.Answer().body).Has("/notifies/1"));
  CHECK(Json(f.Answer().body).At("/not_transformed") == "null");
  f.As(f.token, "GET", path);
  event("anyone", "b:1");
  CHECK(f.Outcome() == "404");
  Grant own = TeamsFixture::Of({"one"}, {Scope::kSubmit});
  own.caller = "me";
  const std::string submits = f.Give(own);
  f.As(submits, "GET", path);
  event("anyone");
  CHECK(f.Outcome() == "404");
  f.As(submits, "GET", path);
  event("me");
  CHECK(f.Outcome() == "200");
  CHECK_FALSE(Json(f.Answer().body).Has("/notifies/0"));  // they are the subscriptions'
}

TEST_CASE("bounds: a group is seen where all of its notifies that are there may be") {
  BoundsFixture f;
  const std::string path = "/v1/groups/" + BoundsFixture::Id().ToString();
  auto outcome = [&](const std::vector<std::string>& lanes) {
    f.As(f.token, "GET", path);
    CHECK(std::get<GroupGet>(f.Posted<GroupRequest>().ask->what).envelopes);
    f.GroupSays(f.GroupIn(lanes));
    return f.Outcome();
  };
  CHECK(outcome({"a/x", "a/y"}) == "200");
  CHECK(outcome({"a/x", ""}) == "200");
  CHECK(outcome({"a/x", "b/y"}) == "404");
  CHECK(outcome({"", ""}) == "404");
}

TEST_CASE("bounds: a list over all namespaces names a lane, too") {
  BoundsFixture f;
  Grant all = f.grant;
  all.namespaces = NamespaceSet::All();
  all.fkeys = {};
  const std::string token = f.Give(all);
  CHECK(f.As(token, "GET", "/v1/notifies?namespaces=all") == "403 /lane");
}

}  // namespace
}  // namespace notifyd
