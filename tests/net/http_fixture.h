// A running HttpServer for tests: its loop in a thread of its own, and a handler that answers by the request's path.
//   /echo     200 with the request's body
//   /target   200 with method, target and Host
//   /bytes/N  200 with N bytes
//   /close    200, closes the connection
//   /status/N that status
//   /kept     200, which a cache may keep
//   /peer     200 with who asks
//   /wait     no answer until Answer is called
//   /block    200, behind what a test has it do: on the loop, which looks at nothing meanwhile, and is late for its sweep then
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/http.h"
#include "net/peer.h"
#include "support/loop_thread.h"
#include "support/raw_client.h"
#include "support/slowness.h"

namespace notifyd {

/// Requests as they are sent.
inline const std::string kGet = "GET /target HTTP/1.1\r\nHost: a\r\n\r\n";
inline const std::string kWait = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";
inline std::string Get(const std::string& target, const std::string& headers = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}
inline std::string Post(const std::string& target, const std::string& body, const std::string& headers = {}) {
  return "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
}
/// Whether kGet is answered.
inline bool Served(RawClient* client) {
  if (!client->Send(kGet)) return false;
  return client->ReadResponse().body == "GET /target a";
}

class HttpFixture : public HttpHandler {
 public:
  /// With `adopted` it goes on with these sockets instead of new ones. `as`: what its listener is.
  explicit HttpFixture(HttpLimits limits = {}, const HttpServer::Sockets* adopted = nullptr, HttpListener* as = nullptr) {
    loop_.OnLoop([&] {
      server_ = std::make_unique<HttpServer>(&loop_.loop(), limits, &budget_, this);
      Result<uint16_t> port = adopted != nullptr ? server_->Adopt(*adopted, as) : server_->Listen("127.0.0.1", 0, false, as);
      if (!port.ok()) std::abort();
      port_ = *port;
    });
  }
  ~HttpFixture() override { Halt(); }

  uint16_t port() const { return port_; }
  HttpServer::Budget& budget() { return budget_; }
  size_t connections() const { return server_->connections(); }

  /// Runs `task` on the loop and waits for it.
  void OnLoop(const std::function<void(HttpServer&)>& task) {
    loop_.OnLoop([&] { task(*server_); });
  }
  /// So much more time has passed for the server, which notices within two ticks of its wheel.
  void Pass(int64_t ms) { loop_.Pass(ms); }
  /// The same from the loop itself, which notices when it comes to it.
  void Advance(int64_t ms) { loop_.Advance(ms); }
  /// What /block does; set before it is asked for.
  std::function<void(uint64_t token)> block;
  /// Answers the oldest request to /wait that was not answered; waits for it to come.
  void Answer(std::string body) {
    uint64_t token = WaitForPending();
    OnLoop([&](HttpServer& server) { server.Respond(token, Text(200, std::move(body))); });
  }
  /// The token of the oldest pending request, taken off the list; 0 where none came.
  uint64_t WaitForPending() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, test::AtMostSeconds(10), [this] { return !pending_.empty(); })) return 0;
    uint64_t token = pending_.front();
    pending_.pop_front();
    return token;
  }
  size_t pending() {
    std::lock_guard lock(mutex_);
    return pending_.size();
  }
  /// Whether OnClose was called for `token`; waits for it.
  bool WaitForClose(uint64_t token) {
    return Await([this, token] { return std::find(closed_.begin(), closed_.end(), token) != closed_.end(); });
  }
  std::vector<uint64_t> closed() {
    std::lock_guard lock(mutex_);
    return closed_;
  }
  /// Waits until the server has that many connections.
  bool WaitForConnections(size_t count) {
    auto deadline = std::chrono::steady_clock::now() + test::AtMostSeconds(10);
    while (server_->connections() != count) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  /// Waits until nothing is buffered. What a client has read may be counted for a moment longer.
  bool WaitForEmptyBudget() {
    auto deadline = std::chrono::steady_clock::now() + test::AtMostSeconds(10);
    while (budget_.bytes.load() != 0) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  void OnRequest(uint64_t token, HttpRequest request) override {
    // On the loop's thread, where Catch's macros have no place.
    if (request.body.capacity() - request.body.size() < HttpRequest::kPaddingBytes) std::abort();
    const std::string& target = request.target;
    HttpResponse response = Text(200, {});
    if (target == "/wait") {
      std::lock_guard lock(mutex_);
      pending_.push_back(token);
      changed_.notify_all();
      return;
    }
    if (target == "/block") {
      block(token);
      // Longer than a tick of its wheel, which has 250 ms at most.
      std::this_thread::sleep_for(std::chrono::milliseconds(400));
    }
    if (target == "/echo") {
      response.body = std::move(request.body);
    } else if (target.starts_with("/bytes/")) {
      response.body.assign(std::strtoull(target.c_str() + 7, nullptr, 10), 'x');
    } else if (target.starts_with("/status/")) {
      response.status = std::atoi(target.c_str() + 8);
      response.body = "a body";
    } else if (target == "/kept") {
      response.headers.emplace_back("Cache-Control", "no-cache");
    } else if (target == "/peer") {
      response.body = request.peer->Name();
      for (const std::string& name : request.peer->certificate_names) response.body += " " + name;
    } else {
      const std::string* host = request.Header("HOST");
      response.body = request.method + " " + target + " " + (host != nullptr ? *host : "-");
    }
    response.close = target == "/close";
    server_->Respond(token, std::move(response));
  }
  void OnClose(uint64_t token) override {
    std::lock_guard lock(mutex_);
    closed_.push_back(token);
    changed_.notify_all();
  }
  HttpResponse OnRefused(int status, std::string_view detail) override { return Text(status, std::string(detail)); }

  /// Loop thread.
  HttpServer& server() { return *server_; }
  /// To post to it.
  Loop& loop() { return loop_.loop(); }

  static HttpResponse Text(int status, std::string body) {
    HttpResponse response;
    response.status = status;
    response.content_type = "text/plain";
    response.body = std::move(body);
    return response;
  }

 protected:
  /// Ends loop and server. A derived class calls it in its destructor, as the loop calls it until then.
  void Halt() {
    loop_.Stop();
    server_.reset();
  }
  template <class Condition>
  bool Await(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, test::AtMostSeconds(10), condition);
  }
  std::mutex mutex_;
  std::condition_variable changed_;

 private:
  LoopThread loop_;
  HttpServer::Budget budget_;
  std::unique_ptr<HttpServer> server_;
  uint16_t port_ = 0;
  std::deque<uint64_t> pending_;  // guarded by mutex_
  std::vector<uint64_t> closed_;  // guarded by mutex_
};

}  // namespace notifyd
