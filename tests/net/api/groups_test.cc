// POST /v1/groups and what else there is about groups: requests to asks, and what they are refused for.
#include "api_fixture.h"
#include "broker/flow.h"
#include "broker/group_events.h"
#include "net/api/group_fields.h"

namespace notifyd {
namespace {

template <class What>
const What& AskedOf(ApiFixture& f) {
  return std::get<What>(f.Posted<GroupRequest>().ask->what);
}

}  // namespace

TEST_CASE("groups: the notifies of one are found in its document, whatever stands around them") {
  CHECK(FindMember(R"({"notifies":[1,2]})", "notifies") == "[1,2]");
  CHECK(FindMember(R"( { "a" : {"notifies":[9]}, "notifies" : [ {"x":"]"} , "\"]" ] , "b":1})", "notifies") == R"([ {"x":"]"} , "\"]" ])");
  CHECK(FindMember(R"({"b":"notifies","notifies": 5 })", "notifies") == "5");
  CHECK(FindMember(R"({"n\u006ftifies":[7],"b":1})", "notifies") == "[7]");
  CHECK(FindMember(R"({"\u006E\u006F\u0074\u0069\u0066\u0069\u0065\u0073":[7]})", "notifies") == "[7]");
  CHECK(FindMember(R"({"n\u0070tifies":[7],"n\u6f":1,"n\u006ftifiesx":2,"notifie\u007":3,"n\notifies":4})", "notifies").empty());
  CHECK(FindMember(R"({"a":1})", "notifies").empty());
  CHECK(FindMember(R"([{"notifies":[1]}])", "notifies").empty());
  CHECK(FindMember(R"({"notifies":[1)", "notifies").empty());
  CHECK(FindMember(R"({"notifies":"x)", "notifies").empty());
  CHECK(FindMember("", "notifies").empty());
}

TEST_CASE("groups: a group with all that it may say") {
  ApiFixture f;
  f.Ask("POST", "/v1/groups?wait_ms=500",
        R"({"idempotency_key":"k","callback_url":"http://Back.example/cb?x","labels":{"order":"17"},"on_failure":"cancel_rest","sequential":true,
            "notifies":[{"url":"http://h/a","caller":"shop","delay_ms":5},{"url":"http://h/b","mode":"fifo","ttl_ms":9}]})");
  REQUIRE_FALSE(f.answered());
  CHECK(f.Posted<GroupRequest>().ask->wait_ms == 500);
  const GroupPost& post = AskedOf<GroupPost>(f);
  CHECK(post.submit.batch);
  REQUIRE(post.submit.items.size() == 2);
  CHECK(post.submit.items[0].when.ms == 5);
  CHECK(post.submit.items[1].envelope->lane == LaneKey{Mode::kFifo, "http://h/b"});
  CHECK(post.caller == "shop");
  CHECK(post.idempotency_key == "k");
  CHECK(post.cancel_rest);
  CHECK(post.sequential);
  CHECK(*post.labels == Labels{{"order", "17"}});
  REQUIRE(post.callback);
  CHECK(post.callback->url == "http://Back.example/cb?x");
  CHECK(post.callback->lane == "http://back.example/cb");
  CHECK(post.callback->host == "back.example:80");
}

TEST_CASE("groups: one that was made, and waits, is answered in brief where there is no room for all of it") {
  ApiFixture f;
  f.Ask("POST", "/v1/groups?wait_ms=500", R"({"notifies":[{"url":"http://h/a"}]})");
  REQUIRE_FALSE(f.answered());
  GroupView view;
  view.id = NotifyId{0x1f};
  view.as = GENERATE(GroupAs::kMade, GroupAs::kDuplicate);
  view.waited = true;
  view.record.members.resize(1);
  view.states.resize(1);
  const bool settled = GENERATE(true, false);
  if (settled) view.record.members[0].phase = Phase::kSucceeded;
  const auto answer = std::make_shared<const GroupAnswer>(GroupAnswer{view});
  f.responder.room = false;
  f.Reply(GroupAnswered{answer});
  CHECK(f.Answer().status == 202);
  CHECK(f.Header("Location") == "/v1/groups/" + view.id.ToString());
  const Json brief(f.Answer().body);
  CHECK(brief.At("/id") == view.id.ToString());
  CHECK(brief.At("/state") == (settled ? "settled" : "pending"));
  CHECK(brief.Has("/duplicate") == (view.as == GroupAs::kDuplicate));
  CHECK_FALSE(brief.Has("/notifies"));
  // Of one that is only looked at nothing is said.
  f.Ask("GET", "/v1/groups/" + view.id.ToString() + "?wait_ms=500");
  view.as = GroupAs::kSeen;
  f.Reply(GroupAnswered{std::make_shared<const GroupAnswer>(GroupAnswer{view})});
  CHECK(f.Outcome() == "429");
}

TEST_CASE("groups: a repeat has the same print however it is spelled, and any difference another") {
  ApiFixture f;
  auto print = [&](const std::string& body, Headers headers = {}) {
    f.sink.events.clear();
    f.Ask("POST", "/v1/groups", body, headers);
    REQUIRE_FALSE(f.answered());
    CHECK(AskedOf<GroupPost>(f).idempotency_key == "k");
    return AskedOf<GroupPost>(f).fields;
  };
  const Fingerprint first = print(R"({"idempotency_key":"k","sequential":true,"notifies":[{"url":"http://h/","data":{"a":1,"b":2}}]})");
  CHECK(print(R"({ "notifies" : [ {"data":{"b":2,"a":1},"url":"http://h/"} ], "sequential":true, "labels":null, "idempotency_key":"k" })") == first);
  CHECK(print(R"({"sequential":true,"notifies":[{"url":"http://h/","data":{"a":1,"b":2}}]})", {{"Idempotency-Key", "k"}}) == first);
  CHECK(print(R"({"idempotency_key":"k","sequential":false,"notifies":[{"url":"http://h/","data":{"a":1,"b":2}}]})") != first);
  CHECK(print(R"({"idempotency_key":"k","sequential":true,"notifies":[{"url":"http://h/","data":{"a":1,"b":3}}]})") != first);
  // A default that is spelled out is as good as left out, of the group as of its notifies, and so is a null.
  const Fingerprint plain = print(R"({"idempotency_key":"k","notifies":[{"url":"http://h/","delay_ms":1000}]})");
  for (const char* beside : {R"("sequential":false)", R"("on_failure":"continue")", R"("labels":{})", R"("callback_url":null)"})
    CHECK(print(std::string(R"({"idempotency_key":"k",)") + beside + R"(,"notifies":[{"url":"http://h/","delay_ms":1000}]})") == plain);
  for (const char* within : {R"("priority":4)", R"("method":"POST")", R"("retry":{})", R"("data":null)", R"("caller":"unknown")"})
    CHECK(print(std::string(R"({"idempotency_key":"k","notifies":[{"url":"http://h/","delay_ms":1e3,)") + within + "}]}") == plain);
  for (const char* beside : {R"("sequential":true)", R"("on_failure":"cancel_rest")", R"("labels":{"a":"b"})", R"("callback_url":"http://h/c")"})
    CHECK(print(std::string(R"({"idempotency_key":"k",)") + beside + R"(,"notifies":[{"url":"http://h/","delay_ms":1000}]})") != plain);
  const Fingerprint ab = print(R"({"idempotency_key":"k","notifies":[{"url":"http://h/a"},{"url":"http://h/b"}]})");
  CHECK(print(R"({"idempotency_key":"k","notifies":[{"url":"http://h/b"},{"url":"http://h/a"}]})") != ab);
}

TEST_CASE("groups: what they are refused for") {
  auto [body, outcome] = GENERATE(table<std::string, std::string>({
      {R"({})", "422 /notifies"},
      {R"({"notifies":null})", "422 /notifies"},
      {R"({"notifies":{}})", "422 /notifies"},
      {R"({"notifies":5})", "422 /notifies"},
      {R"({"notifies":[]})", "422 /notifies"},
      {R"({"notifies":[{"url":"http://h/"}],"notifies":[]})", "422 /notifies"},
      {R"([{"url":"http://h/"}])", "422"},
      {R"({"notifies":[{"url":"http://h/"},5]})", "422 /notifies/1"},
      {R"({"notifies":[{"url":"http://h/"},{"url":"ftp://h/"}]})", "422 /notifies/1/url"},
      {R"({"notifies":[{"url":"http://h/","nope":1}]})", "422 /notifies/0/nope"},
      {R"({"notifies":[{"url":"http://h/","headers":{"Cookie":"***"}}]})", "422 /notifies/0/headers/Cookie"},
      {R"({"notifies":[{"url":"http://h/","fkey":"f"}]})", "422 /notifies/0/fkey"},
      {R"({"notifies":[{"url":"http://h/","idempotency_key":"f"}]})", "422 /notifies/0/idempotency_key"},
      {R"({"notifies":[{"url":"http://h/"}],"nope":1})", "422 /nope"},
      {R"({"notifies":[{"url":"http://h/"}],"on_failure":"stop"})", "422 /on_failure"},
      {R"({"notifies":[{"url":"http://h/"}],"on_failure":1})", "422 /on_failure"},
      {R"({"notifies":[{"url":"http://h/"}],"sequential":"yes"})", "422 /sequential"},
      {R"({"notifies":[{"url":"http://h/"}],"callback_url":"h"})", "422 /callback_url"},
      {R"({"notifies":[{"url":"http://h/"}],"callback_url":5})", "422 /callback_url"},
      {R"({"notifies":[{"url":"http://h/"}],"labels":{"a:b":"c"}})", "422 /labels/a:b"},
      {R"({"notifies":[{"url":"http://h/"}],"idempotency_key":""})", "422 /idempotency_key"},
      {R"({"notifies":[{"url":"http://h/"}],"nope":1)", "400"},
      {R"({"notifies":[{"url":"http://h/"},],"nope":1})", "400"},
      {R"({"nope":1,"notifies":[{"url":"http://h/"} {}]})", "400"},
      {R"({"notifies":[{"url":"http://h/"}]}x)", "400"},
      {R"(x)", "400"},
      {"", "400"},
  }));
  CAPTURE(body);
  ApiFixture f;
  f.Ask("POST", "/v1/groups", body);
  CHECK(f.Outcome() == outcome);
}

TEST_CASE("groups: at most a thousand notifies, and each body within its limit, small or large as the document is") {
  auto with = [](size_t count, const std::string& notify) {
    std::string body = R"({"notifies":[)";
    for (size_t i = 0; i < count; ++i) body += (i > 0 ? "," : "") + notify;
    return body + "]}";
  };
  ApiFixture f;
  f.Ask("POST", "/v1/groups", with(1000, R"({"url":"http://h/","data":{"pad":")" + std::string(200, 'x') + R"("}})"));
  REQUIRE_FALSE(f.answered());
  CHECK(AskedOf<GroupPost>(f).submit.items.size() == 1000);
  f.Ask("POST", "/v1/groups", with(1001, R"({"url":"http://h/"})"));
  CHECK(f.Answer().status == 413);
  f.Ask("POST", "/v1/groups", R"({"notifies":[{"url":"http://h/"},{"url":"http://h/","body":")" + std::string(2000, 'x') + "\"}]}");
  CHECK(f.Outcome() == "413 /notifies/1/body");
  f.Ask("POST", "/v1/groups", R"({"notifies":[{"url":"http://h/"}],"labels":{"a":")" + std::string(70'000, 'x') + "\"}}");
  CHECK(f.Answer().status == 413);
}

TEST_CASE("groups: one is looked at, waited for and cancelled; they are listed") {
  ApiFixture f;
  f.Ask("GET", "/v1/groups/n000000000000001f");
  CHECK(AskedOf<GroupGet>(f).id == NotifyId{0x1f});
  f.Ask("GET", "/v1/groups/n000000000000001f?wait_ms=60000");
  CHECK(f.Posted<GroupRequest>().ask->wait_ms == 60'000);
  f.Ask("DELETE", "/v1/groups/n000000000000001f");
  CHECK(AskedOf<GroupCancel>(f).id == NotifyId{0x1f});
  f.Ask("GET", "/v1/groups?limit=7&cursor=n000000000000001f");
  CHECK(AskedOf<GroupList>(f).limit == 7);
  CHECK(AskedOf<GroupList>(f).below == NotifyId{0x1f});
  for (auto [target, outcome] : {std::pair("/v1/groups/x", "404"),
                                 {"/v1/groups/n000000000000001f?wait_ms=60001", "422 /wait_ms"},
                                 {"/v1/groups?limit=0", "422 /limit"},
                                 {"/v1/groups?cursor=7x", "422 /cursor"},
                                 {"/v1/groups?nope=7", "422 /nope"}}) {
    f.Ask("GET", target);
    CHECK(f.Outcome() == outcome);
  }
}

TEST_CASE("change: what a notify comes from stays with it") {
  ApiFixture f;
  f.Submit(R"({"url":"http://h/"})");
  NotifyRecord record = f.RecordOf(f.Item());
  auto envelope = std::make_shared<Envelope>(*record.envelope);
  auto flow = std::make_shared<FlowFields>();
  flow->group = {7};
  envelope->flow = std::move(flow);
  record.envelope = std::move(envelope);
  f.Ask("PATCH", "/v1/notifies/n000000000000001f", R"({"priority":9})");
  f.Reply(Viewed{{std::make_shared<const NotifyRecord>(record), State::kReady}});
  const ChangeRequest& change = f.Posted<ChangeRequest>();
  CHECK(change.envelope->priority == 9);
  REQUIRE(change.envelope->flow);
  CHECK(change.envelope->flow->group == NotifyId{7});
}

}  // namespace notifyd
