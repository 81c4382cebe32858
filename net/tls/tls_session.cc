#include "net/tls/tls_session.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/check.h"
#include "net/tls/openssl.h"

namespace notifyd {
namespace {

/// Of one record (RFC 8446 section 5.1).
constexpr size_t kRecordBytes = 16 << 10;
constexpr unsigned char kProtocols[] = "\x02h2\x08http/1.1";
constexpr unsigned kHttp2Bytes = 3;

std::optional<std::string> Printable(const ASN1_STRING* text) {
  std::string out(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<size_t>(ASN1_STRING_length(text)));
  const bool good = !out.empty() && std::all_of(out.begin(), out.end(), [](char c) { return c > ' ' && c <= '~'; });
  return good ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<std::string> AddressText(const ASN1_OCTET_STRING* address) {
  const int size = ASN1_STRING_length(address);
  char text[INET6_ADDRSTRLEN];
  if (size != 4 && size != 16) return std::nullopt;
  if (inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text, sizeof text) == nullptr) return std::nullopt;
  return text;
}

std::optional<std::string> NameText(const GENERAL_NAME* name) {
  auto with = [](const char* kind, std::optional<std::string> text) { return text ? std::optional(kind + std::move(*text)) : std::nullopt; };
  switch (name->type) {
    case GEN_DNS: {
      std::optional<std::string> text = Printable(name->d.dNSName);
      return text ? std::optional("DNS:" + LowerAscii(*text)) : std::nullopt;
    }
    case GEN_URI:
      return with("URI:", Printable(name->d.uniformResourceIdentifier));
    case GEN_EMAIL:
      return with("email:", Printable(name->d.rfc822Name));
    case GEN_IPADD:
      return with("IP:", AddressText(name->d.iPAddress));
    default:
      return std::nullopt;
  }
}

std::vector<std::string> NamesOf(const SSL* ssl) {
  std::vector<std::string> out;
  X509Ptr certificate(SSL_get1_peer_certificate(ssl));
  if (!certificate) return out;
  NamesPtr names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (std::optional<std::string> text = NameText(sk_GENERAL_NAME_value(names.get(), i))) out.push_back(std::move(*text));
  }
  ERR_clear_error();
  return out;
}

}  // namespace

TlsMemory::~TlsMemory() {
  SSL_SESSION_free(session_);
}

void TlsMemory::Set(SSL_SESSION* session) {
  SSL_SESSION_free(session_);
  session_ = session;
}

class TlsSession::Impl {
 public:
  Impl(std::shared_ptr<const TlsContext> context, bool server) : context_(std::move(context)), ssl_(SSL_new(context_->get())) {
    CHECK(ssl_ != nullptr);
    CHECK((SSL_is_server(ssl_.get()) == 1) == server);
    BIO* bio = BIO_new(Method());
    CHECK(bio != nullptr);
    BIO_set_data(bio, this);
    SSL_set_bio(ssl_.get(), bio, bio);  // owns it, once for both directions
    SSL_set_ex_data(ssl_.get(), SelfIndex(), this);
    SSL_set_info_callback(ssl_.get(), OnInfo);
    server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
  }

  ~Impl() {
    // OpenSSL goes on with no session of a connection that it has not seen end well.
    if (memory_ != nullptr && state_ == State::kOpen) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }

  void ExpectServer(std::string host) {
    if (host.find('\0') != std::string::npos) return Fail("a name for a server holds a zero byte");
    X509_VERIFY_PARAM* expected = SSL_get0_param(ssl_.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1) return;
    ERR_clear_error();
    if (host.ends_with('.')) host.pop_back();
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (host.empty() || SSL_set1_host(ssl_.get(), host.c_str()) != 1 || SSL_set_tlsext_host_name(ssl_.get(), host.c_str()) != 1) {
      ERR_clear_error();
      Fail("\"" + host + "\" is no name for a server");
    }
  }

  void Offer(TlsClientOptions options) {
    const unsigned skipped = options.http2 ? 0 : kHttp2Bytes;
    CHECK(SSL_set_alpn_protos(ssl_.get(), kProtocols + skipped, static_cast<unsigned>(sizeof kProtocols) - 1 - skipped) == 0);
    memory_ = std::move(options.memory);
    if (memory_ != nullptr && memory_->session() != nullptr) SSL_set_session(ssl_.get(), memory_->session());
  }

  /// The session is the caller's from here on: 1; 0: it is not.
  static int KeepSession(SSL* ssl, SSL_SESSION* session) {
    TlsMemory* memory = static_cast<Impl*>(SSL_get_ex_data(ssl, SelfIndex()))->memory_.get();
    if (memory == nullptr) return 0;
    memory->Set(session);
    return 1;
  }

  void Handshake() {
    if (state_ != State::kHandshake) return;
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (Refused()) return;
    if (result == 1) {
      names_ = NamesOf(ssl_.get());
      state_ = State::kOpen;
    } else if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
      const long verified = SSL_get_verify_result(ssl_.get());
      NoteAlert();
      std::string reason = TakeOpensslError();
      if (verified != X509_V_OK) reason += std::string(" (") + X509_verify_cert_error_string(verified) + ")";
      Fail(std::move(reason));
    } else if (handshake_bytes_ > kMostHandshakeBytes) {
      Fail("the handshake is too long");
    }
  }

  void Receive(std::string_view bytes, std::string* plain) {
    in_ = bytes;
    if (state_ == State::kHandshake) {
      handshake_bytes_ += bytes.size();
      Handshake();
    }
    const size_t before = out_.size();
    if (state_ == State::kOpen && !peer_closed_) Decrypt(plain);
    own_bytes_ += out_.size() - before;
    if (own_bytes_ > kMostOwnBytes && state_ == State::kOpen) Fail("the peer asks for new keys again and again");
    in_ = {};
  }

  void Write(std::string_view plain) {
    if (state_ != State::kOpen || plain.empty()) return;
    ERR_clear_error();
    size_t written = 0;
    // Never less than all: whatever it takes is taken by WriteBio.
    if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) != 1) Fail(TakeOpensslError());
  }

  void Close() {
    if (state_ == State::kOpen) {
      ERR_clear_error();
      SSL_shutdown(ssl_.get());
      ERR_clear_error();
    }
    if (state_ != State::kFailed) state_ = State::kClosed;
  }

  std::string out_;
  State state_ = State::kHandshake;
  bool peer_closed_ = false;
  std::string failure_;
  bool alerted_ = false;
  std::vector<std::string> names_;
  const SSL* ssl() const { return ssl_.get(); }

 private:
  static int SelfIndex() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
  }

  /// The BIO: reads from `in_`, which is the caller's for the call, and writes to `out_`.
  static const BIO_METHOD* Method() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "notifyd session");
      CHECK(made != nullptr);
      BIO_meth_set_create(made, [](BIO* bio) {
        BIO_set_init(bio, 1);
        return 1;
      });
      BIO_meth_set_read_ex(made, ReadBio);
      BIO_meth_set_write_ex(made, WriteBio);
      BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long { return command == BIO_CTRL_FLUSH ? 1 : 0; });
      return made;
    }();
    return method;
  }
  static int ReadBio(BIO* bio, char* to, size_t size, size_t* got) {
    Impl* self = static_cast<Impl*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    *got = std::min(size, self->in_.size());
    std::copy_n(self->in_.data(), *got, to);
    self->in_.remove_prefix(*got);
    if (*got != 0) return 1;
    BIO_set_retry_read(bio);
    return 0;
  }
  static int WriteBio(BIO* bio, const char* from, size_t size, size_t* taken) {
    static_cast<Impl*>(BIO_get_data(bio))->out_.append(from, size);
    BIO_clear_retry_flags(bio);
    *taken = size;
    return 1;
  }

  /// OpenSSL answers a renegotiation with a warning and goes on: a peer that asks again and again would be answered again and again.
  static void OnInfo(const SSL* ssl, int where, int alert) {
    if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT && (alert & 0xff) == SSL_AD_NO_RENEGOTIATION)
      static_cast<Impl*>(SSL_get_ex_data(ssl, SelfIndex()))->renegotiates_ = true;
  }
  bool Refused() {
    if (renegotiates_) Fail("the peer asks for another handshake");
    return renegotiates_;
  }

  void Decrypt(std::string* plain) {
    char buffer[kRecordBytes];
    for (;;) {
      ERR_clear_error();
      size_t got = 0;
      const int result = SSL_read_ex(ssl_.get(), buffer, sizeof buffer, &got);
      if (Refused()) return;
      if (result == 1) {
        plain->append(buffer, got);
        continue;
      }
      switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
          return;
        case SSL_ERROR_ZERO_RETURN:
          peer_closed_ = true;
          return;
        default:
          NoteAlert();
          return Fail(TakeOpensslError());
      }
    }
  }

  /// Before the error is forgotten.
  void NoteAlert() {
    const unsigned long error = ERR_peek_last_error();
    const int reason = ERR_GET_REASON(error);
    alerted_ = ERR_GET_LIB(error) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256;
  }

  void Fail(std::string reason) {
    state_ = State::kFailed;
    failure_ = std::move(reason);
  }

  std::shared_ptr<const TlsContext> context_;
  std::shared_ptr<TlsMemory> memory_;
  SslPtr ssl_;
  std::string_view in_;
  size_t handshake_bytes_ = 0;
  size_t own_bytes_ = 0;
  bool renegotiates_ = false;
};

int KeepTlsSession(SSL* ssl, SSL_SESSION* session) {
  return TlsSession::Impl::KeepSession(ssl, session);
}

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::~TlsSession() = default;

std::unique_ptr<TlsSession> TlsSession::Accept(std::shared_ptr<const TlsContext> context) {
  return std::unique_ptr<TlsSession>(new TlsSession(std::make_unique<Impl>(std::move(context), true)));
}

std::unique_ptr<TlsSession> TlsSession::Connect(std::shared_ptr<const TlsContext> context, std::string_view host, TlsClientOptions options) {
  auto impl = std::make_unique<Impl>(std::move(context), false);
  impl->ExpectServer(std::string(host));
  impl->Offer(std::move(options));
  impl->Handshake();
  return std::unique_ptr<TlsSession>(new TlsSession(std::move(impl)));
}

void TlsSession::Receive(std::string_view bytes, std::string* plain) {
  impl_->Receive(bytes, plain);
}
void TlsSession::Write(std::string_view plain) {
  impl_->Write(plain);
}
void TlsSession::Close() {
  impl_->Close();
}
std::string TlsSession::TakeOutput() {
  return std::exchange(impl_->out_, std::string());
}
void TlsSession::SwapOutput(std::string* empty) {
  empty->clear();
  impl_->out_.swap(*empty);
}
size_t TlsSession::output_bytes() const {
  return impl_->out_.size();
}
TlsSession::State TlsSession::state() const {
  return impl_->state_;
}
bool TlsSession::peer_closed() const {
  return impl_->peer_closed_;
}
const std::string& TlsSession::failure() const {
  return impl_->failure_;
}
bool TlsSession::alerted() const {
  return impl_->alerted_;
}
bool TlsSession::http2() const {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(impl_->ssl(), &chosen, &size);
  return size == 2 && chosen[0] == 'h' && chosen[1] == '2';
}
const std::vector<std::string>& TlsSession::peer_names() const {
  return impl_->names_;
}
const char* TlsSession::version() const {
  return SSL_get_version(impl_->ssl());
}
bool TlsSession::resumed() const {
  return SSL_session_reused(impl_->ssl()) == 1;
}

}  // namespace notifyd
