// Bulk retry, cancel and purge: what their bodies may say, and their answers.
#include "api_fixture.h"

namespace notifyd {
namespace {

constexpr const char* kFailed = R"({"filter":{"state":"failed"}})";

TEST_CASE("bulk: the path says what is done, the rest is by default") {
  struct Row {
    const char* target;
    BulkKind kind;
  };
  auto row = GENERATE(
      values<Row>({{"/v1/notifies/retry", BulkKind::kRetry}, {"/v1/notifies/cancel", BulkKind::kCancel}, {"/v1/notifies/purge", BulkKind::kPurge}}));
  ApiFixture f;
  f.Ask("POST", row.target, kFailed);
  const BulkRequest& bulk = f.Posted<BulkRequest>();
  CHECK(bulk.kind == row.kind);
  CHECK(bulk.query.states == std::vector<State>{State::kFailed});
  CHECK(bulk.query.oldest_first);
  CHECK(bulk.query.limit == 10'000);
  CHECK(bulk.query.above == NotifyId{});
  CHECK_FALSE(bulk.dry_run);
}

TEST_CASE("bulk: every filter of the list, by the same names") {
  ApiFixture f;
  f.Ask("POST", "/v1/notifies/purge",
        R"({"filter":{"state":["failed","expired","failed"],"lane":"l","mode":"fifo","fkey":"f/1","fkey_prefix":"f","caller":"c",
            "url_prefix":"http://h/","created_after":"2023-11-14T22:13:20Z","created_before":1700000000001},
            "cursor":"n000000000000001f","dry_run":true,"limit":1})");
  const BulkRequest& bulk = f.Posted<BulkRequest>();
  CHECK(bulk.query.states == std::vector<State>{State::kFailed, State::kExpired});
  CHECK(bulk.query.lane == "l");
  CHECK(bulk.query.mode == Mode::kFifo);
  CHECK(bulk.query.fkey == "f/1");
  CHECK(bulk.query.fkey_prefix == "f");
  CHECK(bulk.query.caller == "c");
  CHECK(bulk.query.url_prefix == "http://h/");
  CHECK(bulk.query.created_after == WallTime{1'700'000'000'000});
  CHECK(bulk.query.created_before == WallTime{1'700'000'000'001});
  CHECK(bulk.query.above == NotifyId{0x1f});
  CHECK(bulk.query.limit == 1);
  CHECK(bulk.dry_run);
}

TEST_CASE("bulk: states with commas, and null as if left out") {
  ApiFixture f;
  f.Ask("POST", "/v1/notifies/retry",
        R"({"filter":{"state":"failed,cancelled","lane":null,"created_after":null},"cursor":null,"dry_run":null,"limit":null})");
  const BulkRequest& bulk = f.Posted<BulkRequest>();
  CHECK(bulk.query.states == std::vector<State>{State::kFailed, State::kCancelled});
  CHECK_FALSE(bulk.query.lane);
  CHECK(bulk.query.limit == 10'000);
}

TEST_CASE("bulk: a filter may lie before 1971 where it is written as a time") {
  ApiFixture f;
  f.Ask("POST", "/v1/notifies/purge", R"({"filter":{"state":"failed","created_before":"1970-01-01T00:00:00.005Z"}})");
  CHECK(f.Posted<BulkRequest>().query.created_before == WallTime{5});
}

TEST_CASE("bulk: a filter's time may be any number of milliseconds but those that look like seconds") {
  ApiFixture f;
  f.Ask("POST", "/v1/notifies/retry", R"({"filter":{"state":"failed","created_after":0}})");
  CHECK(f.Posted<BulkRequest>().query.created_after == WallTime{0});
  f.Ask("POST", "/v1/notifies/purge", R"({"filter":{"state":"failed","created_after":1893456000}})");
  CHECK(f.Outcome() == "422 /filter/created_after");
}

TEST_CASE("bulk: labels, a host and the time of their end are filters, too") {
  ApiFixture f;
  f.Ask("POST", "/v1/notifies/purge", R"({"filter":{"state":"failed","label":["a:b","c:d"],"host":"h:81","settled_before":1700000000005}})");
  const ListQuery query = f.Posted<BulkRequest>().query;
  CHECK(query.labels == Labels{{"a", "b"}, {"c", "d"}});
  CHECK(query.host == "h:81");
  CHECK(query.settled_before == WallTime{1'700'000'000'005});
  f.Ask("POST", "/v1/notifies/purge", R"({"filter":{"state":"failed","label":"a:b"}})");
  CHECK(f.Posted<BulkRequest>().query.labels == Labels{{"a", "b"}});
}

TEST_CASE("bulk: bad bodies are refused with the field at fault, and nothing is posted") {
  struct Row {
    const char *body, *outcome;
  };
  auto row = GENERATE(values<Row>({
      {"", "400"},
      {"{", "400"},
      {"\"\\ud800\"", "400"},
      {"[]", "422"},
      {"[{}]", "422"},
      {"7", "422"},
      {"{}", "422 /filter"},
      {R"({"filter":null})", "422 /filter"},
      {R"({"filter":[]})", "422 /filter"},
      {R"({"filter":"state=failed"})", "422 /filter"},
      {R"({"filter":{}})", "422 /filter/state"},
      {R"({"filter":{"lane":"l"}})", "422 /filter/state"},
      {R"({"filter":{"state":null}})", "422 /filter/state"},
      {R"({"filter":{"state":[]}})", "422 /filter/state"},
      {R"({"filter":{"state":""}})", "422 /filter/state"},
      {R"({"filter":{"state":"open"}})", "422 /filter/state"},
      {R"({"filter":{"state":"failed,"}})", "422 /filter/state"},
      {R"({"filter":{"state":5}})", "422 /filter/state"},
      {R"({"filter":{"state":["failed",5]}})", "422 /filter/state/1"},
      {R"({"filter":{"state":["failed,held"]}})", "422 /filter/state/0"},
      {R"({"filter":{"state":["open"]}})", "422 /filter/state/0"},
      {R"({"filter":{"state":"failed","state":"held"}})", "422 /filter/state"},
      {R"({"filter":{"state":"failed","nope":1}})", "422 /filter/nope"},
      {R"({"filter":{"state":"failed","limit":1}})", "422 /filter/limit"},
      {R"({"filter":{"state":"failed","lane":""}})", "422 /filter/lane"},
      {R"({"filter":{"state":"failed","lane":5}})", "422 /filter/lane"},
      {R"({"filter":{"state":"failed","mode":"lifo"}})", "422 /filter/mode"},
      {R"({"filter":{"state":"failed","fkey_prefix":""}})", "422 /filter/fkey_prefix"},
      {R"({"filter":{"state":"failed","url_prefix":{}}})", "422 /filter/url_prefix"},
      {R"({"filter":{"state":"failed","label":["a:b","c"]}})", "422 /filter/label/1"},
      {R"({"filter":{"state":"failed","label":[1]}})", "422 /filter/label/0"},
      {R"({"filter":{"state":"failed","created_after":1.5}})", "422 /filter/created_after"},
      {R"({"filter":{"state":"failed","created_before":"soon"}})", "422 /filter/created_before"},
      {R"({"filter":{"state":"failed","created_after":1893456000}})", "422 /filter/created_after"},
      {R"({"filter":{"state":"failed","created_after":"1893456000"}})", "422 /filter/created_after"},
      {R"({"filter":{"state":"failed","created_before":1893456000}})", "422 /filter/created_before"},
      {R"({"filter":{"state":"failed","created_before":true}})", "422 /filter/created_before"},
      {R"({"filter":{"state":"failed"},"x":1})", "422 /x"},
      {R"({"filter":{"state":"failed"},"data":{}})", "422 /data"},
      {R"({"filter":{"state":"failed"},"limit":0})", "422 /limit"},
      {R"({"filter":{"state":"failed"},"limit":10001})", "422 /limit"},
      {R"({"filter":{"state":"failed"},"limit":"5"})", "422 /limit"},
      {R"({"filter":{"state":"failed"},"limit":5.5})", "422 /limit"},
      {R"({"filter":{"state":"failed"},"cursor":5})", "422 /cursor"},
      {R"({"filter":{"state":"failed"},"cursor":""})", "422 /cursor"},
      {R"({"filter":{"state":"failed"},"dry_run":1})", "422 /dry_run"},
      {R"({"filter":{"state":"failed"},"dry_run":"true"})", "422 /dry_run"},
  }));
  CAPTURE(row.body);
  ApiFixture f;
  f.Ask("POST", "/v1/notifies/purge", row.body);
  CHECK(f.Outcome() == row.outcome);
  CHECK(f.sink.events.empty());
}

TEST_CASE("bulk: JSON only") {
  ApiFixture f;
  f.Ask("POST", "/v1/notifies/retry", kFailed, {{"Content-Type", "application/merge-patch+json"}});
  CHECK(f.Outcome() == "415");
  f.Ask("POST", "/v1/notifies/retry", kFailed, {{"Content-Type", "application/x-ndjson"}});
  CHECK(f.Outcome() == "415");
  f.Ask("POST", "/v1/notifies/retry", kFailed, {{"Content-Encoding", "br"}});
  CHECK(f.Outcome() == "415");
  f.Ask("POST", "/v1/notifies/retry", kFailed, {{"Content-Type", "Application/JSON; charset=utf-8"}});
  CHECK(f.Outcome() == "posted");
}

TEST_CASE("bulk: the answer's next goes in as the cursor") {
  ApiFixture f;
  f.Ask("POST", "/v1/notifies/cancel", kFailed);
  f.Reply(BulkDone{7, NotifyId{0x1f}});
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().body == R"({"count":7,"next":"n000000000000001f"})");
  f.Ask("POST", "/v1/notifies/cancel", R"({"filter":{"state":"held"},"cursor":"n000000000000001f"})");
  CHECK(f.Posted<BulkRequest>().query.above == NotifyId{0x1f});
  f.Reply(BulkDone{0, NotifyId{}});
  CHECK(f.Answer().body == R"({"count":0,"next":null})");
}

}  // namespace
}  // namespace notifyd
