#include "broker/namespace_settings.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/ip_address.h"
#include "broker/lane_limits.h"

namespace notifyd {
namespace {

constexpr uint64_t kMostPending = 10'000'000'000;
constexpr uint64_t kMostStoredBytes = uint64_t{1} << 50;
constexpr double kLeastRate = 0.001, kMostRate = 1'000'000;
constexpr uint32_t kMostBurst = 1'000'000;
constexpr uint32_t kMostInFlight = 1'000'000;
constexpr int64_t kMostRetentionMs = 100LL * 365 * 24 * 3600 * 1000;
constexpr int64_t kMostTimeoutMs = 3'600'000;
constexpr size_t kMostItems = 256;
constexpr std::string_view kPrivate = "private";

Status Bad(const std::string& field, std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail), field);
}

template <class T>
Status InRange(const char* field, const std::optional<T>& value, T least, T most) {
  // Written so that what is no number fails.
  if (!value || (*value >= least && *value <= most)) return Status::Ok();
  return Bad(field, "it is out of its range");
}

Status CheckRanges(const std::string& field, const std::optional<std::vector<std::string>>& ranges, bool private_counts) {
  if (!ranges) return Status::Ok();
  if (ranges->size() > kMostItems) return Bad(field, "there are more than " + std::to_string(kMostItems));
  for (size_t i = 0; i < ranges->size(); ++i) {
    if (private_counts && (*ranges)[i] == kPrivate) continue;
    if (Result<Cidr> range = Cidr::Parse((*ranges)[i]); !range.ok()) return Bad(field + "/" + std::to_string(i), range.status().detail());
  }
  return Status::Ok();
}

/// All of it, and what is written as "private" as that word.
struct Ranges {
  explicit Ranges(const std::optional<std::vector<std::string>>& texts) {
    for (const std::string& text : texts.value_or(std::vector<std::string>())) {
      if (text == kPrivate) word = true;
      else if (Result<Cidr> range = Cidr::Parse(text); range.ok()) cidrs.push_back(*range);
    }
  }
  bool Cover(const Cidr& other) const {
    return std::any_of(cidrs.begin(), cidrs.end(), [&](const Cidr& range) { return range.Contains(other); });
  }
  bool Cover(const Ranges& other) const {
    return (word || !other.word) && std::all_of(other.cidrs.begin(), other.cidrs.end(), [&](const Cidr& each) { return Cover(each); });
  }
  std::vector<Cidr> cidrs;
  bool word = false;
};

std::string Widened(const NamespaceDestinations& before, const NamespaceDestinations& after, const NamespaceDefaults& defaults) {
  // What the broker's configuration allows is not known here: going back to it may be more.
  if ((before.allow && !after.allow) || !Ranges(before.allow).Cover(Ranges(after.allow))) return "/destinations/allow";
  if (!Ranges(after.deny).Cover(Ranges(before.deny))) return "/destinations/deny";
  if (before.https_only.value_or(defaults.https_only) && !after.https_only.value_or(defaults.https_only)) return "/destinations/https_only";
  const auto &ports_before = before.ports ? before.ports : defaults.ports, &ports_after = after.ports ? after.ports : defaults.ports;
  if (ports_before) {
    const std::set<uint16_t> had(ports_before->begin(), ports_before->end());
    const bool within = ports_after && std::all_of(ports_after->begin(), ports_after->end(), [&](uint16_t port) { return had.contains(port); });
    if (!within) return "/destinations/ports";
  }
  return {};
}

}  // namespace

Status CheckSettings(const NamespaceSettings& s) {
  const Status checks[] = {
      InRange<uint64_t>("/max_pending", s.max_pending, 0, kMostPending),
      InRange<uint64_t>("/max_stored_bytes", s.max_stored_bytes, 0, kMostStoredBytes),
      InRange("/submits_per_s", s.submits_per_s, kLeastRate, kMostRate),
      InRange<uint32_t>("/burst", s.burst, 1, kMostBurst),
      InRange<uint32_t>("/max_in_flight", s.max_in_flight, 1, kMostInFlight),
      InRange<int64_t>("/retention_succeeded_ms", s.retention_succeeded_ms, 0, kMostRetentionMs),
      InRange<int64_t>("/retention_settled_ms", s.retention_settled_ms, 0, kMostRetentionMs),
      InRange<int64_t>("/timeout_ms", s.timeout_ms, 1, kMostTimeoutMs),
      CheckRanges("/destinations/allow", s.destinations.allow, false),
      CheckRanges("/destinations/deny", s.destinations.deny, true),
  };
  for (const Status& status : checks)
    if (!status.ok()) return status;
  if (s.burst && !s.submits_per_s) return Bad("/burst", "it goes with submits_per_s alone");
  if (s.destinations.ports) {
    const std::vector<uint16_t>& ports = *s.destinations.ports;
    if (ports.empty() || ports.size() > kMostItems) return Bad("/destinations/ports", "1 to " + std::to_string(kMostItems) + " of them");
    const auto zero = std::find(ports.begin(), ports.end(), 0);
    if (zero != ports.end()) return Bad("/destinations/ports/" + std::to_string(zero - ports.begin()), "0 is no port");
  }
  if (s.lane_rules.size() > kMostItems) return Bad("/lane_rules", "there are more than " + std::to_string(kMostItems));
  if (SearchesOf(s.lane_rules) > kMostSearches)
    return Bad("/lane_rules", "they have more than " + std::to_string(kMostSearches) + " texts between two \"*\", all together");
  return Status::Ok();
}

CoreLimits LimitsOf(const CoreLimits& broker, const NamespaceSettings& settings) {
  CoreLimits limits = broker;
  limits.max_pending = settings.max_pending.value_or(broker.max_pending);
  limits.own_max_pending = settings.max_pending.has_value();
  limits.max_stored_bytes = settings.max_stored_bytes;
  limits.submits_per_s = settings.submits_per_s.value_or(0);
  limits.submit_burst = settings.burst.value_or(static_cast<uint32_t>(std::max(1.0, std::ceil(limits.submits_per_s))));
  limits.own_max_in_flight = settings.max_in_flight && *settings.max_in_flight < broker.max_in_flight;
  if (limits.own_max_in_flight) limits.max_in_flight = *settings.max_in_flight;
  limits.retention_succeeded_ms = settings.retention_succeeded_ms.value_or(broker.retention_succeeded_ms);
  limits.retention_settled_ms = settings.retention_settled_ms.value_or(broker.retention_settled_ms);
  if (!settings.lane_rules.empty()) limits.lane_rules = settings.lane_rules;
  return limits;
}

std::string NeedsAdminOfAll(const NamespaceSettings& before, const NamespaceSettings& after, const NamespaceDefaults& defaults) {
  if (before.max_pending != after.max_pending) return "/max_pending";
  if (before.max_stored_bytes != after.max_stored_bytes) return "/max_stored_bytes";
  if (before.submits_per_s != after.submits_per_s) return "/submits_per_s";
  if (before.burst != after.burst) return "/burst";
  if (before.max_in_flight != after.max_in_flight) return "/max_in_flight";
  return Widened(before.destinations, after.destinations, defaults);
}

}  // namespace notifyd
