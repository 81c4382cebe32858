#include "cli/daemon/alert_reports.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace notifyd {

void AlertReports::Take(AlertReport report, int64_t now_ms) {
  if (said_.size() >= kMost && !said_.contains(report.member)) return;
  const std::string member = report.member;
  said_[member] = {std::make_shared<const AlertReport>(std::move(report)), now_ms};
}

void AlertReports::AddTo(AlertFigures* figures, const std::vector<std::string>& others, int64_t now_ms) {
  std::map<std::string, int64_t> lacks_since;
  std::set<std::string> missing;
  for (const std::string& name : others) {
    AlertMember& member = figures->members.emplace_back(AlertMember{name, nullptr});
    const auto said = said_.find(name);
    if (said != said_.end() && now_ms - said->second.at_ms <= kFreshMs) member.report = said->second.report;
    if (member.report && Covers(*member.report, *figures->settings)) continue;
    const auto before = lacks_since_.find(name);
    const int64_t since_ms = lacks_since[name] = before == lacks_since_.end() ? now_ms : before->second;
    member.missing = now_ms - since_ms >= kFreshMs;
    if (!member.missing) continue;
    missing.insert(name);
    if (!missing_.contains(name))
      Log(LogLevel::kWarn, "alerts do not know a member's figures",
          {{"member", name}, {"detail", member.report ? "its alerts are others" : "it says nothing"}});
  }
  for (const std::string& name : missing_)
    if (!missing.contains(name)) Log(LogLevel::kInfo, "alerts know a member's figures again, or it is gone", {{"member", name}});
  std::erase_if(said_, [&](const auto& each) { return !std::binary_search(others.begin(), others.end(), each.first); });
  lacks_since_ = std::move(lacks_since);
  missing_ = std::move(missing);
}

void AlertReports::Clear() {
  said_.clear();
  lacks_since_.clear();
  missing_.clear();
}

}  // namespace notifyd
