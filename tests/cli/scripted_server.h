// A small HTTP server on threads of its own that answers as a test says: a broker for notifyctl, or a receiver for notifyd. One thread a
// connection; bodies by Content-Length only.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace notifyd::test {

struct SeenRequest {
  std::string method, target, body;
  std::string head;  // all of it, as it came
  /// The value of a header, any case; empty where there is none.
  std::string Header(const std::string& name) const;
};

struct ScriptedAnswer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
};

class ScriptedServer {
 public:
  using Handler = std::function<ScriptedAnswer(const SeenRequest& request)>;
  /// `handler` is called on connection threads, maybe on several at once.
  explicit ScriptedServer(Handler handler);
  ~ScriptedServer();

  uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// Until `count` requests have come, or the deadline; all that came so far, in order.
  std::vector<SeenRequest> WaitFor(size_t count);
  std::vector<SeenRequest> seen() const;

 private:
  void Accept();
  void Serve(int fd);

  Handler handler_;
  int listener_ = -1;
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<SeenRequest> seen_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  bool stopping_ = false;
  std::thread acceptor_;
};

/// A port on which nobody listens: bound once and closed again.
uint16_t ClosedPort();

}  // namespace notifyd::test
