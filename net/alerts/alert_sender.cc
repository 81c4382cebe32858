#include "net/alerts/alert_sender.h"

#include <curl/curl.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/authority.h"
#include "base/clocks.h"
#include "base/log.h"
#include "broker/expectation.h"
#include "broker/spec.h"
#include "net/alerts/robot_signature.h"

namespace notifyd {
namespace {

constexpr int64_t kTimeoutMs = 15'000;
constexpr size_t kMostThreads = 32;
constexpr size_t kMostAnswerBytes = 64 << 10;

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

size_t TakeBody(char* bytes, size_t size, size_t count, void* out) {
  auto* body = static_cast<std::string*>(out);
  body->append(bytes, std::min(size * count, kMostAnswerBytes - body->size()));
  return size * count;
}

/// A call that is made here, since no notify stands behind it. Returns why the robot did not take it; empty: it did.
std::string CallNow(const AlertTarget& target, const Call& call) {
  CURL* easy = curl_easy_init();
  if (!easy) return "no memory";
  char fault[CURL_ERROR_SIZE] = "";
  std::string answered;
  curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
  curl_easy_setopt(easy, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fault);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(kTimeoutMs));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.body.c_str());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(call.body.size()));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answered);
  const CURLcode code = curl_easy_perform(easy);
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(headers);
  curl_easy_cleanup(easy);
  if (code != CURLE_OK) return fault[0] != '\0' ? fault : curl_easy_strerror(code);
  if (MatchPattern(ExpectationOf(target.kind), {static_cast<uint16_t>(status), answered, true}) == Match::kYes) return {};
  return "status " + std::to_string(status);
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
    Add({std::move(attempt), std::move(target), {}});
    return std::nullopt;
  }

  void SendUnstored(AlertUnstored message) {
    std::shared_ptr<const AlertTarget> target;
    {
      std::lock_guard lock(mutex_);
      target = FindTarget(*settings_, message.target);
    }
    if (target) Add({std::nullopt, std::move(target), std::move(message)});
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
  /// An attempt, or a message without one.
  struct Job {
    std::optional<StartAttempt> attempt;
    std::shared_ptr<const AlertTarget> target;  // null: the file has none any more
    AlertUnstored unstored;
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
      job.attempt ? Make(*job.attempt, job.target.get(), mail) : MakeUnstored(job, mail);
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

  void MakeUnstored(const Job& job, const MailOptions& mail) {
    std::string fault;
    if (job.target->kind == AlertTarget::Kind::kLog) {
      LogLine(job.unstored.payload);
    } else if (job.target->kind == AlertTarget::Kind::kMail) {
      const MailOutcome outcome = Mail(*job.target, job.unstored.payload, job.unstored.id.ToString(), mail);
      if (!outcome.taken) fault = outcome.detail;
    } else {
      fault = CallNow(*job.target, CallOf(*job.target, job.unstored.payload, wall_()));
    }
    Log(LogLevel::kWarn, "alert sent from memory, the store takes nothing",
        {{"to", job.target->id}, {"id", job.unstored.id.ToString()}, {"failed", fault}});
  }

  EventSink* const sink_;
  const std::function<WallTime()> wall_;
  std::mutex mutex_;  // guards all below
  std::condition_variable came_;
  std::shared_ptr<const AlertSettings> settings_;
  MailOptions mail_;
  std::deque<Job> jobs_;
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
void AlertSender::SendUnstored(AlertUnstored message) {
  impl_->SendUnstored(std::move(message));
}
void AlertSender::Stop() {
  impl_->Stop();
}

}  // namespace notifyd
