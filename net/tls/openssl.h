// What OpenSSL owns, owned here; and what it says of a failure. For net/tls/*.cc alone.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/free_with.h"

namespace notifyd {

using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using SslPtr = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

/// Reads `text`, which must outlive it.
inline BioPtr ReadOnly(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// The reason of the last failure on this thread, for people, and forgets all of them.
inline std::string TakeOpensslError() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string text = reason != nullptr ? reason : "not told why";
  ERR_clear_error();
  return text;
}

/// OpenSSL's word that a client's session can be gone on with: it is put into its TlsMemory (tls_session.h).
int KeepTlsSession(SSL* ssl, SSL_SESSION* session);

}  // namespace notifyd
