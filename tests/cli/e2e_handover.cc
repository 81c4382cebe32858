// SIGUSR1: the process becomes the program that is there now, and no client notices.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "support/counting_receiver.h"
#include "cli/e2e_broker.h"
#include "support/held_receiver.h"
#include "support/raw_client.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

constexpr char kRestarted[] = "restarted in place";

/// A program of the test's own in place of notifyd: $REAL is notifyd, $DIR the test's directory.
std::string Script(const TempDir& dir, const std::string& text) {
  return "#!/bin/sh\nREAL='" NOTIFYD_BINARY "'\nDIR='" + dir.path() + "'\n" + text + "\n";
}
const std::string kSaysOk = "case \"$*\" in *--check-config*) echo ok; exit 0;; esac\n";

/// Puts `from` in the place of `to` in one step, as an installer does.
void Install(const std::string& from, const std::string& to) {
  std::filesystem::copy_file(from, to + ".new");
  std::filesystem::permissions(to + ".new", std::filesystem::perms::owner_all);
  std::filesystem::rename(to + ".new", to);
}

/// A client that submits all the time; `fresh`: each over a connection of its own. What goes wrong is kept, and ends it.
class Submitter {
 public:
  Submitter(const std::string& address, std::string notify, bool fresh)
      : thread_([this, address, notify = std::move(notify), fresh] {
          try {
            auto connection = std::make_unique<RawConnection>(address);
            for (; !stopping_; ++accepted_) {
              if (fresh) connection = std::make_unique<RawConnection>(address);
              RawConnection::Answer answer = connection->Call("POST", "/v1/notifies", notify + std::to_string(accepted_) + "}");
              if (answer.status != 201) throw std::runtime_error(std::to_string(answer.status) + " " + answer.body);
              if (answer.closes && !fresh) throw std::runtime_error("a kept connection was closed");
            }
          } catch (const std::exception& fault) {
            fault_ = fault.what();
          }
        }) {}
  ~Submitter() { Stop(); }
  void Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int accepted() const { return accepted_; }
  /// After Stop.
  const std::string& fault() const { return fault_; }

 private:
  std::atomic<bool> stopping_{false};
  std::atomic<int> accepted_{0};
  std::string fault_;
  std::thread thread_;
};

void WaitForMore(const Submitter& submitter, int more) {
  for (int until = submitter.accepted() + more, i = 0; submitter.accepted() < until && i < kDeadlineSeconds * 100; ++i) usleep(10'000);
}

/// Sockets, and all else but standard input, output and error, of those that a listing of /proc/self/fd has.
std::pair<int, std::vector<std::string>> SocketsAndOthers(const std::string& file) {
  int sockets = 0;
  std::vector<std::string> others;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::string fd = line.substr(0, line.find(' ')), target = line.substr(std::min(line.size(), fd.size() + 1));
    // One without a target is the shell's own, with which it read the directory, and closed by then.
    if (fd == "0" || fd == "1" || fd == "2" || target.empty()) continue;
    if (target.rfind("socket:", 0) == 0) ++sockets;
    else others.push_back(fd + " " + target);
  }
  return {sockets, others};
}

}  // namespace

TEST_CASE("notifyd: restarts in place under load refuse no connection, lose nothing and keep the order of a fifo lane") {
  std::string io_threads = GENERATE(as<std::string>{}, "1", "3");
  TempDir dir;
  CountingReceiver receiver;
  Broker broker(dir.path(), {"--io-threads", io_threads});
  uint64_t pid = broker.Stat("/pid");
  std::string notify = R"({"url":")" + receiver.url() + R"(","mode":"fifo","lane":")";
  Submitter kept(broker.address(), notify + R"(kept","data":1)", false), also_kept(broker.address(), notify + R"(also","data":2)", false),
      fresh(broker.address(), notify + R"(fresh","data":3)", true);
  constexpr size_t kRestarts = 4;
  for (size_t restart = 1; restart <= kRestarts; ++restart) {
    WaitForMore(kept, 20);
    WaitForMore(fresh, 20);
    broker.process().Signal(SIGUSR1);
    REQUIRE(broker.process().WaitForError(kRestarted, restart));
  }
  WaitForMore(kept, 20);
  WaitForMore(fresh, 20);
  size_t accepted = 0;
  for (Submitter* submitter : {&kept, &also_kept, &fresh}) {
    submitter->Stop();
    CHECK(submitter->fault() == "");
    accepted += static_cast<size_t>(submitter->accepted());
  }
  CHECK(broker.Stat("/pid") == pid);
  CHECK(broker.process().running());
  CHECK(broker.Stat("/totals/accepted") == accepted);
  REQUIRE(receiver.WaitFor(accepted));
  CHECK(broker.BooksBalance());
  // No attempt was cut off, so each came once, and those of a lane in order. A body is the lane's digit and its notify's number.
  CHECK(receiver.count() == accepted);
  std::map<char, int> next;
  for (const Delivery& delivery : receiver.deliveries()) {
    CHECK(delivery.attempt == 1);
    CHECK(std::stoi(delivery.body.substr(1)) == next[delivery.body[0]]++);
  }
}

TEST_CASE("notifyd: a kept connection outlives a restart, idle or waiting for an answer") {
  TempDir dir;
  Broker broker(dir.path());
  RawConnection idle(broker.address()), waiting(broker.address()), never_used(broker.address());
  CHECK(idle.Call("GET", "/healthz").status == 200);
  std::string id = JsonAt(waiting.Call("POST", "/v1/notifies", R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})").body, "/id");
  waiting.Send("GET", "/v1/notifies/" + id + "?wait_ms=60000");
  // Once an answer came on another connection of the same loop, the one before it has been read.
  CHECK(idle.Call("GET", "/healthz").status == 200);
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError(kRestarted));
  RawConnection::Answer answer = waiting.Receive();
  CHECK(answer.status == 200);
  CHECK(JsonAt(answer.body, "/state") == "scheduled");
  for (RawConnection* connection : {&idle, &waiting, &never_used}) {
    answer = connection->Call("GET", "/v1/notifies/" + id);
    CHECK(answer.status == 200);
    CHECK_FALSE(answer.closes);
  }
  std::vector<std::string> said = LinesOf(broker.process().error(), kRestarted);
  REQUIRE(said.size() == 1);
  CHECK(JsonAt(said[0], "/connections") == "3");
}

TEST_CASE("notifyd: the number of io threads may change over a restart") {
  TempDir dir;
  std::string file = dir.Write("n.toml", "io_threads = 3\n");
  Broker broker(dir.path(), {"--config", file});
  size_t restarts = 0;
  for (const char* threads : {"1", "4", "2"}) {
    std::vector<std::unique_ptr<RawConnection>> kept;
    for (int i = 0; i < 8; ++i) {
      kept.push_back(std::make_unique<RawConnection>(broker.address()));
      CHECK(kept.back()->Call("GET", "/healthz").status == 200);
    }
    dir.Write("n.toml", std::string("io_threads = ") + threads + "\n");
    broker.process().Signal(SIGUSR1);
    REQUIRE(broker.process().WaitForError(kRestarted, ++restarts));
    for (auto& connection : kept) CHECK(connection->Call("GET", "/healthz").status == 200);
    for (int i = 0; i < 40; ++i) CHECK(RawConnection(broker.address()).Call("GET", "/healthz").status == 200);
  }
}

TEST_CASE("notifyd: a wrong program or configuration is found before a restart, and the old one goes on") {
  TempDir dir;
  std::string program = dir.path() + "/notifyd", file = dir.Write("n.toml", "");
  Install(NOTIFYD_BINARY, program);
  Broker broker(dir.path(), {"--config", file}, program);
  RawConnection kept(broker.address());
  size_t refused = 0;
  auto goes_on = [&](const std::string& because) {
    broker.process().Signal(SIGUSR1);
    REQUIRE(broker.process().WaitForError("no restart, going on as before", ++refused));
    CHECK_THAT(JsonAt(LinesOf(broker.process().error(), "no restart, going on as before").back(), "/detail"), Catch::Contains(because));
    CHECK(kept.Call("POST", "/v1/notifies", R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})").status == 201);
    CHECK(broker.Call("GET", "/readyz").status == 200);
  };
  dir.Write("n.toml", "[limits]\npending = 0\n");
  goes_on("limits.pending");
  dir.Write("n.toml", "");
  Install(dir.Write("s1", Script(dir, "echo broken >&2; exit 1")), program);
  goes_on("broken");
  Install(dir.Write("s2", "rubbish"), program);
  goes_on(program);
  std::filesystem::remove(program);
  goes_on(program);
  CHECK(broker.Stat("/states/scheduled") == 4);
  // And with the right one it restarts.
  Install(NOTIFYD_BINARY, program);
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError(kRestarted));
  CHECK(kept.Call("GET", "/readyz").status == 200);
  CHECK(broker.Stat("/states/scheduled") == 4);
}

TEST_CASE("notifyd: nothing but the sockets of clients goes into the new program") {
  std::string io_threads = GENERATE(as<std::string>{}, "1", "2");
  TempDir dir;
  HeldReceiver receiver;
  std::string program = dir.path() + "/notifyd";
  Install(NOTIFYD_BINARY, program);
  Broker broker(dir.path(), {"--io-threads", io_threads, "--shutdown-grace-ms", "50"}, program);
  std::vector<std::unique_ptr<RawConnection>> kept;
  for (int i = 0; i < 5; ++i) {
    kept.push_back(std::make_unique<RawConnection>(broker.address()));
    CHECK(kept.back()->Call("GET", "/healthz").status == 200);
  }
  // A call in flight: its connection is not handed on.
  RawConnection::Answer submitted = kept[0]->Call("POST", "/v1/notifies", R"({"url":")" + receiver.url() + R"(/"})");
  REQUIRE(submitted.status == 201);
  REQUIRE(receiver.server().WaitFor(1).size() == 1);
  // The shell's own descriptor of the script is not the broker's: it is opened after the exec.
  Install(
      dir.Write("s", Script(dir, kSaysOk + "printenv NOTIFYD_SOCKETS > $DIR/variable\n"
                                           "for fd in /proc/$$/fd/*; do echo ${fd##*/} $(readlink $fd); done | grep -v \"$DIR/notifyd\" > $DIR/fds\n"
                                           "exec \"$REAL\" \"$@\"")),
      program);
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError(kRestarted));
  auto [sockets, others] = SocketsAndOthers(dir.path() + "/fds");
  INFO(Catch::rangeToString(others));
  // Those of the test, its own HTTP client's, one listening socket a thread, and the control socket.
  CHECK(sockets >= 6 + std::stoi(io_threads));
  CHECK(sockets <= 7 + std::stoi(io_threads));
  CHECK(others.empty());
  for (auto& connection : kept) CHECK(connection->Call("GET", "/healthz").status == 200);
  std::ifstream variable(dir.path() + "/variable");
  std::string value;
  CHECK(std::getline(variable, value));
  CHECK_THAT(value, Catch::StartsWith(std::to_string(broker.process().pid()) + ";"));
}

TEST_CASE("notifyd: a call in flight may end before a restart, and one that does not is repeated with its number") {
  TempDir dir;
  {
    HeldReceiver receiver;
    Broker broker(dir.path());
    std::string id = broker.Submit(R"({"url":")" + receiver.url() + R"(/"})");
    REQUIRE(receiver.server().WaitFor(1).size() == 1);
    broker.process().Signal(SIGUSR1);
    REQUIRE(broker.process().WaitForError("no new attempts"));
    // Meanwhile all else is served.
    CHECK(broker.Call("POST", "/v1/notifies", R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})").status == 201);
    CHECK(broker.Call("GET", "/readyz").status == 200);
    receiver.Open();
    REQUIRE(broker.process().WaitForError(kRestarted));
    CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
    CHECK(receiver.server().seen().size() == 1);
  }
  TempDir other;
  HeldReceiver receiver;
  Broker broker(other.path(), {"--shutdown-grace-ms", "50"});
  std::string id = broker.Submit(R"({"url":")" + receiver.url() + R"(/"})");
  REQUIRE(receiver.server().WaitFor(1).size() == 1);
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError(kRestarted));
  REQUIRE(receiver.server().WaitFor(2).size() == 2);
  receiver.Open();
  CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
  std::vector<SeenRequest> seen = receiver.server().seen();
  CHECK(seen.size() == 2);
  CHECK(seen[0].Header("notify-attempt") == seen[1].Header("notify-attempt"));
}

TEST_CASE("notifyd: a second SIGUSR1 during a restart is taken as one, and SIGTERM stops it") {
  TempDir dir;
  HeldReceiver receiver;
  Broker broker(dir.path());
  broker.Submit(R"({"url":")" + receiver.url() + R"(/"})");
  REQUIRE(receiver.server().WaitFor(1).size() == 1);
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError("no new attempts"));
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError("under way already"));
  broker.process().Signal(SIGTERM);
  REQUIRE(broker.process().WaitForError("stopping"));
  receiver.Open();
  CHECK(broker.process().Wait() == 0);
  CHECK_THAT(broker.process().error(), Catch::Contains("stopped") && !Catch::Contains(kRestarted));
}

TEST_CASE("notifyd: a signal that comes between the two programs is taken by the second") {
  int number = GENERATE(SIGHUP, SIGTERM);
  TempDir dir;
  std::string program = dir.path() + "/notifyd";
  Install(NOTIFYD_BINARY, program);
  Broker broker(dir.path(), {}, program);
  // Nothing but what the shell does itself: where it waits for a child it unblocks all signals.
  std::string waits = kSaysOk + "echo between >&2; while [ ! -e $DIR/go ]; do :; done\nexec \"$REAL\" \"$@\"";
  Install(dir.Write("s", Script(dir, waits)), program);
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError("between"));
  broker.process().Signal(number);
  dir.Write("go", "");
  if (number == SIGHUP) {
    CHECK(broker.process().WaitForError("settings reloaded"));
    CHECK(broker.Call("GET", "/readyz").status == 200);
  } else {
    CHECK(broker.process().Wait() == 0);
  }
}

TEST_CASE("notifyd: where the program cannot be started after all it exits with 1 and says so, and nothing is lost") {
  TempDir dir;
  std::string program = dir.path() + "/notifyd";
  Install(NOTIFYD_BINARY, program);
  {
    Broker broker(dir.path(), {}, program);
    broker.Submit(R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})");
    Install(dir.Write("s", Script(dir, "rm $DIR/notifyd; echo ok")), program);
    broker.process().Signal(SIGUSR1);
    CHECK(broker.process().Wait() == 1);
    CHECK_THAT(broker.process().error(), Catch::Contains("restart failed") && Catch::Contains(program));
  }
  Broker broker(dir.path());
  CHECK(broker.Stat("/states/scheduled") == 1);
}

TEST_CASE("notifyd: a new program that fails to start exits with 1 and a clear line") {
  TempDir dir;
  std::string program = dir.path() + "/notifyd";
  Install(NOTIFYD_BINARY, program);
  Broker broker(dir.path(), {}, program);
  // The check sees a good configuration, the start a bad one.
  Install(dir.Write("s", Script(dir, kSaysOk + "exec \"$REAL\" \"$@\" --limits-pending 0")), program);
  broker.process().Signal(SIGUSR1);
  CHECK(broker.process().Wait() == 1);
  CHECK_THAT(broker.process().error(), Catch::Contains("limits.pending"));
}

TEST_CASE("notifyd: sockets that were left over in the environment are a warning, and not used") {
  TempDir dir;
  Process process(NOTIFYD_BINARY, {{"--listen", "127.0.0.1:0", "--data-dir", dir.path() + "/data"}, {"NOTIFYD_SOCKETS=1;5;6"}});
  REQUIRE(process.WaitForError("listening on"));
  std::vector<std::string> said = LinesOf(process.error(), "NOTIFYD_SOCKETS is ignored");
  REQUIRE(said.size() == 1);
  CHECK(JsonAt(said[0], "/level") == "warn");
  CHECK_THAT(process.error(), !Catch::Contains(kRestarted) && !Catch::Contains("names no setting"));
}
