// Who owns a shared store, in a process: the keeper's threads and clock, and what a broker that waits answers. The store is a row in memory.
#include "cli/daemon/standby.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/log.h"
#include "support/raw_client.h"
#include "support/slowness.h"
#include "support/sockets.h"
#include "support/temp_dir.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using notifyd::test::TempDir;

namespace {

using Kind = OwnerAsk::Kind;

/// What several ask for.
struct Row {
  std::mutex mutex;
  OwnerWord word;
};

/// One broker's way to it, which can be cut.
class RowStore : public OwnerStore {
 public:
  RowStore(Row* row, const std::atomic<bool>* cut, const std::atomic<bool>* refuses, std::atomic<int>* to_refuse,
           const std::atomic<int64_t>* ahead_ms)
      : row_(row), cut_(cut), refuses_(refuses), to_refuse_(to_refuse), ahead_ms_(ahead_ms) {}
  std::optional<int64_t> ClockAheadMs() const override { return ahead_ms_->load(); }
  std::string Namesake() const override { return "10.0.0.9:7400"; }
  std::string Fault() const override { return "FATAL:  no such database"; }
  bool Refuses() const override { return *refuses_; }
  std::pair<OwnerAnswer, OwnerWord> Do(const OwnerAsk& ask) override {
    if (*cut_ || (ask.kind != Kind::kLook && *to_refuse_ > 0)) {
      if (!*cut_) --*to_refuse_;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return {OwnerAnswer::kUnknown, {}};
    }
    std::lock_guard lock(row_->mutex);
    OwnerWord& word = row_->word;
    const bool same = word.epoch == ask.seen.epoch && word.incarnation == ask.seen.incarnation && word.free == ask.seen.free;
    if (ask.kind == Kind::kLook) return {OwnerAnswer::kYes, word};
    if (!same || (ask.kind == Kind::kAcquire && !ask.own && word.renewal != ask.seen.renewal)) return {OwnerAnswer::kNo, {}};
    if (ask.kind == Kind::kAcquire) word = {word.epoch + 1, word.renewal + 1, ask.incarnation, false};
    else if (ask.kind == Kind::kRenew) ++word.renewal;
    else word.free = true;
    return {OwnerAnswer::kYes, word};
  }

 private:
  Row* const row_;
  const std::atomic<bool>* const cut_;
  const std::atomic<bool>* const refuses_;
  std::atomic<int>* const to_refuse_;  // so many changes, while looks are answered
  const std::atomic<int64_t>* const ahead_ms_;
};

constexpr LeaseTimes kTimes{100, 2'000, 2'200, 20, 20};
constexpr int64_t kRefusedEachMs = 200;

/// One broker's.
struct Broker {
  explicit Broker(Row* row, std::optional<OwnerWord> inherited = {})
      : keeper({std::make_unique<RowStore>(row, &cut, &refuses, &to_refuse, &ahead_ms), kTimes, inherited, kRefusedEachMs}) {
    keeper.OnLost([this](const char* why) { lost.set_value(why); });
  }
  void Start() {
    keeper.Start([this] { acquired.set_value(); });
  }
  bool Acquires(int most_s = 60) { return acquired.get_future().wait_for(test::AtMostSeconds(most_s)) == std::future_status::ready; }

  std::atomic<bool> cut{false}, refuses{false};
  std::atomic<int> to_refuse{0};
  std::atomic<int64_t> ahead_ms{0};  // its clock
  std::promise<void> acquired;
  std::promise<std::string> lost;
  LeaseKeeper keeper;
};

/// One that stands by at a port of its own, for a store that another one has until it is Freed.
struct Waiting {
  TempDir dir;
  Row row;
  Broker broker{&row};
  const int fd = Listen();
  const uint16_t port = PortOf(fd);
  Options options;
  std::future<Result<Handover>> held;

  Waiting() {
    row.word = {4, 40, {1, 1}, false};
    options.data_dir = dir.path();
    options.listen = "127.0.0.1:" + std::to_string(port);
  }
  void Start() {
    Handover handover;
    handover.Add(fd);
    held = std::async(std::launch::async, [this, handover] { return StandBy(options, handover, &broker.keeper); });
  }
  /// What it hands on then; its sockets are the caller's to close.
  Result<Handover> Free() {
    {
      std::lock_guard lock(row.mutex);
      row.word.free = true;
    }
    return held.get();
  }
};

void CloseAll(const Handover& handover) {
  for (const std::vector<int>* fds : {&handover.listening, &handover.connections})
    for (int each : *fds) close(each);
}

}  // namespace

TEST_CASE("lease keeper: one that the store no longer answers is over by its own clock, before another has it") {
  Row row;
  Broker first(&row), second(&row);
  first.Start();
  REQUIRE(first.Acquires());
  CHECK(first.keeper.MayAct());
  CHECK(first.keeper.word().epoch == 1);
  second.Start();
  first.cut = true;
  std::future<std::string> lost = first.lost.get_future();
  REQUIRE(lost.wait_for(test::AtMostSeconds(60)) == std::future_status::ready);
  CHECK(lost.get() == "its lease is over");
  CHECK_FALSE(first.keeper.MayAct());
  REQUIRE(second.Acquires());
  CHECK(second.keeper.word().epoch == 2);
  first.cut = false;  // what comes back changes nothing any more
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK_FALSE(first.keeper.MayAct());
  CHECK(second.keeper.MayAct());
}

TEST_CASE("lease keeper: what is given back is another's at once, and so is what was handed on") {
  Row row;
  Broker first(&row), second(&row);
  first.Start();
  REQUIRE(first.Acquires());
  CHECK(first.keeper.Release(60'000));
  CHECK_FALSE(first.keeper.MayAct());
  second.Start();
  REQUIRE(second.Acquires());

  const OwnerWord left = *second.keeper.owned();
  second.cut = true;  // it is no more
  Broker heir(&row, left);
  const auto began = std::chrono::steady_clock::now();
  heir.Start();
  REQUIRE(heir.Acquires());
  CHECK(heir.keeper.word().epoch == left.epoch + 1);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::milliseconds(kTimes.stale_ms));  // nobody else would have it before
  CHECK(second.keeper.owned().has_value());
}

TEST_CASE("lease keeper: a fence is the end, and so is whatever else makes it give up, which is told as what it is") {
  Row row;
  Broker broker(&row);
  broker.Start();
  REQUIRE(broker.Acquires());
  CHECK(broker.keeper.MayAct());
  const bool fenced = GENERATE(true, false);
  if (fenced) broker.keeper.Fenced();
  else broker.keeper.GiveUp("it is blind");
  CHECK(broker.lost.get_future().get() == (fenced ? "the store refused what this broker wrote, as others own it by now" : "it is blind"));
  CHECK_FALSE(broker.keeper.MayAct());
}

TEST_CASE("lease keeper: a store that lost what it had confirmed is told as that, to its owner and to who waits in the owner's place") {
  Row row;
  Broker owner(&row);
  owner.Start();
  REQUIRE(owner.Acquires());
  const OwnerWord taken = owner.keeper.word();
  const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
  while (owner.keeper.word().renewal < taken.renewal + 2 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK_FALSE(owner.keeper.went_back());
  {
    std::lock_guard lock(row.mutex);
    row.word = taken;
  }
  const std::string words = "the store has not what it had confirmed to be durable";
  CHECK_THAT(owner.lost.get_future().get(), Catch::StartsWith(words));
  CHECK(owner.keeper.went_back());
  CHECK_FALSE(owner.keeper.MayAct());

  const bool lost = GENERATE(true, false);
  Row left;
  left.word = taken;
  OwnerWord handed_on = taken;
  if (lost) ++handed_on.renewal;
  Broker heir(&left, handed_on);
  heir.Start();
  if (lost) CHECK_THAT(heir.lost.get_future().get(), Catch::StartsWith(words));
  else CHECK(heir.Acquires());
  CHECK(heir.keeper.went_back() == lost);
}

namespace {

/// What is logged meanwhile.
class LogInFile {
 public:
  LogInFile() : saved_(dup(STDERR_FILENO)), fd_(open(file_.c_str(), O_WRONLY | O_CREAT, 0600)) {
    std::fflush(stderr);
    dup2(fd_, STDERR_FILENO);
    LogInit(LogFormat::kText, LogLevel::kInfo);
  }
  ~LogInFile() { End(); }
  /// From here on nothing is looked at but what was logged.
  void End() {
    if (fd_ < 0) return;
    LogFinish();
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    close(std::exchange(fd_, -1));
    LogInit(LogFormat::kAuto, LogLevel::kInfo);
  }
  /// The lines with these words.
  int Count(const std::string& words) const {
    std::ifstream in(file_);
    int lines = 0;
    for (std::string line; std::getline(in, line);) lines += line.find(words) != std::string::npos;
    return lines;
  }
  /// Until there are so many.
  void Await(const std::string& words, int lines) const {
    const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
    while (Count(words) < lines && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

 private:
  const TempDir dir_;
  const std::string file_ = dir_.path() + "/err";
  const int saved_;
  int fd_;
};

}  // namespace

TEST_CASE("lease keeper: that a right is lacking is logged again and again, that the store does not answer once, also where it is read") {
  Row row;
  LogInFile log;
  const auto began = std::chrono::steady_clock::now();
  {
    Broker broker(&row);
    broker.cut = true;
    broker.Start();
    log.Await("does not answer", 1);
    broker.refuses = true;
    log.Await("refuses this broker", 3);
  }
  const auto took = std::chrono::steady_clock::now() - began;
  bool acquired = false;
  {
    Broker broker(&row);
    broker.to_refuse = 4;
    broker.Start();
    acquired = broker.Acquires();
    log.Await("answers again", 1);
  }
  log.End();
  CHECK(log.Count("refuses this broker") >= 3);
  CHECK(took >= std::chrono::milliseconds(2 * kRefusedEachMs));
  CHECK(acquired);
  CHECK(log.Count("does not answer") == 2);
  CHECK(log.Count("answers again") == 1);
}

TEST_CASE("lease keeper: a clock that differs from the store's by more than a second is told of once, and so is that it does not any more") {
  Row row;
  LogInFile log;
  const char *const differs = "the clock differs from the database's", *const agrees = "the clock is the database's again";
  const auto sees = [](const Broker& broker, int64_t ahead_ms) {
    const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
    while (broker.keeper.clock_ahead_ms() != ahead_ms && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return broker.keeper.clock_ahead_ms() == ahead_ms;
  };
  {
    Broker broker(&row);
    broker.Start();
    CHECK(broker.Acquires());
    for (int64_t ahead_ms : {1'000, -1'001, -900, 30'000, -499, 900}) {
      broker.ahead_ms = ahead_ms;
      CHECK(sees(broker, ahead_ms));
    }
  }
  log.End();
  CHECK(log.Count(differs) == 1);
  CHECK(log.Count("-1001") == 1);
  CHECK(log.Count(agrees) == 1);
}

TEST_CASE("standby: it says that it is one, and hands its clients on once the store is its own") {
  Waiting waiting;
  waiting.Start();

  RawClient client(waiting.port, 0, 60);
  REQUIRE(client.Send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"));
  RawResponse answer = client.ReadResponse();
  CHECK(answer.status == 503);
  CHECK(answer.Header("Retry-After") == "1");
  CHECK(answer.body.find("standby") != std::string::npos);
  REQUIRE(client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
  CHECK(client.ReadResponse().status == 200);
  REQUIRE(client.Send("POST /v1/notifies HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"));
  CHECK(client.ReadResponse().status == 503);
  Result<Handover> sockets = waiting.Free();
  REQUIRE(sockets.ok());
  CHECK(waiting.broker.keeper.MayAct());
  CHECK(sockets->listening.size() == 2);    // with that of the control socket
  CHECK(sockets->connections.size() == 1);  // the client's, which notices nothing
  CloseAll(*sockets);
}

TEST_CASE("standby: one that waits for the name of a member that lives says so, and not while that may be what a crash left") {
  Waiting waiting;
  waiting.options.cluster.name = "a";
  waiting.options.cluster.advertise = "10.0.0.7:7400";
  waiting.Start();
  const auto health = [&] {
    RawClient client(waiting.port, 0, 60);
    CHECK(client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
    const RawResponse answer = client.ReadResponse();
    CHECK(answer.status == 200);
    return answer.body;
  };
  CHECK(health() == R"({"status":"ok"})");
  CHECK(waiting.broker.keeper.namesake().empty());
  const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
  std::string said;
  while ((said = health()).find("10.0.0.9:7400") == std::string::npos && std::chrono::steady_clock::now() < until) {
    std::lock_guard lock(waiting.row.mutex);
    ++waiting.row.word.renewal;
  }
  CHECK(said.find(R"(is a member by the name \"a\" already)") != std::string::npos);
  Result<Handover> sockets = waiting.Free();
  REQUIRE(sockets.ok());
  CHECK(waiting.broker.keeper.namesake().empty());
  CloseAll(*sockets);
}

TEST_CASE("standby: one whose store does not answer says that, and not that another one has it") {
  Waiting waiting;
  waiting.broker.cut = true;
  waiting.Start();
  RawClient client(waiting.port, 0, 60);
  const auto answer = [&](const char* path) {
    REQUIRE(client.Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    return client.ReadResponse();
  };
  const auto says = [&](const std::string& words) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::string said;
    while ((said = answer("/readyz").body).find("standby: " + words) == std::string::npos && std::chrono::steady_clock::now() < until) {
    }
    INFO(said);
    CHECK(said.find("standby: " + words) != std::string::npos);
  };
  says("the store does not answer");
  CHECK(answer("/readyz").status == 503);
  CHECK(answer("/healthz").body == R"({"status":"ok","detail":"the store does not answer"})");
  waiting.broker.refuses = true;  // it is there
  says("the store refuses it: its role lacks a right");
  CHECK(answer("/readyz").status == 503);
  waiting.broker.cut = false;
  says("another one has the store");
  CHECK(answer("/healthz").body == R"({"status":"ok"})");
  Result<Handover> sockets = waiting.Free();
  REQUIRE(sockets.ok());
  CloseAll(*sockets);
}
