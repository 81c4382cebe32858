// Callers and hosts: looking at them, switching them off by hand.
#include "api_fixture.h"
#include "broker/topic_events.h"

namespace notifyd {
namespace {

TEST_CASE("switches: a caller's patch and a host's say what is set, and null goes back to the default") {
  ApiFixture f;
  f.Ask("PATCH", "/v1/callers/shop", R"({"paused":true,"submits_per_s":0.5})");
  CHECK(f.Posted<CallerChangeRequest>().caller == "shop");
  CHECK(f.Posted<CallerChangeRequest>().patch.paused == true);
  CHECK(f.Posted<CallerChangeRequest>().patch.submits_per_s == std::optional<double>(0.5));
  f.Ask("PATCH", "/v1/callers/shop", R"({"submits_per_s":null})");
  REQUIRE(f.Posted<CallerChangeRequest>().patch.submits_per_s);
  CHECK_FALSE(f.Posted<CallerChangeRequest>().patch.submits_per_s->has_value());
  CHECK_FALSE(f.Posted<CallerChangeRequest>().patch.paused);

  f.Ask("PATCH", "/v1/hosts/Shop.example:80", R"({"concurrency":4,"rate_per_s":2,"paused":null})");
  CHECK(f.Posted<HostChangeRequest>().host == "shop.example:80");
  CHECK(f.Posted<HostChangeRequest>().patch.concurrency == std::optional<uint32_t>(4));
  CHECK(f.Posted<HostChangeRequest>().patch.rate_per_s == std::optional<double>(2));
  CHECK(f.Posted<HostChangeRequest>().patch.paused == false);
}

TEST_CASE("switches: lists say by what they are sorted, since when, and from where they go on") {
  ApiFixture f;
  f.Ask("GET", "/v1/callers?sort=late&since_ms=60000&limit=5");
  const CallersQuery callers = f.Posted<CallersRequest>().query;
  CHECK(callers.sort == CallersQuery::Sort::kLate);
  CHECK(callers.since_ms == 60'000);
  CHECK(callers.limit == 5);
  f.Ask("GET", "/v1/callers/shop");
  CHECK(f.Posted<CallersRequest>().query.only == "shop");
  f.Ask("GET", "/v1/hosts?prefix=s&cursor=shop:80");
  CHECK(f.Posted<HostsRequest>().query.prefix == "s");
  CHECK(f.Posted<HostsRequest>().query.after == "shop:80");
  f.Ask("GET", "/v1/hosts/%5B::1%5D:8080");
  CHECK(f.Posted<HostsRequest>().query.only == "[::1]:8080");
  // What is no address goes by its own name.
  f.Ask("GET", "/v1/hosts/command:backup");
  CHECK(f.Posted<HostsRequest>().query.only == "command:backup");
}

TEST_CASE("switches: a host and a metric say that a breaker is open") {
  ApiFixture f;
  f.Ask("GET", "/v1/hosts/h:80");
  HostView host;
  host.host = "h:80";
  f.Reply(HostViewed{host});
  CHECK(f.Answer().body.find(R"("breaker":{"state":"closed","open_since":null,"next_probe":null})") != std::string::npos);
  CHECK(f.Answer().body.find(R"("concurrency":null,"rate_per_s":null,"effective":{"concurrency":null,"rate_per_s":null})") != std::string::npos);
  host.own.concurrency = 4;
  host.effective = {.paused = false, .concurrency = 4, .rate_per_s = 2.5};
  f.Ask("GET", "/v1/hosts/h:80");
  f.Reply(HostViewed{host});
  CHECK(f.Answer().body.find(R"("concurrency":4,"rate_per_s":null,"effective":{"concurrency":4,"rate_per_s":2.5})") != std::string::npos);
  host.breaker = Breaker::State::kOpen;
  host.open_since = WallTime{1'000};
  host.next_probe = WallTime{11'000};
  f.Ask("GET", "/v1/hosts/h:80");
  f.Reply(HostViewed{host});
  CHECK(f.Answer().body.find(R"("breaker":{"state":"open","open_since":"1970-01-01T00:00:01.000Z","next_probe":"1970-01-01T00:00:11.000Z"})") !=
        std::string::npos);
  f.Ask("GET", "/metrics");
  StatsView stats;
  stats.open_breakers = 3;
  stats.breaker_opened = 17;
  stats.topics = std::make_shared<const TopicFigures>(TopicFigures{.published = 1, .skipped = 4, .backlog = 5});
  f.Reply(stats);
  f.Reply(LanesListed());
  CHECK(f.Answer().body.find("\nnotifyd_breakers_open 3\n") != std::string::npos);
  CHECK(f.Answer().body.find("\nnotifyd_breaker_openings_total 17\n") != std::string::npos);
  CHECK(f.Answer().body.find("\nnotifyd_events_published_total 1\n") != std::string::npos);
  CHECK(f.Answer().body.find("\nnotifyd_events_skipped_total 4\n") != std::string::npos);
  CHECK(f.Answer().body.find("\nnotifyd_events_waiting 5\n") != std::string::npos);
}

TEST_CASE("switches: what they are refused for") {
  struct Row {
    const char *method, *target, *body, *outcome;
  };
  auto row = GENERATE(values<Row>({
      {"PATCH", "/v1/callers/c", R"({"paused":1})", "422 /paused"},
      {"PATCH", "/v1/callers/c", R"({"submits_per_s":0})", "422 /submits_per_s"},
      {"PATCH", "/v1/callers/c", R"({"concurrency":1})", "422 /concurrency"},
      {"PATCH", "/v1/callers/c", R"([])", "422"},
      {"PATCH", "/v1/callers/a%09b", R"({"paused":true})", "422 /caller"},
      {"GET", "/v1/callers/a%09b", "", "422 /caller"},
      {"PATCH", "/v1/hosts/h", "{}", "422 /host"},
      {"GET", "/v1/hosts/%5B::1%5D", "", "422 /host"},
      {"PATCH", "/v1/hosts/h:1", R"({"concurrency":0})", "422 /concurrency"},
      {"POST", "/v1/hosts/h/probe", "", "422 /host"},
      {"GET", "/v1/hosts/h:1/probe", "", "405"},
      {"PATCH", "/v1/hosts/h:1", R"({"rate_per_s":-1})", "422 /rate_per_s"},
      {"PATCH", "/v1/hosts/h:1", R"({"submits_per_s":1})", "422 /submits_per_s"},
      {"PATCH", "/v1/hosts/a%2Fb", "{}", "422 /host"},
      {"GET", "/v1/hosts/h:99999", "", "422 /host"},
      {"GET", "/v1/callers?sort=name", "", "422 /sort"},
      {"GET", "/v1/callers?since_ms=0", "", "422 /since_ms"},
      {"GET", "/v1/callers?since_ms=172800001", "", "422 /since_ms"},
      {"GET", "/v1/hosts?sort=late", "", "422 /sort"},
      {"DELETE", "/v1/hosts/h", "", "405"},
  }));
  CAPTURE(row.target, row.body);
  ApiFixture f;
  f.Ask(row.method, row.target, row.body);
  CHECK_THAT(f.Outcome(), Catch::StartsWith(row.outcome));
}

}  // namespace
}  // namespace notifyd
