// MemberConnection: one TCP connection to another member, with TLS over it or without, from before its name is looked up to its close. On libuv, loop
// thread only.
//
// I1  After Close its user is told nothing more; it deletes itself once libuv let go of it.
// I2  Nothing is called from inside of a function that its user calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/tls/tls_session.h"

struct addrinfo;
struct sockaddr;
struct uv_loop_s;
struct uv_buf_t;
struct uv_stream_s;

namespace notifyd {

class MemberConnection {
 public:
  class User {
   public:
    virtual ~User() = default;
    /// It is open: requests may be sent.
    virtual void OnOpen() = 0;
    /// `bytes` is never empty, and valid for the call.
    virtual void OnBytes(std::string_view bytes) = 0;
    /// Nothing more comes. `ended`: the member said so (FIN; over TLS its close_notify), else `why` says what happened, for people.
    virtual void OnGone(bool ended, const std::string& why) = 0;
    /// All that was sent is with the system.
    virtual void OnSent() = 0;
  };

  /// Begins to open one to `address` ("HOST:PORT", a name, or an address with or without brackets). `tls`: null: plain. All of a name's addresses are
  /// tried, one after the other. `user` is borrowed.
  static MemberConnection* Open(uv_loop_s* loop, const std::string& address, std::shared_ptr<const TlsContext> tls, User* user);
  MemberConnection(const MemberConnection&) = delete;

  /// Once open.
  void Send(std::string_view bytes);
  /// What the system has not taken yet.
  size_t unsent() const;
  /// Nothing more is sent, behind what was.
  void EndSending();
  /// Does the socket hold something, or its end, that was not read yet? Of one that is idle.
  bool Stale() const;
  void SetReading(bool reads);
  /// Nothing can come any more: by OnGone, or because there was no address to try, which nobody is told.
  bool gone() const { return gone_; }
  const std::string& why() const { return why_; }
  void Close();

 private:
  struct Socket;
  struct Lookup;
  struct Write;
  MemberConnection(uv_loop_s* loop, std::shared_ptr<const TlsContext> tls, User* user) : loop_(loop), context_(std::move(tls)), user_(user) {}
  ~MemberConnection();

  void MakeSocket();
  void ConnectNext();
  void Connected(int status);
  void Take(std::string_view wire);
  void TakeTls(std::string_view wire);
  void TakeEnd(int status);
  void Push(std::string bytes);
  void FlushTls();
  uv_stream_s* stream() const;
  void Gone(bool ended, const std::string& why);

  uv_loop_s* const loop_;
  const std::shared_ptr<const TlsContext> context_;
  User* user_;
  std::string host_;
  std::vector<std::string> addresses_;  // sockaddr's bytes; those that were not tried yet
  Socket* socket_ = nullptr;
  Lookup* lookup_ = nullptr;
  std::unique_ptr<TlsSession> tls_;
  std::string why_;  // the last address failed
  bool open_ = false, closing_ = false, gone_ = false;
};

}  // namespace notifyd
