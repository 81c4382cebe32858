// notifyctl import notifyagent broken off anywhere and run again: nothing lost, nothing submitted twice. And --follow, beside a producer that works.
#include <catch2/catch.hpp>

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "cli/ctl.h"
#include "cli/e2e_broker.h"
#include "cli/old_servers.h"
#include "support/counting_receiver.h"
#include "support/scripted_server.h"
#include "support/terminal_process.h"

namespace notifyd::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPause = std::chrono::milliseconds(10);
constexpr int kLongSeconds = 600;  // of the large run

/// Until it holds; false at the deadline.
template <class Holds>
bool Until(Holds holds, int seconds = kDeadlineSeconds) {
  for (const auto until = Clock::now() + std::chrono::seconds(seconds); Clock::now() < until; std::this_thread::sleep_for(kPause))
    if (holds()) return true;
  return false;
}

std::vector<std::string> Arguments(const std::string& broker, const NotifyTable& table, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"--server", broker, "import", "notifyagent", "--mysql", table.url(), "--time-zone", "Asia/Shanghai"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// `count` rows that are due, each with its number as data, over ten queues.
void Fill(NotifyTable& table, size_t count, const std::string& url) {
  constexpr size_t kAtOnce = 500;
  for (size_t from = 0; from < count; from += kAtOnce) {
    std::string values;
    for (size_t i = from; i < std::min(count, from + kAtOnce); ++i)
      values += std::string(values.empty() ? "" : ",") + "('Q" + std::to_string(i % 10) + "','shop','" + url + "','POST','application/json','" +
                std::to_string(i) + "','','2020-01-01 00:00:00')";
    table.sql().Run("INSERT INTO Notify (queueName, caller, url, method, contentType, data, expectResponse, timeDelayedSend) VALUES " + values);
  }
}

struct Broken {
  int steps = 0;                          // how often the import is killed
  int broker_kills = 0, mysql_kills = 0;  // before that, at the first of these steps
};

/// Imports `count` rows, while the import is killed again and again, and the broker and the MySQL server under it. Nothing may be lost, nor accepted
/// twice.
void ImportBroken(size_t count, const Broken& broken, int seconds) {
  TempDir dir;
  MariadbServer server;
  NotifyTable table(server);
  CountingReceiver receiver;
  Fill(table, count, receiver.url());
  auto broker = std::make_unique<Broker>(dir.path());
  const std::string address = broker->address();
  const auto begun = Clock::now();
  int broker_kills = 0, mysql_kills = 0;
  const size_t steps = static_cast<size_t>(broken.steps) + 1;
  for (size_t step = 1; step < steps; ++step) {
    Process import(NOTIFYCTL_BINARY, {Arguments("http://" + address, table, {"--daemon-stopped"}), {}});
    // Somewhere on its way, a step further each time.
    const size_t left = count - step * count / steps;
    REQUIRE(Until([&] { return !import.running() || table.count() <= left; }, seconds));
    INFO(import.error());
    REQUIRE(import.running());
    if (broker_kills < broken.broker_kills) {
      ++broker_kills;
      broker->process().Signal(SIGKILL);
      broker->process().Wait();
      REQUIRE(import.WaitForError("trying again"));
      broker = std::make_unique<Broker>(dir.path(), std::vector<std::string>{"--listen", address});
    } else if (mysql_kills < broken.mysql_kills) {
      ++mysql_kills;
      server.Kill();
      REQUIRE(import.WaitForError("trying again"));
      server.Start();
      table.Reconnect();
    }
    import.Signal(SIGKILL);
    import.Wait();
  }
  Process last(NOTIFYCTL_BINARY, {Arguments("http://" + address, table, {"--daemon-stopped"}), {}});
  REQUIRE(Until([&] { return !last.running(); }, seconds));
  INFO(last.error());
  CHECK(last.Wait() == 0);
  const auto imported = Clock::now();
  CHECK(table.count() == 0);
  CHECK(broker->Stat("/totals/accepted") == count);
  CHECK(Until([&] { return broker->Stat("/totals/succeeded") == count; }, seconds));
  CHECK(broker->BooksBalance());
  std::map<std::string, std::string> ids;  // by data
  for (const Delivery& delivery : receiver.deliveries()) {
    const auto [known, fresh] = ids.emplace(delivery.body, delivery.id);
    if (!fresh) CHECK(known->second == delivery.id);  // an attempt that a killed broker repeats is the same notify's
  }
  CHECK(ids.size() == count);
  std::printf("%zu rows in %.1f s: the import killed %d times, the broker %d, MySQL %d; %zu calls for %zu notifies\n", count,
              std::chrono::duration<double>(imported - begun).count(), broken.steps, broker_kills, mysql_kills, receiver.count(), ids.size());
}

}  // namespace

TEST_CASE("import notifyagent: killed again and again, and its broker and MySQL too, it loses no row and submits none twice") {
  ImportBroken(5'000, {5, 1, 1}, kDeadlineSeconds);
}

TEST_CASE("import notifyagent: 100,000 rows likewise", "[.large]") {
  ImportBroken(100'000, {9, 2, 2}, kLongSeconds);
}

TEST_CASE("import notifyagent: on a terminal it shows how far it is, and takes that away at its end") {
  SKIP_WITHOUT_TERMINAL();
  TempDir dir;
  NotifyTable table;
  CountingReceiver receiver;
  Fill(table, 1'200, receiver.url());
  Broker broker(dir.path());
  TerminalProcess import(NOTIFYCTL_BINARY, Arguments(broker.url(), table, {"--daemon-stopped"}), 100);
  CHECK(import.WaitFor("500 of 1,200 rows, 500 accepted; 0 stay"));
  CHECK(import.WaitFor("\r\x1b[K"));
  CHECK(import.WaitFor("rows: 1,200 read, 1,200 accepted, 1,200 removed, 0 stay"));
  CHECK(import.Wait() == 0);
}

TEST_CASE("import notifyagent: stopped by a signal it ends by it, and says that it is to be run again") {
  NotifyTable table;
  Fill(table, 1, "http://127.0.0.1:9/");
  ScriptedServer broker([](const SeenRequest&) { return ScriptedAnswer{503, R"({"title":"it starts"})", "application/problem+json"}; });
  Process import(NOTIFYCTL_BINARY, {Arguments(broker.url(), table, {"--daemon-stopped"}), {}});
  REQUIRE(import.WaitForError("trying again"));
  import.Signal(SIGINT);
  CHECK(import.Wait() == 1000 + SIGINT);
  CHECK(import.error().find("run it again") != std::string::npos);
  CHECK(table.count() == 1);
}

TEST_CASE("import notifyagent: a broker that stays away ends it, with its rows where they were") {
  NotifyTable table;
  Fill(table, 3, "http://127.0.0.1:9/");
  const CtlRun away = Ctl(Arguments("http://127.0.0.1:" + std::to_string(ClosedPort()), table, {"--daemon-stopped", "--reconnect-ms", "200"}));
  CHECK(away.code == 3);
  CHECK(away.error.find("run it again") != std::string::npos);
  ScriptedServer closed([](const SeenRequest&) { return ScriptedAnswer{401, R"({"title":"Unauthorized"})", "application/problem+json"}; });
  const CtlRun refused = Ctl(Arguments(closed.url(), table, {"--daemon-stopped"}));
  CHECK(refused.code == 1);
  CHECK(table.count() == 3);
}

TEST_CASE("import notifyagent: what the broker does not know the end of is submitted again") {
  NotifyTable table;
  Fill(table, 2, "http://127.0.0.1:9/");
  std::atomic<int> posts{0};
  ScriptedServer broker([&](const SeenRequest& request) {
    if (request.method != "POST") return ScriptedAnswer{404, "{}"};
    if (posts++ == 0)
      return ScriptedAnswer{504, R"({"type":"urn:notifyd:problem:outcome-unknown","title":"it is gone","status":504})", "application/problem+json"};
    return AcceptedArray(SubmittedUrls(request).size());
  });
  const CtlRun run = Ctl(Arguments(broker.url(), table, {"--daemon-stopped"}));
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.error.find("it is gone; trying again") != std::string::npos);
  CHECK(table.count() == 0);
}

TEST_CASE("import notifyagent: what the broker takes no more of waits until it does") {
  NotifyTable table;
  Fill(table, 4, "http://127.0.0.1:9/");
  std::atomic<int> posts{0};
  ScriptedServer broker([&](const SeenRequest& request) {
    if (request.method != "POST") return ScriptedAnswer{404, "{}"};
    const size_t count = SubmittedUrls(request).size();
    switch (posts++) {
      case 0:
        return ScriptedAnswer{429, R"({"title":"too many","status":429,"field":"/1"})", "application/problem+json"};
      case 2:
        return ScriptedAnswer{503, R"({"type":"urn:notifyd:problem:restarting","title":"it restarts"})", "application/problem+json"};
      case 4:
        return ScriptedAnswer{201, count == 2 ? R"({"items":[{"id":"n2"},{"id":"n3","duplicate":true}]})" : "{}"};
      default:
        return count == 1 ? AcceptedArray(1) : ScriptedAnswer{404, "{}"};
    }
  });
  const CtlRun run = Ctl(Arguments(broker.url(), table, {"--daemon-stopped"}));
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.output == "rows: 4 read, 4 accepted (1 of them before), 4 removed, 0 stay\n");
  CHECK(table.count() == 0);
}

TEST_CASE("import notifyagent: a row that a producer triggers while it is submitted is the producer's, and its notify is cancelled") {
  NotifyTable table;
  const uint64_t id = table.Add("url = 'http://127.0.0.1:9/', fKey = 'f', timeDelayedSend = '2033-05-01 08:00:00'");
  Sql producer(table.server(), table.database());
  std::atomic<bool> cancelled{false};
  ScriptedServer broker([&](const SeenRequest& request) {
    if (request.method == "DELETE") cancelled = request.target == "/v1/notifies/n0000000000000009";
    if (request.method != "POST") return ScriptedAnswer{request.method == "GET" ? 404 : 200, "{}"};
    producer.Run("DELETE FROM Notify WHERE id = " + std::to_string(id));
    return ScriptedAnswer{201, R"({"items":[{"id":"n0000000000000009"}]})"};
  });
  const CtlRun run = Ctl(Arguments(broker.url(), table, {"--daemon-stopped"}));
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(cancelled);
  CHECK(run.error.find("was taken by somebody else meanwhile") != std::string::npos);
}

TEST_CASE("import notifyagent: a second import of the same table is refused while one runs") {
  NotifyTable table;
  TempDir dir;
  Broker broker(dir.path());
  Process first(NOTIFYCTL_BINARY, {Arguments(broker.url(), table, {"--follow"}), {}});
  REQUIRE(first.WaitForError("following"));
  const CtlRun second = Ctl(Arguments(broker.url(), table, {"--follow"}));
  CHECK(second.code == 1);
  CHECK(second.error.find("another import of this table runs") != std::string::npos);
  first.Signal(SIGTERM);
  CHECK(first.Wait() == 0);
}

TEST_CASE("import notifyagent: --follow that is stopped has ended well, though a row stays that cannot be taken") {
  NotifyTable table;
  table.Add("url = 'nowhere', timeDelayedSend = UTC_TIMESTAMP()");
  TempDir dir;
  Broker broker(dir.path());
  Process follow(NOTIFYCTL_BINARY, {Arguments(broker.url(), table, {"--follow"}), {}});
  REQUIRE(follow.WaitForError(" stays: "));
  follow.Signal(SIGTERM);
  CHECK(follow.Wait() == 0);
  CHECK(follow.output().find(", 0 removed, 1 stays\n") != std::string::npos);
  CHECK(table.count() == 1);
}

TEST_CASE("import notifyagent: --follow sends what comes due beside a producer that adds and triggers, each once") {
  constexpr int kRows = 60, kHeld = 20;
  TempDir dir;
  NotifyTable table;
  CountingReceiver receiver;
  Broker broker(dir.path());
  Process follow(NOTIFYCTL_BINARY, {Arguments(broker.url(), table, {"--follow"}), {}});
  REQUIRE(follow.WaitForError("following"));
  // As producers do it: each row is one that is due in 0 to 2 seconds, by Shanghai's clock.
  const std::string url = "url = '" + receiver.url() + "', expectResponse = '', ";
  for (int i = 0; i < kRows; ++i) {
    table.Add(url + "data = 'due " + std::to_string(i) + "', timeDelayedSend = UTC_TIMESTAMP() + INTERVAL 8 HOUR + INTERVAL " +
              std::to_string(i % 3) + " SECOND");
    if (i >= kHeld) continue;
    const std::string held = "data = 'held " + std::to_string(i) + "', fKey = 'f" + std::to_string(i) + "'";
    table.Add(url + held + (i % 2 ? "" : ", timeDelayedSend = UTC_TIMESTAMP() + INTERVAL 9 HOUR"));
  }
  // triggerNotify(): what it has read it puts itself, and deletes the row.
  for (int i = 0; i < kHeld / 2; ++i) {
    const std::string id = table.sql().Ask("SELECT id FROM Notify WHERE fKey = 'f" + std::to_string(i) + "'");
    REQUIRE_FALSE(id.empty());
    CHECK(table.sql().Run("DELETE FROM Notify WHERE id = " + id) == 1);
  }
  CHECK(Until([&] { return receiver.count() >= kRows; }));
  CHECK(Until([&] { return table.count() == kHeld / 2; }));
  CHECK(broker.Stat("/totals/accepted") == kRows);
  std::map<std::string, int> calls;
  for (const Delivery& delivery : receiver.deliveries()) ++calls[delivery.body];
  CHECK(calls.size() == kRows);
  for (const auto& [body, times] : calls) {
    CHECK(body.starts_with("due "));
    CHECK(times == 1);
  }
  follow.Signal(SIGTERM);
  CHECK(follow.Wait() == 0);
  CHECK(follow.output() == "rows: 60 read, 60 accepted, 60 removed, 0 stay\n");
}

}  // namespace notifyd::test
