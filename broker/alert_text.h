// What messages of alerts say, to each kind of target in its own form. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "broker/alert_records.h"

namespace notifyd {

/// One message: of one alert, or of several that had something to say at once.
struct AlertMessage {
  std::string source;
  WallTime at;
  std::vector<AlertNews> news;
};

/// The body that a target of that kind is sent, before it is signed: JSON, but for kMail, whose first line is the subject. `address`: of kLog, which
/// says it.
std::string AlertBody(AlertTarget::Kind kind, std::string_view address, const AlertMessage& message);

/// "oldest_due_age: orders, lane bills": what a cause is, in one line for people.
std::string CauseText(const AlertCause& cause);
/// An object of those parts of it that it has, with since, value and detail.
void WriteCause(const AlertCauseView& view, JsonWriter* json);

/// WeCom's bound of a markdown message, in bytes of UTF-8, and those of the others.
inline constexpr size_t kWecomMostBytes = 2'048;
inline constexpr size_t kRobotMostBytes = 8'000;

}  // namespace notifyd
