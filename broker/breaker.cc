#include "broker/breaker.h"

#include <utility>

#include "base/check.h"
#include "broker/notify.h"

namespace notifyd {

Contact ContactOf(const AttemptResult& result) {
  if (result.unasked) return Contact::kUnknown;
  if (result.verdict == Verdict::kSuccess || !result.unsent) return Contact::kReached;
  const std::string& error = result.record.error;
  const bool unreached = error == "connect_failed" || error == "timeout" || error == "command_not_started";
  if (result.verdict == Verdict::kFailure && unreached) return Contact::kUnreached;
  // Its TLS was refused: it is there.
  return error == "tls" ? Contact::kReached : Contact::kUnknown;
}

bool Breaker::MayBegin(MonoTime now) const {
  switch (state_) {
    case State::kClosed:
      return true;
    case State::kOpen:
      return next_probe_ <= now;
    case State::kProbing:
      return running_ < kMostProbes && more_at_ <= now;
    case State::kRamp:
      return running_ < most_ || (there_ && more_at_ <= now);
  }
  return true;
}

MonoTime Breaker::MoreFrom() const {
  switch (state_) {
    case State::kOpen:
      return next_probe_;
    case State::kProbing:
      return running_ < kMostProbes ? more_at_ : kMonoNever;
    case State::kRamp:
      return there_ ? more_at_ : kMonoNever;
    case State::kClosed:
      break;
  }
  return kMonoNever;
}

Breaker::Call Breaker::Begin(MonoTime now) {
  CHECK(MayBegin(now));
  if (state_ == State::kOpen) {
    state_ = State::kProbing;
    probing_since_ = now;
  }
  if (state_ == State::kProbing) {
    last_probe_ = now;
    more_at_ = {now.ms + std::max(kMostOpenMs, wait_ms_)};
  }
  if (state_ == State::kRamp && running_ >= most_) {
    most_ = std::min(2 * most_, kRampEnds);
    there_ = false;
  }
  if (state_ != State::kClosed) ++running_;
  return era_;
}

Breaker::Change Breaker::Reached(Call call, MonoTime now, const BreakerSettings& settings) {
  if (!settings.enabled || call != era_) return Change::kNone;
  // It is there, whatever the probe's call comes to. That does not hold up who waits, however long it takes.
  if (state_ == State::kProbing) return End(call, Contact::kReached, now, settings);
  if (state_ == State::kRamp && !std::exchange(there_, true)) more_at_ = {now.ms + settings.open_ms};
  return Change::kNone;
}

Breaker::Change Breaker::End(Call call, Contact contact, MonoTime now, const BreakerSettings& settings) {
  if (!settings.enabled || call != era_) return Change::kNone;
  CHECK(state_ != State::kOpen);  // all that began has an earlier era
  const int64_t longer_ms = std::min(2 * wait_ms_, std::max(kMostOpenMs, settings.open_ms));
  // Else a destination that comes and goes, with too few calls meanwhile to end a ramp, is waited for ever longer, however short it is away.
  if (contact == Contact::kReached && state_ != State::kClosed) wait_ms_ = std::max(wait_ms_ / 2, std::min(wait_ms_, settings.open_ms));
  if (state_ == State::kProbing) {
    if (contact == Contact::kReached) {
      BeginRamp();
      return Change::kClosed;
    }
    // One that says nothing is no reason to wait for longer.
    const int64_t wait_ms = contact == Contact::kUnknown ? wait_ms_ : longer_ms;
    if (--running_ == 0) {
      Open(now, wait_ms);
    } else {
      wait_ms_ = wait_ms;
      more_at_ = {now.ms + wait_ms};
    }
    return Change::kNone;
  }
  if (state_ == State::kRamp) --running_;
  if (contact == Contact::kUnknown) return Change::kNone;
  if (state_ == State::kRamp) {
    if (contact == Contact::kUnreached) return Open(now, longer_ms);
    most_ *= 2;
    if (most_ < kRampEnds) return Change::kNone;
    state_ = State::kClosed;
    Forget();
    return Change::kNone;
  }
  const bool bad = contact == Contact::kUnreached;
  Note(bad, settings);
  // Also where a setting says less by now than when the others ended: one that got there opens nothing.
  if (!bad || !IsTooBad(settings)) return Change::kNone;
  first_ms_ = settings.open_ms;
  return Open(now, settings.open_ms);
}

void Breaker::Abandon(Call call) {
  if (call != era_) return;
  if (state_ != State::kClosed) --running_;
  if (state_ != State::kProbing) return;
  more_at_ = next_probe_;
  if (running_ == 0) state_ = State::kOpen;  // its wait is over as before
}

void Breaker::ProbeNow(MonoTime now) {
  if (state_ == State::kOpen) next_probe_ = std::min(next_probe_, now);
  if (state_ == State::kProbing) more_at_ = std::min(more_at_, std::max(now, MonoTime{last_probe_.ms + kSilentMs}));
}

void Breaker::OnSettings(MonoTime now, const BreakerSettings& settings) {
  if (!settings.enabled) return Reset();
  if (state_ == State::kRamp && there_) more_at_ = std::min(more_at_, MonoTime{now.ms + settings.open_ms});
  if (state_ == State::kClosed || settings.open_ms >= first_ms_) return;
  // As long as it would be, had the first one been that.
  const int64_t less_ms = std::max(settings.open_ms, wait_ms_ * settings.open_ms / first_ms_);
  first_ms_ = settings.open_ms;
  const int64_t began_ms = next_probe_.ms - std::exchange(wait_ms_, less_ms);
  if (state_ == State::kOpen) next_probe_ = std::min(next_probe_, MonoTime{std::max(now.ms, began_ms + less_ms)});
  if (state_ == State::kProbing) more_at_ = std::min(more_at_, MonoTime{std::max(now.ms, last_probe_.ms + std::max(kMostOpenMs, less_ms))});
}

void Breaker::Reset() {
  ++era_;
  state_ = State::kClosed;
  Forget();
}

Breaker::Change Breaker::Open(MonoTime now, int64_t wait_ms) {
  if (!is_open()) open_since_ = now;
  Forget();
  state_ = State::kOpen;
  ++era_;
  wait_ms_ = wait_ms;
  next_probe_ = {now.ms + wait_ms};
  return Change::kOpened;
}

/// What is in flight counts no more: neither the probes nor how many they are.
void Breaker::BeginRamp() {
  state_ = State::kRamp;
  ++era_;
  running_ = 0;
  most_ = 1;
  there_ = false;
}

/// Nothing that was counted counts any more.
void Breaker::Forget() {
  in_row_ = running_ = 0;
  at_ = bad_ = 0;
  last_ = {};
  wait_ms_ = 0;
}

/// Those that it does not know count as good ones. So they were where it forgot them, and it needs to know of none while all is well.
void Breaker::Note(bool bad, const BreakerSettings& settings) {
  in_row_ = bad ? in_row_ + 1 : 0;
  const size_t window = std::max<size_t>(settings.window, 1);
  if (last_.empty() && !bad) return;
  if (last_.size() != window) {
    // The first bad one, or the setting has changed: then what was counted under the old one is gone.
    last_.assign(window, false);
    at_ = bad_ = 0;
  }
  bad_ -= last_[at_] ? 1 : 0;
  last_[at_] = bad;
  bad_ += bad ? 1 : 0;
  at_ = (at_ + 1) % window;
  if (bad_ == 0) last_ = {};
}

bool Breaker::IsTooBad(const BreakerSettings& settings) const {
  if (in_row_ >= settings.failures) return true;
  // A little less will do: 7 % of 100 may come to more than 7 in binary.
  return static_cast<double>(bad_) + 1e-6 >= settings.ratio_percent / 100 * settings.window;
}

const char* ToString(Breaker::State state) {
  switch (state) {
    case Breaker::State::kClosed:
      return "closed";
    case Breaker::State::kOpen:
      return "open";
    case Breaker::State::kProbing:
      return "probing";
    case Breaker::State::kRamp:
      return "ramp";
  }
  return "closed";
}

}  // namespace notifyd
