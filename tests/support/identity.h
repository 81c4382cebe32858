// Identity: what a receiver of a test proves itself with over TLS.
#pragma once

#include <openssl/ssl.h>

#include <string>

#include "support/temp_dir.h"

namespace notifyd {

/// A certificate for loopback's first addresses and some names of .test, and the authority that vouches for it; made once a process.
class Identity {
 public:
  static const Identity& Get();
  SSL_CTX* server() const { return server_; }
  /// It speaks HTTP/2 to those who offer it.
  SSL_CTX* http2() const { return http2_; }
  /// The authority's certificate in PEM, for SenderOptions::ca_file.
  const std::string& file() const { return file_; }
  /// The same, but the client has to show a certificate: with TLS 1.2 within the handshake, with TLS 1.3 behind its own end of it.
  SSL_CTX* asking(int version) const { return version == TLS1_2_VERSION ? asking12_ : asking13_; }

 private:
  Identity();
  SSL_CTX* server_;
  SSL_CTX* http2_;
  SSL_CTX* asking12_;
  SSL_CTX* asking13_;
  test::TempDir directory_;
  std::string file_;
};

}  // namespace notifyd
