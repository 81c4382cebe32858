#include "net/tls/tls_context.h"

#include <openssl/pem.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "net/tls/openssl.h"

namespace notifyd {
namespace {

// TLS 1.3's suites are all of that kind, and left as OpenSSL has them.
constexpr char kSuites[] = "ECDHE+AESGCM:ECDHE+CHACHA20:!PSK:!aNULL";
constexpr unsigned char kHttp[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
constexpr size_t kMostCertificates = 1000;
// What a client may show: a chain of a few, also of RSA.
constexpr long kMostShownBytes = 32 << 10;
constexpr long kSessionSeconds = 3600;

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, ContextFree>;

Status Bad(const char* field, std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail), field);
}

/// OpenSSL would ask on the terminal.
int NoPassword(char*, int, int, void*) {
  return -1;
}

/// At least one.
Result<std::vector<X509Ptr>> ReadCertificates(std::string_view pem, const char* field) {
  std::vector<X509Ptr> out;
  BioPtr bio = ReadOnly(pem);
  ERR_clear_error();
  while (X509Ptr each{PEM_read_bio_X509_AUX(bio.get(), nullptr, NoPassword, nullptr)}) {
    if (out.size() == kMostCertificates) return Bad(field, "there are more than " + std::to_string(kMostCertificates) + " certificates");
    out.push_back(std::move(each));
  }
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = TakeOpensslError();
  if (!ended) return Bad(field, "certificate " + std::to_string(out.size() + 1) + " cannot be read: " + reason);
  if (out.empty()) return Bad(field, "there is no certificate in it (PEM)");
  return out;
}

Status UsePair(SSL_CTX* context, std::string_view certificate, std::string_view key_text) {
  Result<std::vector<X509Ptr>> chain = ReadCertificates(certificate, "/certificate");
  if (!chain.ok()) return std::move(chain).status();
  BioPtr bio = ReadOnly(key_text);
  ERR_clear_error();
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (!key) return Bad("/key", "the key cannot be read, or is encrypted: " + TakeOpensslError());
  if (X509_check_private_key(chain->front().get(), key.get()) != 1) {
    ERR_clear_error();
    return Bad("/key", "the key is not the certificate's");
  }
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1) return Bad("/certificate", "it cannot be used: " + TakeOpensslError());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return Bad("/key", "it cannot be used: " + TakeOpensslError());
  for (size_t i = 1; i < chain->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1)
      return Bad("/certificate", "certificate " + std::to_string(i + 1) + " cannot be used: " + TakeOpensslError());
  }
  return Status::Ok();
}

/// `tell`: the other side is told whom, so that it can choose what to show.
Status Trust(SSL_CTX* context, std::string_view pem, bool tell) {
  Result<std::vector<X509Ptr>> authorities = ReadCertificates(pem, "/ca");
  if (!authorities.ok()) return std::move(authorities).status();
  for (const X509Ptr& each : *authorities) {
    const bool done =
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), each.get()) == 1 && (!tell || SSL_CTX_add_client_CA(context, each.get()) == 1);
    if (!done) return Bad("/ca", "a certificate cannot be used: " + TakeOpensslError());
  }
  return Status::Ok();
}

/// What is in it is its owner's.
std::string TextOf(const ASN1_TIME* at) {
  tm parts{};
  if (ASN1_TIME_to_tm(at, &parts) != 1) return "a time that does not read";
  return FormatRfc3339({timegm(&parts) * int64_t{1000}});
}

void FreeStack(STACK_OF(X509) * stack) {
  sk_X509_free(stack);
}

ContextPtr NewContext(const SSL_METHOD* method) {
  ContextPtr context(SSL_CTX_new(method));
  CHECK(context != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1);
  CHECK(SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION) == 1);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION);
  // An idle connection keeps no buffers.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

/// Whom the system trusts: where OpenSSL looks for them (SSL_CERT_FILE and SSL_CERT_DIR say otherwise), and beside that, since many systems leave
/// that place empty, the first of the files that distributions keep them in. Never null, and never let go of.
X509_STORE* SystemAuthorities() {
  static X509_STORE* const store = [] {
    X509_STORE* made = X509_STORE_new();
    CHECK(made != nullptr);
    X509_STORE_set_default_paths(made);
    constexpr const char* kFiles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                      "/etc/ssl/cert.pem"};
    const bool told = std::getenv("SSL_CERT_FILE") != nullptr || std::getenv("SSL_CERT_DIR") != nullptr;
    if (!told) std::any_of(std::begin(kFiles), std::end(kFiles), [&](const char* file) { return X509_STORE_load_file(made, file) == 1; });
    ERR_clear_error();
    return made;
  }();
  return store;
}

/// RFC 7301: who offers protocols, and http/1.1 is not among them, is refused; who offers none is a client that knows no ALPN.
int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered, unsigned offered_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kHttp, sizeof kHttp, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::ForServer(const ServerOptions& options) {
  ContextPtr context = NewContext(TLS_server_method());
  CHECK(SSL_CTX_set_cipher_list(context.get(), kSuites) == 1);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // Sessions live in tickets alone: nothing is kept here for a client that may come back.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_max_cert_list(context.get(), kMostShownBytes);
  if (Status status = UsePair(context.get(), options.certificate, options.key); !status.ok()) return status;
  SSL_CTX_set_alpn_select_cb(context.get(), ChooseProtocol, nullptr);
  CHECK(SSL_CTX_set_max_early_data(context.get(), 0) == 1);
  if (options.client_ca.empty()) {
    SSL_CTX_set_timeout(context.get(), kSessionSeconds);
    CHECK(SSL_CTX_set_num_tickets(context.get(), 1) == 1);
  } else {
    if (Status status = Trust(context.get(), options.client_ca, true); !status.ok()) return status;
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
    CHECK(SSL_CTX_set_num_tickets(context.get(), 0) == 1);
  }
  return std::shared_ptr<const TlsContext>(new TlsContext(context.release()));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::ForClient(const ClientOptions& options) {
  ContextPtr context = NewContext(TLS_client_method());
  if (options.ca.empty()) {
    SSL_CTX_set1_cert_store(context.get(), SystemAuthorities());
  } else if (Status status = Trust(context.get(), options.ca, false); !status.ok()) {
    return status;
  }
  if (!options.certificate.empty() || !options.key.empty()) {
    if (Status status = UsePair(context.get(), options.certificate, options.key); !status.ok()) return status;
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  // An authority that is named is trusted though it be an intermediate one.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  // A session that can be gone on with is its connection's to keep (tls_session.h).
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), KeepTlsSession);
  return std::shared_ptr<const TlsContext>(new TlsContext(context.release()));
}

Status TlsContext::CheckShown(const std::string& certificate, const std::string& ca, const std::string& host) {
  Result<std::vector<X509Ptr>> chain = ReadCertificates(certificate, "/certificate");
  if (!chain.ok()) return std::move(chain).status();
  Result<std::vector<X509Ptr>> authorities = ReadCertificates(ca, "/ca");
  if (!authorities.ok()) return std::move(authorities).status();
  const std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>> store(X509_STORE_new());
  CHECK(store != nullptr);
  for (const X509Ptr& each : *authorities)
    if (X509_STORE_add_cert(store.get(), each.get()) != 1) return Bad("/ca", "a certificate cannot be used: " + TakeOpensslError());
  const std::unique_ptr<STACK_OF(X509), FreeWith<FreeStack>> rest(sk_X509_new_null());
  CHECK(rest != nullptr);
  for (size_t i = 1; i < chain->size(); ++i) CHECK(sk_X509_push(rest.get(), (*chain)[i].get()) > 0);
  X509* shown = chain->front().get();
  for (int purpose : {X509_PURPOSE_SSL_SERVER, X509_PURPOSE_SSL_CLIENT}) {
    const std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>> check(X509_STORE_CTX_new());
    CHECK(check != nullptr && X509_STORE_CTX_init(check.get(), store.get(), shown, rest.get()) == 1);
    CHECK(X509_STORE_CTX_set_purpose(check.get(), purpose) == 1);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(check.get()), X509_V_FLAG_NO_CHECK_TIME);
    if (X509_verify_cert(check.get()) == 1) continue;
    ERR_clear_error();
    const int error = X509_STORE_CTX_get_error(check.get());
    if (error == X509_V_ERR_INVALID_PURPOSE) return Bad("/certificate", purpose == X509_PURPOSE_SSL_SERVER ? "is for no server" : "is for no client");
    return Bad("/certificate", std::string("is not certified: ") + X509_verify_cert_error_string(error));
  }
  // -2: it is no address.
  int is_for = X509_check_ip_asc(shown, host.c_str(), 0);
  if (is_for == -2) is_for = X509_check_host(shown, host.data(), host.size(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr);
  ERR_clear_error();
  return is_for == 1 ? Status::Ok() : Bad("/host", "is not for \"" + host + "\"");
}

std::string TlsContext::DoubtOf(WallTime now) const {
  STACK_OF(X509)* rest = nullptr;
  if (SSL_CTX_get0_chain_certs(context_, &rest) != 1) rest = nullptr;
  std::vector<X509*> shown;
  if (X509* own = SSL_CTX_get0_certificate(context_)) shown.push_back(own);
  for (int i = 0; rest != nullptr && i < sk_X509_num(rest); ++i) shown.push_back(sk_X509_value(rest, i));
  time_t at = now.ms / 1000;
  for (X509* each : shown) {
    const char* which = each == shown.front() ? "the certificate " : "the certificate of its authority ";
    if (X509_cmp_time(X509_get0_notBefore(each), &at) > 0) return std::string(which) + "does not hold before " + TextOf(X509_get0_notBefore(each));
    if (X509_cmp_time(X509_get0_notAfter(each), &at) < 0) return std::string(which) + "does not hold since " + TextOf(X509_get0_notAfter(each));
  }
  return {};
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

}  // namespace notifyd
