// Members of JSON objects that are null where there is nothing to say. Pure, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/time.h"

namespace notifyd {

/// Writes the text, or null where it is empty.
inline void TextOrNull(std::string_view text, JsonWriter* json) {
  text.empty() ? json->Null() : json->String(text);
}
inline void TextOrNull(std::string_view key, std::string_view text, JsonWriter* json) {
  json->Key(key);
  TextOrNull(text, json);
}

/// Writes the time as RFC 3339, or null where there is none, or it never comes.
inline void TimeOrNull(WallTime time, JsonWriter* json) {
  time == kWallNever ? json->Null() : json->String(FormatRfc3339(time));
}
inline void TimeOrNull(const std::optional<WallTime>& time, JsonWriter* json) {
  TimeOrNull(time.value_or(kWallNever), json);
}
template <class Time>
void TimeOrNull(std::string_view key, const Time& time, JsonWriter* json) {
  json->Key(key);
  TimeOrNull(time, json);
}

}  // namespace notifyd
