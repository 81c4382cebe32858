// Receiver: a neutral HTTP/1.1 server that answers every request the same way, for measuring who calls it. One thread of its own
// (epoll), keep-alive, pipelining, chunked requests. It keeps nothing of a request but what its observer keeps.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/status.h"
#include "bench/sockets.h"

namespace notifyd::bench {

/// One request, complete; the views live until the observer returns.
struct ReceivedRequest {
  std::string_view method;
  std::string_view target;
  std::string_view notify_id;  // header Notify-Id, empty where none came
  uint32_t attempt = 0;        // header Notify-Attempt, 0 where none came
  std::string_view body;       // the first 64 KiB
  uint64_t body_size = 0;      // all of it
  int64_t arrived_wall_ns = 0;
  int64_t arrived_mono_ns = 0;
  int status = 0;  // what it will be answered; 0: never
};

class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  /// Called on the receiver's thread, in the order of arrival, before the answer goes out.
  virtual void OnRequest(const ReceivedRequest& request) = 0;
};

struct ReceiverOptions {
  Address listen = {};
  int64_t delay_ms = 0;     // each answer waits this long
  uint64_t fail_every = 0;  // every so many-th request gets `fail_status`; 0: none
  int status = 200;
  int fail_status = 500;
  bool hang = false;      // no answer at all, the connection stays open
  bool close = false;     // the connection is closed after each answer
  size_t body_bytes = 0;  // of an answer that is no failure, in place of a word
};

class Receiver {
 public:
  /// Listens, and starts its thread. `observer` is borrowed until Stop returned. Error: kIo.
  static Result<std::unique_ptr<Receiver>> Start(const ReceiverOptions& options, RequestObserver* observer);
  virtual ~Receiver() = default;

  /// Returns where it listens, with the port that was taken.
  virtual const Address& address() const = 0;
  /// Returns the CPU time of its thread so far, or when it stopped.
  virtual double cpu_s() const = 0;
  /// From now on it takes requests and answers none, as one does that hangs.
  virtual void Hang() = 0;
  /// Closes everything and joins the thread; what the observer holds may be read afterwards. Again: nothing.
  virtual void Stop() = 0;
};

}  // namespace notifyd::bench
