// HttpServer: listening sockets, and the clockwork that its connections share (see http_connection.h). Loop thread.
// It accepts by itself instead of through libuv, which has no SO_REUSEPORT here and, once descriptors run out, may accept in a tight circle.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <unordered_set>

#include "base/check.h"
#include "base/clocks.h"
#include "base/system_error.h"
#include "net/http.h"
#include "net/http_connection.h"
#include "net/loop.h"
#include "net/peer.h"

namespace notifyd {
namespace {

constexpr int kBacklog = 4096;
// A turn that only accepts would starve the connections that it has.
constexpr int kAcceptsPerTurn = 256;
constexpr uint64_t kAcceptPauseMs = 100;
// What the kernel may hold of an answer beyond what it has sent: the rest is counted here.
constexpr int kUnsentInKernelBytes = 128 << 10;

Result<sockaddr_storage> ParseAddress(const std::string& address, uint16_t port) {
  sockaddr_storage storage{};
  if (uv_ip4_addr(address.c_str(), port, reinterpret_cast<sockaddr_in*>(&storage)) == 0) return storage;
  if (uv_ip6_addr(address.c_str(), port, reinterpret_cast<sockaddr_in6*>(&storage)) == 0) return storage;
  return Status(Code::kIo, "not an IP address: " + address);
}

uint16_t PortOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_UNIX) return 0;
  return address.ss_family == AF_INET ? ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port)
                                      : ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
}

socklen_t LengthOf(const sockaddr_storage& address) {
  return address.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(Loop* loop, const HttpLimits& limits, Budget* budget, HttpHandler* handler)
      : loop_(loop), context_(loop->raw(), limits, budget, handler), handles_(new Handles) {
    own_.max_connections = limits.max_connections;
    std::signal(SIGPIPE, SIG_IGN);
    CHECK(uv_timer_init(context_.loop, &handles_->sweep) == 0);
    CHECK(uv_timer_init(context_.loop, &handles_->accept_pause) == 0);
    CHECK(uv_timer_init(context_.loop, &handles_->look_again) == 0);
    CHECK(uv_idle_init(context_.loop, &handles_->resume) == 0);
    CHECK(uv_prepare_init(context_.loop, &handles_->turn_end) == 0);
    handles_->sweep.data = handles_->accept_pause.data = handles_->look_again.data = handles_->resume.data = handles_->turn_end.data = this;
    uv_prepare_start(&handles_->turn_end, [](uv_prepare_t* handle) { static_cast<Impl*>(handle->data)->context_.turn_until_us = 0; });
    uv_unref(reinterpret_cast<uv_handle_t*>(&handles_->turn_end));  // it keeps no loop running
    context_.resume = [this] { uv_idle_start(&handles_->resume, [](uv_idle_t* handle) { static_cast<Impl*>(handle->data)->ResumeAll(); }); };
    context_.closed = [this] {
      if (context_.open.load(std::memory_order_relaxed) == 0) uv_timer_stop(&handles_->sweep);
    };
  }

  ~Impl() {
    for (HttpConnection* connection : std::vector<HttpConnection*>(context_.slots)) {
      if (connection != nullptr) connection->Abandon();
    }
    CloseListeners();
    // The handles go one by one; the last one takes their memory with it.
    for (uv_handle_t* handle : {reinterpret_cast<uv_handle_t*>(&handles_->sweep), reinterpret_cast<uv_handle_t*>(&handles_->accept_pause),
                                reinterpret_cast<uv_handle_t*>(&handles_->look_again), reinterpret_cast<uv_handle_t*>(&handles_->resume),
                                reinterpret_cast<uv_handle_t*>(&handles_->turn_end)}) {
      handle->data = handles_;
      uv_close(handle, [](uv_handle_t* closed) {
        auto* handles = static_cast<Handles*>(closed->data);
        if (--handles->open == 0) delete handles;
      });
    }
  }

  void AnswerOnlyWhile(std::function<bool()> may) { context_.may_answer = std::move(may); }

  /// A socket that is bound. Errors: as CheckListen's.
  static Result<int> Bind(const std::string& address, uint16_t port, bool reuse_port) {
    Result<sockaddr_storage> parsed = ParseAddress(address, port);
    if (!parsed.ok()) return parsed.status();
    int fd = socket(parsed->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return SystemError("socket");
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    Status failed = Status::Ok();
    if (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
      failed = SystemError("SO_REUSEPORT");
    } else if (bind(fd, reinterpret_cast<const sockaddr*>(&*parsed), LengthOf(*parsed)) != 0) {
      Code code = errno == EADDRINUSE ? Code::kConflict : Code::kIo;
      failed = Status(code, SystemError("cannot bind " + address + " port " + std::to_string(port)).detail());
    }
    if (failed.ok()) return fd;
    close(fd);
    return failed;
  }

  Result<uint16_t> Listen(const std::string& address, uint16_t port, bool reuse_port, HttpListener* as) {
    Result<int> socket_bound = Bind(address, port, reuse_port);
    if (!socket_bound.ok()) return Status(Code::kIo, socket_bound.status().detail());
    int fd = *socket_bound;
    std::string name = address + " port " + std::to_string(port);
    Status failed = Status::Ok();
    if (listen(fd, kBacklog) != 0) failed = SystemError("cannot listen on " + name);
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (failed.ok() && getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) failed = SystemError("getsockname");
    if (failed.ok() && !Watch(fd, as)) failed = Status(Code::kIo, "cannot watch " + name);
    if (!failed.ok()) {
      close(fd);
      return failed;
    }
    return PortOf(bound);
  }

  HttpConnection* Find(uint64_t token) const { return context_.Find(token); }

  void Drain() {
    // Who is through the handshake already is served too.
    for (Listener* listener : listeners_) Accept(listener);
    CloseListeners();
    DrainConnections();
  }

  void StopAccepting() {
    for (Listener* listener : listeners_) uv_poll_stop(&listener->poll);
    uv_timer_stop(&handles_->accept_pause);
  }

  void HoldRequests(bool hold) {
    context_.holding = hold;
    for (HttpConnection* connection : std::vector<HttpConnection*>(context_.slots)) {
      if (connection != nullptr) connection->HoldChanged();
    }
  }

  Sockets Release() {
    Sockets sockets;
    StopAccepting();
    for (Listener* listener : listeners_) {
      fcntl(listener->fd, F_SETFD, 0);
      if (sockets.listening < 0) {
        sockets.listening = listener->fd;
      } else {
        sockets.connections.push_back(listener->fd);
      }
      Forget(listener);
    }
    listeners_.clear();
    for (HttpConnection* connection : std::vector<HttpConnection*>(context_.slots)) {
      if (connection == nullptr || !(connection->idle() || connection->lingers())) continue;
      if (int fd = connection->Release(); fd >= 0) sockets.connections.push_back(fd);
    }
    DrainConnections();
    return sockets;
  }

  Result<uint16_t> Adopt(const Sockets& sockets, HttpListener* as) {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (!IsStream(sockets.listening) || !IsListening(sockets.listening)) return Status(Code::kIo, "the socket handed over does not listen");
    if (getsockname(sockets.listening, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return SystemError("getsockname");
    if (!AdoptListener(sockets.listening, as)) return Status(Code::kIo, "cannot watch the socket handed over");
    context_.draining = false;
    HoldRequests(false);
    for (int fd : sockets.connections) {
      if (!IsStream(fd)) continue;
      if (IsListening(fd)) {
        if (!AdoptListener(fd, as)) close(fd);
      } else {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        sockaddr_storage from{};
        socklen_t from_size = sizeof from;
        getpeername(fd, reinterpret_cast<sockaddr*>(&from), &from_size);
        Take(fd, IsShut(fd) ? HttpConnection::Origin::kShut : HttpConnection::Origin::kAdopted, as != nullptr ? as : &own_, from);
      }
    }
    return PortOf(bound);
  }

  size_t busy() const {
    return static_cast<size_t>(std::count_if(context_.slots.begin(), context_.slots.end(),
                                             [](const HttpConnection* connection) { return connection != nullptr && connection->busy(); }));
  }

  void OnIdle(int64_t slow_ms, std::function<void()> then) {
    WaitWhile([slow_ms](const HttpConnection& connection) { return connection.busy() && !connection.receiving(slow_ms); }, std::move(then));
    // Only time makes one slow; what is coming now has done so by then.
    if (awaited_)
      uv_timer_start(
          &handles_->look_again, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->LookAround(); }, static_cast<uint64_t>(slow_ms) + 1, 0);
  }

  void OnReceived(int64_t age_ms, std::function<void()> then) {
    int64_t begun_by_ms = Loop::NowMs(context_.loop) - age_ms;
    WaitWhile([this, begun_by_ms](
                  const HttpConnection& connection) { return connection.receiving(Loop::NowMs(context_.loop) - begun_by_ms); },
              std::move(then));
  }

  void OnClosed(std::function<void()> then) {
    WaitWhile([](const HttpConnection& connection) { return connection.open(); }, std::move(then));
  }

  void RefuseUnfinished() {
    for (HttpConnection* connection : std::vector<HttpConnection*>(context_.slots)) {
      if (connection != nullptr) connection->RefuseUnfinished();
    }
  }

  size_t connections() const { return context_.open.load(std::memory_order_relaxed); }

 private:
  /// What OnIdle and its like wait for: that none of these holds it up any more.
  struct Awaited {
    std::function<bool(const HttpConnection&)> holds_up;
    std::function<void()> then;
    std::unordered_set<const HttpConnection*> by = {};
  };
  struct Listener {
    uv_poll_t poll;
    Impl* server;
    HttpListener* as;
    int fd;
  };
  struct Handles {
    uv_timer_t sweep;
    uv_timer_t accept_pause;
    uv_timer_t look_again;
    uv_idle_t resume;
    uv_prepare_t turn_end;
    int open = 5;
  };

  /// Accepts on `fd` from now on, and owns it; false, and does not, where it cannot be watched.
  bool Watch(int fd, HttpListener* as) {
    auto* listener = new Listener{{}, this, as != nullptr ? as : &own_, fd};
    if (uv_poll_init(context_.loop, &listener->poll, fd) != 0) {
      delete listener;
      return false;
    }
    listener->poll.data = listener;
    listeners_.push_back(listener);
    StartAccepting(listener);
    return true;
  }

  bool AdoptListener(int fd, HttpListener* as) {
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return Watch(fd, as);
  }

  static bool IsStream(int fd) {
    int type = 0;
    socklen_t size = sizeof type;
    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
  }
  static bool IsListening(int fd) {
    int listening = 0;
    socklen_t size = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
  }

  /// This side of it has ended (FIN): nothing can be answered there any more.
  static bool IsShut(int fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state != TCP_ESTABLISHED && info.tcpi_state != TCP_CLOSE_WAIT;
  }

  void DrainConnections() {
    context_.draining = true;
    HoldRequests(false);
    for (HttpConnection* connection : std::vector<HttpConnection*>(context_.slots)) {
      if (connection != nullptr) connection->Drain();
    }
  }

  void WaitWhile(std::function<bool(const HttpConnection&)> holds_up, std::function<void()> then) {
    uv_timer_stop(&handles_->look_again);
    awaited_ = std::make_unique<Awaited>(Awaited{std::move(holds_up), std::move(then)});
    LookAround();
  }

  /// Ends the waiting, or goes on with those that hold it up now.
  void LookAround() {
    if (!awaited_) return;
    awaited_->by.clear();
    for (const HttpConnection* connection : context_.slots)
      if (connection != nullptr && awaited_->holds_up(*connection)) awaited_->by.insert(connection);
    if (!awaited_->by.empty()) {
      context_.changed = [this](const HttpConnection* connection) { Changed(connection); };
      return;
    }
    context_.changed = nullptr;
    loop_->Post(std::move(std::exchange(awaited_, nullptr)->then));
  }

  void Changed(const HttpConnection* connection) {
    auto found = awaited_->by.find(connection);
    if (found == awaited_->by.end() || awaited_->holds_up(*connection)) return;
    awaited_->by.erase(found);
    // Not from inside of what a connection does; and others may be at it by now.
    if (awaited_->by.empty())
      uv_timer_start(
          &handles_->look_again, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->LookAround(); }, 0, 0);
  }

  void StartAccepting(Listener* listener) {
    uv_poll_start(&listener->poll, UV_READABLE, [](uv_poll_t* handle, int, int) {
      auto* ready = static_cast<Listener*>(handle->data);
      ready->server->Accept(ready);
    });
  }

  void Accept(Listener* listener) {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      sockaddr_storage from{};
      socklen_t from_size = sizeof from;
      int fd = accept4(listener->fd, reinterpret_cast<sockaddr*>(&from), &from_size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        Take(fd, HttpConnection::Origin::kAccepted, listener->as, from);
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        PauseAccepting();
        return;
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return;
      }
      // Any other error belongs to the connection that was to be accepted.
    }
  }

  /// Out of descriptors or memory: those who wait stay in the backlog until some may be free again.
  void PauseAccepting() {
    for (Listener* listener : listeners_) uv_poll_stop(&listener->poll);
    uv_timer_start(
        &handles_->accept_pause,
        [](uv_timer_t* handle) {
          auto* self = static_cast<Impl*>(handle->data);
          for (Listener* listener : self->listeners_) self->StartAccepting(listener);
        },
        kAcceptPauseMs, 0);
  }

  /// Who is at the other end of `fd`; nobody where he may not connect there.
  static std::shared_ptr<const Peer> PeerOf(int fd, const HttpListener& as, const sockaddr_storage& from) {
    Peer peer{IpAddress::From(reinterpret_cast<const sockaddr*>(&from)), std::nullopt, {}, as.serves};
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (from.ss_family == AF_UNIX && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) peer.uid = credentials.uid;
    if (!as.cidrs.empty() &&
        (!peer.address || std::none_of(as.cidrs.begin(), as.cidrs.end(), [&](const Cidr& range) { return range.Contains(*peer.address); })))
      return nullptr;
    peer.asker = as.asker;
    if (as.serves.control && (!peer.uid || (*peer.uid != geteuid() && *peer.uid != 0))) return nullptr;
    return std::make_shared<const Peer>(std::move(peer));
  }

  void Take(int fd, HttpConnection::Origin origin, HttpListener* as, const sockaddr_storage& from) {
    std::shared_ptr<const Peer> peer = PeerOf(fd, *as, from);
    bool surplus = as->connections.load(std::memory_order_relaxed) >= as->max_connections;
    bool unknown = as->tls != nullptr && origin == HttpConnection::Origin::kAdopted;
    // There are no probes in another protocol.
    const bool beyond = surplus && as->make_parser;
    if (peer == nullptr || unknown || beyond || (surplus && !MakeSurplusRoom())) {
      close(fd);
      return;
    }
    int on = 1, unsent = kUnsentInKernelBytes;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // Where clients may be silent for long, those that are not there any more are found out.
    if (as->make_parser) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    if (!uv_is_active(reinterpret_cast<uv_handle_t*>(&handles_->sweep))) {
      uint64_t tick = static_cast<uint64_t>(context_.wheel.tick_ms());
      uv_timer_start(
          &handles_->sweep, [](uv_timer_t* handle) { static_cast<Impl*>(handle->data)->Sweep(); }, tick, tick);
    }
    HttpConnection::Open(&context_, fd, surplus ? HttpConnection::Origin::kSurplus : origin, as, std::move(peer));
  }

  /// Of those beyond the limit the oldest gives way; false where all are probes that are being answered.
  bool MakeSurplusRoom() {
    if (context_.surplus.size() < context_.limits.max_probe_connections) return true;
    for (HttpConnection* connection : context_.surplus) {
      if (!connection->gives_way()) continue;
      connection->Abandon();
      return true;
    }
    return false;
  }

  void Sweep() {
    context_.wheel.Advance(Loop::NowMs(context_.loop),
                           [](DeadlineWheel::Entry* entry) { static_cast<HttpConnection*>(entry)->Expire(); });
    if (std::exchange(context_.pressed, false)) {
      for (HttpConnection* connection : std::vector<HttpConnection*>(context_.slots)) {
        if (connection != nullptr) connection->Press();
      }
    }
    // Another server of the same budget may have made room.
    context_.AdmitParked();
  }

  void ResumeAll() {
    uv_idle_stop(&handles_->resume);
    // Time of their own, beside that of the sockets: else what these bring anew would keep those that wait from theirs for ever.
    context_.BeginTurn();
    const int64_t until = context_.turn_until_us;
    // Counted: what is resumed may queue itself again, at the end. First those that have something to write, which is short.
    for (size_t count = context_.resumable.size(); count > 0 && !context_.resumable.empty(); --count) ResumeFirst(&context_.resumable);
    // Then those that wait for their turn, one at least. None has all of it, so that nobody who sends little waits for long behind many who send much.
    for (size_t count = context_.waiting.size(); count > 0 && !context_.waiting.empty(); --count) {
      context_.turn_until_us = std::min(until, ReadClockUs(CLOCK_MONOTONIC) + HttpContext::kTurnUs / 5);
      ResumeFirst(&context_.waiting);
      if (ReadClockUs(CLOCK_MONOTONIC) >= until) break;
    }
    context_.turn_until_us = until;
    // The others come first in the next turn, before which the loop does not sleep.
    if (!context_.resumable.empty() || !context_.waiting.empty()) context_.resume();
    context_.AdmitParked();
  }

  static void ResumeFirst(std::list<HttpConnection*>* list) {
    HttpConnection* first = list->front();
    list->pop_front();
    first->Resume();
  }

  void CloseListeners() {
    for (Listener* listener : listeners_) {
      Forget(listener);
      close(listener->fd);
    }
    listeners_.clear();
    uv_timer_stop(&handles_->accept_pause);
  }

  /// Deletes it, soon; its descriptor is the caller's from now on.
  static void Forget(Listener* listener) {
    uv_poll_stop(&listener->poll);
    uv_close(reinterpret_cast<uv_handle_t*>(&listener->poll), [](uv_handle_t* handle) { delete static_cast<Listener*>(handle->data); });
  }

  Loop* const loop_;
  HttpContext context_;
  HttpListener own_;  // of sockets that were given none
  Handles* handles_;  // freed once libuv has closed all of them
  std::unique_ptr<Awaited> awaited_;
  std::vector<Listener*> listeners_;
};

HttpServer::HttpServer(Loop* loop, const HttpLimits& limits, Budget* budget, HttpHandler* handler)
    : impl_(std::make_unique<Impl>(loop, limits, budget, handler)) {}
HttpServer::~HttpServer() = default;
Result<uint16_t> HttpServer::Listen(const std::string& address, uint16_t port, bool reuse_port, HttpListener* as) {
  return impl_->Listen(address, port, reuse_port, as);
}
Status HttpServer::CheckListen(const std::string& address, uint16_t port, bool reuse_port) {
  Result<int> bound = Impl::Bind(address, port, reuse_port);
  if (!bound.ok()) return std::move(bound).status();
  close(*bound);
  return Status::Ok();
}
void HttpServer::Respond(uint64_t token, HttpResponse response) {
  if (HttpConnection* connection = impl_->Find(token)) connection->response().Respond(std::move(response));
}
void HttpServer::BeginStream(uint64_t token, HttpResponse head) {
  if (HttpConnection* connection = impl_->Find(token)) connection->response().BeginStream(std::move(head));
}
size_t HttpServer::Stream(uint64_t token, std::string_view piece) {
  HttpConnection* connection = impl_->Find(token);
  return connection != nullptr ? connection->response().Stream(piece) : 0;
}
bool HttpServer::Reserve(uint64_t token, size_t bytes) {
  HttpConnection* connection = impl_->Find(token);
  return connection == nullptr || connection->request().Reserve(bytes);
}
void HttpServer::BreakStream(uint64_t token) {
  if (HttpConnection* connection = impl_->Find(token)) connection->response().BreakStream();
}
void HttpServer::EndStream(uint64_t token, bool close) {
  if (HttpConnection* connection = impl_->Find(token)) connection->response().EndStream(close);
}
void HttpServer::PauseBody(uint64_t token) {
  if (HttpConnection* connection = impl_->Find(token)) connection->request().PauseBody();
}
void HttpServer::ResumeBody(uint64_t token) {
  if (HttpConnection* connection = impl_->Find(token)) connection->request().ResumeBody();
}
void HttpServer::AnswerOnlyWhile(std::function<bool()> may) {
  impl_->AnswerOnlyWhile(std::move(may));
}
void HttpServer::Drain() {
  impl_->Drain();
}
void HttpServer::StopAccepting() {
  impl_->StopAccepting();
}
void HttpServer::HoldRequests() {
  impl_->HoldRequests(true);
}
void HttpServer::RefuseUnfinished() {
  impl_->RefuseUnfinished();
}
HttpServer::Sockets HttpServer::Release() {
  return impl_->Release();
}
Result<uint16_t> HttpServer::Adopt(const Sockets& sockets, HttpListener* as) {
  return impl_->Adopt(sockets, as);
}
size_t HttpServer::busy() const {
  return impl_->busy();
}
void HttpServer::OnIdle(int64_t slow_ms, std::function<void()> then) {
  impl_->OnIdle(slow_ms, std::move(then));
}
void HttpServer::OnReceived(int64_t age_ms, std::function<void()> then) {
  impl_->OnReceived(age_ms, std::move(then));
}
void HttpServer::OnClosed(std::function<void()> then) {
  impl_->OnClosed(std::move(then));
}
size_t HttpServer::connections() const {
  return impl_->connections();
}

}  // namespace notifyd
