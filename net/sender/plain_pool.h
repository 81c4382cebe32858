// PlainPool: the plain client's connections between two calls, by host. Loop thread only.
//
// I1  An idle connection is watched: one that its peer closes, or writes into, is closed at once, and before one is given away the socket is asked.
// I2  No connection is given away that is older than max_age_ms, was idle for longer than kMaxIdleMs, was opened under other terms than those that
//     hold now for its namespace and rule, or whose address its name no longer has.
// I3  A host that closes a connection just behind an answer is not pooled until it stops: one connection at a time is watched there, and once one
//     outlives kProbeMs they are pooled again. A request sent into such a closing is a lost attempt.
// I4  Over a connection of HTTP/2 several calls go at a time. Where a host may speak it, a call waits for a connection that is being opened rather
//     than open another, as far as that one will have room; it never waits for a call that is under way. What takes longer than kOpeningMs is not
//     waited for any more: one that waited opens another then, for which the others may wait. So an opening that stands still costs them that time,
//     and a host that has many of them one connection more each time.
// I5  Idle connections are bounded by max_idle over all hosts: the one that was idle for the longest gives way.
// I6  Where a rule bounds a host's connections, each has a place from before its connect to its close; calls wait for one in turn.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/sender/dialer.h"
#include "net/sender/plain_connection.h"

namespace notifyd {

/// A call that waits for a connection of another.
class PlainWaiter {
 public:
  virtual ~PlainWaiter() = default;
  /// It is to look again. `alone`: and to open a connection itself rather than wait.
  virtual void OnRoom(bool alone) = 0;
};

/// What decides about a host's connections beside its name, its port and TLS.
struct PoolTerms {
  NamespaceNumber number = kDefaultNumber;
  uint64_t era = 0;           // of the namespace's terms
  uint32_t rule = 0;          // which destination rule; 0: none
  bool armed = false;         // it shows the rule's certificate
  bool http2 = true;          // it may be offered
  size_t connections = 0;     // most; 0: no bound
  std::string tls_name = {};  // that its certificate must be for; empty: the host's
};

/// An address at which a connection came to nothing, or never answered.
struct FailedAddress {
  IpAddress address;
  int64_t until_ms;  // then it is as good as any
};

/// A name, or address, and a port, by TLS or not, under some terms.
struct PlainHost {
  std::string name;  // in lower case
  uint16_t port = 0;
  PoolTerms terms;
  size_t places = 0;               // taken; counted where they are bounded
  std::deque<PlainWaiter*> queue;  // for a place, or an idle connection
  std::shared_ptr<TlsMemory> tls;  // null without
  enum class Speaks : uint8_t { kUnknown, kHttp1, kHttp2 };
  /// As its last connection told; without TLS always HTTP/1.1. It decides about waiting alone, so that other terms leave it.
  Speaks speaks = Speaks::kUnknown;
  bool http1_wanted = false;            // it said that it does not take calls over HTTP/2
  std::vector<Http2Session*> sessions;  // with calls
  std::vector<int64_t> openings;        // when connections began of which it is not known yet how many calls they take
  size_t calls_a_session = SIZE_MAX;    // as the last one told
  std::vector<PlainWaiter*> waiting;
  std::vector<PlainConnection*> idle;  // the one that was used last at the back
  PlainConnection* probe = nullptr;
  bool closes = false;    // behind its answers
  uint64_t resolved = 0;  // Resolver::Answer::version that `addresses` is of; 0: never
  std::shared_ptr<const std::vector<IpAddress>> addresses;
  std::vector<FailedAddress> failed;  // the one that failed last at the back
  size_t uses = 0;                    // calls and connections
};

class PlainPool : public PlainConnection::User {
 public:
  /// Common front ends close idle connections after 60 s.
  static constexpr int64_t kMaxIdleMs = 55'000;
  /// So long one that is being opened is waited for, as long as an address is before the next one is tried.
  static constexpr int64_t kOpeningMs = Dialer::kNextMs;
  /// A connection that is closed sooner behind an answer was closed because of it.
  static constexpr int64_t kProbeMs = 100;
  /// What answered within this long is taken for alive.
  static constexpr int64_t kHotMs = 1000;
  /// The rest of an answer that nobody needs is read, for the connection's sake, where it is not more than this and comes within this long.
  static constexpr uint64_t kMaxDrainBytes = 64 << 10;
  static constexpr int64_t kDrainMs = 1000;

  /// All are borrowed and must outlive it.
  PlainPool(PlainConnection::Shared* shared, DeadlineWheel* wheel, size_t max_idle, int64_t max_age_ms);
  /// Closes every connection, those in use too: calls must be gone.
  ~PlainPool() override;

  DeadlineWheel* wheel() const { return wheel_; }
  /// Counts a use: Leave ends it.
  PlainHost* Enter(std::string_view name, uint16_t port, bool secure, const PoolTerms& terms);
  void Leave(PlainHost* host);
  /// The name's addresses are these: idle connections to others are closed.
  void SetAddresses(PlainHost* host, std::shared_ptr<const std::vector<IpAddress>> addresses, uint64_t version);

  /// So long an address that failed is tried behind the others, unless it answers before, and so many of them are remembered.
  static constexpr int64_t kFailedMs = 60'000;
  static constexpr size_t kMaxFailed = 16;
  void NoteFailed(PlainHost* host, const IpAddress& address, int64_t now_ms);
  void NoteAnswered(PlainHost* host, const IpAddress& address);
  /// The addresses as they are to be tried: those that failed behind the others, the one that failed last at the end. Valid until it is asked again.
  const std::vector<IpAddress>& InOrder(PlainHost* host, const std::vector<IpAddress>& addresses, int64_t now_ms);

  enum class Want : uint8_t {
    kAny,
    kHot,  // one that answered within kHotMs
  };
  /// An idle connection to use, or null. Its user is to be set, unless it is one of HTTP/2.
  PlainConnection* Take(PlainHost* host, Want want, int64_t now_ms);

  // ---- HTTP/2 (I4)
  /// One that has calls, and room for another; or null.
  Http2Session* Join(PlainHost* host, Want want, int64_t now_ms);
  /// A call that is not to open one itself before the time that is returned: OnRoom follows, unless StopWaiting comes first. 0: it is.
  int64_t Wait(PlainHost* host, PlainWaiter* waiter, int64_t now_ms);
  void StopWaiting(PlainHost* host, PlainWaiter* waiter);
  /// A connection to a host is being opened, since `since_ms`; a call of NoteOpened or Speak with the same follows.
  void NoteOpening(PlainHost* host, int64_t since_ms) { host->openings.push_back(since_ms); }
  /// It speaks HTTP/1.1, or was not opened.
  void NoteOpened(PlainHost* host, int64_t since_ms, bool opened);
  /// It speaks HTTP/2.
  Http2Session* Speak(PlainConnection* connection, int64_t since_ms);
  // By sessions.
  void OnSessionReady(Http2Session* session);
  void OnCallLeft(Http2Session* session);

  // ---- bounded connections (I6)
  /// May one be opened? Then it has its place, until Adopt and the connection's close, or FreePlace.
  bool TakePlace(PlainHost* host);
  void FreePlace(PlainHost* host);
  /// For one: OnRoom follows, unless StopWaiting comes first.
  void Queue(PlainHost* host, PlainWaiter* waiter);
  /// Tells those who wait and may have something now. Soon after `wake` was called.
  void ServeQueues();
  /// Called when ServeQueues is to be called: not from inside.
  void OnWake(std::function<void()> wake) { wake_ = std::move(wake); }

  /// A connection that a call has just opened, under the terms of `era`: from now on it counts as the host's.
  void Adopt(PlainHost* host, PlainConnection* connection, uint64_t era, int64_t now_ms);
  /// The call is over, and what is left of its answer (framing) may be read: takes the connection, or closes it.
  void Give(PlainConnection* connection, bool reusable, int64_t now_ms);
  /// A call lost it before a byte of an answer.
  void NoteLoss(PlainConnection* connection, int64_t now_ms);
  void Close(PlainConnection* connection);
  /// The namespace's terms are others: none of its connections that are open now serves another call, and the idle ones are closed.
  void Renew(NamespaceNumber number, uint64_t era);
  void SetMaxAge(int64_t max_age_ms) { max_age_ms_ = max_age_ms; }
  /// Closes what is idle for too long, or too old. True: idle ones are left.
  bool Sweep(int64_t now_ms);

  void OnConnected(PlainConnection*, int) override {}
  void OnBytes(PlainConnection* connection, std::string_view bytes) override;
  void OnLost(PlainConnection* connection, int status) override;
  void OnWritten(PlainConnection*) override {}
  void OnConnectionDeadline(PlainConnection* connection, int64_t now_ms);

 private:
  struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  bool Fit(const PlainConnection& connection, int64_t now_ms) const;
  void PushIdle(PlainConnection* connection);
  void Rest(PlainConnection* connection, int64_t now_ms);
  void Unlink(PlainConnection* connection);
  void MarkCloses(PlainHost* host);
  void ServeWaiting(PlainHost* host);
  void SetEra(PlainHost* host, uint64_t era);
  static void EndOpening(PlainHost* host, int64_t since_ms);
  void WakeQueue(PlainHost* host);
  void LookAgain(PlainHost* host, bool alone);

  PlainConnection::Shared* shared_;
  DeadlineWheel* wheel_;
  size_t max_idle_;
  int64_t max_age_ms_;
  std::string key_;                 // scratch
  std::vector<IpAddress> ordered_;  // of InOrder
  /// By "name:port", an "s" behind it for TLS, and what of their terms is not the default.
  std::unordered_map<std::string, std::unique_ptr<PlainHost>, StringHash, std::equal_to<>> hosts_;
  std::vector<PlainHost*> to_serve_;
  std::function<void()> wake_;
  // All idle ones, the one that was idle for the longest first.
  PlainConnection* oldest_ = nullptr;
  PlainConnection* newest_ = nullptr;
  size_t idle_ = 0;
};

}  // namespace notifyd
