#include "net/http_response_side.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <uv.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/crash_point.h"
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
// What waits to be written before a batch goes out.
constexpr size_t kMaxGatheredBytes = 64 << 10;
// A TLS record has so much at most; that much is encrypted at once of what is longer.
constexpr size_t kRecordBytes = 16 << 10, kEncryptBytes = 256 << 10;

}  // namespace

// A write that the socket did not take at once.
struct ResponseSide::WriteOp {
  uv_write_t request;
  ResponseSide* side;
  std::string head;
  std::string body;
  size_t size;
};

void ResponseSide::Respond(HttpResponse response) {
  CHECK(!streaming());
  const RequestSide& request = connection_->request();
  bool over = connection_->EndToken();
  bool close = over || response.close || !request.keep_alive() || connection_->EndsWithResponse();
  streamed_ = false;
  PassCrashPoint(CrashPoint::kAnswerBeforeSend);
  Send(std::move(response), request.is_head(), close);
  connection_->ResponseDone();
}

void ResponseSide::BeginStream(HttpResponse head) {
  CHECK(!streaming());
  RequestSide& request = connection_->request();
  streamed_ = true;
  stream_ = Streamed{.chunks = !request.http_1_0(),
                     .body = !request.is_head() && StatusHasBody(head.status),
                     .close = head.close || !request.keep_alive() || request.http_1_0() || request.broken() || connection_->EndsWithResponse()};
  // A client that waits to be told to go on would take a final response for the answer to that.
  if (request.TakeContinueOwed()) out_.append(RequestSide::kContinue);
  AppendResponseHead(head, stream_->chunks ? HttpFraming::kChunked : HttpFraming::kUntilClose, stream_->close, false, &out_);
  Stream(head.body);
}

size_t ResponseSide::Stream(std::string_view piece) {
  CHECK(streaming());
  if (stream_->body && !piece.empty()) {
    if (stream_->chunks) {
      AppendChunk(piece, &out_);
    } else {
      out_.append(piece);
    }
  }
  // Not written from inside this call: a write that fails ends the token, and the caller is in the middle of using it.
  if (!out_.empty() && unsent_ == 0) connection_->QueueResume();
  size_t waits = waiting();
  if (waits >= HttpServer::kStreamLowBytes) stream_->high = true;
  if (!connection_->request().processing()) connection_->Account();
  return waits;
}

void ResponseSide::EndStream(bool end) {
  CHECK(streaming());
  if (stream_->body && stream_->chunks && !connection_->request().broken()) out_.append(kLastChunk);
  bool close_after = stream_->close;
  stream_.reset();
  bool over = connection_->EndToken();
  bool close = end || over || close_after || connection_->EndsWithResponse();
  WriteOut();
  // An idle connection keeps no buffer.
  out_ = std::string();
  if (close && connection_->open()) connection_->BeginLinger();
  connection_->ResponseDone();
}

/// As a body that broke: the client sees that this was not all.
void ResponseSide::BreakStream() {
  CHECK(streaming());
  stream_.reset();
  connection_->EndToken();
  WriteOut();
  out_ = std::string();
  if (connection_->open()) connection_->BeginLinger();
}

void ResponseSide::GoOn() {
  if (!streaming()) return;
  if (unsent_ == 0) WriteOut();
  TellWritable();
}

void ResponseSide::Flush() {
  if (connection_->request().processing()) FlushBatch();
  if (connection_->open() && !out_.empty()) WriteOut();
}

/// Of the streamed response, how much the client has not taken.
size_t ResponseSide::waiting() const {
  return out_.size() + uv_stream_get_write_queue_size(connection_->stream());
}

void ResponseSide::TellWritable() {
  if (!streaming() || !stream_->high || waiting() >= HttpServer::kStreamLowBytes) return;
  stream_->high = false;
  connection_->context()->handler->OnWritable(connection_->token());
}

void ResponseSide::Send(HttpResponse response, bool head_only, bool close) {
  HttpContext* context = connection_->context();
  const bool gathers = connection_->request().processing();
  std::string& head = context->head;
  head.clear();
  if (!connection_->request().protocol().bare_answers())
    AppendResponseHead(response, HttpFraming::kLength, close, connection_->request().http_1_0(), &head);
  if (head_only || !StatusHasBody(response.status)) response.body.clear();
  if (gathers && response.body.size() <= kMaxBatchedBytes) {
    context->batch.append(head).append(response.body);
    if (context->batch.size() > kMaxGatheredBytes) FlushBatch();
  } else {
    if (gathers) FlushBatch();
    if (connection_->open()) Write(head, &response.body);
  }
  if (close && connection_->open()) connection_->BeginLinger();
}

void ResponseSide::FlushBatch() {
  HttpContext* context = connection_->context();
  if (context->batch.empty()) return;
  std::string none;
  Write(context->batch, &none);
  context->batch.clear();
}

/// What was gathered of a streamed response.
void ResponseSide::WriteOut() {
  if (connection_->request().processing()) FlushBatch();
  if (out_.empty() || !connection_->open()) return;
  Write({}, &out_);
  out_.clear();
  if (out_.capacity() > kKeptOutBytes) out_ = std::string();
}

void ResponseSide::Write(std::string_view head, std::string* body) {
  TlsSession* tls = connection_->tls();
  if (tls == nullptr) return WriteToSocket(head, body);
  // A record of its own for a head costs more than to copy what is small behind it.
  std::string& piece = connection_->context()->piece;
  piece.assign(head).append(*body, 0, kRecordBytes - std::min(kRecordBytes, head.size()));
  std::string_view rest = std::string_view(*body).substr(piece.size() - head.size());
  Encrypt(piece);
  // By parts: so that a large body is not there twice, and encrypted, too.
  for (; !rest.empty() && connection_->open(); rest.remove_prefix(std::min(kEncryptBytes, rest.size()))) Encrypt(rest.substr(0, kEncryptBytes));
}

void ResponseSide::Encrypt(std::string_view plain) {
  connection_->tls()->Write(plain);
  std::string bytes = connection_->tls()->TakeOutput();
  if (!bytes.empty()) WriteToSocket({}, &bytes);
}

void ResponseSide::WriteToSocket(std::string_view head, std::string* body) {
  if (const auto& may = connection_->context()->may_answer; may && !may()) return connection_->Close();
  uv_buf_t buffers[2] = {uv_buf_init(const_cast<char*>(head.data()), static_cast<unsigned>(head.size())),
                         uv_buf_init(body->data(), static_cast<unsigned>(body->size()))};
  size_t size = head.size() + body->size();
  int written = uv_try_write(connection_->stream(), buffers, body->empty() ? 1 : 2);
  if (written < 0 && written != UV_EAGAIN) {
    connection_->Close();
    return;
  }
  size_t done = written > 0 ? static_cast<size_t>(written) : 0;
  handed_ += done;
  PassCrashPoint(CrashPoint::kAnswerAfterSend);
  if (done == size) return;

  auto* op = new WriteOp;
  op->side = this;
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
  int status = uv_write(&op->request, connection_->stream(), buffers, 2, [](uv_write_t* request, int result) {
    std::unique_ptr<WriteOp> written_op(static_cast<WriteOp*>(request->data));
    written_op->side->OnWritten(written_op->size, result);
  });
  if (status != 0) {
    delete op;
    connection_->Close();
    return;
  }
  if (first) BeginWindow();
}

/// What the client's side has not acknowledged. The kernel's part counts: it may be megabytes, and libuv's moves only when much of it is gone.
size_t ResponseSide::untaken() const {
  int fd = -1;
  int in_kernel = 0;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(connection_->stream()), &fd) != 0 || ioctl(fd, SIOCOUTQ, &in_kernel) != 0) in_kernel = 0;
  return uv_stream_get_write_queue_size(connection_->stream()) + static_cast<size_t>(in_kernel);
}

void ResponseSide::BeginWindow() {
  const HttpLimits& limits = connection_->context()->limits;
  int64_t least = streamed_ ? limits.request_timeout_ms : limits.idle_timeout_ms;
  window_ms_ = connection_->now_ms();
  window_taken_ = taken();
  deadline_ms_ = window_ms_ + (connection_->request().in_pieces() ? least : std::min(least, kWindowMs));
}

/// The client was given its time to take something. One that still sends its body may read its answer late: something is enough then.
bool ResponseSide::TakesEnough() {
  uint64_t least = connection_->context()->limits.least_bytes_per_s * static_cast<uint64_t>(connection_->now_ms() - window_ms_) / 1000;
  if (taken() - window_taken_ < (connection_->request().in_pieces() ? 1 : std::max<uint64_t>(least, 1))) return false;
  BeginWindow();
  return true;
}

bool ResponseSide::Press(int64_t now_ms) {
  if (unsent_ == 0 || now_ms - window_ms_ < HttpConnection::kPressMs) return true;
  if (taken() - window_taken_ < connection_->context()->limits.least_bytes_per_s * static_cast<uint64_t>(now_ms - window_ms_) / 1000) return false;
  BeginWindow();
  return true;
}

void ResponseSide::OnWritten(size_t size, int status) {
  if (!connection_->open()) return;
  unsent_ -= size;
  if (status != 0) {
    connection_->Close();
    return;
  }
  connection_->Written();
}

}  // namespace notifyd
