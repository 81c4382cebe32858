#include "cli/daemon/handover.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "support/sockets.h"
#include "support/temp_dir.h"
#include "cli/daemon/successor.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using notifyd::test::TempDir;

namespace {

struct Fd {
  /// Not closed on exec.
  explicit Fd(int number) : fd(number) { REQUIRE(fcntl(fd, F_SETFD, 0) == 0); }
  ~Fd() { close(fd); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int fd;
};

/// What is taken where the variable says this; it must be gone from the environment then.
Handover Taken(const std::string& value, std::string* fault) {
  setenv(kHandoverVariable, value.c_str(), 1);
  Handover taken = TakeHandover(fault);
  CHECK(std::getenv(kHandoverVariable) == nullptr);
  return taken;
}

std::string Own(const std::string& lists) {
  return std::to_string(getpid()) + ";" + lists;
}

bool ClosesOnExec(int fd) {
  return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

}  // namespace

TEST_CASE("handover: what is encoded is decoded, runs are written short") {
  Handover handover{{9, 8}, {30, 20, 21, 22, 40}};
  CHECK(EncodeHandover(&handover, 77) == "77;8-9;20-22,30,40");
  Result<Handover> decoded = DecodeHandover("77;8-9;20-22,30,40", 77);
  REQUIRE(decoded.ok());
  CHECK(decoded->listening == std::vector<int>{8, 9});
  CHECK(decoded->connections == std::vector<int>{20, 21, 22, 30, 40});
  Handover none;
  CHECK(EncodeHandover(&none, 1) == "1;;");
  Handover owning{{8}, {}, OwnerWord{5, 70, {0xab, 1}, false}};
  const std::string with_owner = EncodeHandover(&owning, 1);
  CHECK(with_owner == "1;8;;5,70,00000000000000ab0000000000000001");
  CHECK(DecodeHandover(with_owner, 1)->owner == owning.owner);
  CHECK_FALSE(DecodeHandover("1;8;", 1)->owner.has_value());
  for (const char* bad : {"1;;;5", "1;;;5,70,ab", "1;;;5,x,00000000000000ab0000000000000001", "1;;;-5,70,00000000000000ab0000000000000001"})
    CHECK_FALSE(DecodeHandover(bad, 1).ok());
  CHECK(DecodeHandover("1;;", 1)->empty());
  CHECK_FALSE(DecodeHandover("1;3-9000000,3-9000000;", 1).ok());
}

TEST_CASE("handover: the mark of a store goes with its owner's word, and counts for no other") {
  Handover handover{{8}, {}, OwnerWord{5, 70, {0xab, 1}, false}, "where:which"};
  const std::string text = EncodeStore(handover);
  CHECK(DecodeStore(text, *handover.owner) == "where:which");
  CHECK(DecodeStore(text, OwnerWord{5, 71, {0xab, 1}, false}).empty());
  CHECK(DecodeStore("", *handover.owner).empty());
  CHECK(EncodeStore({{8}, {}, std::nullopt, "where:which"}).empty());
  CHECK(EncodeStore({{8}, {}, handover.owner}).empty());
  setenv(kStoreVariable, text.c_str(), 1);
  std::string fault;
  Handover alone{{}, {}, handover.owner};
  CHECK(Taken(EncodeHandover(&alone, getpid()), &fault).store == "where:which");
  CHECK(std::getenv(kStoreVariable) == nullptr);
}

TEST_CASE("handover: connections for which the variable has no room are left out, the others are all there") {
  Handover handover{{5}, {}};
  for (int fd = 100'000; handover.connections.size() < 30'000; fd += 2) handover.connections.push_back(fd);
  std::vector<int> all = handover.connections;
  std::string text = EncodeHandover(&handover, 1);
  CHECK(text.size() < 128 * 1024 - 64);
  CHECK(handover.connections.size() > 17'000);
  CHECK(handover.connections.size() < all.size());
  all.resize(handover.connections.size());
  CHECK(handover.connections == all);
  CHECK(DecodeHandover(text, 1)->connections == all);
}

TEST_CASE("handover: what is no list of descriptors, or another process's, is refused") {
  for (const char* bad :
       {"", ";", "x;5;6", "1;5-;6", "1;-5;6", "1;5,,6;", "1;6-5;", "1;5;6x", "1;2;", "1;0-9;", "1;5;99999999999", "1;5-16777217;", "-1;5;6"}) {
    INFO(bad);
    CHECK_FALSE(DecodeHandover(bad, 1).ok());
  }
  CHECK_THAT(DecodeHandover("2;5;6", 1).status().detail(), Catch::Contains("process 2"));
}

TEST_CASE("handover: sockets that are what they are said to be are taken, and closed on exec from then on") {
  Fd listening(Listen()), connection(Connect(PortOf(listening.fd)));
  std::string fault;
  Handover taken = Taken(Own(std::to_string(listening.fd) + ";" + std::to_string(connection.fd)), &fault);
  CHECK(fault.empty());
  CHECK(taken.listening == std::vector<int>{listening.fd});
  CHECK(taken.connections == std::vector<int>{connection.fd});
  CHECK(ClosesOnExec(listening.fd));
  CHECK(ClosesOnExec(connection.fd));
}

TEST_CASE("handover: a socket is added to where it belongs") {
  Fd listening(Listen()), connection(Connect(PortOf(listening.fd)));
  Handover handover;
  handover.Add(connection.fd);
  handover.Add(listening.fd);
  CHECK(handover.listening == std::vector<int>{listening.fd});
  CHECK(handover.connections == std::vector<int>{connection.fd});
}

TEST_CASE("handover: descriptors that are none, no sockets or of the other kind are left alone, and that is said") {
  TempDir dir;
  Fd listening(Listen()), connection(Connect(PortOf(listening.fd))), file(open(dir.Write("f", "").c_str(), O_RDONLY)),
      datagrams(socket(AF_INET, SOCK_DGRAM, 0));
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  Fd one(ends[0]), other(ends[1]);
  std::string fault, numbers = "1000000";
  for (int fd : {file.fd, datagrams.fd, one.fd}) numbers += "," + std::to_string(fd);
  Handover taken = Taken(Own(numbers + "," + std::to_string(connection.fd) + ";" + numbers + "," + std::to_string(listening.fd)), &fault);
  CHECK(taken.empty());
  CHECK_THAT(fault, Catch::Contains("10 of its descriptors"));
  CHECK_FALSE(ClosesOnExec(file.fd));
}

TEST_CASE("handover: a variable that was left over is ignored, and said so") {
  std::string fault;
  CHECK(Taken("1;5;6", &fault).empty());
  CHECK_THAT(fault, Catch::Contains("process 1"));
  fault.clear();
  CHECK(Taken("rubbish", &fault).empty());
  CHECK_FALSE(fault.empty());
}

TEST_CASE("handover: without the variable there is nothing to say") {
  std::string fault;
  CHECK(TakeHandover(&fault).empty());
  CHECK(fault.empty());
}

TEST_CASE("handover: a listening socket is known by its address") {
  Fd listening(Listen());
  uint16_t port = PortOf(listening.fd);
  CHECK(ListensOn(listening.fd, {"127.0.0.1", port}));
  CHECK(ListensOn(listening.fd, {"127.0.0.1", 0}));
  CHECK_FALSE(ListensOn(listening.fd, {"127.0.0.1", static_cast<uint16_t>(port ^ 1)}));
  CHECK_FALSE(ListensOn(listening.fd, {"127.0.0.2", port}));
  CHECK_FALSE(ListensOn(listening.fd, {"::1", port}));
}

TEST_CASE("successor: the program is found by the path that it was started by, else by its file") {
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  TempDir dir;
  std::filesystem::create_symlink(self, dir.path() + "/link");
  CHECK(FindProgram(dir.path() + "/link") == dir.path() + "/link");
  CHECK(FindProgram(std::filesystem::relative(self).string()) == self.string());
  CHECK(FindProgram("/bin/true") == self.string());
  CHECK(FindProgram("no-such-program") == self.string());
  CHECK(FindProgram("") == self.string());
}

TEST_CASE("successor: one that says ok is, others are refused with what they said") {
  TempDir dir;
  auto checked = [&](const std::string& script) {
    Launch launch{dir.Write("program", "#!/bin/sh\n" + script + "\n"), {"name", "--flag"}, {"A=b"}};
    std::filesystem::permissions(launch.program, std::filesystem::perms::owner_all);
    return CheckSuccessor(launch, {});
  };
  CHECK(checked("[ \"$*\" = '--flag --check-config' ] && [ \"$A\" = b ] && echo ok").ok());
  CHECK(checked("echo a warning >&2; echo ok").ok());
  CHECK_THAT(checked("echo bad setting >&2; exit 2").detail(), Catch::Contains("exit code 2") && Catch::Contains("bad setting"));
  CHECK_THAT(checked("exit 0").detail(), Catch::Contains("exit code 0"));
  CHECK_THAT(checked("kill -9 $$").detail(), Catch::Contains("signal 9"));
  CHECK_THAT(CheckSuccessor({dir.path() + "/none", {"name"}, {}}, {}).detail(), Catch::Contains("/none"));
  CHECK_FALSE(CheckSuccessor({dir.Write("rubbish", "rubbish"), {"name"}, {}}, {}).ok());
}
