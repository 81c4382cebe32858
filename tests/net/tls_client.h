// TlsClient: a RawClient over TLS, by OpenSSL's own API; and a server's certificate in files. For tests, in the test's thread.
#pragma once

#include <openssl/ssl.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "net/http.h"
#include "net/tls/tls_files.h"
#include "support/certificates.h"
#include "support/raw_client.h"
#include "support/temp_dir.h"

namespace notifyd {

class TlsClient : public RawClient {
 public:
  /// Shakes hands; `context` is a client's (NewPeerContext). With `resume` it goes on with that session.
  TlsClient(uint16_t port, SSL_CTX* context, SSL_SESSION* resume = nullptr, int receive_buffer_bytes = 0)
      : RawClient(port, receive_buffer_bytes), shaken_(stream().Connect(context, resume)) {}

  /// Whether the handshake was good. With TLS 1.3 a client may think so although the server refuses its certificate.
  bool shaken() const { return shaken_; }
  SSL* ssl() { return stream().ssl(); }

  /// Nothing more comes from this side; what the server sends may still be read.
  void CloseNotify() { SSL_shutdown(ssl()); }
  /// The server has said that nothing more comes, where the last read found no more.
  bool told_end() { return (SSL_get_shutdown(ssl()) & SSL_RECEIVED_SHUTDOWN) != 0; }

 private:
  bool shaken_;
};

/// A certificate for 127.0.0.1 in files, and a listener that has it.
struct TlsPlace {
  explicit TlsPlace(bool asks_clients = false) {
    const std::string ca = folder.Write("ca", authority.certificate());
    Swap("DNS:localhost,IP:127.0.0.1");
    files = std::make_unique<TlsFiles>(TlsPaths{folder.At("cert"), folder.At("key"), asks_clients ? ca : ""});
    if (!files->Load().ok()) std::abort();
    listener.tls = files.get();
  }
  /// Puts another certificate in place of the one that is there.
  void Swap(const std::string& names) {
    const Pair pair = authority.Issue(names);
    folder.Write("cert", pair.certificate);
    folder.Write("key", pair.key);
  }
  /// A client's, which trusts it, of `version` alone where that is not 0.
  PeerContext Client(int version = 0, const Pair& shown = {}) const {
    PeerContext context = NewPeerContext(false, authority.certificate(), shown);
    if (version != 0) {
      SSL_CTX_set_min_proto_version(context.get(), version);
      SSL_CTX_set_max_proto_version(context.get(), version);
    }
    return context;
  }

  CertificateAuthority authority;
  test::TempDir folder;
  std::unique_ptr<TlsFiles> files;
  HttpListener listener;
};

}  // namespace notifyd
