#include "broker/host_figures.h"

#include <algorithm>
#include <iterator>
#include <vector>

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

Destination* Destinations::At(std::string_view name, MonoTime now) {
  // Mostly it is the one of before.
  if (!all_.empty() && all_.front().name() == name) return &all_.front();
  if (auto found = by_name_.find(name); found != by_name_.end()) {
    all_.splice(all_.begin(), all_, found->second);
    return &all_.front();
  }
  all_.emplace_front(std::string(name), all_since_);
  by_name_.emplace(all_.front().name(), all_.begin());
  if (auto left = left_.find(name); left != left_.end()) all_.front().open = left_.extract(left).mapped();
  if (all_.size() > kMost) MakeRoom(now);
  return &all_.front();
}

/// One that does much stays, however many others are heard of in between: it has the most to forget. Of those that do as little one that fails stays.
void Destinations::MakeRoom(MonoTime now) {
  const auto place = [](const Destination& each) { return std::pair(each.open.busy(), each.fails()); };
  auto least = std::prev(all_.end()), at = least;
  for (size_t looked = 1; looked < kMayLeave; ++looked)
    if (--at; place(*at) < place(*least)) least = at;
  if (!least->open.IsZero()) Leave(*least);
  by_name_.erase(least->name());
  all_.erase(least);
  all_since_ = now;
}

/// Should it come back within the span, what is stored of that would be less than what was stored before.
void Destinations::Leave(const Destination& each) {
  left_.emplace(each.name(), each.open);
  if (left_.size() <= kMostLeft) return;
  using Place = decltype(left_)::iterator;
  std::vector<Place> places;
  for (auto at = left_.begin(); at != left_.end(); ++at) places.push_back(at);
  const auto end = places.begin() + kBusiestLeft;
  std::nth_element(places.begin(), end, places.end(), [](Place a, Place b) { return a->second.busy() > b->second.busy(); });
  std::for_each(end, places.end(), [this](Place place) { left_.erase(place); });
}

const OpenCounts* Destinations::FindOpen(std::string_view name) const {
  if (const Destination* known = Find(name)) return &known->open;
  auto found = left_.find(name);
  return found == left_.end() ? nullptr : &found->second;
}

void Destinations::CloseMinute() {
  const auto close = [](OpenCounts* open) {
    if (open->minute.IsZero()) return;
    open->quarter += open->minute;
    open->minute = {};
  };
  for (Destination& each : all_) close(&each.open);
  for (auto& [name, open] : left_) close(&open);
}

void Destinations::CloseQuarter() {
  for (Destination& each : all_) each.open.quarter = {};
  left_.clear();
}

const Destination* Destinations::Find(std::string_view name) const {
  auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &*found->second;
}

}  // namespace notifyd
