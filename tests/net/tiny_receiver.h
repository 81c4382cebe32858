// TinyReceiver: an HTTP receiver made of raw sockets that does exactly what a test's script says, byte for byte, and keeps what it got.
// The script runs once a connection, each on a thread of its own. The destructor cuts all connections and joins the threads.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace notifyd {

/// What a test's own machinery needs to go on; on any thread, unlike Catch's assertions.
inline void Must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "the test's machinery failed: %s\n", what);
  std::abort();
}

class TinyReceiver {
 public:
  /// One connection, as its script sees it.
  class Peer {
   public:
    Peer(TinyReceiver* receiver, int fd, int number, SSL* ssl) : receiver_(receiver), fd_(fd), number_(number), ssl_(ssl) {}

    /// 0, 1, ... in the order of the accepts.
    int number() const { return number_; }
    /// Reads one request, head and body by Content-Length, and keeps it. False: the client closed first, or the receiver stops.
    bool ReadRequest(std::string* out = nullptr) {
      size_t end;
      while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
        if (!ReadMore()) return false;
      }
      size_t size = end + 4;
      const size_t length = buffer_.find("\r\nContent-Length: ");
      if (length < end) size += std::stoul(buffer_.substr(length + 18));
      while (buffer_.size() < size) {
        if (!ReadMore()) return false;
      }
      const std::string request = buffer_.substr(0, size);
      buffer_.erase(0, size);
      if (out != nullptr) *out = request;
      std::lock_guard lock(receiver_->mutex_);
      receiver_->requests_.push_back(request);
      return true;
    }
    /// Reads until there are so many bytes; nothing is kept.
    bool ReadBytes(size_t count) {
      while (buffer_.size() < count) {
        if (!ReadMore()) return false;
      }
      return true;
    }
    /// False: the client is gone.
    bool Send(std::string_view bytes) {
      while (!bytes.empty()) {
        const ssize_t sent =
            ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) : send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(sent));
      }
      return true;
    }
    bool Answer(int status, std::string_view body, std::string_view headers = {}) {
      return Send("HTTP/1.1 " + std::to_string(status) + " X\r\n" + std::string(headers) + "Content-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + std::string(body));
    }
    /// Waits until the client closes, or the receiver stops.
    void WaitForClose() {
      while (ReadMore()) buffer_.clear();
    }
    /// Sends a FIN, over TLS behind a close_notify.
    void ShutDown() {
      if (ssl_ != nullptr) SSL_shutdown(ssl_);
      shutdown(fd_, SHUT_WR);
    }
    /// The end of the script closes with a RST instead of a FIN.
    void Reset() {
      const linger now{1, 0};
      setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }

   private:
    bool ReadMore() {
      char chunk[16384];
      const ssize_t got = ssl_ != nullptr ? SSL_read(ssl_, chunk, sizeof chunk) : recv(fd_, chunk, sizeof chunk, 0);
      if (got <= 0) return false;
      buffer_.append(chunk, static_cast<size_t>(got));
      return true;
    }

    TinyReceiver* receiver_;
    int fd_;
    int number_;
    SSL* ssl_;
    std::string buffer_;
  };
  using Script = std::function<void(Peer&)>;

  /// `listen_at`: INADDR_ANY is reached at every address of 127.0.0.0/8. `tls`: null for TCP; over TLS a script runs once the handshake is over.
  explicit TinyReceiver(Script script, in_addr_t listen_at = INADDR_LOOPBACK, uint16_t port = 0, SSL_CTX* tls = nullptr)
      : script_(std::move(script)), tls_(tls), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(listen_at);
    address.sin_port = htons(port);
    Must(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
    Must(listen(listener_, 512) == 0, "listen");
    socklen_t size = sizeof address;
    Must(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
    port_ = ntohs(address.sin_port);
    accepter_ = std::thread([this] { Accept(); });
  }
  /// Answers every request of every connection with it. `address`: an IPv4 literal; `port`: 0 takes a free one.
  TinyReceiver(int status, std::string body, const std::string& address = "127.0.0.1", uint16_t port = 0, SSL_CTX* tls = nullptr)
      : TinyReceiver(
            [=](Peer& peer) {
              while (peer.ReadRequest() && peer.Answer(status, body)) continue;
            },
            ntohl(inet_addr(address.c_str())), port, tls) {}

  ~TinyReceiver() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    accepter_.join();
    close(listener_);
    {
      std::lock_guard lock(mutex_);
      for (int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    for (std::list<std::thread>* threads : {&threads_, &ended_}) {
      for (std::thread& thread : *threads) thread.join();
    }
  }

  uint16_t port() const { return port_; }
  std::string Url(const std::string& target) const {
    return (tls_ != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) + target;
  }
  int connections() const { return accepted_; }
  /// Waits until at most so many of them are open.
  void WaitForOpen(size_t most) {
    std::unique_lock lock(mutex_);
    Must(closed_.wait_for(lock, std::chrono::seconds(60), [&] { return open_.size() <= most; }), "too many connections stay open");
  }
  std::vector<std::string> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void Accept() {
    while (!stopping_) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) break;
      std::list<std::thread> ended;
      {
        std::lock_guard lock(mutex_);
        open_.push_back(fd);
        const auto self = threads_.emplace(threads_.end());
        *self = std::thread([this, fd, self, number = accepted_++] {
          SSL* ssl = nullptr;
          if (tls_ != nullptr) {
            ssl = SSL_new(tls_);
            SSL_set_fd(ssl, fd);
          }
          if (ssl == nullptr || SSL_accept(ssl) == 1) {
            Peer peer(this, fd, number, ssl);
            script_(peer);
          }
          SSL_free(ssl);
          std::lock_guard inner(mutex_);
          open_.remove(fd);
          close(fd);
          if (!stopping_) ended_.splice(ended_.end(), threads_, self);
          closed_.notify_all();
        });
        ended.swap(ended_);
      }
      for (std::thread& thread : ended) thread.join();
    }
  }

  Script script_;
  SSL_CTX* tls_;
  int listener_;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> accepted_{0};
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::list<int> open_;
  std::condition_variable closed_;
  std::list<std::thread> threads_, ended_;
  std::thread accepter_;
};

/// A port of 127.0.0.1 at which nothing listens, nor will while this lives.
class DeafPort {
 public:
  DeafPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Must(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
    socklen_t size = sizeof address;
    Must(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
    port_ = ntohs(address.sin_port);
  }
  ~DeafPort() { close(fd_); }
  uint16_t port() const { return port_; }

 private:
  int fd_;
  uint16_t port_ = 0;
};

}  // namespace notifyd
