// /metrics: two steps, and text that a Prometheus server reads.
#include "api_fixture.h"

#include <set>
#include <sstream>

namespace notifyd {
namespace {

StatsView SomeStats() {
  StatsView stats;
  stats.retrying = 5;
  stats.totals.accepted = 30;
  stats.totals.succeeded = 15;
  stats.totals.by_index[Index::kHeld] = 1;
  stats.totals.by_index[Index::kDue] = 9;
  stats.totals.by_index[Index::kRetrying] = 5;
  stats.in_flight = 4;
  return stats;
}

LaneView SomeLane() {
  LaneView lane;
  lane.lane = {Mode::kFifo, "a\\b \"c\"\nd"};
  lane.ready = 3;
  lane.in_flight = 1;
  lane.head_age_ms = 1500;
  lane.limits.paused = Paused::kByFailure;
  return lane;
}

/// The text, after both steps.
std::string Scrape(ApiFixture& f, LanesListed lanes = {}) {
  f.Ask("GET", "/metrics?x=1");
  f.Posted<StatsRequest>();
  f.Reply(SomeStats());
  f.Reply(std::move(lanes));
  return f.Answer().body;
}

TEST_CASE("metrics: the figures of core and process") {
  ApiFixture f;
  std::string text = Scrape(f);
  CHECK(f.Answer().content_type == "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"# TYPE notifyd_accepted_total counter\nnotifyd_accepted_total 30\n", "\nnotifyd_notifies{state=\"retrying\"} 5\n",
        "\nnotifyd_calls_in_flight 4\n", "\nnotifyd_pending 15\n", "\nprocess_cpu_seconds_total 1.5\n", "notifyd_build_info{version=\"1.2.3\"} 1\n",
        "\nprocess_start_time_seconds 1700000000\n", "\nnotifyd_store_memtable_bytes 0\n", "\nnotifyd_store_block_cache_bytes 0\n",
        "\nnotifyd_store_table_readers_bytes 0\n"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
  CHECK(text.find("namespace=") == std::string::npos);
}

TEST_CASE("metrics: the second step asks for the lanes that have settings of their own") {
  ApiFixture f;
  f.Ask("GET", "/metrics");
  f.Reply(SomeStats());
  CHECK_FALSE(f.answered());
  const LanesRequest& lanes = f.Posted<LanesRequest>();
  CHECK(lanes.request == RequestId{3, f.last_token});
  CHECK(lanes.query.configured);
  CHECK(lanes.query.limit == 500);
}

TEST_CASE("metrics: lanes are labels, escaped") {
  ApiFixture f;
  std::string text = Scrape(f, {{SomeLane()}, false, std::nullopt});
  for (const char* line : {R"(
notifyd_lane_pending{lane="a\\b \"c\"\nd",mode="fifo",state="ready"} 3
)",
                           R"(
notifyd_lane_in_flight{lane="a\\b \"c\"\nd",mode="fifo"} 1
)",
                           R"(
notifyd_lane_paused{lane="a\\b \"c\"\nd",mode="fifo"} 1
)",
                           R"(
notifyd_lane_head_age_seconds{lane="a\\b \"c\"\nd",mode="fifo"} 1.5
)"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("metrics: without lanes where these cannot be read, refused where nothing can") {
  ApiFixture f;
  f.Ask("GET", "/metrics");
  f.Reply(SomeStats());
  f.Reply(Refused{Status(Code::kUnavailable, "stopping"), {}});
  CHECK(f.Answer().status == 200);
  f.Ask("GET", "/metrics");
  f.Reply(Refused{Status(Code::kUnavailable, "stopping"), {}});
  CHECK(f.Outcome() == "503");
}

TEST_CASE("metrics: a client that goes away between the steps leaves nothing behind") {
  ApiFixture f;
  uint64_t token = f.Ask("GET", "/metrics");
  f.Reply(SomeStats());
  f.api.OnClose(token);
  CHECK(f.Posted<Disconnected>().request == RequestId{3, token});
  size_t events = f.sink.events.size();
  f.Reply(LanesListed{});
  CHECK_FALSE(f.answered());
  CHECK(f.sink.events.size() == events);
}

TEST_CASE("metrics: histograms are cumulated, in seconds") {
  ApiFixture f;
  f.acknowledgement.histogram.Observe(100);            // on the first bound
  f.acknowledgement.histogram.Observe(200'000);        // 0.25 s
  f.acknowledgement.histogram.Observe(7'200'000'000);  // above the last bound
  std::string text = Scrape(f);
  for (const char* line : {"# HELP notifyd_acknowledgement_seconds From a submit to its answer.\n# TYPE notifyd_acknowledgement_seconds histogram\n"
                           "notifyd_acknowledgement_seconds_bucket{le=\"0.0001\"} 1\n",
                           "_bucket{le=\"0.1\"} 1\n", "_bucket{le=\"0.25\"} 2\n", "_bucket{le=\"3600\"} 2\n", "_bucket{le=\"+Inf\"} 3\n",
                           "notifyd_acknowledgement_seconds_sum 7200.2001\n", "notifyd_acknowledgement_seconds_count 3\n"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("metrics: a submit's acknowledgement is counted, its refusal is not") {
  ApiFixture f;
  f.Submit(R"({"url":"http://h/"})");
  f.Reply(Refused{Status(Code::kTooMany, "full"), {}});
  f.Submit("{");
  f.Ask("GET", "/v1/stats");
  f.Reply(SomeStats());
  CHECK(f.acknowledgement.histogram.Read().count == 0);
  f.Submit(R"({"url":"http://h/"})");
  f.Reply(Submitted{{SubmittedItem()}, false});
  CHECK(f.acknowledgement.histogram.Read().count == 1);
}

TEST_CASE("metrics: every line is a comment or a sample, families are whole and come once") {
  ApiFixture f;
  std::istringstream lines(Scrape(f, {{SomeLane(), SomeLane()}, false, std::nullopt}));
  std::set<std::string> families;
  std::string family, line;
  size_t samples = 0;
  while (std::getline(lines, line)) {
    CAPTURE(line);
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      CHECK(families.insert(family).second);
      continue;
    }
    if (line.starts_with("# TYPE ")) {
      CHECK(line.starts_with("# TYPE " + family + " "));
      continue;
    }
    ++samples;
    std::string name = line.substr(0, line.find_first_of("{ "));
    bool part = name == family + "_bucket" || name == family + "_sum" || name == family + "_count";
    CHECK((name == family || part));
    size_t used = 0;
    std::string value = line.substr(line.rfind(' ') + 1);
    std::stod(value, &used);
    CHECK(used == value.size());
  }
  CHECK(samples > 60);
}

}  // namespace
}  // namespace notifyd
