#include "support/sockets.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <random>
#include <utility>

#include "support/must.h"

namespace notifyd {
namespace {

// Linux gives ports from 32768 on to connections, and to whoever binds to any port.
constexpr uint16_t kLeastPort = 20'000, kMostPort = 32'767;

sockaddr_in AddressOf(const std::string& address, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  Must(inet_pton(AF_INET, address.c_str(), &out.sin_addr) == 1, "an IPv4 literal");
  return out;
}

int ListenWith(const std::string& address, uint16_t port, int backlog) {
  const int fd = Bind(address, port);
  Must(listen(fd, backlog) == 0, "listen");
  return fd;
}

int NewSocket(int flags = 0) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  Must(fd >= 0, "socket");
  return fd;
}

int BindPath(const std::string& path) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  Must(path.size() < sizeof to.sun_path, "a socket's path");
  path.copy(to.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Must(bind(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0, "bind");
  return fd;
}

}  // namespace

int Bind(const std::string& address, uint16_t port) {
  if (address.starts_with('/')) return BindPath(address);
  const int fd = NewSocket();
  const sockaddr_in to = AddressOf(address, port);
  Must(bind(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0, "bind");
  return fd;
}

int Listen(const std::string& address, uint16_t port) {
  return ListenWith(address, port, 1024);
}

uint16_t PortOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  Must(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  return ntohs(address.sin_port);
}

int Connect(uint16_t port, int receive_buffer_bytes) {
  const int fd = NewSocket();
  if (receive_buffer_bytes > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  const sockaddr_in to = AddressOf("127.0.0.1", port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return fd;
  close(fd);
  return -1;
}

Stream::~Stream() {
  SSL_free(ssl_);
}

bool Stream::Accept(SSL_CTX* tls) {
  if (tls == nullptr) return true;
  ssl_ = SSL_new(tls);
  SSL_set_fd(ssl_, fd_);
  return SSL_accept(ssl_) == 1;
}

bool Stream::Connect(SSL_CTX* tls, SSL_SESSION* resume) {
  ssl_ = SSL_new(tls);
  SSL_set_fd(ssl_, fd_);
  if (resume != nullptr) SSL_set_session(ssl_, resume);
  return SSL_connect(ssl_) == 1;
}

bool Stream::More() {
  char chunk[65536];
  const ssize_t got = ssl_ != nullptr ? SSL_read(ssl_, chunk, sizeof chunk) : recv(fd_, chunk, sizeof chunk, 0);
  if (got > 0) unread.append(chunk, static_cast<size_t>(got));
  return got > 0;
}

bool Stream::MoreUntil(size_t size) {
  while (unread.size() < size) {
    if (!More()) return false;
  }
  return true;
}

bool Stream::ReadTo(std::string_view end, std::string* out) {
  size_t at;
  while ((at = unread.find(end)) == std::string::npos) {
    if (!More()) return false;
  }
  *out = unread.substr(0, at);
  unread.erase(0, at + end.size());
  return true;
}

bool Stream::ReadHead(std::string* head) {
  if (!ReadTo("\r\n\r\n", head)) return false;
  *head += "\r\n\r\n";
  return true;
}

bool Stream::ReadBytes(size_t size, std::string* out) {
  if (!MoreUntil(size)) return false;
  *out = unread.substr(0, size);
  unread.erase(0, size);
  return true;
}

bool Stream::ReadChunk(std::string* chunk) {
  size_t line;
  while ((line = unread.find("\r\n", chunk_at_)) == std::string::npos) {
    if (!More()) return false;
  }
  const size_t begin = line + 2, size = std::strtoull(unread.c_str() + chunk_at_, nullptr, 16);
  if (!MoreUntil(begin + size + 2)) return false;
  chunk->assign(unread, begin, size);
  chunk_at_ = begin + size + 2;
  if (chunk_at_ > 65536 || chunk_at_ == unread.size() || size == 0) unread.erase(0, std::exchange(chunk_at_, 0));
  return true;
}

void Stream::Drain() {
  do unread.clear();
  while (More());
}

bool Stream::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent =
        ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) : send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void Stream::ShutDown() {
  if (ssl_ != nullptr) SSL_shutdown(ssl_);
  shutdown(fd_, SHUT_WR);
}

void Stream::ResetNow() {
  ResetOnClose();
  // connect(2): an address of AF_UNSPEC dissolves the connection, for TCP on Linux by a reset.
  const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  (void)connect(fd_, &nobody, sizeof nobody);
}

void Stream::ResetOnClose() {
  const linger now{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

DeafPort::DeafPort() {
  static std::minstd_rand random{std::random_device()()};
  sockaddr_in to;
  do {
    if (fd_ >= 0) close(fd_);
    fd_ = NewSocket();
    to = AddressOf("127.0.0.1", std::uniform_int_distribution<uint16_t>(kLeastPort, kMostPort)(random));
  } while (bind(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0);
}

DeafPort::~DeafPort() {
  close(fd_);
}

uint16_t ClosedPort() {
  return DeafPort().port();
}

SilentPort::SilentPort(uint16_t port) : fds_{ListenWith("127.0.0.1", port, 0)} {
  const sockaddr_in to = AddressOf("127.0.0.1", PortOf(fds_[0]));
  for (int i = 0; i < 4; ++i) {
    fds_.push_back(NewSocket(SOCK_NONBLOCK));
    (void)connect(fds_.back(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
}

SilentPort::~SilentPort() {
  for (int fd : fds_) close(fd);
}

}  // namespace notifyd
