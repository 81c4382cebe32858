#include "net/http_connection.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace notifyd {
namespace {

// What a client may send ahead of its pending request's response before reading pauses.
constexpr size_t kMaxAheadBytes = 16 << 10;
// What is read at once of a body in pieces while the budget is used up: a pause may come in the middle of it, and then it has to be kept.
constexpr size_t kTightReadBytes = 4 << 10;
// What is read and thrown away of a body whose request was answered, so that the connection can be kept.
constexpr uint64_t kMaxDiscardBytes = 256 << 10;
// From here on in front of the unparsed input there is enough parsed to be worth moving the rest.
constexpr size_t kCompactBytes = 16 << 10;
constexpr std::string_view kCutShort = "the connection ended inside a request";
constexpr int64_t kLingerQuietMs = 2'000;
// One that is being looked at because others wait for room has had so long.
constexpr int64_t kPressMs = 500;
// Less than that is not worth giving back to the system.
constexpr size_t kMuchBytes = 64 << 20;
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

HttpContext::HttpContext(uv_loop_s* l, const HttpLimits& lim, HttpServer::Budget* b, HttpHandler* h)
    : loop(l),
      limits(lim),
      budget(b),
      handler(h),
      wheel(TickFor(lim), static_cast<int64_t>(uv_now(l))),
      read_buffer(std::make_unique<char[]>(kReadBytes)) {}

bool HttpContext::HasRoom(size_t bytes) {
  size_t answers = budget->answers.load(std::memory_order_relaxed), all = budget->bytes.load(std::memory_order_relaxed);
  // One answer is always let through, however tight the budget is.
  if (answers > 0 && (answers + bytes > limits.max_buffered_bytes / 2 || all + bytes > limits.max_buffered_bytes)) {
    pressed = true;
    return false;
  }
  return true;
}

void HttpContext::AdmitParked() {
  while (!parked.empty()) {
    HttpConnection* first = parked.front();
    if (first != nullptr && !first->Fits()) return;
    parked.pop_front();
    if (first != nullptr) first->Admit();
  }
}

HttpConnection* HttpContext::Find(uint64_t token) const {
  size_t slot = token & ((uint64_t{1} << kSlotBits) - 1);
  if (token == 0 || slot >= slots.size() || slots[slot] == nullptr || slots[slot]->token() != token) return nullptr;
  return slots[slot];
}

void HttpConnection::Open(HttpContext* context, int fd, Origin origin, std::shared_ptr<const Peer> peer) {
  uint32_t slot;
  if (!context->free_slots.empty()) {
    slot = context->free_slots.back();
    context->free_slots.pop_back();
  } else {
    slot = static_cast<uint32_t>(context->slots.size());
    CHECK(slot < 1u << HttpContext::kSlotBits);
    context->slots.push_back(nullptr);
  }
  auto* self = new HttpConnection(context, slot, origin, std::move(peer));
  context->slots[slot] = self;
  context->open.fetch_add(1, std::memory_order_relaxed);
  if (self->surplus_) {
    context->surplus.push_back(self);
  } else {
    context->budget->connections.fetch_add(1, std::memory_order_relaxed);
  }
  if (uv_tcp_open(&self->tcp_->handle, fd) != 0) {
    close(fd);
    self->Close();
    return;
  }
  if (origin == Origin::kShut) {
    self->phase_ = Phase::kLinger;
    self->shut_ = true;
    self->heard_ms_ = self->begun_ms_ = self->now_ms();
  }
  self->UpdateReading();
  self->UpdateDeadline();
  if (!self->surplus_ || self->phase_ == Phase::kClosed) return;
  // A probe that is there already is answered before the next ones drive it out.
  ssize_t size = recv(fd, context->read_buffer.get(), HttpContext::kReadBytes, MSG_DONTWAIT);
  if (size > 0) self->Process(std::string_view(context->read_buffer.get(), static_cast<size_t>(size)));
}

HttpConnection::HttpConnection(HttpContext* context, uint32_t slot, Origin origin, std::shared_ptr<const Peer> peer)
    : context_(context),
      tcp_(new Tcp),
      parser_(&context->limits),
      slot_(slot),
      surplus_(origin == Origin::kSurplus),
      served_(origin == Origin::kAdopted || origin == Origin::kShut) {
  CHECK(uv_tcp_init(context->loop, &tcp_->handle) == 0);
  tcp_->handle.data = this;
  parser_.SetPeer(std::move(peer));
  quiet_since_ms_ = now_ms();
}

HttpConnection::~HttpConnection() {
  delete tcp_;
}

int64_t HttpConnection::now_ms() const {
  return static_cast<int64_t>(uv_now(context_->loop));
}

uv_stream_s* HttpConnection::stream() const {
  return reinterpret_cast<uv_stream_t*>(&tcp_->handle);
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
  uv_read_stop(stream());
  reading_ = false;
  if (phase_ == Phase::kLinger) {
    if (shut_) Close();
  } else if (!has_input()) {
    EndOfInput();
  }
}

/// The client has ended its side, and all that it sent is parsed. One that waits for a response still gets it.
void HttpConnection::EndOfInput() {
  if (phase_ == Phase::kPending && parser_.in_body()) {
    if (!broken_) BreakBody(400, kCutShort);
  } else if (phase_ == Phase::kPending) {
    if (token_ != 0 && body_ == Body::kNone && !processing_) context_->handler->OnHalfClose(token_);
  } else if (phase_ == Phase::kReading) {
    if (!parser_.idle()) {
      Refuse(400, kCutShort);
    } else if (unsent_ > 0) {
      BeginLinger();
    } else {
      Close();
    }
  }
}

bool HttpConnection::NothingFollows() const {
  return eof_ && !has_input() && !input_lost_;
}

bool HttpConnection::MayParse() const {
  if (phase_ == Phase::kPending) return body_ == Body::kPieces && !paused_;
  return phase_ == Phase::kReading && (body_ == Body::kDiscard || unsent_ <= kMaxUnsentBytes);
}

void HttpConnection::Process(std::string_view fresh) {
  if (!MayParse()) {
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
  if (phase_ == Phase::kLinger) parser_.Drop();
  if (phase_ == Phase::kLinger || broken_ || rest.empty()) {
    DropInput();
  } else if (direct) {
    Stash(rest);
  } else {
    input_at_ = input_.size() - rest.size();
    if (input_at_ > kCompactBytes && input_at_ > rest.size()) {
      input_.erase(0, input_at_);
      input_at_ = 0;
    }
  }
  if (eof_ && !has_input()) EndOfInput();
  if (phase_ == Phase::kClosed) return;
  Account();
  if (phase_ == Phase::kReading && body_ == Body::kNone && !parser_.idle() && HoldsTooMuch()) Refuse(429, kFull);
  UpdateReading();
  UpdateDeadline();
}

std::string_view HttpConnection::ParseAll(std::string_view rest) {
  processing_ = true;
  if (end_due_ && !paused_) HandOutEnd();
  while (!rest.empty() && MayParse()) {
    if (parser_.idle()) begun_ms_ = now_ms();
    size_t used = 0;
    HttpParser::Step step = parser_.Feed(rest, &used);
    rest.remove_prefix(used);
    switch (step) {
      case HttpParser::Step::kMore:
        break;
      case HttpParser::Step::kHead:
        HeadDone(!rest.empty());
        break;
      case HttpParser::Step::kPiece:
        HandOutPiece();
        break;
      case HttpParser::Step::kRequest:
        if (body_ == Body::kNone) {
          Deliver();
        } else {
          parser_.Take();
          HandOutPiece();
          HandOutEnd();
        }
        break;
      case HttpParser::Step::kRefused:
        BreakBody(parser_.refusal_status(), parser_.refusal_detail());
        break;
    }
    if (body_ == Body::kDiscard) {
      drained_ += used;
      if (drained_ > kMaxDiscardBytes) BeginLinger();
    }
  }
  processing_ = false;
  if (phase_ != Phase::kClosed) FlushBatch();
  return rest;
}

void HttpConnection::HeadDone(bool body_waits) {
  if (surplus_) {
    Refuse(503, kTooMany);
    return;
  }
  if (OverBudget(0)) {
    Refuse(429, kFull);
    return;
  }
  bool expects = parser_.expects_continue() && !body_waits;
  if (!context_->handler->TakesPieces(parser_.head())) {
    if (parser_.KeepBody() == HttpParser::Step::kRefused) {
      Refuse(parser_.refusal_status(), parser_.refusal_detail());
    } else if (OverBudget(parser_.content_length())) {
      Refuse(429, kFull);
    } else if (expects) {
      context_->batch.append(kContinue);
    }
    return;
  }
  NewToken();
  body_ = Body::kPieces;
  handed_out_ = false;
  heard_ms_ = now_ms();
  continue_owed_ = expects;
  context_->handler->OnHead(token_, parser_.head());
  if (phase_ == Phase::kClosed || phase_ == Phase::kLinger) return;
  // Where it was answered already, the pieces are for nobody.
  parser_.StreamBody();
  if (std::exchange(continue_owed_, false)) context_->batch.append(kContinue);
}

void HttpConnection::Deliver() {
  HttpRequest request = parser_.Take();
  HttpDemand demand = context_->handler->Demand(request);
  if (surplus_ && !demand.probe) return Refuse(503, kTooMany);
  size_t bytes = demand.probe ? 0 : demand.answer_bytes;
  pending_bytes_ = sizeof(HttpRequest) + request.target.size() + request.body.size();
  reserved_ = bytes;
  if (bytes > 0 && demand.waits && (!context_->parked.empty() || !Fits())) {
    Park(std::move(request));
    return;
  }
  if (bytes > 0 && !demand.waits && OverBudget(bytes)) {
    reserved_ = pending_bytes_ = 0;
    Refuse(429, kFull);
    return;
  }
  NewToken();
  // What is small and answered from inside is never counted.
  if (bytes > 0) Account();
  context_->handler->OnRequest(token_, std::move(request));
}

/// The request waits for room for its answer, in kPending without a token.
void HttpConnection::Park(HttpRequest request) {
  parked_ = std::make_unique<HttpRequest>(std::move(request));
  phase_ = Phase::kPending;
  heard_ms_ = now_ms();
  context_->parked.push_back(this);
}

/// It waits no longer.
void HttpConnection::Unpark() {
  if (!parked_) return;
  parked_.reset();
  reserved_ = pending_bytes_ = 0;
  phase_ = Phase::kReading;
  std::replace(context_->parked.begin(), context_->parked.end(), this, static_cast<HttpConnection*>(nullptr));
}

bool HttpConnection::Fits() const {
  return context_->HasRoom(reserved_);
}

void HttpConnection::Admit() {
  std::unique_ptr<HttpRequest> request = std::move(parked_);
  NewToken();
  Account();
  UpdateDeadline();
  context_->handler->OnRequest(token_, std::move(*request));
}

bool HttpConnection::Reserve(size_t bytes) {
  if (bytes > reserved_ && !context_->HasRoom(bytes - reserved_)) return false;
  reserved_ = bytes;
  Account();
  return true;
}

void HttpConnection::NewToken() {
  phase_ = Phase::kPending;
  token_ = ++context_->sequence << HttpContext::kSlotBits | slot_;
}

void HttpConnection::HandOutPiece() {
  if (body_ != Body::kPieces || parser_.piece().empty()) return;
  heard_ms_ = now_ms();
  handed_out_ = true;
  context_->handler->OnBody(token_, parser_.piece());
}

/// The body is complete.
void HttpConnection::HandOutEnd() {
  bool tell = body_ == Body::kPieces;
  end_due_ = tell && paused_;
  if (end_due_) return;
  body_ = Body::kNone;
  if (tell) context_->handler->OnBodyEnd(token_);
}

/// The rest of a request cannot be had. It is refused, but for a body of which the handler has some already: lines of it may have been taken.
void HttpConnection::BreakBody(int status, std::string_view detail) {
  if (body_ != Body::kPieces || !handed_out_) {
    Refuse(status, detail);
    return;
  }
  body_ = Body::kNone;
  paused_ = end_due_ = false;
  broken_ = true;
  uint64_t token = token_;
  bool goes_on = context_->handler->OnBodyBroken(token);
  if (token_ != token) return;
  if (!goes_on) {
    EndToken();
    streaming_ = false;
    context_->handler->OnClose(token);
    BeginLinger();
    return;
  }
  if (processing_) return;
  DropInput();
  Account();
  UpdateReading();
  UpdateDeadline();
}

void HttpConnection::PauseBody() {
  if (body_ != Body::kPieces || paused_) return;
  paused_ = true;
  paused_ms_ = now_ms();
  if (processing_) return;
  UpdateReading();
  UpdateDeadline();
}

void HttpConnection::ResumeBody() {
  if (body_ != Body::kPieces || !paused_) return;
  paused_ = false;
  heard_ms_ += now_ms() - paused_ms_;
  QueueResume();
}

/// The response is given. Whether the connection has to end with it because of what is left of the request's body.
bool HttpConnection::EndToken() {
  token_ = 0;
  pending_bytes_ = reserved_ = 0;
  served_ = true;
  phase_ = Phase::kReading;
  quiet_since_ms_ = begun_ms_ = now_ms();
  paused_ = end_due_ = false;
  if (std::exchange(broken_, false)) {
    body_ = Body::kNone;
    return true;
  }
  // A client that was not told to go on may leave the body away, or not: only a new connection is clear.
  bool never_asked = std::exchange(continue_owed_, false);
  body_ = parser_.in_body() ? Body::kDiscard : Body::kNone;
  drained_ = 0;
  return body_ == Body::kDiscard && (never_asked || parser_.body_left() > kMaxDiscardBytes);
}

/// After a response was sent: what the client sent behind its request is looked at.
void HttpConnection::ResponseDone() {
  if (phase_ == Phase::kReading && input_lost_) Refuse(429, kFull);
  // While it parses, what follows is seen to there.
  if (processing_ || phase_ == Phase::kClosed) return;
  // The next request is not handed over from inside this call: its caller may be in the middle of something.
  if (has_input() && MayParse()) QueueResume();
  Account();
  UpdateReading();
  UpdateDeadline();
}

void HttpConnection::QueueResume() {
  if (resume_queued_) return;
  resume_queued_ = true;
  context_->resumable.push_back(this);
  context_->resume();
}

void HttpConnection::Resume() {
  resume_queued_ = false;
  if (streaming_) {
    FlushStream();
    TellWritable();
  }
  if (phase_ == Phase::kClosed) return;
  if (MayParse() && (has_input() || end_due_)) {
    Process({});
    return;
  }
  Account();
  UpdateReading();
  UpdateDeadline();
}

void HttpConnection::Stash(std::string_view bytes) {
  input_.append(bytes);
  // Of a body under way nothing may be lost; there the rest of one read is all that is kept.
  if (body_ == Body::kNone && OverBudget(bytes.size())) {
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
  bool answered = body_ == Body::kDiscard || streaming_;
  Unpark();
  if (uint64_t token = token_; token != 0) {
    EndToken();
    streaming_ = false;
    context_->handler->OnClose(token);
    if (phase_ == Phase::kClosed) return;
  }
  if (answered) {
    // There is no place for a refusal: the response ends where it is.
    BeginLinger();
    return;
  }
  bool head_only = parser_.is_head();
  HttpResponse response = context_->handler->OnRefused(status, detail);
  if (phase_ == Phase::kClosed) return;
  bool told = std::any_of(response.headers.begin(), response.headers.end(), [](const auto& header) { return header.first == "Retry-After"; });
  if ((status == 429 || status == 503) && !told) response.headers.emplace_back("Retry-After", "1");
  Send(std::move(response), head_only, true);
}

void HttpConnection::BeginLinger() {
  if (phase_ == Phase::kClosed) return;
  if (processing_) FlushBatch();
  if (phase_ != Phase::kClosed && !out_.empty()) WriteOut();
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kLinger;
  body_ = Body::kNone;
  drained_ = 0;
  // From inside of the parsing the caller may still look at the head.
  if (!processing_) {
    DropInput();
    parser_.Drop();
  }
  heard_ms_ = begun_ms_ = now_ms();
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
  if (status != 0 || eof_) {
    Close();
    return;
  }
  heard_ms_ = begun_ms_ = now_ms();
  UpdateDeadline();
}

void HttpConnection::Expire() {
  if (unsent_ > 0 && now_ms() >= write_deadline_ms_) {
    if (TookEnough()) {
      BeginWindow();
      UpdateDeadline();
    } else {
      Close();
    }
    return;
  }
  if (phase_ == Phase::kLinger) {
    Close();
  } else if (parked_) {
    Refuse(429, kFull);
  } else if (phase_ == Phase::kPending) {
    if (body_ != Body::kPieces || paused_) return;
    BreakBody(408, "the next piece of the body did not arrive within " + std::to_string(context_->limits.request_timeout_ms) + " ms");
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

void HttpConnection::Press() {
  int64_t now = now_ms();
  auto enough = [&](uint64_t bytes, int64_t since_ms) {
    return bytes >= context_->limits.least_bytes_per_s * static_cast<uint64_t>(now - since_ms) / 1000;
  };
  if (unsent_ > 0 && now - window_ms_ >= kPressMs) {
    if (!enough(taken() - window_taken_, window_ms_)) return Close();
    BeginWindow();
  }
  size_t held = parser_.held_bytes();
  if (phase_ != Phase::kReading || body_ != Body::kNone || !parser_.in_body() || held <= kSmallHeadBytes) return;
  if (pressed_ms_ < begun_ms_) pressed_ms_ = begun_ms_, pressed_bytes_ = 0;
  if (now - pressed_ms_ < kPressMs) return;
  if (!enough(held - std::min(held, pressed_bytes_), pressed_ms_)) {
    Refuse(408,
           "the body comes more slowly than " + std::to_string(context_->limits.least_bytes_per_s) + " bytes a second, and others wait for room");
    return;
  }
  pressed_ms_ = now;
  pressed_bytes_ = held;
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

bool HttpConnection::idle() const {
  return phase_ == Phase::kReading && !processing_ && !surplus_ && !eof_ && !input_lost_ && parser_.idle() && !has_input() && unsent_ == 0;
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
  return phase_ == Phase::kReading && !processing_ && !parser_.idle() && unsent_ == 0 && now_ms() - begun_ms_ >= age_ms;
}

void HttpConnection::RefuseUnfinished() {
  if (receiving(0)) Refuse(503, "the broker restarts, and the request was not complete: send it again");
}

int HttpConnection::Release() {
  CHECK(idle() || lingers());
  int fd = -1;
  int copy = -1;
  // libuv closes the descriptor that it has; the socket lives on in the copy.
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp_->handle), &fd) == 0) copy = fcntl(fd, F_DUPFD, 3);
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
  streaming_ = false;
  body_ = Body::kNone;
  if (processing_) context->batch.clear();
  Unpark();
  phase_ = Phase::kClosed;
  if (resume_queued_) std::replace(context->resumable.begin(), context->resumable.end(), this, static_cast<HttpConnection*>(nullptr));
  Charge(0, 0);
  context->slots[slot_] = nullptr;
  context->free_slots.push_back(slot_);
  context->open.fetch_sub(1, std::memory_order_relaxed);
  if (surplus_) {
    std::erase(context->surplus, this);
  } else {
    context->budget->connections.fetch_sub(1, std::memory_order_relaxed);
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_->handle), [](uv_handle_t* handle) { delete static_cast<HttpConnection*>(handle->data); });
  uint64_t token = std::exchange(token_, 0);
  if (token != 0) context->handler->OnClose(token);
  if (context->changed) context->changed(this);
  context->closed();
}

/// Is there no room for `more` of a request that is going to hold, or holds, `held`?
bool HttpConnection::OverBudget(uint64_t more, uint64_t held) const {
  uint64_t most = context_->limits.max_buffered_bytes;
  if (std::max(more, held) > kLargeBodyBytes) most -= most / 4;
  bool over = context_->budget->bytes.load(std::memory_order_relaxed) + more > most;
  if (over) context_->pressed = true;
  return over;
}

/// Of a request that is on its way.
bool HttpConnection::HoldsTooMuch() const {
  size_t held = parser_.held_bytes();
  return (parser_.in_body() || held > kSmallHeadBytes) && OverBudget(0, held);
}

void HttpConnection::Account() {
  if (phase_ == Phase::kClosed) return;
  size_t answer = (parked_ ? 0 : reserved_) + out_.size() + unsent_;
  Charge(input_.size() + parser_.held_bytes() + pending_bytes_ + answer, answer);
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

/// All that was read belongs to requests that are handed over: what would be read now begins the next one.
bool HttpConnection::AtNextRequest() const {
  return body_ == Body::kNone && parser_.idle() && !has_input();
}

void HttpConnection::UpdateReading() {
  if (phase_ == Phase::kClosed) return;
  bool room = !input_lost_ && !paused_ && !broken_ && input_.size() - input_at_ < kMaxAheadBytes;
  bool want = !eof_ && ((room && !(context_->holding && AtNextRequest())) || phase_ == Phase::kLinger);
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
        size_t size = HttpContext::kReadBytes;
        if (self->body_ != Body::kNone) {
          if (self->OverBudget(0)) size = kTightReadBytes;
        } else if (self->phase_ == Phase::kPending) {
          size = kMaxAheadBytes - std::min(kMaxAheadBytes, self->input_.size() - self->input_at_);
        }
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
  } else if (phase_ == Phase::kPending) {
    if (body_ == Body::kPieces && !paused_) deadline = heard_ms_ + limits.request_timeout_ms;
    if (parked_) deadline = heard_ms_ + limits.head_timeout_ms;
  } else if (phase_ == Phase::kReading) {
    if (!parser_.idle()) {
      deadline = begun_ms_ + (parser_.in_body() ? limits.request_timeout_ms : limits.head_timeout_ms);
    } else if (unsent_ == 0 && !has_input()) {
      int64_t quiet = served_ ? limits.idle_timeout_ms : limits.head_timeout_ms;
      if (surplus_) quiet = std::min(quiet, kLingerQuietMs);
      if (context_->draining) quiet = std::min(quiet, kDrainGraceMs);
      deadline = quiet_since_ms_ + quiet;
    }
  }
  if (unsent_ > 0) deadline = std::min(deadline, write_deadline_ms_);
  context_->wheel.Arm(this, deadline);
  if (context_->changed) context_->changed(this);
}

}  // namespace notifyd
