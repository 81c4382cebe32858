// Commands as destinations, with a broker around them: what docs/flows-commands.md says.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <thread>

#include "cli/e2e_broker.h"
#include "support/temp_dir.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

std::string Command(const std::string& name, const std::string& script, const std::string& more = "") {
  return "[[command]]\nname = \"" + name + "\"\nexec = [\"/bin/sh\", \"-c\", '''" + script + "''']\n" + more + "\n";
}

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Waits for what will come; a minute at most.
template <class Ready>
bool Eventually(Ready ready) {
  for (int i = 0; i < 6000; ++i) {
    if (ready()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

bool IsGone(const std::string& pid) {
  return kill(std::stoi(pid), 0) != 0 || FileText("/proc/" + std::to_string(std::stoi(pid)) + "/stat").find(") Z ") != std::string::npos;
}

}  // namespace

TEST_CASE("notifyd: a notify to a command runs it, with its body and what of data it may know") {
  TempDir dir;
  const std::string file =
      dir.Write("n.toml", Command("resize", R"(printf "%s %s %s " "$NOTIFY_ID" "$NOTIFY_ATTEMPT" "$NOTIFY_DATA_image"; cat)", "env = [\"image\"]\n"));
  Broker broker(dir.path(), {"--config", file});
  const std::string id = broker.Submit(R"({"url":"command:resize","data":{"image":"cat.png","width":200}})");
  const std::string settled = broker.Settled(id);
  CHECK(JsonAt(settled, "/state") == "succeeded");
  CHECK(JsonAt(settled, "/lane") == "command:resize");
  CHECK(JsonAt(settled, "/attempts/0/status") == "200");
  CHECK(JsonAt(settled, "/attempts/0/response_body") == id + R"( 1 cat.png {"image":"cat.png","width":200})");
  const std::string metrics = broker.Call("GET", "/metrics").body;
  CHECK_THAT(metrics, Catch::Contains("notifyd_command_starts_total{command=\"resize\"} 1\n"));
  CHECK_THAT(metrics, Catch::Contains("notifyd_command_ends_total{command=\"resize\",outcome=\"succeeded\"} 1\n"));
  CHECK_THAT(metrics, Catch::Contains("notifyd_commands_running{command=\"resize\"} 0\n"));
}

TEST_CASE("notifyd: exit 75 is tried again, and what ends in time is not killed") {
  TempDir dir;
  const std::string once = dir.path() + "/once";
  const std::string file = dir.Write("n.toml", Command("busy", "test -e " + once + " && exit 0; touch " + once + "; exit 75"));
  Broker broker(dir.path(), {"--config", file});
  const std::string settled = broker.Settled(broker.Submit(R"({"url":"command:busy","retry":{"schedule_ms":[1]}})"));
  CHECK(JsonAt(settled, "/state") == "succeeded");
  CHECK(JsonAt(settled, "/attempts/0/status") == "503");
  CHECK(JsonAt(settled, "/attempts/1/status") == "200");
}

TEST_CASE("notifyd: a command that the file does not have, or not for this caller, is refused with 422, and so are paths and arguments") {
  TempDir dir;
  const std::string file =
      dir.Write("n.toml", Command("shop", "exit 0", "callers = [\"shop\"]\n") + Command("sales", "exit 0", "namespaces = [\"sales\"]\n"));
  Broker broker(dir.path(), {"--config", file});
  for (const char* url : {"command:none", "command:shop", "command:sales", "command:", "command:/bin/true", "command://shop", "command:shop?a",
                          "command:shop/x", "command:shop#x", "COMMAND:shop"}) {
    INFO(url);
    const HttpAnswer answer = broker.Call("POST", "/v1/notifies", std::string(R"({"url":")") + url + "\"}");
    CHECK(answer.status == 422);
    CHECK_THAT(answer.body, Catch::Contains("/url"));
  }
  CHECK(broker.Call("POST", "/v1/notifies", R"({"url":"command:shop","caller":"shop","callback_url":"command:shop"})").status == 422);
  CHECK(JsonAt(broker.Settled(broker.Submit(R"({"url":"command:shop","caller":"shop"})")), "/state") == "succeeded");

  // What waits for one that is taken out fails, and says why.
  const std::string later = broker.Submit(R"({"url":"command:shop","caller":"shop","delay_ms":3600000})");
  dir.Write("n.toml", "");
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  CHECK(broker.Call("POST", "/v1/notifies", R"({"url":"command:shop","caller":"shop"})").status == 422);
  CHECK(broker.Call("PATCH", "/v1/notifies/" + later, R"({"delay_ms":0})").status == 200);
  const std::string settled = broker.Settled(later);
  CHECK(JsonAt(settled, "/state") == "failed");
  CHECK(JsonAt(settled, "/reason") == "destination_refused");
}

TEST_CASE("notifyd: SIGTERM gives a command the grace, then ends it and its group; it is run again, with the same number") {
  TempDir dir;
  const std::string pids = dir.path() + "/pids", numbers = dir.path() + "/numbers", quick = dir.path() + "/quick";
  const std::string script = "echo $NOTIFY_ATTEMPT >> " + numbers + "; test -e " + quick + " && exit 0; trap : TERM; sleep 1000 & echo $$ > " + pids +
                             ".new; echo $! >> " + pids + ".new; mv " + pids + ".new " + pids + "; while :; do sleep 1000; done";
  const std::string file = dir.Write("n.toml", "shutdown_grace_ms = 100\n" + Command("long", script, "timeout_ms = 3600000\n"));
  std::string id;
  {
    Broker broker(dir.path(), {"--config", file});
    id = broker.Submit(R"({"url":"command:long"})");
    REQUIRE(Eventually([&] { return access(pids.c_str(), F_OK) == 0; }));
    broker.process().Signal(SIGTERM);
    CHECK(broker.process().Wait() == 0);
  }
  const std::string said = FileText(pids);
  CHECK(IsGone(said));
  CHECK(Eventually([&] { return IsGone(said.substr(said.find('\n') + 1)); }));
  dir.Write("quick", "");
  Broker broker(dir.path(), {"--config", file});
  CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
  CHECK(FileText(numbers) == "1\n1\n");
}

TEST_CASE("notifyd: a restart in place ends a command whose grace is over, and a kill -9 takes it along") {
  TempDir dir;
  const std::string pids = dir.path() + "/pids";
  const std::string file =
      dir.Write("n.toml", "shutdown_grace_ms = 100\n" + Command("long", "echo $$ >> " + pids + "; exec sleep 1000", "timeout_ms = 3600000\n"));
  Broker broker(dir.path(), {"--config", file});
  broker.Submit(R"({"url":"command:long"})");
  const auto lines = [&] {
    const std::string text = FileText(pids);
    return std::count(text.begin(), text.end(), '\n');
  };
  REQUIRE(Eventually([&] { return lines() == 1; }));
  const std::string first = FileText(pids);
  broker.process().Signal(SIGUSR1);
  // The process that follows runs it again.
  REQUIRE(Eventually([&] { return lines() == 2; }));
  CHECK(IsGone(first));
  const std::string second = FileText(pids).substr(first.size());
  CHECK_FALSE(IsGone(second));
  broker.process().Signal(SIGKILL);
  broker.process().Wait();
  CHECK(Eventually([&] { return IsGone(second); }));
}

TEST_CASE("notifyd: who waits for max_running of a command waits in its lane, which explain says, and goes on when the file allows more") {
  TempDir dir;
  const std::string began = dir.path() + "/began", go = dir.path() + "/go";
  const std::string script = "echo $NOTIFY_ID >> " + began + "; until test -e " + go + "; do sleep 0.02; done";
  const auto write = [&](int most) {
    return dir.Write("n.toml", Command("slow", script, "timeout_ms = 3600000\nmax_running = " + std::to_string(most) + "\n"));
  };
  Broker broker(dir.path(), {"--config", write(1)});
  const std::string first = broker.Submit(R"({"url":"command:slow"})");
  REQUIRE(Eventually([&] { return FileText(began) == first + "\n"; }));
  const std::string second = broker.Submit(R"({"url":"command:slow"})");
  CHECK_THAT(broker.Call("GET", "/v1/notifies/" + second + "/explain").body, Catch::Contains("host_at_cap"));
  const std::string host = broker.Call("GET", "/v1/hosts/command:slow").body;
  CHECK(JsonAt(host, "/effective/concurrency") == "1");
  CHECK(JsonAt(host, "/in_flight") == "1");
  CHECK(JsonAt(host, "/at_cap") == "true");
  const std::string metrics = broker.Call("GET", "/metrics").body;
  CHECK_THAT(metrics, Catch::Contains("notifyd_commands_waiting{command=\"slow\"} 0\n"));
  CHECK_THAT(metrics, Catch::Contains("notifyd_hosts_at_cap 1\n"));

  write(2);
  broker.process().Signal(SIGHUP);
  CHECK(Eventually([&] { return FileText(began) == first + "\n" + second + "\n"; }));
  dir.Write("go", "");
  CHECK(JsonAt(broker.Settled(first), "/state") == "succeeded");
  CHECK(JsonAt(broker.Settled(second), "/state") == "succeeded");
}

TEST_CASE("notifyd: the namespaces of a command share its max_running") {
  TempDir dir;
  const std::string lock = dir.path() + "/lock", overlaps = dir.path() + "/overlaps";
  const std::string script = "mkdir " + lock + " || echo x >> " + overlaps + "; sleep 0.02; rmdir " + lock;
  const std::string file = dir.Write("n.toml", "shards = 2\n" + Command("one", script, "namespaces = [\"default\", \"sales\"]\nmax_running = 1\n"));
  Broker broker(dir.path(), {"--config", file});
  REQUIRE(broker.Call("PUT", "/v1/namespaces/sales", "{}").status == 201);
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) {
    ids.push_back(broker.Submit(R"({"url":"command:one"})"));
    ids.push_back(JsonAt(broker.Call("POST", "/v1/namespaces/sales/notifies", R"({"url":"command:one"})").body, "/id"));
  }
  for (const std::string& id : ids) CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
  CHECK(access(overlaps.c_str(), F_OK) != 0);
}
