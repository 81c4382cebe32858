// What one team tries on another on the same broker, and that it comes to nothing: with tokens of two namespaces, and of two callers in one.
#include <algorithm>

#include "broker/group_events.h"
#include "broker/response.h"
#include "broker/ports.h"
#include "broker/topic_events.h"
#include "teams_fixture.h"
#include "net/api/routes.h"

namespace notifyd {
namespace {

constexpr NamespaceNumber kOne = TeamsFixture::kOne, kTwo = TeamsFixture::kTwo;

Grant Bound(const std::string& caller, ScopeSet scopes = {Scope::kSubmit}) {
  Grant grant = TeamsFixture::Of({"one"}, scopes);
  grant.caller = caller;
  return grant;
}

TEST_CASE("tenants: what a token of one namespace submits goes to its core, whatever it names") {
  TeamsFixture f;
  const std::string one = f.Give({"one"}, {Scope::kSubmit});
  CHECK(f.As(one, "POST", "/v1/notifies", R"({"url":"http://h/","fkey":"f","on_held":"replace","mode":"fifo","lane":"billing"})") == "posted");
  CHECK(f.sink.numbers.back() == kOne);
  CHECK(f.As(one, "POST", "/v1/namespaces/two/notifies", R"({"url":"http://h/"})") == "403");
  CHECK(f.As(one, "POST", "/v1/namespaces/two/fkeys/f/trigger") == "403");
  CHECK(f.As(one, "POST", "/v1/namespaces/none/notifies", R"({"url":"http://h/"})") == "403");
  CHECK(f.sink.numbers.size() == 1);
  // And in pieces.
  Headers headers{{"Content-Type", "application/x-ndjson"}, {"Authorization", "Bearer " + one}};
  REQUIRE(f.Open(headers));
  f.api.OnBody(f.last_token, "{\"url\":\"http://h/\"}\n");
  CHECK(f.sink.numbers.back() == kOne);
  f.api.OnClose(f.last_token);
  CHECK(std::holds_alternative<Disconnected>(f.sink.events.back()));
  CHECK(f.sink.numbers.back() == kOne);
  REQUIRE(f.Open(headers, "/v1/namespaces/two/notifies"));
  CHECK(f.Outcome() == "403");
  CHECK(f.Answer().close);
}

TEST_CASE("tenants: the id of another namespace's notify is answered as one that is not there, without asking for it") {
  TeamsFixture f;
  const std::string one = f.Give({"one"}, ScopeSet::All());
  const std::string theirs = NotifyId::Of(kTwo, 7).ToString(), nobodys = NotifyId::Of(99, 7).ToString();
  struct Row {
    const char *method, *below, *body;
  };
  for (const Row& row : {Row{"GET", "", ""}, Row{"GET", "?wait_ms=5", ""}, Row{"GET", "/explain", ""}, Row{"PATCH", "", "{}"}, Row{"DELETE", "", ""},
                         Row{"POST", "/retry", ""}}) {
    CAPTURE(row.method, row.below);
    CHECK(f.As(one, row.method, "/v1/notifies/" + theirs + row.below, row.body) == "404");
    const std::string said = f.Answer().body;
    CHECK(f.As(one, row.method, "/v1/notifies/" + nobodys + row.below, row.body) == "404");
    CHECK(f.Answer().body == said);
    CHECK(f.As(one, row.method, "/v1/namespaces/one/notifies/" + theirs + row.below, row.body) == "404");
    CHECK(f.Answer().body == said);
  }
  CHECK(f.sink.events.empty());
  // One's own is said to be missing in the same words.
  f.As(one, "GET", "/v1/notifies/" + NotifyId::Of(kOne, 7).ToString());
  CHECK(f.sink.numbers.back() == kOne);
  f.Reply(Refused{Status(Code::kNotFound, "there is no such notify"), {}});
  const std::string missing = f.Answer().body;
  f.As(one, "GET", "/v1/notifies/" + theirs);
  CHECK(f.Answer().body == missing);
}

TEST_CASE("tenants: lists, bulk operations, lanes and figures are of one namespace; a cursor of another is refused") {
  TeamsFixture f;
  const std::string one = f.Give({"one"}, ScopeSet::All());
  for (const char* target : {"/v1/notifies?caller=theirs", "/v1/lanes", "/v1/lanes/fifo/billing", "/v1/stats", "/v1/fkeys/f"}) {
    CHECK(f.As(one, "GET", target) == "posted");
    CHECK(f.sink.numbers.back() == kOne);
  }
  CHECK(f.As(one, "POST", "/v1/notifies/purge", R"({"filter":{"state":"failed"}})") == "posted");
  CHECK(f.sink.numbers.back() == kOne);
  CHECK(f.As(one, "PATCH", "/v1/lanes/fifo/billing", R"({"paused":true})") == "posted");
  CHECK(f.sink.numbers.back() == kOne);
  const std::string theirs = NotifyId::Of(kTwo, 7).ToString();
  CHECK(f.As(one, "GET", "/v1/notifies?cursor=" + theirs) == "422 /cursor");
  CHECK(f.As(one, "POST", "/v1/notifies/purge", R"({"filter":{"state":"failed"},"cursor":")" + theirs + "\"}") == "422 /cursor");
  CHECK(f.As(one, "GET", "/v1/notifies?cursor=" + NotifyId::Of(kOne, 7).ToString()) == "posted");
  CHECK(f.As(one, "GET", "/v1/notifies?order=due&cursor=17-" + theirs) == "422 /cursor");
  CHECK(f.As(one, "GET", "/v1/notifies?order=due&cursor=17-" + NotifyId::Of(kOne, 7).ToString()) == "posted");
  CHECK(f.As(one, "GET", "/v1/notifies?namespaces=all") == "403");
  CHECK(f.As(one, "GET", "/v1/stats?namespaces=all") == "403");
  CHECK(f.As(one, "GET", "/metrics") == "403");
}

TEST_CASE("tenants: a caller that a token is bound to is its own, and nobody else's to name") {
  TeamsFixture f;
  const std::string shop = f.Give(Bound("shop")), billing = f.Give(Bound("billing")), free = f.Give({"one"}, {Scope::kSubmit});
  CHECK(f.As(shop, "POST", "/v1/notifies", R"({"url":"http://h/","idempotency_key":"k"})") == "posted");
  CHECK(f.Head().caller == "shop");
  const Fingerprint left_out = f.Item().fields;
  CHECK(f.As(shop, "POST", "/v1/notifies", R"({"url":"http://h/","idempotency_key":"k","caller":"shop"})") == "posted");
  CHECK(f.Item().fields == left_out);
  CHECK(f.As(shop, "POST", "/v1/notifies", R"({"url":"http://h/","caller":"billing"})") == "403 /caller");
  CHECK(f.As(shop, "POST", "/v1/notifies", R"([{"url":"http://h/"},{"url":"http://h/","caller":"other"}])") == "403 /1/caller");
  // Idempotency keys are counted a caller: who cannot name it cannot poison its keys.
  CHECK(f.As(free, "POST", "/v1/notifies", R"({"url":"http://h/","caller":"shop","idempotency_key":"k"})") == "403 /caller");
  CHECK(f.As(free, "POST", "/v1/notifies", R"({"url":"http://h/","caller":"anything"})") == "posted");
  CHECK(f.Head().caller == "anything");
  // Line by line.
  REQUIRE(f.Open({{"Content-Type", "application/x-ndjson"}, {"Authorization", "Bearer " + free}}));
  f.api.OnBody(f.last_token, "{\"url\":\"http://h/\",\"caller\":\"shop\"}\n{\"url\":\"http://h/\"}\n");
  CHECK(f.Posted<SubmitRequest>().items.size() == 1);
  CHECK(f.Item().envelope->caller == "unknown");
}

TEST_CASE("tenants: what a submit says of lanes is for those who may say it of them") {
  TeamsFixture f;
  const std::string submits = f.Give({"one"}, {Scope::kSubmit}), both = f.Give({"one"}, {Scope::kSubmit, Scope::kOperate});
  const std::string one = R"({"url":"http://h/"})";
  CHECK(f.As(submits, "POST", "/v1/notifies?on_retry=skip", one) == "403 /on_retry");
  CHECK(f.As(both, "POST", "/v1/notifies?on_retry=skip", one) == "posted");
  CHECK(f.Item().steps_aside);
  for (const std::string& token : {submits, both}) {
    f.Ask("POST", "/v1/notifies?on_retry=skip", one, {{"Content-Type", "application/x-ndjson"}, {"Authorization", "Bearer " + token}});
    CHECK(f.Outcome() == (token == both ? "posted" : "403 /on_retry"));
  }
}

TEST_CASE("tenants: another caller's fkey is neither replaced nor looked into by whoever only submits") {
  TeamsFixture f;
  const std::string shop = f.Give(Bound("shop"));
  CHECK(f.As(shop, "POST", "/v1/notifies", R"({"url":"http://h/","fkey":"f","on_held":"replace"})") == "posted");
  CHECK(f.Item().for_caller_alone);
  f.Reply(Refused{Status(Code::kConflict, "another caller's notify is held under this fkey", "/fkey"), NotifyId::Of(kOne, 5)});
  CHECK(f.Outcome() == "409 /fkey");
  CHECK(f.As(shop, "POST", "/v1/notifies", R"({"url":"http://h/","fkey":"f","on_held":"keep"})") == "posted");
  Submitted kept;
  kept.items.emplace_back();
  kept.items[0].id = NotifyId::Of(kOne, 5);
  kept.items[0].lane.name = "their lane";
  kept.items[0].kept = kept.items[0].id_alone = true;
  f.Reply(kept);
  CHECK(f.Answer().body == R"({"id":"n0002000000000005","kept":true})");
  const std::string operate = f.Give(Bound("shop", {Scope::kSubmit, Scope::kOperate}));
  f.As(operate, "POST", "/v1/notifies", R"({"url":"http://h/","fkey":"f","on_held":"replace"})");
  CHECK_FALSE(f.Item().for_caller_alone);
}

TEST_CASE("tenants: who submits sees, and waits for, what its own caller submitted; another's is not there") {
  TeamsFixture f;
  const NotifyId id = NotifyId::Of(kOne, 5);
  const std::string shop = f.Give(Bound("shop")), path = "/v1/notifies/" + id.ToString();
  f.Give(Bound("billing"));
  for (const char* below : {"", "?wait_ms=1000", "/explain"}) {
    CAPTURE(below);
    CHECK(f.As(shop, "GET", path + below) == "posted");
    f.Reply(f.ViewOf(id, "billing"));
    CHECK(f.Outcome() == "404");
    CHECK(f.Detail() == "there is no such notify");
  }
  CHECK(f.As(shop, "GET", path) == "posted");
  f.Reply(f.ViewOf(id, "shop"));
  CHECK(f.Outcome() == "200");
  // Waiting goes behind the look at whose it is.
  CHECK(f.As(shop, "GET", path + "?wait_ms=1000") == "posted");
  CHECK(f.Posted<GetRequest>().wait_ms == 0);
  f.Reply(f.ViewOf(id, "shop"));
  CHECK_FALSE(f.answered());
  CHECK(f.Posted<GetRequest>().wait_ms == 1000);
  f.Reply(f.ViewOf(id, "shop"));
  CHECK(f.Outcome() == "200");
  // What is held under an fkey, likewise.
  CHECK(f.As(shop, "GET", "/v1/fkeys/f") == "posted");
  f.Reply(f.ViewOf(id, "billing"));
  CHECK(f.Outcome() == "404");
  const std::string said = f.Answer().body;
  CHECK(f.As(shop, "GET", "/v1/fkeys/f") == "posted");
  f.Reply(Refused{Status(Code::kNotFound, kNotHeld), {}});
  CHECK(f.Answer().body == said);
  CHECK(f.As(shop, "DELETE", path) == "403");
  CHECK(f.As(shop, "GET", "/v1/notifies") == "403");
}

TEST_CASE("tenants: answers that are kept are shown with a group to who submitted it, and to read_bodies") {
  TeamsFixture f;
  const NotifyId id = NotifyId::Of(kOne, 5);
  GroupView view;
  view.id = id;
  view.record.caller = "shop";
  view.record.members.emplace_back().phase = Phase::kSucceeded;
  view.states = {State::kSucceeded};
  view.responses = {std::make_shared<const Response>(Response{200, {}, "an answer", false, WallTime{5}})};
  auto shown = [&](const std::string& token, const char* method, const std::string& target, const std::string& body) {
    CHECK(f.As(token, method, target, body) == "posted");
    for (int i = 0; i < 2 && !f.answered(); ++i) f.Reply(GroupAnswered{std::make_shared<const GroupAnswer>(GroupAnswer{view})});
    CHECK(f.Outcome() == "200");
    return Json(f.Answer().body).Has("/notifies/0/response/body");
  };
  for (const std::string wait : {"", "?wait_ms=5"}) {
    const std::string target = "/v1/groups/" + id.ToString() + wait;
    CHECK(shown(f.Give(Bound("shop")), "GET", target, ""));
    CHECK(shown(f.Give(Bound("shop", {Scope::kSubmit, Scope::kRead})), "GET", target, ""));
    CHECK(shown(f.Give({"one"}, {Scope::kRead, Scope::kReadBodies}), "GET", target, ""));
    CHECK_FALSE(shown(f.Give({"one"}, {Scope::kRead}), "GET", target, ""));
    CHECK_FALSE(shown(f.Give(Bound("till", {Scope::kSubmit, Scope::kRead})), "GET", target, ""));
  }
  view.as = GroupAs::kMade;
  view.waited = true;
  CHECK(shown(f.Give(Bound("shop")), "POST", "/v1/groups?wait_ms=5", R"({"notifies":[{"url":"http://h/"}]})"));
}

TEST_CASE("tenants: bodies and the values of headers are shown to read_bodies alone") {
  TeamsFixture f;
  const NotifyId id = NotifyId::Of(kOne, 5);
  const std::string path = "/v1/notifies/" + id.ToString();
  f.As(f.Give({"one"}, {Scope::kRead}), "GET", path);
  f.Reply(f.ViewOf(id, "shop"));
  Json shown(f.Answer().body);
  CHECK_FALSE(shown.Has("/data"));
  CHECK_FALSE(shown.Has("/body"));
  CHECK_FALSE(shown.Has("/attempts/0/response_body"));
  CHECK(shown.At("/headers/X-A") == "***");
  CHECK(shown.At("/attempts/0/status") == "200");
  f.As(f.Give({"one"}, {Scope::kRead, Scope::kReadBodies}), "GET", path);
  f.Reply(f.ViewOf(id, "shop"));
  Json whole(f.Answer().body);
  CHECK(whole.At("/data/secret") == "1");
  CHECK(whole.At("/attempts/0/response_body") == "an answer");
  CHECK(whole.At("/headers/X-A") == "b");
  // Who cannot see a header's value leaves it as it is by saying what he sees.
  f.As(f.Give({"one"}, {Scope::kOperate}), "PATCH", path, R"({"headers":{"X-A":"***","X-B":"c"}})");
  f.Reply(f.ViewOf(id, "shop"));
  const NotifySpec changed = *DecodeSpec(*f.Posted<ChangeRequest>().spec);
  REQUIRE(changed.headers.size() == 2);
  CHECK(changed.headers[0].second == "b");
}

TEST_CASE("tenants: lanes and fkeys bind a token, in submits, callbacks, triggers, steering and lists") {
  TeamsFixture f;
  Grant grant = TeamsFixture::Of({"one"}, ScopeSet::All());
  grant.lanes = {"shop-"};
  grant.fkeys = {"s:"};
  const std::string token = f.Give(grant);
  auto submit = [&](const std::string& fields) { return f.As(token, "POST", "/v1/notifies", R"({"url":"http://h/",)" + fields + "}"); };
  CHECK(submit(R"("lane":"shop-1")") == "posted");
  CHECK(submit(R"("lane":"billing")") == "403 /lane");
  CHECK(submit(R"("group":"shop-")") == "403 /lane");  // the lane that results is the URL's
  CHECK(submit(R"("lane":"shop-1","fkey":"s:1")") == "posted");
  CHECK(submit(R"("lane":"shop-1","fkey":"t:1")") == "403 /fkey");
  CHECK(submit(R"("lane":"shop-1","callback_url":"http://their/lane")") == "403 /callback_url");
  CHECK(f.As(token, "POST", "/v1/fkeys/s:1/trigger") == "posted");
  CHECK(f.As(token, "POST", "/v1/fkeys/t:1/trigger") == "403 /fkey");
  CHECK(f.As(token, "GET", "/v1/fkeys/t:1") == "403 /fkey");
  CHECK(f.As(token, "PATCH", "/v1/lanes/fifo/shop-1", "{}") == "posted");
  CHECK(f.As(token, "PATCH", "/v1/lanes/fifo/billing", R"({"paused":true})") == "403 /name");
  CHECK(f.As(token, "GET", "/v1/lanes") == "403 /prefix");
  CHECK(f.As(token, "GET", "/v1/lanes?prefix=shop-") == "posted");
  CHECK(f.As(token, "GET", "/v1/notifies") == "403 /lane");
  CHECK(f.As(token, "GET", "/v1/notifies?lane=shop-1") == "403 /fkey_prefix");
  CHECK(f.As(token, "GET", "/v1/notifies?lane=shop-1&fkey=t:1") == "403 /fkey");
  CHECK(f.As(token, "GET", "/v1/notifies?lane=shop-1&fkey_prefix=s:2") == "posted");
  CHECK(f.As(token, "POST", "/v1/notifies/purge", R"({"filter":{"state":"failed","lane":"billing"}})") == "403 /filter/lane");
  // One of another lane, by its id.
  const NotifyId id = NotifyId::Of(kOne, 5);
  const std::string path = "/v1/notifies/" + id.ToString();
  for (const auto& [method, below] : {std::pair("DELETE", ""), {"POST", "/retry"}, {"PATCH", ""}, {"GET", ""}, {"GET", "/explain"}}) {
    CAPTURE(method, below);
    CHECK(f.As(token, method, path + below, method == std::string("PATCH") ? "{}" : "") == "posted");
    const size_t events = f.sink.events.size();
    f.Reply(f.ViewOf(id, "shop", "billing"));
    CHECK(f.Outcome() == "404");
    CHECK(f.sink.events.size() == events);
  }
  f.As(token, "DELETE", path);
  f.Reply(f.ViewOf(id, "shop", "shop-1"));
  CHECK(f.Posted<CancelRequest>().id == id);
}

TEST_CASE("tenants: who is bound to lanes alone uses no fkeys, which lead into whatever lane") {
  TeamsFixture f;
  Grant grant = TeamsFixture::Of({"one"}, ScopeSet::All());
  grant.lanes = {"shop-"};
  const std::string token = f.Give(grant);
  CHECK(f.As(token, "POST", "/v1/fkeys/k/trigger") == "403 /fkey");
  CHECK(f.As(token, "DELETE", "/v1/fkeys/k") == "403 /fkey");
  CHECK(f.As(token, "POST", "/v1/notifies", R"({"url":"http://h/","lane":"shop-1","fkey":"k","on_held":"replace"})") == "403 /fkey");
  CHECK(f.As(token, "GET", "/v1/notifies?lane=shop-1") == "posted");
}

TEST_CASE("tenants: the namespace system takes no submits, and shows no URL whole") {
  TeamsFixture f;
  const std::string token = f.Give({"*"}, ScopeSet::All());
  CHECK(f.As(token, "POST", "/v1/namespaces/system/notifies", R"({"url":"http://h/"})") == "403");
  for (const char* made : {"services/s", "topics/t"}) CHECK(f.As(token, "PUT", std::string("/v1/namespaces/system/") + made, "{}") == "403");
  CHECK(f.As(token, "PUT", "/v1/namespaces/system/services/s/instances/i", R"({"url":"http://h/"})") == "403");
  CHECK(f.As(token, "POST", "/v1/namespaces/system/fkeys/k/trigger?remember_ms=1000") == "403");
  const NotifyId id = NotifyId::Of(kSystemNumber, 5);
  f.As(token, "GET", "/v1/notifies/" + id.ToString());
  f.Reply(f.ViewOf(id, "broker"));
  CHECK(Json(f.Answer().body).At("/url") == "http://h/***");
}

TEST_CASE("tenants: what a token may submit in a second is bounded, whichever way it comes") {
  TeamsFixture f;
  Grant grant = TeamsFixture::Of({"one"}, {Scope::kSubmit});
  grant.submits_per_s = 2;
  const std::string token = f.Give(grant);
  const std::string one = R"({"url":"http://h/"})";
  CHECK(f.As(token, "POST", "/v1/notifies", "[" + one + "," + one + "]") == "posted");
  CHECK(f.As(token, "POST", "/v1/notifies", one) == "429");
  CHECK(f.Header("Retry-After") == "1");
  f.now_us += 2'000'000;
  CHECK(f.As(token, "POST", "/v1/notifies", one) == "posted");
  f.now_us += 2'000'000;
  REQUIRE(f.Open({{"Content-Type", "application/x-ndjson"}, {"Authorization", "Bearer " + token}}));
  f.api.OnBody(f.last_token, one + "\n" + one + "\n");
  const size_t events = f.sink.events.size();
  Submitted submitted;
  submitted.items.resize(2);
  for (SubmittedItem& item : submitted.items) item.id = NotifyId::Of(kOne, 9);
  f.Reply(submitted);
  f.api.OnBody(f.last_token, one + "\n");
  CHECK(f.sink.events.size() == events);
  CHECK(f.Streamed().text.find(R"("status":429)") != std::string::npos);
}

TEST_CASE("tenants: what a namespace says holds where a notify says nothing, and is no part of what a repeat is known by") {
  TeamsFixture f;
  f.As(f.Give({"one"}, {Scope::kSubmit}), "POST", "/v1/notifies", R"({"url":"http://h/","idempotency_key":"k"})");
  const Fingerprint before = f.Item().fields;
  NamespaceSettings settings;
  settings.retry = RetryPolicy{.max_attempts = 3};
  settings.timeout_ms = 1234;
  f.PutSpace("one", kOne, settings);
  const std::string token = f.Give({"one"}, {Scope::kSubmit});
  f.As(token, "POST", "/v1/notifies", R"({"url":"http://h/","idempotency_key":"k"})");
  CHECK(f.Head().retry_policy().max_attempts == 3);
  CHECK(f.Spec().timeout_ms == 1234);
  CHECK(f.Item().fields == before);
  f.As(token, "POST", "/v1/notifies", R"({"url":"http://h/","retry":{},"timeout_ms":30000})");
  CHECK(f.Head().retry_policy().max_attempts == 10);
  CHECK(f.Spec().timeout_ms == 30'000);
}

TEST_CASE("tenants: a namespace's time for notifies that say none is no longer than the file lets them say") {
  TeamsFixture f;
  ApiOptions options = f.Options();
  options.max_timeout_ms = 40'000;
  Api bounded(options, &f.sink);
  bounded.SetResponder(&f.responder);
  NamespaceSettings settings;
  settings.timeout_ms = 50'000;  // of when the file let them say more
  f.PutSpace("default", kDefaultNumber, settings);
  bounded.SetTable(std::make_shared<const AccessTable>(f.table));
  auto ask = [&](const char* method, const std::string& target, const std::string& body) {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.body = body;
    f.answers.clear();
    bounded.OnRequest(++f.last_token, std::move(request));
    return f.Outcome();
  };
  REQUIRE(ask("POST", "/v1/notifies", R"({"url":"http://h/"})") == "posted");
  CHECK(f.Spec().timeout_ms == 40'000);
  CHECK(ask("POST", "/v1/notifies", R"({"url":"http://h/","timeout_ms":45000})") == "422 /timeout_ms");
  REQUIRE(ask("PUT", "/v1/subscriptions/s", R"({"topic":"t","url":"http://h/"})") == "posted");
  const auto& put = std::get<SubscriptionPut>(f.Posted<TopicRequest>().ask->what);
  CHECK(DecodeSpec(*put.said->spec)->timeout_ms == 40'000);
  // It is not set so, and what is so already stands in nobody's way.
  CHECK(ask("PATCH", "/v1/namespaces/default", R"({"timeout_ms":45000})") == "422 /timeout_ms");
  CHECK(ask("PUT", "/v1/namespaces/default", R"({"timeout_ms":45000})") == "422 /timeout_ms");
  CHECK(ask("PUT", "/v1/namespaces/three", R"({"timeout_ms":40001})") == "422 /timeout_ms");
  CHECK(ask("PUT", "/v1/namespaces/three", R"({"timeout_ms":40000})") == "posted");
  CHECK(ask("PATCH", "/v1/namespaces/default", R"({"max_pending":5})") == "posted");
  CHECK(f.Registered<PutNamespace>().settings.timeout_ms == 50'000);
}

TEST_CASE("tenants: what waits for anybody ends where everybody is asked who he is from now on") {
  TeamsFixture f(/*tokens=*/false);
  const uint64_t looks = f.Ask("GET", "/v1/notifies/" + NotifyId::Of(kDefaultNumber, 5).ToString() + "?wait_ms=60000");
  const uint64_t submits = f.Ask("POST", "/v1/notifies?wait_ms=60000", R"({"url":"http://h/"})");
  const uint64_t posted = f.Submit(R"({"url":"http://h/"})");
  f.api.SetAuth(std::make_shared<AuthSettings>());
  CHECK(f.answers.empty());
  auto settings = std::make_shared<AuthSettings>();
  settings->tokens = true;
  f.api.SetAuth(settings);
  REQUIRE(f.answers.contains(looks));
  CHECK(f.answers.at(looks).status == 401);
  // It is taken, or will be.
  REQUIRE(f.answers.contains(submits));
  CHECK(f.answers.at(submits).status == 504);
  CHECK_FALSE(f.answers.contains(posted));
  CHECK(std::count_if(f.sink.events.begin(), f.sink.events.end(), [](const Event& event) { return std::holds_alternative<Disconnected>(event); }) == 2);
}

TEST_CASE("tenants: what the file gave to a peer, and gives no more, ends what that began") {
  TeamsFixture f;
  auto set = [&](std::vector<std::pair<uint32_t, Grant>> grants) {
    auto settings = std::make_shared<AuthSettings>();
    settings->tokens = true;
    for (const auto& [uid, grant] : grants)
      settings->peers[uid] = std::make_shared<const NamedGrant>(NamedGrant{"peer " + std::to_string(uid), grant});
    f.api.SetAuth(settings);
  };
  const Grant all = TeamsFixture::Of({"one"}, ScopeSet::All()), reads = TeamsFixture::Of({"one"}, {Scope::kRead});
  set({{1000, all}, {1001, all}});
  auto wait_as = [&](uint32_t uid) {
    auto peer = std::make_shared<Peer>();
    peer->uid = uid;
    HttpRequest request;
    request.method = "GET";
    request.target = "/v1/notifies/" + NotifyId::Of(TeamsFixture::kOne, 5).ToString() + "?wait_ms=60000";
    request.peer = std::move(peer);
    f.api.OnRequest(++f.last_token, std::move(request));
    return f.last_token;
  };
  const uint64_t stays = wait_as(1000), goes = wait_as(1001);
  set({{1000, all}, {1001, all}, {1002, all}});
  CHECK(f.answers.empty());
  set({{1000, all}, {1001, reads}});
  CHECK(f.answers.at(goes).status == 401);
  CHECK_FALSE(f.answers.contains(stays));
  set({});
  CHECK(f.answers.at(stays).status == 401);
}

TEST_CASE("tenants: a token that is taken back, changed or over ends what it began") {
  TeamsFixture f;
  const std::string token = f.Give({"one"}, ScopeSet::All());
  const std::string id = f.last.id;
  REQUIRE(f.Open({{"Content-Type", "application/x-ndjson"}, {"Authorization", "Bearer " + token}}));
  const uint64_t stream = f.last_token;
  f.api.OnBody(stream, "{\"url\":\"http://h/\"}\n");
  f.As(token, "POST", "/v1/notifies?wait_ms=60000", R"({"url":"http://h/"})");
  const uint64_t submit = f.last_token;
  REQUIRE(f.Open({{"Content-Type", "application/x-ndjson"}, {"Authorization", "Bearer " + token}}));
  const uint64_t empty = f.last_token;
  f.As(token, "GET", "/v1/notifies/" + NotifyId::Of(kOne, 5).ToString() + "?wait_ms=60000");
  CHECK_FALSE(f.answered());
  // Another token's change is none of theirs.
  f.Give({"one"}, ScopeSet::All());
  CHECK_FALSE(f.answered());
  f.table.PutToken(id, nullptr);
  f.Publish();
  CHECK(f.Outcome() == "401");
  CHECK(f.answers.at(empty).status == 401);
  // What the core was given may have been taken: that is not refused.
  CHECK(f.answers.at(stream).status == 504);
  CHECK(f.answers.at(submit).status == 504);
  size_t gone = 0;
  for (const Event& event : f.sink.events) gone += std::holds_alternative<Disconnected>(event);
  CHECK(gone == 3);
  CHECK(f.As(token, "GET", "/v1/stats") == "401");
}

TEST_CASE("tenants: what a bulk submit had taken before its token was over is told") {
  TeamsFixture f;
  Grant grant = TeamsFixture::Of({"one"}, ScopeSet::All());
  grant.expires_at = WallTime{f.wall_ms + 1'000};
  const std::string token = f.Give(grant);
  REQUIRE(f.Open({{"Content-Type", "application/x-ndjson"}, {"Authorization", "Bearer " + token}}));
  f.api.OnBody(f.last_token, "{\"url\":\"http://h/\"}\n");
  REQUIRE(f.Posted<SubmitRequest>().items.size() == 1);
  f.api.OnBody(f.last_token, "{\"url\":\"http://h/\"}\n");
  f.wall_ms += 1'000;
  Submitted submitted;
  submitted.items.resize(1);
  submitted.items[0].id = NotifyId::Of(kOne, 5);
  f.Reply(submitted);
  CHECK_FALSE(f.answered());
  // Behind it stands why that is all, and which line was not taken.
  const std::string taken = "{\"index\":0,\"id\":\"" + NotifyId::Of(kOne, 5).ToString() + "\"}\n";
  CHECK(f.Streamed().text.starts_with(taken + R"({"type":"urn:notifyd:problem:unauthorized",)"));
  CHECK(f.Streamed().text.ends_with("\"next_index\":1}\n"));
  CHECK(f.Streamed().ended);
  CHECK(f.Streamed().closes);
}

TEST_CASE("tenants: a bulk submit whose token is taken back in the middle of it ends with a line that says so") {
  TeamsFixture f;
  const std::string token = f.Give({"one"}, ScopeSet::All());
  const std::string id = f.last.id;
  REQUIRE(f.Open({{"Content-Type", "application/x-ndjson"}, {"Authorization", "Bearer " + token}}));
  const uint64_t stream = f.last_token;
  f.api.OnBody(stream, "{\"url\":\"http://h/\"}\n{}\n");
  Submitted submitted;
  submitted.items.resize(1);
  submitted.items[0].id = NotifyId::Of(kOne, 5);
  f.Reply(submitted);
  const bool under_way = GENERATE(false, true);
  if (under_way) f.api.OnBody(stream, "{\"url\":\"http://h/\"}\n");
  f.table.PutToken(id, nullptr);
  f.Publish();
  const FakeResponder::Streamed& told = f.responder.streams.at(stream);
  CHECK(told.ended);
  CHECK(told.closes);
  CHECK(std::count(told.text.begin(), told.text.end(), '\n') == 3);
  CHECK(told.text.find(under_way ? "urn:notifyd:problem:outcome-unknown" : "urn:notifyd:problem:unauthorized") != std::string::npos);
  CHECK(told.text.ends_with("\"next_index\":2}\n") == !under_way);
}

TEST_CASE("tenants: where nobody is asked who he is everything is as it was, in the default namespace and by prefix in others") {
  TeamsFixture f(/*tokens=*/false);
  f.Submit(R"({"url":"http://h/","caller":"anybody","fkey":"f","on_held":"replace"})");
  CHECK(f.sink.numbers.back() == kDefaultNumber);
  CHECK(f.Head().caller == "anybody");
  CHECK_FALSE(f.Item().for_caller_alone);
  f.Ask("POST", "/v1/namespaces/two/notifies", R"({"url":"http://h/"})");
  CHECK(f.sink.numbers.back() == kTwo);
  Submitted submitted;
  submitted.items.emplace_back().id = NotifyId::Of(kTwo, 1);
  f.Reply(submitted);
  CHECK(f.Header("Location") == "/v1/notifies/n0003000000000001");
  f.Ask("GET", "/v1/notifies/n0003000000000001");
  CHECK(f.sink.numbers.back() == kTwo);
  f.Ask("GET", "/v1/namespaces/none/stats");
  CHECK(f.Outcome() == "404");
  f.Ask("DELETE", "/v1/notifies/n0003000000000001");
  f.Reply(f.ViewOf(NotifyId::Of(kTwo, 1), "x"));
  CHECK(f.sink.audited.empty());
}

/// With an audit.
struct AuditFixture : TeamsFixture {
  AuditFixture() {
    ApiOptions options = Options();
    options.list_audit = [this](const AuditQuery& query, const std::function<void(AuditPage)>& then) {
      AuditPage page;
      for (const AuditEntry& entry : kept)
        if (TakesEntry(query, entry)) page.items.push_back({{}, entry});
      then(std::move(page));
    };
    whole = std::make_unique<Api>(options, &sink);
    whole->SetResponder(&responder);
    auto settings = std::make_shared<AuthSettings>();
    settings->tokens = true;
    whole->SetAuth(settings);
  }
  void Wrote(int64_t at_ms, const std::string& space, const std::string& object) {
    kept.push_back({.at = WallTime{at_ms}, .who = "token x", .what = "lane_changed", .object = object, .space = space});
  }
  /// The objects of what a token is shown, one behind the other.
  std::string ShownTo(const std::string& token) {
    whole->SetTable(std::make_shared<const AccessTable>(table));
    HttpRequest request;
    request.method = "GET";
    request.target = "/v1/audit";
    request.headers = {{"Authorization", "Bearer " + token}};
    whole->OnRequest(++last_token, std::move(request));
    CHECK(Outcome() == "200");
    const std::string body = Answer().body;
    std::string shown;
    for (const AuditEntry& entry : kept)
      if (body.find("\"" + entry.object + "\"") != std::string::npos) shown += entry.object + " ";
    return shown;
  }
  std::vector<AuditEntry> kept;
  std::unique_ptr<Api> whole;
};

TEST_CASE("tenants: the audit of a namespace that was removed is not shown to the next one of its name") {
  AuditFixture f;
  constexpr int64_t kMade = 1'700'000'000'000;
  auto row = std::make_shared<NamespaceRow>(*f.table.FindNamespace("one"));
  row->created_at = WallTime{kMade};
  f.table.PutNamespace("one", std::move(row));
  f.Wrote(kMade - 1'000, "one", "theirs");
  f.Wrote(kMade, "one", "made");
  f.Wrote(kMade + 1'000, "one", "own");
  f.Wrote(kMade + 1'000, "two", "of-two");
  f.Wrote(kMade + 1'000, "removed", "of-removed");
  f.Wrote(kMade + 1'000, "", "of-none");
  CHECK(f.ShownTo(f.Give({"one"}, {Scope::kAdmin})) == "made own ");
  CHECK(f.ShownTo(f.Give({"one", "removed", "two"}, {Scope::kAdmin})) == "made own of-two ");
  CHECK(f.ShownTo(f.Give({"removed"}, {Scope::kAdmin})).empty());
  CHECK(f.ShownTo(f.Give({"*"}, {Scope::kAdmin})) == "theirs made own of-two of-removed of-none ");
}

TEST_CASE("tenants: a namespace that is being removed takes nothing and shows nothing, but for itself") {
  TeamsFixture f;
  const std::string token = f.Give({"*"}, ScopeSet::All());
  auto row = std::make_shared<NamespaceRow>(*f.table.FindNamespace("one"));
  row->deleting = true;
  f.table.PutNamespace("one", row);
  f.Publish();
  CHECK(f.As(token, "POST", "/v1/namespaces/one/notifies", R"({"url":"http://h/"})") == "409");
  CHECK(f.As(token, "GET", "/v1/namespaces/one/notifies") == "409");
  CHECK(f.As(token, "GET", "/v1/namespaces/one") == "200");
  CHECK(Json(f.Answer().body).At("/state") == "deleting");
}

}  // namespace
}  // namespace notifyd
