// The sender: starts transfers, reads off the finished ones and posts how they ended. Loop thread only.
//
// I1  Exactly one AttemptEnded is posted for each Start, none of them from inside Start, unless Abort comes first.
//     Large answers are judged on a thread of the sender's own (judging.h); they are in flight until that is done.
// I2  A reply: none ends once its request was written and the answer, if one is sent at all, had kAnswerGraceMs to come. After that its
//     transfer only lingers: many servers drop a request whose client hangs up, so the connection stays open until the answer or the
//     timeout. Of those that linger the oldest give way to newer ones beyond kMaxLingering.
// I3  No pool of connections serves more than some MaxOrigins: a new one takes its place then, and the old one goes with its last transfer.
//     curl 7.88 keeps an entry for each origin whose connection it ever evicted, and walks over all of them at each eviction, and over each
//     name it resolved in the last minute at each transfer's end (measured: 3.5 ms a call after 20,000 hosts).
#include "net/sender/curl_sender.h"

#include <curl/curl.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <random>
#include <unordered_set>

#include "net/loop.h"
#include "net/sender/authorities.h"
#include "net/sender/curl_multi.h"
#include "net/sender/destinations.h"
#include "net/sender/judging.h"
#include "net/sender/loop_timer.h"
#include "net/sender/transfer.h"

namespace notifyd {
namespace {

constexpr uint64_t kAnswerGraceMs = 250;
constexpr size_t kMaxLingering = 256;
/// What the record wants of a body behind a decided outcome is waited for so long.
constexpr uint64_t kWatchMs = 1000;
/// Idle transfers that are kept; each holds some 10 KB.
constexpr size_t kMaxSpare = 256;
/// Pools that wait for their last transfers; with more of them the newest serves further origins.
constexpr size_t kMaxOldPools = 4;

size_t MaxOrigins(const SenderOptions& options) {
  return 1024 + 2 * options.max_idle_connections;
}

void InitCurlOnce() {
  static std::once_flag once;
  std::call_once(once, [] { CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

}  // namespace

/// A multi handle, with the connections that it keeps.
struct ConnectionPool {
  ConnectionPool(uv_loop_t* loop, CurlMulti::Watches* watches, std::function<void(ConnectionPool*)> progressed)
      : multi(loop, watches, [this, progressed = std::move(progressed)] { progressed(this); }) {}

  /// What curl keeps counts those in use, so that "at most so many idle ones" moves with them.
  void Fit(size_t max_idle) {
    const long most = static_cast<long>(std::max<size_t>(1, max_idle + running));
    if (most == set_most) return;
    curl_multi_setopt(multi.raw(), CURLMOPT_MAXCONNECTS, most);
    set_most = most;
  }

  CurlMulti multi;
  size_t running = 0;  // transfers
  std::unordered_set<std::string> origins;
  long set_most = -1;
};

class CurlSender::Impl {
 public:
  Impl(Loop* loop, EventSink* sink, const SenderOptions& options, DestinationPolicy policy)
      : loop_(loop->raw()),
        sink_(sink),
        judge_(loop, [this](AttemptEnded ended) { Post(std::move(ended)); }),
        random_(Seed()),
        share_(curl_share_init()),
        pool_(MakePool()) {
    CHECK(share_ != nullptr);
    curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    shared_ = {MakeConfig(options, std::move(policy)),
               &random_,
               share_.get(),
               [](void* self, Transfer* transfer) { static_cast<Impl*>(self)->OnWritten(transfer); },
               [](void* self, Transfer* transfer) { static_cast<Impl*>(self)->OnWatch(transfer); },
               this};
    watch_timer_ = MakeTimer(loop_, this);
    failed_timer_ = MakeTimer(loop_, this);
    written_timer_ = MakeTimer(loop_, this);
    empty_timer_ = MakeTimer(loop_, this);
  }

  ~Impl() {
    Abort();
    CloseTimer(failed_timer_);
    CloseTimer(written_timer_);
    CloseTimer(watch_timer_);
    CloseTimer(empty_timer_);
  }

  void SetSelf(SenderSelf self) {
    self_ = std::move(self);
    shared_.config = MakeConfig(options(), shared_.config->policy);
  }

  void Start(StartAttempt attempt) {
    std::unique_ptr<Transfer> transfer;
    if (spare_.empty()) {
      transfer = std::make_unique<Transfer>(&shared_);
    } else {
      transfer = std::move(spare_.back());
      spare_.pop_back();
    }
    ++in_flight_;
    transfer->place = running_.size();
    running_.push_back(std::move(transfer));
    Transfer* started = running_.back().get();
    if (pool_->origins.size() >= MaxOrigins(options()) && old_pools_.size() < kMaxOldPools) RenewPool();
    started->pool = pool_.get();
    ++pool_->running;
    Fit(pool_.get());
    AttemptEnded unsent;
    unsent.id = attempt.id;
    unsent.result.record.number = attempt.number;
    unsent.result.record.started_at = attempt.at;
    const Status status = started->Prepare(std::move(attempt), &pool_->multi, uv_hrtime());
    if (status.ok() && Add(started)) return;
    Release(started);
    // The same spec would fail again: no retry helps.
    unsent.result.verdict = status.ok() ? Verdict::kFailure : Verdict::kFatal;
    unsent.result.record.error = status.ok() ? "connect_failed" : "invalid_request";
    unsent.result.record.detail = status.ok() ? "the request could not be started" : status.detail();
    failed_.push_back(std::move(unsent));
    uv_timer_start(
        failed_timer_, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->PostFailed(); }, 0, 0);
  }

  Status Reload(const SenderOptions& options) {
    Result<DestinationPolicy> policy = DestinationPolicy::Create(options.allow, options.deny);
    if (!policy.ok()) return std::move(policy).status();
    const SenderOptions& old = this->options();
    const bool other_destinations = options.allow != old.allow || options.deny != old.deny;
    SenderOptions changed = options;
    changed.max_idle_connections = old.max_idle_connections;
    changed.user_agent = old.user_agent;
    changed.ca_file = old.ca_file;
    shared_.config = MakeConfig(changed, *std::move(policy));
    // No attempt is to use a connection that might not be opened now.
    if (other_destinations) RenewPool();
    return Status::Ok();
  }

  void Abort() {
    for (const std::unique_ptr<Transfer>& transfer : running_) Remove(transfer.get());
    running_.clear();
    judge_.Drop();
    pool_->running = 0;
    old_pools_.clear();
    failed_.clear();
    written_.clear();
    watched_.clear();
    lingering_.clear();
    in_flight_ = 0;
    uv_timer_stop(failed_timer_);
    uv_timer_stop(written_timer_);
    uv_timer_stop(watch_timer_);
    uv_timer_stop(empty_timer_);
  }

  size_t in_flight() const { return in_flight_; }
  uint64_t judged_apart() const { return judge_.added(); }

 private:
  std::shared_ptr<const SenderConfig> MakeConfig(const SenderOptions& options, DestinationPolicy policy) const {
    return MakeSenderConfig(options, std::move(policy), self_);
  }

  static uint64_t Seed() {
    std::random_device device;
    return static_cast<uint64_t>(device()) << 32 | device();
  }

  struct ShareDeleter {
    void operator()(CURLSH* share) const { curl_share_cleanup(share); }
  };
  struct Written {
    uint64_t due_ns;
    Transfer* transfer;
    uint64_t generation;
  };

  const SenderOptions& options() const { return shared_.config->options; }

  // ---- pools (I3)

  std::unique_ptr<ConnectionPool> MakePool() {
    return std::make_unique<ConnectionPool>(loop_, &watches_, [this](ConnectionPool* pool) { ReadFinished(pool); });
  }

  /// Not from inside curl.
  void RenewPool() {
    if (pool_->running > 0) {
      old_pools_.push_back(std::move(pool_));
      Fit(old_pools_.back().get());
    }
    pool_ = MakePool();
  }

  void Fit(ConnectionPool* pool) { pool->Fit(pool == pool_.get() ? options().max_idle_connections : 0); }

  void DropEmptyPools() {
    std::erase_if(old_pools_, [](const std::unique_ptr<ConnectionPool>& pool) { return pool->running == 0; });
  }

  bool Add(Transfer* transfer) {
    transfer->pool->origins.insert(transfer->origin());
    return curl_multi_add_handle(transfer->pool->multi.raw(), transfer->easy()) == CURLM_OK;
  }
  void Remove(Transfer* transfer) { curl_multi_remove_handle(transfer->pool->multi.raw(), transfer->easy()); }

  void ReadFinished(ConnectionPool* pool) {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(pool->multi.raw(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      // The message goes with the handle.
      CURL* easy = message->easy_handle;
      const CURLcode code = message->data.result;
      char* self = nullptr;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
      curl_multi_remove_handle(pool->multi.raw(), easy);
      OnFinished(reinterpret_cast<Transfer*>(self), code);
    }
  }

  void OnFinished(Transfer* transfer, CURLcode code) {
    if (transfer->posted) {
      std::erase(lingering_, transfer);
      Release(transfer);
      return;
    }
    const uint64_t now_ns = uv_hrtime();
    if (transfer->NextHop(code, now_ns) && Add(transfer)) return;
    Unjudged unjudged = transfer->Ended(code, now_ns);
    Release(transfer);
    if (unjudged.bytes() > kJudgedAtOnceBytes) judge_.Add(std::move(unjudged));
    else Post(Judge(std::move(unjudged)));
  }

  void Post(AttemptEnded ended) {
    --in_flight_;
    sink_->Post(std::move(ended));
  }

  void PostFailed() {
    std::vector<AttemptEnded> failed;
    failed.swap(failed_);
    for (AttemptEnded& ended : failed) Post(std::move(ended));
  }

  /// Takes it out of those under way; it must not be with the multi handle any more.
  void Release(Transfer* transfer) {
    const size_t place = transfer->place;
    ConnectionPool* pool = transfer->pool;
    transfer->posted = true;
    transfer->Forget();
    // Those in written_ and watched_ must stay where they are.
    if (spare_.size() < kMaxSpare || !written_.empty() || !watched_.empty()) spare_.push_back(std::move(running_[place]));
    if (place + 1 != running_.size()) {
      running_[place] = std::move(running_.back());
      running_[place]->place = place;
    }
    running_.pop_back();
    --pool->running;
    Fit(pool);
    // This may be inside the pool's own callback.
    if (pool->running == 0 && pool != pool_.get())
      uv_timer_start(
          empty_timer_, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->DropEmptyPools(); }, 0, 0);
  }

  // ---- reply: none (I2)

  void OnWritten(Transfer* transfer) {
    written_.push_back({uv_hrtime() + kAnswerGraceMs * 1'000'000, transfer, transfer->generation()});
    if (written_.size() == 1) ArmWrittenTimer();
  }

  void ArmWrittenTimer() {
    if (written_.empty()) return;
    const uint64_t now_ns = uv_hrtime(), due_ns = written_.front().due_ns;
    const uint64_t ms = due_ns > now_ns ? (due_ns - now_ns + 999'999) / 1'000'000 : 0;
    uv_timer_start(
        written_timer_, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->EndWritten(); }, ms, 0);
  }

  void EndWritten() {
    const uint64_t now_ns = uv_hrtime();
    while (!written_.empty() && written_.front().due_ns <= now_ns) {
      Transfer* transfer = written_.front().transfer;
      const bool waits = transfer->generation() == written_.front().generation && !transfer->posted;
      written_.pop_front();
      if (!waits) continue;
      transfer->posted = true;
      lingering_.push_back(transfer);
      if (lingering_.size() > kMaxLingering) {
        Transfer* oldest = lingering_.front();
        lingering_.pop_front();
        Remove(oldest);
        Release(oldest);
      }
      Post(transfer->EndedWritten(now_ns));
    }
    ArmWrittenTimer();
  }

  // ---- outcomes that are decided before the answer's end (contract section 3, "When an answer counts")

  void OnWatch(Transfer* transfer) {
    watched_.push_back({uv_hrtime() + kWatchMs * 1'000'000, transfer, transfer->generation()});
    if (watched_.size() == 1) uv_timer_start(watch_timer_, &Impl::OnWatchTimer, kWatchMs, 0);
  }

  static void OnWatchTimer(uv_timer_t* timer) { static_cast<Impl*>(timer->data)->StopWaiting(); }

  void StopWaiting() {
    const uint64_t now_ns = uv_hrtime();
    while (!watched_.empty() && watched_.front().due_ns <= now_ns) {
      const Written item = watched_.front();
      watched_.pop_front();
      if (item.transfer->generation() != item.generation || item.transfer->posted) continue;
      if (!item.transfer->StopWaiting()) continue;
      Remove(item.transfer);
      OnFinished(item.transfer, CURLE_WRITE_ERROR);
    }
    if (watched_.empty()) return;
    const uint64_t due_ns = watched_.front().due_ns;
    uv_timer_start(watch_timer_, &Impl::OnWatchTimer, due_ns > now_ns ? (due_ns - now_ns + 999'999) / 1'000'000 : 0, 0);
  }

  uv_loop_t* loop_;
  EventSink* sink_;
  SenderSelf self_;
  JudgeThread judge_;
  Random random_;
  // In this order: connections go after the transfers, and what they share last.
  std::unique_ptr<CURLSH, ShareDeleter> share_;
  CurlMulti::Watches watches_;
  std::unique_ptr<ConnectionPool> pool_;
  std::vector<std::unique_ptr<ConnectionPool>> old_pools_;
  Transfer::Shared shared_;
  std::vector<std::unique_ptr<Transfer>> running_;  // by Transfer::place
  std::vector<std::unique_ptr<Transfer>> spare_;
  std::deque<Written> written_;  // by due_ns
  std::deque<Written> watched_;  // by due_ns
  std::deque<Transfer*> lingering_;
  std::vector<AttemptEnded> failed_;  // before they were sent
  uv_timer_t* failed_timer_;
  uv_timer_t* written_timer_;
  uv_timer_t* watch_timer_;
  uv_timer_t* empty_timer_;
  size_t in_flight_ = 0;
};

Result<std::unique_ptr<CurlSender>> CurlSender::Create(Loop* loop, EventSink* sink, const SenderOptions& options) {
  InitCurlOnce();
  Result<DestinationPolicy> policy = DestinationPolicy::Create(options.allow, options.deny);
  if (!policy.ok()) return std::move(policy).status();
  if (!options.ca_file.empty()) {
    Status authorities = CheckAuthorities(options.ca_file);
    if (!authorities.ok()) return Status(authorities.code(), authorities.detail(), "/destinations/ca_file");
  }
  return std::unique_ptr<CurlSender>(new CurlSender(std::make_unique<Impl>(loop, sink, options, *std::move(policy))));
}

CurlSender::CurlSender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CurlSender::~CurlSender() = default;
void CurlSender::SetSelf(SenderSelf self) {
  impl_->SetSelf(std::move(self));
}
void CurlSender::Start(StartAttempt attempt) {
  impl_->Start(std::move(attempt));
}
Status CurlSender::Reload(const SenderOptions& options) {
  return impl_->Reload(options);
}
void CurlSender::Abort() {
  impl_->Abort();
}
uint64_t CurlSender::judged_apart() const {
  return impl_->judged_apart();
}
size_t CurlSender::in_flight() const {
  return impl_->in_flight();
}

}  // namespace notifyd
