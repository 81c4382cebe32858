// conf/grafana.json and conf/alerts.yaml beside the code, and before a real Prometheus: their queries parse, and ask for what a broker has.
#include <signal.h>

#include <algorithm>
#include <regex>

#include "base/json_tree.h"
#include "cli/e2e_broker.h"
#include "packaging/project.h"
#include "support/process.h"
#include "support/scripted_server.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

/// Every expression of the board, as Grafana would send it.
std::vector<std::string> Expressions() {
  std::vector<std::string> found;
  const std::string board = ProjectFile("conf/grafana.json");
  Result<JsonTree> tree = JsonTree::Parse(board);
  REQUIRE(tree.ok());
  static const std::regex line(R"-("expr": ("(?:[^"\\]|\\.)*"))-");
  for (std::sregex_iterator it(board.begin(), board.end(), line), end; it != end; ++it) {
    Result<JsonTree> text = JsonTree::Parse((*it)[1].str());
    REQUIRE(text.ok());
    std::string expression(text->root().text());
    for (const auto& [variable, value] : {std::pair<std::string, std::string>{"$instance", ".*"}, {"$__rate_interval", "1m"}})
      for (size_t at; (at = expression.find(variable)) != std::string::npos;) expression.replace(at, variable.size(), value);
    found.push_back(std::move(expression));
  }
  return found;
}

std::set<std::string> MetricsIn(const std::vector<std::string>& expressions) {
  std::set<std::string> names;
  for (const std::string& expression : expressions) names.merge(AllMatches(expression, R"(\b((?:notifyd|process)_[a-z_]+)\b)"));
  return names;
}

/// A Prometheus that scrapes a broker.
class Prometheus {
 public:
  explicit Prometheus(const std::string& broker) {
    const std::string config = dir_.Write(
        "p.yml", "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: notifyd\n  static_configs:\n  - targets: ['" + broker + "']\n");
    process_ = std::make_unique<Process>("prometheus", Process::Input{{"--config.file=" + config, "--storage.tsdb.path=" + dir_.At("data"),
                                                                       "--web.listen-address=127.0.0.1:0", "--log.level=info"},
                                                                      {}});
    REQUIRE(process_->WaitForError("Listening on"));
    const std::string log = process_->error();
    url_ = "http://" + OneMatch(log, "\"Listening on\" address=([0-9.:]+)");
  }
  /// The answer to a query.
  std::string Ask(const std::string& path, const std::string& query) const {
    return OutputOf("curl", {"--silent", "--get", "--noproxy", "*", url_ + path, "--data-urlencode", "query=" + query});
  }
  std::string Value(const std::string& query) const { return JsonAt(Ask("/api/v1/query", query), "/data/result/0/value/1"); }

 private:
  TempDir dir_;
  std::unique_ptr<Process> process_;
  std::string url_;
};

}  // namespace

TEST_CASE("grafana.json: its queries parse before a Prometheus that scrapes a broker, and every metric that they name is there") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest& request) { return ScriptedAnswer{request.target == "/bad" ? 500 : 200, "{}"}; });
  const std::string config = dir.Write("n.toml", "[[command]]\nname = \"c\"\nexec = [\"/bin/true\"]\n");
  Broker broker(dir.path(), {"--config", config, "--metrics-namespaces=true"});
  REQUIRE(broker.Call("PATCH", "/v1/lanes/concurrent/orders", R"({"concurrency":2})").status == 200);
  broker.Settled(broker.Submit(R"({"url":")" + receiver.url() + R"(/good"})"));
  broker.Settled(broker.Submit(R"({"url":")" + receiver.url() + R"(/bad","retry":{"max_attempts":1}})"));
  Prometheus prometheus(broker.address());
  // Two scrapes, so that there are rates.
  for (int round = 0; prometheus.Value("count_over_time(notifyd_pending[5m])") < "2" && round < kDeadlineSeconds * 10; ++round) usleep(100'000);
  REQUIRE(prometheus.Value("up") == "1");
  const std::vector<std::string> expressions = Expressions();
  REQUIRE(expressions.size() > 50);
  for (const std::string& expression : expressions) {
    INFO(expression);
    CHECK(JsonAt(prometheus.Ask("/api/v1/query", expression), "/status") == "success");
  }
  for (const std::string& name : MetricsIn(expressions)) {
    INFO(name);
    CHECK(prometheus.Value("count(" + name + ")") != "");
  }
  CHECK(prometheus.Value("notifyd_succeeded_total") == "1");
  CHECK(prometheus.Value("notifyd_failed_total") == "1");
}

TEST_CASE("grafana.json: it shows what the page of metrics is for") {
  const std::set<std::string> shown = MetricsIn(Expressions());
  for (const char* name :
       {"notifyd_accepted_total", "notifyd_failed_total", "notifyd_lateness_seconds_bucket", "notifyd_attempt_seconds_bucket",
        "notifyd_commit_seconds_bucket", "notifyd_lane_head_age_seconds", "notifyd_hosts_at_cap", "notifyd_breakers_open",
        "notifyd_schedules_running", "notifyd_store_free_bytes", "notifyd_store_backup_age_seconds", "process_resident_memory_bytes"}) {
    INFO(name);
    CHECK(shown.contains(name));
  }
}

TEST_CASE("alerts.yaml: promtool takes its rules") {
  Process promtool("promtool", {{"check", "rules", NOTIFYD_SOURCE_DIR "/conf/alerts.yaml"}, {}});
  CHECK(promtool.Wait() == 0);
  INFO(promtool.output() << promtool.error());
  CHECK_THAT(promtool.output(), Catch::Contains("rules found"));
}

}  // namespace notifyd::test
