#include "sim/receiver.h"

#include <algorithm>
#include <memory>

namespace notifyd::sim {

Receiver::Receiver(const Profile& profile, const SimClock* clock, WireObserver* observer, Mutation mutation)
    : profile_(profile), clock_(clock), observer_(observer), mutation_(mutation), random_(profile.seed * 31 + 7) {}

void Receiver::Restart(EventSink* sink) {
  sink_ = sink;
  steps_.clear();
  in_flight_ = 0;
}

HostKind Receiver::KindOf(const std::string& host) const {
  for (size_t i = 0; i < profile_.hosts.size(); ++i)
    if (HostName(i) == host) return profile_.hosts[i];
  return HostKind::kHealthy;
}

/// They take turns.
bool Receiver::IsAway(const std::string& host) const {
  size_t index = 0;
  while (index < profile_.hosts.size() && HostName(index) != host) ++index;
  return (clock_->t() / profile_.down_ms + static_cast<int64_t>(index)) % 2 == 0;
}

void Receiver::DrawEnd(const StartAttempt& attempt, int64_t* latency_ms, bool* arrives, AttemptResult* result) {
  const HostKind kind = KindOf(attempt.envelope->host);
  const Envelope& envelope = *attempt.envelope;
  AttemptRecord& record = result->record;
  auto fails = [&](const char* error, uint16_t status) {
    result->verdict = Verdict::kFailure;
    record.error = error;
    record.status = status;
  };
  *arrives = true;
  *latency_ms = Between(0, profile_.healthy_ms_max);
  result->verdict = Verdict::kSuccess;
  record.status = 200;
  if (healed_) return;
  if (kind == HostKind::kHung) {
    *latency_ms = profile_.hung_timeout_ms;
    *arrives = random_.Chance(0.5);
    return fails("timeout", 0);
  }
  if (kind == HostKind::kDown && IsAway(envelope.host)) {
    *arrives = false;
    result->unsent = true;
    if (random_.Chance(0.1)) return fails("dns", 0);
    if (random_.Chance(0.3)) *latency_ms = Between(300, 1'500);
    return fails(*latency_ms >= 300 ? "timeout" : "connect_failed", 0);
  }
  if (kind == HostKind::kSlow) *latency_ms = Between(100, 1'500);
  // The connection had served others, and its host may have closed it before the request came. No sender says so of a new one: that the core repeats
  // once must not hang on it.
  if (random_.Chance(attempt.over == StartAttempt::Over::kNew ? std::min(profile_.stale_share, 0.1) : profile_.stale_share)) {
    *arrives = random_.Chance(0.5);
    result->lost_reused = !envelope.reply_none;
    return fails("connection_lost", 0);
  }
  double trouble = kind == HostKind::kFlaky ? 0.5 : 0.05;
  if (!random_.Chance(trouble)) return;
  if (!envelope.reply_none && envelope.retry && envelope.retry->later_on && random_.Chance(0.5)) {
    fails("not_ready", 202);
    result->verdict = Verdict::kLater;
    return;
  }
  switch (random_.Below(6)) {
    case 0:
      *arrives = false;
      result->unsent = true;
      return fails("connect_failed", 0);
    case 1:
      return fails("connection_lost", 0);  // it arrived, and may have done its work
    case 2:
      *latency_ms = kind == HostKind::kHealthy ? *latency_ms : profile_.hung_timeout_ms;
      return fails("timeout", 0);
    case 3:
      result->retry_after_ms = Between(0, 4'000);
      return fails("unexpected_answer", random_.Chance(0.5) ? 429 : 503);
    case 4:
      if (envelope.reply_none) return;  // whatever the answer, it was written
      fails("unexpected_answer", 400);
      if (random_.Chance(0.3)) result->verdict = Verdict::kFatal;
      return;
    default:
      return fails("unexpected_answer", 500);
  }
}

void Receiver::Start(StartAttempt attempt) {
  observer_->OnStart(attempt);
  ++in_flight_;
  int64_t latency_ms = 0;
  bool arrives = true;
  AttemptResult truth;
  DrawEnd(attempt, &latency_ms, &arrives, &truth);
  truth.record.number = attempt.number;
  truth.record.started_at = attempt.at;
  truth.record.duration_ms = latency_ms;
  AttemptResult reported = truth;
  if (mutation_ == Mutation::kLyingSuccess && !arrives) {
    reported.verdict = Verdict::kSuccess;
    reported.record.status = 200;
    reported.record.error.clear();
  }
  if (mutation_ == Mutation::kForgetRepeat) reported.lost_reused = false;
  int64_t start = clock_->t();
  if (arrives) {
    auto arrived = [this, id = attempt.id, number = attempt.number] { observer_->OnArrived(id, number); };
    At(start + Between(0, latency_ms), arrived);
    if (mutation_ == Mutation::kSilentResend && random_.Chance(0.1)) At(start + latency_ms, arrived);
  }
  // Whoever asks must do with the end alone, too.
  if (attempt.tell_reached && !truth.unsent && random_.Chance(0.8)) {
    At(start + Between(0, latency_ms), [this, id = attempt.id, number = attempt.number] {
      observer_->OnReached(id);
      sink_->Post(AttemptReached{id, number});
    });
  }
  At(start + latency_ms, [this, id = attempt.id, truth, reported] {
    --in_flight_;
    observer_->OnEnded(id, truth);
    sink_->Post(AttemptEnded{id, reported});
  });
}

void Receiver::AdvanceTo(int64_t t) {
  while (!steps_.empty() && steps_.begin()->first.first <= t) {
    auto node = steps_.extract(steps_.begin());
    node.mapped()();
  }
}

}  // namespace notifyd::sim
