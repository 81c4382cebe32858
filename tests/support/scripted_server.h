// A small HTTP server on threads of its own that answers as a test says: a broker for notifyctl, or a receiver for notifyd. One thread a
// connection; bodies by Content-Length or chunked.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "support/threaded_server.h"

namespace notifyd::test {

struct SeenRequest {
  std::string method, target, body;
  std::string head;  // all of it, as it came
  /// The value of a header, any case; empty where there is none.
  std::string Header(const std::string& name) const;
};

struct ScriptedAnswer {
  int status = 200;  // 0: no answer, the connection is closed
  std::string body;
  std::string content_type = "application/json";
  std::string headers = {};  // more of them, each line with its end
};

/// A request whose body has not been read yet, and a connection to answer on as the test likes.
class StreamedRequest {
 public:
  StreamedRequest(Stream* stream, const SeenRequest& head);
  const SeenRequest& head() const { return head_; }
  /// The next piece of the body, without its framing; false at its end and where the peer has gone.
  bool Read(std::string* piece);
  /// Was that the end of a whole body?
  bool ended() const { return ended_; }
  /// As it is; false where the peer has gone.
  bool Send(const std::string& text) { return stream_->Send(text); }
  /// A head that announces chunks; one chunk; the last one.
  bool SendHead(int status, const std::string& content_type);
  bool SendChunk(const std::string& text);
  bool SendEnd() { return Send("0\r\n\r\n"); }

 private:
  bool Line(std::string* line) { return stream_->ReadTo("\r\n", line); }

  Stream* stream_;
  SeenRequest head_;
  bool chunked_ = false, ended_ = false;
  size_t left_ = 0;  // of the body, or of the chunk
};

class ScriptedServer {
 public:
  using Handler = std::function<ScriptedAnswer(const SeenRequest& request)>;
  /// The connection is closed when it returns.
  using StreamHandler = std::function<void(StreamedRequest* request)>;
  /// `handler` is called on connection threads, maybe on several at once.
  explicit ScriptedServer(Handler handler);
  explicit ScriptedServer(StreamHandler handler);
  /// At `address`: the whole path of a socket.
  ScriptedServer(Handler handler, const std::string& address);

  uint16_t port() const { return server_.port(); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }
  /// Until `count` requests have come, or the deadline; all that came so far, in order.
  std::vector<SeenRequest> WaitFor(size_t count);
  std::vector<SeenRequest> seen() const;

 private:
  void Serve(Stream& stream);
  void Saw(const SeenRequest& request);

  const Handler handler_;
  const StreamHandler stream_handler_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<SeenRequest> seen_;
  ThreadedServer server_;
};

}  // namespace notifyd::test
