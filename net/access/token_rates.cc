#include "net/access/token_rates.h"

#include <algorithm>
#include <cmath>

namespace notifyd {
namespace {

constexpr double kRounding = 1e-6;  // of a notify
constexpr double kRoundingMs = 1e-3;

}  // namespace

double TokenRates::LeftAt(const Bucket& bucket, MonoTime now) {
  const double most = std::max(1.0, bucket.per_s);
  return std::min(most, bucket.left + bucket.per_s * static_cast<double>(now.ms - bucket.at.ms) / 1000);
}

TokenRates::Bucket& TokenRates::BucketOf(std::string_view token_id, double per_s, MonoTime now) {
  if (buckets_.size() >= look_at_) ForgetFull(now);
  const double most = std::max(1.0, per_s);
  auto [place, is_new] = buckets_.try_emplace(std::string(token_id), Bucket{most, per_s, now});
  Bucket& bucket = place->second;
  // What was saved up under another rate stays as it is, up to what this one holds.
  bucket.left = LeftAt(bucket, now);
  bucket.per_s = per_s;
  bucket.left = std::min(bucket.left, most);
  bucket.at = now;
  return bucket;
}

int64_t TokenRates::Take(std::string_view token_id, double per_s, size_t count, MonoTime now) {
  std::lock_guard lock(mutex_);
  Bucket& bucket = BucketOf(token_id, per_s, now);
  const double most = std::max(1.0, per_s);
  const double needed = std::min(static_cast<double>(count), most);
  // What adding up fractions loses is nobody's.
  if (bucket.left + kRounding >= needed) {
    bucket.left -= static_cast<double>(count);
    return 0;
  }
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil((needed - bucket.left) * 1000 / per_s - kRoundingMs)));
}

size_t TokenRates::TakeSome(std::string_view token_id, double per_s, size_t count, MonoTime now) {
  std::lock_guard lock(mutex_);
  Bucket& bucket = BucketOf(token_id, per_s, now);
  const double whole = std::floor(std::max(0.0, bucket.left) + kRounding);
  const size_t some = whole >= static_cast<double>(count) ? count : static_cast<size_t>(whole);
  bucket.left -= static_cast<double>(some);
  return some;
}

void TokenRates::ForgetFull(MonoTime now) {
  std::erase_if(buckets_, [&](const auto& each) { return LeftAt(each.second, now) >= std::max(1.0, each.second.per_s); });
  // So that looking costs a constant for each token that came since.
  look_at_ = std::max<size_t>(64, 2 * buckets_.size());
}

size_t TokenRates::size() const {
  std::lock_guard lock(mutex_);
  return buckets_.size();
}

}  // namespace notifyd
