// What clients can do to a real broker, and what they cannot: Host names, open files, slow readers.
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <fstream>

#include "cli/e2e_broker.h"
#include "support/raw_client.h"
#include "support/slowness.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// Lowers the limit of open files for processes that are started meanwhile; this one's own stays as far as it can.
class FewFiles {
 public:
  explicit FewFiles(rlim_t hard) {
    getrlimit(RLIMIT_NOFILE, &before_);
    file_ = dir_.Write("few", "#!/bin/sh\nulimit -n " + std::to_string(hard) + "\nexec " NOTIFYD_BINARY " \"$@\"\n");
    std::string make = "chmod +x " + file_;
    REQUIRE(std::system(make.c_str()) == 0);
  }
  const std::string& binary() const { return file_; }

 private:
  TempDir dir_;
  std::string file_;
  rlimit before_{};
};

/// The resident memory of a process, in KiB: now, or at most so far.
size_t Resident(pid_t pid, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return std::stoul(line.substr(name.size() + 1));
  return 0;
}

}  // namespace

TEST_CASE("notifyd: a name is answered once http.hosts has it, and notifyctl says what is missing") {
  TempDir dir;
  std::string file = dir.Write("n.toml", "");
  Broker broker(dir.path() + "/data", {"--config", file});
  std::string named = broker.url();
  // A name that every resolver turns into loopback; ends in .localhost, and is not "localhost".
  named.replace(named.find("127.0.0.1"), 9, "broker.localhost");
  auto ctl = [&](std::string* error) {
    Process process(NOTIFYCTL_BINARY, {{"--server", named, "stats"}, {}, "/dev/null", true});
    int code = process.Wait();
    *error = process.error();
    return code;
  };
  std::string error;
  CHECK(ctl(&error) == 1);
  CHECK_THAT(error, Catch::Contains("broker.localhost") && Catch::Contains("http.hosts"));
  dir.Write("n.toml", "[http]\nhosts = [\"broker.localhost\"]\n");
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  CHECK(JsonAt(LinesOf(broker.process().error(), "settings reloaded")[0], "/applied") == "http.hosts");
  CHECK(ctl(&error) == 0);
}

TEST_CASE("notifyd: with few open files clients are what is limited, the store goes on, and the log says so") {
  TempDir dir;
  FewFiles few(256);
  Broker broker(dir.path(), {"--storage-memtable-bytes=1048576", "--storage-wal-bytes=3145728"}, few.binary());
  std::vector<std::string> said = LinesOf(broker.process().error(), "open files are few: limits are lowered to fit");
  REQUIRE(said.size() == 1);
  CHECK(JsonAt(said[0], "/limit") == "256");
  RawConnection own(broker.address());
  REQUIRE(own.Call("GET", "/v1/stats").status == 200);
  std::vector<std::unique_ptr<RawConnection>> idle;
  for (int i = 0; i < 400; ++i) {
    idle.push_back(std::make_unique<RawConnection>(broker.address()));
    idle.back()->Send("GET", "/v1/notifies?limit=1");
  }
  // Some ten memtables, each with a log of its own and a table.
  std::string body(20'000, 'x');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + (i * 7919 + i / 13) % 26);
  std::string batch = "[";
  for (int i = 0; i < 50; ++i)
    batch += std::string(i ? "," : "") + R"({"url":"http://127.0.0.1:9/","delay_ms":100000000,"body":")" + body + std::to_string(i) + "\"}";
  for (int i = 0; i < 12; ++i) REQUIRE(own.Call("POST", "/v1/notifies", batch + "]").status == 201);
  CHECK(RawConnection(broker.address()).Call("GET", "/readyz").status == 200);
  broker.process().Signal(SIGTERM);
  CHECK(broker.process().Wait() == 0);
}

TEST_CASE("notifyd: clients that do not read their lists cost a bounded part of memory, and nobody else an answer") {
  TempDir dir;
  Broker broker(dir.path(), {"--limits-buffered-bytes=67108864"});
  RawConnection own(broker.address());
  std::string item = R"({"delay_ms":100000000,"url":"http://127.0.0.1:9/)" + std::string(6000, 'u') + "\"}", batch = "[" + item;
  for (int i = 1; i < 500; ++i) batch += "," + item;
  for (int i = 0; i < 2; ++i) REQUIRE(own.Call("POST", "/v1/notifies", batch + "]").status == 201);
  size_t before = Resident(broker.process().pid(), "VmRSS");
  std::vector<std::unique_ptr<RawConnection>> deaf;
  for (int i = 0; i < 120; ++i) {
    deaf.push_back(std::make_unique<RawConnection>(broker.address()));
    deaf.back()->Send("GET", "/v1/notifies?limit=1000");
  }
  for (int i = 0; i < 50; ++i) {
    REQUIRE(own.Call("POST", "/v1/notifies", R"({"url":"http://127.0.0.1:9/","delay_ms":100000000})").status == 201);
    REQUIRE(own.Call("GET", "/healthz").status == 200);
  }
  // A page ends where its rows take 512 KiB, and the next one goes on.
  RawConnection::Answer page = own.Call("GET", "/v1/notifies?limit=1000");
  REQUIRE(page.status == 200);
  CHECK(page.body.size() < (1 << 20));
  CHECK_FALSE(JsonAt(page.body, "/next").empty());
  CHECK(JsonAt(page.body, "/next") != "null");
  // Whole pages of all of them would be some 700 MiB. A sanitizer keeps what was freed, for a while.
  if (kSlowness == 1) CHECK(Resident(broker.process().pid(), "VmHWM") - before < 200 * 1024);
}
