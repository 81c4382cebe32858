#include "cli/raw_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "cli/process.h"

namespace notifyd::test {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

}  // namespace

RawConnection::RawConnection(const std::string& address) {
  size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval most{kDeadlineSeconds, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) Fail("connect");
}

RawConnection::~RawConnection() {
  close(fd_);
}

void RawConnection::Send(const std::string& method, const std::string& path, const std::string& body) {
  std::string request = method + " " + path +
                        " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                        body;
  SendRaw(request);
}

void RawConnection::SendRaw(const std::string& text) {
  if (!TrySendRaw(text)) Fail("send");
}

bool RawConnection::TrySendRaw(const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    ssize_t size = send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) return false;
    sent += static_cast<size_t>(size);
  }
  return true;
}

/// The chunks that begin at `at`, put together; takes all up to their end off what is unread.
std::string RawConnection::TakeChunks(size_t at) {
  std::string body;
  for (;;) {
    size_t line_end;
    while ((line_end = unread_.find("\r\n", at)) == std::string::npos) More();
    size_t size = std::strtoull(unread_.c_str() + at, nullptr, 16);
    at = line_end + 2;
    while (unread_.size() < at + size + 2) More();
    body.append(unread_, at, size);
    at += size + 2;
    if (size > 0) continue;
    unread_.erase(0, at);
    return body;
  }
}

void RawConnection::More() {
  char buffer[65536];
  ssize_t size = recv(fd_, buffer, sizeof buffer, 0);
  if (size == 0) throw std::runtime_error("the connection was closed before the answer");
  if (size < 0) Fail("recv");
  unread_.append(buffer, static_cast<size_t>(size));
}

RawConnection::Answer RawConnection::Receive() {
  size_t end;
  while ((end = unread_.find("\r\n\r\n")) == std::string::npos) More();
  std::string head = unread_.substr(0, end + 2);
  bool closes = head.find("\r\nConnection: close") != std::string::npos;
  if (head.find("\r\nTransfer-Encoding: chunked") != std::string::npos) {
    int status = std::atoi(head.c_str() + 9);
    return {status, TakeChunks(end + 4), closes};
  }
  const std::string length = "\r\nContent-Length: ";
  size_t at = head.find(length);
  if (at == std::string::npos) throw std::runtime_error("no Content-Length: " + head);
  size_t size = std::strtoull(head.c_str() + at + length.size(), nullptr, 10);
  while (unread_.size() < end + 4 + size) More();
  Answer answer{std::atoi(head.c_str() + 9), unread_.substr(end + 4, size), closes};
  unread_.erase(0, end + 4 + size);
  return answer;
}

RawConnection::Answer RawConnection::Call(const std::string& method, const std::string& path, const std::string& body) {
  Send(method, path, body);
  return Receive();
}

}  // namespace notifyd::test
