// HTTP values and the server's face. Transport only: knows nothing of notifies. One server a loop; all calls on its loop's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace notifyd {

class Loop;

struct HttpRequest {
  std::string method;  // as sent: "GET", ...
  std::string target;  // as sent: path and query
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // whole, chunked coding undone; kPaddingBytes of spare capacity behind it, for the JSON parser
  static constexpr size_t kPaddingBytes = 64;

  /// The first header of that name (any case), or null.
  const std::string* Header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool close = false;  // close the connection after it
};

/// What the server calls. `token` names one request until it is responded to or closed; never 0, never used twice.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  /// Respond(token, ...) may be called from inside, or later. Requests of one connection come one at a time: the next of a pipeline comes
  /// once this one was responded to.
  virtual void OnRequest(uint64_t token, HttpRequest request) = 0;
  /// The client went away before the response: the token is void.
  virtual void OnClose(uint64_t token) = 0;
  /// The answer to a request that is refused before OnRequest (400, 408, 413, 414, 417, 429, 431, 501, 503, 505): the body in the handler's format.
  virtual HttpResponse OnRefused(int status, std::string_view detail) = 0;
};

/// Contract section 5.
struct HttpLimits {
  size_t max_connections = 10'000;
  size_t max_head_bytes = 16 << 10;
  size_t max_headers = 100;
  size_t max_target_bytes = 8 << 10;
  size_t max_body_bytes = 64 << 20;
  size_t max_buffered_bytes = 256 << 20;  // requests and responses of all servers that share a budget
  int64_t head_timeout_ms = 10'000;
  int64_t request_timeout_ms = 60'000;
  int64_t idle_timeout_ms = 75'000;
};

class HttpServer {
 public:
  /// Bytes buffered in all; shared by the servers of one process. `connections` likewise.
  struct Budget {
    std::atomic<size_t> bytes{0};
    std::atomic<size_t> connections{0};
  };
  /// All are borrowed and must outlive the server.
  HttpServer(Loop* loop, const HttpLimits& limits, Budget* budget, HttpHandler* handler);
  ~HttpServer();

  /// `address`: an IPv4 or IPv6 literal. Port 0 takes a free one. `reuse_port`: several servers on one port. Returns the port. Error: kIo.
  Result<uint16_t> Listen(const std::string& address, uint16_t port, bool reuse_port);
  /// A token whose client went away is ignored. A HEAD request's response is sent without its body.
  void Respond(uint64_t token, HttpResponse response);
  /// Accept no more; idle connections are closed, others after their response.
  void Drain();
  size_t connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
