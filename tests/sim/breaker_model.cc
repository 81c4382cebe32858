#include "sim/breaker_model.h"

#include <algorithm>

namespace notifyd::sim {
namespace {

constexpr int64_t kLongestMs = 300'000;  // unless the first wait is longer
constexpr uint32_t kAllTogether = 1024, kProbes = 4;
constexpr int64_t kSilentMs = 10'000;
constexpr int64_t kRememberedMs = 3'600'000;

}  // namespace

BreakerModel::Found BreakerModel::FoundBy(const AttemptResult& truth) {
  if (truth.verdict == Verdict::kSuccess || !truth.unsent || truth.record.error == "tls") return Found::kThere;
  const bool away = truth.record.error == "connect_failed" || truth.record.error == "timeout";
  return away && truth.verdict == Verdict::kFailure ? Found::kAway : Found::kNothing;
}

bool BreakerModel::MayBegin(MonoTime now) const {
  if (is_open()) return !Holds(now);
  return way_ == Way::kClosed || running_ < together_ || grows_at_ <= now;
}

bool BreakerModel::Holds(MonoTime now) const {
  if (way_ == Way::kProbing) return running_ == kProbes || now < beside_at_;
  return way_ == Way::kOpen && now < probe_at_;
}

uint64_t BreakerModel::Begin(MonoTime now) {
  if (is_open()) {
    way_ = Way::kProbing;
    probed_at_ = now;
    beside_at_ = {now.ms + std::max(kLongestMs, wait_ms_)};
  } else if (way_ == Way::kRamp && running_ >= together_) {
    together_ = std::min(kAllTogether, 2 * together_);
    grows_at_ = kMonoNever;
  }
  ++running_;
  return era_;
}

bool BreakerModel::Reached(uint64_t era, MonoTime now, const BreakerSettings& settings) {
  if (!settings.enabled || era != era_) return false;
  if (way_ == Way::kProbing) ComeBack(settings);
  else if (way_ == Way::kRamp && grows_at_ == kMonoNever) grows_at_ = {now.ms + settings.open_ms};
  return true;
}

/// No more counts of what is in flight.
void BreakerModel::ComeBack(const BreakerSettings& settings) {
  Shorten(settings);
  way_ = Way::kRamp;
  ++era_;
  running_ = 0;
  together_ = 1;
  grows_at_ = kMonoNever;
}

void BreakerModel::Abandon(uint64_t era) {
  if (era != era_) return;
  --running_;
  if (way_ != Way::kProbing) return;
  // The time for one had come.
  if (running_ == 0) way_ = Way::kOpen;
  else beside_at_ = probe_at_;
}

BreakerModel::Ended BreakerModel::End(uint64_t era, Found found, MonoTime now, const BreakerSettings& settings, bool says_opened) {
  if (!settings.enabled || era != era_) return {};
  --running_;
  const int64_t doubled_ms = std::min(2 * wait_ms_, std::max(kLongestMs, settings.open_ms));
  switch (way_) {
    case Way::kOpen:
      return {};
    case Way::kProbing:
      if (found == Found::kThere) {
        ComeBack(settings);
        return {};
      }
      if (found == Found::kAway) wait_ms_ = doubled_ms;
      if (running_ > 0) beside_at_ = {now.ms + wait_ms_};  // others are to say yet
      else Open(now, wait_ms_);
      return {false, true};
    case Way::kRamp:
      if (found == Found::kAway) {
        open_since_ = now;
        Open(now, doubled_ms);
        return {true, false};
      }
      if (found == Found::kThere) {
        Shorten(settings);
        together_ *= 2;
      }
      if (together_ >= kAllTogether) {
        way_ = Way::kClosed;
        in_row_ = 0;
        ends_.clear();
        may_be_forgotten_ = false;
      }
      return {};
    case Way::kClosed:
      break;
  }
  if (found == Found::kNothing) return {};
  in_row_ = found == Found::kAway ? in_row_ + 1 : 0;
  ends_.push_back(found == Found::kAway);
  if (ends_.size() > settings.window) ends_.pop_front();
  may_be_forgotten_ = may_be_forgotten_ || now.ms - ended_at_.ms >= kRememberedMs;
  ended_at_ = now;
  if (found != Found::kAway) return {};
  const auto away = static_cast<double>(std::count(ends_.begin(), ends_.end(), true));
  const bool too_many = 100 * away >= settings.ratio_percent * settings.window - 1e-3;
  if (in_row_ < settings.failures && !(too_many && (says_opened || !may_be_forgotten_))) return {};
  open_since_ = now;
  Open(now, settings.open_ms);
  return {true, false};
}

/// It was reached: the next wait is half as long as it would have been, unless that is less than the first.
void BreakerModel::Shorten(const BreakerSettings& settings) {
  if (wait_ms_ > settings.open_ms) wait_ms_ = std::max(settings.open_ms, wait_ms_ / 2);
}

void BreakerModel::ProbeNow(MonoTime now) {
  if (way_ == Way::kOpen) probe_at_ = std::min(probe_at_, now);
  if (way_ == Way::kProbing) beside_at_ = std::min(beside_at_, {std::max(now.ms, probed_at_.ms + kSilentMs)});
}

void BreakerModel::Open(MonoTime now, int64_t wait_ms) {
  way_ = Way::kOpen;
  ++era_;
  running_ = in_row_ = 0;
  ends_.clear();
  may_be_forgotten_ = false;
  wait_ms_ = wait_ms;
  probe_at_ = {now.ms + wait_ms};
}

}  // namespace notifyd::sim
