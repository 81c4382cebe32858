// HttpConnection: one client's connection, and HttpContext: what the connections of a server share. Internal to the server; loop thread.
// A connection reads, parses, hands one request at a time to the handler, writes its response, and goes on with the next.
// I1: OnRequest is called in kReading only and leads to kPending; nothing more is parsed before Respond.
// I2: each token ends in exactly one of Respond, OnClose, and the end of the server.
// I3: what it counts in the budget is what it holds: unparsed input, the request under way or with the handler, and what is not yet written.
// I4: it deletes itself once libuv let go of it; in kClosed it touches the context no more.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/deadline_wheel.h"
#include "net/http.h"
#include "net/http_parser.h"

struct uv_loop_s;

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
  uint64_t sequence = 0;
  std::vector<HttpConnection*> slots;
  std::vector<uint32_t> free_slots;
  /// Those that have unparsed input and may go on; `resume` sees to it that Resume is called on each, from the loop.
  /// One that closes meanwhile leaves a null.
  std::vector<HttpConnection*> resumable;
  std::function<void()> resume;
  std::function<void()> closed;  // a connection went
  std::atomic<size_t> open{0};
  size_t surplus = 0;  // connections that are only told that there are too many
  /// Shared by all connections: a read is parsed, or copied, before the next one.
  std::unique_ptr<char[]> read_buffer;
  std::string head;   // scratch
  std::string batch;  // responses of the connection that is parsing, not yet written
};

class HttpConnection : public DeadlineWheel::Entry {
 public:
  /// Takes over the socket `fd`. `surplus`: the connection is over the limit, answer 503 and close. Owns itself from here on.
  static void Open(HttpContext* context, int fd, bool surplus);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  uint64_t token() const { return token_; }
  void Respond(HttpResponse response);
  /// Goes on with input that waits.
  void Resume();
  /// A deadline has come.
  void Expire();
  /// Closes it now if no request is under way or on its way.
  void Drain();
  /// Cuts it off without a word to the handler.
  void Abandon();

 private:
  enum class Phase : uint8_t {
    kReading,  // waits for a request, or for the rest of one
    kPending,  // the handler has one
    kLinger,   // the last response is on its way: what the client still sends is read and thrown away, so that it gets to see the response
    kClosed,
  };
  struct Tcp;
  struct WriteOp;

  HttpConnection(HttpContext* context, uint32_t slot, bool surplus);
  ~HttpConnection();

  void OnRead(int64_t size, const char* bytes);
  void OnEof();
  void OnWritten(size_t size, int status);
  void OnShutdown(int status);

  void Process(std::string_view fresh);
  std::string_view ParseAll(std::string_view rest);
  void OnHead(bool body_waits);
  void Deliver();
  void Stash(std::string_view bytes);
  void DropInput();
  void Refuse(int status, std::string_view detail);
  void Send(HttpResponse response, bool head_only, bool close);
  void FlushBatch();
  void Write(std::string_view head, std::string body);
  void BeginLinger();
  void FinishAfterEof();
  void Close();

  void Account();
  void UpdateReading();
  void UpdateDeadline();
  bool OverBudget(uint64_t more) const;
  bool has_input() const { return input_at_ < input_.size(); }
  int64_t now_ms() const;

  HttpContext* context_;
  Tcp* tcp_;
  HttpParser parser_;
  std::string input_;  // read but not parsed; from input_at_ on
  size_t input_at_ = 0;
  uint64_t token_ = 0;
  size_t charged_ = 0;        // in the budget
  size_t pending_bytes_ = 0;  // of the request that the handler has
  size_t unsent_ = 0;
  size_t last_queue_ = 0;   // of unsent bytes, when progress was last looked at
  uint64_t drained_ = 0;    // bytes thrown away in kLinger
  int64_t quiet_since_ms_;  // when it was accepted or the last response was sent
  int64_t begun_ms_ = 0;    // first byte of the request under way; in kLinger: when the response was out
  int64_t heard_ms_ = 0;    // kLinger: the last read
  int64_t write_deadline_ms_ = 0;
  uint32_t slot_;
  Phase phase_ = Phase::kReading;
  bool surplus_;
  bool reading_ = false;
  bool processing_ = false;
  bool eof_ = false;
  bool shut_ = false;
  bool served_ = false;  // at least one request was answered
  bool resume_queued_ = false;
  bool input_lost_ = false;  // the budget had no room for what the client sent ahead
};

}  // namespace notifyd
