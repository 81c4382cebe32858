#include "net/tls/tls_context.h"

#include <catch2/catch.hpp>

#include "support/certificates.h"

namespace notifyd {
namespace {

TEST_CASE("tls context: what cannot be used is refused, and the field named") {
  const CertificateAuthority authority;
  const Pair one = authority.Issue("DNS:one.example"), two = authority.Issue("DNS:two.example");
  const std::string garbled = one.certificate.substr(0, 100) + "!" + one.certificate.substr(101);
  struct Wrong {
    TlsContext::ServerOptions options;
    const char* field;
    const char* detail;
  };
  const Wrong table[] = {
      {{one.certificate, two.key, ""}, "/key", "not the certificate's"},
      {{"", one.key, ""}, "/certificate", "no certificate"},
      {{"hello", one.key, ""}, "/certificate", "no certificate"},
      {{one.key, one.key, ""}, "/certificate", "no certificate"},
      {{garbled, one.key, ""}, "/certificate", "certificate 1 cannot be read"},
      {{one.certificate + garbled, one.key, ""}, "/certificate", "certificate 2 cannot be read"},
      {{one.certificate, "", ""}, "/key", "cannot be read"},
      {{one.certificate, one.certificate, ""}, "/key", "cannot be read"},
      {{one.certificate, EncryptKey(one.key), ""}, "/key", "encrypted"},
      {{one.certificate, one.key, "hello"}, "/ca", "no certificate"},
  };
  for (const Wrong& wrong : table) {
    auto made = TlsContext::ForServer(wrong.options);
    REQUIRE_FALSE(made.ok());
    CAPTURE(made.status().detail());
    CHECK(made.status().code() == Code::kUnacceptable);
    CHECK(made.status().field() == wrong.field);
    CHECK(made.status().detail().find(wrong.detail) != std::string::npos);
  }
  CHECK(TlsContext::ForServer({one.certificate + authority.certificate(), one.key, authority.certificate()}).ok());
}

TEST_CASE("tls context: a client's certificate and key go together, and the system's authorities are the default") {
  const CertificateAuthority authority;
  const Pair one = authority.Issue("DNS:one.example");
  CHECK(TlsContext::ForClient({}).ok());
  CHECK(TlsContext::ForClient({authority.certificate(), one.certificate, one.key}).ok());
  CHECK(TlsContext::ForClient({"", one.certificate, ""}).status().field() == "/key");
  CHECK(TlsContext::ForClient({"", "", one.key}).status().field() == "/certificate");
  CHECK(TlsContext::ForClient({"x", "", ""}).status().field() == "/ca");
}

}  // namespace
}  // namespace notifyd
