// RawClient: a blocking socket that sends exactly the bytes it is told to. For tests, in the test's thread. A receive timeout of ten seconds
// stands for "never": it ends a test that would hang, and decides nothing else.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace notifyd {

struct RawResponse {
  int status = 0;    // 0: the connection ended before a response
  std::string head;  // status line and headers, with the empty line
  std::string body;

  /// The value of a header (any case), or "" where there is none.
  std::string Header(std::string name) const {
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    std::string lower = head;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    size_t at = lower.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    at += name.size() + 4;
    return head.substr(at, head.find("\r\n", at) - at);
  }
};

class RawClient {
 public:
  explicit RawClient(uint16_t port, int receive_buffer_bytes = 0) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) std::abort();
    if (receive_buffer_bytes > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    timeval timeout{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() {
    if (fd_ >= 0) close(fd_);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }

  /// Whether all was sent.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  /// How many of these bytes the socket takes without blocking.
  size_t TrySend(std::string_view bytes) {
    ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return n > 0 ? static_cast<size_t>(n) : 0;
  }
  void ShutdownWrite() { shutdown(fd_, SHUT_WR); }
  /// Closes with a reset instead of a regular end.
  void Reset() {
    linger option{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &option, sizeof option);
    close(fd_);
    fd_ = -1;
  }

  /// The next response; with `no_body` nothing is read behind its head. A chunked body is put together.
  RawResponse ReadResponse(bool no_body = false) {
    RawResponse response;
    size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!Fill()) return response;
    }
    response.head = buffer_.substr(0, end + 4);
    buffer_.erase(0, end + 4);
    response.status = std::atoi(response.head.c_str() + 9);
    if (!no_body && response.Header("transfer-encoding") == "chunked") {
      for (std::string chunk; ReadChunk(&chunk) && !chunk.empty();) response.body += chunk;
      return response;
    }
    size_t length = no_body ? 0 : std::strtoull(response.Header("content-length").c_str(), nullptr, 10);
    while (buffer_.size() < length) {
      if (!Fill()) break;
    }
    response.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return response;
  }
  /// The next chunk of a chunked body, empty for the last one; false where the connection ended before its end.
  bool ReadChunk(std::string* chunk) {
    size_t line;
    while ((line = buffer_.find("\r\n", at_)) == std::string::npos) {
      if (!Fill()) return false;
    }
    size_t begin = line + 2;
    size_t length = std::strtoull(buffer_.c_str() + at_, nullptr, 16);
    while (buffer_.size() < begin + length + 2) {
      if (!Fill()) return false;
    }
    chunk->assign(buffer_, begin, length);
    at_ = begin + length + 2;
    if (at_ > 65536 || at_ == buffer_.size() || length == 0) buffer_.erase(0, std::exchange(at_, 0));
    return true;
  }
  /// Everything up to the end of the connection.
  std::string ReadAll() {
    while (Fill()) {
    }
    return std::exchange(buffer_, {});
  }
  /// True once the server has ended the connection, with nothing more to read; false on a reset or if it stays open.
  bool ReadEnd() {
    char byte;
    return buffer_.empty() && recv(fd_, &byte, 1, 0) == 0;
  }

 private:
  bool Fill() {
    char bytes[65536];
    ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(n));
    return true;
  }

  int fd_ = -1;
  bool connected_ = false;
  std::string buffer_;
  size_t at_ = 0;  // inside a chunked body: what is before it was given out
};

}  // namespace notifyd
