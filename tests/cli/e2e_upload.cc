// Restart in place and stop while clients send: an upload ends in order, goes on where it was, and nobody else waits for it.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>

#include "base/time.h"
#include "support/counting_receiver.h"
#include "cli/e2e_broker.h"
#include "support/raw_client.h"
#include "support/scripted_server.h"
#include "cli/client/submit_file.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

constexpr char kRestarted[] = "restarted in place";

/// A file that comes line by line, and what SubmitFile says of it.
class Upload {
 public:
  Upload(const std::string& server, int64_t reconnect_ms = kReconnectMs) {
    REQUIRE(pipe2(ends_, O_CLOEXEC) == 0);
    hooks_.answered = [this](std::string_view line) {
      std::lock_guard<std::mutex> lock(mutex_);
      answers_.emplace_back(line);
      changed_.notify_all();
      return true;
    };
    done_ = std::async(std::launch::async, [this, server, reconnect_ms] {
      HttpClient client(server);
      return SubmitFile(ends_[0], &client, hooks_, reconnect_ms);
    });
  }
  ~Upload() {
    End();
    if (done_.valid()) done_.wait();
    close(ends_[0]);
  }
  void Write(const std::string& text) { REQUIRE(write(ends_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size())); }
  bool WaitForAnswers(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(kDeadlineSeconds), [&] { return answers_.size() >= count; });
  }
  /// The end of the file, and what came of it.
  FileOutcome Finish() {
    End();
    return done_.get();
  }
  std::vector<std::string> answers() {
    std::lock_guard<std::mutex> lock(mutex_);
    return answers_;
  }

 private:
  void End() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }
  int ends_[2] = {-1, -1};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> answers_;
  FileHooks hooks_;
  std::future<FileOutcome> done_;
};

/// From one event of the log to another, each its newest.
int64_t MsBetween(const std::string& log, const std::string& from, const std::string& to) {
  auto at = [&](const std::string& event) {
    std::vector<std::string> lines = LinesOf(log, event);
    REQUIRE_FALSE(lines.empty());
    Result<WallTime> time = ParseRfc3339(JsonAt(lines.back(), "/time"));
    REQUIRE(time.ok());
    return time->ms;
  };
  return at(to) - at(from);
}

/// Until so many clients are connected.
bool WaitForConnections(Broker* broker, size_t count) {
  const std::string name = "\nnotifyd_connections ";
  for (int i = 0; i < kDeadlineSeconds * 100; ++i, usleep(10'000)) {
    std::string metrics = broker->Call("GET", "/metrics").body;
    size_t at = metrics.find(name);
    if (at != std::string::npos && std::stoul(metrics.substr(at + name.size())) >= count) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("notifyd: a bulk submit that goes on over restarts in place loses no line, repeats none and keeps their order") {
  std::string io_threads = GENERATE(as<std::string>{}, "1", "3");
  TempDir dir;
  CountingReceiver receiver;
  Broker broker(dir.path(), {"--io-threads", io_threads});
  constexpr size_t kRestarts = 3, kLines = 60;
  Upload upload(broker.url());
  size_t written = 0;
  auto write_more = [&](size_t count) {
    for (size_t i = 0; i < count; ++i)
      upload.Write(R"({"url":")" + receiver.url() + R"(","mode":"fifo","lane":"l","data":)" + std::to_string(written++) + "}\n");
  };
  for (size_t restart = 1; restart <= kRestarts; ++restart) {
    for (int i = 0; i < 5; ++i) {
      write_more(1);
      REQUIRE(upload.WaitForAnswers(written));
    }
    broker.process().Signal(SIGUSR1);
    // Some of them before it, some while it is under way, and the beginning of one.
    write_more(5);
    REQUIRE(broker.process().WaitForError(kRestarted, restart));
    write_more(5);
  }
  write_more(kLines - written);
  FileOutcome outcome = upload.Finish();
  INFO(outcome.fault.detail() << broker.process().error());
  CHECK(outcome.fault.ok());
  CHECK(outcome.counts.accepted == kLines);
  CHECK(outcome.counts.refused == 0);
  std::vector<std::string> answers = upload.answers();
  REQUIRE(answers.size() == kLines);
  for (size_t i = 0; i < kLines; ++i) CHECK(JsonAt(answers[i], "/index") == std::to_string(i));
  CHECK(broker.Stat("/totals/accepted") == kLines);
  REQUIRE(receiver.WaitFor(kLines));
  std::vector<Delivery> deliveries = receiver.deliveries();
  CHECK(deliveries.size() == kLines);
  for (size_t i = 0; i < std::min(kLines, deliveries.size()); ++i) CHECK(deliveries[i].body == std::to_string(i));
}

TEST_CASE("notifyd: a restart in place waits for no upload, neither of lines nor of one body, nor for a head that does not end") {
  TempDir dir;
  Broker broker(dir.path());
  Upload upload(broker.url());
  const std::string line = "{\"url\":\"http://127.0.0.1:9/\",\"delay_ms\":3600000}\n";
  // Old: two seconds in which every client waited. Noise may stretch one of three.
  int64_t least_ms = INT64_MAX;
  for (size_t restart = 1; restart <= 3; ++restart) {
    upload.Write(line);
    REQUIRE(upload.WaitForAnswers(restart));
    RawConnection slow_body(broker.address()), slow_head(broker.address()), kept(broker.address());
    REQUIRE(kept.Call("GET", "/healthz").status == 200);
    slow_body.SendRaw("POST /v1/notifies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{");
    slow_head.SendRaw("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-");
    REQUIRE(WaitForConnections(&broker, 5));
    broker.process().Signal(SIGUSR1);
    REQUIRE(broker.process().WaitForError(kRestarted, restart));
    least_ms = std::min(least_ms, MsBetween(broker.process().error(), "restart: closing", "restart: starting"));
    for (RawConnection* slow : {&slow_body, &slow_head}) {
      RawConnection::Answer answer = slow->Receive();
      CHECK(answer.status == 503);
      CHECK(answer.closes);
      CHECK_THAT(answer.body, Catch::Contains("send it again"));
    }
    CHECK(kept.Call("GET", "/healthz").status == 200);
  }
  CHECK(least_ms < 1000);
  FileOutcome outcome = upload.Finish();
  INFO(outcome.fault.detail());
  CHECK(outcome.fault.ok());
  CHECK(outcome.counts.accepted == 3);
}

TEST_CASE("notifyd: a bulk submit that sends without a pause gets its last line over a restart, though it reads it late") {
  TempDir dir;
  Broker broker(dir.path());
  const std::string line = "{\"url\":\"http://127.0.0.1:9/\",\"delay_ms\":3600000,\"body\":\"" + std::string(20'000, 'x') + "\"}\n";
  RawConnection client(broker.address());
  client.SendRaw("POST /v1/notifies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n");
  char size[16];
  snprintf(size, sizeof size, "%zx\r\n", line.size());
  std::string chunk = size + line + "\r\n";
  client.SendRaw(chunk);
  broker.process().Signal(SIGUSR1);
  // Unread bytes at the moment of the exec would reset the connection, and take the answer with it.
  for (int i = 0; i < 2000 && !broker.process().CountsError(kRestarted, 1) && client.TrySendRaw(chunk); ++i) usleep(1000);
  REQUIRE(broker.process().WaitForError(kRestarted));
  RawConnection::Answer answer = client.Receive();
  CHECK(answer.status == 200);
  CHECK_THAT(answer.body, Catch::Contains("urn:notifyd:problem:restarting"));
  size_t last = answer.body.rfind("\n", answer.body.size() - 2) + 1;
  std::string next_index = JsonAt(answer.body.substr(last), "/next_index");
  CHECK(next_index == std::to_string(std::count(answer.body.begin(), answer.body.end(), '\n') - 1));
  CHECK(std::to_string(broker.Stat("/totals/accepted")) == next_index);
}

TEST_CASE("notifyd: at a stop a bulk submit ends in order: what was answered is there after the start, and nothing else") {
  TempDir dir;
  FileOutcome outcome;
  {
    Broker broker(dir.path());
    Upload upload(broker.url());
    const std::string line = "{\"url\":\"http://127.0.0.1:9/\",\"delay_ms\":3600000}\n";
    for (int i = 0; i < 5; ++i) upload.Write(line);
    REQUIRE(upload.WaitForAnswers(5));
    broker.process().Signal(SIGTERM);
    for (int i = 0; i < 20; ++i) upload.Write(line);
    // A file whose lines were all answered before it is told is whole: one more comes behind that.
    REQUIRE(broker.process().WaitForError("stopping"));
    upload.Write(line);
    outcome = upload.Finish();
    CHECK(broker.process().Wait() == 0);
  }
  CHECK_FALSE(outcome.fault.ok());
  CHECK_THAT(outcome.fault.detail(), Catch::Contains("stopping"));
  CHECK(outcome.rest_not_taken);
  CHECK(outcome.counts.refused == 0);
  CHECK(outcome.counts.accepted >= 5);
  Broker broker(dir.path());
  CHECK(broker.Stat("/totals/accepted") == outcome.counts.accepted);
}

TEST_CASE("notifyctl get --wait: goes on over a restart in place, and over a stop and start") {
  bool in_place = GENERATE(true, false);
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, ""}; });
  auto broker = std::make_unique<Broker>(dir.path());
  std::string address = broker->address();
  std::string id = broker->Submit(R"({"url":")" + receiver.url() + R"(/","delay_ms":3600000})");
  Process waiter(NOTIFYCTL_BINARY, {{"--server", broker->url(), "get", "--wait", id}, {}});
  REQUIRE(WaitForConnections(broker.get(), 2));
  if (in_place) {
    broker->process().Signal(SIGUSR1);
    REQUIRE(broker->process().WaitForError(kRestarted));
  } else {
    broker->process().Signal(SIGTERM);
    REQUIRE(broker->process().Wait() == 0);
    broker = std::make_unique<Broker>(dir.path(), std::vector<std::string>{"--listen", address});
  }
  REQUIRE(WaitForConnections(broker.get(), 2));
  CHECK(waiter.running());
  CHECK(broker->Call("POST", "/v1/notifies/" + id + "/retry").status == 202);
  CHECK(waiter.Wait() == 0);
  CHECK_THAT(waiter.output(), Catch::Contains("succeeded"));
  CHECK(waiter.error().empty());
}

TEST_CASE("notifyctl: fkeys and lanes named like dot segments are reached at the real broker") {
  TempDir dir;
  Broker broker(dir.path());
  for (std::string name : {".", ".."}) {
    INFO(name);
    std::string id = broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":")" + name + R"(","lane":")" + name + R"("})");
    auto ctl = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), {"--server", broker.url(), "--json"});
      Process process(NOTIFYCTL_BINARY, {arguments, {}});
      return process.Wait() == 0 ? process.output() : "";
    };
    CHECK(JsonAt(ctl({"get", "--fkey", name}), "/id") == id);
    CHECK(JsonAt(ctl({"pause", name, "--mode", "concurrent"}), "/paused") == "true");
    CHECK(JsonAt(broker.Call("GET", "/v1/lanes/concurrent/%2E" + std::string(name.size() - 1, '.')).body, "/paused") == "true");
    CHECK(JsonAt(ctl({"trigger", name}), "/id") == id);
  }
}
