#include "broker/caller_figures.h"

#include <algorithm>
#include <cstdint>

#include "broker/figures.h"

namespace notifyd {

void CallerFigures::Figures::Begin(MonoTime now) {
  if (open_until.ms != INT64_MIN) {
    *minute.At(open_at) += open;
    *hour.At(open_at) += open;
    *days.At(open_at) += open;
  }
  open = {};
  open_at = now;
  open_until = {(now.ms / kSpanMs + 1) * kSpanMs};
}

void CallerFigures::Front(const std::string& caller, MonoTime now) {
  auto found = by_name_.find(caller);
  if (found != by_name_.end()) {
    figures_.splice(figures_.begin(), figures_, found->second);
    return;
  }
  const MonoTime known_since = all_since_;
  if (figures_.size() >= kMost) {
    // Sums of sums: what it was of each span goes to the same span of the others.
    if (others_.empty()) others_.emplace_back().known_since = since_;
    by_name_.erase(figures_.back().caller);
    figures_.back().Begin(figures_.back().open_at);
    others_.front().minute.Take(figures_.back().minute);
    others_.front().hour.Take(figures_.back().hour);
    others_.front().days.Take(figures_.back().days);
    figures_.pop_back();
    all_since_ = now;
  }
  figures_.emplace_front();
  figures_.front().caller = caller;
  figures_.front().known_since = known_since;
  by_name_.emplace(caller, figures_.begin());
}

CallerRates CallerFigures::Figures::Rates(MonoTime now, int64_t since_ms) {
  Begin(now);
  constexpr int64_t kMinuteMs = 60'000, kHourMs = 3'600'000;
  CallerRates rates;
  rates.minute = minute.Sum(now, 0, 6);
  rates.hour = hour.Sum(now, 0, 60);
  rates.day = days.Sum(now, 0, 24);
  rates.day_before = days.Sum(now, 24, 48);
  rates.day_before_ms = CountedOfDayBefore(known_since, now);
  if (since_ms <= kMinuteMs) rates.since = minute.Sum(now, 0, std::max<int64_t>((since_ms + 9'999) / 10'000, 1));
  else if (since_ms <= kHourMs) rates.since = hour.Sum(now, 0, (since_ms + kMinuteMs - 1) / kMinuteMs);
  else rates.since = days.Sum(now, 0, std::min<int64_t>((since_ms + kHourMs - 1) / kHourMs, 48));
  return rates;
}

std::vector<CallerRates> CallerFigures::List(MonoTime now, int64_t since_ms) {
  std::vector<CallerRates> list;
  for (Figures& figures : figures_) {
    list.push_back(figures.Rates(now, since_ms));
    list.back().caller = figures.caller;
  }
  if (!others_.empty()) list.push_back(others_.front().Rates(now, since_ms));
  return list;
}

CallerRates CallerFigures::Of(const std::string& caller, MonoTime now, int64_t since_ms) {
  auto found = by_name_.find(caller);
  CallerRates rates = found == by_name_.end() ? CallerRates() : found->second->Rates(now, since_ms);
  rates.caller = caller;
  return rates;
}

}  // namespace notifyd
