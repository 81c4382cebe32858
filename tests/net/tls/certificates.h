// Certificates for tests: an authority and what it signs, made anew in each run, valid for a day.
#pragma once

#include <string>

namespace notifyd {

struct Pair {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

class Authority {
 public:
  Authority();
  ~Authority();
  Authority(const Authority&) = delete;
  /// PEM.
  const std::string& certificate() const { return certificate_; }
  /// `names`: as OpenSSL's configuration has a subjectAltName, "DNS:localhost,IP:127.0.0.1"; empty: none.
  Pair Issue(const std::string& names, const std::string& subject = "receiver") const;

 private:
  struct Impl;
  Impl* impl_;
  std::string certificate_;
};

/// The key of the pair, encrypted with a password.
std::string EncryptKey(const std::string& key);

}  // namespace notifyd
