// The other side: OpenSSL's own API on one end of a socketpair, and what drives it against our session on the other end, a step at a time.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "support/certificates.h"
#include "net/tls/tls_session.h"

namespace notifyd {

/// One connection: our session at one end of a socketpair, OpenSSL at the other.
class Wire {
 public:
  Wire(std::unique_ptr<TlsSession> session, SSL_CTX* peer, bool peer_is_server);
  ~Wire();
  Wire(const Wire&) = delete;

  /// How many bytes of those that are there our session gets in one call; all where it is not set.
  std::function<size_t(size_t)> split;
  /// What the bytes that our session gets are turned into.
  std::function<void(std::string*)> distort;

  /// Moves bytes in both directions until neither side has anything more to do.
  void Settle();
  /// All of it; Settle moves it.
  void PeerWrite(std::string_view plain) { to_write_.append(plain); }
  void PeerClose() { peer_close_ = true; }
  /// Its socket ends, without a word of TLS.
  void CutPeer();
  /// Puts bytes on the wire beside the peer's.
  void Inject(std::string_view bytes);

  TlsSession& session() { return *session_; }
  SSL* peer() { return peer_; }
  std::string got;       // what came out of our session
  std::string peer_got;  // what came out of the peer
  std::string peer_error;
  bool peer_saw_close = false;
  size_t sent = 0;  // bytes of our session on the wire

 private:
  bool StepPeer();
  bool StepSession();

  std::unique_ptr<TlsSession> session_;
  int ends_[2];
  SSL* peer_;
  std::string to_write_, in_, out_;
  bool peer_close_ = false, peer_closed_ = false;
};

}  // namespace notifyd
