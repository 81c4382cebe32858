#include "support/identity.h"

#include <utility>

#include "support/certificates.h"

namespace notifyd {

Identity::Identity() {
  const CertificateAuthority authority;
  const Pair shown =
      authority.Issue("IP:127.0.0.1,IP:127.0.0.2,IP:::1,DNS:a.test,DNS:good.test,DNS:mixed.test,DNS:moves.test,DNS:two.test,DNS:*.wild.test");
  for (SSL_CTX** made : {&server_, &http2_, &asking12_, &asking13_}) {
    *made = NewPeerContext(true, "", shown).release();
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
  file_ = directory_.Write("ca.pem", authority.certificate());
}

const Identity& Identity::Get() {
  static const Identity identity;
  return identity;
}

}  // namespace notifyd
