// TlsSession: TLS on one connection, between what its socket brings and what its owner reads and writes. No socket, no clock, no thread: the owner
// moves the bytes and keeps the time. One side or the other: Accept and Connect make them, all else is the same for both.
//
// I1  Bytes go in by Receive and plain text comes out of the same call: nothing that came is kept but the record that is not complete (16 KiB).
// I2  What is to be sent waits here until TakeOutput: as much as the owner wrote, a handshake's own, and what answers the peer's asking for new keys:
//     kMostOwnBytes in a connection's life, then it fails. So a peer that takes nothing cannot make it grow.
// I3  After a failure, and after Close, nothing comes out of Receive any more, and nothing is taken to be written. What waits to be sent says why.
// I4  A handshake ends within kMostHandshakeBytes of the peer's, or fails; within which time is the owner's to say, by state().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/tls/tls_context.h"

struct ssl_session_st;
struct ssl_st;

namespace notifyd {

/// The newest session of a client with one server under one context, so that its next connection need not prove anew who it is (RFC 8446 section
/// 2.2). One thread. Not to be handed to sessions of another context: what that one would not trust was verified already.
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

/// What a client may say beside its server's name.
struct TlsClientOptions {
  bool http2 = false;                 // offered, and preferred
  std::shared_ptr<TlsMemory> memory;  // null: none. Where there is a session in it, that is gone on with; the newest one is kept in it
};

class TlsSession {
 public:
  enum class State : uint8_t {
    kHandshake,
    kOpen,
    kClosed,  // by Close
    kFailed,  // see failure()
  };
  static constexpr size_t kMostHandshakeBytes = 256 << 10;
  static constexpr size_t kMostOwnBytes = 64 << 10;

  /// The server's side. `context` is one of ForServer.
  static std::unique_ptr<TlsSession> Accept(std::shared_ptr<const TlsContext> context);
  /// The client's side. `context` is one of ForClient; `host`: the name, or the address literal without brackets, that the server's certificate must
  /// be for; a dot at a name's end is no part of it. The first bytes to be sent are there at once.
  static std::unique_ptr<TlsSession> Connect(std::shared_ptr<const TlsContext> context, std::string_view host, TlsClientOptions options = {});
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Takes what came from the socket, and appends to `plain` what was in it. Look at state() and TakeOutput afterwards.
  void Receive(std::string_view bytes, std::string* plain);
  /// Takes all of `plain`; it goes out as few records. Ignored but in kOpen.
  void Write(std::string_view plain);
  /// Says that nothing more comes (close_notify). No word of it before the handshake is through: then the connection is just to be closed.
  void Close();
  /// Gives away all that is to be sent, in order.
  std::string TakeOutput();
  /// The same into `empty`, whose memory is used for what is to be sent next.
  void SwapOutput(std::string* empty);
  /// What TakeOutput would give.
  size_t output_bytes() const;

  State state() const;
  /// The peer said that nothing more comes from it (close_notify). Where the socket ends without that, the peer was cut off, or somebody between cut
  /// it: what has no end of its own (a length, a last chunk) is not complete. It may still be written to.
  bool peer_closed() const;
  /// Why it failed, for people; empty else.
  const std::string& failure() const;
  /// It failed because the peer said so itself (an alert).
  bool alerted() const;
  /// A client's: the server chose HTTP/2.
  bool http2() const;
  /// The names of the certificate that the peer showed, once kOpen: its Subject Alternative Names, as "DNS:a.example", "URI:spiffe://x/y",
  /// "IP:10.0.0.1", "email:a@b.example", names in lower case where case does not matter (DNS). Empty where it showed none; one without such names has
  /// none, whatever its subject says. A name with bytes that are no printable ASCII is left out.
  const std::vector<std::string>& peer_names() const;
  /// "TLSv1.3", once kOpen.
  const char* version() const;
  /// It goes on with the keys of an earlier connection.
  bool resumed() const;

 private:
  class Impl;
  friend int KeepTlsSession(ssl_st* ssl, ssl_session_st* session);
  explicit TlsSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
