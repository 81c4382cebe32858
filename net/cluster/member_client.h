// MemberClient: requests to other members of the cluster over kept connections of HTTP/1.1, one request at a time each. It repeats nothing, and knows
// nothing of what it carries. One a loop, on its thread. Contract section 23, "any broker answers".
//
// I1  A call ends in exactly one of OnAnswerEnd, OnLost and Drop, and is told nothing behind it.
// I2  No call is told anything from inside of a function of the client.
// I3  A connection that is kept is watched: what comes unasked, or its end, closes it; before it is used its socket is asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"
#include "net/cluster/answer_parser.h"

namespace notifyd {

class Loop;
class TlsContext;

struct MemberRequest {
  static constexpr int64_t kMostOpenMs = 2'000;

  std::string head;                         // request line and headers, with the empty line
  std::shared_ptr<const std::string> body;  // whole, as it is sent; null: none, or it comes by Send
  bool to_head = false;                     // the method is HEAD
  int64_t answer_ms = 60'000;               // until then the answer's head is there, or it is lost; from when it was sent
  int64_t open_ms = kMostOpenMs;            // until then a connection is there on which it can be sent, or it is lost
};

/// Why no answer came, or not all of it.
struct MemberLoss {
  bool sent = false;   // some of the request may have arrived
  bool ended = false;  // the member ended its side in order, behind all that it had to say
  std::string detail;
};

class MemberCall : public AnswerParser::Reader {
 public:
  virtual void OnLost(const MemberLoss& loss) = 0;
  /// All that was sent is with the system.
  virtual void OnSent() = 0;
};

class MemberClient {
 public:
  static constexpr int64_t kTickMs = 100;
  /// Less than a server's idle_timeout_ms.
  static constexpr int64_t kMostIdleMs = 20'000;
  static constexpr size_t kMostIdle = 64;  // of one member
  /// Of a body so much is given to the system at a time.
  static constexpr size_t kPieceBytes = 256 << 10;

  /// What the members' listeners are asked over. Empty: plain HTTP. Loop thread. Error: no connection is opened.
  using Tls = std::function<Result<std::shared_ptr<const TlsContext>>()>;

  /// `loop` is borrowed, and outlives it.
  MemberClient(Loop* loop, Tls tls);
  ~MemberClient();
  MemberClient(const MemberClient&) = delete;

  /// `address`: "HOST:PORT". `call` is borrowed until it ended. Returns its number, never 0.
  uint64_t Begin(const std::string& address, MemberRequest request, MemberCall* call);
  /// Of a body that comes in pieces, behind the head, as it stands. Returns what waits to be sent. Calls that ended are ignored, like below.
  size_t Send(uint64_t number, std::string_view bytes);
  /// Nothing more is sent behind the request's whole `body`, though the member may wait for more. The connection is not kept.
  void EndSending(uint64_t number);
  /// Nothing of the answer is handed out until Resume.
  void Pause(uint64_t number);
  void Resume(uint64_t number);
  /// Returns whether some of the request may have arrived.
  bool Drop(uint64_t number);

  /// `tick` runs every kTickMs from now on, while something is under way, and for as long as it returns true. Milliseconds of the loop's clock.
  void OnTick(std::function<bool(int64_t now_ms)> tick);
  void WakeTick();
  int64_t NowMs() const;
  /// Runs it on the loop, soon; not where the client is gone by then. Any thread, while the loop is there.
  void Post(std::function<void()> task);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
