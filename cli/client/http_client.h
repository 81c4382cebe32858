// HttpClient: one HTTP request at a time to one broker, over a connection that is kept. libcurl's headers stand in http_client.cc alone. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "cli/client/credential.h"

namespace notifyd {

/// Where the broker is, and as whom it is asked.
struct HttpTarget {
  /// "http://HOST:PORT" or "https://HOST:PORT", maybe with a path in front of the API's; or "unix:/PATH" of a socket.
  std::string server;
  Credential credential = {};
  std::string space = {};                     // the namespace that what is asked is about; empty: the one of the token
  std::string ca_file = {};                   // the authorities of an https broker; empty: the system's
  std::string cert_file = {}, key_file = {};  // PEM, for a broker that wants its client's certificate; empty: none
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::string etag;        // as it came, quotes included; empty where there is none
  int64_t retry_after_ms = 0;  // of Retry-After, where it is a number of seconds, a year at most; else 0
  std::string shown_from;  // Credential::source of the token that it was asked with; empty: none
  bool Done() const { return status >= 200 && status < 300; }
};

/// A line of an answer's header, with or without its end: what it says of `etag` and `retry_after_ms`.
void ReadAnswerHeader(std::string_view line, HttpAnswer* answer);

struct HttpCall {
  std::string method, path;           // the path begins with "/v1/...", without the namespace's prefix
  const std::string* body = nullptr;  // borrowed; null: none is sent
  std::string content_type = "application/json";
  std::string if_match;     // empty: no such header
  bool only_new = false;    // refused where it is there already
  bool repeatable = false;  // once it was done, to do it again changes nothing; a GET is so anyway
  int64_t wait_ms = 0;      // what the broker may take beside the usual
  size_t most_bytes = 0;    // of the answer; above it the call fails. 0: any size
};

/// A request whose body is made while it is sent, and whose answer is taken while it comes. Called on the thread of HttpClient::Stream.
class HttpExchange {
 public:
  static constexpr size_t kNothingYet = SIZE_MAX;

  virtual ~HttpExchange() = default;
  /// Fills up to `size` bytes; returns how many, 0 at the end, or kNothingYet. Never blocks.
  virtual size_t Produce(char* to, size_t size) = 0;
  /// Readable once Produce has something again.
  virtual int input() const = 0;
  /// A piece of a 2xx answer. False gives the exchange up.
  virtual bool Consume(std::string_view piece) = 0;
  /// The answer said that no more of the body is wanted: Produce is at its end, whatever there is to read.
  virtual bool cut_short() const { return false; }
  /// After each round of sending and receiving, at least once a second. False gives the exchange up.
  virtual bool OnRound() { return true; }
};

struct StreamOutcome {
  HttpAnswer answer;  // status 0: none came; the body only of one that is not 2xx
  Status fault;       // not ok: it broke before the whole request was sent and the whole answer had come
};

class HttpClient {
 public:
  /// Proxy variables are ignored, redirects not followed.
  explicit HttpClient(HttpTarget target);
  /// Without a token.
  explicit HttpClient(const std::string& server) : HttpClient(HttpTarget{server}) {}
  ~HttpClient();

  /// Error: kUnavailable where no answer came.
  Result<HttpAnswer> Send(const HttpCall& call);
  /// After a Send without an answer: was somebody connected who took the request, and then went or fell silent? False where nobody could be
  /// connected, and where what came is no HTTP.
  bool lost() const;
  Result<HttpAnswer> Call(const std::string& method, const std::string& path, const std::string* body = nullptr, int64_t wait_ms = 0);

  /// POSTs what `exchange` makes, chunked, over a connection of its own. Sends and receives at the same time, and holds only a few buffers of
  /// either. Given up where nothing moves for two minutes although there is something to send or an answer to come.
  StreamOutcome Stream(const std::string& path, const std::string& content_type, HttpExchange* exchange);

  /// Asked about once a second while a Call is under way: true gives it up (kUnavailable).
  void GiveUpWhen(std::function<bool()> given_up);

  const std::string& server() const;
  /// The namespace that is named; empty: none is.
  const std::string& space() const;

  /// For a segment of a path or a parameter, RFC 3986: all but unreserved characters become %XX, and the dots of "." and "..".
  static std::string Encode(std::string_view text);
  /// Why it cannot be a broker's address, or nothing.
  static std::string FaultOfServer(const std::string& server);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
