// PlainConnection: one TCP connection of the client, with TLS over it or without, from before its connect to its close, on libuv. Loop thread only.
//
// I1  Whoever uses it is told of all that happens to it, but for what it does itself; after Close of nothing any more.
// I2  It reads for as long as it is open: what arrives on an idle connection, and that its peer closed it, is known as soon as it is there. But
//     what its user has no room for (MayRead) stays with the system, until there is some or another user takes its place.
// I3  A failed write is not its end: an answer that reached this machine before a reset is read, and the end of reading is what is told.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "net/sender/answer_framing.h"
#include "net/sender/destinations.h"
#include "net/sender/timed.h"
#include "net/tls/tls_session.h"

struct uv_buf_t;
struct uv_handle_s;
struct uv_loop_s;
struct uv_stream_s;

namespace notifyd {

struct PlainHost;
class Http2Session;
class PlainPool;

class PlainConnection : public Timed {
 public:
  class User {
   public:
    virtual ~User() = default;
    /// After Connect, and again after Secure: open, or 0 > `status`, a UV_E*: it is to be closed.
    virtual void OnConnected(PlainConnection* connection, int status) = 0;
    /// `bytes` is never empty, and valid for the call.
    virtual void OnBytes(PlainConnection* connection, std::string_view bytes) = 0;
    /// Nothing more can come. `status`: 0 where the peer said so (over TLS: by its close_notify), else a UV_E*. It is to be closed.
    virtual void OnLost(PlainConnection* connection, int status) = 0;
    /// All that Write took is with the system.
    virtual void OnWritten(PlainConnection* connection) = 0;
    /// Something is there to be read: how many bytes of it may be, as they are on the wire? 0: none before Resume.
    virtual size_t MayRead(PlainConnection* connection);
  };
  /// What all connections of a loop share.
  struct Shared {
    uv_loop_s* loop;
    char* read_buffer;
    size_t read_bytes;
    PlainPool* pool = nullptr;
    PlainConnection* first = nullptr;  // of all that are open, or being opened
    std::string plain = {}, joined = {};  // memory for what is decrypted, and for what is to be encrypted as one
  };

  explicit PlainConnection(Shared* shared);
  PlainConnection(const PlainConnection&) = delete;

  /// Makes the socket and begins to connect. 0, or a UV_E*: then it is to be closed.
  int Connect(const IpAddress& address, uint16_t port, User* user);
  /// Over an open connection, before anything is written: the TLS handshake with `name`, as TlsSession::Connect takes all of these. Its user is told
  /// by OnConnected, unless it fails at once: false, it is to be closed.
  bool Secure(std::shared_ptr<const TlsContext> context, const std::string& name, TlsClientOptions options);
  /// Null without TLS.
  const TlsSession* tls() const { return tls_.get(); }
  void SetUser(User* user) {
    user_ = user;
    Resume();
  }
  User* user() const { return user_; }
  /// Writes one request: `head`, and `body` behind it, in one go. True: the system has all of it. False: the rest follows, and OnWritten says when it
  /// is out; both must stay until then, or until Close. After a failure nothing more is said of it (I3).
  bool Write(std::string_view head, std::string_view body);
  bool writing() const { return writing_; }
  /// Writing failed: the end of reading is to come soon.
  bool broken() const { return broken_; }
  /// Has its peer closed it, or sent something, that the loop has not seen yet?
  bool Stale() const;
  /// Has its user take what the loop has not seen yet. False: it is closed.
  bool Pull();
  /// Reads on where its user had no room: what is there is brought to it later, not from here.
  void Resume();
  /// Does not call its user. It deletes itself once libuv let go of it.
  void Close();
  bool closing() const { return closing_; }

  void OnDeadline(int64_t now_ms) override;

  const IpAddress& address() const { return address_; }

  // The pool's, and its user's.
  PlainHost* host = nullptr;
  int64_t opened_ms = 0;
  int64_t opening_ms = 0;   // of HTTP/2: since when it was being opened
  int64_t answered_ms = 0;  // when the last answer over it was whole; 0: none yet
  uint64_t era = 0;         // of the destinations under which its address was judged
  AnswerFraming framing;
  std::unique_ptr<Http2Session> http2;   // null: HTTP/1.1
  uint64_t drained = 0;                  // of the rest of an answer that nobody needs
  PlainConnection* idle_prev = nullptr;  // among all idle ones
  PlainConnection* idle_next = nullptr;

 private:
  ~PlainConnection() override;
  struct Handles;
  static void OnAllocate(uv_handle_s* handle, size_t, uv_buf_t* buffer);
  static void OnRead(uv_stream_s* stream, ssize_t count, const uv_buf_t* buffer);
  uv_stream_s* stream() const;
  int SocketError() const;
  void TakeWire(std::string_view bytes);
  void TakeWireEnd(int status);
  bool Pump();
  void SendOut(bool at_once);
  void TellEnd();
  void OnSent(int status);

  Shared* shared_;
  User* user_ = nullptr;
  IpAddress address_;
  std::unique_ptr<Handles> handles_;
  PlainConnection* prev_ = nullptr;
  PlainConnection* next_ = nullptr;
  bool made_ = false, writing_ = false, broken_ = false, closing_ = false, paused_ = false;

  // With TLS.
  std::unique_ptr<TlsSession> tls_;
  std::string_view plain_head_, plain_body_;  // what is still to be encrypted
  std::string sending_;                       // what the system did not take at once: with libuv
  bool in_flight_ = false;                    // it is
  uint64_t wire_in_ = 0, plain_in_ = 0;
};

}  // namespace notifyd
