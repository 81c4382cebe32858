// What top needs of /metrics: a gauge by its name, and the quantiles of what a histogram counted between two looks. What a broker neither counts nor
// measures, below 0 or beyond 2^53, is left out as what is no number is. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace notifyd {

/// Upper bound in seconds (infinity: the last) to how many were at most that long. Prometheus text format 0.0.4.
using Buckets = std::map<double, double>;

/// Returns the value of the line of that name without labels.
std::optional<double> MetricValue(std::string_view metrics, std::string_view name);
/// Returns the buckets of a histogram; `name` without "_bucket". Empty where there is none.
Buckets MetricBuckets(std::string_view metrics, std::string_view name);

/// Returns the value that a part `quantile` (0 to 1) of what came between the two looks is at most, in seconds, taken evenly within a bucket. Nothing
/// where nothing came. Where counters went back (the broker is another one) `before` counts as empty.
std::optional<double> QuantileBetween(const Buckets& before, const Buckets& after, double quantile);

}  // namespace notifyd
