// Dialer: opens a connection to one of a name's addresses, with TLS where that is wanted (RFC 8305 section 5). One call's; loop thread only.
//
// I1  Every address has passed the policy before its socket exists.
// I2  The next address is tried once the one before it failed, or kNextMs after it was begun; the first that connects, with TLS the first whose
//     handshake is over, is taken, the others are closed. Nothing but handshakes is sent before.
// I3  One handshake at a time where its owner wants it so: then the others are closed once one begins, and tried again where that one fails.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/sender/destinations.h"
#include "net/sender/plain_connection.h"

namespace notifyd {

/// Why none of a name's addresses could be connected to.
struct DialFailure {
  std::string refusal;  // of all addresses, by the policy; else empty, and
  int error = 0;        // UV_E* of the last one
  std::string tls;      // or, not empty: what was wrong with a handshake
};

class Dialer : private PlainConnection::User {
 public:
  static constexpr int64_t kNextMs = 250;

  class Owner {
   public:
    virtual ~Owner() = default;
    /// Called with the connection, which is the owner's from here on; its user is still to be set.
    virtual void OnDialed(PlainConnection* connection) = 0;
    /// Called where none could be opened. May come from inside Start.
    virtual void OnDialFailed(const DialFailure& failure) = 0;
    /// One address came to nothing, or one that was begun later overtook it.
    virtual void OnAddressFailed(const IpAddress& address) = 0;
    /// due_ms() is another: OnTime is to be called then. May come from inside Start.
    virtual void OnDueChanged() = 0;
  };
  struct Way {
    const DestinationPolicy* policy;  // borrowed until it ended, or Stop
    uint16_t port;
    std::shared_ptr<const TlsContext> tls;  // null: none
    std::string tls_name;                   // that is to be in the certificate
    TlsClientOptions tls_options;
    bool handshakes_beside = true;  // several at a time
  };

  explicit Dialer(Owner* owner) : owner_(owner) {}

  /// `shared` is borrowed until it ended, or Stop.
  void Start(PlainConnection::Shared* shared, Way way, const std::vector<IpAddress>& addresses, int64_t now_ms);
  /// Returns when OnTime is to be called next; kNever where it need not be.
  int64_t due_ms() const { return due_ms_; }
  void OnTime(int64_t now_ms);
  /// A handshake is under way.
  bool securing() const;
  /// Nobody waits for what is under way any more: these addresses have failed. Stop is to follow.
  void GiveUp();
  void Stop();

 private:
  void OnConnected(PlainConnection* connection, int status) override;
  void OnBytes(PlainConnection*, std::string_view) override {}
  void OnLost(PlainConnection*, int) override {}
  void OnWritten(PlainConnection*) override {}
  void TryNext(int64_t now_ms);
  void CloseOthers(const PlainConnection* connection);

  Owner* owner_;
  PlainConnection::Shared* shared_ = nullptr;
  Way way_{};
  std::vector<IpAddress> addresses_;  // kept for its memory
  size_t next_ = 0;
  int64_t due_ms_ = DeadlineWheel::kNever;
  std::vector<PlainConnection*> trying_;  // in the order in which they were begun
  DialFailure failure_;
  bool tried_ = false;
};

}  // namespace notifyd
