#include "net/cluster/member_connection.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace notifyd {
namespace {

constexpr size_t kReadBytes = 64 << 10;
/// A machine that is gone acknowledges nothing, and says nothing either.
constexpr unsigned kSilentMostMs = 10'000;
constexpr unsigned kProbeAfterS = 5;

/// "HOST:PORT" to its parts, without brackets.
std::pair<std::string, std::string> Split(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return {address, ""};
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return {std::move(host), address.substr(colon + 1)};
}

}  // namespace

struct MemberConnection::Socket {
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_shutdown_t shutdown;
  MemberConnection* owner;  // goes with it; null: it goes alone
};

struct MemberConnection::Lookup {
  uv_getaddrinfo_t request;
  MemberConnection* owner;  // null: nobody waits
};

struct MemberConnection::Write {
  uv_write_t request;
  std::string bytes;
  MemberConnection* owner;
};

MemberConnection* MemberConnection::Open(uv_loop_t* loop, const std::string& address, std::shared_ptr<const TlsContext> tls, User* user) {
  auto* made = new MemberConnection(loop, std::move(tls), user);
  auto [host, port] = Split(address);
  made->host_ = host;
  // A literal is answered by the same call, without asking anybody; what is not to be called from inside comes from the loop.
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) == 0) {
    made->addresses_.emplace_back(reinterpret_cast<const char*>(found->ai_addr), found->ai_addrlen);
    freeaddrinfo(found);
    made->ConnectNext();
    return made;
  }
  hints.ai_flags = AI_NUMERICSERV;
  made->lookup_ = new Lookup{{}, made};
  made->lookup_->request.data = made->lookup_;
  const int begun = uv_getaddrinfo(
      loop, &made->lookup_->request,
      [](uv_getaddrinfo_t* request, int status, addrinfo* list) {
        std::unique_ptr<Lookup> lookup(static_cast<Lookup*>(request->data));
        MemberConnection* self = lookup->owner;
        if (self != nullptr) {
          self->lookup_ = nullptr;
          for (const addrinfo* each = list; status == 0 && each != nullptr; each = each->ai_next)
            self->addresses_.emplace_back(reinterpret_cast<const char*>(each->ai_addr), each->ai_addrlen);
          if (status != 0) self->why_ = "its name cannot be looked up: " + std::string(uv_strerror(status));
          self->ConnectNext();
        }
        uv_freeaddrinfo(list);
      },
      host.c_str(), port.c_str(), &hints);
  if (begun != 0) {
    delete std::exchange(made->lookup_, nullptr);
    made->why_ = "its address is none: " + address;
    made->ConnectNext();
  }
  return made;
}

MemberConnection::~MemberConnection() = default;

uv_stream_t* MemberConnection::stream() const {
  return reinterpret_cast<uv_stream_t*>(&socket_->tcp);
}

void MemberConnection::MakeSocket() {
  if (socket_ != nullptr) {
    socket_->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&socket_->tcp), [](uv_handle_t* handle) { delete static_cast<Socket*>(handle->data); });
  }
  socket_ = new Socket{};
  socket_->owner = this;
  socket_->tcp.data = socket_;
  CHECK(uv_tcp_init(loop_, &socket_->tcp) == 0);
}

void MemberConnection::ConnectNext() {
  MakeSocket();
  int status = UV_EADDRNOTAVAIL;
  while (!addresses_.empty()) {
    const std::string address = std::move(addresses_.front());
    addresses_.erase(addresses_.begin());
    socket_->connect.data = socket_;
    status =
        uv_tcp_connect(&socket_->connect, &socket_->tcp, reinterpret_cast<const sockaddr*>(address.data()), [](uv_connect_t* request, int result) {
          auto* socket = static_cast<Socket*>(request->data);
          if (socket->owner != nullptr && !socket->owner->closing_) socket->owner->Connected(result);
        });
    if (status == 0) return;
    // One that has no way from here says so at once; the next one has a family of its own, maybe.
    MakeSocket();
  }
  // Nothing is tried any more: whoever opened it looks at the clock, and at this.
  if (why_.empty()) why_ = uv_strerror(status);
  gone_ = true;
}

void MemberConnection::Connected(int status) {
  if (status != 0) {
    why_ = uv_strerror(status);
    if (!addresses_.empty()) return ConnectNext();
    return Gone(false, why_);
  }
  uv_tcp_nodelay(&socket_->tcp, 1);
  uv_tcp_keepalive(&socket_->tcp, 1, kProbeAfterS);
  uv_os_fd_t fd;
  if (uv_fileno(reinterpret_cast<const uv_handle_t*>(&socket_->tcp), &fd) == 0)
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kSilentMostMs, sizeof kSilentMostMs);
  SetReading(true);
  if (context_ == nullptr) {
    open_ = true;
    return user_->OnOpen();
  }
  tls_ = TlsSession::Connect(context_, host_);
  FlushTls();
}

void MemberConnection::SetReading(bool reads) {
  if (closing_ || gone_ || socket_ == nullptr) return;
  if (!reads) {
    uv_read_stop(stream());
    return;
  }
  uv_read_start(
      stream(),
      [](uv_handle_t*, size_t, uv_buf_t* buffer) {
        // One loop, one thread, and nobody reads while somebody reads.
        static thread_local std::unique_ptr<char[]> bytes(new char[kReadBytes]);
        *buffer = uv_buf_init(bytes.get(), kReadBytes);
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
        MemberConnection* self = static_cast<Socket*>(stream->data)->owner;
        if (count == 0 || self == nullptr || self->closing_ || self->gone_) return;
        if (count > 0) self->Take({buffer->base, static_cast<size_t>(count)});
        else self->TakeEnd(static_cast<int>(count));
      });
}

void MemberConnection::Take(std::string_view wire) {
  if (tls_ == nullptr) return user_->OnBytes(wire);
  TakeTls(wire);
}

void MemberConnection::TakeTls(std::string_view wire) {
  std::string plain;
  tls_->Receive(wire, &plain);
  FlushTls();
  const TlsSession::State state = tls_->state();
  if (!open_ && state == TlsSession::State::kOpen) {
    open_ = true;
    user_->OnOpen();
  }
  if (!closing_ && !plain.empty()) user_->OnBytes(plain);
  if (closing_) return;
  if (state == TlsSession::State::kFailed) return Gone(false, tls_->failure());
  if (tls_->peer_closed()) Gone(true, "closed");
}

void MemberConnection::TakeEnd(int status) {
  // Over TLS an end that is not said is none.
  if (status == UV_EOF && tls_ == nullptr) return Gone(true, "closed");
  Gone(false, status == UV_EOF ? "cut off" : uv_strerror(status));
}

void MemberConnection::Gone(bool ended, const std::string& why) {
  if (std::exchange(gone_, true)) return;
  uv_read_stop(stream());
  user_->OnGone(ended, why);
}

void MemberConnection::FlushTls() {
  std::string bytes = tls_->TakeOutput();
  if (!bytes.empty()) Push(std::move(bytes));
}

void MemberConnection::Send(std::string_view bytes) {
  if (closing_ || gone_) return;
  if (tls_ == nullptr) return Push(std::string(bytes));
  tls_->Write(bytes);
  FlushTls();
}

void MemberConnection::Push(std::string bytes) {
  uv_buf_t piece = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
  const int sent = uv_try_write(stream(), &piece, 1);
  // What broke the writing is read, too, behind an answer that may have come before.
  if (sent < 0 && sent != UV_EAGAIN) return;
  const size_t done = sent > 0 ? static_cast<size_t>(sent) : 0;
  if (done == bytes.size()) return;
  auto* write = new Write{{}, std::move(bytes), this};
  write->request.data = write;
  piece = uv_buf_init(write->bytes.data() + done, static_cast<unsigned>(write->bytes.size() - done));
  const int begun = uv_write(&write->request, stream(), &piece, 1, [](uv_write_t* request, int status) {
    std::unique_ptr<Write> written(static_cast<Write*>(request->data));
    MemberConnection* self = written->owner;
    if (status == 0 && !self->closing_ && !self->gone_ && self->open_ && self->unsent() == 0) self->user_->OnSent();
  });
  if (begun != 0) delete write;
}

size_t MemberConnection::unsent() const {
  return closing_ ? 0 : uv_stream_get_write_queue_size(stream());
}

void MemberConnection::EndSending() {
  if (closing_ || gone_ || socket_->shutdown.data != nullptr) return;
  socket_->shutdown.data = this;
  uv_shutdown(&socket_->shutdown, stream(), [](uv_shutdown_t*, int) {});
}

bool MemberConnection::Stale() const {
  uv_os_fd_t fd;
  char byte;
  if (gone_ || uv_fileno(reinterpret_cast<const uv_handle_t*>(&socket_->tcp), &fd) != 0) return true;
  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

void MemberConnection::Close() {
  if (std::exchange(closing_, true)) return;
  user_ = nullptr;
  if (lookup_ != nullptr) {
    lookup_->owner = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&lookup_->request));
    lookup_ = nullptr;
  }
  if (socket_ == nullptr) {
    delete this;
    return;
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&socket_->tcp), [](uv_handle_t* handle) {
    std::unique_ptr<Socket> socket(static_cast<Socket*>(handle->data));
    delete socket->owner;
  });
}

}  // namespace notifyd
