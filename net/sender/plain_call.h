// PlainCall: one attempt of the plain client, from its request to what came back. Reused for the next one. Loop thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/events.h"
#include "net/sender/answer.h"
#include "net/sender/capture_room.h"
#include "net/sender/dialer.h"
#include "net/sender/http2_session.h"
#include "net/sender/plain_pool.h"
#include "net/sender/plain_request.h"
#include "net/sender/resolver.h"
#include "net/sender/sender_config.h"
#include "net/sender/side_thread.h"
#include "net/sender/terms.h"

namespace notifyd {

class PlainCall : public Timed,
                  private PlainConnection::User,
                  private Dialer::Owner,
                  private Resolver::Waiter,
                  private PlainWaiter,
                  private Http2Stream {
 public:
  /// What all calls of a sender share; borrowed, but for `config`.
  struct Shared {
    std::shared_ptr<const SenderConfig> config;  // for attempts that begin
    PlainConnection::Shared* connections;
    PlainPool* pool;
    Resolver* resolver;
    DeadlineWheel* wheel;
    SideThread* side;  // where what takes long is made ready
    /// What shows `shown`, or null: nothing. Made at the first call that needs it. Error: see TlsContext::ForClient.
    Result<std::shared_ptr<const TlsContext>> (*tls)(void* context, const std::shared_ptr<const CertificatePair>& shown);
    TermsBook* terms;
    /// The attempt ended as `unjudged` says. After it, maybe at once, comes `over`, and the call may be begun again.
    void (*ended)(void* context, PlainCall* call, Unjudged unjudged);
    /// What it goes over is there, and its request goes out: once, before `ended`, where the attempt is to tell.
    void (*reached)(void* context, AttemptReached reached);
    /// There is no room for what it captures, or (false) it does not want any now: Feed when some comes back.
    void (*starves)(void* context, PlainCall* call, bool starves);
    /// Nothing is left of the call.
    void (*over)(void* context, PlainCall* call);
    /// A reply: none whose answer is not waited for any more: it ended, and goes on without anybody who waits.
    void (*lingers)(void* context, PlainCall* call);
    void* context;
  };

  explicit PlainCall(const Shared* shared) : shared_(shared), dialer_(this) {}
  PlainCall(const PlainCall&) = delete;

  void Begin(StartAttempt attempt);
  /// Lets go of everything, and tells nobody.
  void Drop();
  /// No other call's connection is waited for any more: before many are dropped.
  void StopWaiting();
  /// `ended` was called for it.
  bool posted() const { return posted_; }

  /// Other terms hold from now on, maybe for its namespace: what is not yet asked is begun again under them, and what goes over a connection that
  /// they would refuse is cut off.
  void OnOtherTerms();
  NamespaceNumber number() const { return number_; }

  void OnDeadline(int64_t now_ms) override;
  /// Takes room for more of what it captures, where there is some by now, and reads on. Ends nothing.
  void Feed();

  /// The sender's: its place among those under way.
  size_t place = 0;

 private:
  enum class State : uint8_t { kIdle, kPreparing, kResolving, kWaiting, kDialing, kTunneling, kSecuring, kAsking };
  enum class Why : uint8_t { kAnswer, kLost, kTimeout };

  void OnResolved(const Resolver::Answer& answer) override;
  void OnDialed(PlainConnection* connection) override;
  void OnDialFailed(const DialFailure& failure) override;
  void OnAddressFailed(const IpAddress& address) override;
  void OnDueChanged() override { Arm(); }
  void OnConnected(PlainConnection* connection, int status) override;
  void OnBytes(PlainConnection* connection, std::string_view bytes) override;
  void OnLost(PlainConnection* connection, int status) override;
  void OnWritten(PlainConnection* connection) override;
  size_t MayRead(PlainConnection* connection) override;

  void OnRoom(bool alone) override;
  void OnStreamAnswer(bool usable) override;
  void OnStreamLost(Loss loss, const std::string& detail) override;
  void OnStreamWritten() override { OnWritten(nullptr); }

  /// To where the request leads now. Its time to connect begins.
  void BeginHop(int64_t now_ms);
  void EnterHop(int64_t now_ms);
  /// Chooses terms and rule. False: they refuse the call, which has ended.
  bool TakeTerms();
  /// Chooses the keys by which the hop is signed. False: there is none of those that it must be, and the call has ended.
  bool TakeKeys();
  /// Has what the hop sends made elsewhere; OnPrepared then.
  void PrepareAside();
  void OnPrepared();
  /// The same where what it sends is ready.
  void GoHop(int64_t now_ms);
  /// False: it cannot be sent, and has ended.
  bool MakeHead();
  std::optional<std::string> RefusalOfTarget() const;
  /// Why what it goes over would not be opened now.
  std::optional<std::string> RefusalNow() const;
  /// Whoever the connection is opened to: the host, or the rule's proxy.
  const std::string& dial_host() const { return proxy() != nullptr ? proxy()->host : request_.host(); }
  uint16_t dial_port() const { return proxy() != nullptr ? proxy()->port : request_.port(); }
  const ProxyAddress* proxy() const { return rule_ != nullptr && rule_->proxy ? &*rule_->proxy : nullptr; }
  const DestinationPolicy& dial_policy() const { return proxy() != nullptr ? hop_config_->policy : terms_->policy; }
  bool Signs() const;
  SecretValues Secrets() const;
  /// The answer leads elsewhere, and the attempt goes there. False: it ends here.
  bool Follow(bool reusable);
  /// Lets go of what the request went over.
  void LetGo(Why why, bool reusable, int64_t now_ms);
  void TakeAddresses(const Resolver::Answer& answer, int64_t now_ms);
  void Connect(const std::vector<IpAddress>* addresses, int64_t now_ms, bool alone = false);
  /// A connection is being opened for it no more.
  void EndOpening(bool opened);
  void Tunnel(PlainConnection* connection);
  void TakeTunnel(PlainConnection* connection, std::string_view bytes);
  /// What TLS goes by. Null: it cannot be made, and the call has ended.
  std::shared_ptr<const TlsContext> TakeTls();
  std::string CertificateName() const { return request_.tls_name().empty() ? request_.host() : std::string(request_.tls_name()); }
  void Secure(PlainConnection* connection);
  /// The TLS handshake is over.
  void OnSecured(PlainConnection* connection);
  /// It ends without an answer: the address that it went to, or was to go to, is tried behind others by the next call.
  void NoteFailed(Why why);
  bool MayCall() const;
  void TellReached();
  void Ask(PlainConnection* connection, int64_t now_ms);
  void Ask(Http2Session* session);
  /// What it goes over, or null.
  PlainConnection* over() const { return session_ != nullptr ? session_->connection() : connection_; }
  bool Begun() const { return session_ != nullptr ? stream_begun() : connection_ != nullptr && connection_->framing.begun(); }
  bool Alerted() const { return over() != nullptr && over()->tls() != nullptr && over()->tls()->alerted(); }
  /// Something of the answer came: is that all, and if not, for how long is the rest waited for?
  void GoOn(bool usable, int64_t now_ms);
  /// Until when what is still wanted of an answer that is decided now is waited for.
  int64_t RecordUntil(int64_t now_ms) const;
  void Arm();
  // What it captures, in plain_call_room.cc.
  /// Has room for the next piece of it, or makes some. False: there is none.
  bool TakeRoom();
  /// Of what came all that is captured has room, or it is cut to what has; the rest of the room is given back.
  void SettleRoom();
  /// Reads no more of its answer before there is room, but for no longer than kRoomMs.
  void Starve(int64_t now_ms);
  void EndStarving();
  /// No room came in time: it goes on without.
  void Cut();
  Unjudged MakeEnded() const;
  void End(Why why, bool reusable);
  void SetError(Why why, AttemptRecord* record) const;
  void Fail(Verdict verdict, const char* error, std::string detail);
  void Finish(Unjudged ended);

  const Shared* shared_;
  std::shared_ptr<const SenderConfig> config_;
  StartAttempt attempt_;
  PlainRequest request_;
  AnswerReader reader_;
  Dialer dialer_;
  State state_ = State::kIdle;
  PlainHost* host_ = nullptr;
  PlainConnection* connection_ = nullptr;  // of HTTP/1.1, or until it is known of what
  Http2Session* session_ = nullptr;        // in its place
  bool opening_ = false;                   // the pool was told that a connection is being opened,
  int64_t opening_ms_ = 0;                 // since then
  /// Until then it waits for a connection that another call opens; kNever: for none, or for a place.
  int64_t behind_ms_ = DeadlineWheel::kNever;
  /// From then on it waits for no other call's; 0: it has not waited for one.
  int64_t alone_ms_ = 0;
  Loss loss_ = Loss::kConnection;
  std::string lost_detail_;
  int redirects_ = 0;
  /// A redirect that cannot be followed: what is wrong with it.
  const char* redirect_error_ = nullptr;
  std::string redirect_detail_;
  NamespaceNumber number_ = kDefaultNumber;
  std::shared_ptr<const NamespaceTerms> terms_;
  std::shared_ptr<const SenderConfig> hop_config_;  // as it is when a hop begins: for its rules and the file's destinations
  const DestinationRule* rule_ = nullptr;           // of hop_config_; null: none
  bool armed_ = false;                              // with the rule's secrets
  HopHeaders hop_;
  std::vector<const SigningKey*> keys_;            // of the hop, borrowed from terms_
  std::shared_ptr<SideThread::Ticket> preparing_;  // what it waits for; null: nothing
  std::shared_ptr<HopHeaders::List> signature_;    // what comes of that
  bool other_terms_ = false;                       // meanwhile
  SecretValues sent_secrets_;       // of rules, over all hops
  std::string tunnel_;              // CONNECT, then what the proxy says to it
  bool place_ = false;              // one of the host's connections is its own, and not there yet
  std::vector<IpAddress> literal_;  // kept for its memory; empty: a name is dialed
  bool reused_ = false;             // the connection had served others
  bool written_ = false, posted_ = false;
  uint64_t started_ns_ = 0;
  // Of MonotonicMs; kNever: none.
  int64_t deadline_ms_ = 0, connect_deadline_ms_ = 0;
  int64_t wanted_ms_ = 0;  // until then somebody waits for the notify's end; kNever: the answer is kept
  int64_t record_ms_ = 0;  // until then what is still wanted of a decided answer is waited for
  int64_t look_ms_ = 0;    // the patterns look again
  int64_t lost_ms_ = 0;    // writing failed: until then the end of reading is waited for
  int64_t grace_ms_ = 0;   // reply: none
  CaptureRoom captures_;   // returned with what comes of it (Unjudged::response), or as it ends
  bool starving_ = false;
  int64_t room_ms_ = 0;  // so long it waits for room
  int64_t starving_from_ms_ = 0, starved_ms_ = 0;
};

}  // namespace notifyd
