#include "base/time_zone.h"

#include <algorithm>
#include <iterator>

namespace notifyd {

TimeZone::Span TimeZone::At(int64_t utc_s) const {
  auto next = std::upper_bound(changes_.begin(), changes_.end(), utc_s, [](int64_t at, const Change& change) { return at < change.at_s; });
  const int64_t end_s = next == changes_.end() ? kEnd : next->at_s;
  if (next == changes_.begin()) return {kBegin, end_s, offset_s_};
  return {std::prev(next)->at_s, end_s, std::prev(next)->offset_s};
}

}  // namespace notifyd
