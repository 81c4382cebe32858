// HttpConnection's writing: whole responses, streamed ones, and what the socket does not take at once.
// A whole response goes out at once, or with others of the same read. Of a streamed one the pieces are gathered until the turn's end, and while
// an earlier part is still being written; so many small pieces are one write, and libuv holds one buffer of it at a time.
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <uv.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "net/http_connection.h"
#include "net/http_response.h"

namespace notifyd {
namespace {

// Responses up to that size are gathered while several requests of one read are answered.
constexpr size_t kMaxBatchedBytes = 16 << 10;
// A buffer for pieces that has grown beyond is not kept for the next ones.
constexpr size_t kKeptOutBytes = 64 << 10;
// So often it is looked at whether a client takes its answer fast enough.
constexpr int64_t kWindowMs = 10'000;

}  // namespace

// A write that the socket did not take at once.
struct HttpConnection::WriteOp {
  uv_write_t request;
  HttpConnection* connection;
  std::string head;
  std::string body;
  size_t size;
};

void HttpConnection::Respond(HttpResponse response) {
  CHECK(phase_ == Phase::kPending && !streaming_);
  bool over = EndToken();
  bool close = over || surplus_ || response.close || !parser_.keep_alive() || context_->draining || NothingFollows();
  streamed_ = false;
  Send(std::move(response), parser_.is_head(), close);
  ResponseDone();
}

void HttpConnection::BeginStream(HttpResponse head) {
  CHECK(phase_ == Phase::kPending && !streaming_);
  streaming_ = streamed_ = true;
  high_ = false;
  with_body_ = !parser_.is_head() && StatusHasBody(head.status);
  with_chunks_ = !parser_.http_1_0();
  close_after_ = head.close || !parser_.keep_alive() || parser_.http_1_0() || context_->draining || broken_ || NothingFollows();
  // A client that waits to be told to go on would take a final response for the answer to that.
  if (std::exchange(continue_owed_, false)) out_.append(kContinue);
  AppendResponseHead(head, with_chunks_ ? HttpFraming::kChunked : HttpFraming::kUntilClose, close_after_, false, &out_);
  Stream(head.body);
}

size_t HttpConnection::Stream(std::string_view piece) {
  CHECK(streaming_);
  if (with_body_ && !piece.empty()) {
    if (with_chunks_) {
      AppendChunk(piece, &out_);
    } else {
      out_.append(piece);
    }
  }
  // Not written from inside this call: a write that fails ends the token, and the caller is in the middle of using it.
  if (!out_.empty() && unsent_ == 0) QueueResume();
  size_t waits = waiting();
  if (waits >= HttpServer::kStreamLowBytes) high_ = true;
  if (!processing_) Account();
  return waits;
}

void HttpConnection::EndStream(bool end) {
  CHECK(streaming_);
  if (with_body_ && with_chunks_ && !broken_) out_.append(kLastChunk);
  streaming_ = false;
  bool over = EndToken();
  bool close = end || over || close_after_ || context_->draining || NothingFollows();
  WriteOut();
  // An idle connection keeps no buffer.
  out_ = std::string();
  if (close && phase_ != Phase::kClosed) BeginLinger();
  ResponseDone();
}

/// As a body that broke: the client sees that this was not all.
void HttpConnection::BreakStream() {
  CHECK(streaming_);
  streaming_ = false;
  EndToken();
  WriteOut();
  out_ = std::string();
  if (phase_ != Phase::kClosed) BeginLinger();
}

/// Of the streamed response, how much the client has not taken.
size_t HttpConnection::waiting() const {
  return out_.size() + uv_stream_get_write_queue_size(stream());
}

void HttpConnection::TellWritable() {
  if (!streaming_ || !high_ || waiting() >= HttpServer::kStreamLowBytes) return;
  high_ = false;
  context_->handler->OnWritable(token_);
}

int64_t HttpConnection::write_timeout_ms() const {
  int64_t least = streamed_ ? context_->limits.request_timeout_ms : context_->limits.idle_timeout_ms;
  return body_ == Body::kPieces ? least : std::min(least, kWindowMs);
}

void HttpConnection::Send(HttpResponse response, bool head_only, bool close) {
  std::string& head = context_->head;
  head.clear();
  AppendResponseHead(response, HttpFraming::kLength, close, parser_.http_1_0(), &head);
  if (head_only || !StatusHasBody(response.status)) response.body.clear();
  if (processing_ && response.body.size() <= kMaxBatchedBytes) {
    context_->batch.append(head).append(response.body);
    if (context_->batch.size() > kMaxUnsentBytes) FlushBatch();
  } else {
    if (processing_) FlushBatch();
    if (phase_ != Phase::kClosed) Write(head, &response.body);
  }
  if (close && phase_ != Phase::kClosed) BeginLinger();
}

void HttpConnection::FlushBatch() {
  if (context_->batch.empty()) return;
  std::string none;
  Write(context_->batch, &none);
  context_->batch.clear();
}

void HttpConnection::FlushStream() {
  if (unsent_ == 0) WriteOut();
}

/// What was gathered of a streamed response.
void HttpConnection::WriteOut() {
  if (processing_) FlushBatch();
  if (out_.empty() || phase_ == Phase::kClosed) return;
  Write({}, &out_);
  out_.clear();
  if (out_.capacity() > kKeptOutBytes) out_ = std::string();
}

/// `body` is taken only where the socket does not take it at once.
void HttpConnection::Write(std::string_view head, std::string* body) {
  uv_buf_t buffers[2] = {uv_buf_init(const_cast<char*>(head.data()), static_cast<unsigned>(head.size())),
                         uv_buf_init(body->data(), static_cast<unsigned>(body->size()))};
  size_t size = head.size() + body->size();
  int written = uv_try_write(stream(), buffers, body->empty() ? 1 : 2);
  if (written < 0 && written != UV_EAGAIN) {
    Close();
    return;
  }
  size_t done = written > 0 ? static_cast<size_t>(written) : 0;
  handed_ += done;
  if (done == size) return;

  auto* op = new WriteOp;
  op->connection = this;
  op->head.assign(head.substr(std::min(done, head.size())));
  op->body = std::move(*body);
  op->size = size - done;
  size_t body_at = done > head.size() ? done - head.size() : 0;
  buffers[0] = uv_buf_init(op->head.data(), static_cast<unsigned>(op->head.size()));
  buffers[1] = uv_buf_init(op->body.data() + body_at, static_cast<unsigned>(op->body.size() - body_at));
  op->request.data = op;
  bool first = unsent_ == 0;
  unsent_ += op->size;
  handed_ += op->size;
  int status = uv_write(&op->request, stream(), buffers, 2, [](uv_write_t* request, int result) {
    std::unique_ptr<WriteOp> written_op(static_cast<WriteOp*>(request->data));
    written_op->connection->OnWritten(written_op->size, result);
  });
  if (status != 0) {
    delete op;
    Close();
    return;
  }
  if (first) BeginWindow();
}

/// What the client's side has not acknowledged. The kernel's part counts: it may be megabytes, and libuv's moves only when much of it is gone.
size_t HttpConnection::untaken() const {
  int fd = -1;
  int in_kernel = 0;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(stream()), &fd) != 0 || ioctl(fd, SIOCOUTQ, &in_kernel) != 0) in_kernel = 0;
  return uv_stream_get_write_queue_size(stream()) + static_cast<size_t>(in_kernel);
}

void HttpConnection::BeginWindow() {
  window_ms_ = now_ms();
  window_taken_ = taken();
  write_deadline_ms_ = window_ms_ + write_timeout_ms();
}

/// The client was given its time to take something. Whether it did. One that still sends its body may read its answer late: something is enough.
bool HttpConnection::TookEnough() const {
  uint64_t least = context_->limits.least_bytes_per_s * static_cast<uint64_t>(now_ms() - window_ms_) / 1000;
  return taken() - window_taken_ >= (body_ == Body::kPieces ? 1 : std::max<uint64_t>(least, 1));
}

void HttpConnection::OnWritten(size_t size, int status) {
  if (phase_ == Phase::kClosed) return;
  unsent_ -= size;
  if (status != 0) {
    Close();
    return;
  }
  quiet_since_ms_ = now_ms();
  if (streaming_) {
    FlushStream();
    TellWritable();
    if (phase_ == Phase::kClosed) return;
  }
  Account();
  if (phase_ == Phase::kReading && MayParse()) {
    if (has_input()) {
      Process({});
    } else if (input_lost_) {
      Refuse(429, kFull);
    } else if (eof_) {
      EndOfInput();
    }
  }
  UpdateReading();
  UpdateDeadline();
}

}  // namespace notifyd
