// HttpConnection: one client's connection, and HttpContext: what the connections of a server share. Internal to the server; loop thread.
// A connection reads, parses, hands one request at a time to the handler, writes its response, and goes on with the next. Reading and its
// phases are in http_connection.cc, all writing is in http_connection_write.cc.
// I1: a token begins in kReading and leads to kPending; until it ends nothing is parsed but the body that the handler takes in pieces.
// I2: each token ends in exactly one of Respond, EndStream, OnClose, and the end of the server.
// I3: what it counts in the budget is what it holds: unparsed input, the request under way or with the handler, and what is not yet written.
// I4: it deletes itself once libuv let go of it; in kClosed it touches the context no more.
// I5: the handler is called from the loop only, never from inside a function that it calls here; but for OnRefused, which only words an answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/deadline_wheel.h"
#include "net/http.h"
#include "net/http_parser.h"

struct uv_loop_s;
struct uv_stream_s;

namespace notifyd {

class HttpConnection;

struct HttpContext {
  HttpContext(uv_loop_s* loop, const HttpLimits& limits, HttpServer::Budget* budget, HttpHandler* handler);

  static constexpr size_t kReadBytes = 64 << 10;
  /// A token is a sequence number above the connection's slot.
  static constexpr int kSlotBits = 20;

  HttpConnection* Find(uint64_t token) const;

  uv_loop_s* loop;
  const HttpLimits limits;
  HttpServer::Budget* budget;
  HttpHandler* handler;
  DeadlineWheel wheel;
  bool draining = false;
  bool holding = false;  // no further request is read
  uint64_t sequence = 0;
  std::vector<HttpConnection*> slots;
  std::vector<uint32_t> free_slots;
  /// Those that have something to go on with; `resume` sees to it that Resume is called on each, from the loop, before it sleeps.
  /// One that closes meanwhile leaves a null.
  std::vector<HttpConnection*> resumable;
  std::function<void()> resume;
  std::function<void()> closed;                  // a connection went
  std::function<void(HttpConnection*)> changed;  // a connection did something, or goes; empty while nobody wants to know
  std::atomic<size_t> open{0};
  std::vector<HttpConnection*> surplus;  // beyond max_connections, the oldest first: for probes alone
  /// Whose complete request waits for room, the first one first. One that closes meanwhile leaves a null. `pressed`: somebody found none.
  std::deque<HttpConnection*> parked;
  bool pressed = false;
  /// Is there room for an answer of so many bytes? Notes where there is not.
  bool HasRoom(size_t bytes);
  /// Hands over parked requests for as long as there is room.
  void AdmitParked();
  /// Shared by all connections: a read is parsed, or copied, before the next one.
  std::unique_ptr<char[]> read_buffer;
  std::string head;   // scratch
  std::string batch;  // responses of the connection that is parsing, not yet written
};

class HttpConnection : public DeadlineWheel::Entry {
 public:
  /// Where a socket comes from.
  enum class Origin : uint8_t {
    kAccepted,
    kAdopted,  // from the process before: its client may have been served there, and is given the time of an idle one
    kShut,     // the same, and its last response is out: it has only to see the client close it
    kSurplus,  // over the limit: answer a probe, anything else with 503, and close
  };
  /// Takes over the socket `fd`. Owns itself from here on.
  static void Open(HttpContext* context, int fd, Origin origin, std::shared_ptr<const Peer> peer);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  uint64_t token() const { return token_; }
  // As HttpServer's functions of the same names, for the token that it has.
  void Respond(HttpResponse response);
  void BeginStream(HttpResponse head);
  size_t Stream(std::string_view piece);
  void EndStream(bool close);
  void BreakStream();
  bool Reserve(size_t bytes);
  void PauseBody();
  void ResumeBody();

  /// Goes on with input that waits, and writes what was gathered.
  void Resume();
  /// A deadline has come.
  void Expire();
  /// Of a parked one: is there room for its answer? Admit hands the request over.
  bool Fits() const;
  void Admit();
  /// Others wait for room: one that has taken or sent too little for a second is cut off.
  void Press();
  /// Of a surplus one: its probe is not being answered.
  bool gives_way() const { return phase_ != Phase::kPending; }
  /// Closes it now if no request is under way or on its way.
  void Drain();
  /// Between two requests: nothing is read of the next, and the last response is written.
  bool idle() const;
  /// HttpServer::HoldRequests was called, or undone.
  void HoldChanged() { UpdateReading(); }
  bool open() const { return phase_ != Phase::kClosed; }
  /// A request is under way, or its response.
  bool busy() const;
  /// Its request has been coming for so long and is not complete.
  bool receiving(int64_t age_ms) const;
  /// Refuses a request that is not complete (503).
  void RefuseUnfinished();
  /// Its last response is with the kernel: what the client still sends is thrown away.
  bool lingers() const { return phase_ == Phase::kLinger && shut_ && !surplus_; }
  /// Gives the socket away, without FD_CLOEXEC, and ends. -1 where there is no descriptor for it. Only when idle, or it lingers.
  int Release();
  /// Cuts it off without a word to the handler.
  void Abandon();

 private:
  enum class Phase : uint8_t {
    kReading,  // waits for a request, or for the rest of one
    kPending,  // the handler has one
    kLinger,   // the last response is on its way: what the client still sends is read and thrown away, so that it gets to see the response
    kClosed,
  };
  /// Of the request's body, where it is not gathered whole.
  enum class Body : uint8_t {
    kNone,
    kPieces,   // in kPending: the handler takes it, and has not been told of its end, a good one or not
    kDiscard,  // in kReading: the response is out, the rest of the body is thrown away
  };
  struct Tcp;
  struct WriteOp;

  HttpConnection(HttpContext* context, uint32_t slot, Origin origin, std::shared_ptr<const Peer> peer);
  ~HttpConnection();

  void OnRead(int64_t size, const char* bytes);
  void OnEof();
  void OnWritten(size_t size, int status);
  void OnShutdown(int status);

  void Process(std::string_view fresh);
  std::string_view ParseAll(std::string_view rest);
  bool MayParse() const;
  void HeadDone(bool body_waits);
  void Deliver();
  void Park(HttpRequest request);
  void Unpark();
  void NewToken();
  bool EndToken();
  void ResponseDone();
  void HandOutPiece();
  void HandOutEnd();
  void BreakBody(int status, std::string_view detail);
  void Stash(std::string_view bytes);
  void DropInput();
  void EndOfInput();
  void Refuse(int status, std::string_view detail);
  bool NothingFollows() const;

  void Send(HttpResponse response, bool head_only, bool close);
  void FlushBatch();
  void FlushStream();
  void WriteOut();
  void Write(std::string_view head, std::string* body);
  void TellWritable();
  void BeginWindow();
  bool TookEnough() const;
  uint64_t taken() const { return handed_ - untaken(); }
  size_t waiting() const;
  size_t untaken() const;
  int64_t write_timeout_ms() const;

  void BeginLinger();
  void Close();

  void Account();
  void Charge(size_t held, size_t answer);
  void QueueResume();
  void UpdateReading();
  bool AtNextRequest() const;
  void UpdateDeadline();
  bool OverBudget(uint64_t more, uint64_t held = 0) const;
  bool HoldsTooMuch() const;
  bool has_input() const { return input_at_ < input_.size(); }
  int64_t now_ms() const;
  uv_stream_s* stream() const;

  /// What may wait to be written before the next request of the connection is looked at.
  static constexpr size_t kMaxUnsentBytes = 64 << 10;
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  /// A body beyond that counts as large.
  static constexpr size_t kLargeBodyBytes = 1 << 20;
  /// A head that is smaller is waited for whatever is buffered: it may be a probe's.
  static constexpr size_t kSmallHeadBytes = 4 << 10;
  static constexpr std::string_view kTooMany = "too many connections";
  static constexpr std::string_view kFull = "too much is buffered; try again later";

  HttpContext* context_;
  Tcp* tcp_;
  HttpParser parser_;
  std::string input_;  // read but not parsed; from input_at_ on
  size_t input_at_ = 0;
  std::string out_;  // of a streamed response: gathered until the turn's end, and while an earlier part is being written
  uint64_t token_ = 0;
  std::unique_ptr<HttpRequest> parked_;  // kPending without a token: waits for room
  size_t charged_ = 0;                   // in the budget
  size_t charged_answer_ = 0;            // of it: in its answers
  size_t pending_bytes_ = 0;             // of the request that the handler has
  size_t reserved_ = 0;                  // for the answer to it; of a parked one: what it waits for
  size_t unsent_ = 0;                    // with libuv
  uint64_t handed_ = 0;                  // to the socket or libuv, ever
  uint64_t window_taken_ = 0;            // taken(), when the window began
  int64_t window_ms_ = 0;                // when the time began after which the client must have taken enough; while unsent_ > 0
  uint64_t drained_ = 0;                 // bytes thrown away in kLinger or as Body::kDiscard
  int64_t quiet_since_ms_;               // when it was accepted or the last response was sent
  int64_t begun_ms_ = 0;                 // first byte of the request under way, or begin of what is discarded; in kLinger: when the response was out
  int64_t heard_ms_ = 0;                 // kLinger: the last read. kPieces: the last piece, moved on by pauses
  int64_t paused_ms_ = 0;                // when the pause under way began
  int64_t write_deadline_ms_ = 0;
  int64_t pressed_ms_ = 0;  // when it was last looked at how fast the body comes, and what there was of it
  size_t pressed_bytes_ = 0;
  uint32_t slot_;
  Phase phase_ = Phase::kReading;
  Body body_ = Body::kNone;
  const bool surplus_;
  bool reading_ = false;
  bool processing_ = false;
  bool eof_ = false;
  bool shut_ = false;
  bool served_;  // at least one request was answered
  bool resume_queued_ = false;
  bool input_lost_ = false;     // the budget had no room for what the client sent ahead
  bool paused_ = false;         // kPieces
  bool end_due_ = false;        // kPieces: the body is complete, and its end is told after the pause
  bool handed_out_ = false;     // kPieces: some of it
  bool broken_ = false;         // in kPending: the body will never be complete, and the handler answers what it had of it; nothing more is read
  bool continue_owed_ = false;  // the client waits for 100 Continue, and the handler has not yet said whether it takes the body
  bool streaming_ = false;      // the response was begun by BeginStream, and is not ended
  bool streamed_ = false;       // the last response was begun by BeginStream
  bool with_chunks_ = false;    // ... and is chunked
  bool with_body_ = false;      // ... and has a body
  bool close_after_ = false;    // ... and the connection ends with it
  bool high_ = false;           // ... and OnWritable is to be called once it has drained
};

}  // namespace notifyd
