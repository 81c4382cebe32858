// The sender: calls under way, calls to be used again, and the one timer of all their deadlines.
#include "net/sender/plain_sender.h"

#include <uv.h>

#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "base/authority.h"
#include "base/check.h"
#include "base/files.h"
#include "net/loop.h"
#include "net/sender/authorities.h"
#include "net/sender/loop_timer.h"
#include "net/sender/plain_call.h"

namespace notifyd {
namespace {

/// Deadlines are kept to two of these.
constexpr int64_t kTickMs = 5;
/// So much later than it should be a tick is that of a loop, or a machine, that stood still.
constexpr int64_t kStoodStillMs = 50;
/// Between two looks at idle connections, where no call is under way.
constexpr int64_t kIdleTickMs = 1000;
/// So long after the last call the ticks stay short: connections are drained and watched meanwhile.
constexpr int64_t kStayMs = 2000;
constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kMaxLingering = 256;
/// Calls that are kept to be used again.
constexpr size_t kMaxSpare = 256;

}  // namespace

class PlainSender::Impl {
 public:
  Impl(Loop* loop, EventSink* sink, const SenderOptions& options, DestinationPolicy policy)
      : sink_(sink),
        ca_file_(options.ca_file),
        side_(loop),
        judge_(loop, [this](AttemptEnded ended) { Post(std::move(ended)); }),
        resolver_(loop->raw(), options.resolver),
        read_buffer_(std::make_unique<char[]>(kReadBytes)),
        connections_{loop->raw(), read_buffer_.get(), kReadBytes},
        wheel_(kTickMs, MonotonicMs()),
        pool_(&connections_, &wheel_, options.max_idle_connections, options.max_connection_age_ms),
        timer_(MakeTimer(loop->raw(), this)),
        post_timer_(MakeTimer(loop->raw(), this)),
        queue_timer_(MakeTimer(loop->raw(), this)),
        terms_(MakeSenderConfig(options, std::move(policy), self_)),
        captured_(options.captured) {
    pool_.OnWake([this] {
      uv_timer_start(
          queue_timer_, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->pool_.ServeQueues(); }, 0, 0);
    });
    shared_ = {.config = terms_.config(),
               .connections = &connections_,
               .pool = &pool_,
               .resolver = &resolver_,
               .wheel = &wheel_,
               .side = &side_,
               .tls = [](void* self, const auto& shown) { return static_cast<Impl*>(self)->Tls(shown); },
               .terms = &terms_,
               .ended = [](void* self, PlainCall*, Unjudged unjudged) { static_cast<Impl*>(self)->OnEnded(std::move(unjudged)); },
               .reached = [](void* self, AttemptReached reached) { static_cast<Impl*>(self)->Post(reached); },
               .starves = [](void* self, PlainCall* call, bool starves) { static_cast<Impl*>(self)->Starves(call, starves); },
               .over = [](void* self, PlainCall* call) { static_cast<Impl*>(self)->Release(call); },
               .lingers = [](void* self, PlainCall* call) { static_cast<Impl*>(self)->Linger(call); },
               .context = this};
  }

  ~Impl() {
    Abort();
    CloseTimer(timer_);
    CloseTimer(post_timer_);
    CloseTimer(queue_timer_);
  }

  void SetSelf(SenderSelf self) {
    self_ = std::move(self);
    shared_.config = MakeSenderConfig(shared_.config->options, shared_.config->policy, self_);
    terms_.SetConfig(shared_.config, false);
  }

  Status CheckDestination(NamespaceNumber number, std::string_view url) {
    const std::optional<UrlParts> parts = PartsOfUrl(url, "/?");
    if (!parts) return Status(Code::kUnacceptable, "the URL is not http or https");
    Result<Authority> read = ParseAuthority(parts->authority, parts->default_port());
    if (!read.ok()) return std::move(read).status();
    const DestinationPolicy& policy = terms_.Of(number)->policy;
    std::optional<std::string> refusal = policy.RefusalOfKind(parts->https, read->port);
    const bool v6 = read->host.starts_with('[');
    const std::optional<IpAddress> address = IpAddress::Parse(v6 ? read->host.substr(1, read->host.size() - 2) : read->host);
    if (!refusal && address) refusal = policy.Refusal(*address, read->port);
    return refusal ? Status(Code::kUnacceptable, *std::move(refusal)) : Status::Ok();
  }

  void SetTable(std::shared_ptr<const AccessTable> table) { Renew(terms_.SetTable(std::move(table))); }

  void Start(StartAttempt attempt) {
    ++in_flight_;
    if (tick_ms_ != kTickMs) SetTick(kTickMs);
    starting_ = true;
    Begin(std::move(attempt));
    starting_ = false;
  }

  Status Reload(const SenderOptions& options) {
    Result<DestinationPolicy> policy = DestinationPolicy::Create(options.allow, options.deny);
    if (!policy.ok()) return std::move(policy).status();
    policy->SetDefaults(options.https_only, DestinationPolicy::PortsOf(options.ports));
    const SenderOptions& old = shared_.config->options;
    const bool others = options.allow != old.allow || options.deny != old.deny || options.rules->print() != old.rules->print();
    SenderOptions changed = options;
    changed.user_agent = old.user_agent;
    changed.ca_file = old.ca_file;
    changed.may_call = old.may_call;
    changed.captured = old.captured;
    changed.max_captured_bytes = old.max_captured_bytes;
    shared_.config = MakeSenderConfig(changed, *std::move(policy), self_);
    pool_.SetMaxAge(options.max_connection_age_ms);
    Renew(terms_.SetConfig(shared_.config, others));
    return Status::Ok();
  }

  void Abort() {
    for (const std::unique_ptr<PlainCall>& call : running_) call->StopWaiting();
    for (const std::unique_ptr<PlainCall>& call : running_) call->Drop();
    running_.clear();
    judge_.Drop();
    lingering_.clear();
    unposted_.clear();
    uv_timer_stop(post_timer_);
    in_flight_ = 0;
  }

  void Abort(NamespaceNumber number) {
    // One that ends takes another's place among them.
    std::vector<PlainCall*> calls;
    for (const std::unique_ptr<PlainCall>& call : running_)
      if (call->number() == number) calls.push_back(call.get());
    // None of them goes on for the end of another.
    for (PlainCall* call : calls) call->StopWaiting();
    for (PlainCall* call : calls) {
      if (!call->posted()) --in_flight_;
      call->Drop();
      Release(call);
    }
  }

  size_t in_flight() const { return in_flight_; }
  uint64_t judged_apart() const { return judge_.added(); }
  uint64_t prepared_apart() const { return side_.added(); }

 private:
  void Begin(StartAttempt attempt) {
    std::unique_ptr<PlainCall> call;
    if (spare_.empty()) {
      call = std::make_unique<PlainCall>(&shared_);
    } else {
      call = std::move(spare_.back());
      spare_.pop_back();
    }
    PlainCall* started = call.get();
    started->place = running_.size();
    running_.push_back(std::move(call));
    started->Begin(std::move(attempt));
  }

  void Starves(PlainCall* call, bool starves) {
    if (starves) {
      // What came back before it looked is no news to it, but what comes back from now on is.
      starving_[call->number()].push_back(call);
      fed_at_ = 0;
      return;
    }
    const auto row = starving_.find(call->number());
    if (row == starving_.end()) return;
    std::erase(row->second, call);
    if (row->second.empty()) starving_.erase(row);
  }

  /// Those without room for what they capture, a namespace after the other, each of them once.
  void FeedStarving() {
    if (starving_.empty() || captured_->returned() + 1 == fed_at_) return;
    fed_at_ = captured_->returned() + 1;
    std::vector<std::vector<PlainCall*>> rows;
    for (const auto& [number, calls] : starving_) rows.emplace_back(calls.begin(), calls.end());
    bool more = true;
    for (size_t turn = 0; std::exchange(more, false); ++turn) {
      for (const std::vector<PlainCall*>& row : rows) {
        if (turn >= row.size()) continue;
        row[turn]->Feed();
        more = true;
      }
    }
  }

  /// No attempt is to use a connection that might not be opened now.
  void Renew(const TermsBook::Renewed& renewed) {
    if (renewed.empty()) return;
    for (const auto& [number, era] : renewed) pool_.Renew(number, era);
    const auto concerns = [&](const PlainCall& call) {
      return std::any_of(renewed.begin(), renewed.end(), [&](const auto& each) { return each.first == call.number(); });
    };
    // One that ends takes another's place among them; it is kept, and idle, then.
    std::vector<PlainCall*> calls;
    for (const std::unique_ptr<PlainCall>& call : running_) {
      if (concerns(*call)) calls.push_back(call.get());
    }
    for (PlainCall* call : calls) call->OnOtherTerms();
  }

  /// Reading the system's authorities takes a while: not before somebody needs them.
  Result<std::shared_ptr<const TlsContext>> Tls(const std::shared_ptr<const CertificatePair>& shown) {
    // Those of rules that are no more.
    if (shown != nullptr && !tls_.contains(shown)) std::erase_if(tls_, [](const auto& each) { return each.first.use_count() == 1; });
    std::shared_ptr<const TlsContext>& context = tls_[shown];
    if (context == nullptr) {
      Result<std::string> authorities = ca_file_.empty() ? Result<std::string>(std::string()) : ReadFile(ca_file_, kMostAuthorityBytes);
      if (!authorities.ok()) return Status(Code::kUnacceptable, ca_file_ + " " + authorities.status().detail());
      const CertificatePair pair = shown != nullptr ? *shown : CertificatePair{};
      Result<std::shared_ptr<const TlsContext>> made =
          TlsContext::ForClient({.ca = *std::move(authorities), .certificate = pair.certificate, .key = pair.key});
      if (!made.ok()) return Status(Code::kUnacceptable, ca_file_ + ": " + made.status().detail());
      context = *std::move(made);
    }
    return context;
  }

  void OnEnded(Unjudged unjudged) {
    if (unjudged.bytes() > kJudgedAtOnceBytes) judge_.Add(std::move(unjudged));
    else Post(Judge(std::move(unjudged)));
  }

  /// An end, or what comes before it: in that order.
  void Post(Event event) {
    if (!starting_ && unposted_.empty()) return PostNow(std::move(event));
    unposted_.push_back(std::move(event));
    PostSoon();
  }

  void PostNow(Event event) {
    if (std::holds_alternative<AttemptEnded>(event)) --in_flight_;
    sink_->Post(std::move(event));
  }

  void PostSoon() {
    uv_timer_start(
        post_timer_, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->PostUnposted(); }, 0, 0);
  }

  void PostUnposted() {
    std::vector<Event> unposted;
    unposted.swap(unposted_);
    for (Event& event : unposted) PostNow(std::move(event));
  }

  /// It may still be on the stack: it is kept.
  void Release(PlainCall* call) {
    if (!lingering_.empty()) std::erase(lingering_, call);
    const size_t place = call->place;
    spare_.push_back(std::move(running_[place]));
    if (place + 1 != running_.size()) {
      running_[place] = std::move(running_.back());
      running_[place]->place = place;
    }
    running_.pop_back();
  }

  void Linger(PlainCall* call) {
    lingering_.push_back(call);
    if (lingering_.size() <= kMaxLingering) return;
    PlainCall* oldest = lingering_.front();
    oldest->Drop();
    Release(oldest);
  }

  void SetTick(int64_t tick_ms) {
    tick_ms_ = tick_ms;
    busy_ms_ = ticked_ms_ = MonotonicMs();
    if (tick_ms == 0) {
      uv_timer_stop(timer_);
      return;
    }
    uv_timer_start(
        timer_, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->OnTick(); }, static_cast<uint64_t>(tick_ms), static_cast<uint64_t>(tick_ms));
  }

  void OnTick() {
    const int64_t now_ms = MonotonicMs();
    // After a stall the loop runs its timers before it looks at sockets: what came meanwhile came in time, and is read before the next tick.
    const bool late = now_ms - std::exchange(ticked_ms_, now_ms) > tick_ms_ + kStoodStillMs;
    waits_for_sockets_ = late && !waits_for_sockets_;
    if (waits_for_sockets_) return;
    wheel_.Advance(now_ms, [now_ms](DeadlineWheel::Entry* entry) { static_cast<Timed*>(entry)->OnDeadline(now_ms); });
    if (spare_.size() > kMaxSpare) spare_.resize(kMaxSpare);
    FeedStarving();
    if (!running_.empty()) busy_ms_ = now_ms;
    bool idle = true;
    if (now_ms - swept_ms_ >= kIdleTickMs) {
      swept_ms_ = now_ms;
      idle = pool_.Sweep(now_ms);
      terms_.Shrink();
    }
    if (tick_ms_ == kTickMs && now_ms - busy_ms_ >= kStayMs) SetTick(kIdleTickMs);
    else if (tick_ms_ == kIdleTickMs && !idle) SetTick(0);
  }

  EventSink* sink_;
  const std::string ca_file_;
  std::map<std::shared_ptr<const CertificatePair>, std::shared_ptr<const TlsContext>> tls_;  // by what is shown; null: nothing
  SenderSelf self_;
  SideThread side_;
  JudgeThread judge_;
  Resolver resolver_;
  std::unique_ptr<char[]> read_buffer_;
  PlainConnection::Shared connections_;
  DeadlineWheel wheel_;
  PlainPool pool_;
  uv_timer_t* timer_;
  uv_timer_t* post_timer_;
  uv_timer_t* queue_timer_;
  TermsBook terms_;
  PlainCall::Shared shared_;
  std::vector<std::unique_ptr<PlainCall>> running_;  // by PlainCall::place
  std::vector<std::unique_ptr<PlainCall>> spare_;
  std::deque<PlainCall*> lingering_;
  std::map<NamespaceNumber, std::deque<PlainCall*>> starving_;  // of room for what they capture
  uint64_t fed_at_ = 0;                                         // CaptureLedger::returned then, and one; 0: one of them has not been looked at since
  const std::shared_ptr<CaptureLedger> captured_;
  std::vector<Event> unposted_;  // of those that ended, or had a connection, inside Start, and what came since
  bool starting_ = false;
  size_t in_flight_ = 0;
  int64_t tick_ms_ = 0, busy_ms_ = 0, swept_ms_ = 0, ticked_ms_ = 0;
  bool waits_for_sockets_ = false;
};

Result<std::unique_ptr<PlainSender>> PlainSender::Create(Loop* loop, EventSink* sink, const SenderOptions& options) {
  Result<DestinationPolicy> policy = DestinationPolicy::Create(options.allow, options.deny);
  if (!policy.ok()) return std::move(policy).status();
  policy->SetDefaults(options.https_only, DestinationPolicy::PortsOf(options.ports));
  if (!options.ca_file.empty()) {
    Status authorities = CheckAuthorities(options.ca_file);
    if (!authorities.ok()) return Status(authorities.code(), authorities.detail(), "/destinations/ca_file");
  }
  return std::unique_ptr<PlainSender>(new PlainSender(std::make_unique<Impl>(loop, sink, options, *std::move(policy))));
}

PlainSender::PlainSender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PlainSender::~PlainSender() = default;
void PlainSender::Start(StartAttempt attempt) {
  impl_->Start(std::move(attempt));
}
Status PlainSender::Reload(const SenderOptions& options) {
  return impl_->Reload(options);
}
void PlainSender::SetTable(std::shared_ptr<const AccessTable> table) {
  impl_->SetTable(std::move(table));
}
Status PlainSender::CheckDestination(NamespaceNumber number, std::string_view url) {
  return impl_->CheckDestination(number, url);
}
void PlainSender::Abort() {
  impl_->Abort();
}
void PlainSender::Abort(NamespaceNumber number) {
  impl_->Abort(number);
}
void PlainSender::SetSelf(SenderSelf self) {
  impl_->SetSelf(std::move(self));
}
uint64_t PlainSender::judged_apart() const {
  return impl_->judged_apart();
}
uint64_t PlainSender::prepared_apart() const {
  return impl_->prepared_apart();
}
size_t PlainSender::in_flight() const {
  return impl_->in_flight();
}

}  // namespace notifyd
