#include "cli/client/metrics_text.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace notifyd {
namespace {

/// What the broker counts and measures is less, and a double says it exactly.
constexpr double kMost = 9'007'199'254'740'992;

/// Calls `visit(labels, value)` for each sample of `name`; labels without their braces.
template <class Visit>
void ForEachSample(std::string_view metrics, std::string_view name, Visit visit) {
  for (size_t at = 0; at < metrics.size();) {
    size_t end = std::min(metrics.find('\n', at), metrics.size());
    std::string_view line = metrics.substr(at, end - at);
    at = end + 1;
    if (line.substr(0, name.size()) != name) continue;
    line.remove_prefix(name.size());
    std::string_view labels;
    if (!line.empty() && line[0] == '{') {
      size_t close = line.rfind('}');
      if (close == std::string_view::npos) continue;
      labels = line.substr(1, close - 1);
      line.remove_prefix(close + 1);
    }
    if (line.empty() || line[0] != ' ') continue;
    std::string number(line.substr(1));
    char* rest = nullptr;
    double value = std::strtod(number.c_str(), &rest);  // knows "+Inf" and "NaN", too
    if (rest != number.c_str() && value >= 0 && value <= kMost) visit(labels, value);
  }
}

}  // namespace

std::optional<double> MetricValue(std::string_view metrics, std::string_view name) {
  std::optional<double> found;
  ForEachSample(metrics, name, [&](std::string_view labels, double value) {
    if (labels.empty()) found = value;
  });
  return found;
}

Buckets MetricBuckets(std::string_view metrics, std::string_view name) {
  static constexpr std::string_view kBound = "le=\"";
  Buckets buckets;
  ForEachSample(metrics, std::string(name) + "_bucket", [&](std::string_view labels, double value) {
    size_t at = labels.find(kBound);
    if (at == std::string_view::npos) return;
    std::string bound(labels.substr(at + kBound.size()));
    char* rest = nullptr;
    double seconds = std::strtod(bound.c_str(), &rest);
    if (rest != bound.c_str() && seconds >= 0 && (seconds <= kMost || std::isinf(seconds))) buckets[seconds] = value;
  });
  return buckets;
}

std::optional<double> QuantileBetween(const Buckets& before, const Buckets& after, double quantile) {
  if (after.empty()) return std::nullopt;
  auto was = [&](double bound) {
    auto found = before.find(bound);
    return found == before.end() ? 0 : found->second;
  };
  bool went_back = after.rbegin()->second < was(after.rbegin()->first);
  auto came = [&](const std::pair<const double, double>& bucket) { return bucket.second - (went_back ? 0 : was(bucket.first)); };
  double all = came(*after.rbegin());
  if (all <= 0) return std::nullopt;
  double wanted = quantile * all, below = 0, lower = 0;
  for (const auto& bucket : after) {
    double count = came(bucket);
    if (count >= wanted && count > below) {
      if (std::isinf(bucket.first)) return lower;  // longer than the last bound: all that is known
      return std::min(bucket.first, lower + (bucket.first - lower) * std::max(0.0, wanted - below) / (count - below));
    }
    below = std::max(below, count);
    lower = bucket.first;
  }
  return lower;
}

}  // namespace notifyd
