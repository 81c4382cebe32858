#include "net/receivers/stage.h"

#include <sys/socket.h>

#include <chrono>
#include <utility>

#include "net/receivers/frames.h"
#include "support/must.h"
#include "support/slowness.h"

namespace notifyd {

// ---- one connection

struct Stage::Channel {
  Stream& stream;
  bool http2 = false;
  uint32_t call = 0;  // the stream of the one that was read last
  bool spoke = false;
  std::string owed;  // frames that acknowledge

  bool Open(SSL_CTX* tls) {
    if (!stream.Accept(tls)) return false;
    if (tls == nullptr) return true;
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(stream.ssl(), &chosen, &size);
    http2 = size == 2;
    std::string preface;
    if (http2 && !stream.ReadBytes(h2::kPreface.size(), &preface)) return false;
    Must(!http2 || preface == h2::kPreface, "preface");
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
    return stream.Send(bytes) && stream.Send(std::exchange(owed, {}));
  }
};

/// Over HTTP/2: frames, until a request is there, or its head; acknowledges what is to be, and gives back all windows.
bool Stage::ReadCall(Channel* channel, bool whole) {
  for (std::string head, payload;;) {
    if (!channel->stream.ReadBytes(9, &head)) return false;
    const size_t size = static_cast<uint8_t>(head[1]) * 256u + static_cast<uint8_t>(head[2]);
    const auto type = static_cast<uint8_t>(head[3]), flags = static_cast<uint8_t>(head[4]);
    uint32_t stream = 0;
    for (size_t i = 5; i < 9; ++i) stream = stream << 8 | static_cast<uint8_t>(head[i]);
    if (!channel->stream.ReadBytes(size, &payload)) return false;
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
    channel->call = stream;
    return true;
  }
}

bool Stage::AnswerCall(Channel* channel) {
  if (!channel->http2) return ReadRequest(channel) && channel->Write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
  return ReadCall(channel, true) && channel->Write(h2::Head(channel->call, "200") + h2::Data(channel->call, "good", true));
}

bool Stage::ReadRequest(Channel* channel) {
  if (channel->http2) return ReadCall(channel, true);
  std::string head, body;
  if (!channel->stream.ReadHead(&head)) return false;
  const size_t length = head.find("\r\nContent-Length: ");
  if (length != std::string::npos && !channel->stream.ReadBytes(std::stoul(head.substr(length + 18)), &body)) return false;
  std::lock_guard lock(mutex_);
  requests_.push_back(head);
  return true;
}

bool Stage::Play(Channel* channel, const Step& step) {
  switch (step.kind) {
    case Step::Kind::kRead:
      return ReadRequest(channel);
    case Step::Kind::kReadSome: {
      if (channel->http2) return ReadCall(channel, false);
      char byte;
      // The rest of what arrived stays in the socket, so that a close resets.
      return channel->stream.ssl() != nullptr ? SSL_read(channel->stream.ssl(), &byte, 1) == 1 : recv(channel->stream.fd(), &byte, 1, 0) == 1;
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
        while (channel->http2 && recv(channel->stream.fd(), dropped, sizeof dropped, MSG_DONTWAIT) > 0) continue;
      }
      return false;
    case Step::Kind::kFin:
    case Step::Kind::kCut:
      if (step.kind == Step::Kind::kFin) channel->stream.ShutDown();
      else shutdown(channel->stream.fd(), SHUT_WR);
      channel->stream.Drain();
      return false;
    case Step::Kind::kReset:
      // At once: whoever waits for what was played looks at what it left in the client's socket.
      channel->stream.ResetNow();
      return false;
    case Step::Kind::kEnded: {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return ended_ || stopping_; });
      return !stopping_;
    }
    case Step::Kind::kGone:
      channel->stream.Drain();
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
  tell();
}

// ---- the receiver

// What a receiver has not read stays with its sender: a large request is never out before it reads.
Stage::Stage(std::vector<Step> steps, SSL_CTX* tls, SSL_CTX* first)
    : steps_(std::move(steps)),
      tls_(tls),
      first_tls_(first),
      server_(
          [this](Stream& stream, int number) {
            Channel channel{.stream = stream, .owed = {}};
            Serve(&channel, number == 0);
          },
          "127.0.0.1", 0, 64 << 10) {}

Stage::~Stage() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

std::string Stage::Url(const std::string& target) const {
  return (tls_ != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(server_.port()) + target;
}

void Stage::NoteEnded() {
  std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

bool Stage::WaitPlayed() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, test::AtMostSeconds(10), [&] { return played_; });
}

std::vector<std::string> Stage::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

}  // namespace notifyd
