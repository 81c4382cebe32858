#include "broker/ownership.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace notifyd {
namespace {

// What was asked for longer ago cannot be in the store any more without having been seen since: each look comes behind the asks before it.
constexpr size_t kAskedMost = 16;

}  // namespace

std::optional<OwnerAsk> Ownership::Ask(MonoTime now) {
  if (under_way_ || released_ || now < next_at_) return std::nullopt;
  OwnerAsk ask = Choose(now);
  if (ask.kind == OwnerAsk::Kind::kAcquire) {
    ask.incarnation = draw_();
    asked_.push_back(ask.incarnation);
    if (asked_.size() > kAskedMost) asked_.erase(asked_.begin());
  }
  sent_at_ = now;
  under_way_ = ask;
  return ask;
}

OwnerAsk Ownership::Choose(MonoTime now) const {
  if (standing_ == Standing::kReleasing) return {OwnerAsk::Kind::kRelease, word_, false, {}};
  if (standing_ == Standing::kOwning) return {OwnerAsk::Kind::kRenew, word_, false, {}};
  if (!seen_) return {};
  const bool own = !seen_->free && IsOwn(seen_->incarnation);
  const bool stale = now.ms - seen_since_.ms >= times_.stale_ms;
  if (!seen_->free && !own && !stale) return {};
  return {OwnerAsk::Kind::kAcquire, *seen_, own, {}};
}

void Ownership::Answer(MonoTime now, OwnerAnswer answer, const OwnerWord& word) {
  CHECK(under_way_.has_value());
  const OwnerAsk ask = *std::exchange(under_way_, std::nullopt);
  next_at_ = {now.ms + (answer == OwnerAnswer::kUnknown || answer == OwnerAnswer::kGone ? times_.retry_ms : times_.look_ms)};
  if (standing_ == Standing::kReleasing) {
    // What was on its way when it was given back changes nothing: the release follows.
    if (ask.kind == OwnerAsk::Kind::kRelease) released_ = answer != OwnerAnswer::kUnknown;
    else next_at_ = now;
    if (ask.kind == OwnerAsk::Kind::kAcquire && answer == OwnerAnswer::kYes) word_ = word;
    return;
  }
  if (answer == OwnerAnswer::kGone) {
    // Of one that only watches nothing was confirmed: it goes on once its store is there again.
    went_back_ = went_back_ || standing_ == Standing::kOwning || inherited_;
    seen_.reset();
    return Fenced();
  }
  switch (ask.kind) {
    case OwnerAsk::Kind::kLook:
      if (answer == OwnerAnswer::kYes) Seen(now, word);
      return;
    case OwnerAsk::Kind::kAcquire:
      if (answer == OwnerAnswer::kYes) Acquired(word);
      else if (answer == OwnerAnswer::kNo) Lose();
      else seen_.reset();  // whether it came through, a look must tell
      return;
    case OwnerAsk::Kind::kRenew:
      if (standing_ != Standing::kOwning) return;  // it was fenced meanwhile
      if (answer == OwnerAnswer::kUnknown) return;
      // Each renewal counts up, and so does each that takes it.
      if (answer == OwnerAnswer::kYes ? word.renewal <= word_.renewal : word.epoch != 0 && word.epoch < word_.epoch) went_back_ = true;
      if (answer == OwnerAnswer::kNo || went_back_) return Lose();
      word_.renewal = word.renewal;
      until_ = {sent_at_.ms + times_.lease_ms};
      next_at_ = {sent_at_.ms + times_.renew_ms};
      return;
    case OwnerAsk::Kind::kRelease:
      return;  // only where it is releasing
  }
}

MonoTime Ownership::next_at() const {
  return under_way_ || released_ ? kMonoNever : next_at_;
}

void Ownership::Fenced() {
  if (standing_ == Standing::kOwning) Lose();
}

void Ownership::Release() {
  if (standing_ == Standing::kReleasing) return;
  released_ = standing_ == Standing::kWatching && !under_way_;
  standing_ = Standing::kReleasing;
  next_at_ = {};
}

bool Ownership::IsOwn(const Incarnation& incarnation) const {
  return std::find(asked_.begin(), asked_.end(), incarnation) != asked_.end();
}

void Ownership::Seen(MonoTime now, const OwnerWord& word) {
  // An epoch of another incarnation may be another store's, which the settings name by now.
  const bool same = inherited_ && word.incarnation == inherited_->incarnation && word.epoch == inherited_->epoch;
  if (same && word.renewal < inherited_->renewal) went_back_ = true;
  if (!seen_ || *seen_ != word) {
    seen_ = word;
    seen_since_ = now;
  }
  if (word.free || IsOwn(word.incarnation)) next_at_ = now;
  else next_at_ = {std::min(now.ms + times_.look_ms, std::max(now.ms + 1, seen_since_.ms + times_.stale_ms))};
}

void Ownership::Acquired(const OwnerWord& word) {
  standing_ = Standing::kOwning;
  word_ = word;
  asked_.clear();
  until_ = {sent_at_.ms + times_.lease_ms};
  next_at_ = {sent_at_.ms + times_.renew_ms};
}

/// Watches again, from what it sees next on.
void Ownership::Lose() {
  standing_ = Standing::kWatching;
  seen_.reset();
  next_at_ = {};
}

}  // namespace notifyd
