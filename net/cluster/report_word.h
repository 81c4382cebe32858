// What a member found of its own figures (broker/alert_report.h) as it goes to the one that judges alerts: a POST of a JSON document to the members'
// own listener, answered with 204 once it was taken. A release that knows nothing of it answers with another status. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/alert_report.h"
#include "net/cluster/meant_member.h"

namespace notifyd {

inline constexpr std::string_view kReportWordTarget = "/member/alerts";

/// `to`: for whom it is.
std::string EncodeAlertReport(const AlertReport& report, const MeantMember& to = {});
/// `to`: may be null. Nothing: it is none. What it does not know it passes over: a later version may say more.
std::optional<AlertReport> DecodeAlertReport(std::string_view text, MeantMember* to = nullptr);

}  // namespace notifyd
