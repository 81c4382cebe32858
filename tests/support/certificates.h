// Certificates for tests: an authority and what it signs, made anew in each run, valid for a day.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace notifyd {

struct Pair {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

class CertificateAuthority {
 public:
  CertificateAuthority();
  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  /// PEM.
  const std::string& certificate() const { return certificate_; }
  /// `names`: as OpenSSL's configuration has a subjectAltName, "DNS:localhost,IP:127.0.0.1"; empty: none. It holds for so many
  /// seconds from now on.
  Pair Issue(const std::string& names, const std::string& subject = "receiver", long seconds = 24 * 3600) const;

 private:
  struct Impl;
  Impl* impl_;
  std::string certificate_;
};

struct ContextDelete {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using PeerContext = std::unique_ptr<SSL_CTX, ContextDelete>;

/// A client that trusts `authority`, or a server or client that shows `shown`; both may be empty.
PeerContext NewPeerContext(bool server, const std::string& authority, const Pair& shown = {});

/// The key of the pair, encrypted with a password.
std::string EncryptKey(const std::string& key);

}  // namespace notifyd
