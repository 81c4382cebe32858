// Words in a row. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace notifyd {

/// Returns the texts of `words`, a range of strings, with `between` between each two.
template <class Words>
std::string Joined(const Words& words, std::string_view between) {
  std::string out;
  bool first = true;
  for (const auto& word : words) {
    if (!first) out += between;
    out += word;
    first = false;
  }
  return out;
}

}  // namespace notifyd
