#include "net/receivers/stage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/receivers/frames.h"
#include "net/tiny_receiver.h"

namespace notifyd {

// ---- one connection

struct Stage::Channel {
  int fd;
  SSL* ssl = nullptr;
  bool http2 = false;
  std::string buffer;
  uint32_t stream = 0;  // of the call that was read last

  bool Open(SSL_CTX* tls) {
    if (tls == nullptr) return true;
    ssl = SSL_new(tls);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1) return false;
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &chosen, &size);
    http2 = size == 2;
    return !http2 || TakePreface();
  }
  bool TakePreface() {
    while (buffer.size() < h2::kPreface.size()) {
      if (!ReadMore()) return false;
    }
    Must(buffer.starts_with(h2::kPreface), "preface");
    buffer.erase(0, h2::kPreface.size());
    return true;
  }
  bool ReadMore() {
    char chunk[16384];
    const ssize_t got = ssl != nullptr ? SSL_read(ssl, chunk, sizeof chunk) : recv(fd, chunk, sizeof chunk, 0);
    if (got <= 0) return false;
    buffer.append(chunk, static_cast<size_t>(got));
    return true;
  }
  /// Behind what the steps say first: the first frame of either side has to be its settings.
  bool Acknowledge(const std::string& frame) {
    if (spoke) return Write(frame);
    owed += frame;
    return true;
  }
  bool Write(std::string_view bytes) {
    spoke = true;
    return WriteAll(bytes) && WriteAll(std::exchange(owed, {}));
  }
  bool WriteAll(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent =
          ssl != nullptr ? SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size())) : send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  bool spoke = false;
  std::string owed;  // frames that acknowledge
  void Drain() {
    while (ReadMore()) buffer.clear();
  }
};

/// Over HTTP/2: frames, until a request is there, or its head; acknowledges what is to be, and gives back all windows.
bool Stage::ReadCall(Channel* channel, bool whole) {
  std::string& buffer = channel->buffer;
  for (;;) {
    while (buffer.size() < 9 || buffer.size() < 9 + (static_cast<uint8_t>(buffer[1]) * 256u + static_cast<uint8_t>(buffer[2]))) {
      if (!channel->ReadMore()) return false;
    }
    const size_t size = static_cast<uint8_t>(buffer[1]) * 256u + static_cast<uint8_t>(buffer[2]);
    const auto type = static_cast<uint8_t>(buffer[3]), flags = static_cast<uint8_t>(buffer[4]);
    uint32_t stream = 0;
    for (size_t i = 5; i < 9; ++i) stream = stream << 8 | static_cast<uint8_t>(buffer[i]);
    const std::string payload = buffer.substr(9, size);
    buffer.erase(0, 9 + size);
    if (type == h2::kSettings && (flags & h2::kAck) == 0 && !channel->Acknowledge(h2::Frame(h2::kSettings, h2::kAck, 0, ""))) return false;
    if (type == h2::kPing && (flags & h2::kAck) == 0 && !channel->Write(h2::Frame(h2::kPing, h2::kAck, 0, payload))) return false;
    if (type == h2::kData && size > 0 && whole) {
      const auto more = static_cast<uint32_t>(size);
      const bool last = (flags & h2::kEndStream) != 0;
      if (!channel->Write(h2::Window(0, more) + (last ? "" : h2::Window(stream, more)))) return false;
    }
    if (type == h2::kHeaders) {
      std::lock_guard lock(mutex_);
      requests_.push_back(std::to_string(stream));
    }
    const bool complete = (type == h2::kHeaders || type == h2::kData) && (flags & h2::kEndStream) != 0;
    if (!complete && (whole || type != h2::kHeaders)) continue;
    channel->stream = stream;
    return true;
  }
}

bool Stage::AnswerCall(Channel* channel) {
  if (!channel->http2) return ReadRequest(channel) && channel->Write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
  return ReadCall(channel, true) && channel->Write(h2::Head(channel->stream, "200") + h2::Data(channel->stream, "good", true));
}

bool Stage::ReadRequest(Channel* channel) {
  if (channel->http2) return ReadCall(channel, true);
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
      if (channel->http2) return ReadCall(channel, false);
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
      while (channel->Write(step.bytes)) {
        // Where the client has to answer it, so that neither waits for the other; nothing is decrypted any more.
        char dropped[16384];
        while (channel->http2 && recv(channel->fd, dropped, sizeof dropped, MSG_DONTWAIT) > 0) continue;
      }
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
  if (open && !first && !greeting_.empty()) open = channel->Write(greeting_);
  while (open) open = AnswerCall(channel);
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
