// Unix sockets: the file, and who connects there.
#include "net/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>

#include "net/http_fixture.h"
#include "support/sockets.h"
#include "support/temp_dir.h"

namespace notifyd {
namespace {

using test::TempDir;

/// -1 where it is refused.
int ConnectUnix(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

bool Adopts(HttpFixture* fixture, const HttpServer::Sockets& sockets, HttpListener* as) {
  bool good = false;
  fixture->OnLoop([&](HttpServer& server) {
    Result<uint16_t> port = server.Adopt(sockets, as);
    good = port.ok() && *port == 0;
  });
  return good;
}

/// What GET /peer says there; empty where the connection ends without an answer.
std::string PeerAt(const std::string& path) {
  const int fd = ConnectUnix(path);
  if (fd < 0) return "refused";
  Stream stream(fd);
  std::string head, body;
  stream.Send("GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  if (stream.ReadHead(&head)) {
    while (stream.More()) continue;
    body = stream.unread;
  }
  close(fd);
  return body;
}

/// The same, as another user: in a process of its own. Only root may.
std::string PeerAtAs(uid_t uid, const std::string& path) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setresuid(uid, uid, uid) != 0) _exit(1);
    const std::string said = PeerAt(path);
    const ssize_t written = write(ends[1], said.data(), said.size());
    _exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string out(256, '\0');
  const ssize_t size = read(ends[0], out.data(), out.size());
  out.resize(size > 0 ? static_cast<size_t>(size) : 0);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return out;
}

TEST_CASE("unix socket: it listens with the mode that is asked for, and is removed once nobody does") {
  TempDir dir;
  const std::string path = dir.At("a.sock");
  CHECK(CheckUnix(path).ok());
  Result<int> fd = ListenUnix(path, 0660);
  REQUIRE(fd.ok());
  struct stat found {};
  REQUIRE(lstat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0660);
  CHECK(CheckUnix(path).code() == Code::kConflict);
  RemoveUnixSocket(path);
  CHECK(std::filesystem::exists(path));
  close(*fd);
  RemoveUnixSocket(path);
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("unix socket: one at which nobody listens any more is replaced, whatever else is there is left alone") {
  TempDir dir;
  const std::string path = dir.At("a.sock");
  SECTION("a socket that was left behind") {
    close(*ListenUnix(path, 0600));
    REQUIRE(std::filesystem::exists(path));
    CHECK(CheckUnix(path).ok());
    Result<int> fd = ListenUnix(path, 0660);
    REQUIRE(fd.ok());
    const int client = ConnectUnix(path);
    CHECK(client >= 0);
    close(client);
    close(*fd);
  }
  SECTION("one that another listens at") {
    Result<int> first = ListenUnix(path, 0600);
    Result<int> second = ListenUnix(path, 0600);
    CHECK(second.status().code() == Code::kConflict);
    const int client = ConnectUnix(path);
    CHECK(client >= 0);
    close(client);
    close(*first);
  }
  SECTION("a file") {
    dir.Write("a.sock", "text");
    CHECK_FALSE(CheckUnix(path).ok());
    CHECK_THAT(ListenUnix(path, 0600).status().detail(), Catch::Contains("is no socket"));
    RemoveUnixSocket(path);
    CHECK(std::filesystem::file_size(path) == 4);
  }
  SECTION("a link") {
    const std::string target = dir.Write("target", "text");
    std::filesystem::create_symlink(target, path);
    CHECK_FALSE(ListenUnix(path, 0600).ok());
    CHECK(std::filesystem::is_symlink(path));
  }
  SECTION("another user's") {
    if (geteuid() != 0) {
      WARN("only root can make one");
      return;
    }
    close(*ListenUnix(path, 0600));
    REQUIRE(lchown(path.c_str(), 12345, 12345) == 0);
    CHECK_THAT(ListenUnix(path, 0600).status().detail(), Catch::Contains("belongs to another user"));
    RemoveUnixSocket(path);
    CHECK(std::filesystem::exists(path));
  }
  SECTION("no directory, and too long a path") {
    CHECK_FALSE(ListenUnix(dir.At("none/a.sock"), 0600).ok());
    CHECK_FALSE(CheckUnix(dir.At("none/a.sock")).ok());
    CHECK_THAT(CheckUnix(dir.At(std::string(200, 'a'))).detail(), Catch::Contains("107"));
    CHECK_FALSE(ListenUnix(dir.At(std::string(200, 'a')), 0600).ok());
  }
}

TEST_CASE("unix socket: the server knows the uid of who connects") {
  TempDir dir;
  const std::string path = dir.At("a.sock");
  HttpListener as;
  HttpFixture fixture;
  Result<int> fd = ListenUnix(path, 0666);
  REQUIRE(fd.ok());
  REQUIRE(Adopts(&fixture, {*fd, {}}, &as));
  CHECK(PeerAt(path) == "uid " + std::to_string(geteuid()));
  if (geteuid() != 0) {
    WARN("only root can connect as another user");
    return;
  }
  std::filesystem::permissions(dir.path(), std::filesystem::perms::all);
  CHECK(PeerAtAs(12345, path) == "uid 12345");
}

TEST_CASE("unix socket: the control socket serves its own user and root, and ends the connection of others without a word") {
  TempDir dir;
  const std::string path = dir.At("control.sock");
  HttpListener as;
  HttpFixture fixture;
  as.serves = ServedParts::ControlSocket();
  Result<int> fd = ListenUnix(path, 0666);
  REQUIRE(fd.ok());
  REQUIRE(Adopts(&fixture, {*fd, {}}, &as));
  CHECK(PeerAt(path) == "uid " + std::to_string(geteuid()));
  if (geteuid() != 0) {
    WARN("only root can connect as another user");
    return;
  }
  std::filesystem::permissions(dir.path(), std::filesystem::perms::all);
  CHECK(PeerAtAs(12345, path).empty());
}

TEST_CASE("unix socket: a connection goes from one server to the next, one that is to see its client close it does not") {
  TempDir dir;
  const std::string path = dir.At("a.sock");
  HttpListener as;
  HttpServer::Sockets sockets;
  HttpFixture first;
  Result<int> fd = ListenUnix(path, 0600);
  REQUIRE(fd.ok());
  REQUIRE(Adopts(&first, {*fd, {}}, &as));
  const int kept_fd = ConnectUnix(path), ended_fd = ConnectUnix(path);
  Stream kept(kept_fd), ended(ended_fd);
  std::string head;
  kept.Send("GET /status/204 HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(kept.ReadHead(&head));
  ended.Send("GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
  ended.Drain();
  first.OnLoop([&](HttpServer& server) { sockets = server.Release(); });
  // The TCP listener, the Unix one, and the one connection.
  CHECK(sockets.connections.size() == 2);
  std::vector<int> connections;
  for (int each : sockets.connections)
    if (each != *fd && each != sockets.listening) connections.push_back(each);
  HttpFixture second;
  REQUIRE(Adopts(&second, {*fd, connections}, &as));
  kept.Send("GET /peer HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(kept.ReadHead(&head));
  std::string body;
  REQUIRE(kept.ReadBytes(("uid " + std::to_string(geteuid())).size(), &body));
  CHECK(body == "uid " + std::to_string(geteuid()));
  close(kept_fd);
  close(ended_fd);
}

}  // namespace
}  // namespace notifyd
