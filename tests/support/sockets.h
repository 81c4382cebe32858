// Sockets on loopback for tests: ports to listen at, and one connection with what it has read. All of it ends the program where the system refuses
// what every test needs.
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace notifyd {

/// A TCP socket bound to an IPv4 literal; port 0 takes a free one. Or one of the file system, where `address` is a whole path. The caller closes it.
int Bind(const std::string& address = "127.0.0.1", uint16_t port = 0);
/// The same, and it listens.
int Listen(const std::string& address = "127.0.0.1", uint16_t port = 0);
/// The port that it is bound to.
uint16_t PortOf(int fd);
/// A TCP socket that is connected to 127.0.0.1, or -1 where that is refused. The caller closes it.
int Connect(uint16_t port, int receive_buffer_bytes = 0);

/// A connection with what it has read and not used yet, over TCP or TLS. Blocking; for one thread. Does not own its socket.
class Stream {
 public:
  explicit Stream(int fd) : fd_(fd) {}
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// The server's handshake; null: stays plain. False: it fails.
  bool Accept(SSL_CTX* tls);
  /// The client's; goes on with the session `resume` where there is one.
  bool Connect(SSL_CTX* tls, SSL_SESSION* resume = nullptr);
  int fd() const { return fd_; }
  SSL* ssl() const { return ssl_; }

  /// Reads what comes next into `unread`. False: the peer ended its side, or broke it.
  bool More();
  /// Until so many bytes are unread.
  bool MoreUntil(size_t size);
  /// Takes all before `end`, and `end` itself, which is left out of `out`.
  bool ReadTo(std::string_view end, std::string* out);
  /// A head with its empty line.
  bool ReadHead(std::string* head);
  /// Takes so many bytes.
  bool ReadBytes(size_t size, std::string* out);
  /// The next chunk of a chunked body, empty for the last one. Between two of them nothing else may be read.
  bool ReadChunk(std::string* chunk);
  /// Until the peer ends its side.
  void Drain();
  /// All of it. False: the peer is gone.
  bool Send(std::string_view bytes);
  /// Sends a FIN, over TLS behind a close_notify.
  void ShutDown();
  /// Whoever closes the socket sends a RST instead of a FIN.
  void ResetOnClose();
  /// Resets the connection now; nothing can be sent or read any more.
  void ResetNow();

  std::string unread;

 private:
  const int fd_;
  SSL* ssl_ = nullptr;
  size_t chunk_at_ = 0;  // within a chunked body: what is before it in `unread` was given out
};

/// A port of 127.0.0.1 at which nobody listens, nor will while this lives. It lies below those that the system gives to whoever asks for any one, so
/// that none of them has it later, either, where a server is to listen at it.
class DeafPort {
 public:
  DeafPort();
  ~DeafPort();
  DeafPort(const DeafPort&) = delete;
  uint16_t port() const { return PortOf(fd_); }

 private:
  int fd_ = -1;
};

/// A DeafPort that lives no more: nobody listens on it, and whoever is told to may.
uint16_t ClosedPort();

/// A port of 127.0.0.1 where connecting neither succeeds nor fails: its accept queue is full, and the kernel answers no more SYNs.
class SilentPort {
 public:
  explicit SilentPort(uint16_t port = 0);
  ~SilentPort();
  SilentPort(const SilentPort&) = delete;
  uint16_t port() const { return PortOf(fds_[0]); }

 private:
  std::vector<int> fds_;
};

}  // namespace notifyd
