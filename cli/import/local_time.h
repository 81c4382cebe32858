// The times of NotifyAgent's table: "Y-m-d H:i:s" in the zone of PHP's date.timezone. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "base/time.h"
#include "base/time_zone.h"

namespace notifyd {

/// Returns the first moment at which the clocks of `zone` show that time or a later one, as the old daemon saw it, which compared with what the clock
/// showed: a time that is left out in spring comes when the clocks go forward, one that comes twice in autumn comes the first time. A fraction of a
/// second may follow. MySQL's "0000-00-00 00:00:00" is long past. Error: kUnacceptable.
Result<WallTime> ParseLocalTime(std::string_view text, const TimeZone& zone);

/// Writes what the clocks of `zone` show, "Y-m-d H:i:s".
std::string FormatLocalTime(WallTime time, const TimeZone& zone);

}  // namespace notifyd
