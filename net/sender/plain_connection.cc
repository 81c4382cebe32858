// libuv's side of a connection.
#include "net/sender/plain_connection.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "net/sender/http2_session.h"
#include "net/sender/plain_pool.h"

namespace notifyd {
namespace {

/// What is encrypted at a stretch, and what is written at one before others have their turn.
constexpr size_t kPieceBytes = 64 << 10;
constexpr size_t kPlainBurstBytes = 512 << 10;
/// Memory that a connection keeps between two writes.
constexpr size_t kPlainKeptBytes = 32 << 10;
/// Records carry more than this part of themselves, or their peer only keeps us busy.
constexpr uint64_t kFreeWireBytes = 256 << 10;
constexpr uint64_t kWireBytesAByte = 64;

}  // namespace

int64_t MonotonicMs() {
  return static_cast<int64_t>(uv_hrtime() / 1'000'000);
}

struct PlainConnection::Handles {
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_write_t write;
};

PlainConnection::PlainConnection(Shared* shared) : shared_(shared), handles_(std::make_unique<Handles>()), next_(shared->first) {
  if (next_ != nullptr) next_->prev_ = this;
  shared_->first = this;
}

PlainConnection::~PlainConnection() = default;

uv_stream_s* PlainConnection::stream() const {
  return reinterpret_cast<uv_stream_t*>(&handles_->tcp);
}

int PlainConnection::Connect(const IpAddress& address, uint16_t port, User* user) {
  user_ = user;
  address_ = address;
  sockaddr_storage name{};
  if (address.v6) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(name);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(name);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), 4);
  }
  // Where it fails, libuv has forgotten the handle.
  const int made = uv_tcp_init_ex(shared_->loop, &handles_->tcp, name.ss_family);
  if (made != 0) return made;
  made_ = true;
  handles_->tcp.data = this;
  uv_tcp_nodelay(&handles_->tcp, 1);
  handles_->connect.data = this;
  return uv_tcp_connect(&handles_->connect, &handles_->tcp, reinterpret_cast<const sockaddr*>(&name), [](uv_connect_t* request, int status) {
    auto* self = static_cast<PlainConnection*>(request->data);
    if (self->closing_) return;
    if (status == 0) status = uv_read_start(self->stream(), &OnAllocate, &OnRead);
    self->user_->OnConnected(self, status);
  });
}

void PlainConnection::OnAllocate(uv_handle_t* handle, size_t, uv_buf_t* buffer) {
  auto* self = static_cast<PlainConnection*>(handle->data);
  const size_t may = self->user_->MayRead(self);
  self->paused_ = may == 0;
  // Without memory libuv says UV_ENOBUFS, and reads nothing.
  *buffer = uv_buf_init(may == 0 ? nullptr : self->shared_->read_buffer, static_cast<unsigned>(std::min(may, self->shared_->read_bytes)));
}

size_t PlainConnection::User::MayRead(PlainConnection*) {
  return SIZE_MAX;
}

void PlainConnection::Resume() {
  if (!std::exchange(paused_, false) || closing_) return;
  const int started = uv_read_start(stream(), &OnAllocate, &OnRead);
  CHECK(started == 0);
}

void PlainConnection::OnRead(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  auto* self = static_cast<PlainConnection*>(stream->data);
  if (count == 0 || self->closing_) return;
  if (count == UV_ENOBUFS && self->paused_) {
    uv_read_stop(stream);
    return;
  }
  if (self->tls_ != nullptr)
    return count > 0 ? self->TakeWire({buffer->base, static_cast<size_t>(count)}) : self->TakeWireEnd(static_cast<int>(count));
  if (count > 0) return self->user_->OnBytes(self, {buffer->base, static_cast<size_t>(count)});
  self->user_->OnLost(self, count == UV_EOF ? self->SocketError() : static_cast<int>(count));
}

/// libuv says EOF, too, where a reset came together with the last bytes.
int PlainConnection::SocketError() const {
  uv_os_fd_t fd;
  int error = 0;
  socklen_t size = sizeof error;
  if (uv_fileno(reinterpret_cast<const uv_handle_t*>(&handles_->tcp), &fd) != 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return 0;
  return -error;
}

bool PlainConnection::Write(std::string_view head, std::string_view body) {
  if (tls_ != nullptr) {
    plain_head_ = head;
    plain_body_ = body;
    writing_ = true;
    return Pump();
  }
  uv_buf_t pieces[2] = {uv_buf_init(const_cast<char*>(head.data()), static_cast<unsigned>(head.size())),
                        uv_buf_init(const_cast<char*>(body.data()), static_cast<unsigned>(body.size()))};
  const int sent = uv_try_write(stream(), pieces, body.empty() ? 1 : 2);
  if (sent < 0 && sent != UV_EAGAIN) {
    broken_ = true;
    return false;
  }
  size_t out = sent > 0 ? static_cast<size_t>(sent) : 0;
  if (out == head.size() + body.size()) return true;
  const size_t of_head = std::min(out, head.size());
  head.remove_prefix(of_head);
  body.remove_prefix(out - of_head);
  pieces[0] = uv_buf_init(const_cast<char*>(head.data()), static_cast<unsigned>(head.size()));
  pieces[1] = uv_buf_init(const_cast<char*>(body.data()), static_cast<unsigned>(body.size()));
  handles_->write.data = this;
  writing_ = uv_write(&handles_->write, stream(), head.empty() ? pieces + 1 : pieces, head.empty() || body.empty() ? 1 : 2,
                      [](uv_write_t* request, int status) {
                        auto* self = static_cast<PlainConnection*>(request->data);
                        self->writing_ = false;
                        if (self->closing_) return;
                        if (status == 0) self->user_->OnWritten(self);
                        else self->broken_ = true;
                      }) == 0;
  broken_ = !writing_;
  return false;
}

bool PlainConnection::Stale() const {
  uv_os_fd_t fd;
  if (uv_fileno(reinterpret_cast<const uv_handle_t*>(&handles_->tcp), &fd) != 0) return true;
  char byte;
  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

// ---- with TLS

bool PlainConnection::Secure(std::shared_ptr<const TlsContext> context, const std::string& name, TlsClientOptions options) {
  tls_ = TlsSession::Connect(std::move(context), name, std::move(options));
  SendOut(true);
  return tls_->state() == TlsSession::State::kHandshake;
}

void PlainConnection::TakeWire(std::string_view bytes) {
  // What it is told may have its user read from another connection: that one finds no memory here, and makes its own.
  std::string plain = std::exchange(shared_->plain, {});
  plain.clear();
  const bool within_handshake = tls_->state() == TlsSession::State::kHandshake;
  tls_->Receive(bytes, &plain);
  wire_in_ += bytes.size();
  plain_in_ += plain.size();
  SendOut(true);
  const TlsSession::State state = tls_->state();
  if (within_handshake && state != TlsSession::State::kHandshake) user_->OnConnected(this, state == TlsSession::State::kOpen ? 0 : int{UV_EPROTO});
  if (!closing_ && !plain.empty()) user_->OnBytes(this, plain);
  if (!closing_ && state != TlsSession::State::kHandshake) TellEnd();
  if (plain.capacity() > shared_->plain.capacity()) shared_->plain.swap(plain);
}

void PlainConnection::TellEnd() {
  if (tls_->peer_closed()) return user_->OnLost(this, 0);
  const bool starved = wire_in_ > kFreeWireBytes + kWireBytesAByte * plain_in_;
  if (tls_->state() == TlsSession::State::kFailed || starved) user_->OnLost(this, UV_EPROTO);
}

void PlainConnection::TakeWireEnd(int status) {
  // Asking for the error takes it away.
  if (status == UV_EOF) status = SocketError();
  if (status == 0) status = UV_ECONNRESET;
  if (tls_->state() == TlsSession::State::kHandshake) user_->OnConnected(this, status);
  else user_->OnLost(this, status);
}

/// True: all that was to be written is with the system.
bool PlainConnection::Pump() {
  size_t burst = 0;
  while (!in_flight_ && !broken_) {
    if (tls_->output_bytes() == 0) {
      if (plain_head_.empty() && plain_body_.empty()) {
        writing_ = false;
        if (sending_.capacity() > kPlainKeptBytes) std::string().swap(sending_);
        return true;
      }
      if (plain_head_.size() + plain_body_.size() <= kPieceBytes / 4 && !plain_head_.empty() && !plain_body_.empty()) {
        shared_->joined.assign(plain_head_).append(plain_body_);  // as one record
        tls_->Write(shared_->joined);
        plain_head_ = plain_body_ = {};
      } else {
        std::string_view& plain = plain_head_.empty() ? plain_body_ : plain_head_;
        tls_->Write(plain.substr(0, kPieceBytes));
        plain.remove_prefix(std::min(plain.size(), kPieceBytes));
      }
      if (tls_->output_bytes() == 0) broken_ = true;
    }
    burst += tls_->output_bytes();
    SendOut(burst <= kPlainBurstBytes);
  }
  return false;
}

/// `at_once`: as much as the system takes now. The rest goes with libuv, which says when it is out.
void PlainConnection::SendOut(bool at_once) {
  if (in_flight_ || broken_ || tls_->output_bytes() == 0) return;
  tls_->SwapOutput(&sending_);
  uv_buf_t piece = uv_buf_init(sending_.data(), static_cast<unsigned>(sending_.size()));
  const int sent = at_once ? uv_try_write(stream(), &piece, 1) : 0;
  broken_ = sent < 0 && sent != UV_EAGAIN;
  const size_t done = sent > 0 ? static_cast<size_t>(sent) : 0;
  if (broken_ || done == sending_.size()) return;
  piece = uv_buf_init(sending_.data() + done, static_cast<unsigned>(sending_.size() - done));
  handles_->write.data = this;
  in_flight_ = uv_write(&handles_->write, stream(), &piece, 1,
                        [](uv_write_t* request, int status) { static_cast<PlainConnection*>(request->data)->OnSent(status); }) == 0;
  broken_ = !in_flight_;
}

void PlainConnection::OnSent(int status) {
  in_flight_ = false;
  if (closing_) return;
  if (status != 0) {
    broken_ = true;
    return;
  }
  const bool was_writing = writing_;
  if (Pump() && was_writing) user_->OnWritten(this);
}

bool PlainConnection::Pull() {
  uv_os_fd_t fd;
  if (uv_fileno(reinterpret_cast<const uv_handle_t*>(&handles_->tcp), &fd) != 0) return false;
  char bytes[4096];
  while (!closing_) {
    const ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
    const uv_buf_t buffer = uv_buf_init(bytes, sizeof bytes);
    OnRead(stream(), got > 0 ? got : got == 0 ? ssize_t{UV_EOF} : ssize_t{UV_ECONNRESET}, &buffer);
  }
  return !closing_;
}

void PlainConnection::Close() {
  if (closing_) return;
  closing_ = true;
  user_ = nullptr;
  shared_->pool->wheel()->Disarm(this);
  (prev_ != nullptr ? prev_->next_ : shared_->first) = next_;
  if (next_ != nullptr) next_->prev_ = prev_;
  if (!made_) {
    delete this;
    return;
  }
  if (tls_ != nullptr && !in_flight_ && !broken_) {
    tls_->Close();
    tls_->SwapOutput(&sending_);
    uv_buf_t piece = uv_buf_init(sending_.data(), static_cast<unsigned>(sending_.size()));
    if (!sending_.empty()) uv_try_write(stream(), &piece, 1);
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->tcp), [](uv_handle_t* handle) { delete static_cast<PlainConnection*>(handle->data); });
}

void PlainConnection::OnDeadline(int64_t now_ms) {
  shared_->pool->OnConnectionDeadline(this, now_ms);
}

}  // namespace notifyd
