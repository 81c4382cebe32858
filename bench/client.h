// The load generator: submits over keep-alive connections, one request in flight on each, from one thread of its own (epoll). It shares
// the machine with the broker that it measures, so that it spends as little as it can on each request.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "bench/distribution.h"
#include "bench/stream.h"

namespace notifyd::bench {

/// Where requests come from; called on the client's thread alone.
class RequestSource {
 public:
  virtual ~RequestSource() = default;
  /// Puts the body of the next submit of this connection (0 up to connections - 1) into the empty `body` and returns how many notifies
  /// are in it; 0: this connection has no more to do. `now_ns` is the monotonic clock, just before it is sent.
  virtual size_t Next(int connection, int64_t now_ns, std::string* body) = 0;
  /// Says what the body just made is sent as, "PUT /v1/schedules/x"; empty: POST /v1/notifies, in the namespaces of the target.
  virtual std::string_view Line() const { return {}; }
};

struct LoadResult {
  Distribution ack_latency;
  uint64_t requests = 0;
  uint64_t acknowledged = 0;  // notifies
  uint64_t refused = 0;       // notifies; of a client that goes on
  int64_t first_sent_ns = 0;  // monotonic
  int64_t last_answered_ns = 0;
  double cpu_s = 0;  // of the client's thread

  double per_s() const {
    return last_answered_ns > first_sent_ns ? static_cast<double>(acknowledged) * 1e9 / static_cast<double>(last_answered_ns - first_sent_ns) : 0;
  }
};

class LoadClient {
 public:
  /// Connects and begins to submit to POST /v1/notifies of `server`. `source` is borrowed until Join returned. `goes_on`: what is refused is counted,
  /// and the next one sent. Error: kIo.
  static Result<std::unique_ptr<LoadClient>> Start(const Target& server, int connections, RequestSource* source, bool goes_on = false);
  virtual ~LoadClient() = default;

  /// Returns how many notifies were acknowledged so far. Any thread.
  virtual uint64_t acknowledged() const = 0;
  virtual bool finished() const = 0;
  /// Ends the load early.
  virtual void Cancel() = 0;
  /// Waits for the end. Error: kUnavailable with the first answer other than 2xx, or the connection that was lost; of one that goes on only the
  /// latter.
  virtual Result<LoadResult> Join() = 0;
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

/// Requests one after the other over one kept-alive connection, for what is timed one by one. One thread.
class Caller {
 public:
  /// Error: kIo.
  static Result<std::unique_ptr<Caller>> Open(const Target& server);
  virtual ~Caller() = default;
  /// With a JSON `body` where it is not empty; `path` is put into the namespace of the target. Error: kIo, also where no answer came within
  /// `timeout_ms`; no call follows an error.
  virtual Result<HttpAnswer> Call(std::string_view method, std::string_view path, std::string_view body = {}, int timeout_ms = 30'000) = 0;
};

/// A call that has to be answered with 2xx; kUnavailable with the answer where it is not.
Result<HttpAnswer> Ask(Caller& caller, std::string_view method, std::string_view path, std::string_view body = {});

/// One request over a connection of its own, for probes. Error: kIo, also where no answer came within `timeout_ms`.
Result<HttpAnswer> Fetch(const Target& server, std::string_view method, std::string_view path, int timeout_ms = 5000);

}  // namespace notifyd::bench
