// Dialer: opens a connection to one of a name's addresses (RFC 8305 section 5). One call's; loop thread only.
//
// I1  Every address has passed the policy before its socket exists.
// I2  The next address is tried once the one before it failed, or kNextMs after it was begun; the first that connects is taken, the others are
// closed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/sender/destinations.h"
#include "net/sender/plain_connection.h"

namespace notifyd {

class Dialer : private PlainConnection::User {
 public:
  static constexpr int64_t kNextMs = 250;

  class Owner {
   public:
    virtual ~Owner() = default;
    /// Called with the connection, which is the owner's from here on; its user is still to be set.
    virtual void OnDialed(PlainConnection* connection) = 0;
    /// Called where none could be opened. `refusal`: why the policy refused all addresses; else empty, and `error` is the last one's UV_E*. May come
    /// from inside Start.
    virtual void OnDialFailed(int error, const std::string& refusal) = 0;
  };

  explicit Dialer(Owner* owner) : owner_(owner) {}

  /// `policy` and `shared` are borrowed until it ended, or Stop.
  void Start(PlainConnection::Shared* shared, const DestinationPolicy* policy, const std::vector<IpAddress>& addresses, uint16_t port,
             int64_t now_ms);
  /// Returns when OnTime is to be called next; kNever where it need not be.
  int64_t due_ms() const { return due_ms_; }
  void OnTime(int64_t now_ms);
  void Stop();

 private:
  void OnConnected(PlainConnection* connection, int status) override;
  void OnBytes(PlainConnection*, std::string_view) override {}
  void OnLost(PlainConnection*, int) override {}
  void OnWritten(PlainConnection*) override {}
  void TryNext(int64_t now_ms);

  Owner* owner_;
  PlainConnection::Shared* shared_ = nullptr;
  const DestinationPolicy* policy_ = nullptr;
  std::vector<IpAddress> addresses_;  // kept for its memory
  size_t next_ = 0;
  uint16_t port_ = 0;
  int64_t due_ms_ = DeadlineWheel::kNever;
  std::vector<PlainConnection*> trying_;
  int error_ = 0;
  bool tried_ = false;
  std::string refusal_;
};

}  // namespace notifyd
