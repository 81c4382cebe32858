// notifyctl import notifyagent where the broker does not take all at once: what is in front goes first, and what is refused for good takes no other
// down with it.
#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cli/await.h"
#include "cli/ctl.h"
#include "cli/e2e_broker.h"
#include "cli/old_servers.h"
#include "support/scripted_server.h"

namespace notifyd::test {
namespace {

constexpr const char* kLane = "Q_0123456789ABCDEF0123456789ABCDEF";
/// More than one batch of either kind, every other one by a caller who may submit so many a second.
constexpr size_t kNotifies = 600;
constexpr const char* kSlowly = R"({"submits_per_s":60})";

/// The targets of all that was delivered, in the order in which it was.
std::vector<std::string> DeliveredTo(ScriptedServer& receiver) {
  std::vector<std::string> targets;
  for (const SeenRequest& request : receiver.WaitFor(kNotifies)) targets.push_back(request.target);
  return targets;
}

std::string Target(size_t i) {
  std::string digits = std::to_string(i);
  return "/" + std::string(5 - digits.size(), '0') + digits;
}

std::vector<std::string> AllTargets() {
  std::vector<std::string> targets;
  for (size_t i = 0; i < kNotifies; ++i) targets.push_back(Target(i));
  return targets;
}

std::string CallerOf(size_t i) {
  return i % 2 == 0 ? "slow" : "quick";
}

/// An import of jobs "/00000", "/00001", and so on, into a broker that answers as a test says.
class ScriptedImport {
 public:
  /// What the broker answers to these; nothing: it takes them.
  using Refuse = std::function<std::optional<ScriptedAnswer>(const std::vector<std::string>& urls)>;

  ScriptedImport(size_t jobs, Refuse refuse) : refuse_(std::move(refuse)), broker_([this](const SeenRequest& request) { return Answer(request); }) {
    for (size_t i = 0; i < jobs; ++i) producer_.Put("notify", AgentJob("\"url\":\"http://127.0.0.1:9" + Target(i) + "\"", kLane));
    run_ = Ctl({"--server", broker_.url(), "import", "notifyagent", "--beanstalkd", beanstalkd_.address(), "--reconnect-ms", "20000"});
  }
  const CtlRun& run() const { return run_; }
  /// Their paths, in the order in which they were taken.
  std::vector<std::string> taken() {
    std::lock_guard<std::mutex> lock(mutex_);
    return taken_;
  }
  /// How many there were in each request.
  std::vector<size_t> sizes() {
    std::lock_guard<std::mutex> lock(mutex_);
    return sizes_;
  }
  uint64_t Count(const char* what) { return producer_.Count("notify", what); }

 private:
  ScriptedAnswer Answer(const SeenRequest& request) {
    if (request.method != "POST") return {404, "{}"};
    std::vector<std::string> paths;
    for (const std::string& url : SubmittedUrls(request)) paths.push_back(url.substr(url.rfind('/')));
    std::lock_guard<std::mutex> lock(mutex_);
    sizes_.push_back(paths.size());
    if (std::optional<ScriptedAnswer> refused = refuse_(paths)) return *refused;
    taken_.insert(taken_.end(), paths.begin(), paths.end());
    return AcceptedArray(paths.size());
  }

  const Refuse refuse_;
  std::mutex mutex_;
  std::vector<std::string> taken_;
  std::vector<size_t> sizes_;
  BeanstalkServer beanstalkd_;
  BeanstalkPeer producer_{beanstalkd_};
  ScriptedServer broker_;
  CtlRun run_;
};

ScriptedAnswer Problem(int status, const std::string& members) {
  return {status, R"({"title":"no","status":)" + std::to_string(status) + (members.empty() ? "" : "," + members) + "}", "application/problem+json"};
}

std::vector<std::string> Without(size_t jobs, const std::string& path) {
  std::vector<std::string> paths;
  for (size_t i = 0; i < jobs; ++i)
    if (Target(i) != path) paths.push_back(Target(i));
  return paths;
}

}  // namespace

TEST_CASE("import notifyagent: jobs of a fifo lane stay in their order where the broker refuses some of them for now") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "success", "text/plain"}; });
  Broker broker(dir.path());
  REQUIRE(broker.Call("PATCH", "/v1/callers/slow", kSlowly).Done());
  BeanstalkServer beanstalkd;
  BeanstalkPeer producer(beanstalkd);
  for (size_t i = 0; i < kNotifies; ++i)
    producer.Put(kLane, AgentJob("\"url\":\"" + receiver.url() + Target(i) + "\",\"caller\":\"" + CallerOf(i) + "\"", kLane));
  const CtlRun run = Ctl({"--server", broker.url(), "import", "notifyagent", "--beanstalkd", beanstalkd.address()});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.output == "jobs: 600 read, 600 accepted, 600 removed, 0 stay\n");
  CHECK(DeliveredTo(receiver) == AllTargets());
}

TEST_CASE("import notifyagent: rows that are due at the same time stay in the order of their ids where the broker refuses some of them for now") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "success", "text/plain"}; });
  Broker broker(dir.path());
  REQUIRE(broker.Call("PATCH", "/v1/callers/slow", kSlowly).Done());
  NotifyTable table;
  std::string values;
  for (size_t i = 0; i < kNotifies; ++i)
    values += std::string(i > 0 ? "," : "") + "('Q1','" + CallerOf(i) + "','" + receiver.url() + Target(i) +
              "','POST','application/json','1','','2020-01-01 00:00:00')";
  table.sql().Run("INSERT INTO Notify (queueName, caller, url, method, contentType, data, expectResponse, timeDelayedSend) VALUES " + values);
  const CtlRun run =
      Ctl({"--server", broker.url(), "import", "notifyagent", "--mysql", table.url(), "--time-zone", "Asia/Shanghai", "--daemon-stopped"});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.output == "rows: 600 read, 600 accepted, 600 removed, 0 stay\n");
  CHECK(DeliveredTo(receiver) == AllTargets());
}

TEST_CASE("import notifyagent: what has room for a few alone gets a few, in their order, and more again later") {
  size_t posts = 0;
  ScriptedImport import(30, [&](const std::vector<std::string>& urls) -> std::optional<ScriptedAnswer> {
    if (++posts < 12 && urls.size() > 3) return Problem(507, "");
    return std::nullopt;
  });
  INFO(import.run().error);
  CHECK(import.run().code == 0);
  CHECK(import.taken() == Without(30, ""));
  const std::vector<size_t> sizes = import.sizes();
  REQUIRE(sizes.size() > 5);
  CHECK(std::vector<size_t>(sizes.begin(), sizes.begin() + 5) == std::vector<size_t>{30, 15, 7, 3, 6});
  CHECK(import.Count("current-jobs-ready") == 0);
}

TEST_CASE("import notifyagent: a rate is asked for all of them again, since it takes any number in its turn") {
  size_t posts = 0;
  ScriptedImport import(30, [&](const std::vector<std::string>&) -> std::optional<ScriptedAnswer> {
    return ++posts < 4 ? std::optional(Problem(429, "")) : std::nullopt;
  });
  INFO(import.run().error);
  CHECK(import.run().code == 0);
  CHECK(import.sizes() == std::vector<size_t>{30, 30, 30, 30});
}

TEST_CASE("import notifyagent: a quota that names the first one without room gets those before it at once, and the others in their order later") {
  size_t posts = 0;
  ScriptedImport import(30, [&](const std::vector<std::string>&) -> std::optional<ScriptedAnswer> {
    ++posts;
    if (posts == 1) return Problem(429, R"("field":"/12")");
    if (posts == 3) return Problem(429, R"("field":"/0")");
    return std::nullopt;
  });
  INFO(import.run().error);
  CHECK(import.run().code == 0);
  CHECK(import.taken() == Without(30, ""));
  CHECK(import.sizes() == std::vector<size_t>{30, 12, 18, 18});
}

TEST_CASE("import notifyagent: one that is refused for good is buried, named or not, and all others are taken in their order") {
  const std::string bad = Target(GENERATE(as<size_t>(), 0, 7, 29));
  const std::string how = GENERATE(as<std::string>(), "named", "unnamed", "large", "scope");
  ScriptedImport import(30, [&](const std::vector<std::string>& urls) -> std::optional<ScriptedAnswer> {
    const auto at = std::find(urls.begin(), urls.end(), bad);
    if (at == urls.end()) return std::nullopt;
    const std::string index = std::to_string(at - urls.begin());
    if (how == "named") return Problem(422, R"("field":"/)" + index + R"(/url")");
    if (how == "scope") return Problem(403, R"("field":"/)" + index + R"(/lane")");
    return Problem(how == "large" ? 413 : 422, "");
  });
  INFO(bad << " " << how << " " << import.run().error);
  CHECK(import.run().code == 1);
  CHECK(import.run().output == "jobs: 30 read, 29 accepted, 29 removed, 1 stays\n");
  CHECK(import.run().error.find(how == "named"   ? "stays: no (/url) (it is buried)"
                                : how == "scope" ? "stays: no (/lane) (it is buried)"
                                                 : "stays: no (it is buried)") != std::string::npos);
  CHECK(import.taken() == Without(30, bad));
  CHECK(import.Count("current-jobs-buried") == 1);
}

TEST_CASE("import notifyagent: where all are refused each is asked for alone, about once") {
  ScriptedImport import(40, [](const std::vector<std::string>&) { return std::optional(Problem(422, R"("field":"/0/url")")); });
  CHECK(import.run().code == 1);
  CHECK(import.run().output == "jobs: 40 read, 0 accepted, 0 removed, 40 stay\n");
  CHECK(import.sizes().size() == 40);
  CHECK(import.Count("current-jobs-buried") == 40);
}

TEST_CASE("import notifyagent: jobs whose keys were used with other fields were accepted by an earlier run") {
  ScriptedImport import(5, [](const std::vector<std::string>& urls) -> std::optional<ScriptedAnswer> {
    const auto used = std::find(urls.begin(), urls.end(), Target(2));
    if (used == urls.end()) return std::nullopt;
    return Problem(422, R"("field":"/)" + std::to_string(used - urls.begin()) + R"(/idempotency_key")");
  });
  INFO(import.run().error);
  CHECK(import.run().code == 0);
  CHECK(import.run().output == "jobs: 5 read, 5 accepted (1 of them before), 5 removed, 0 stay\n");
}

TEST_CASE("import notifyagent: for what is not about calls none is buried") {
  const ScriptedAnswer answer = GENERATE(ScriptedAnswer{400, "<html>a plain request to a TLS port</html>", "text/html"},
                                         ScriptedAnswer{413, "<html>too large</html>", "text/html"},
                                         ScriptedAnswer{422, R"({"title":"no","status":422,"field":"/idempotency_window_ms"})"},
                                         ScriptedAnswer{404, R"({"title":"there is no such namespace","status":404})"}, ScriptedAnswer{201, "{}"},
                                         ScriptedAnswer{200, "<html>hello</html>", "text/html"}, ScriptedAnswer{201, R"({"items":[{"id":"n1"}]})"});
  ScriptedImport import(6, [&](const std::vector<std::string>&) { return std::optional(answer); });
  INFO(answer.status << " " << answer.body << " " << import.run().error);
  CHECK(import.run().code == 1);
  CHECK(import.run().output == "jobs: 6 read, 0 accepted, 0 removed, 0 stay\n");
  CHECK(import.Count("current-jobs-buried") == 0);
  CHECK(Await([&] { return import.Count("current-jobs-ready") == 6; }));
}

}  // namespace notifyd::test
