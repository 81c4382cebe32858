// TinyReceiver: an HTTP receiver that does exactly what a test's script says, byte for byte, and keeps what it got. The script runs once a
// connection, each on a thread of its own.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "support/must.h"
#include "support/threaded_server.h"

namespace notifyd {

class TinyReceiver {
 public:
  /// One connection, as its script sees it.
  class Peer {
   public:
    Peer(TinyReceiver* receiver, Stream* stream, int number) : receiver_(receiver), stream_(stream), number_(number) {}

    /// 0, 1, ... in the order of the accepts.
    int number() const { return number_; }
    /// Reads one request, head and body by Content-Length, and keeps it. False: the client closed first, or the receiver stops.
    bool ReadRequest(std::string* out = nullptr);
    /// Reads until there are so many bytes; nothing is kept.
    bool ReadBytes(size_t count) { return stream_->MoreUntil(count); }
    /// False: the client is gone.
    bool Send(std::string_view bytes) { return stream_->Send(bytes); }
    bool Answer(int status, std::string_view body, std::string_view headers = {});
    /// Waits until the client closes, or the receiver stops.
    void WaitForClose() { stream_->Drain(); }
    /// Sends a FIN, over TLS behind a close_notify.
    void ShutDown() { stream_->ShutDown(); }
    /// The end of the script closes with a RST instead of a FIN.
    void Reset() { stream_->ResetOnClose(); }

   private:
    TinyReceiver* receiver_;
    Stream* stream_;
    int number_;
  };
  using Script = std::function<void(Peer&)>;

  /// `listen_at`: INADDR_ANY is reached at every address of 127.0.0.0/8. `tls`: null for TCP; over TLS a script runs once the handshake is over.
  explicit TinyReceiver(Script script, in_addr_t listen_at = INADDR_LOOPBACK, uint16_t port = 0, SSL_CTX* tls = nullptr);
  /// Answers every request of every connection with it. `address`: an IPv4 literal; `port`: 0 takes a free one.
  TinyReceiver(int status, std::string body, const std::string& address = "127.0.0.1", uint16_t port = 0, SSL_CTX* tls = nullptr);

  uint16_t port() const { return server_.port(); }
  std::string Url(const std::string& target) const {
    return (tls_ != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port()) + target;
  }
  int connections() const { return server_.accepted(); }
  /// Waits until at most so many of them are open.
  void WaitForOpen(size_t most) { server_.WaitForOpen(most); }
  std::vector<std::string> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  TinyReceiver(Script script, const std::string& address, uint16_t port, SSL_CTX* tls);

  const Script script_;
  SSL_CTX* const tls_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  ThreadedServer server_;
};

}  // namespace notifyd
