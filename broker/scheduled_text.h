// The templates of schedules: "{{scheduled_at}}" in the string values of their data. Pure. Contract section 15.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/time.h"

namespace notifyd {

inline constexpr std::string_view kScheduledAt = "{{scheduled_at}}";

/// The JSON text, which must be valid, with the time in place of each kScheduledAt in its strings that are values. Keys stay as they are. Time
/// O(bytes): `looked`, where it is not null, is told how many bytes were searched.
std::string AtTime(std::string_view json, WallTime scheduled_at, size_t* looked = nullptr);

}  // namespace notifyd
