// Transfer: one attempt on one curl easy handle, hop by hop, from its request to what came back. Knows neither the loop nor the sink: those are
// the sender's (curl_sender.cc), which reuses a Transfer for the next attempt. Loop thread only.
//
// I1  One request goes out a hop. libcurl re-sends by itself, a POST too, when a reused connection dies before a byte of the answer; the second
//     go is refused where it opens a socket (OPENSOCKET) or would be written (PREREQ), and the attempt ends as connection_lost.
// I2  Every address that a hop connects to has passed the policy before its socket exists. A reused connection passed when it was opened,
//     by a transfer that had the same policy: a reload begins with a multi handle that has no connections.
// I3  What is kept of a response is bounded by its AnswerReader, and its head and trailers by kMaxHeadBytes, whatever the receiver sends.
// I4  An attempt keeps the settings that it began with, over all its hops.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "broker/effects.h"
#include "broker/payload.h"
#include "broker/spec.h"
#include "net/sender/answer.h"
#include "net/sender/answer_framing.h"
#include "net/sender/curl_multi.h"
#include "net/sender/curl_sender.h"
#include "net/sender/destinations.h"
#include "net/sender/judging.h"
#include "net/sender/sender_config.h"

namespace notifyd {

/// The redirects that are followed at most, where they are followed (contract section 3).
inline constexpr int kMaxRedirects = 5;
/// What is left of a response is read to its end, for the connection's sake, where it is not more than this.
inline constexpr uint64_t kMaxDrainBytes = 64 << 10;

struct ConnectionPool;

class Transfer {
 public:
  using Config = SenderConfig;
  /// What all transfers of a sender share; borrowed, but for `config`.
  struct Shared {
    std::shared_ptr<const Config> config;  // for attempts that begin
    Random* random;                        // for the parent ids of traces
    void* share;                           // CURLSH*: TLS sessions
    /// A request of a reply: none was written whole. Called from inside curl: it must not touch the handle.
    void (*written)(void* context, Transfer* transfer);
    /// What decides the outcome is there, or some of the body was not looked at yet: StopWaiting is to be called in a while, if it is still under way
    /// in this generation. As `written`.
    void (*watch)(void* context, Transfer* transfer);
    void* context;
  };
  explicit Transfer(const Shared* shared);
  ~Transfer();
  Transfer(const Transfer&) = delete;

  /// Takes an attempt and sets the handle up for its first hop; `multi` (borrowed) is where all its hops will be added, `now_ns` the monotonic
  /// clock. Error: it cannot be sent at all.
  Status Prepare(StartAttempt attempt, CurlMulti* multi, uint64_t now_ns);
  /// The hop ended with `code` (CURLcode). True: it led to another, and the handle is set up for that. False: the attempt is over.
  bool NextHop(int code, uint64_t now_ns);
  /// Waited for long enough. True: the outcome is decided, and the hop is to be ended, as for an error. False: it goes on.
  bool StopWaiting();
  /// The attempt's end, after the last hop ended with `code`; the transfer is good for Forget alone then.
  Unjudged Ended(int code, uint64_t now_ns);
  /// The end of a reply: none whose request was written and whose answer is not waited for.
  AttemptEnded EndedWritten(uint64_t now_ns);

  /// Lets go of the attempt and its memory; it must not be with the multi handle.
  void Forget();

  /// The CURL*; its CURLOPT_PRIVATE is this.
  void* easy() const { return easy_; }
  bool written() const { return written_; }
  /// Of this hop: "http://host:port/" as written.
  const std::string& origin() const { return set_origin_; }
  /// Distinguishes the hops that one Transfer serves one after the other.
  uint64_t generation() const { return generation_; }
  /// The sender's: its AttemptEnded was posted; it is spare, or reads the answer of a reply: none to its end.
  bool posted = false;
  /// The sender's: its place among those under way.
  size_t place = 0;
  /// The sender's: what `multi` belongs to.
  ConnectionPool* pool = nullptr;

 private:
  struct Callbacks;
  struct HeaderList;
  friend struct Callbacks;

  void SetConstantOptions();
  Status SetHop(uint64_t now_ns);
  void SetMethod();
  void SetOver();
  void SetForbidReuse(bool forbid);
  void SetTrace();
  Status SetHeaders();
  void SetTimeouts(uint64_t now_ns);
  bool SetWherePresent(int option, const std::string& value, std::string* set);

  bool TakeHeaderLine(std::string_view line);
  bool TakeBody(std::string_view bytes);
  void TakeReceived(size_t bytes);
  void Watch();
  void TakeSent(std::string_view bytes);

  AttemptEnded Begin(uint64_t now_ns) const;
  void SetError(int code, AttemptResult* result) const;
  bool Answered(int code) const;
  bool Whole(int code) const;
  const AnswerPattern* fatal_on() const;
  const AnswerPattern* later_on() const;
  const SenderOptions& options() const { return config_->options; }

  const Shared* shared_;
  CurlMulti* multi_ = nullptr;
  void* easy_;
  std::unique_ptr<HeaderList> headers_;
  char error_buffer_[256];  // CURL_ERROR_SIZE

  // The attempt.
  uint64_t generation_ = 0;
  std::shared_ptr<const Config> config_;
  StartAttempt attempt_;
  NotifySpec spec_;
  WireRequest wire_;
  std::string trace_parent_;  // as it is sent; empty: none
  uint64_t started_ns_ = 0;
  Method method_ = Method::kPost;  // of this hop
  bool other_origin_ = false;      // a redirect led there: what is not harmless stays behind
  bool body_dropped_ = false;      // a redirect made it a GET
  int redirects_ = 0;
  /// A redirect that cannot be followed: what is wrong with it.
  const char* redirect_error_ = nullptr;
  std::string redirect_detail_;

  // What the handle is set to already: strings are copied by curl, so they are set only where they change.
  std::string set_origin_, set_target_, set_method_;
  int64_t set_timeout_ms_ = -1, set_connect_timeout_ms_ = -1;
  bool set_forbid_reuse_ = false;
  StartAttempt::Over set_over_ = StartAttempt::Over::kAny;

  // The hop.
  int requests_ = 0;  // passes of PREREQ
  bool resend_stopped_ = false;
  std::vector<int> opened_;  // the sockets that were opened, for addresses that passed
  std::string refusal_;      // why one did not
  bool stop_after_head_ = false;
  int head_end_out_ = 0;  // how much of the "\r\n\r\n" that ends the request's head was written
  bool head_out_ = false;
  uint64_t body_out_ = 0;
  bool written_ = false;

  // The answer to it.
  AnswerReader reader_;
  bool begun_ = false;  // something came of it
  size_t head_bytes_ = 0;
  uint64_t received_ = 0;     // of the body
  uint64_t finished_at_ = 0;  // received_ when nothing more of it was wanted
  uint64_t wire_bytes_ = 0;   // behind the head, chunks and all
  bool starved_ = false;      // of which next to nothing is body
  bool stopped_ = false;      // by us: enough was read
  bool watched_ = false;
};

}  // namespace notifyd
