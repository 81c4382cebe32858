// notifyctl top: what it makes of counters and histograms, one look of it, and its view in a terminal of our own.
#include "cli/client/top_view.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cmath>

#include "base/json_tree.h"
#include "cli/ctl.h"
#include "support/terminal_process.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

std::string Metrics(int fast, int slow) {
  std::string text = "# TYPE notifyd_calls_in_flight gauge\nnotifyd_calls_in_flight 12\n";
  for (const char* name : {"notifyd_lateness_seconds", "notifyd_acknowledgement_seconds"}) {
    auto line = [&](const char* bound, int count) { text += std::string(name) + "_bucket{le=\"" + bound + "\"} " + std::to_string(count) + "\n"; };
    line("0.001", fast);
    line("0.01", fast);
    line("0.1", fast + slow);
    line("+Inf", fast + slow);
    text += std::string(name) + "_sum 1.5\n" + name + "_count " + std::to_string(fast + slow) + "\n";
  }
  return text;
}

std::string Stats(int accepted) {
  return R"({"pid":42,"version":"1.2.3","uptime_ms":65000,"states":{"held":1,"scheduled":2,"ready":3000,"sending":4,"retrying":5},"totals":{"accepted":)" +
         std::to_string(accepted) +
         R"(,"revived":0,"succeeded":0,"failed":0,"cancelled":0,"expired":0,"attempts":0,"retries":0},)"
         R"("store":{"disk_bytes":1048576,"free_bytes":1073741824},"memory":{"rss_bytes":52428800}})";
}

std::string Lane(const std::string& name, int ready, int head_age_ms, bool paused) {
  return "{\"name\":\"" + name + R"(","mode":"fifo","paused":)" + (paused ? "true" : "false") + R"(,"states":{"held":0,"scheduled":0,"ready":)" +
         std::to_string(ready) + R"(,"sending":0,"retrying":0},"in_flight":1,"oldest_due_at":"2030-01-01T00:00:0)" +
         std::to_string(9 - head_age_ms / 1000) + R"(.000Z","head_age_ms":)" + std::to_string(head_age_ms) + ",\"own\":{" +
         (paused ? "\"paused_by\":\"request\"" : "") + "}}";
}

/// A busy broker: a thousand more accepted at each look.
class BusyBroker {
 public:
  BusyBroker() : server_(ScriptedServer::Handler([this](const SeenRequest& request) { return Answer(request); })) {}
  const ScriptedServer& server() const { return server_; }
  ScriptedServer& server() { return server_; }

 private:
  ScriptedAnswer Answer(const SeenRequest& request) {
    if (request.target == "/v1/stats") return {200, Stats(1000 * ++looks_)};
    if (request.target == "/metrics") return {200, Metrics(100 * looks_, looks_), "text/plain"};
    if (request.target.rfind("/v1/lanes", 0) == 0) {
      // One more page wherever one is asked for.
      return {200, "{\"items\":[" + Lane("http://slow/", 5, 3000, false) + "," + Lane("http://full/\\u001b[2J", 900, 1000, true) + "],\"next\":\"c" +
                       std::to_string(++pages_) + "\"}"};
    }
    if (request.target.rfind("/v1/notifies?state=failed", 0) == 0)
      return {200, R"({"items":[{"id":"n7","settled_at":"2030-01-01T00:00:00.000Z","reason":"attempts_used_up","url":"http://down/"}],"next":null})"};
    return {404, "{}"};
  }
  std::atomic<int> looks_{0}, pages_{0};
  ScriptedServer server_;  // last: it answers with the others
};

size_t LineOf(const std::string& text, const std::string& what) {
  size_t at = text.find(what);
  return at == std::string::npos ? std::string::npos : static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<long>(at), '\n'));
}

std::vector<std::string> TopAt(const ScriptedServer& broker) {
  return {"--server", broker.url(), "top", "--interval", "100"};
}

constexpr char kEntered[] = "\x1b[?1049h", kLeft[] = "\x1b[?1049l";

}  // namespace

TEST_CASE("metrics text: values and buckets by name, others left alone") {
  std::string text = Metrics(10, 1) + "notifyd_calls_in_flight_more 9\nnotifyd_labelled{a=\"b\"} 3\nbroken\n";
  CHECK(MetricValue(text, "notifyd_calls_in_flight") == 12.0);
  CHECK_FALSE(MetricValue(text, "notifyd_labelled"));
  CHECK_FALSE(MetricValue(text, "notifyd_calls"));
  Buckets buckets = MetricBuckets(text, "notifyd_lateness_seconds");
  REQUIRE(buckets.size() == 4);
  CHECK(buckets.begin()->first == 0.001);
  CHECK(buckets.begin()->second == 10);
  CHECK(std::isinf(buckets.rbegin()->first));
  CHECK(MetricBuckets(text, "notifyd_commit_seconds").empty());
}

TEST_CASE("metrics text: what no broker counts or measures is left out, so that no figure made of it is beyond all numbers") {
  for (const char* value : {"-1", "1e300", "9007199254740994", "NaN", "-Inf", "+Inf", "x", ""})
    CHECK_FALSE(MetricValue("notifyd_calls_in_flight " + std::string(value) + "\n", "notifyd_calls_in_flight"));
  CHECK(MetricValue("notifyd_calls_in_flight 9007199254740992", "notifyd_calls_in_flight") == 9007199254740992.0);
  const auto bucket = [](const std::string& bound, const std::string& count) { return "x_bucket{le=\"" + bound + "\"} " + count + "\n"; };
  CHECK(MetricBuckets(bucket("-1", "1") + bucket("1e300", "2") + bucket("nan", "3") + bucket("-Inf", "4") + bucket("2", "1.7e308"), "x").empty());
  CHECK(MetricBuckets(bucket("0", "1") + bucket("+Inf", "2"), "x") == Buckets{{0, 1}, {INFINITY, 2}});
}

TEST_CASE("top view: a rate beyond all numbers is shown as a very large one") {
  TopView view;
  view.rates = TopRates{1.8e22, 0, 0, 0, 0};
  view.stats = "{}";
  CHECK_THAT(TopLines(view, LaneOrder::kPending, "", 120, 24).at(2), Catch::Contains("accepted 1,000,000,000,000,000,000 "));
}

TEST_CASE("answers: Retry-After counts where it is a number of seconds, a year at most; an ETag is what stands there") {
  const auto read = [](const std::string& line) {
    HttpAnswer answer;
    ReadAnswerHeader(line, &answer);
    return answer;
  };
  constexpr int64_t kYearMs = int64_t{365} * 24 * 3600 * 1000;
  CHECK(read("Retry-After: 7\r\n").retry_after_ms == 7000);
  CHECK(read("retry-after:7").retry_after_ms == 7000);
  for (const char* large : {"31536001", "9223372036854775807", "9223372036854775808", "99999999999999999999999"})
    CHECK(read("Retry-After: " + std::string(large) + "\r\n").retry_after_ms == kYearMs);
  for (const char* none : {"", "0", "-5", "-99999999999999999999999", "7s", "+7", "99999999999999999999999s", "Wed, 21 Oct 2030 07:28:00 GMT"})
    CHECK(read("Retry-After: " + std::string(none) + "\r\n").retry_after_ms == 0);
  CHECK(read("ETag: W/\"a b\" \r\n").etag == "W/\"a b\"");
  CHECK(read("ETags: \"a\"\r\n").etag.empty());
}

TEST_CASE("quantiles: of what came between two looks, evenly within a bucket") {
  Buckets before = {{0.001, 100}, {0.01, 100}, {INFINITY, 100}};
  Buckets after = {{0.001, 150}, {0.01, 200}, {INFINITY, 200}};
  CHECK(*QuantileBetween(before, after, 0.5) == Approx(0.001));
  CHECK(*QuantileBetween(before, after, 0.25) == Approx(0.0005));
  CHECK(*QuantileBetween(before, after, 0.75) == Approx(0.0055));
  CHECK_FALSE(QuantileBetween(after, after, 0.5));
  CHECK_FALSE(QuantileBetween({}, {}, 0.5));
}

TEST_CASE("quantiles: above the last bound the bound is all that is known; counters that went back begin anew") {
  Buckets after = {{0.001, 1}, {INFINITY, 10}};
  CHECK(*QuantileBetween({}, after, 0.99) == Approx(0.001));
  Buckets before = {{0.001, 500}, {INFINITY, 500}};
  CHECK(*QuantileBetween(before, {{0.001, 10}, {INFINITY, 10}}, 0.5) == Approx(0.0005));
}

TEST_CASE("top view: no line is wider than the terminal, and no more lines than it has") {
  TopView view;
  view.stats = Stats(1);
  for (int i = 0; i < 50; ++i) view.lanes.push_back({"{}", "lane " + std::to_string(i), "fifo", "", false, "", 1, 1, 0, 0, 5});
  for (int i = 0; i < 5; ++i) view.failures.push_back({"{}", "n" + std::to_string(i), "2030", "http://x/" + std::string(300, 'y'), "r"});
  for (size_t columns : {200, 80, 20, 3, 1}) {
    for (size_t rows : {60, 24, 10, 3, 1}) {
      std::vector<std::string> lines = TopLines(view, LaneOrder::kPending, "note", columns, rows);
      CHECK(lines.size() <= rows);
      for (const std::string& line : lines) CHECK(line.size() <= columns);
    }
  }
  // Lanes give way to the failures, not the other way round.
  std::vector<std::string> lines = TopLines(view, LaneOrder::kPending, "", 80, 24);
  CHECK(lines.size() == 24);
  CHECK_THAT(lines.back(), Catch::StartsWith("n4 "));
}

TEST_CASE("top view: on 80 columns every counter is there in whole, however large") {
  TopView view;
  view.stats = R"({"states":{"held":1000000,"scheduled":2000000,"ready":3000000,"sending":4000,"retrying":5000000},)"
               R"("store":{"disk_bytes":1048576,"free_bytes":1073741824},"memory":{"rss_bytes":52428800}})";
  view.rates = TopRates{123456, 123456, 123456, 123456, 123456};
  view.lateness_p50_s = view.lateness_p99_s = view.acknowledgement_p99_s = 1234.5;
  std::string all;
  for (const std::string& line : TopLines(view, LaneOrder::kPending, "", 80, 24)) {
    CHECK(line.size() <= 80);
    CHECK_THAT(line, !Catch::Contains("..."));
    all += line + "\n";
  }
  CHECK_THAT(all, Catch::Contains("sending 4,000") && Catch::Contains("retrying 5,000,000"));
  CHECK_THAT(
      all, Catch::Contains("each second  accepted 123,456   succeeded 123,456   failed 123,456\n             attempts 123,456   retries 123,456\n"));
  CHECK_THAT(all, Catch::Contains("lateness p50 20m 34s, p99 20m 34s") && Catch::Contains("acknowledgement p99 20m 34s"));
}

TEST_CASE("notifyctl top --once: counts, rates, quantiles, lanes in order and failures") {
  BusyBroker broker;
  CtlRun run = CtlAt(broker.server(), {"top", "--once", "--interval", "100"});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::StartsWith("notifyd 1.2.3   http://127.0.0.1:") && Catch::Contains("pid 42   up 1m 05s\n"));
  CHECK_THAT(run.output, Catch::Contains("pending      3,012   held 1   scheduled 2   ready 3,000   sending 4   retrying 5\n"));
  CHECK_THAT(run.output, Catch::Contains("in flight    12   oldest due 3.0 s ago   lateness p50 0.5 ms, p99 1.0 ms"));
  CHECK_THAT(run.output, Catch::Contains("memory       50.0 MiB   disk 1.0 MiB, free 1.0 GiB\n"));
  CHECK_THAT(run.output, Catch::Contains("paused by request") && Catch::Contains("looked at, there are more"));
  CHECK_THAT(run.output, Catch::Contains("n7  2030-01-01T00:00:00.000Z  attempts_used_up  http://down/\n"));
  CHECK_THAT(run.output, !Catch::Contains("\x1b"));
  CHECK(LineOf(run.output, "http://full/") < LineOf(run.output, "http://slow/"));
  std::string by_age = CtlAt(broker.server(), {"top", "--once", "--interval", "100", "--sort", "oldest"}).output;
  CHECK(LineOf(by_age, "http://slow/") < LineOf(by_age, "http://full/"));
}

TEST_CASE("notifyctl top: looks at a few pages of lanes, however many there are") {
  BusyBroker broker;
  CHECK(CtlAt(broker.server(), {"top", "--once", "--interval", "100"}).code == 0);
  size_t pages = 0;
  for (const SeenRequest& request : broker.server().seen()) pages += request.target.rfind("/v1/lanes", 0) == 0;
  CHECK(pages == 4);
}

TEST_CASE("notifyctl top: without a terminal it looks once; --json prints one document") {
  BusyBroker broker;
  CHECK_THAT(CtlAt(broker.server(), {"top", "--interval", "100"}).output, Catch::StartsWith("notifyd 1.2.3"));
  CtlRun run = CtlAt(broker.server(), {"--json", "top", "--interval", "100"});
  CHECK(run.code == 0);
  CHECK(std::count(run.output.begin(), run.output.end(), '\n') == 1);
  Result<JsonTree> tree = JsonTree::Parse(run.output);
  REQUIRE(tree.ok());
  CHECK(std::stod(std::string(tree->root().At("/rates/accepted_per_s")->raw())) > 0);
  CHECK(tree->root().At("/rates/failed_per_s")->raw() == "0");
  CHECK(tree->root().At("/in_flight")->raw() == "12");
  CHECK(tree->root().At("/oldest_due_at")->text() == "2030-01-01T00:00:06.000Z");
  CHECK(tree->root().At("/lanes/0/states/ready")->raw() == "900");
  CHECK(tree->root().At("/failures/0/id")->text() == "n7");
  CHECK(tree->root().At("/stats/pid")->raw() == "42");
  CHECK(tree->root().At("/all_lanes")->raw() == "false");
}

TEST_CASE("notifyctl top: goes without the metrics where the token, or a namespace that is named, does not reach them") {
  const bool named = GENERATE(false, true);
  BusyBroker busy;
  ScriptedServer broker([&](const SeenRequest& request) {
    if (request.target == "/metrics") return ScriptedAnswer{403, R"({"status":403,"detail":"this needs the scope metrics"})"};
    const std::string prefix = "/v1/namespaces/a";
    HttpClient client(busy.server().url());
    Result<HttpAnswer> answer = client.Call("GET", named ? "/v1" + request.target.substr(prefix.size()) : request.target);
    return answer.ok() ? ScriptedAnswer{answer->status, answer->body} : ScriptedAnswer{500, "{}"};
  });
  CtlRun run = Ctl({"--server", broker.url(), "top", "--once", "--interval", "100"}, {named ? "NOTIFYD_NAMESPACE=a" : "HOME=/"});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::Contains("in flight    4   oldest due 3.0 s ago   lateness p50 -, p99 -"));
}

TEST_CASE("notifyctl top: a broker that refuses exits with 1, one that is not there with 3") {
  ScriptedServer broker(Always(503, R"({"status":503,"detail":"starting"})"));
  CtlRun run = CtlAt(broker, {"top", "--once"});
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("starting"));
  CHECK(Ctl({"--server", "http://127.0.0.1:" + std::to_string(ClosedPort()), "top", "--once"}).code == 3);
}

TEST_CASE("notifyctl top in a terminal: draws again and again, follows its size and keys, and gives it back") {
  SKIP_WITHOUT_TERMINAL();
  BusyBroker broker;
  TerminalProcess top(NOTIFYCTL_BINARY, TopAt(broker.server()), 100);
  REQUIRE(top.WaitFor(kEntered));
  REQUIRE(top.WaitFor("by most pending"));
  CHECK(top.IsRaw());
  CHECK(top.WaitFor("accepted "));  // there are rates from the second look on
  top.Key('o');
  CHECK(top.WaitFor("by oldest head"));
  top.Resize(30);
  CHECK(top.WaitFor("pending      3,012   held 1\x1b[K"));
  CHECK(top.WaitFor("\n             scheduled 2\x1b[K"));
  top.Key('q');
  CHECK(top.Wait() == 0);
  CHECK(top.WaitFor(kLeft));
  CHECK(top.rest().empty());
  CHECK(top.IsRestored());
}

TEST_CASE("notifyctl top in a terminal: a signal leaves it as it was") {
  SKIP_WITHOUT_TERMINAL();
  auto [number, code] = GENERATE(std::pair(SIGINT, 0), std::pair(SIGTERM, 1000 + SIGTERM), std::pair(SIGHUP, 1000 + SIGHUP));
  BusyBroker broker;
  TerminalProcess top(NOTIFYCTL_BINARY, TopAt(broker.server()), 100);
  REQUIRE(top.WaitFor("NEWEST FAILURES"));
  top.Signal(number);
  CHECK(top.Wait() == code);
  CHECK(top.WaitFor(kLeft));
  CHECK(top.IsRestored());
}

TEST_CASE("notifyctl top in a terminal: stopped and continued, it gives the terminal back and takes it again") {
  SKIP_WITHOUT_TERMINAL();
  BusyBroker broker;
  TerminalProcess top(NOTIFYCTL_BINARY, TopAt(broker.server()), 100);
  REQUIRE(top.WaitFor("NEWEST FAILURES"));
  top.Signal(SIGTSTP);
  REQUIRE(top.WaitFor(kLeft));
  top.Signal(SIGCONT);
  CHECK(top.WaitFor(kEntered));
  CHECK(top.WaitFor("NEWEST FAILURES"));
  top.Key('q');
  CHECK(top.Wait() == 0);
  CHECK(top.IsRestored());
}

TEST_CASE("notifyctl top in a terminal: can be left while the broker does not answer, and goes on once it does") {
  SKIP_WITHOUT_TERMINAL();
  std::atomic<bool> stopped{false}, refuses{false}, hangs{false};
  BusyBroker busy;
  ScriptedServer broker([&](const SeenRequest& request) {
    HttpClient client(busy.server().url());
    if (refuses) return ScriptedAnswer{503, R"({"status":503,"detail":"the broker stops"})"};
    while (stopped) {
      hangs = true;
      usleep(1000);
    }
    Result<HttpAnswer> answer = client.Call("GET", request.target);
    return answer.ok() ? ScriptedAnswer{answer->status, answer->body} : ScriptedAnswer{500, "{}"};
  });
  TerminalProcess top(NOTIFYCTL_BINARY, TopAt(broker), 100);
  REQUIRE(top.WaitFor("NEWEST FAILURES"));
  refuses = true;
  CHECK(top.WaitFor("no news: /v1/stats: the broker stops"));
  refuses = false;
  CHECK(top.WaitFor("oldest due 3.0 s ago"));
  stopped = true;
  for (int i = 0; i < kDeadlineSeconds * 1000 && !hangs; ++i) usleep(1000);
  CHECK(hangs);
  top.Key('q');
  CHECK(top.Wait() == 0);
  CHECK(top.IsRestored());
  stopped = false;
}
