#include "bench/stream.h"

#include <errno.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <utility>

#include "base/free_with.h"

namespace notifyd::bench {
namespace {

constexpr int kHandshakeMs = 10'000;

class PlainStream : public Stream {
 public:
  explicit PlainStream(Fd fd) : fd_(std::move(fd)) {}
  int fd() const override { return fd_.get(); }
  ssize_t Send(const char* bytes, size_t size) override { return send(fd_.get(), bytes, size, MSG_NOSIGNAL); }
  ssize_t Receive(char* bytes, size_t size) override { return recv(fd_.get(), bytes, size, 0); }

 private:
  Fd fd_;
};

using ContextPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, FreeWith<SSL_free>>;

std::string Reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string text = reason ? reason : "not told why";
  ERR_clear_error();
  return text;
}

class TlsStream final : public PlainStream {
 public:
  TlsStream(Fd fd, ContextPtr context, SslPtr ssl) : PlainStream(std::move(fd)), context_(std::move(context)), ssl_(std::move(ssl)) {}

  Status Handshake() {
    for (;;) {
      ERR_clear_error();
      int done = SSL_connect(ssl_.get());
      if (done == 1) return Status::Ok();
      int wanted = SSL_get_error(ssl_.get(), done);
      if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) return Status(Code::kIo, "TLS: " + Reason());
      pollfd wait{fd(), static_cast<short>(wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
      if (poll(&wait, 1, kHandshakeMs) <= 0) return Status(Code::kIo, "TLS: no handshake within 10 s");
    }
  }
  ssize_t Send(const char* bytes, size_t size) override { return Told(SSL_write(ssl_.get(), bytes, static_cast<int>(size))); }
  ssize_t Receive(char* bytes, size_t size) override { return Told(SSL_read(ssl_.get(), bytes, static_cast<int>(size))); }
  bool has_more() const override { return SSL_pending(ssl_.get()) > 0; }

 private:
  ssize_t Told(int n) {
    if (n > 0) return n;
    int wanted = SSL_get_error(ssl_.get(), n);
    ERR_clear_error();
    if (wanted == SSL_ERROR_ZERO_RETURN) return 0;
    errno = wanted == SSL_ERROR_WANT_READ || wanted == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
  }

  ContextPtr context_;
  SslPtr ssl_;
};

}  // namespace

std::string Target::Path(std::string_view path) const {
  return space.empty() ? std::string(path) : fmt::format("/v1/namespaces/{}{}", space, path.substr(std::string_view("/v1").size()));
}

std::string Target::HeadLines() const {
  std::string lines = fmt::format("Host: {}\r\n", address.ToString());
  return token.empty() ? lines : lines + fmt::format("Authorization: Bearer {}\r\n", token);
}

Result<std::unique_ptr<Stream>> Stream::Open(const Target& target) {
  Result<Fd> fd = target.address.Connect();
  if (!fd.ok()) return std::move(fd).status();
  if (target.ca_file.empty()) return std::unique_ptr<Stream>(std::make_unique<PlainStream>(*std::move(fd)));
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_load_verify_locations(context.get(), target.ca_file.c_str(), nullptr) != 1)
    return Status(Code::kIo, fmt::format("{}: {}", target.ca_file, Reason()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SslPtr ssl(SSL_new(context.get()));
  std::string host = target.address.ToString();
  host.resize(host.rfind(':'));
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str());
  SSL_set_fd(ssl.get(), fd->get());
  auto stream = std::make_unique<TlsStream>(*std::move(fd), std::move(context), std::move(ssl));
  if (Status shaken = stream->Handshake(); !shaken.ok()) return shaken;
  return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace notifyd::bench
