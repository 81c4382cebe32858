// The steps of a call: addresses, connection, request, answer.
#include "net/sender/plain_call.h"

#include <uv.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/crash_point.h"

namespace notifyd {
namespace {

constexpr int64_t kNever = DeadlineWheel::kNever;
/// What the record wants of a body behind a decided outcome is waited for so long (contract section 3).
constexpr int64_t kRecordMs = 1000;
/// Whoever waits for the notify's end is to be told of a decided outcome in his time: so long before that is over nothing more is read.
constexpr int64_t kTellMs = 100;
constexpr int64_t kLookAgainMs = 100;
constexpr int64_t kLostMs = 1000;
constexpr int64_t kAnswerGraceMs = 250;
constexpr int kMaxRedirects = 5;
/// A call that waited behind one opening may wait behind another, one more of them each kOpeningMs; then it opens its own. A host that is far away is
/// there by then.
constexpr int64_t kBehindMs = 4 * PlainPool::kOpeningMs;

bool IsRedirect(uint16_t status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

void PlainCall::Begin(StartAttempt attempt) {
  started_ns_ = uv_hrtime();
  const auto now_ms = static_cast<int64_t>(started_ns_ / 1'000'000);
  config_ = shared_->config;
  attempt_ = std::move(attempt);
  number_ = attempt_.id.number();
  posted_ = opening_ = starving_ = false;
  starved_ms_ = 0;
  redirects_ = 0;
  sent_secrets_ = {};
  redirect_error_ = nullptr;
  state_ = State::kResolving;
  if (Status status = request_.Read(attempt_); !status.ok())
    return Fail(Verdict::kFatal, "invalid_request", status.detail());  // the same spec would fail again: no retry helps
  deadline_ms_ = now_ms + std::max<int64_t>(1, request_.spec().timeout_ms);
  if (attempt_.capture_bytes > 0)
    captures_ = CaptureRoom(config_->options.captured, number_, attempt_.envelope->host, config_->options.max_captured_bytes);
  wanted_ms_ = attempt_.capture_bytes == 0 ? now_ms : attempt_.capture_ms == kMonoNever.ms ? kNever : now_ms + attempt_.capture_ms;
  BeginHop(now_ms);
}

void PlainCall::BeginHop(int64_t now_ms) {
  connect_deadline_ms_ = now_ms + std::max<int64_t>(1, request_.spec().connect_timeout_ms);
  EnterHop(now_ms);
}

void PlainCall::GoHop(int64_t now_ms) {
  const NotifySpec& spec = request_.spec();
  const SenderOptions& options = config_->options;
  if (!MakeHead()) return;
  reused_ = written_ = false;
  behind_ms_ = kNever;
  alone_ms_ = 0;
  EndStarving();
  loss_ = Loss::kConnection;
  lost_detail_.clear();
  record_ms_ = look_ms_ = lost_ms_ = grace_ms_ = room_ms_ = kNever;
  state_ = State::kResolving;
  reader_.Begin({.to_head = request_.method() == Method::kHead,
                 .reply_none = attempt_.envelope->reply_none,
                 .expect = &spec.expect,
                 .retry = &attempt_.envelope->retry_policy(),
                 .max_response_bytes = options.max_response_bytes,
                 .recorded_failure_bytes = options.recorded_failure_bytes,
                 .recorded_success_bytes = options.recorded_success_bytes,
                 .capture_bytes = std::min<size_t>(attempt_.capture_bytes, options.max_response_bytes),
                 .capture_headers = &options.capture_headers});
  PoolTerms pooled{.number = number_, .era = terms_->era, .tls_name = std::string(request_.tls_name())};
  if (rule_ != nullptr) {
    pooled.rule = hop_config_->rules().PlaceOf(rule_);
    pooled.armed = armed_;
    pooled.http2 = rule_->http2;
    pooled.connections = rule_->connections;
  }
  host_ = shared_->pool->Enter(request_.host(), request_.port(), request_.secure(), pooled);
  const std::optional<IpAddress> literal = proxy() != nullptr ? IpAddress::Parse(proxy()->host) : request_.literal();
  literal_.clear();
  if (literal) {
    literal_.push_back(*literal);
    shared_->pool->SetAddresses(host_, nullptr, 0);  // those of a name, of before the rule had a proxy, say nothing of it
    return Connect(&literal_, now_ms);
  }
  const Resolver::Answer* answer = shared_->resolver->Look(dial_host(), this, now_ms);
  if (answer != nullptr) TakeAddresses(*answer, now_ms);
  else Arm();
}

// ---- to a connection

void PlainCall::OnResolved(const Resolver::Answer& answer) {
  TakeAddresses(answer, MonotonicMs());
}

void PlainCall::TakeAddresses(const Resolver::Answer& answer, int64_t now_ms) {
  if (answer.addresses != nullptr) {
    shared_->pool->SetAddresses(host_, answer.addresses, answer.version);
    const std::shared_ptr<const std::vector<IpAddress>> held = answer.addresses;
    return Connect(held.get(), now_ms);
  }
  if (answer.gone) {
    static const auto kNone = std::make_shared<const std::vector<IpAddress>>();
    shared_->pool->SetAddresses(host_, kNone, answer.version);
    return Fail(Verdict::kFailure, "dns", answer.error);
  }
  // Nobody could tell: a connection that is there still leads to where the name led last.
  Connect(nullptr, now_ms);
  if (state_ == State::kResolving) Fail(Verdict::kFailure, "dns", answer.error);
}

/// Without addresses: over a connection that is there, or not at all.
void PlainCall::Connect(const std::vector<IpAddress>* addresses, int64_t now_ms, bool alone) {
  // Another hop is another host, or one that has just answered.
  const StartAttempt::Over over = redirects_ == 0 ? attempt_.over : StartAttempt::Over::kAny;
  if (over != StartAttempt::Over::kNew) {
    const bool sure = over == StartAttempt::Over::kSure || attempt_.tell_reached;
    const auto want = sure ? PlainPool::Want::kHot : PlainPool::Want::kAny;
    if (Http2Session* session = shared_->pool->Join(host_, want, now_ms)) return Ask(session);
    if (PlainConnection* connection = shared_->pool->Take(host_, want, now_ms)) {
      if (connection->http2 != nullptr) return Ask(connection->http2.get());
      reused_ = true;
      return Ask(connection, now_ms);
    }
  }
  if (addresses == nullptr) return;
  if (over == StartAttempt::Over::kAny && !attempt_.tell_reached && !alone && (alone_ms_ == 0 || now_ms < alone_ms_)) {
    if (const int64_t until_ms = shared_->pool->Wait(host_, this, now_ms)) {
      if (alone_ms_ == 0) alone_ms_ = now_ms + kBehindMs;
      behind_ms_ = std::min(until_ms, alone_ms_);
      state_ = State::kWaiting;
      return Arm();
    }
  }
  Dialer::Way way{.policy = &dial_policy(), .port = dial_port(), .tls = nullptr, .tls_name = {}, .tls_options = {}};
  if (request_.secure() && proxy() == nullptr) {
    way.tls = TakeTls();
    if (way.tls == nullptr) return;
    way.tls_name = CertificateName();
    way.tls_options = {.http2 = !host_->http1_wanted, .memory = host_->tls};
    // A place is for one.
    way.handshakes_beside = host_->terms.connections == 0;
  }
  if (!shared_->pool->TakePlace(host_)) {
    // One that is there must do, where no other may be opened, though it says less of whether the host is there.
    if (std::exchange(attempt_.tell_reached, false)) return Connect(addresses, now_ms, alone);
    shared_->pool->Queue(host_, this);
    state_ = State::kWaiting;
    return Arm();
  }
  place_ = true;
  state_ = State::kDialing;
  if (request_.secure()) {
    shared_->pool->NoteOpening(host_, now_ms);
    opening_ = true;
    opening_ms_ = now_ms;
  }
  dialer_.Start(shared_->connections, std::move(way), shared_->pool->InOrder(host_, *addresses, now_ms), now_ms);
  if (state_ == State::kDialing) Arm();
}

void PlainCall::EndOpening(bool opened) {
  if (std::exchange(opening_, false)) shared_->pool->NoteOpened(host_, opening_ms_, opened);
}

void PlainCall::OnRoom(bool alone) {
  state_ = State::kResolving;
  behind_ms_ = kNever;
  const std::shared_ptr<const std::vector<IpAddress>> held = host_->addresses;
  Connect(!literal_.empty() ? &literal_ : held.get(), MonotonicMs(), alone);
}

void PlainCall::OnDialed(PlainConnection* connection) {
  const int64_t now_ms = MonotonicMs();
  shared_->pool->Adopt(host_, connection, terms_->era, now_ms);
  place_ = false;
  if (request_.secure() && proxy() != nullptr) Tunnel(connection);
  else if (request_.secure()) OnSecured(connection);
  else Ask(connection, now_ms);
}

std::shared_ptr<const TlsContext> PlainCall::TakeTls() {
  std::shared_ptr<const TlsContext> context = rule_ == nullptr ? nullptr : armed_ ? rule_->tls : rule_->tls_without;
  if (context != nullptr) return context;
  Result<std::shared_ptr<const TlsContext>> made = shared_->tls(shared_->context, rule_ != nullptr && armed_ ? rule_->shown : nullptr);
  if (made.ok()) return *std::move(made);
  Fail(Verdict::kFailure, "tls", made.status().detail());
  return nullptr;
}

void PlainCall::OnSecured(PlainConnection* connection) {
  opening_ = false;
  if (connection->tls()->http2()) {
    connection_ = nullptr;
    return Ask(shared_->pool->Speak(connection, opening_ms_));
  }
  PlainHost* host = host_;
  const int64_t since_ms = opening_ms_;
  Ask(connection, MonotonicMs());
  shared_->pool->NoteOpened(host, since_ms, true);
}

void PlainCall::OnConnected(PlainConnection* connection, int status) {
  if (status == 0) return OnSecured(connection);
  OnAddressFailed(connection->address());
  if (literal_.empty()) shared_->resolver->Forget(dial_host());
  const std::string& why = connection->tls()->failure();
  Fail(Verdict::kFailure, "tls",
       why.empty() ? "the connection was lost within the TLS handshake: " + std::string(uv_strerror(status)) : "TLS: " + why);
}

void PlainCall::OnDialFailed(const DialFailure& failure) {
  if (!failure.refusal.empty()) return Fail(Verdict::kFatal, "destination_refused", failure.refusal);
  if (literal_.empty()) shared_->resolver->Forget(dial_host());
  if (!failure.tls.empty()) return Fail(Verdict::kFailure, "tls", failure.tls);
  Fail(Verdict::kFailure, "connect_failed",
       (proxy() != nullptr ? "the proxy " : "") + dial_host() + ":" + std::to_string(dial_port()) + ": " + uv_strerror(failure.error));
}

void PlainCall::OnAddressFailed(const IpAddress& address) {
  shared_->pool->NoteFailed(host_, address, MonotonicMs());
}

void PlainCall::NoteFailed(Why why) {
  if (state_ == State::kDialing) {
    dialer_.GiveUp();
    if (literal_.empty()) shared_->resolver->Forget(dial_host());
  }
  // What has answered before is no worse than others for one loss; and who wants no reply need not get one.
  if (over() == nullptr || why == Why::kAnswer || Begun() || over()->answered_ms != 0) return;
  if (state_ == State::kAsking && (loss_ != Loss::kConnection || attempt_.envelope->reply_none)) return;
  OnAddressFailed(over()->address());
}

// ---- request and answer

bool PlainCall::MayCall() const {
  return !config_->options.may_call || config_->options.may_call();
}

/// The answer may take hours: whoever asks whether the host is there does not wait for it.
void PlainCall::TellReached() {
  if (std::exchange(attempt_.tell_reached, false)) shared_->reached(shared_->context, {attempt_.id, attempt_.number});
}

void PlainCall::Ask(PlainConnection* connection, int64_t now_ms) {
  state_ = State::kAsking;
  connection_ = connection;
  connection->SetUser(this);
  connection->framing.Begin(&reader_);
  if (!MayCall()) return Arm();
  TellReached();
  PassCrashPoint(CrashPoint::kAttemptBeforeSend);
  if (connection->Write(request_.head(), request_.body())) OnWritten(connection);
  // What came before it broke may be an answer.
  if (connection->broken()) lost_ms_ = now_ms + kLostMs;
  Arm();
}

void PlainCall::Ask(Http2Session* session) {
  state_ = State::kAsking;
  session_ = session;
  reused_ = session->served() > 0;
  loss_ = Loss::kConnection;
  lost_detail_.clear();
  if (!MayCall()) return Arm();
  TellReached();
  PassCrashPoint(CrashPoint::kAttemptBeforeSend);
  if (session->Open(this, request_.head(), request_.body(), config_->secrets, hop_.of_rule, &reader_)) Arm();
  else End(Why::kLost, false);
}

void PlainCall::OnStreamLost(Loss loss, const std::string& detail) {
  loss_ = loss;
  lost_detail_ = detail;
  if (loss == Loss::kHttp1) {
    host_->http1_wanted = true;
    session_->Retire();
  }
  End(Why::kLost, false);
}

void PlainCall::OnWritten(PlainConnection*) {
  written_ = true;
  if (state_ == State::kTunneling) tunnel_.clear();
  if (state_ == State::kAsking) PassCrashPoint(CrashPoint::kAttemptAfterSend);
  if (!attempt_.envelope->reply_none || state_ != State::kAsking) return;
  grace_ms_ = MonotonicMs() + kAnswerGraceMs;
  Arm();
}

void PlainCall::OnBytes(PlainConnection* connection, std::string_view bytes) {
  if (state_ == State::kTunneling) return TakeTunnel(connection, bytes);
  const bool usable = connection->framing.Take(bytes);
  SettleRoom();
  GoOn(usable, 0);
}

int64_t PlainCall::RecordUntil(int64_t now_ms) const {
  if (wanted_ms_ == kNever) return deadline_ms_;
  const int64_t until_ms = now_ms + kRecordMs, left_ms = wanted_ms_ - now_ms;
  // Who waits for less than that still has half of it for what hardly lags behind.
  return left_ms <= 0 ? until_ms : std::min(until_ms, now_ms + std::max(left_ms - kTellMs, left_ms / 2));
}

void PlainCall::GoOn(bool usable, int64_t now_ms) {
  if (!usable || reader_.fault() != nullptr || reader_.finished() || reader_.broke_off()) return End(Why::kAnswer, usable);
  const bool waits = reader_.decided() && record_ms_ == kNever, looks = reader_.look_due() && look_ms_ == kNever;
  if (!waits && !looks) return;
  if (now_ms == 0) now_ms = MonotonicMs();
  if (waits) record_ms_ = RecordUntil(now_ms);
  if (looks) look_ms_ = now_ms + kLookAgainMs;
  Arm();
}

void PlainCall::OnLost(PlainConnection* connection, int status) {
  if (state_ == State::kSecuring) return OnConnected(connection, status);
  if (state_ == State::kTunneling) {
    OnAddressFailed(connection->address());
    return Fail(Verdict::kFailure, "connect_failed", "the proxy " + dial_host() + " closed the connection behind CONNECT");
  }
  const bool whole = status == 0 && connection->framing.TakeEof();
  End(whole ? Why::kAnswer : Why::kLost, false);
}

// ---- time

void PlainCall::Arm() {
  int64_t due_ms = deadline_ms_;
  if (state_ == State::kAsking) due_ms = std::min({due_ms, record_ms_, look_ms_, lost_ms_, grace_ms_, room_ms_});
  else if (state_ != State::kPreparing) due_ms = std::min({due_ms, connect_deadline_ms_, dialer_.due_ms(), behind_ms_});
  shared_->wheel->Arm(this, due_ms);
}

void PlainCall::OnDeadline(int64_t now_ms) {
  if (now_ms >= deadline_ms_) return End(Why::kTimeout, false);
  if (state_ != State::kAsking) {
    if (state_ != State::kPreparing && now_ms >= connect_deadline_ms_) return End(Why::kTimeout, false);
    if (now_ms >= behind_ms_) {
      // What it waited for does not come about: it looks again, and opens its own, or waits for a younger one.
      StopWaiting();
      return OnRoom(false);
    }
    if (state_ == State::kDialing) dialer_.OnTime(now_ms);
    if (state_ != State::kIdle && state_ != State::kAsking) Arm();
    return;
  }
  if (now_ms >= record_ms_) return End(Why::kAnswer, false);
  if (now_ms >= lost_ms_) return End(Why::kLost, false);
  if (now_ms >= grace_ms_) {
    grace_ms_ = kNever;
    posted_ = true;
    Unjudged ended = MakeEnded();
    ended.ended.result.verdict = Verdict::kSuccess;
    ended.ended.result.record.status = reader_.status();
    Arm();
    shared_->ended(shared_->context, this, std::move(ended));
    return shared_->lingers(shared_->context, this);
  }
  if (now_ms >= look_ms_ || now_ms >= room_ms_) {
    if (now_ms >= room_ms_) Cut();
    if (now_ms >= look_ms_) {
      look_ms_ = kNever;
      reader_.Look();
    }
    // GoOn may end it.
    GoOn(true, now_ms);
    if (state_ != State::kAsking) return;
  }
  Arm();
}

// ---- what came of it

Unjudged PlainCall::MakeEnded() const {
  Unjudged unjudged;
  unjudged.decided = true;
  unjudged.envelope = attempt_.envelope;
  AttemptEnded& ended = unjudged.ended;
  ended.id = attempt_.id;
  ended.result.record.number = attempt_.number;
  ended.result.record.started_at = attempt_.at;
  ended.result.record.duration_ms = static_cast<int64_t>((uv_hrtime() - started_ns_ + 500'000) / 1'000'000);
  ended.result.via = request_.spec().via;
  // Where it waited for a connection to become free, its own limits held it up, and where it waited for its body, others' work here.
  ended.result.unsent = redirects_ == 0 && state_ != State::kAsking && state_ != State::kWaiting && state_ != State::kPreparing;
  ended.result.unasked = redirects_ == 0 && (state_ == State::kPreparing || state_ == State::kWaiting);
  if (redirects_ > 0) unjudged.redirected_to = request_.Url();
  return unjudged;
}

bool PlainCall::Follow(bool reusable) {
  const bool follows = rule_ != nullptr && rule_->follow_redirects ? *rule_->follow_redirects
                                                                   : request_.spec().follow_redirects.value_or(config_->options.follow_redirects);
  if (!follows || attempt_.envelope->reply_none || reader_.fault() != nullptr || !IsRedirect(reader_.status()) || !reader_.location()) return false;
  if (redirects_ == kMaxRedirects) {
    redirect_error_ = "too_many_redirects";
    redirect_detail_ = "after " + std::to_string(kMaxRedirects) + " redirects came another, to " + *reader_.location();
    return false;
  }
  const int64_t now_ms = MonotonicMs();
  // Before the request changes: what of it is still to be written is borrowed from it.
  LetGo(Why::kAnswer, reusable, now_ms);
  if (Status status = request_.Follow(reader_.status(), *reader_.location()); !status.ok()) {
    redirect_error_ = "unexpected_answer";
    redirect_detail_ = status.detail();
    return false;
  }
  ++redirects_;
  // Nothing of this answer is kept.
  EndStarving();
  captures_.Shrink(0, 0);
  shared_->pool->Leave(std::exchange(host_, nullptr));
  BeginHop(now_ms);
  return true;
}

void PlainCall::LetGo(Why why, bool reusable, int64_t now_ms) {
  if (Begun()) shared_->pool->NoteAnswered(host_, over()->address());
  if (session_ != nullptr) {
    // One that was silent for so long is not asked again.
    const bool spoke = why == Why::kAnswer || reader_.head_done() || (why == Why::kLost && loss_ != Loss::kConnection);
    if (spoke) over()->answered_ms = now_ms;
    std::exchange(session_, nullptr)->Leave(this, spoke);
  } else if (connection_ != nullptr) {
    const bool kept = reusable && why == Why::kAnswer && written_ && reader_.fault() == nullptr && reader_.keep_alive();
    shared_->pool->Give(std::exchange(connection_, nullptr), kept, now_ms);
  }
}

void PlainCall::End(Why why, bool reusable) {
  if (state_ == State::kAsking && why == Why::kAnswer && Follow(reusable)) return;
  NoteFailed(why);
  Unjudged ended = MakeEnded();
  AttemptResult& result = ended.ended.result;
  AttemptRecord& record = result.record;
  bool said = state_ == State::kAsking && reader_.Conclude(&ended);
  if (attempt_.envelope->reply_none && state_ == State::kAsking && (written_ || reader_.head_done())) {
    said = true;
    result.verdict = written_ ? Verdict::kSuccess : Verdict::kFailure;
    record.error = written_ ? "" : "unexpected_answer";
    record.detail = written_ ? "" : "status " + std::to_string(reader_.status()) + " came before the whole request was written";
  }
  if (redirect_error_ != nullptr) {
    ended.decided = true;
    result.verdict = Verdict::kFailure;
    record.error = redirect_error_;
    record.detail = redirect_detail_;
    ended.redirected_to.clear();  // the detail says it
  } else if (!said) {
    SetError(why, &record);
    if (!ended.decided) ended.broken = result;
  }
  if (ended.response) ended.response = CaptureRoom::Held(std::move(ended.response), std::exchange(captures_, {}));
  ended.secrets = Secrets();
  if (!ended.decided) ended.expect = request_.spec().expect;
  if (over() != nullptr) {
    const int64_t now_ms = MonotonicMs();
    if (why == Why::kLost && !Begun() && !Alerted() && (reused_ || loss_ == Loss::kHttp1)) {
      result.lost_reused = !attempt_.envelope->reply_none;
      // NoteLoss closes idle ones alone: this one is in use.
      if (loss_ == Loss::kConnection) shared_->pool->NoteLoss(over(), now_ms);
    }
    LetGo(why, reusable, now_ms);
  }
  Finish(std::move(ended));
}

void PlainCall::SetError(Why why, AttemptRecord* record) const {
  if (why == Why::kTimeout) {
    record->error = "timeout";
    record->detail = state_ == State::kPreparing   ? "the request was not made in time"
                     : state_ == State::kResolving ? dial_host() + " was not looked up in time"
                     : state_ == State::kDialing   ? dialer_.securing() ? "the TLS handshake was not over in time" : "no connection in time"
                     : behind_ms_ != kNever        ? "waited for a TLS handshake of another call"
                     : state_ == State::kWaiting   ? "no connection was free in time"
                     : state_ == State::kTunneling ? "the proxy opened no way in time"
                     : state_ == State::kSecuring  ? "the TLS handshake was not over in time"
                     : reader_.head_done()         ? "the answer was not whole in time"
                                                   : "no answer in time";
    return;
  }
  // A receiver that wants a certificate of the client says so by an alert, with TLS 1.3 in place of the answer.
  if (Alerted() && !Begun()) {
    record->error = "tls";
    record->detail = "TLS: " + over()->tls()->failure();
    return;
  }
  record->error = "connection_lost";
  record->detail = !lost_detail_.empty() && loss_ != Loss::kConnection ? lost_detail_
                   : reader_.broke_off()                               ? "the body of the answer breaks off within its content coding"
                   : reader_.head_done()                               ? "the connection was lost within the body of the answer"
                                                                       : "the connection was lost before an answer came";
}

void PlainCall::Fail(Verdict verdict, const char* error, std::string detail) {
  Unjudged ended = MakeEnded();
  ended.ended.result.verdict = verdict;
  ended.ended.result.record.error = error;
  ended.ended.result.record.detail = std::move(detail);
  // A redirect may have repeated them.
  if (redirects_ > 0) ended.secrets = Secrets();
  Finish(std::move(ended));
}

void PlainCall::Finish(Unjudged ended) {
  PassCrashPoint(CrashPoint::kAttemptEnded);
  const bool posted = std::exchange(posted_, true);
  Drop();
  if (!posted) shared_->ended(shared_->context, this, std::move(ended));
  shared_->over(shared_->context, this);
}

void PlainCall::StopWaiting() {
  if (state_ == State::kWaiting) shared_->pool->StopWaiting(host_, this);
  behind_ms_ = kNever;
}

void PlainCall::Drop() {
  shared_->wheel->Disarm(this);
  EndStarving();
  const bool elsewhere = preparing_ != nullptr;
  if (elsewhere) std::exchange(preparing_, nullptr)->Cancel();
  signature_.reset();
  StopWaiting();
  shared_->resolver->Cancel(this);
  dialer_.Stop();
  if (connection_ != nullptr) shared_->pool->Close(std::exchange(connection_, nullptr));
  if (session_ != nullptr) std::exchange(session_, nullptr)->Leave(this, true);
  EndOpening(false);
  if (std::exchange(place_, false)) shared_->pool->FreePlace(host_);
  if (host_ != nullptr) shared_->pool->Leave(std::exchange(host_, nullptr));
  state_ = State::kIdle;
  attempt_ = {};
  captures_ = {};
  terms_.reset();
  hop_config_.reset();
  rule_ = nullptr;
  keys_.clear();
  request_.Forget(elsewhere);
}

}  // namespace notifyd
