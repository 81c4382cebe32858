// AlertReports: what the other members of a cluster said last of what alerts are about, where they are judged. No lock, no clock.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/alert_report.h"

namespace notifyd {

class AlertReports {
 public:
  /// What is older says nothing any more; and a member of which nothing is known for so long is missing.
  static constexpr int64_t kFreshMs = 5'000;
  /// Of members that nobody knows nothing is kept for longer than until the next AddTo; of so many at a time.
  static constexpr size_t kMost = 1'000;

  /// At `now_ms` of some clock, like below.
  void Take(AlertReport report, int64_t now_ms);
  /// Adds the other members to figures that have settings. `others`: their names, by name.
  void AddTo(AlertFigures* figures, const std::vector<std::string>& others, int64_t now_ms);
  void Clear();

 private:
  struct Said {
    std::shared_ptr<const AlertReport> report;
    int64_t at_ms = 0;
  };
  std::map<std::string, Said> said_;            // by member
  std::map<std::string, int64_t> lacks_since_;  // of those others that did not say all of late
  std::set<std::string> missing_;               // as was logged
};

}  // namespace notifyd
