// OpenSSL 3.0, over memory BIOs.
#include "net/sender/tls.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <mutex>

#include "base/check.h"
#include "net/sender/destinations.h"

namespace notifyd {
namespace {

constexpr unsigned char kProtocols[] = "\x02h2\x08http/1.1";
constexpr unsigned kHttp2Bytes = 3;
/// Of one record (RFC 8446 section 5.1).
constexpr size_t kRecordBytes = 16 << 10;

/// Where curl, as it was built for this system, looks for authorities. Null: there are none.
X509_STORE* SystemAuthorities() {
  static std::once_flag once;
  static X509_STORE* store = nullptr;
  std::call_once(once, [] {
    const curl_version_info_data* info = curl_version_info(CURLVERSION_NOW);
    X509_STORE* made = X509_STORE_new();
    CHECK(made != nullptr);
    const bool file = info->cainfo != nullptr && X509_STORE_load_file(made, info->cainfo) == 1;
    const bool directory = info->capath != nullptr && X509_STORE_load_path(made, info->capath) == 1;
    if (file || directory) store = made;
    else X509_STORE_free(made);
    ERR_clear_error();
  });
  return store;
}

int OnNewSession(SSL* ssl, SSL_SESSION* session) {
  static_cast<TlsMemory*>(SSL_get_app_data(ssl))->Set(session);
  return 1;
}

}  // namespace

// ---- what outlives a connection

TlsMemory::~TlsMemory() {
  SSL_SESSION_free(session_);
}

void TlsMemory::Set(SSL_SESSION* session) {
  SSL_SESSION_free(session_);
  session_ = session;
}

Result<std::unique_ptr<TlsTrust>> TlsTrust::Create(const std::string& ca_file) {
  std::unique_ptr<TlsTrust> context(new TlsTrust(SSL_CTX_new(TLS_client_method())));
  SSL_CTX* raw = context->context_;
  CHECK(raw != nullptr);
  if (!ca_file.empty()) {
    const bool loaded = SSL_CTX_load_verify_file(raw, ca_file.c_str()) == 1;
    ERR_clear_error();
    if (!loaded) return Status(Code::kUnacceptable, ca_file + " cannot be read as certificate authorities");
  } else if (X509_STORE* store = SystemAuthorities()) {
    SSL_CTX_set1_cert_store(raw, store);
  } else {
    return Status(Code::kUnacceptable, "the system has no certificate authorities");
  }
  CHECK(SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) == 1);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  // An authority of the file is trusted though it be an intermediate one, as by curl.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(raw), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(raw, &OnNewSession);
  return context;
}

TlsTrust::~TlsTrust() {
  SSL_CTX_free(context_);
}

// ---- one connection

TlsLayer::TlsLayer(const TlsTrust& context, const std::string& host, std::shared_ptr<TlsMemory> memory, bool http2)
    : ssl_(SSL_new(context.raw())), memory_(std::move(memory)) {
  BIO *in = BIO_new(BIO_s_mem()), *to_wire = BIO_new(BIO_s_mem());
  CHECK(ssl_ != nullptr && in != nullptr && to_wire != nullptr);
  SSL_set_bio(ssl_, in, to_wire);
  SSL_set_app_data(ssl_, memory_.get());
  SSL_set_connect_state(ssl_);
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl_);
  if (IpAddress::Parse(host)) {
    CHECK(X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) == 1);
  } else {
    // A dot at its end is no part of the name in certificates, nor in the server's name.
    const std::string name = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    CHECK(X509_VERIFY_PARAM_set1_host(param, name.c_str(), name.size()) == 1);
    SSL_set_tlsext_host_name(ssl_, name.c_str());
  }
  const unsigned skipped = http2 ? 0 : kHttp2Bytes;
  CHECK(SSL_set_alpn_protos(ssl_, kProtocols + skipped, static_cast<unsigned>(sizeof kProtocols) - 1 - skipped) == 0);
  if (memory_->session() != nullptr) SSL_set_session(ssl_, memory_->session());
}

TlsLayer::~TlsLayer() {
  // OpenSSL does not use sessions again of connections that it has not seen end well.
  if (state_ == State::kOpen) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
}

void TlsLayer::TakeOut() {
  BIO* wire = SSL_get_wbio(ssl_);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(wire, &bytes);
  if (size <= 0) return;
  out.append(bytes, static_cast<size_t>(size));
  (void)BIO_reset(wire);
}

void TlsLayer::Fail(int code) {
  state_ = State::kFailed;
  const unsigned long error = ERR_peek_last_error();
  const int reason = ERR_GET_REASON(error);
  alerted_ = code == SSL_ERROR_SSL && ERR_GET_LIB(error) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256;
  const long verified = SSL_get_verify_result(ssl_);
  if (verified != X509_V_OK) {
    error_ = std::string("the certificate is not accepted: ") + X509_verify_cert_error_string(verified);
  } else {
    const char* text = ERR_reason_error_string(error);
    error_ = std::string("TLS: ") + (text != nullptr ? text : "protocol error");
  }
  ERR_clear_error();
}

TlsLayer::State TlsLayer::Handshake() {
  if (state_ != State::kHandshake) return state_;
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_);
  if (done == 1) {
    state_ = State::kOpen;
  } else {
    const int code = SSL_get_error(ssl_, done);
    if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE) Fail(code);
  }
  TakeOut();
  return state_;
}

void TlsLayer::TakeIn(std::string_view wire) {
  // Memory has room for all of it.
  CHECK(BIO_write(SSL_get_rbio(ssl_), wire.data(), static_cast<int>(wire.size())) == static_cast<int>(wire.size()));
}

size_t TlsLayer::Read(char* into, size_t size) {
  if (state_ != State::kOpen) return 0;
  ERR_clear_error();
  size_t got = 0;
  const int done = SSL_read_ex(ssl_, into, size, &got);
  if (done != 1) {
    got = 0;
    const int code = SSL_get_error(ssl_, done);
    if (code == SSL_ERROR_ZERO_RETURN) state_ = State::kEnded;
    else if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE) Fail(code);
  }
  TakeOut();
  return got;
}

void TlsLayer::Write(std::string_view plain) {
  while (!plain.empty() && (state_ == State::kOpen || state_ == State::kEnded)) {
    ERR_clear_error();
    size_t put = 0;
    const int done = SSL_write_ex(ssl_, plain.data(), std::min(plain.size(), kRecordBytes), &put);
    if (done != 1) {
      Fail(SSL_get_error(ssl_, done));
      break;
    }
    plain.remove_prefix(put);
  }
  TakeOut();
}

void TlsLayer::Close() {
  if (state_ != State::kOpen && state_ != State::kEnded) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
  TakeOut();
}

bool TlsLayer::http2() const {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &chosen, &size);
  return size == 2 && chosen[0] == 'h' && chosen[1] == '2';
}

}  // namespace notifyd
