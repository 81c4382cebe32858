#include "net/identity.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "net/tiny_receiver.h"

namespace notifyd {

Identity::Identity() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  Must(key != nullptr && certificate != nullptr, "key");
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600 * 24);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("notifyd test"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  constexpr const char* kNames =
      "IP:127.0.0.1,IP:127.0.0.2,IP:::1,DNS:a.test,DNS:good.test,DNS:mixed.test,DNS:moves.test,DNS:two.test,DNS:*.wild.test";
  for (auto [nid, value] : {std::pair(NID_basic_constraints, "critical,CA:TRUE"), std::pair(NID_subject_alt_name, kNames)}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    Must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "extension");
    X509_EXTENSION_free(extension);
  }
  Must(X509_sign(certificate, key, EVP_sha256()) > 0, "sign");
  for (SSL_CTX** made : {&server_, &http2_, &asking12_, &asking13_}) {
    *made = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(*made, certificate);
    SSL_CTX_use_PrivateKey(*made, key);
    SSL_CTX_set_options(*made, SSL_OP_IGNORE_UNEXPECTED_EOF);
  }
  for (auto [asking, version] : {std::pair(asking12_, TLS1_2_VERSION), std::pair(asking13_, TLS1_3_VERSION)}) {
    SSL_CTX_set_verify(asking, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_min_proto_version(asking, version);
    SSL_CTX_set_max_proto_version(asking, version);
  }
  SSL_CTX_set_alpn_select_cb(
      http2_,
      [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned offered_size, void*) {
        unsigned char* chosen = nullptr;
        const bool agreed = SSL_select_next_proto(&chosen, size, reinterpret_cast<const unsigned char*>("\x02h2"), 3, offered, offered_size) ==
                            OPENSSL_NPN_NEGOTIATED;
        *out = chosen;
        return agreed ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
      },
      nullptr);
  char path[] = "/tmp/notifyd-test-ca-XXXXXX";
  const int fd = mkstemp(path);
  Must(fd >= 0, "mkstemp");
  FILE* out = fdopen(fd, "w");
  PEM_write_X509(out, certificate);
  fclose(out);
  file_ = path;
  X509_free(certificate);
  EVP_PKEY_free(key);
  std::atexit([] { unlink(Get().file().c_str()); });
}

const Identity& Identity::Get() {
  static const Identity* identity = new Identity;
  return *identity;
}

}  // namespace notifyd
