#include "net/http_request_side.h"

#include <algorithm>
#include <utility>

#include "net/http_connection.h"
#include "net/http_parser.h"

namespace notifyd {
namespace {

// What a client may send ahead of its pending request's response before reading pauses.
constexpr size_t kMaxAheadBytes = 16 << 10;
// What is read at once while the budget is used up: a pause of a body in pieces, or the end of the turn, may come in the middle, and then it is kept.
constexpr size_t kTightReadBytes = 4 << 10;
// What is read and thrown away of a body whose request was answered, so that the connection can be kept.
constexpr uint64_t kMaxDiscardBytes = 256 << 10;
// From here on in front of the unparsed input there is enough parsed to be worth moving the rest.
constexpr size_t kCompactBytes = 16 << 10;
// What may wait to be written before the next request of the connection is looked at.
constexpr size_t kMaxUnsentBytes = 64 << 10;
// A body beyond that counts as large.
constexpr size_t kLargeBodyBytes = 1 << 20;
// A head that is smaller is waited for whatever is buffered: it may be a probe's.
constexpr size_t kSmallHeadBytes = 4 << 10;
constexpr std::string_view kCutShort = "the connection ended inside a request";
constexpr std::string_view kTooMany = "too many connections";
constexpr std::string_view kFull = "too much is buffered; try again later";

}  // namespace

using Phase = HttpConnection::Phase;

RequestSide::RequestSide(HttpConnection* connection, const HttpListener& listener, std::shared_ptr<const Peer> peer)
    : connection_(connection), parser_(listener.make_parser ? listener.make_parser() : std::make_unique<HttpParser>(&connection->context()->limits)) {
  parser_->SetPeer(std::move(peer));
}

int64_t RequestSide::now_ms() const {
  return connection_->now_ms();
}

void RequestSide::End() {
  ended_ = true;
  if (!has_input()) EndOfInput();
}

/// The client has ended its side, and all that it sent is parsed. One that waits for a response still gets it.
void RequestSide::EndOfInput() {
  if (connection_->phase() == Phase::kPending && parser_->in_body()) {
    if (!pieces_.broken) BreakBody(400, kCutShort);
  } else if (connection_->phase() == Phase::kPending) {
    if (connection_->token() != 0 && body_ == Body::kNone && !processing_) connection_->context()->handler->OnHalfClose(connection_->token());
  } else if (connection_->phase() == Phase::kReading) {
    if (!parser_->idle()) {
      connection_->Refuse(400, kCutShort);
    } else {
      connection_->EndBehindResponse();
    }
  }
}

bool RequestSide::MayParse() const {
  if (connection_->phase() == Phase::kPending) return body_ == Body::kPieces && !pieces_.paused;
  return connection_->phase() == Phase::kReading && (body_ == Body::kDiscard || connection_->response().unsent_bytes() <= kMaxUnsentBytes);
}

void RequestSide::Process(std::string_view fresh) {
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
  if (connection_->phase() == Phase::kClosed) return;
  if (connection_->phase() == Phase::kLinger) parser_->Drop();
  if (connection_->phase() == Phase::kLinger || pieces_.broken || rest.empty()) {
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
  // What is left though it may be parsed was stopped by the end of the turn.
  if (has_input() && MayParse()) connection_->WaitTurn();
  if (ended_ && !has_input()) EndOfInput();
  if (connection_->phase() == Phase::kClosed) return;
  connection_->Account();
  if (connection_->phase() == Phase::kReading && body_ == Body::kNone && !parser_->idle() && HoldsTooMuch()) connection_->Refuse(429, kFull);
  connection_->UpdateReading();
  connection_->UpdateDeadline();
}

std::string_view RequestSide::ParseAll(std::string_view rest) {
  processing_ = true;
  if (pieces_.end_due && !pieces_.paused) HandOutEnd();
  for (bool goes_on = MayParse(); goes_on && !rest.empty(); goes_on = MayParse() && !connection_->context()->TurnSpent()) {
    if (parser_->idle()) begun_ms_ = now_ms();
    size_t used = 0;
    RequestParser::Step step = parser_->Feed(rest, &used);
    rest.remove_prefix(used);
    switch (step) {
      case RequestParser::Step::kMore:
        break;
      case RequestParser::Step::kHead:
        HeadDone(!rest.empty());
        break;
      case RequestParser::Step::kPiece:
        HandOutPiece();
        break;
      case RequestParser::Step::kRequest:
        if (body_ == Body::kNone) {
          Deliver();
        } else {
          parser_->Take();
          HandOutPiece();
          HandOutEnd();
        }
        break;
      case RequestParser::Step::kRefused:
        BreakBody(parser_->refusal_status(), parser_->refusal_detail());
        break;
    }
    if (body_ == Body::kDiscard) {
      drained_ += used;
      if (drained_ > kMaxDiscardBytes) connection_->BeginLinger();
    }
  }
  processing_ = false;
  if (connection_->phase() != Phase::kClosed) connection_->response().FlushBatch();
  return rest;
}

void RequestSide::HeadDone(bool body_waits) {
  if (connection_->surplus()) {
    connection_->Refuse(503, kTooMany);
    return;
  }
  if (OverBudget(0)) {
    connection_->Refuse(429, kFull);
    return;
  }
  HttpContext* context = connection_->context();
  bool expects = parser_->expects_continue() && !body_waits;
  if (!context->handler->TakesPieces(parser_->head())) {
    if (parser_->KeepBody() == RequestParser::Step::kRefused) {
      connection_->Refuse(parser_->refusal_status(), parser_->refusal_detail());
    } else if (OverBudget(parser_->content_length())) {
      connection_->Refuse(429, kFull);
    } else if (expects) {
      context->batch.append(kContinue);
    }
    return;
  }
  connection_->NewToken();
  body_ = Body::kPieces;
  pieces_.handed_out = false;
  heard_ms_ = now_ms();
  continue_owed_ = expects;
  context->handler->OnHead(connection_->token(), parser_->head());
  if (connection_->phase() == Phase::kClosed || connection_->phase() == Phase::kLinger) return;
  // Where it was answered already, the pieces are for nobody.
  parser_->StreamBody();
  if (TakeContinueOwed()) context->batch.append(kContinue);
}

void RequestSide::Deliver() {
  HttpContext* context = connection_->context();
  const size_t head = parser_->head_held_bytes();
  HttpRequest request = parser_->Take();
  HttpDemand demand = context->handler->Demand(request);
  if (connection_->surplus() && !demand.probe) return connection_->Refuse(503, kTooMany);
  size_t bytes = demand.probe ? 0 : demand.answer_bytes;
  pending_bytes_ = sizeof(HttpRequest) + head + request.target.size() + request.body.size();
  reserved_ = bytes;
  if (bytes > 0 && demand.waits && (!context->parked.empty() || !Fits())) {
    Park(std::move(request));
    return;
  }
  if (bytes > 0 && !demand.waits && OverBudget(bytes)) {
    reserved_ = pending_bytes_ = 0;
    connection_->Refuse(429, kFull);
    return;
  }
  connection_->NewToken();
  // What is small and answered from inside is never counted.
  if (bytes > 0) connection_->Account();
  context->handler->OnRequest(connection_->token(), std::move(request));
}

/// The request waits for room for its answer, in kPending without a token.
void RequestSide::Park(HttpRequest request) {
  parked_ = std::make_unique<HttpRequest>(std::move(request));
  heard_ms_ = now_ms();
  connection_->Parked();
}

void RequestSide::Unpark() {
  if (!parked_) return;
  parked_.reset();
  reserved_ = pending_bytes_ = 0;
  connection_->Unparked();
}

bool RequestSide::Fits() const {
  return connection_->context()->HasRoom(reserved_);
}

void RequestSide::Admit() {
  std::unique_ptr<HttpRequest> request = std::move(parked_);
  connection_->NewToken();
  connection_->Account();
  connection_->UpdateDeadline();
  connection_->context()->handler->OnRequest(connection_->token(), std::move(*request));
}

bool RequestSide::Reserve(size_t bytes) {
  if (bytes > reserved_ && !connection_->context()->HasRoom(bytes - reserved_)) return false;
  reserved_ = bytes;
  connection_->Account();
  return true;
}

void RequestSide::HandOutPiece() {
  if (body_ != Body::kPieces || parser_->piece().empty()) return;
  heard_ms_ = now_ms();
  pieces_.handed_out = true;
  connection_->context()->handler->OnBody(connection_->token(), parser_->piece());
}

/// The body is complete.
void RequestSide::HandOutEnd() {
  bool tell = body_ == Body::kPieces;
  pieces_.end_due = tell && pieces_.paused;
  if (pieces_.end_due) return;
  body_ = Body::kNone;
  if (tell) connection_->context()->handler->OnBodyEnd(connection_->token());
}

void RequestSide::BreakBody(int status, std::string_view detail) {
  if (body_ != Body::kPieces || !pieces_.handed_out) {
    connection_->Refuse(status, detail);
    return;
  }
  body_ = Body::kNone;
  pieces_.paused = pieces_.end_due = false;
  pieces_.broken = true;
  uint64_t token = connection_->token();
  bool goes_on = connection_->context()->handler->OnBodyBroken(token);
  if (connection_->token() != token) return;
  if (!goes_on) {
    connection_->CutOff();
    return;
  }
  if (processing_) return;
  DropInput();
  connection_->Account();
  connection_->UpdateReading();
  connection_->UpdateDeadline();
}

void RequestSide::PauseBody() {
  if (body_ != Body::kPieces || pieces_.paused) return;
  pieces_.paused = true;
  paused_ms_ = now_ms();
  if (processing_) return;
  connection_->UpdateReading();
  connection_->UpdateDeadline();
}

void RequestSide::ResumeBody() {
  if (body_ != Body::kPieces || !pieces_.paused) return;
  pieces_.paused = false;
  heard_ms_ += now_ms() - paused_ms_;
  connection_->QueueResume();
}

bool RequestSide::EndRequest() {
  pending_bytes_ = reserved_ = 0;
  begun_ms_ = now_ms();
  pieces_.paused = pieces_.end_due = false;
  if (std::exchange(pieces_.broken, false)) {
    body_ = Body::kNone;
    return true;
  }
  // A client that was not told to go on may leave the body away, or not: only a new connection is clear.
  bool never_asked = TakeContinueOwed();
  body_ = parser_->in_body() ? Body::kDiscard : Body::kNone;
  drained_ = 0;
  return body_ == Body::kDiscard && (never_asked || parser_->body_left() > kMaxDiscardBytes);
}

bool RequestSide::GoOn() {
  if (!MayParse() || !(has_input() || pieces_.end_due)) return false;
  Process({});
  return true;
}

void RequestSide::GoOnBehindResponse() {
  if (connection_->phase() != Phase::kReading || !MayParse()) return;
  if (has_input()) {
    connection_->context()->TurnSpent() ? connection_->WaitTurn() : Process({});
  } else if (input_lost_) {
    connection_->Refuse(429, kFull);
  } else if (ended_) {
    EndOfInput();
  }
}

void RequestSide::RefuseLost() {
  if (connection_->phase() == Phase::kReading && input_lost_) connection_->Refuse(429, kFull);
  // The next request is not handed over from inside this call: its caller may be in the middle of something.
  if (!processing_ && connection_->phase() != Phase::kClosed && has_input() && MayParse()) connection_->QueueResume();
}

void RequestSide::Discard() {
  body_ = Body::kNone;
  // From inside of the parsing the caller may still look at the head.
  if (processing_) return;
  DropInput();
  parser_->Drop();
}

void RequestSide::Stash(std::string_view bytes) {
  input_.append(bytes);
  // Of a body under way nothing may be lost, nor of what only waits for its turn; there the rest of one read is all that is kept.
  if (body_ == Body::kNone && !MayParse() && OverBudget(bytes.size())) {
    DropInput();
    input_lost_ = true;
  }
  connection_->Account();
  connection_->UpdateReading();
}

void RequestSide::DropInput() {
  input_at_ = 0;
  if (input_.empty()) return;
  // An idle connection keeps no buffer.
  input_ = std::string();
}

void RequestSide::Expire() {
  const HttpLimits& limits = connection_->context()->limits;
  if (parked_) {
    connection_->Refuse(429, kFull);
  } else if (connection_->phase() == Phase::kPending) {
    if (body_ != Body::kPieces || pieces_.paused) return;
    BreakBody(408, "the next piece of the body did not arrive within " + std::to_string(limits.request_timeout_ms) + " ms");
  } else if (parser_->in_body()) {
    connection_->Refuse(408, "the request did not arrive within " + std::to_string(limits.request_timeout_ms) + " ms");
  } else {
    connection_->Refuse(408, "the request's head did not arrive within " + std::to_string(limits.head_timeout_ms) + " ms");
  }
}

int64_t RequestSide::deadline_ms() const {
  const HttpLimits& limits = connection_->context()->limits;
  if (connection_->phase() == Phase::kReading) return begun_ms_ + (parser_->in_body() ? limits.request_timeout_ms : limits.head_timeout_ms);
  if (parked_) return heard_ms_ + limits.head_timeout_ms;
  return body_ == Body::kPieces && !pieces_.paused ? heard_ms_ + limits.request_timeout_ms : DeadlineWheel::kNever;
}

void RequestSide::Press(int64_t now_ms) {
  size_t held = parser_->held_bytes();
  if (connection_->phase() != Phase::kReading || body_ != Body::kNone || !parser_->in_body() || held <= kSmallHeadBytes) return;
  if (pressed_ms_ < begun_ms_) pressed_ms_ = begun_ms_, pressed_bytes_ = 0;
  if (now_ms - pressed_ms_ < HttpConnection::kPressMs) return;
  // What the kernel has of it came in time, however late it is read here. Once each time, so that a trickle gains nothing.
  if (connection_->Unread() && std::exchange(press_spared_ms_, pressed_ms_) != pressed_ms_) return;
  const size_t least = connection_->context()->limits.least_bytes_per_s;
  if (held - std::min(held, pressed_bytes_) < least * static_cast<uint64_t>(now_ms - pressed_ms_) / 1000) {
    connection_->Refuse(408, "the body comes more slowly than " + std::to_string(least) + " bytes a second, and others wait for room");
    return;
  }
  pressed_ms_ = now_ms;
  pressed_bytes_ = held;
}

/// Is there no room for `more` of a request that is going to hold, or holds, `held`?
bool RequestSide::OverBudget(uint64_t more, uint64_t held) const {
  HttpContext* context = connection_->context();
  uint64_t most = context->limits.max_buffered_bytes;
  if (std::max(more, held) > kLargeBodyBytes) most -= most / 4;
  bool over = context->budget->bytes.load(std::memory_order_relaxed) + more > most;
  if (over) context->pressed = true;
  return over;
}

/// Of a request that is on its way.
bool RequestSide::HoldsTooMuch() const {
  size_t held = parser_->held_bytes();
  return (parser_->in_body() || held > kSmallHeadBytes) && OverBudget(0, held - parser_->head_held_bytes());
}

bool RequestSide::HasRoom() const {
  return !input_lost_ && !pieces_.paused && !pieces_.broken && input_.size() - input_at_ < kMaxAheadBytes;
}

size_t RequestSide::ReadBytes(size_t most) const {
  if (connection_->phase() == Phase::kReading || body_ != Body::kNone) return OverBudget(0) ? kTightReadBytes : most;
  return connection_->phase() == Phase::kPending ? kMaxAheadBytes - std::min(kMaxAheadBytes, input_.size() - input_at_) : most;
}

}  // namespace notifyd
