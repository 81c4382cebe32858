// A running HttpServer whose handler takes bodies in pieces and is made of functions that a test gives it. What it was called with is noted.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_fixture.h"

namespace notifyd {

/// What the handler does, on the loop's thread; all may be left out. `token` is one of the request's.
struct StreamScript {
  std::function<bool(const HttpRequest&)> takes = [](const HttpRequest&) { return true; };
  std::function<void(HttpServer&, uint64_t token, const HttpRequest&)> head;
  std::function<void(HttpServer&, uint64_t token, std::string_view)> body;
  std::function<void(HttpServer&, uint64_t token)> end;
  std::function<bool(HttpServer&, uint64_t token)> broken;
  std::function<void(HttpServer&, uint64_t token)> writable;
  std::function<void(HttpServer&, uint64_t token)> close;
  /// A request without a body, or whose body `takes` did not want in pieces. Where left out it is answered as HttpFixture says.
  std::function<void(HttpServer&, uint64_t token, HttpRequest)> request;

  /// Sends back what comes, and pauses while the client does not take it.
  static StreamScript Echo() {
    StreamScript script;
    script.head = [](HttpServer& server, uint64_t token, const HttpRequest&) {
      server.BeginStream(token, HttpFixture::Text(200, {}));
    };
    script.body = [](HttpServer& server, uint64_t token, std::string_view piece) {
      if (server.Stream(token, piece) > 4 * HttpServer::kStreamLowBytes) server.PauseBody(token);
    };
    script.end = [](HttpServer& server, uint64_t token) { server.EndStream(token); };
    script.writable = [](HttpServer& server, uint64_t token) { server.ResumeBody(token); };
    return script;
  }
};

class StreamFixture : public HttpFixture {
 public:
  explicit StreamFixture(StreamScript script, HttpLimits limits = {}) : HttpFixture(limits), script_(std::move(script)) {}
  ~StreamFixture() override { Halt(); }

  /// All of the bodies so far, one after the other, and how many pieces they came in.
  std::string body() {
    std::lock_guard lock(mutex_);
    return body_;
  }
  size_t pieces() {
    std::lock_guard lock(mutex_);
    return pieces_;
  }
  /// What happened but for pieces, in order: "head", "end", "broken", "writable", "close", "request".
  std::vector<std::string> events() {
    std::lock_guard lock(mutex_);
    return events_;
  }
  /// The token of the last request.
  uint64_t token() {
    std::lock_guard lock(mutex_);
    return token_;
  }
  /// Most bytes that were in the budget when the handler was called.
  size_t most_buffered() {
    std::lock_guard lock(mutex_);
    return most_buffered_;
  }

  bool WaitForBody(size_t bytes) {
    return Await([&] { return body_.size() >= bytes; });
  }
  bool WaitForEvent(const std::string& event, size_t count = 1) {
    return Await([&] { return static_cast<size_t>(std::count(events_.begin(), events_.end(), event)) >= count; });
  }

  bool TakesPieces(const HttpRequest& head) override {
    if (!head.body.empty()) std::abort();
    return script_.takes(head);
  }
  void OnHead(uint64_t token, const HttpRequest& head) override {
    Note(token, "head");
    if (script_.head) script_.head(server(), token, head);
  }
  void OnBody(uint64_t token, std::string_view piece) override {
    if (piece.empty()) std::abort();
    {
      std::lock_guard lock(mutex_);
      body_ += piece;
      ++pieces_;
      most_buffered_ = std::max(most_buffered_, budget().bytes.load());
      changed_.notify_all();
    }
    if (script_.body) script_.body(server(), token, piece);
  }
  void OnBodyEnd(uint64_t token) override {
    Note(token, "end");
    if (script_.end) script_.end(server(), token);
  }
  bool OnBodyBroken(uint64_t token) override {
    Note(token, "broken");
    return script_.broken ? script_.broken(server(), token) : HttpFixture::OnBodyBroken(token);
  }
  void OnWritable(uint64_t token) override {
    Note(token, "writable");
    if (script_.writable) script_.writable(server(), token);
  }
  void OnRequest(uint64_t token, HttpRequest request) override {
    Note(token, "request");
    if (script_.request) {
      script_.request(server(), token, std::move(request));
    } else {
      HttpFixture::OnRequest(token, std::move(request));
    }
  }
  void OnClose(uint64_t token) override {
    HttpFixture::OnClose(token);
    Note(0, "close");
    if (script_.close) script_.close(server(), token);
  }

 private:
  void Note(uint64_t token, const char* event) {
    std::lock_guard lock(mutex_);
    if (token != 0) token_ = token;
    events_.push_back(event);
    changed_.notify_all();
  }

  const StreamScript script_;
  std::string body_;  // this and below: guarded by mutex_
  std::vector<std::string> events_;
  size_t pieces_ = 0;
  size_t most_buffered_ = 0;
  uint64_t token_ = 0;
};

using Events = std::vector<std::string>;

/// Heads of requests with a body.
inline const std::string kChunkedHead = "POST /pieces HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
inline std::string Head(size_t length, const std::string& headers = {}) {
  return "POST /pieces HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n" + headers + "\r\n";
}

/// Takes the body and answers at its end.
inline StreamScript AnswerAtEnd(std::string body = "taken") {
  StreamScript script;
  script.end = [body](HttpServer& server, uint64_t token) { server.Respond(token, HttpFixture::Text(200, body)); };
  return script;
}

}  // namespace notifyd
