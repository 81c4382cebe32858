#include "net/receivers/stage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tiny_receiver.h"

namespace notifyd {

// ---- one connection

struct Stage::Channel {
  int fd;
  SSL* ssl = nullptr;
  std::string buffer;

  bool Open(SSL_CTX* tls) {
    if (tls == nullptr) return true;
    ssl = SSL_new(tls);
    SSL_set_fd(ssl, fd);
    return SSL_accept(ssl) == 1;
  }
  bool ReadMore() {
    char chunk[16384];
    const ssize_t got = ssl != nullptr ? SSL_read(ssl, chunk, sizeof chunk) : recv(fd, chunk, sizeof chunk, 0);
    if (got <= 0) return false;
    buffer.append(chunk, static_cast<size_t>(got));
    return true;
  }
  bool Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent =
          ssl != nullptr ? SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size())) : send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void Drain() {
    while (ReadMore()) buffer.clear();
  }
};

bool Stage::ReadRequest(Channel* channel) {
  std::string& buffer = channel->buffer;
  size_t end;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!channel->ReadMore()) return false;
  }
  size_t size = end + 4;
  const size_t length = buffer.find("\r\nContent-Length: ");
  if (length < end) size += std::stoul(buffer.substr(length + 18));
  while (buffer.size() < size) {
    if (!channel->ReadMore()) return false;
  }
  std::lock_guard lock(mutex_);
  requests_.push_back(buffer.substr(0, end + 4));
  buffer.erase(0, size);
  return true;
}

bool Stage::Play(Channel* channel, const Step& step) {
  switch (step.kind) {
    case Step::Kind::kRead:
      return ReadRequest(channel);
    case Step::Kind::kReadSome: {
      const size_t before = channel->buffer.size();
      char byte;
      // The rest of what arrived stays in the socket, so that a close resets.
      if (channel->ssl != nullptr) return channel->buffer.size() > before || SSL_read(channel->ssl, &byte, 1) == 1;
      return recv(channel->fd, &byte, 1, 0) == 1;
    }
    case Step::Kind::kSend:
      return channel->Write(step.bytes);
    case Step::Kind::kDrip:
      for (char c : step.bytes) {
        if (!channel->Write({&c, 1})) return false;
      }
      return true;
    case Step::Kind::kFlood:
      while (channel->Write(step.bytes)) continue;
      return false;
    case Step::Kind::kFin:
    case Step::Kind::kCut:
      if (channel->ssl != nullptr && step.kind == Step::Kind::kFin) SSL_shutdown(channel->ssl);
      shutdown(channel->fd, SHUT_WR);
      channel->Drain();
      return false;
    case Step::Kind::kReset: {
      const linger now{1, 0};
      setsockopt(channel->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      return false;
    }
    case Step::Kind::kEnded: {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return ended_ || stopping_; });
      return !stopping_;
    }
    case Step::Kind::kGone:
      channel->Drain();
      return false;
  }
  return false;
}

void Stage::Serve(Channel* channel, bool first) {
  bool open = channel->Open(first ? first_tls_ : tls_);
  if (first) {
    for (size_t i = 0; open && i < steps_.size(); ++i) open = Play(channel, steps_[i]);
  }
  const auto tell = [&] {
    std::lock_guard lock(mutex_);
    played_ |= first;
    changed_.notify_all();
  };
  if (open) tell();
  while (open && ReadRequest(channel)) open = channel->Write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
  SSL_free(channel->ssl);
  {
    std::lock_guard lock(mutex_);
    open_.remove(channel->fd);
    close(channel->fd);
  }
  tell();
}

// ---- the receiver

Stage::Stage(std::vector<Step> steps, SSL_CTX* tls, SSL_CTX* first)
    : steps_(std::move(steps)), tls_(tls), first_tls_(first), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Must(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  // What a receiver has not read stays with its sender: a large request is never out before it reads.
  const int buffer = 64 << 10;
  setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  Must(listen(listener_, 512) == 0, "listen");
  socklen_t size = sizeof address;
  Must(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  accepter_ = std::thread([this] { Accept(); });
}

Stage::~Stage() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  shutdown(listener_, SHUT_RDWR);
  accepter_.join();
  close(listener_);
  {
    std::lock_guard lock(mutex_);
    for (int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
}

void Stage::Accept() {
  while (true) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::lock_guard lock(mutex_);
    open_.push_back(fd);
    const bool first = connections_++ == 0;
    threads_.emplace_back([this, fd, first] {
      Channel channel{.fd = fd, .buffer = {}};
      Serve(&channel, first);
    });
  }
}

std::string Stage::Url(const std::string& target) const {
  return (tls_ != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) + target;
}

void Stage::NoteEnded() {
  std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

bool Stage::WaitPlayed() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return played_; });
}

int Stage::connections() const {
  std::lock_guard lock(mutex_);
  return connections_;
}

std::vector<std::string> Stage::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

}  // namespace notifyd
