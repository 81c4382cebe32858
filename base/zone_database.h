// The system's tz database (package tzdata), read by the library date: for the programs that hand zones to those who decide by them.
#pragma once

#include "base/time_zone.h"

namespace notifyd {

/// As FindZone. What was read is kept as long as the process lives, so that a newer database counts from the next start on; the first call for a name
/// reads a file, and the very first one the names of all.
std::shared_ptr<const TimeZone> FindSystemZone(std::string_view name);

}  // namespace notifyd
