// HttpConnection: one client's connection. It keeps the socket, what the connection counts in the budget, and its deadlines; what the client sends is
// its RequestSide's, what it is sent its ResponseSide's; where the listener has TLS a TlsSession stands between them and the socket. One request at a
// time is handed to the handler. Internal to the server; loop thread. I1: a token begins in kReading and leads to kPending; until it ends nothing is
// parsed but the body that the handler takes in pieces. I2: each token ends in exactly one of Respond, EndStream, OnClose, and the end of the server.
// I3: what it counts in the budget is what it holds: unparsed input, the request under way or with the handler, and what is not yet written.
// I4: it deletes itself once libuv let go of it; in kClosed it touches the context no more.
// I5: the handler is called from the loop only, never from inside a function that it calls here; but for OnRefused, which only words an answer.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string_view>

#include "base/deadline_wheel.h"
#include "net/http.h"
#include "net/http_context.h"
#include "net/http_request_side.h"
#include "net/http_response_side.h"
#include "net/tls/tls_session.h"

struct uv_stream_s;

namespace notifyd {

class HttpConnection : public DeadlineWheel::Entry {
 public:
  /// Where a socket comes from.
  enum class Origin : uint8_t {
    kAccepted,
    kAdopted,  // from the process before: its client may have been served there, and is given the time of an idle one
    kShut,     // the same, and its last response is out: it has only to see the client close it
    kSurplus,  // over the limit: answer a probe, anything else with 503, and close
  };
  enum class Phase : uint8_t {
    kReading,  // waits for a request, or for the rest of one
    kPending,  // the handler has one, or it waits for room
    kLinger,   // the last response is on its way: what the client still sends is read and thrown away, so that it gets to see the response
    kClosed,
  };
  /// Takes over the socket `fd`. Owns itself from here on.
  /// `listener`: where it connected; borrowed.
  static void Open(HttpContext* context, int fd, Origin origin, HttpListener* listener, std::shared_ptr<const Peer> peer);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  uint64_t token() const { return token_; }
  RequestSide& request() { return request_; }
  ResponseSide& response() { return response_; }

  /// Goes on with input that waits, and writes what was gathered.
  void Resume();
  /// A deadline has come.
  void Expire();
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
  /// The kernel has some of what its client sent, and it is to be read: nobody has looked at it yet.
  bool Unread() const;
  bool open() const { return phase_ != Phase::kClosed; }
  /// A request is under way, or its response.
  bool busy() const;
  /// Its request has been coming for so long and is not complete.
  bool receiving(int64_t age_ms) const;
  /// Refuses a request that is not complete (503).
  void RefuseUnfinished();
  /// Its last response is with the kernel: what the client still sends is thrown away.
  bool lingers() const { return phase_ == Phase::kLinger && shut_ && !surplus_; }
  /// Gives the socket away, without FD_CLOEXEC, and ends. -1 where there is no descriptor for it, or nothing that another could go on with. Only when
  /// idle, or it lingers.
  int Release();
  /// Cuts it off without a word to the handler.
  void Abandon();

  // For its two sides.
  HttpContext* context() const { return context_; }
  uv_stream_s* stream() const;
  /// Null where it is plain.
  TlsSession* tls() const { return tls_.get(); }
  int64_t now_ms() const;
  Phase phase() const { return phase_; }
  bool surplus() const { return surplus_; }
  /// The handler has a request from now on.
  void NewToken();
  /// The response is given. Whether the connection has to end with it because of what is left of the request's body.
  bool EndToken();
  /// After a response was sent: what the client sent behind its request is looked at.
  void ResponseDone();
  /// Whatever was asked, no further request follows the one that is being answered.
  bool EndsWithResponse() const { return surplus_ || context_->draining || request_.NothingFollows(); }
  /// All that libuv had to write is written, or some of it.
  void Written();
  /// The client is through: closes once the last response is written.
  void EndBehindResponse();
  /// Answers what cannot be served, and closes behind it.
  void Refuse(int status, std::string_view detail);
  /// Ends the request that the handler has, and closes behind what was written so far.
  void CutOff();
  /// A request waits for room, or no longer.
  void Parked();
  void Unparked();
  /// Closes this side behind what was written, then waits for the client to close its own.
  void BeginLinger();
  void Close();
  /// Tells the budget what it holds.
  void Account();
  /// Resume is to be called, from the loop.
  void QueueResume();
  /// The turn is over for it: what it has, and what the kernel has for it, is looked at in Resume, in its turn among those that wait.
  void WaitTurn();
  void UpdateReading();
  void UpdateDeadline();

  /// One that is being looked at because others wait for room has had so long.
  static constexpr int64_t kPressMs = 500;

 private:
  struct Tcp;

  HttpConnection(HttpContext* context, uint32_t slot, Origin origin, HttpListener* listener, std::shared_ptr<const Peer> peer);
  ~HttpConnection();

  /// `asked`: how much was to be read.
  void OnRead(int64_t size, const char* bytes, size_t asked);
  void ReadNow();
  void OnEof();
  void Decrypt(std::string_view bytes);
  void HandshakeDone();
  void TlsFailed();
  void SendOwn();
  void SayFarewell();
  void SayGoodbye();
  void CloseIdle();
  void OnShutdown(int status);
  int64_t ClientDeadline() const;
  bool Spare();
  bool KernelHasMore() const;
  void Drop(size_t bytes);
  bool MayHandOver(int fd);
  void Charge(size_t held, size_t answer);

  HttpContext* context_;
  HttpListener* const listener_;
  Tcp* tcp_;
  std::unique_ptr<TlsSession> tls_;
  RequestSide request_;
  ResponseSide response_;
  uint64_t token_ = 0;
  size_t charged_ = 0;         // in the budget
  size_t charged_answer_ = 0;  // of it: in its answers
  int64_t spared_ms_ = 0;      // the deadline that Spare was asked about last
  int64_t quiet_since_ms_;     // when it was accepted or the last response was sent
  // In kLinger: when the response was out, the last read, and how much was thrown away.
  int64_t linger_since_ms_ = 0;
  int64_t linger_heard_ms_ = 0;
  uint64_t lingered_bytes_ = 0;
  uint32_t slot_;
  Phase phase_ = Phase::kReading;
  const bool surplus_;
  bool reading_ = false;
  bool looked_ = false;  // since then all was read that the kernel had
  bool shut_ = false;
  bool served_;  // at least one request was answered
  bool waits_turn_ = false;     // WaitTurn was called: nothing is read
  bool resume_queued_ = false;  // `resume_at_` is where: among those that wait where `waits_turn_`, else among the resumable
  std::list<HttpConnection*>::iterator resume_at_;
  std::list<HttpConnection*>::iterator parked_at_;  // while its request is parked
};

}  // namespace notifyd
