// Routing and queries: what requests become, what they are refused for, and how what they ask for looks.
#include "api_fixture.h"
#include "net/api/fields.h"
#include "net/api/json_shape.h"
#include "net/api/routes.h"

namespace notifyd {
namespace {

constexpr const char* kAskedId = "n000000000000001f";

TEST_CASE("list: items come without their bodies, with a cursor to go on") {
  ApiFixture f;
  f.Submit(R"({"url":"http://h/","data":{"x":1}})");
  auto record = std::make_shared<const NotifyRecord>(f.RecordOf(f.Item()));
  uint64_t token = f.Ask("GET", "/v1/notifies?limit=1");
  f.api.OnReply({{3, token}, Listed{{{record, State::kReady}}, NotifyId{0x1f}}});
  Json json(f.Answer().body);
  CHECK(json.At("/items/0/id") == kAskedId);
  CHECK(json.At("/items/0/url") == "http://h/");
  CHECK(json.Has("/items/0/attempts_made"));
  for (const char* absent : {"/items/0/data", "/items/0/body", "/items/0/body_base64", "/items/0/attempts"}) CHECK_FALSE(json.Has(absent));
  std::string next = json.At("/next");
  f.Ask("GET", "/v1/notifies?cursor=" + next);
  CHECK(f.Posted<ListRequest>().query.below == NotifyId{0x1f});
  f.api.OnReply({{3, f.last_token}, Listed{}});
  CHECK(f.Answer().body == R"({"items":[],"next":null})");
}

TEST_CASE("list: filters") {
  ApiFixture f;
  f.Ask("GET",
        "/v1/"
        "notifies?state=held,failed,held&lane=http%3A%2F%2Fh%2F&mode=fifo&caller=a+b&created_after=2023-11-14T22%3A13%3A20Z&created_before="
        "31536000000&limit="
        "1000&fkey=a%2Fb&fkey_prefix=a&url_prefix=http%3A%2F%2Fh%2Fx%3F&label=team:a&label=env%3Ab:c&host=Shop.example:81&settled_after="
        "31536000000&settled_before=31536000001");
  const ListQuery& query = f.Posted<ListRequest>().query;
  CHECK(query.states == std::vector<State>{State::kHeld, State::kFailed});
  CHECK(query.lane == "http://h/");
  CHECK(query.mode == Mode::kFifo);
  CHECK(query.caller == "a b");
  CHECK(query.created_after == WallTime{1'700'000'000'000});
  CHECK(query.created_before == WallTime{31'536'000'000});
  CHECK(query.limit == 1000);
  CHECK(query.fkey == "a/b");
  CHECK(query.fkey_prefix == "a");
  CHECK(query.url_prefix == "http://h/x?");
  CHECK(query.labels == Labels{{"team", "a"}, {"env", "b:c"}});
  CHECK(query.host == "shop.example:81");
  CHECK(query.settled_after == WallTime{31'536'000'000});
  CHECK(query.settled_before == WallTime{31'536'000'001});
  CHECK_FALSE(query.oldest_first);
  f.Ask("GET",
        "/v1/notifies?error=timeout&service=shop&topic=order.paid&subscription=mail&schedule=nightly&event=n000000000000001f&"
        "group_id=n0000000000000020&id=n0000000000000021");
  const ListQuery& flows = f.Posted<ListRequest>().query;
  CHECK(flows.error == "timeout");
  CHECK(flows.service == "shop");
  CHECK(flows.topic == "order.paid");
  CHECK(flows.subscription == "mail");
  CHECK(flows.schedule == "nightly");
  CHECK(flows.event == NotifyId{0x1f});
  CHECK(flows.only == NotifyId{0x21});
  CHECK(flows.group == NotifyId{0x20});
  f.Ask("GET", "/v1/notifies");
  CHECK(f.Posted<ListRequest>().query.limit == 100);
  CHECK(f.Posted<ListRequest>().query.states.empty());
}

TEST_CASE("requests: what they are refused for") {
  struct Row {
    const char *method, *target, *outcome;
  };
  auto row = GENERATE(values<Row>({
      {"GET", "/v1/notifies?state=", "422 /state"},
      {"GET", "/v1/notifies?state=held,", "422 /state"},
      {"GET", "/v1/notifies?state=open", "422 /state"},
      {"GET", "/v1/notifies?lane=", "422 /lane"},
      {"GET", "/v1/notifies?mode=x", "422 /mode"},
      {"GET", "/v1/notifies?caller=", "422 /caller"},
      {"GET", "/v1/notifies?created_after=x", "422 /created_after"},
      {"GET", "/v1/notifies?created_before=", "422 /created_before"},
      {"GET", "/v1/notifies?created_after=1893456000", "422 /created_after"},
      {"GET", "/v1/notifies?created_after=1000000000", "422 /created_after"},
      {"GET", "/v1/notifies?created_before=31535999999", "422 /created_before"},
      {"GET", "/v1/notifies?created_before=-1e30", "422 /created_before"},
      {"GET", "/v1/notifies?limit=0", "422 /limit"},
      {"GET", "/v1/notifies?limit=1001", "422 /limit"},
      {"GET", "/v1/notifies?limit=1x", "422 /limit"},
      {"GET", "/v1/notifies?limit=", "422 /limit"},
      {"GET", "/v1/notifies?cursor=x", "422 /cursor"},
      {"GET", "/v1/notifies?limit=1&limit=2", "422 /limit"},
      {"GET", "/v1/notifies?nope=1", "422 /nope"},
      {"GET", "/v1/notifies?fkey=", "422 /fkey"},
      {"GET", "/v1/notifies?fkey_prefix=", "422 /fkey_prefix"},
      {"GET", "/v1/notifies?url_prefix=", "422 /url_prefix"},
      {"GET", "/v1/notifies?error=", "422 /error"},
      {"GET", "/v1/notifies?group_id=7x", "422 /group_id"},
      {"GET", "/v1/notifies?event=n0", "422 /event"},
      {"GET", "/v1/notifies?topic=", "422 /topic"},
      {"GET", "/v1/notifies?label=", "422 /label"},
      {"GET", "/v1/notifies?label=a", "422 /label"},
      {"GET", "/v1/notifies?label=:a", "422 /label"},
      {"GET", "/v1/notifies?host=", "422 /host"},
      {"GET", "/v1/notifies?host=a%2Fb", "422 /host"},
      {"GET", "/v1/notifies?host=a&host=b", "422 /host"},
      {"GET", "/v1/notifies?settled_after=x", "422 /settled_after"},
      {"GET", "/v1/notifies?caller=%", "400"},
      {"GET", "/v1/notifies?caller=%ff", "400"},
      {"GET", "/v1/notifies/n000000000000001f?wait_ms=60001", "422 /wait_ms"},
      {"GET", "/v1/notifies/n000000000000001f?wait_ms=-1", "422 /wait_ms"},
      {"GET", "/v1/notifies/n000000000000001f?wait_ms=", "422 /wait_ms"},
      {"GET", "/v1/notifies/n000000000000001f?x=1", "422 /x"},
      {"GET", "/v1/notifies/n000000000000001F", "404"},
      {"GET", "/v1/notifies/017", "404"},
      {"DELETE", "/v1/notifies/x", "404"},
      {"POST", "/v1/notifies/x/retry", "404"},
      {"GET", "/v1/notifies/%zz", "400"},
      {"GET", "/nope", "404"},
      {"POST", "/v1/notifies?x=1", "422 /x"},
      {"PATCH", "/v1/notifies/n000000000000001f", "400"},
      {"PATCH", "/v1/notifies/x", "404"},
      {"PATCH", "/v1/notifies/n000000000000001f?x=1", "422 /x"},
      {"GET", "/v1/notifies/x/explain", "404"},
      {"GET", "/v1/notifies/n000000000000001f/explain?x=1", "422 /x"},
      {"POST", "/v1/notifies", "400"},
      {"POST", "/v1/notifies/retry", "400"},
      {"POST", "/v1/notifies/cancel", "400"},
      {"POST", "/v1/notifies/purge", "400"},
      {"POST", "/v1/notifies/purge?state=failed", "422 /state"},
      {"GET", "/v1/lanes?limit=0", "422 /limit"},
      {"GET", "/v1/lanes?limit=1001", "422 /limit"},
      {"GET", "/v1/lanes?prefix=", "422 /prefix"},
      {"GET", "/v1/lanes?cursor=", "422 /cursor"},
      {"GET", "/v1/lanes?cursor=Zg", "422 /cursor"},
      {"GET", "/v1/lanes?cursor=eGE", "422 /cursor"},
      {"GET", "/v1/lanes?cursor=Zng=", "422 /cursor"},
      {"GET", "/v1/lanes?mode=fifo", "422 /mode"},
      {"GET", "/v1/lanes/nope/x", "404"},
      {"GET", "/v1/lanes/fifo", "404"},
      {"GET", "/v1/lanes/fifo/", "404"},
      {"GET", "/v1/lanes/fifo/a/b", "404"},
      {"GET", "/v1/lanes/fifo/%ff", "422 /name"},
      {"GET", "/v1/lanes/fifo/a%00", "422 /name"},
      {"GET", "/v1/lanes/fifo/x?x=1", "422 /x"},
      {"PATCH", "/v1/lanes/nope/x", "404"},
      {"PATCH", "/v1/lanes/fifo/x", "400"},
      {"POST", "/v1/fkeys/f/trigger?remember_ms=0", "422 /remember_ms"},
      {"POST", "/v1/fkeys/f/trigger?remember_ms=2592000001", "422 /remember_ms"},
      {"POST", "/v1/fkeys/f/trigger?remember_ms=1d", "422 /remember_ms"},
      {"POST", "/v1/fkeys/f/trigger?remember_ms=1&remember_ms=1", "422 /remember_ms"},
      {"POST", "/v1/fkeys/f/trigger?x=5", "422 /x"},
      {"POST", "/v1/fkeys/%ff/trigger", "422 /fkey"},
      {"GET", "/v1/fkeys/%00", "422 /fkey"},
      {"GET", "/v1/stats?x=1", "422 /x"},
  }));
  CAPTURE(row.method, row.target);
  ApiFixture f;
  f.Ask(row.method, row.target);
  CHECK(f.Outcome() == row.outcome);
  CHECK(f.sink.events.empty());
}

TEST_CASE("ids: one may be said in decimal") {
  ApiFixture f;
  f.Ask("GET", "/v1/notifies/31");
  CHECK(f.Posted<GetRequest>().id == NotifyId{31});
  f.Ask("DELETE", "/v1/notifies/31");
  CHECK(f.Posted<CancelRequest>().id == NotifyId{31});
  f.Ask("GET", "/v1/notifies?event=31");
  CHECK(f.Posted<ListRequest>().query.event == NotifyId{31});
  CHECK(ReadId("9223372036854775807") == NotifyId{INT64_MAX});
  CHECK(ReadId(kAskedId) == NotifyId{31});
  for (const char* none :
       {"0", "031", "-1", "+1", "1.0", "31x", "9223372036854775808", "18446744073709551615", "18446744073709551647", "99999999999999999999", ""})
    CHECK_FALSE(ReadId(none));
}

TEST_CASE("methods: a known path names those that it takes") {
  struct Row {
    const char *method, *target, *allow;
  };
  auto row = GENERATE(values<Row>({{"PUT", "/v1/notifies", "GET, HEAD, POST"},
                                   {"OPTIONS", "/v1/notifies", "GET, HEAD, POST"},
                                   {"POST", "/v1/notifies/n000000000000001f", "GET, HEAD, PATCH, DELETE"},
                                   {"GET", "/v1/notifies/n000000000000001f/retry", "POST"},
                                   {"GET", "/v1/notifies/purge", "POST"},
                                   {"DELETE", "/v1/notifies/retry", "POST"},
                                   {"POST", "/v1/notifies/n000000000000001f/explain", "GET, HEAD"},
                                   {"POST", "/v1/lanes", "GET, HEAD"},
                                   {"POST", "/v1/fkeys/f", "GET, HEAD, DELETE"},
                                   {"GET", "/v1/fkeys/f/trigger", "POST"},
                                   {"DELETE", "/v1/lanes/fifo/x", "GET, HEAD, PATCH"},
                                   {"POST", "/v1/stats", "GET, HEAD"},
                                   {"get", "/metrics", "GET, HEAD"},
                                   {"POST", "/healthz", "GET, HEAD"},
                                   {"DELETE", "/readyz", "GET, HEAD"}}));
  CAPTURE(row.method, row.target);
  ApiFixture f;
  f.Ask(row.method, row.target);
  CHECK(f.Outcome() == "405");
  CHECK(f.Header("Allow") == row.allow);
}

TEST_CASE("methods: OPTIONS * names those that any path takes") {
  ApiFixture f;
  f.Ask("OPTIONS", "*");
  CHECK(f.Outcome() == "204");
  CHECK(f.Header("Allow") == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  CHECK(f.Answer().body.empty());
  f.Ask("OPTIONS", "*", "", {{"Host", "elsewhere.example"}});
  CHECK(f.Outcome() == "421");
  f.Ask("GET", "*");
  CHECK(f.Outcome() == "404");
}

TEST_CASE("requests: the events that they become") {
  ApiFixture f;
  f.Ask("GET", std::string("/v1/notifies/") + kAskedId + "?wait_ms=60000", "ignored");
  CHECK(f.Posted<GetRequest>().id == NotifyId{0x1f});
  CHECK(f.Posted<GetRequest>().wait_ms == 60000);
  CHECK(f.Posted<GetRequest>().request == RequestId{3, f.last_token});
  f.Ask("HEAD", std::string("/v1/notifies/") + kAskedId);
  CHECK(f.Posted<GetRequest>().wait_ms == 0);
  f.Ask("DELETE", std::string("/v1/notifies/") + kAskedId, "{}");
  CHECK(f.Posted<CancelRequest>().id == NotifyId{0x1f});
  f.Ask("POST", std::string("/v1/notifies/") + kAskedId + "/retry");
  CHECK(f.Posted<RetryRequest>().id == NotifyId{0x1f});
  f.Ask("GET", "/v1/fkeys/a%2Fb%C3%A9");
  CHECK(f.Posted<FkeyGetRequest>().fkey == "a/b\xc3\xa9");
  f.Ask("DELETE", "/v1/fkeys/a+b");
  CHECK(f.Posted<FkeyCancelRequest>().fkey == "a+b");
}

TEST_CASE("requests: where no body is read none, or an empty object, is taken, and a field is refused by its name") {
  size_t rows = 0;
  for (const RouteRow& row : AllRoutes()) {
    if (!row.bodiless()) continue;
    ++rows;
    const std::string method = row.verb == Verb::kDelete ? "DELETE" : "POST";
    std::string target(row.path);
    for (const auto& [argument, value] : {std::pair<std::string, std::string>{"{id}", kAskedId},
                                          {"{ns}", "default"},
                                          {"{host}", "h:1"},
                                          {"{fkey}", "x"},
                                          {"{topic}", "x"},
                                          {"{name}", "x"}})
      if (const size_t at = target.find(argument); at != target.npos) target.replace(at, argument.size(), value);
    CAPTURE(method, target);
    const auto outcome = [&](const std::string& body, Headers headers = {}) {
      ApiFixture f;
      f.Ask(method, target, body, std::move(headers));
      return f.Outcome();
    };
    for (const char* nothing : {"", "{}", " { }\n", "[]", "null", "\r\n"}) CHECK(outcome(nothing) == outcome(""));
    for (const char* nothing : {"", "{}", "[]"}) CHECK(outcome(nothing, {{"Content-Type", "application/x-www-form-urlencoded"}}) == outcome(""));
    CHECK(outcome(R"({"delay_ms":500000})") == "422 /delay_ms");
    CHECK(outcome(R"({"state":"succeeded"})", {{"Notify-Via", "1.1 another"}}) == outcome(""));
    CHECK(outcome("[{}]") == "422");
    CHECK(outcome("7") == "422");
    CHECK(outcome("{bad}") == "400");
    CHECK(outcome(R"({"delay_ms":1})", {{"Content-Type", "text/plain"}}) == "415");
    CHECK(outcome("delay_ms=1", {{"Content-Type", "application/x-www-form-urlencoded"}}) == "415");
    CHECK(outcome(R"({"delay_ms":1})" + std::string(kLargeJsonBytes, ' ')) == "413");
  }
  CHECK(rows > 15);
}

TEST_CASE("fkeys: 255 bytes are taken, more are not") {
  ApiFixture f;
  f.Ask("GET", "/v1/fkeys/" + std::string(255, 'x'));
  CHECK(f.Outcome() == "posted");
  f.Ask("GET", "/v1/fkeys/" + std::string(256, 'x'));
  CHECK(f.Outcome() == "422 /fkey");
}

TEST_CASE("trigger: without a body it says nothing more") {
  ApiFixture f;
  f.Ask("POST", "/v1/fkeys/f/trigger", "", {{"Content-Type", "text/plain"}});
  const TriggerRequest& trigger = f.Posted<TriggerRequest>();
  CHECK(trigger.fkey == "f");
  CHECK_FALSE(trigger.data);
  CHECK(trigger.when.kind == When::Kind::kDefault);
}

TEST_CASE("trigger: data is kept digit for digit, a time postpones") {
  ApiFixture f;
  f.Ask("POST", "/v1/fkeys/f/trigger", R"({"data": {"a":1.0} ,"delay_ms":5,"due_at":null})");
  CHECK(f.Posted<TriggerRequest>().data == R"({"a":1.0})");
  CHECK(f.Posted<TriggerRequest>().when.kind == When::Kind::kDelay);
  CHECK(f.Posted<TriggerRequest>().when.ms == 5);
}

TEST_CASE("trigger: bad bodies") {
  struct Row {
    const char *body, *outcome;
  };
  auto row = GENERATE(values<Row>({{"{", "400"},
                                   {"[]", "422"},
                                   {"[{}]", "422"},
                                   {"7", "422"},
                                   {R"({"x":1})", "422 /x"},
                                   {R"({"data":[1]})", "422 /data"},
                                   {R"({"data":{"a":1,"a":2}})", "422 /data/a"},
                                   {R"({"delay_ms":-1})", "422 /delay_ms"},
                                   {R"({"delay_ms":1,"due_at":1})", "422 /due_at"},
                                   {R"({"due_at":"x"})", "422 /due_at"}}));
  CAPTURE(row.body);
  ApiFixture f;
  f.Ask("POST", "/v1/fkeys/f/trigger", row.body);
  CHECK(f.Outcome() == row.outcome);
  f.Ask("POST", "/v1/fkeys/f/trigger", "{}", {{"Content-Type", "text/plain"}});
  CHECK(f.Outcome() == "415");
}

TEST_CASE("trigger: a fresh one answers 202, a repeat 200") {
  ApiFixture f;
  f.api.OnReply({{3, f.Ask("POST", "/v1/fkeys/f/trigger")}, Triggered{NotifyId{0x1f}, State::kReady, true}});
  CHECK(f.Answer().status == 202);
  CHECK(f.Answer().body == R"({"id":"n000000000000001f","state":"ready"})");
  f.api.OnReply({{3, f.Ask("POST", "/v1/fkeys/f/trigger")}, Triggered{NotifyId{0x1f}, State::kSending, false}});
  CHECK(f.Answer().status == 200);
}

TEST_CASE("trigger: remember_ms goes with it, and what is remembered answers 202") {
  ApiFixture f;
  f.Ask("POST", "/v1/fkeys/f/trigger?remember_ms=2592000000", R"({"data":{"a":1}})");
  CHECK(f.Posted<TriggerRequest>().remember_ms == 2'592'000'000);
  CHECK(f.Posted<TriggerRequest>().data == R"({"a":1})");
  f.Reply(Remembered{});
  CHECK(f.Answer().status == 202);
  CHECK(f.Answer().body == R"({"remembered":true})");
  f.Ask("POST", "/v1/fkeys/f/trigger");
  CHECK(f.Posted<TriggerRequest>().remember_ms == 0);
}

TEST_CASE("explain: reasons in order, and when") {
  ApiFixture f;
  f.Ask("GET", std::string("/v1/notifies/") + kAskedId + "/explain");
  CHECK(f.Posted<ExplainRequest>().id == NotifyId{0x1f});
  f.Reply(Explained{NotifyId{0x1f}, State::kScheduled, {{"not_due", "due in 5 s"}, {"lane_paused", "by \"request\""}}, WallTime{1'700'000'005'000}});
  CHECK(f.Answer().body == R"({"id":"n000000000000001f","state":"scheduled","reasons":[{"code":"not_due","detail":"due in 5 s"},)"
                           R"({"code":"lane_paused","detail":"by \"request\""}],"expected_at":"2023-11-14T22:13:25.000Z"})");
  f.Ask("HEAD", std::string("/v1/notifies/") + kAskedId + "/explain");
  f.Reply(Explained{NotifyId{0x1f}, State::kHeld, {}, std::nullopt});
  CHECK(Json(f.Answer().body).At("/expected_at") == "null");
}

TEST_CASE("retry: answers 202") {
  ApiFixture f;
  f.api.OnReply({{3, f.Ask("POST", std::string("/v1/notifies/") + kAskedId + "/retry")}, Retried{NotifyId{0x1f}, State::kScheduled}});
  CHECK(f.Answer().status == 202);
  CHECK(f.Answer().body == R"({"id":"n000000000000001f","state":"scheduled"})");
}

StatsView SomeStats() {
  StatsView stats;
  stats.held = 1;
  stats.scheduled = 2;
  stats.ready = 3;
  stats.sending = 4;
  stats.retrying = 5;
  stats.totals.accepted = 30;
  stats.totals.succeeded = 15;
  stats.totals.by_index[Index::kHeld] = 1;
  stats.totals.by_index[Index::kDue] = 9;
  stats.totals.by_index[Index::kRetrying] = 5;
  stats.in_flight = 4;
  return stats;
}

TEST_CASE("stats: what the core and the process know") {
  ApiFixture f;
  f.api.OnReply({{3, f.Ask("GET", "/v1/stats")}, SomeStats()});
  Json json(f.Answer().body);
  CHECK(json.At("/pid") == "42");
  CHECK(json.At("/version") == "1.2.3");
  CHECK(json.At("/started_at") == "2023-11-14T22:13:20.000Z");
  CHECK(json.At("/uptime_ms") == "5000");
  CHECK(json.At("/pending") == "15");
  CHECK(json.At("/states") == R"({"held":1,"scheduled":2,"ready":3,"sending":4,"retrying":5})");
  CHECK(json.At("/totals") == R"({"accepted":30,"revived":0,"succeeded":15,"failed":0,"cancelled":0,"expired":0,"attempts":0,"retries":0})");
  CHECK(json.At("/store/disk_bytes") == "77");
  CHECK(json.At("/memory/rss_bytes") == "1048576");
}

TEST_CASE("probes: healthz always, readyz while submits are taken") {
  ApiFixture f;
  f.ready = false;
  f.Ask("GET", "/healthz");
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().body == R"({"status":"ok"})");
  f.Ask("GET", "/readyz");
  CHECK(f.Outcome() == "503");
  CHECK(f.Header("Retry-After") == "1");
  f.ready = true;
  f.Ask("HEAD", "/readyz");
  CHECK(f.Outcome() == "200");
}

}  // namespace
}  // namespace notifyd
