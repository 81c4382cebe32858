#include "net/alerts/alert_sender.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/authority.h"
#include "base/clocks.h"
#include "base/log.h"
#include "broker/spec.h"
#include "net/alerts/robot_signature.h"

namespace notifyd {
namespace {

constexpr int64_t kTimeoutMs = 15'000;
constexpr size_t kMostThreads = 32;

struct Call {
  std::string url, body;
};

/// What a robot is called with now.
Call CallOf(const AlertTarget& target, std::string body, WallTime now) {
  Call call{target.address, std::move(body)};
  if (target.secret.empty()) return call;
  if (target.kind == AlertTarget::Kind::kDingtalk) call.url = SignDingtalk(call.url, target.secret, now);
  if (target.kind == AlertTarget::Kind::kFeishu) call.body = SignFeishu(call.body, target.secret, now);
  return call;
}

/// As Envelope::host.
std::string HostOf(const std::string& url) {
  const std::optional<UrlParts> parts = PartsOfUrl(url);
  if (!parts) return {};
  Result<Authority> authority = ParseAuthority(parts->authority, parts->default_port());
  return authority.ok() ? authority->host + ":" + std::to_string(authority->port) : std::string();
}

/// Why the target did not take it; empty: it did.
std::string FaultOf(const AttemptResult& result) {
  if (result.verdict == Verdict::kSuccess) return {};
  if (!result.record.detail.empty()) return result.record.detail;
  return result.record.status == 0 ? result.record.error : "status " + std::to_string(result.record.status);
}

}  // namespace

class AlertSender::Impl {
 public:
  Impl(EventSink* sink, std::function<WallTime()> wall) : sink_(sink), wall_(std::move(wall)), settings_(std::make_shared<const AlertSettings>()) {}
  ~Impl() { Stop(); }

  void SetSettings(std::shared_ptr<const AlertSettings> settings, MailOptions mail) {
    std::lock_guard lock(mutex_);
    settings_ = std::move(settings);
    mail_ = std::move(mail);
  }

  std::optional<StartAttempt> Take(StartAttempt attempt) {
    std::shared_ptr<const AlertTarget> target;
    {
      std::lock_guard lock(mutex_);
      target = FindTarget(*settings_, attempt.envelope->host);
    }
    if (target && IsCall(target->kind)) {
      if (std::optional<StartAttempt> call = AsCall(*target, attempt)) return call;
    }
    Add({std::move(attempt), std::move(target)});
    return std::nullopt;
  }

  std::optional<StartAttempt> SendUnstored(AlertUnstored message) {
    {
      std::lock_guard lock(mutex_);
      if (!FindTarget(*settings_, message.envelope->host)) return std::nullopt;
      unstored_[message.id] = message.envelope->host;
    }
    StartAttempt attempt;
    attempt.id = message.id;
    attempt.number = kUnstored;
    attempt.at = wall_();
    attempt.envelope = std::move(message.envelope);
    attempt.spec = std::move(message.spec);
    attempt.over = StartAttempt::Over::kSure;  // no other one follows
    return Take(std::move(attempt));
  }

  bool TakeUnstoredEnd(const AttemptEnded& ended) {
    if (ended.id.number() != kSystemNumber || ended.result.record.number != kUnstored) return false;
    std::string target;
    {
      std::lock_guard lock(mutex_);
      if (auto begun = unstored_.extract(ended.id)) target = std::move(begun.mapped());
    }
    Log(LogLevel::kWarn, "alert sent from memory, the store takes nothing",
        {{"to", target}, {"id", ended.id.ToString()}, {"failed", FaultOf(ended.result)}});
    return true;
  }

  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      jobs_.clear();
    }
    came_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  struct Job {
    StartAttempt attempt;
    std::shared_ptr<const AlertTarget> target;  // null: the file has none any more
  };

  /// The attempt as the sender of calls takes it. Nothing: what it is of does not decode.
  std::optional<StartAttempt> AsCall(const AlertTarget& target, const StartAttempt& attempt) const {
    Result<NotifySpec> spec = DecodeSpec(*attempt.spec);
    if (!spec.ok()) return std::nullopt;
    Call call = CallOf(target, std::move(spec->payload), wall_());
    auto envelope = std::make_shared<Envelope>(*attempt.envelope);
    envelope->host = HostOf(call.url);
    spec->url = std::move(call.url);
    spec->payload = std::move(call.body);
    spec->timeout_ms = kTimeoutMs;
    // A robot's URL is its secret, and the file names it: what leads elsewhere is no robot that took the message. A [[destination]] may say
    // otherwise.
    spec->follow_redirects = false;
    StartAttempt out = attempt;
    out.envelope = std::move(envelope);
    out.spec = std::make_shared<const std::string>(EncodeSpec(*spec));
    return out;
  }

  void Add(Job job) {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    jobs_.push_back(std::move(job));
    // A server of mail that hangs holds up no other target: each has one message under way at a time.
    if (jobs_.size() > idle_ && threads_.size() < kMostThreads) threads_.emplace_back([this] { Serve(); });
    came_.notify_one();
  }

  void Serve() {
    for (;;) {
      Job job;
      MailOptions mail;
      {
        std::unique_lock lock(mutex_);
        ++idle_;
        came_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
        --idle_;
        if (stopping_) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
        mail = mail_;
      }
      Make(job.attempt, job.target.get(), mail);
    }
  }

  void Make(const StartAttempt& attempt, const AlertTarget* target, const MailOptions& mail) {
    AttemptEnded ended;
    ended.id = attempt.id;
    ended.result.record.number = attempt.number;
    ended.result.record.started_at = attempt.at;
    const int64_t began_ms = ReadClockMs(CLOCK_MONOTONIC);
    Result<NotifySpec> spec = DecodeSpec(*attempt.spec);
    if (!target || !spec.ok()) {
      ended.result.verdict = Verdict::kFatal;
      ended.result.record.error = target ? "invalid_request" : "destination_refused";
      ended.result.record.detail = target ? spec.status().detail() : "no alert of the file has this target any more";
    } else if (target->kind == AlertTarget::Kind::kLog) {
      LogLine(spec->payload);
      ended.result.verdict = Verdict::kSuccess;
      ended.result.record.status = 200;
    } else {
      const MailOutcome outcome = Mail(*target, spec->payload, attempt.id.ToString(), mail);
      ended.result.verdict = outcome.taken ? Verdict::kSuccess : Verdict::kFailure;
      ended.result.record.status = outcome.status;
      ended.result.record.error = outcome.error;
      ended.result.record.detail = outcome.detail;
    }
    ended.result.record.duration_ms = ReadClockMs(CLOCK_MONOTONIC) - began_ms;
    sink_->Post(std::move(ended));
  }

  /// The first line of the payload is the subject.
  MailOutcome Mail(const AlertTarget& target, const std::string& payload, const std::string& id, const MailOptions& mail) const {
    const size_t end = std::min(payload.find('\n'), payload.size());
    const std::string text = payload.substr(std::min(end + 1, payload.size()));
    return SendMail(mail, target.address,
                    MailText(mail.from.empty() ? "notifyd@localhost" : mail.from, target.address, payload.substr(0, end), text, id, wall_()),
                    kTimeoutMs, stopping_);
  }

  EventSink* const sink_;
  const std::function<WallTime()> wall_;
  std::mutex mutex_;  // guards all below
  std::condition_variable came_;
  std::shared_ptr<const AlertSettings> settings_;
  MailOptions mail_;
  std::deque<Job> jobs_;
  std::map<NotifyId, std::string> unstored_;  // under way, or broken off without an end: whose target is what
  std::atomic<bool> stopping_{false};
  size_t idle_ = 0;                   // threads that wait for a job
  std::vector<std::thread> threads_;  // under the mutex until they are joined
};

AlertSender::AlertSender(EventSink* sink, std::function<WallTime()> wall) : impl_(std::make_unique<Impl>(sink, std::move(wall))) {}
AlertSender::~AlertSender() = default;
void AlertSender::SetSettings(std::shared_ptr<const AlertSettings> settings, MailOptions mail) {
  impl_->SetSettings(std::move(settings), std::move(mail));
}
std::optional<StartAttempt> AlertSender::Take(StartAttempt attempt) {
  return impl_->Take(std::move(attempt));
}
std::optional<StartAttempt> AlertSender::SendUnstored(AlertUnstored message) {
  return impl_->SendUnstored(std::move(message));
}
bool AlertSender::TakeUnstoredEnd(const AttemptEnded& ended) {
  return impl_->TakeUnstoredEnd(ended);
}
void AlertSender::Stop() {
  impl_->Stop();
}

}  // namespace notifyd
