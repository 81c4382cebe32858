// TlsContext: what one listener, or one kind of client, says about TLS: its certificate, its key, whom it trusts. Immutable once made, any thread.
// Contract section 8, "TLS": TLS 1.2 and 1.3 by OpenSSL, no early data, no compression. A server speaks http/1.1 alone, does not renegotiate, and of
// TLS 1.2 takes only the suites with forward secrecy and authenticated encryption. A client offers all that OpenSSL holds to be safe: receivers are
// what they are.
//
// A session (tls_session.h) shares the context that it was made with: another certificate is another context, and live sessions keep theirs.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "base/time.h"

struct ssl_ctx_st;

namespace notifyd {

class TlsContext {
 public:
  struct ServerOptions {
    std::string certificate;  // PEM: the server's own, then those that lead to its authority
    std::string key;          // PEM, not encrypted
    std::string client_ca;    // PEM: whose certificates a client must show one of; empty: it is asked for none
  };
  struct ClientOptions {
    std::string ca;           // PEM: whom to trust, intermediate authorities too; empty: whom the system trusts, read once a process (some 40 ms)
    std::string certificate;  // PEM, as the server's; empty: none is shown
    std::string key;          // PEM, not encrypted; with `certificate` alone
  };

  /// Where client certificates are required no session is resumed, so that each connection shows one. Error: kUnacceptable, for people, with field
  /// "/certificate", "/key" or "/ca": what cannot be read, and a key that is not the certificate's.
  static Result<std::shared_ptr<const TlsContext>> ForServer(const ServerOptions& options);
  /// Its sessions verify their server's certificate and its name. May be kept for many servers. Error as above.
  static Result<std::shared_ptr<const TlsContext>> ForClient(const ClientOptions& options);

  /// Would those who trust `ca` alone take whoever shows `certificate` (both as in ServerOptions), as a client, and as the server at `host` (a name,
  /// or an address without brackets)? When it begins and ends to hold is not looked at. Error: kUnacceptable, for people, behind the words "the
  /// certificate", with field "/certificate" or "/ca", or "/host" where it is for others.
  static Status CheckShown(const std::string& certificate, const std::string& ca, const std::string& host);

  /// Why whoever looks at the dates of the certificate that is shown, or of one that leads to its authority, does not take it at that time, for
  /// people. Empty: it holds, or none is shown.
  std::string DoubtOf(WallTime now) const;

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  ssl_ctx_st* get() const { return context_; }

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;  // owned
};

}  // namespace notifyd
