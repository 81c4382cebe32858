// HttpClient: one HTTP request at a time to one broker, over a connection that is kept. libcurl's headers stand in http_client.cc alone. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace notifyd {

struct HttpAnswer {
  int status = 0;
  std::string body;
  bool Done() const { return status >= 200 && status < 300; }
};

class HttpClient {
 public:
  /// `server`: "http://HOST:PORT", maybe with a path in front of the API's. Proxy variables are ignored, redirects not followed.
  explicit HttpClient(std::string server);
  ~HttpClient();

  /// `path` begins with "/v1/...". `body` null: none is sent, else it is JSON. `wait_ms`: what the broker may take beside the usual. Error:
  /// kUnavailable where no answer came.
  Result<HttpAnswer> Call(const std::string& method, const std::string& path, const std::string* body = nullptr, int64_t wait_ms = 0);

  /// RFC 3986: all but unreserved characters become %XX.
  static std::string Encode(std::string_view text);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
