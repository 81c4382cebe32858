#include "broker/host_figures.h"

#include <algorithm>

namespace notifyd {

void Destination::Ended(const AttemptResult& result, const Now& now) {
  Calls* calls = calls_.At(now.mono);
  ++calls->attempts;
  calls->durations.Add(result.record.duration_ms);
  if (!HasFailed(result)) {
    if (result.verdict == Verdict::kSuccess) failing_since_.reset();
    return;
  }
  ++calls->failed;
  if (!failing_since_) failing_since_ = now.wall;
  const bool answered = result.record.status != 0 && result.record.error == "unexpected_answer";
  last_error_ = answered ? "status " + std::to_string(result.record.status) : result.record.error;
}

HostFigures Destination::Figures(MonoTime now) const {
  const Calls calls = calls_.Sum(now, 0, 5);
  HostFigures figures;
  figures.attempts = calls.attempts;
  figures.failed = calls.failed;
  figures.p50_ms = calls.durations.AtPerMille(500);
  figures.p99_ms = calls.durations.AtPerMille(990);
  figures.failing_since = failing_since_;
  figures.last_error = last_error_;
  return figures;
}

AcceptedSums Destination::Sums(MonoTime now) const {
  return {minute_.Sum(now, 0, 6), hour_.Sum(now, 0, 12), days_.Sum(now, 0, 24), days_.Sum(now, 24, 48)};
}

Destination* Destinations::At(std::string_view name) {
  // Mostly it is the one of before.
  if (!all_.empty() && all_.front().name() == name) return &all_.front();
  if (auto found = by_name_.find(name); found != by_name_.end()) {
    all_.splice(all_.begin(), all_, found->second);
    return &all_.front();
  }
  if (all_.size() >= kMost) {
    by_name_.erase(all_.back().name());
    all_.pop_back();
  }
  all_.emplace_front(std::string(name));
  by_name_.emplace(all_.front().name(), all_.begin());
  return &all_.front();
}

const Destination* Destinations::Find(std::string_view name) const {
  auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &*found->second;
}

}  // namespace notifyd
