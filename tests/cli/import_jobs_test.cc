// notifyctl import notifyagent --beanstalkd over a real beanstalkd: ready, delayed and other jobs, and a beanstalkd that goes away.
#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <mutex>
#include <optional>

#include "base/time.h"
#include "cli/ctl.h"
#include "cli/e2e_broker.h"
#include "cli/old_servers.h"
#include "support/scripted_server.h"

namespace notifyd::test {
namespace {

constexpr const char* kQueue = "Q_0123456789ABCDEF0123456789ABCDEF";

struct World {
  explicit World(const std::string& config = "") : broker(dir.path(), {"--config", dir.Write("n.toml", config)}) {}

  TempDir dir;
  ScriptedServer receiver{[](const SeenRequest&) { return ScriptedAnswer{200, "success", "text/plain"}; }};
  Broker broker;
  BeanstalkServer beanstalkd;
  BeanstalkPeer producer{beanstalkd};

  std::string To(const std::string& path) const { return "\"url\":\"" + receiver.url() + path + "\""; }
  CtlRun Import(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"--server", broker.url(), "import", "notifyagent", "--beanstalkd", beanstalkd.address()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Ctl(arguments);
  }
  std::vector<std::string> Targets(size_t count) {
    std::vector<std::string> targets;
    for (const SeenRequest& request : receiver.WaitFor(count)) targets.push_back(request.target);
    return targets;
  }
};

/// As a broker that accepts all; counts them by URL.
ScriptedAnswer AcceptAll(const SeenRequest& request, std::map<std::string, int>* submitted) {
  const std::vector<std::string> urls = SubmittedUrls(request);
  for (const std::string& url : urls) ++(*submitted)[url];
  return AcceptedArray(urls.size());
}

}  // namespace

TEST_CASE("import notifyagent: ready jobs are sent in the order of their queue, its own tube before notify") {
  World w;
  w.producer.Put("notify", AgentJob(w.To("/3"), kQueue));
  w.producer.Put("notify", AgentJob(w.To("/4"), kQueue));
  w.producer.Put(kQueue, AgentJob(w.To("/1"), kQueue));
  w.producer.Put(kQueue, AgentJob(w.To("/2"), kQueue));
  w.producer.Put("by-name", AgentJob(w.To("/own"), "by-name"));
  const CtlRun run = w.Import();
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.output == "jobs: 5 read, 5 accepted, 5 removed, 0 stay\n");
  std::vector<std::string> targets = w.Targets(5);
  targets.erase(std::remove(targets.begin(), targets.end(), "/own"), targets.end());
  CHECK(targets == std::vector<std::string>{"/1", "/2", "/3", "/4"});
  for (const char* tube : {"notify", kQueue, "by-name"}) CHECK(w.producer.Count(tube, "current-jobs-ready") == 0);
}

TEST_CASE("import notifyagent: a delayed job keeps the time that is left and the attempts that are left") {
  World w;
  w.producer.Put("notify", AgentJob(w.To("/later") + R"(,"runOnce":2,"retryTimes":4)", kQueue), 5000);
  const CtlRun run = w.Import();
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.output == "jobs: 1 read, 1 accepted, 1 removed, 0 stay\n");
  CHECK(w.producer.Count("notify", "current-jobs-delayed") == 0);
  const std::string list = w.broker.Call("GET", "/v1/notifies?state=scheduled").body;
  const std::string notify = w.broker.Call("GET", "/v1/notifies/" + JsonAt(list, "/items/0/id")).body;
  CHECK(JsonAt(notify, "/retry/max_attempts") == "6");
  const auto due = ParseRfc3339(JsonAt(notify, "/due_at")), created = ParseRfc3339(JsonAt(notify, "/created_at"));
  REQUIRE(due.ok());
  CHECK(due->ms - created->ms <= 5'000'000);
  CHECK(due->ms - created->ms > 4'000'000);
}

TEST_CASE("import notifyagent: a job that cannot be taken is buried, with why, and others' tubes are left alone") {
  World w;
  const uint64_t bad = w.producer.Put("notify", "no JSON");
  const uint64_t late = w.producer.Put("notify", AgentJob(w.To("/x"), ""), 3000);
  const uint64_t url = w.producer.Put("notify", AgentJob("\"url\":\"nowhere\"", kQueue));
  w.producer.Put("log", "a line of a log");
  w.producer.Put("notify", AgentJob(w.To("/good"), kQueue));
  CtlRun run = w.Import();
  INFO(run.error);
  CHECK(run.code == 1);
  CHECK(run.output == "jobs: 4 read, 1 accepted, 1 removed, 3 stay\n");
  for (uint64_t id : {bad, late, url}) CHECK(run.error.find("job " + std::to_string(id) + " stays: ") != std::string::npos);
  CHECK(run.error.find("tube log is none of NotifyAgent's: 1 job stays") != std::string::npos);
  CHECK(run.error.find("tube notify is not empty: 3 jobs stay buried in it") != std::string::npos);
  CHECK(w.producer.Count("notify", "current-jobs-buried") == 3);
  CHECK(w.producer.Count("log", "current-jobs-ready") == 1);
  run = w.Import();
  CHECK(run.code == 0);
  CHECK(run.output == "jobs: 0 read, 0 accepted, 0 removed, 0 stay\n");
  run = w.Import({"--tube", "log"});
  CHECK(run.error.find("stays: ") != std::string::npos);
}

TEST_CASE("import notifyagent: what a paused tube keeps stays, and is told of") {
  World w;
  const std::string queue = GENERATE(as<std::string>(), "notify", kQueue);
  for (int i = 0; i < 2; ++i) w.producer.Put(queue, AgentJob(w.To("/a"), kQueue));
  w.producer.Put(queue, AgentJob(w.To("/later"), kQueue), 5000);
  REQUIRE(w.producer.Ask("pause-tube " + queue + " 3600") == "PAUSED");
  CHECK(w.Import({"--dry-run"}).output == "jobs: 3 read, 3 acceptable, 0 removed, 0 stay\n");
  CtlRun run = w.Import();
  INFO(run.error);
  CHECK(run.code == 1);
  CHECK(run.output == "jobs: 1 read, 1 accepted, 1 removed, 2 stay\n");
  CHECK(run.error.find("tube " + queue + " is paused") != std::string::npos);
  CHECK(run.error.find("2 jobs stay in it") != std::string::npos);
  run = w.Import({"--json"});
  CHECK(run.code == 1);
  CHECK(JsonAt(run.output, "/jobs/stay") == "2");
  REQUIRE(w.producer.Ask("pause-tube " + queue + " 0") == "PAUSED");
  run = w.Import();
  CHECK(run.code == 0);
  CHECK(run.output == "jobs: 2 read, 2 accepted, 2 removed, 0 stay\n");
}

TEST_CASE("import notifyagent: who only looks reads what a paused tube keeps, and the rest of its queue, as if there were no pause") {
  World w;
  w.producer.Put("notify", AgentJob(w.To("/behind"), kQueue));
  w.producer.Put(kQueue, AgentJob(w.To("/before"), kQueue));
  REQUIRE(w.producer.Ask(std::string("pause-tube ") + kQueue + " 3600") == "PAUSED");
  const CtlRun run = w.Import({"--keep"});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.output == "jobs: 2 read, 2 accepted, 0 removed, 0 stay\n");
  CHECK(w.Targets(2) == std::vector<std::string>{"/before", "/behind"});
}

TEST_CASE("import notifyagent: what somebody else has reserved stays") {
  World w;
  w.producer.Put("notify", AgentJob(w.To("/a"), kQueue));
  BeanstalkPeer worker(w.beanstalkd);
  REQUIRE(worker.Ask("watch notify") == "WATCHING 2");
  REQUIRE(worker.Ask("reserve").starts_with("RESERVED "));
  CHECK(worker.Ask("ignore notify") == AgentJob(w.To("/a"), kQueue));  // of the job that it has reserved
  REQUIRE(worker.Ask("list-tube-used") == "WATCHING 1");
  const CtlRun run = w.Import();
  INFO(run.error);
  CHECK(run.code == 1);
  CHECK(run.output == "jobs: 0 read, 0 accepted, 0 removed, 1 stays\n");
  CHECK(run.error.find("tube notify is not empty: somebody else has reserved 1 job") != std::string::npos);
}

TEST_CASE("import notifyagent: one that is refused in a paused tube stays once, and is buried when the pause is over") {
  World w;
  w.producer.Put("notify", "no JSON", 5000);
  REQUIRE(w.producer.Ask("pause-tube notify 3600") == "PAUSED");
  CtlRun run = w.Import();
  INFO(run.error);
  CHECK(run.code == 1);
  CHECK(run.output == "jobs: 1 read, 0 accepted, 0 removed, 1 stays\n");
  CHECK(run.error.find("(it is buried)") == std::string::npos);
  CHECK(run.error.find("(it is buried once it can be reserved)") != std::string::npos);
  CHECK(w.producer.Count("notify", "current-jobs-buried") == 0);
  REQUIRE(w.producer.Ask("pause-tube notify 0") == "PAUSED");
  run = w.Import();
  CHECK(run.output == "jobs: 1 read, 0 accepted, 0 removed, 1 stays\n");
  CHECK(run.error.find("(it is buried)") != std::string::npos);
  CHECK(w.producer.Count("notify", "current-jobs-buried") == 1);
}

TEST_CASE("import notifyagent: a lane lets others pass where neither its settings nor a rule say what it does, and one may be tried again in it") {
  World w("[[lane]]\nmatch = \"S_*\"\non_retry = \"skip\"\nmode = \"fifo\"\n[[lane]]\nmatch = \"B_*\"\nmode = \"fifo\"\non_retry = \"block\"\n");
  REQUIRE(w.broker.Call("PATCH", "/v1/lanes/fifo/said", R"({"on_retry":"block"})").Done());
  for (const char* queue : {"S_1", "B_1", "said", "free"}) w.producer.Put("notify", AgentJob(w.To("/a") + R"(,"runOnce":2)", queue), 5000);
  w.producer.Put("notify", AgentJob(w.To("/a") + R"(,"runOnce":1)", "once"), 5000);
  const CtlRun run = w.Import();
  INFO(run.error);
  CHECK(run.output == "jobs: 5 read, 5 accepted, 5 removed, 0 stay\n");
  auto own = [&](const std::string& queue) { return JsonAt(w.broker.Call("GET", "/v1/lanes/fifo/" + queue).body, "/own"); };
  CHECK(own("S_1") == "{}");
  CHECK(own("B_1") == "{}");
  CHECK(own("said") == R"({"on_retry":"block"})");
  CHECK(own("free") == R"({"on_retry":"skip"})");
  CHECK(own("once") == "{}");
}

TEST_CASE("import notifyagent: a broker that lets nothing be said of lanes takes the jobs all the same, with a word") {
  const int status = GENERATE(403, 422);
  BeanstalkServer beanstalkd;
  BeanstalkPeer producer(beanstalkd);
  for (int i = 0; i < 2; ++i) producer.Put("notify", AgentJob("\"url\":\"http://127.0.0.1:9/" + std::to_string(i) + "\"", kQueue), i * 5000);
  std::mutex mutex;
  std::map<std::string, int> submitted;  // by URL
  int refused = 0;
  ScriptedServer broker([&](const SeenRequest& request) {
    std::lock_guard<std::mutex> lock(mutex);
    if (request.target.find("on_retry") == std::string::npos) return AcceptAll(request, &submitted);
    ++refused;
    return ScriptedAnswer{status, R"({"title":"no","detail":"not of lanes","field":"/on_retry"})"};
  });
  const CtlRun run = Ctl({"--server", broker.url(), "import", "notifyagent", "--beanstalkd", beanstalkd.address()});
  CHECK(run.code == 0);
  CHECK(run.output == "jobs: 2 read, 2 accepted, 2 removed, 0 stay\n");
  CHECK(run.error.find("lanes keep their on_retry, which is block unless it was set") != std::string::npos);
  std::lock_guard<std::mutex> lock(mutex);
  CHECK(refused == 1);
  CHECK(submitted.size() == 2);
}

TEST_CASE("import notifyagent: --keep and --dry-run reserve nothing, and what was kept is taken away later without a second submit") {
  World w;
  w.producer.Put("notify", AgentJob(w.To("/a"), kQueue));
  w.producer.Put("notify", AgentJob(w.To("/b"), kQueue), 5000);
  w.producer.Put("notify", "no JSON");
  CHECK(w.Import({"--dry-run"}).output == "jobs: 3 read, 2 acceptable, 0 removed, 1 stays\n");
  CHECK(w.Import({"--keep"}).output == "jobs: 3 read, 2 accepted, 0 removed, 1 stays\n");
  CHECK(w.producer.Count("notify", "current-jobs-ready") == 2);
  CHECK(w.producer.Count("notify", "current-jobs-delayed") == 1);
  CHECK(w.producer.Count("notify", "total-jobs") == 3);
  const CtlRun run = w.Import();
  INFO(run.error);
  CHECK(run.output == "jobs: 3 read, 2 accepted (2 of them before), 2 removed, 1 stays\n");
  CHECK(w.broker.Stat("/totals/accepted") == 2);
}

TEST_CASE("import notifyagent: --keep takes ready jobs in the order in which they would be reserved") {
  World w;
  w.producer.Put("notify", AgentJob(w.To("/3"), kQueue));
  w.producer.Put("notify", AgentJob(w.To("/4"), kQueue));
  w.producer.Put(kQueue, AgentJob(w.To("/2"), kQueue));
  const std::string urgent = AgentJob(w.To("/1"), kQueue);
  REQUIRE(w.producer.Ask("put 1 0 60 " + std::to_string(urgent.size()) + "\r\n" + urgent).starts_with("INSERTED "));
  const CtlRun run = w.Import({"--keep"});
  INFO(run.error);
  CHECK(run.output == "jobs: 4 read, 4 accepted, 0 removed, 0 stay\n");
  CHECK(w.Targets(4) == std::vector<std::string>{"/1", "/2", "/3", "/4"});
}

TEST_CASE("import notifyagent: a daemon that takes a queue's tube is seen too") {
  World w;
  w.producer.Put(kQueue, AgentJob(w.To("/a"), kQueue));
  BeanstalkPeer worker(w.beanstalkd);
  worker.Ask(std::string("watch ") + kQueue);
  const CtlRun run = w.Import();
  CHECK(run.code == 1);
  CHECK(run.error.find(std::string("somebody consumes the tube ") + kQueue) != std::string::npos);
  CHECK(w.producer.Count(kQueue, "current-jobs-ready") == 1);
}

TEST_CASE("import notifyagent: what was accepted while beanstalkd was started anew is known when it comes back") {
  BeanstalkServer beanstalkd;
  {
    BeanstalkPeer producer(beanstalkd);
    for (int i = 0; i < 3; ++i) producer.Put("notify", AgentJob("\"url\":\"http://127.0.0.1:9/" + std::to_string(i) + "\"", kQueue));
    producer.Put("notify", AgentJob("\"url\":\"http://127.0.0.1:9/3\"", kQueue), 5000);
  }
  std::mutex mutex;
  std::map<std::string, int> submitted;  // by URL
  int posts = 0;
  std::promise<void> asked, restarted;
  ScriptedServer broker([&](const SeenRequest& request) {
    if (request.method != "POST") return ScriptedAnswer{request.method == "GET" ? 404 : 200, "{}"};
    std::lock_guard<std::mutex> lock(mutex);
    const ScriptedAnswer answer = AcceptAll(request, &submitted);
    if (posts++ == 0) {
      asked.set_value();
      restarted.get_future().wait();
    }
    return answer;
  });
  Process import(NOTIFYCTL_BINARY, {{"--server", broker.url(), "import", "notifyagent", "--beanstalkd", beanstalkd.address()}, {}});
  asked.get_future().wait();
  beanstalkd.Restart();  // here, for it goes with the thread that starts it
  restarted.set_value();
  CHECK(import.Wait() == 0);
  INFO(import.error());
  CHECK(import.output() == "jobs: 4 read, 4 accepted, 4 removed, 0 stay\n");
  std::lock_guard<std::mutex> lock(mutex);
  CHECK(submitted.size() == 4);
  for (const auto& [url, times] : submitted) CHECK(times == 1);
  BeanstalkPeer look(beanstalkd);
  CHECK(look.Count("notify", "current-jobs-ready") + look.Count("notify", "current-jobs-delayed") == 0);
}

TEST_CASE("import notifyagent: jobs whose time to run is over while the broker takes nothing are submitted once all the same") {
  constexpr int kJobs = 3, kTtrSeconds = 2;
  BeanstalkServer beanstalkd;
  BeanstalkPeer producer(beanstalkd);
  for (int i = 0; i < kJobs; ++i)
    producer.Put("notify", AgentJob("\"url\":\"http://127.0.0.1:9/" + std::to_string(i) + "\"", kQueue), 0, kTtrSeconds);
  std::mutex mutex;
  std::map<std::string, int> submitted;  // by URL
  std::optional<std::chrono::steady_clock::time_point> over;
  ScriptedServer broker([&](const SeenRequest& request) {
    if (request.method != "POST") return ScriptedAnswer{request.method == "GET" ? 404 : 200, "{}"};
    std::lock_guard<std::mutex> lock(mutex);
    if (!over) over = std::chrono::steady_clock::now() + std::chrono::seconds(kTtrSeconds + 1);
    if (std::chrono::steady_clock::now() < *over) return ScriptedAnswer{503, R"({"title":"it starts"})"};
    return AcceptAll(request, &submitted);
  });
  const CtlRun run = Ctl({"--server", broker.url(), "import", "notifyagent", "--beanstalkd", beanstalkd.address()});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.output == "jobs: 3 read, 3 accepted, 3 removed, 0 stay\n");
  std::lock_guard<std::mutex> lock(mutex);
  CHECK(submitted.size() == kJobs);
  for (const auto& [url, times] : submitted) CHECK(times == 1);
}

TEST_CASE("import notifyagent: a call that waits as a row and one that waits as a job reach the receiver alike") {
  World w;
  NotifyTable table;
  w.producer.Put("notify",
                 AgentJob(w.To("/a?x=1") + R"(,"data":"a=1&b=%20","contentType":"application/x-www-form-urlencoded","needResponse":"1")", kQueue));
  w.producer.Put("notify", AgentJob(w.To("/g") + R"(,"data":"{\"q\":1}","method":"GET")", kQueue));
  table.Add("url = '" + w.receiver.url() + "/a?x=1', data = 'a=1&b=%20', contentType = 'application/x-www-form-urlencoded', " +
            "timeDelayedSend = '2020-01-01 00:00:00'");
  table.Add("url = '" + w.receiver.url() + "/g', data = '{\"q\":1}', method = 'GET', timeDelayedSend = '2020-01-01 00:00:00'");
  const CtlRun run = w.Import({"--mysql", table.url() + "?time-zone=UTC"});
  INFO(run.error);
  CHECK(run.output == "jobs: 2 read, 2 accepted, 2 removed, 0 stay\nrows: 2 read, 2 accepted, 2 removed, 0 stay\n");
  std::map<std::string, int> seen;
  for (const SeenRequest& request : w.receiver.WaitFor(4))
    ++seen[request.method + " " + request.target + " " + request.Header("Content-Type") + " " + request.body];
  CHECK(seen == std::map<std::string, int>{{"POST /a?x=1 application/x-www-form-urlencoded a=1&b=%20", 2}, {"GET /g?%7B%22q%22:1%7D  ", 2}});
}

TEST_CASE("import notifyagent: who only looks beside a daemon that works does not look at every job that there ever was") {
  // Three wait as it begins, and two of them are taken before they are found; one comes meanwhile.
  constexpr uint64_t kNewest = 300'000, kWaits = kNewest - 2, kComes = kNewest + 3;
  std::atomic<uint64_t> looked{0}, puts{0};
  const std::string body = AgentJob("\"url\":\"http://127.0.0.1:9/\"", kQueue);
  const auto figures = [](const std::string& yaml) { return "OK " + std::to_string(yaml.size()) + "\r\n" + yaml + "\r\n"; };
  const auto answer = [&](const std::string& line) -> std::string {
    const std::string last = line.substr(line.rfind(' ') + 1);
    const auto waits = [&] { return std::stoull(last) == kWaits || (std::stoull(last) == kComes && looked > 1'000); };
    if (line == "stats") return figures("---\nid: abcd\n");
    if (line == "list-tubes") return figures("---\n- default\n- notify\n");
    if (line == "stats-tube notify") return figures(std::string("---\ncurrent-jobs-ready: ") + (looked > 1'000 ? "2" : "3") + "\n");
    if (line.starts_with("stats-job ")) {
      ++looked;
      return waits() ? figures("---\nid: " + last + "\ntube: notify\nstate: ready\npri: 0\n") : "NOT_FOUND\r\n";
    }
    if (line.starts_with("peek ") && waits()) return "FOUND " + last + " " + std::to_string(body.size()) + "\r\n" + body + "\r\n";
    if (line.starts_with("peek") || line.starts_with("stats-tube")) return "NOT_FOUND\r\n";
    if (line.starts_with("use ")) return "USING " + last + "\r\n";
    if (line.starts_with("put ")) return "INSERTED " + std::to_string(kNewest + 10 * puts++) + "\r\n";
    return line.starts_with("delete ") ? "DELETED\r\n" : "UNKNOWN_COMMAND\r\n";
  };
  ThreadedServer beanstalkd([&](Stream& stream, int) {
    for (std::string line; stream.ReadTo("\r\n", &line);)
      if (!line.empty() && !stream.Send(answer(line))) return;  // an empty one is the body of what is put
  });
  const CtlRun run = Ctl({"import", "notifyagent", "--dry-run", "--beanstalkd", "127.0.0.1:" + std::to_string(beanstalkd.port())});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.output == "jobs: 2 read, 2 acceptable, 0 removed, 0 stay\n");
  CHECK(looked > 10'000);
  CHECK(looked < kNewest / 2);
}

TEST_CASE("import notifyagent: who answers reserve as a door does is told of") {
  ThreadedServer door([](Stream& stream, int) {
    for (std::string line; stream.ReadTo("\r\n", &line);) {
      std::string answer = "UNKNOWN_COMMAND\r\n";
      if (line == "stats") answer = "OK 13\r\n---\nid: abcd\n\r\n";
      if (line == "list-tubes") answer = "OK 14\r\n---\n- default\n\r\n";
      if (line.starts_with("stats-tube")) answer = "NOT_FOUND\r\n";
      if (line.starts_with("peek")) answer = "NOT_FOUND\r\n";
      if (line.starts_with("use")) answer = "USING " + line.substr(4) + "\r\n";
      if (line.starts_with("watch") || line.starts_with("ignore")) answer = "WATCHING 1\r\n";
      if (!stream.Send(answer)) return;
    }
  });
  const CtlRun run = Ctl({"import", "notifyagent", "--beanstalkd", "127.0.0.1:" + std::to_string(door.port())});
  CHECK(run.code == 1);
  CHECK(run.error.find("is it a beanstalkd, and not notifyd's own door?") != std::string::npos);
}

}  // namespace notifyd::test
