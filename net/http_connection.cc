#include "net/http_connection.h"

#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/http_response.h"

namespace notifyd {
namespace {

// What a client may send ahead of its pending request's response before reading pauses.
constexpr size_t kMaxAheadBytes = 16 << 10;
// What may wait to be written before the next request of the connection is looked at.
constexpr size_t kMaxUnsentBytes = 64 << 10;
// Responses up to that size are gathered while several requests of one read are answered.
constexpr size_t kMaxBatchedBytes = 16 << 10;
constexpr std::string_view kFull = "too much is buffered; try again later";
constexpr int64_t kLingerQuietMs = 2'000;
// A new connection is given that long to send its request when the server drains.
constexpr int64_t kDrainGraceMs = 500;

int64_t TickFor(const HttpLimits& limits) {
  int64_t least = std::min({limits.head_timeout_ms, limits.request_timeout_ms, limits.idle_timeout_ms});
  return std::clamp<int64_t>(least / 8, 5, 250);
}

}  // namespace

// libuv's handle outlives the connection's last word until libuv has closed it.
struct HttpConnection::Tcp {
  uv_tcp_t handle;
  uv_shutdown_t shutdown;
};

// A write that the socket did not take at once.
struct HttpConnection::WriteOp {
  uv_write_t request;
  HttpConnection* connection;
  std::string head;
  std::string body;
  size_t size;
};

HttpContext::HttpContext(uv_loop_s* l, const HttpLimits& lim, HttpServer::Budget* b, HttpHandler* h)
    : loop(l),
      limits(lim),
      budget(b),
      handler(h),
      wheel(TickFor(lim), static_cast<int64_t>(uv_now(l))),
      read_buffer(std::make_unique<char[]>(kReadBytes)) {}

HttpConnection* HttpContext::Find(uint64_t token) const {
  size_t slot = token & ((uint64_t{1} << kSlotBits) - 1);
  if (token == 0 || slot >= slots.size() || slots[slot] == nullptr || slots[slot]->token() != token) return nullptr;
  return slots[slot];
}

void HttpConnection::Open(HttpContext* context, int fd, bool surplus) {
  uint32_t slot;
  if (!context->free_slots.empty()) {
    slot = context->free_slots.back();
    context->free_slots.pop_back();
  } else {
    slot = static_cast<uint32_t>(context->slots.size());
    CHECK(slot < 1u << HttpContext::kSlotBits);
    context->slots.push_back(nullptr);
  }
  auto* self = new HttpConnection(context, slot, surplus);
  context->slots[slot] = self;
  context->open.fetch_add(1, std::memory_order_relaxed);
  if (surplus) {
    ++context->surplus;
  } else {
    context->budget->connections.fetch_add(1, std::memory_order_relaxed);
  }
  if (uv_tcp_open(&self->tcp_->handle, fd) != 0) {
    close(fd);
    self->Close();
    return;
  }
  if (surplus) {
    self->Refuse(503, "too many connections");
    return;
  }
  self->UpdateReading();
  self->UpdateDeadline();
}

HttpConnection::HttpConnection(HttpContext* context, uint32_t slot, bool surplus)
    : context_(context), tcp_(new Tcp), parser_(&context->limits), slot_(slot), surplus_(surplus) {
  CHECK(uv_tcp_init(context->loop, &tcp_->handle) == 0);
  tcp_->handle.data = this;
  quiet_since_ms_ = now_ms();
}

HttpConnection::~HttpConnection() {
  delete tcp_;
}

int64_t HttpConnection::now_ms() const {
  return static_cast<int64_t>(uv_now(context_->loop));
}

void HttpConnection::OnRead(int64_t size, const char* bytes) {
  if (size == 0 || phase_ == Phase::kClosed) return;
  if (size == UV_EOF) {
    OnEof();
    return;
  }
  if (size < 0) {
    Close();
    return;
  }
  if (phase_ == Phase::kLinger) {
    heard_ms_ = now_ms();
    drained_ += static_cast<uint64_t>(size);
    if (drained_ > 2 * static_cast<uint64_t>(context_->limits.max_body_bytes) + HttpContext::kReadBytes) {
      Close();
    } else {
      UpdateDeadline();
    }
    return;
  }
  Process(std::string_view(bytes, static_cast<size_t>(size)));
}

void HttpConnection::OnEof() {
  eof_ = true;
  uv_read_stop(reinterpret_cast<uv_stream_t*>(&tcp_->handle));
  reading_ = false;
  if (phase_ == Phase::kLinger) {
    if (shut_) Close();
  } else if (phase_ == Phase::kReading && !has_input()) {
    FinishAfterEof();
  }
  // A client that only shut its own side still gets the response that it waits for.
}

void HttpConnection::FinishAfterEof() {
  if (!parser_.idle()) {
    Refuse(400, "the connection ended inside a request");
  } else if (unsent_ > 0) {
    BeginLinger();
  } else {
    Close();
  }
}

void HttpConnection::Process(std::string_view fresh) {
  if (phase_ == Phase::kPending || unsent_ > kMaxUnsentBytes) {
    Stash(fresh);
    return;
  }
  bool direct = !has_input();
  if (!direct) {
    input_.append(fresh);
    fresh = std::string_view(input_).substr(input_at_);
  }
  std::string_view rest = ParseAll(fresh);
  if (phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kLinger || rest.empty()) {
    DropInput();
  } else if (direct) {
    Stash(rest);
  } else {
    input_at_ = input_.size() - rest.size();
  }
  if (phase_ == Phase::kReading && eof_ && !has_input()) FinishAfterEof();
  if (phase_ == Phase::kClosed) return;
  Account();
  if (phase_ == Phase::kReading && !parser_.idle() && OverBudget(0)) Refuse(429, kFull);
  UpdateReading();
  UpdateDeadline();
}

std::string_view HttpConnection::ParseAll(std::string_view rest) {
  processing_ = true;
  while (phase_ == Phase::kReading && !rest.empty() && unsent_ <= kMaxUnsentBytes) {
    if (parser_.idle()) begun_ms_ = now_ms();
    size_t used = 0;
    HttpParser::Step step = parser_.Feed(rest, &used);
    rest.remove_prefix(used);
    switch (step) {
      case HttpParser::Step::kMore:
        break;
      case HttpParser::Step::kHead:
        OnHead(!rest.empty());
        break;
      case HttpParser::Step::kRequest:
        Deliver();
        break;
      case HttpParser::Step::kRefused:
        Refuse(parser_.refusal_status(), parser_.refusal_detail());
        break;
    }
  }
  processing_ = false;
  if (phase_ != Phase::kClosed) FlushBatch();
  return rest;
}

void HttpConnection::OnHead(bool body_waits) {
  if (OverBudget(parser_.content_length())) {
    Refuse(429, kFull);
  } else if (parser_.expects_continue() && !body_waits) {
    context_->batch.append("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

void HttpConnection::Deliver() {
  HttpRequest request = parser_.Take();
  phase_ = Phase::kPending;
  token_ = ++context_->sequence << HttpContext::kSlotBits | slot_;
  pending_bytes_ = sizeof(HttpRequest) + request.target.size() + request.body.size();
  context_->handler->OnRequest(token_, std::move(request));
}

void HttpConnection::Respond(HttpResponse response) {
  CHECK(phase_ == Phase::kPending);
  token_ = 0;
  pending_bytes_ = 0;
  served_ = true;
  quiet_since_ms_ = now_ms();
  bool nothing_follows = eof_ && !has_input() && !input_lost_;
  bool close = response.close || !parser_.keep_alive() || context_->draining || nothing_follows;
  phase_ = Phase::kReading;
  Send(std::move(response), parser_.is_head(), close);
  if (phase_ == Phase::kReading && input_lost_) Refuse(429, kFull);
  // While it parses, what follows is seen to there.
  if (processing_ || phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kReading && has_input() && unsent_ <= kMaxUnsentBytes && !resume_queued_) {
    // The next request is not handed over from inside this call: its caller may be in the middle of something.
    resume_queued_ = true;
    context_->resumable.push_back(this);
    context_->resume();
  }
  Account();
  UpdateReading();
  UpdateDeadline();
}

void HttpConnection::Resume() {
  resume_queued_ = false;
  if (phase_ == Phase::kReading && has_input()) Process({});
}

void HttpConnection::Stash(std::string_view bytes) {
  input_.append(bytes);
  if (OverBudget(bytes.size())) {
    DropInput();
    input_lost_ = true;
  }
  Account();
  UpdateReading();
}

void HttpConnection::DropInput() {
  input_at_ = 0;
  if (input_.empty()) return;
  // An idle connection keeps no buffer.
  input_ = std::string();
}

void HttpConnection::Refuse(int status, std::string_view detail) {
  bool head_only = parser_.is_head();
  HttpResponse response = context_->handler->OnRefused(status, detail);
  bool told = std::any_of(response.headers.begin(), response.headers.end(), [](const auto& header) { return header.first == "Retry-After"; });
  if ((status == 429 || status == 503) && !told) response.headers.emplace_back("Retry-After", "1");
  Send(std::move(response), head_only, true);
}

void HttpConnection::Send(HttpResponse response, bool head_only, bool close) {
  std::string& head = context_->head;
  head.clear();
  AppendResponseHead(response, close, parser_.http_1_0(), &head);
  if (head_only || !StatusHasBody(response.status)) response.body.clear();
  if (processing_ && response.body.size() <= kMaxBatchedBytes) {
    context_->batch.append(head).append(response.body);
    if (context_->batch.size() > kMaxUnsentBytes) FlushBatch();
  } else {
    if (processing_) FlushBatch();
    if (phase_ != Phase::kClosed) Write(head, std::move(response.body));
  }
  if (close && phase_ != Phase::kClosed) BeginLinger();
}

void HttpConnection::FlushBatch() {
  if (context_->batch.empty()) return;
  Write(context_->batch, {});
  context_->batch.clear();
}

void HttpConnection::Write(std::string_view head, std::string body) {
  uv_stream_t* stream = reinterpret_cast<uv_stream_t*>(&tcp_->handle);
  uv_buf_t buffers[2] = {uv_buf_init(const_cast<char*>(head.data()), static_cast<unsigned>(head.size())),
                         uv_buf_init(body.data(), static_cast<unsigned>(body.size()))};
  size_t size = head.size() + body.size();
  int written = uv_try_write(stream, buffers, body.empty() ? 1 : 2);
  if (written < 0 && written != UV_EAGAIN) {
    Close();
    return;
  }
  size_t done = written > 0 ? static_cast<size_t>(written) : 0;
  if (done == size) return;

  auto* op = new WriteOp;
  op->connection = this;
  op->head.assign(head.substr(std::min(done, head.size())));
  op->body = std::move(body);
  op->size = size - done;
  size_t body_at = done > head.size() ? done - head.size() : 0;
  buffers[0] = uv_buf_init(op->head.data(), static_cast<unsigned>(op->head.size()));
  buffers[1] = uv_buf_init(op->body.data() + body_at, static_cast<unsigned>(op->body.size() - body_at));
  op->request.data = op;
  if (unsent_ == 0) write_deadline_ms_ = now_ms() + context_->limits.idle_timeout_ms;
  unsent_ += op->size;
  last_queue_ = unsent_;
  int status = uv_write(&op->request, stream, buffers, 2, [](uv_write_t* request, int result) {
    std::unique_ptr<WriteOp> written_op(static_cast<WriteOp*>(request->data));
    written_op->connection->OnWritten(written_op->size, result);
  });
  if (status != 0) {
    delete op;
    Close();
  }
}

void HttpConnection::OnWritten(size_t size, int status) {
  if (phase_ == Phase::kClosed) return;
  unsent_ -= size;
  if (status != 0) {
    Close();
    return;
  }
  quiet_since_ms_ = now_ms();
  write_deadline_ms_ = now_ms() + context_->limits.idle_timeout_ms;
  Account();
  if (phase_ == Phase::kReading && unsent_ <= kMaxUnsentBytes) {
    if (has_input()) {
      Process({});
    } else if (input_lost_) {
      Refuse(429, kFull);
    } else if (eof_) {
      FinishAfterEof();
    }
  }
  UpdateReading();
  UpdateDeadline();
}

void HttpConnection::BeginLinger() {
  if (processing_) FlushBatch();
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kLinger;
  if (!processing_) DropInput();
  heard_ms_ = begun_ms_ = now_ms();
  tcp_->shutdown.data = this;
  int status = uv_shutdown(&tcp_->shutdown, reinterpret_cast<uv_stream_t*>(&tcp_->handle),
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
  if (status != 0 || eof_) {
    Close();
    return;
  }
  heard_ms_ = begun_ms_ = now_ms();
  UpdateDeadline();
}

void HttpConnection::Expire() {
  int64_t now = now_ms();
  if (unsent_ > 0 && now >= write_deadline_ms_) {
    size_t queue = uv_stream_get_write_queue_size(reinterpret_cast<uv_stream_t*>(&tcp_->handle));
    if (queue >= last_queue_) {
      Close();
      return;
    }
    last_queue_ = queue;
    write_deadline_ms_ = now + context_->limits.idle_timeout_ms;
    UpdateDeadline();
    return;
  }
  if (phase_ == Phase::kLinger) {
    Close();
  } else if (phase_ == Phase::kReading) {
    if (parser_.idle()) {
      Close();
    } else if (parser_.in_body()) {
      Refuse(408, "the request did not arrive within " + std::to_string(context_->limits.request_timeout_ms) + " ms");
    } else {
      Refuse(408, "the request's head did not arrive within " + std::to_string(context_->limits.head_timeout_ms) + " ms");
    }
  }
}

void HttpConnection::Drain() {
  if (phase_ != Phase::kReading || !parser_.idle() || has_input() || unsent_ > 0) return;
  // A request that the kernel has already taken is served.
  int fd;
  char byte;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp_->handle), &fd) == 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) return;
  if (served_) {
    Close();
  } else {
    UpdateDeadline();
  }
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
  if (processing_) context->batch.clear();
  if (resume_queued_) std::replace(context->resumable.begin(), context->resumable.end(), this, static_cast<HttpConnection*>(nullptr));
  context->budget->bytes.fetch_sub(charged_, std::memory_order_relaxed);
  charged_ = 0;
  context->slots[slot_] = nullptr;
  context->free_slots.push_back(slot_);
  context->open.fetch_sub(1, std::memory_order_relaxed);
  if (surplus_) {
    --context->surplus;
  } else {
    context->budget->connections.fetch_sub(1, std::memory_order_relaxed);
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_->handle), [](uv_handle_t* handle) { delete static_cast<HttpConnection*>(handle->data); });
  uint64_t token = std::exchange(token_, 0);
  if (token != 0) context->handler->OnClose(token);
  context->closed();
}

bool HttpConnection::OverBudget(uint64_t more) const {
  return context_->budget->bytes.load(std::memory_order_relaxed) + more > context_->limits.max_buffered_bytes;
}

void HttpConnection::Account() {
  size_t held = input_.size() + parser_.held_bytes() + pending_bytes_ + unsent_;
  if (held == charged_) return;
  if (held > charged_) {
    context_->budget->bytes.fetch_add(held - charged_, std::memory_order_relaxed);
  } else {
    context_->budget->bytes.fetch_sub(charged_ - held, std::memory_order_relaxed);
  }
  charged_ = held;
}

void HttpConnection::UpdateReading() {
  if (phase_ == Phase::kClosed) return;
  bool room = !input_lost_ && input_.size() - input_at_ < kMaxAheadBytes;
  bool want = !eof_ && (room || phase_ == Phase::kLinger);
  if (want == reading_) return;
  reading_ = want;
  uv_stream_t* stream = reinterpret_cast<uv_stream_t*>(&tcp_->handle);
  if (!want) {
    uv_read_stop(stream);
    return;
  }
  int status = uv_read_start(
      stream,
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        auto* self = static_cast<HttpConnection*>(handle->data);
        size_t size = HttpContext::kReadBytes;
        if (self->phase_ == Phase::kPending) size = kMaxAheadBytes - std::min(kMaxAheadBytes, self->input_.size() - self->input_at_);
        *buffer = uv_buf_init(self->context_->read_buffer.get(), static_cast<unsigned>(size));
      },
      [](uv_stream_t* stream_read, ssize_t size, const uv_buf_t* buffer) {
        static_cast<HttpConnection*>(stream_read->data)->OnRead(size, buffer->base);
      });
  if (status != 0) Close();
}

void HttpConnection::UpdateDeadline() {
  if (phase_ == Phase::kClosed) return;
  const HttpLimits& limits = context_->limits;
  int64_t deadline = DeadlineWheel::kNever;
  if (phase_ == Phase::kLinger && shut_) {
    deadline = std::min(begun_ms_ + limits.head_timeout_ms, heard_ms_ + std::min(kLingerQuietMs, limits.head_timeout_ms));
  } else if (phase_ == Phase::kReading) {
    if (!parser_.idle()) {
      deadline = begun_ms_ + (parser_.in_body() ? limits.request_timeout_ms : limits.head_timeout_ms);
    } else if (unsent_ == 0 && !has_input()) {
      int64_t quiet = served_ ? limits.idle_timeout_ms : limits.head_timeout_ms;
      if (context_->draining) quiet = std::min(quiet, kDrainGraceMs);
      deadline = quiet_since_ms_ + quiet;
    }
  }
  if (unsent_ > 0) deadline = std::min(deadline, write_deadline_ms_);
  context_->wheel.Arm(this, deadline);
}

}  // namespace notifyd
