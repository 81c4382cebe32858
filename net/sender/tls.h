// TLS for the client: OpenSSL between a connection's socket and its bytes. Knows no socket and no loop; one thread each.
//
// I1  Nothing of the application is written or read before the peer's certificate was verified: by the authorities, and for the name that was asked.
// I2  A record that is not authentic, and an end of the connection without close_notify, are never taken for an end of what was said.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace notifyd {

/// The newest session of one host and port, so that its next connection need not prove who it is anew (RFC 8446 section 2.2).
class TlsMemory {
 public:
  TlsMemory() = default;
  TlsMemory(const TlsMemory&) = delete;
  ~TlsMemory();
  /// Takes the session over.
  void Set(ssl_session_st* session);
  ssl_session_st* session() const { return session_; }

 private:
  ssl_session_st* session_ = nullptr;
};

/// What all connections of a sender share: whom they trust, and TLS 1.2 and 1.3.
class TlsTrust {
 public:
  /// `ca_file`: PEM; empty: the system's authorities, those that curl was built for, read once a process (some 40 ms). Error: kUnacceptable, for
  /// people: there are none to be read.
  static Result<std::unique_ptr<TlsTrust>> Create(const std::string& ca_file);
  ~TlsTrust();
  TlsTrust(const TlsTrust&) = delete;

  ssl_ctx_st* raw() const { return context_; }

 private:
  explicit TlsTrust(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

/// The client's end of one connection. Bytes of the wire go in with TakeIn and are to be taken out of `out`, whatever was called.
class TlsLayer {
 public:
  enum class State : uint8_t {
    kHandshake,
    kOpen,
    kEnded,   // its peer said that nothing more comes
    kFailed,  // see error()
  };

  /// `host`: as in the URL, a name in lower case or an address; `memory` is kept for the connection's life. `http2`: it is offered, too.
  TlsLayer(const TlsTrust& context, const std::string& host, std::shared_ptr<TlsMemory> memory, bool http2);
  ~TlsLayer();
  TlsLayer(const TlsLayer&) = delete;

  /// Begins the handshake, or goes on with it. To be called first, and after each TakeIn until it is over.
  State Handshake();
  void TakeIn(std::string_view wire);
  /// Decrypted bytes, at most `size`; 0: none now, look at state().
  size_t Read(char* into, size_t size);
  /// Encrypts all of it.
  void Write(std::string_view plain);
  /// Says that nothing more is sent.
  void Close();

  State state() const { return state_; }
  /// The receiver chose HTTP/2.
  bool http2() const;
  /// It said itself why it ends the connection (an alert).
  bool alerted() const { return alerted_; }
  const std::string& error() const { return error_; }
  /// For the wire. Whoever sends it clears it.
  std::string out;

 private:
  void Fail(int code);
  void TakeOut();

  ssl_st* ssl_;
  std::shared_ptr<TlsMemory> memory_;
  State state_ = State::kHandshake;
  bool alerted_ = false;
  std::string error_;
};

}  // namespace notifyd
