// What a change of a resource (a service, a topic, a subscription, a schedule, ...) requires of what stands in its place, and which page of a list of
// them is asked for. Plain values. Contract part 3: "Each resource that has a PUT".
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace notifyd {

/// If-Match and If-None-Match, judged where the change is made, so that nothing comes between. Nothing said: whatever stands there.
struct ResourceCondition {
  bool absent = false;                                  // If-None-Match: *
  bool present = false;                                 // If-Match: *
  std::optional<std::vector<Fingerprint>> prints = {};  // If-Match: one of these; none of them may be one that any resource can have

  bool IsDefault() const { return !absent && !present && !prints; }
  /// `bytes`: those whose fingerprint the resource's ETag shows (ETagOfBytes in net/api/resource.h); nothing: there is no such resource.
  /// False is answered with Stale, and that with 412.
  bool Holds(std::optional<std::string_view> bytes) const {
    if (absent && bytes) return false;
    if ((present || prints) && !bytes) return false;
    return !prints || std::find(prints->begin(), prints->end(), FingerprintOf(*bytes)) != prints->end();
  }
};

/// What one page of a list takes of stored rows and of answers, without what each row takes beside: a list ends early, and goes on behind its last
/// row, where the next row would go beyond. So what a client asks for is bounded whatever the rows hold, and can be reserved (net/api/demand.h).
inline constexpr size_t kListPageBytes = 512 << 10;

/// Of a list by name: those behind `after`, whose names begin with `prefix`.
struct ResourcesQuery {
  size_t limit = 100;  // 1-1,000
  std::string after = {};
  std::string prefix = {};
};

}  // namespace notifyd
