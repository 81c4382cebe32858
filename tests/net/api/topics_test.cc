// Topics, subscriptions and events: what requests say, what they are refused for, and what is shown.
#include "api_fixture.h"
#include "broker/topic_events.h"
#include "net/api/resource.h"
#include "net/api/topic_fields.h"

#include <sstream>

namespace notifyd {
namespace {

class TopicsFixture : public ApiFixture {
 public:
  template <class Ask>
  const Ask& Asked() {
    REQUIRE(!answered());
    const TopicAsk& ask = *Posted<TopicRequest>().ask;
    REQUIRE(std::holds_alternative<Ask>(ask.what));
    return std::get<Ask>(ask.what);
  }
  std::string Put(const std::string& body, Headers headers = {}) {
    Ask("PUT", "/v1/subscriptions/s", body, std::move(headers));
    return Outcome();
  }
  /// With a good topic and URL.
  std::string PutWith(const std::string& fields) { return Put(R"({"topic":"a.#","url":"http://h/x?q",)" + fields + "}"); }
  const Subscription& Said() { return *Asked<SubscriptionPut>().said; }
  std::string Publish(const std::string& body, Headers headers = {}) {
    Ask("POST", "/v1/topics/a.b/publish", body, std::move(headers));
    return Outcome();
  }
  template <class What>
  void Answered(What what) {
    Reply(TopicAnswered{std::make_shared<const TopicAnswer>(TopicAnswer{std::move(what)})});
  }
};

TEST_CASE("topics: a PUT says all of a topic, with its condition") {
  TopicsFixture f;
  f.Ask("PUT", "/v1/topics/a.b-C_1", R"({"retention_ms":0,"schema":{"type": "object"},"description":"d"})", {{"If-None-Match", "*"}});
  const TopicPut& put = f.Asked<TopicPut>();
  CHECK(put.topic == "a.b-C_1");
  CHECK(put.said == TopicRecord{0, R"({"type": "object"})", "d"});
  CHECK(put.condition.absent);
  f.Ask("PUT", "/v1/topics/a", "{}", {{"If-Match", ETagOfBytes("x")}});
  CHECK(f.Asked<TopicPut>().said == TopicRecord());
  CHECK(f.Asked<TopicPut>().condition.Holds("x"));
  CHECK_FALSE(f.Asked<TopicPut>().condition.Holds("y"));
}

TEST_CASE("topics: what is no topic, no pattern and no subscription's name is refused") {
  TopicsFixture f;
  for (const char* name : {"a..b", ".a", "a.", "*", "a.%23", "a%20b", "%C3%A4"}) {
    CAPTURE(name);
    f.Ask("GET", std::string("/v1/topics/") + name);
    CHECK(f.Outcome() == "422 /topic");
    f.Ask("POST", std::string("/v1/topics/") + name + "/publish", "{}");
    CHECK(f.Outcome() == "422 /topic");
  }
  for (const std::string& name : {std::string("a%2Fb"), std::string("a%20b"), std::string(101, 'a')}) {
    CAPTURE(name);
    f.Ask("PUT", "/v1/subscriptions/" + name, R"({"topic":"a","url":"http://h/"})");
    CHECK(f.Outcome() == "422 /name");
  }
  CHECK(f.Put(R"({"url":"http://h/"})") == "422 /topic");
  CHECK(f.Put(R"({"topic":"a"})") == "422 /url");
  CHECK(f.Put(R"({"topic":"a..b","url":"http://h/"})") == "422 /topic");
  CHECK(f.Put(R"({"topic":"a.*b","url":"http://h/"})") == "422 /topic");
  CHECK(f.Put(R"({"topic":"#","url":"http://h/"})") == "posted");
}

TEST_CASE("subscriptions: what is left out is at its default; the template is a notify's, in a lane of its own") {
  TopicsFixture f;
  REQUIRE(f.PutWith(R"("method":"PUT","headers":{"X-A":"b"},"delay_ms":5,"ttl_ms":7,"priority":9,"retry":{"max_attempts":2},"caller":"c")") ==
          "posted");
  const Subscription& said = f.Said();
  CHECK(said.topic == "a.#");
  CHECK(said.enabled);
  CHECK_FALSE(said.paused);
  CHECK_FALSE(said.each_instance);
  CHECK(said.max_pending == 1'000'000);
  CHECK(said.envelope->lane == LaneKey{Mode::kConcurrent, "subscription/s"});
  CHECK(said.envelope->host == "h:80");
  CHECK(said.envelope->caller == "c");
  CHECK(said.envelope->priority == 9);
  CHECK(said.envelope->retry->max_attempts == 2);
  CHECK(said.when.ms == 5);
  CHECK(said.ttl.ms == 7);
  Result<NotifySpec> spec = DecodeSpec(*said.spec);
  REQUIRE(spec.ok());
  CHECK(spec->url == "http://h/x?q");
  CHECK(spec->method == Method::kPut);
  CHECK(spec->payload_kind == PayloadKind::kNone);
  CHECK_FALSE(f.Asked<SubscriptionPut>().from);

  REQUIRE(f.PutWith(R"("lane":"l","mode":"fifo","enabled":false,"paused":true,"max_pending":3,"from":"2026-11-01T00:00:00Z")") == "posted");
  CHECK(f.Said().envelope->lane == LaneKey{Mode::kFifo, "l"});
  CHECK_FALSE(f.Said().enabled);
  CHECK(f.Said().paused);
  CHECK(f.Said().max_pending == 3);
  CHECK(f.Asked<SubscriptionPut>().from == *ParseRfc3339("2026-11-01T00:00:00Z"));
  REQUIRE(f.PutWith(R"("from":"now")") == "posted");
  CHECK_FALSE(f.Asked<SubscriptionPut>().from);
}

TEST_CASE("subscriptions: ordered by a value of the data, or by the event's key, in a lane that the fan-out chooses") {
  TopicsFixture f;
  for (const char* by : {"key", "/customer/id", ""}) {
    CAPTURE(by);
    REQUIRE(f.PutWith(std::string(R"("order_by":")") + by + R"(","partitions":4)") == "posted");
    CHECK(DecodeSpec(*f.Said().spec)->order_by == by);
    CHECK(f.Said().envelope->lane == LaneKey{Mode::kFifo, "subscription/s"});
  }
  CHECK(f.PutWith(R"("order_by":"keys")") == "422 /order_by");
  CHECK(f.WithFields(R"("order_by":"key","data":{})") == "422 /order_by");
}

TEST_CASE("subscriptions: bad fields are refused with their place, filters and transforms within, too") {
  TopicsFixture f;
  const std::pair<const char*, const char*> cases[] = {
      {R"("data":1)", "422 /data"},
      {R"("body":"x")", "422 /body"},
      {R"("fkey":"f")", "422 /fkey"},
      {R"("idempotency_key":"k")", "422 /idempotency_key"},
      {R"("due_at":"2026-11-01T00:00:00Z")", "422 /due_at"},
      {R"("nope":1)", "422 /nope"},
      {R"("priority":10)", "422 /priority"},
      {R"("retry":{"factor":0})", "422 /retry/factor"},
      {R"("filter":5)", "422 /filter"},
      {R"("filter":{"data":{"a":{"$nope":1}}})", "422 /filter/data/a/$nope"},
      {R"("transform":{"id":"id"})", "422 /transform/id"},
      {R"("each_instance":true)", "422 /each_instance"},
      {R"("enabled":1)", "422 /enabled"},
      {R"("max_pending":0)", "422 /max_pending"},
      {R"("from":"yesterday")", "422 /from"},
      {R"("headers":{"Authorization":"***"})", "422 /headers/Authorization"},
  };
  for (const auto& [fields, outcome] : cases) {
    CAPTURE(fields);
    CHECK(f.PutWith(fields) == outcome);
  }
  CHECK(f.PutWith(R"("filter":null,"data":null)") == "422 /data");
  CHECK(f.PutWith(R"("filter":null)") == "posted");
  CHECK(f.Put("[]") == "422");
  CHECK(f.Put("") == "400");
  CHECK(f.Put(R"({"topic":"a","url":"http://h/"})", {{"If-None-Match", "\"x\""}}) == "422");
}

TEST_CASE("subscriptions: one that says no order takes that of the rule for its lane, which the data of each event decides by") {
  SubmitLimits limits{.max_body_bytes = 1000, .max_batch_items = 5, .max_timeout_ms = kMostTimeoutMs};
  auto rules = std::make_shared<std::vector<LaneRule>>();
  rules->push_back({"mine", {}, {}, "/id", 4, {}});
  rules->push_back({"subscription/*", {}, {}, "/customer", {}, true});
  limits.lane_rules = [rules] { return rules; };
  SubmitParser parser(limits);
  const auto said = [&](const std::string& fields) {
    std::string body = R"({"topic":"a.#","url":"http://h/x")" + fields + "}";
    Asker asker;
    asker.principal = Principal::Anybody();
    asker.space = std::make_shared<const NamespaceRow>();
    Result<ParsedSubscription> parsed = ParseSubscription(&parser, "s", body, {}, asker);
    REQUIRE(parsed.ok());
    return parsed->said;
  };
  const std::shared_ptr<const Subscription> ruled = said(R"(,"priority":9)");
  CHECK(ruled->envelope->lane == LaneKey{Mode::kFifo, "subscription/s"});
  CHECK(ruled->envelope->priority == Envelope().priority);
  const NotifySpec spec = *DecodeSpec(*ruled->spec);
  CHECK(spec.order_by == "/customer");
  CHECK(spec.partitions == kDefaultPartitions);
  CHECK(spec.order_by_spread);
  const NotifySpec mine = *DecodeSpec(*said(R"(,"lane":"mine")")->spec);
  CHECK(mine.order_by == "/id");
  CHECK(mine.partitions == 4);
  CHECK_FALSE(mine.order_by_spread);
  CHECK(DecodeSpec(*said(R"(,"lane":"mine","order_by":"key")")->spec)->order_by == "key");
  CHECK(said(R"(,"lane":"other")")->envelope->lane == LaneKey{Mode::kConcurrent, "other"});
  CHECK_FALSE(DecodeSpec(*said(R"(,"lane":"other")")->spec)->order_by);
}

TEST_CASE("subscriptions: shown with their template, credentials hidden, and under the ETag of what is stored") {
  TopicsFixture f;
  REQUIRE(f.PutWith(R"("headers":{"Authorization":"secret","X-A":"b"},"filter":{"key":"k"},"order_by":"key")") == "posted");
  f.Answered(SubscriptionViewed{{"s", f.Asked<SubscriptionPut>().said, "stored", WallTime{1'700'000'000'000}, 4, 2, false}, true});
  CHECK(f.Answer().status == 201);
  CHECK(f.Header("Location") == "/v1/subscriptions/s");
  CHECK(f.Header("ETag") == ETagOfBytes("stored"));
  Json shown(f.Answer().body);
  CHECK(shown.At("/name") == "s");
  CHECK(shown.At("/topic") == "a.#");
  CHECK(shown.At("/filter") == R"({"key":"k"})");
  CHECK(shown.At("/order_by") == "key");
  CHECK(shown.At("/url") == "http://h/x?q");
  CHECK(shown.At("/lane") == "subscription/s");
  CHECK(shown.At("/headers/Authorization") == "***");
  CHECK(shown.At("/headers/X-A") == "b");
  CHECK(shown.At("/pending") == "4");
  CHECK(shown.At("/skipped") == "2");
  CHECK_FALSE(shown.Has("/data"));
  f.Ask("GET", "/v1/subscriptions/s");
  f.Reply(Refused{Status(Code::kNotFound, "none"), {}});
  CHECK(f.Outcome() == "404");
}

TEST_CASE("subscriptions: removed with what waits, or without") {
  TopicsFixture f;
  for (const auto& [query, cancels] : {std::pair("", true), {"?pending=cancel", true}, {"?pending=keep", false}}) {
    f.Ask("DELETE", std::string("/v1/subscriptions/s") + query, "", {{"If-Match", "*"}});
    CHECK(f.Asked<SubscriptionDelete>().cancel_pending == cancels);
    CHECK(f.Asked<SubscriptionDelete>().condition.present);
  }
  f.Answered(Removed{});
  CHECK(f.Answer().status == 204);
  CHECK(f.Answer().body.empty());
  f.Ask("DELETE", "/v1/subscriptions/s?pending=drop");
  CHECK(f.Outcome() == "422 /pending");
  f.Ask("DELETE", "/v1/subscriptions/s?nope=1");
  CHECK(f.Outcome() == "422 /nope");
}

TEST_CASE("events: what is published, one, several, each to its topic") {
  TopicsFixture f;
  REQUIRE(f.Publish(R"({"data":{"n": 1.50},"key":"k","labels":{"b":"2","a":"1"},"delay_ms":9,"idempotency_key":"i","caller":"c"})",
                    {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}) == "posted");
  const EventItem& event = f.Asked<Publish>().events.at(0);
  CHECK_FALSE(f.Asked<Publish>().batch);
  CHECK_FALSE(f.Asked<Publish>().strict);
  CHECK(event.topic == "a.b");
  CHECK(event.payload_kind == PayloadKind::kData);
  CHECK(event.payload == R"({"n": 1.50})");
  CHECK(event.key == "k");
  CHECK(*event.labels == Labels{{"a", "1"}, {"b", "2"}});
  CHECK(event.when.ms == 9);
  CHECK(event.caller == "c");
  CHECK(event.idempotency_key == "i");
  CHECK(event.fields != Fingerprint());
  CHECK(event.trace_parent.size() == 55);

  REQUIRE(f.Publish(R"([{"body":"x","content_type":"text/plain"},{"body_base64":"AAE="}])") == "posted");
  CHECK(f.Asked<Publish>().batch);
  CHECK(f.Asked<Publish>().events.at(0).content_type == "text/plain");
  CHECK(f.Asked<Publish>().events.at(1).payload == std::string("\0\1", 2));
  CHECK(f.Asked<Publish>().events.at(1).caller == "unknown");

  f.Ask("POST", "/v1/publish", R"([{"topic":"a","data":1},{"topic":"b.c","data":2}])");
  CHECK(f.Asked<Publish>().events.at(1).topic == "b.c");
  REQUIRE(f.Publish("{}", {{"Idempotency-Key", "h"}}) == "posted");
  CHECK(f.Asked<Publish>().events.at(0).idempotency_key == "h");
}

TEST_CASE("events: the same fields give the same print, whatever their order, and others another") {
  TopicsFixture f;
  auto print = [&](const std::string& body) {
    REQUIRE(f.Publish(body) == "posted");
    return f.Asked<Publish>().events.at(0).fields;
  };
  const Fingerprint first = print(R"({"data":1,"key":"k","idempotency_key":"i"})");
  CHECK(print(R"({"key":"k","idempotency_key":"j","data":1})") == first);
  CHECK_FALSE(print(R"({"data":2,"key":"k","idempotency_key":"i"})") == first);
  for (const char* same : {R"("labels":{})", R"("delay_ms":0)", R"("fkey":null)", R"("caller":"unknown")", R"("due_at":null)"})
    CHECK(print(std::string(R"({"data":1,"key":"k","idempotency_key":"i",)") + same + "}") == first);
  for (const char* other : {R"("labels":{"a":"b"})", R"("delay_ms":1)", R"("fkey":"f")", R"("caller":"me")", R"("due_at":1893456000000)"})
    CHECK_FALSE(print(std::string(R"({"data":1,"key":"k","idempotency_key":"i",)") + other + "}") == first);
  CHECK_FALSE(print(R"({"data":1,"key":"l","idempotency_key":"i"})") == first);
  CHECK_FALSE(print(R"({"body":"1","key":"k","idempotency_key":"i"})") == first);
}

TEST_CASE("events: what cannot be published is refused with its place; of several with its index") {
  TopicsFixture f;
  const std::pair<const char*, const char*> cases[] = {
      {R"({"data":1,"body":"x"})", "422 /body"},
      {R"({"topic":"a","data":1})", "422 /topic"},
      {R"({"url":"http://h/"})", "422 /url"},
      {R"({"lane":"l"})", "422 /lane"},
      {R"({"nope":1})", "422 /nope"},
      {R"({"key":""})", "422 /key"},
      {R"({"data":1,"content_type":"text/plain"})", "422 /content_type"},
      {R"({"content_type":"text/plain"})", "422 /content_type"},
      {R"([{"data":1},{"nope":1}])", "422 /1/nope"},
      {R"([])", "422"},
      {R"([{},{},{},{},{},{}])", "413"},
      {R"({"data":)", "400"},
  };
  for (const auto& [body, outcome] : cases) {
    CAPTURE(body);
    CHECK(f.Publish(body) == outcome);
  }
  CHECK(f.Publish(R"({"key":")" + std::string(256, 'k') + "\"}") == "422 /key");
  CHECK(f.Publish(R"({"body":")" + std::string(1001, 'x') + "\"}") == "413 /body");
  CHECK(f.Publish("[{},{}]", {{"Idempotency-Key", "h"}}) == "422");
  f.Ask("POST", "/v1/publish", R"([{"data":1}])");
  CHECK(f.Outcome() == "422 /0/topic");
  f.Ask("POST", "/v1/publish", R"([{"topic":"a"},{"topic":"a b"}])");
  CHECK(f.Outcome() == "422 /1/topic");
}

TEST_CASE("events: each line of a bulk is published by itself, in order") {
  TopicsFixture f;
  REQUIRE(f.Open({{"Content-Type", "application/x-ndjson"}}, "/v1/topics/a.b/publish"));
  f.api.OnBody(f.last_token, "{\"data\":1}\n{\"nope\":1}\n{\"data\":2}\n");
  f.api.OnBodyEnd(f.last_token);
  CHECK(f.Asked<Publish>().events.at(0).topic == "a.b");
  CHECK(f.Asked<Publish>().events.at(0).payload == "1");
  f.Answered(Published{{{NotifyId{5}, 3, false, false}}, false});
  CHECK(f.Asked<Publish>().events.at(0).payload == "2");
  f.Reply(Refused{Status(Code::kUnacceptable, "why", "/data"), {}});
  CHECK(f.Streamed().ended);
  std::istringstream lines(f.Streamed().text);
  std::string line;
  REQUIRE(std::getline(lines, line));
  CHECK(line == R"({"index":0,"id":"n0000000000000005","matched":3})");
  for (const char* field : {"/nope", "/data"}) {
    REQUIRE(std::getline(lines, line));
    CHECK(Json(line).At("/error/field") == field);
  }
  CHECK_FALSE(std::getline(lines, line));

  REQUIRE(f.Open({{"Content-Type", "application/x-ndjson"}}, "/v1/publish"));
  f.api.OnBody(f.last_token, "{\"topic\":\"c\",\"data\":1}\n");
  CHECK(f.Asked<Publish>().events.at(0).topic == "c");
  f.Ask("POST", "/v1/topics/a..b/publish", "{}", {{"Content-Type", "application/x-ndjson"}});
  CHECK(f.Outcome() == "422 /topic");
}

TEST_CASE("events: an answer to what was published") {
  TopicsFixture f;
  f.Publish("{}");
  f.Answered(Published{{{NotifyId{5}, 3, false, false}}, false});
  CHECK(f.Answer().status == 201);
  CHECK(f.Header("Location") == "/v1/events/n0000000000000005");
  CHECK(f.Answer().body == R"({"id":"n0000000000000005","matched":3})");
  f.Publish("{}");
  f.Answered(Published{{{NotifyId{5}, std::nullopt, true, false}}, false});
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().body == R"({"id":"n0000000000000005","matched":null,"duplicate":true})");
}

TEST_CASE("events: looked at, listed and replayed") {
  TopicsFixture f;
  f.Ask("GET", "/v1/events/n0000000000000005?limit=7&cursor=n0000000000000009");
  CHECK(f.Asked<EventGet>().id == NotifyId{5});
  CHECK(f.Asked<EventGet>().limit == 7);
  CHECK(f.Asked<EventGet>().above == NotifyId{9});
  f.Ask("GET", "/v1/events/nothing");
  CHECK(f.Outcome() == "404");
  f.Ask("GET", "/v1/topics/a/events?cursor=n0000000000000009");
  CHECK(f.Asked<EventList>().below == NotifyId{9});
  f.Ask("GET", "/v1/topics/a/events?cursor=x");
  CHECK(f.Outcome() == "422 /cursor");
  f.Ask("GET", "/v1/topics/a/events?cursor=" + NotifyId::Of(7, 9).ToString());
  CHECK(f.Outcome() == "422 /cursor");

  f.Ask("POST", "/v1/events/n0000000000000005/replay");
  CHECK(f.Asked<EventReplay>().idempotency_key.empty());
  f.Ask("POST", "/v1/events/n0000000000000005/replay", R"({"idempotency_key":"i"})");
  CHECK(f.Asked<EventReplay>().idempotency_key == "i");
  f.Ask("POST", "/v1/subscriptions/s/replay", R"({"from":"2026-11-01T00:00:00Z","to":1793577600000,"idempotency_key":"i"})");
  const SubscriptionReplay replay = f.Asked<SubscriptionReplay>();
  CHECK(replay.from == *ParseRfc3339("2026-11-01T00:00:00Z"));
  CHECK(replay.to == WallTime{1'793'577'600'000});
  f.Ask("POST", "/v1/subscriptions/s/replay", R"({"from":"2026-11-01T00:00:01Z","to":1793577600000,"idempotency_key":"i"})");
  CHECK_FALSE(f.Asked<SubscriptionReplay>().fields == replay.fields);
  f.Ask("POST", "/v1/subscriptions/s/replay", R"({"from":"2026-11-02T00:00:00Z","to":"2026-11-01T00:00:00Z"})");
  CHECK(f.Outcome() == "422 /to");
  f.Ask("POST", "/v1/subscriptions/s/replay", R"({"nope":1})");
  CHECK(f.Outcome() == "422 /nope");
  f.Ask("POST", "/v1/subscriptions/s/apply", R"({"cursor":"n0000000000000009"})");
  CHECK(f.Asked<SubscriptionApply>().above == NotifyId{9});
  CHECK(f.Asked<SubscriptionApply>().condition.IsDefault());
  for (const char* body : {"", R"({"cursor":"n0000000000000009"})"}) {
    f.Ask("POST", "/v1/subscriptions/s/apply", body, {{"If-Match", ETagOfBytes("x")}});
    CHECK(f.Asked<SubscriptionApply>().condition.prints == std::vector{FingerprintOf("x")});
    f.Ask("POST", "/v1/subscriptions/s/apply", body, {{"If-Match", "x"}});
    CHECK(f.Outcome() == "400");
  }
  f.Ask("POST", "/v1/subscriptions/s/apply", R"({"cursor":"n0000000000000009"})");
  f.Answered(Applied{5, {}});
  CHECK(f.Answer().body == R"({"count":5,"next":null})");
}

}  // namespace
}  // namespace notifyd
