#include "net/http_connection.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/tls/tls_files.h"

namespace notifyd {
namespace {

constexpr int64_t kLingerQuietMs = 2'000;
// Less than that is not worth giving back to the system.
constexpr size_t kMuchBytes = 64 << 20;
// A new connection is given that long to send its request when the server drains.
constexpr int64_t kDrainGraceMs = 500;

}  // namespace

// libuv's handle outlives the connection's last word until libuv has closed it.
struct HttpConnection::Tcp {
  uv_tcp_t handle;
  uv_shutdown_t shutdown;
};

void HttpConnection::Open(HttpContext* context, int fd, Origin origin, HttpListener* listener, std::shared_ptr<const Peer> peer) {
  uint32_t slot;
  if (!context->free_slots.empty()) {
    slot = context->free_slots.back();
    context->free_slots.pop_back();
  } else {
    slot = static_cast<uint32_t>(context->slots.size());
    CHECK(slot < 1u << HttpContext::kSlotBits);
    context->slots.push_back(nullptr);
  }
  auto* self = new HttpConnection(context, slot, origin, listener, std::move(peer));
  context->slots[slot] = self;
  context->open.fetch_add(1, std::memory_order_relaxed);
  if (self->surplus_) {
    context->surplus.push_back(self);
  } else {
    context->budget->connections.fetch_add(1, std::memory_order_relaxed);
    listener->connections.fetch_add(1, std::memory_order_relaxed);
  }
  if (uv_tcp_open(&self->tcp_->handle, fd) != 0) {
    close(fd);
    self->Close();
    return;
  }
  if (origin == Origin::kShut) {
    self->phase_ = Phase::kLinger;
    self->shut_ = true;
    self->linger_heard_ms_ = self->linger_since_ms_ = self->now_ms();
  }
  self->UpdateReading();
  self->UpdateDeadline();
  if (!self->surplus_ || self->phase_ == Phase::kClosed) return;
  // A probe that is there already is answered before the next ones drive it out.
  ssize_t size = recv(fd, context->read_buffer.get(), HttpContext::kReadBytes, MSG_DONTWAIT);
  if (size > 0) self->OnRead(size, context->read_buffer.get(), HttpContext::kReadBytes);
}

HttpConnection::HttpConnection(HttpContext* context, uint32_t slot, Origin origin, HttpListener* listener, std::shared_ptr<const Peer> peer)
    : context_(context),
      listener_(listener),
      tcp_(new Tcp),
      request_(this, *listener, std::move(peer)),
      response_(this),
      slot_(slot),
      surplus_(origin == Origin::kSurplus),
      served_(origin == Origin::kAdopted || origin == Origin::kShut) {
  CHECK(uv_tcp_init(context->loop, &tcp_->handle) == 0);
  tcp_->handle.data = this;
  if (listener->tls != nullptr) tls_ = TlsSession::Accept(listener->tls->context());
  quiet_since_ms_ = now_ms();
}

HttpConnection::~HttpConnection() {
  delete tcp_;
}

int64_t HttpConnection::now_ms() const {
  return Loop::NowMs(context_->loop);
}

uv_stream_s* HttpConnection::stream() const {
  return reinterpret_cast<uv_stream_t*>(&tcp_->handle);
}

void HttpConnection::OnRead(int64_t size, const char* bytes, size_t asked) {
  looked_ |= size < static_cast<int64_t>(asked);
  if (size == 0 || phase_ == Phase::kClosed) return;
  if (size == UV_EOF) {
    OnEof();
  } else if (size < 0) {
    Close();
  } else if (phase_ == Phase::kLinger) {
    Drop(static_cast<size_t>(size));
  } else if (tls_) {
    Decrypt(std::string_view(bytes, static_cast<size_t>(size)));
  } else {
    request_.Process(std::string_view(bytes, static_cast<size_t>(size)));
  }
}

void HttpConnection::Decrypt(std::string_view bytes) {
  std::string& plain = context_->plain;
  plain.clear();
  const bool shaking = tls_->state() == TlsSession::State::kHandshake;
  tls_->Receive(bytes, &plain);
  if (shaking && tls_->state() == TlsSession::State::kOpen) HandshakeDone();
  // A handshake's part, an alert, an answer to new keys.
  SendOwn();
  if (phase_ != Phase::kClosed && !plain.empty()) request_.Process(plain);
  if (phase_ == Phase::kClosed || phase_ == Phase::kLinger) return;
  if (tls_->state() == TlsSession::State::kFailed) {
    if (shaking) Log(LogLevel::kDebug, "TLS handshake failed", {{"peer", request_.peer().Name()}, {"detail", tls_->failure()}});
    TlsFailed();
  } else if (tls_->peer_closed() && !request_.ended()) {
    OnEof();
  }
}

/// From here on it is known whose certificate the client has.
void HttpConnection::HandshakeDone() {
  if (tls_->peer_names().empty()) return;
  Peer peer = request_.peer();
  peer.certificate_names = tls_->peer_names();
  request_.SetPeer(std::make_shared<const Peer>(std::move(peer)));
}

/// Nothing can be said any more but the alert, which is on its way.
void HttpConnection::TlsFailed() {
  request_.Unpark();
  if (token_ != 0) {
    CutOff();
  } else {
    BeginLinger();
  }
}

/// What the TLS session itself has to say.
void HttpConnection::SendOwn() {
  if (tls_->output_bytes() == 0) return;
  std::string bytes = tls_->TakeOutput();
  response_.WriteToSocket({}, &bytes);
}

/// Of a connection between two requests that is ended from here: whoever is sending the next one learns that nothing was done of it.
void HttpConnection::SayFarewell() {
  const auto& may = context_->may_answer;
  if (listener_->farewell.empty() || response_.unsent_bytes() > 0 || (may && !may())) return;
  std::string bytes = listener_->farewell;
  if (tls_) {
    if (tls_->state() != TlsSession::State::kOpen) return;
    tls_->Write(bytes);
    bytes = tls_->TakeOutput();
  }
  uv_buf_t buffer = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
  uv_try_write(stream(), &buffer, 1);
}

/// Nothing is under way on it. Where something was said it lingers: a reset could overtake that.
void HttpConnection::CloseIdle() {
  if (listener_->farewell.empty()) return Close();
  SayFarewell();
  BeginLinger();
}

/// A last word on a connection that is closed, where it can be said at once.
void HttpConnection::SayGoodbye() {
  if (response_.unsent_bytes() > 0 || tls_->state() != TlsSession::State::kOpen) return;
  tls_->Close();
  std::string bytes = tls_->TakeOutput();
  uv_buf_t buffer = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
  uv_try_write(stream(), &buffer, 1);
}

/// In kLinger: so much came, for nobody.
void HttpConnection::Drop(size_t bytes) {
  linger_heard_ms_ = now_ms();
  lingered_bytes_ += bytes;
  if (lingered_bytes_ > 2 * static_cast<uint64_t>(context_->limits.max_body_bytes) + HttpContext::kReadBytes) {
    Close();
  } else {
    UpdateDeadline();
  }
}

void HttpConnection::OnEof() {
  uv_read_stop(stream());
  reading_ = false;
  if (phase_ == Phase::kLinger && shut_) {
    Close();
  } else {
    request_.End();
  }
}

void HttpConnection::EndBehindResponse() {
  if (response_.unsent_bytes() > 0) {
    BeginLinger();
  } else {
    Close();
  }
}

void HttpConnection::Parked() {
  phase_ = Phase::kPending;
  parked_at_ = context_->parked.insert(context_->parked.end(), this);
}

void HttpConnection::Unparked() {
  if (phase_ != Phase::kClosed) phase_ = Phase::kReading;
  context_->parked.erase(parked_at_);
}

void HttpConnection::NewToken() {
  phase_ = Phase::kPending;
  token_ = HttpContext::TokenOf(++context_->sequence, slot_);
}

bool HttpConnection::EndToken() {
  CHECK(phase_ == Phase::kPending);
  token_ = 0;
  served_ = true;
  phase_ = Phase::kReading;
  quiet_since_ms_ = now_ms();
  return request_.EndRequest();
}

void HttpConnection::ResponseDone() {
  request_.RefuseLost();
  // While it parses, what follows is seen to there.
  if (request_.processing()) return;
  Account();
  UpdateReading();
  UpdateDeadline();
}

void HttpConnection::QueueResume() {
  if (resume_queued_) return;
  resume_queued_ = true;
  resume_at_ = context_->resumable.insert(context_->resumable.end(), this);
  context_->resume();
}

void HttpConnection::WaitTurn() {
  QueueResume();
  if (!std::exchange(waits_turn_, true)) context_->waiting.splice(context_->waiting.end(), context_->resumable, resume_at_);
  UpdateReading();
}

void HttpConnection::Resume() {
  resume_queued_ = false;
  const bool waited = std::exchange(waits_turn_, false);
  response_.GoOn();
  if (phase_ == Phase::kClosed) return;
  if (!request_.GoOn()) {
    Account();
    UpdateReading();
    UpdateDeadline();
  }
  if (waited) ReadNow();
}

/// Once. Among the sockets that are ready others may come before it each time, and take all of the turn.
void HttpConnection::ReadNow() {
  int fd;
  if (!open() || !reading_ || context_->TurnSpent() || uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp_->handle), &fd) != 0) return;
  const size_t asked = request_.ReadBytes(HttpContext::kReadBytes);
  ssize_t size = recv(fd, context_->read_buffer.get(), asked, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  OnRead(size > 0 ? size : size == 0 ? UV_EOF : uv_translate_sys_error(errno), context_->read_buffer.get(), asked);
}

void HttpConnection::Written() {
  quiet_since_ms_ = now_ms();
  response_.GoOn();
  if (phase_ == Phase::kClosed) return;
  Account();
  request_.GoOnBehindResponse();
  UpdateReading();
  UpdateDeadline();
}

void HttpConnection::CutOff() {
  uint64_t token = token_;
  EndToken();
  response_.Discard();
  context_->handler->OnClose(token);
  BeginLinger();
}

void HttpConnection::Refuse(int status, std::string_view detail) {
  bool answered = request_.discards() || response_.streaming();
  request_.Unpark();
  if (uint64_t token = token_; token != 0) {
    EndToken();
    response_.Discard();
    context_->handler->OnClose(token);
    if (phase_ == Phase::kClosed) return;
  }
  if (answered) {
    // There is no place for a refusal: the response ends where it is.
    BeginLinger();
    return;
  }
  bool head_only = request_.is_head();
  HttpResponse response;
  if (request_.protocol().bare_answers()) response.body = request_.protocol().RefusalOf(status);
  else response = context_->handler->OnRefused(status, detail);
  if (phase_ == Phase::kClosed) return;
  bool told = std::any_of(response.headers.begin(), response.headers.end(), [](const auto& header) { return header.first == "Retry-After"; });
  if ((status == 429 || status == 503) && !told) response.headers.emplace_back("Retry-After", "1");
  response_.Send(std::move(response), head_only, true);
}

void HttpConnection::BeginLinger() {
  if (phase_ == Phase::kClosed) return;
  response_.Flush();
  if (phase_ != Phase::kClosed && tls_) {
    tls_->Close();
    SendOwn();
  }
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kLinger;
  lingered_bytes_ = 0;
  request_.Discard();
  linger_heard_ms_ = linger_since_ms_ = now_ms();
  tcp_->shutdown.data = this;
  int status = uv_shutdown(&tcp_->shutdown, stream(),
                           [](uv_shutdown_t* request, int result) { static_cast<HttpConnection*>(request->data)->OnShutdown(result); });
  if (status != 0) {
    Close();
    return;
  }
  Account();
  UpdateReading();
  UpdateDeadline();
}

void HttpConnection::OnShutdown(int status) {
  if (phase_ == Phase::kClosed) return;
  shut_ = true;
  if (status != 0 || request_.ended()) {
    Close();
    return;
  }
  linger_heard_ms_ = linger_since_ms_ = now_ms();
  UpdateDeadline();
}

void HttpConnection::Expire() {
  if (response_.unsent_bytes() > 0 && now_ms() >= response_.deadline_ms()) {
    if (response_.TakesEnough()) {
      UpdateDeadline();
    } else {
      Close();
    }
  } else if (phase_ == Phase::kLinger) {
    Close();
  } else if (phase_ == Phase::kClosed || Spare()) {
    return;
  } else if (phase_ == Phase::kReading && request_.between()) {
    CloseIdle();
  } else {
    request_.Expire();
  }
}

/// Its client's time is over. But where the loop was held up, or is busy, what was waited for may be here, and was not looked at. True: that comes
/// first, and the deadline behind it. Only until all is read that the kernel has by then, so that a trickle prolongs nothing.
bool HttpConnection::Spare() {
  if (request_.parked()) return false;
  const int64_t due = ClientDeadline();
  if (std::exchange(spared_ms_, due) != due) looked_ = false;
  const bool unparsed = waits_turn_ && request_.has_input();
  if (!unparsed && (looked_ || !Unread())) return false;
  context_->wheel.Arm(this, now_ms() + context_->wheel.tick_ms());
  return true;
}

bool HttpConnection::Unread() const {
  return waits_turn_ || ((reading_ || context_->holding) && KernelHasMore());
}

bool HttpConnection::KernelHasMore() const {
  int fd;
  char byte;
  return uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp_->handle), &fd) == 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void HttpConnection::Press() {
  if (!response_.Press(now_ms())) return Close();
  request_.Press(now_ms());
}

void HttpConnection::Drain() {
  if (phase_ != Phase::kReading || !request_.between() || request_.has_input() || response_.unsent_bytes() > 0) return;
  // A request that the kernel has already taken is served.
  if (KernelHasMore()) return;
  if (served_) {
    CloseIdle();
  } else {
    UpdateDeadline();
  }
}

bool HttpConnection::idle() const {
  return phase_ == Phase::kReading && !request_.processing() && !surplus_ && !request_.ended() && !request_.input_lost() && request_.between() &&
         !request_.has_input() && response_.unsent_bytes() == 0;
}

bool HttpConnection::busy() const {
  switch (phase_) {
    case Phase::kReading:
      return !surplus_ && !idle();
    case Phase::kPending:
      return true;
    case Phase::kLinger:
      return !shut_;
    case Phase::kClosed:
      break;
  }
  return false;
}

bool HttpConnection::receiving(int64_t age_ms) const {
  return phase_ == Phase::kReading && !request_.processing() && !request_.between() && response_.unsent_bytes() == 0 &&
         now_ms() - request_.begun_ms() >= age_ms;
}

void HttpConnection::RefuseUnfinished() {
  if (!receiving(0)) return;
  if (listener_->farewell.empty()) return Refuse(503, "the broker restarts, and the request was not complete: send it again");
  SayFarewell();
  BeginLinger();
}

/// Keys stay here: of a TLS connection there is only its end left to be seen by its client. Of a Unix socket it could not be told that it has ended.
bool HttpConnection::MayHandOver(int fd) {
  if (!request_.protocol().forgetful()) return false;
  if (phase_ == Phase::kLinger) return !request_.peer().uid.has_value();
  if (!tls_) return true;
  if (tls_->state() != TlsSession::State::kOpen) return false;
  SayFarewell();
  SayGoodbye();
  return shutdown(fd, SHUT_WR) == 0;
}

int HttpConnection::Release() {
  CHECK(idle() || lingers());
  int fd = -1;
  int copy = -1;
  // libuv closes the descriptor that it has; the socket lives on in the copy.
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp_->handle), &fd) == 0 && MayHandOver(fd)) copy = fcntl(fd, F_DUPFD, 3);
  Close();
  return copy;
}

void HttpConnection::Abandon() {
  token_ = 0;
  Close();
}

void HttpConnection::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  HttpContext* context = context_;
  context->wheel.Disarm(this);
  response_.Discard();
  if (request_.processing()) context->batch.clear();
  request_.Unpark();
  request_.Discard();
  if (tls_) SayGoodbye();
  if (resume_queued_) (waits_turn_ ? context->waiting : context->resumable).erase(resume_at_);
  Charge(0, 0);
  context->slots[slot_] = nullptr;
  context->free_slots.push_back(slot_);
  context->open.fetch_sub(1, std::memory_order_relaxed);
  if (surplus_) {
    std::erase(context->surplus, this);
  } else {
    context->budget->connections.fetch_sub(1, std::memory_order_relaxed);
    listener_->connections.fetch_sub(1, std::memory_order_relaxed);
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_->handle), [](uv_handle_t* handle) { delete static_cast<HttpConnection*>(handle->data); });
  uint64_t token = std::exchange(token_, 0);
  if (token != 0) context->handler->OnClose(token);
  if (context->changed) context->changed(this);
  context->closed();
}

void HttpConnection::Account() {
  if (phase_ == Phase::kClosed) return;
  size_t answer = request_.reserved_bytes() + response_.held_bytes();
  Charge(request_.held_bytes() + answer, answer);
}

/// What it holds, and what of that is for an answer.
void HttpConnection::Charge(size_t held, size_t answer) {
  HttpServer::Budget* budget = context_->budget;
  if (answer != charged_answer_) budget->answers.fetch_add(answer - charged_answer_, std::memory_order_relaxed);
  bool less = answer < charged_answer_ || held < charged_;
  charged_answer_ = answer;
  if (held != charged_) {
    size_t all = budget->bytes.fetch_add(held - charged_, std::memory_order_relaxed) + (held - charged_);
    charged_ = held;
    size_t peak = budget->peak.load(std::memory_order_relaxed);
    if (all > peak) {
      budget->peak.store(all, std::memory_order_relaxed);
    } else if (peak > kMuchBytes && all < peak / 8 && budget->peak.compare_exchange_strong(peak, all) && budget->relieved) {
      budget->relieved();
    }
  }
  if (less && !context_->parked.empty()) context_->resume();
}

void HttpConnection::UpdateReading() {
  if (phase_ == Phase::kClosed) return;
  bool holds = context_->holding && request_.AtNextRequest();
  bool want = !request_.ended() && !waits_turn_ && ((request_.HasRoom() && !holds) || phase_ == Phase::kLinger);
  if (want == reading_) return;
  reading_ = want;
  if (!want) {
    uv_read_stop(stream());
    return;
  }
  int status = uv_read_start(
      stream(),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        auto* self = static_cast<HttpConnection*>(handle->data);
        // libuv has up to 1,024 sockets that are ready, and reads each up to 32 times: whoever comes too late is not read.
        size_t size = self->context_->TurnSpent() ? 0 : self->request_.ReadBytes(HttpContext::kReadBytes);
        *buffer = uv_buf_init(self->context_->read_buffer.get(), static_cast<unsigned>(size));
      },
      [](uv_stream_t* stream_read, ssize_t size, const uv_buf_t* buffer) {
        auto* self = static_cast<HttpConnection*>(stream_read->data);
        if (size == UV_ENOBUFS && buffer->len == 0) return self->WaitTurn();
        self->OnRead(size, buffer->base, buffer->len);
      });
  if (status != 0) Close();
}

/// When it must have heard of its client.
int64_t HttpConnection::ClientDeadline() const {
  const HttpLimits& limits = context_->limits;
  if (phase_ == Phase::kLinger && shut_) {
    return std::min(linger_since_ms_ + limits.head_timeout_ms, linger_heard_ms_ + std::min(kLingerQuietMs, limits.head_timeout_ms));
  }
  if (phase_ == Phase::kPending || (phase_ == Phase::kReading && !request_.between())) return request_.deadline_ms();
  if (phase_ != Phase::kReading || response_.unsent_bytes() > 0 || request_.has_input()) return DeadlineWheel::kNever;
  if (request_.protocol().may_rest() && !surplus_ && !context_->draining) return DeadlineWheel::kNever;
  int64_t quiet = served_ ? limits.idle_timeout_ms : limits.head_timeout_ms;
  if (surplus_) quiet = std::min(quiet, kLingerQuietMs);
  if (context_->draining) quiet = std::min(quiet, kDrainGraceMs);
  return quiet_since_ms_ + quiet;
}

void HttpConnection::UpdateDeadline() {
  if (phase_ == Phase::kClosed) return;
  int64_t deadline = ClientDeadline();
  if (response_.unsent_bytes() > 0) deadline = std::min(deadline, response_.deadline_ms());
  context_->wheel.Arm(this, deadline);
  if (context_->changed) context_->changed(this);
}

}  // namespace notifyd
