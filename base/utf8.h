// UTF-8: is it valid, and making it so. Pure, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace notifyd {

bool IsValidUtf8(std::string_view text);

/// Returns whether there is a control character of ASCII in it.
bool HasControl(std::string_view text);

/// Returns at most `max_bytes` of valid UTF-8 from the beginning of `text`, cut between code points. What is not UTF-8 becomes U+FFFD, one for each
/// maximal part of a sequence (Unicode 15, section 3.9, as browsers do it).
std::string RepairUtf8(std::string_view text, size_t max_bytes);

}  // namespace notifyd
