// The real broker's directory: moved or replaced while it is in use, and closed to other users; and that no dump of its memory is made.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/e2e_broker.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;
namespace fs = std::filesystem;

namespace {

std::string Held(int number) {
  return R"({"url":"http://127.0.0.1:9/","headers":{"Authorization":"Bearer secret"},"fkey":"k)" + std::to_string(number) + "\"}";
}

void CheckStopped(Broker* broker) {
  CHECK(broker->process().Wait() == 1);
  std::vector<std::string> lines = LinesOf(broker->process().error(), "the store failed, stopping at once");
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0], Catch::Contains("moved, removed or replaced"));
}

mode_t ModeOf(const fs::path& path) {
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

void CheckPrivate(const fs::path& data) {
  CHECK(ModeOf(data) == 0700);
  for (const auto& entry : fs::directory_iterator(data)) {
    INFO(entry.path());
    // RocksDB may have removed one that it needs no more.
    struct stat info {};
    if (stat(entry.path().c_str(), &info) == 0) CHECK((info.st_mode & 07777) == 0600);
    else CHECK(errno == ENOENT);
  }
}

}  // namespace

TEST_CASE("directory: moved away, with a second broker in its place, the first one stops and neither loses anything") {
  TempDir dir, moved;
  std::vector<std::string> first_ids, second_ids;
  {
    Broker first(dir.path());
    for (int i = 0; i < 50; ++i) first_ids.push_back(first.Submit(Held(i)));
    fs::rename(dir.path() + "/data", moved.path() + "/data");
    Broker second(dir.path());
    for (int i = 0; i < 50; ++i) second_ids.push_back(second.Submit(Held(i)));
    CheckStopped(&first);
    second.process().Signal(SIGTERM);
    CHECK(second.process().Wait() == 0);
  }
  Broker first(moved.path()), second(dir.path());
  CHECK(first.Stat("/states/held") == first_ids.size());
  CHECK(second.Stat("/states/held") == second_ids.size());
  CHECK(first.BooksBalance());
  CHECK(second.BooksBalance());
}

TEST_CASE("directory: removed, the broker stops instead of acknowledging what is gone") {
  TempDir dir;
  {
    Broker broker(dir.path());
    broker.Submit(Held(1));
    fs::remove_all(dir.path() + "/data");
    CheckStopped(&broker);
  }
  Broker broker(dir.path());
  broker.Submit(Held(1));
  fs::remove_all(dir.path() + "/data");
  // Whichever comes first, its own look or the signal: it does not end as if all were well.
  broker.process().Signal(SIGTERM);
  CHECK(broker.process().Wait() == 1);
  CHECK_FALSE(fs::exists(dir.path() + "/data"));
}

TEST_CASE("directory: one that was made beforehand with mode 0755 is closed to other users, and all files in it") {
  TempDir dir;
  fs::path data = dir.path() + "/data";
  mode_t before = umask(022);
  fs::create_directory(data);
  REQUIRE(chmod(data.c_str(), 0755) == 0);
  {
    Broker broker(dir.path());
    broker.Submit(Held(1));
    CheckPrivate(data);
    broker.process().Signal(SIGTERM);
    CHECK(broker.process().Wait() == 0);
  }
  CheckPrivate(data);
  // As an older version left them.
  for (const auto& entry : fs::directory_iterator(data)) REQUIRE(chmod(entry.path().c_str(), 0644) == 0);
  Broker broker(dir.path());
  CheckPrivate(data);
  CHECK(broker.Stat("/states/held") == 1);
  umask(before);
}

TEST_CASE("core dumps: none unless the setting asks for them, and a restart in place keeps to it") {
  if (geteuid() != 0) {
    WARN("skipped: only root can start it as another user, for whom /proc tells the difference");
    return;
  }
  constexpr uid_t kNobody = 65534;
  for (bool allowed : {false, true}) {
    TempDir dir;
    REQUIRE(chown(dir.path().c_str(), kNobody, kNobody) == 0);
    // Where it was built may be closed to that user.
    std::string binary = dir.path() + "/notifyd";
    fs::copy_file(NOTIFYD_BINARY, binary);
    std::string script = dir.Write("start", "#!/bin/sh\nexec setpriv --reuid 65534 --regid 65534 --clear-groups " + binary + " \"$@\"\n");
    REQUIRE(chmod(script.c_str(), 0755) == 0);
    std::vector<std::string> arguments;
    if (allowed) arguments = {"--core-dumps=true"};
    Broker broker(dir.path(), arguments, script);
    auto check = [&] {
      // The owner of what /proc says of a process is root where it must not be dumped.
      std::string proc = "/proc/" + std::to_string(broker.process().pid());
      struct stat info {};
      REQUIRE(stat((proc + "/environ").c_str(), &info) == 0);
      CHECK(info.st_uid == (allowed ? kNobody : 0));
      std::ifstream limits(proc + "/limits");
      std::string line, soft, hard;
      while (std::getline(limits, line))
        if (line.starts_with("Max core file size")) std::istringstream(line.substr(18)) >> soft >> hard;
      CHECK(soft == (allowed ? hard : "0"));
    };
    check();
    broker.Submit(Held(1));
    broker.process().Signal(SIGUSR1);
    REQUIRE(broker.process().WaitForError("restarted in place"));
    REQUIRE(broker.process().WaitForError("listening on", 2));
    check();
    CHECK(broker.Stat("/states/held") == 1);
    CheckPrivate(dir.path() + "/data");
  }
}
