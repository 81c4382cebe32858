#include "cli/daemon/recent_use.h"

#include <algorithm>

namespace notifyd {
namespace {

/// As if those of one bucket lay evenly in it.
std::optional<double> P99Ms(const Histogram::Snapshot& before, const Histogram::Snapshot& now) {
  const uint64_t count = now.count - before.count;
  if (count == 0) return std::nullopt;
  uint64_t left = (count * 99 + 99) / 100;
  size_t i = 0;
  while (now.buckets[i] - before.buckets[i] < left) {
    left -= now.buckets[i] - before.buckets[i];
    ++i;
  }
  const auto in_it = static_cast<double>(now.buckets[i] - before.buckets[i]);
  const auto least = static_cast<double>(i == 0 ? 0 : Histogram::kBoundsUs[i - 1]);
  const auto most = static_cast<double>(Histogram::kBoundsUs[std::min(i, Histogram::kBoundsUs.size() - 1)]);
  return (least + (most - least) * static_cast<double>(left) / in_it) / 1e3;
}

}  // namespace

RecentUse::Use RecentUse::Read(MonoTime now, double cpu_seconds) {
  Sample sample{now, cpu_seconds, commits_->Read()};
  std::lock_guard lock(mutex_);
  while (samples_.size() > 1 && samples_.front().at.ms < now.ms - kKeptMs) samples_.pop_front();
  Use use;
  if (!samples_.empty() && now.ms > samples_.front().at.ms) {
    const Sample& since = samples_.front();
    use.cpu = (cpu_seconds - since.cpu_seconds) * 1e3 / static_cast<double>(now.ms - since.at.ms);
    use.commit_p99_ms = P99Ms(since.commits, sample.commits);
  }
  if (samples_.empty() || now.ms - samples_.back().at.ms >= kEveryMs) samples_.push_back(sample);
  return use;
}

}  // namespace notifyd
