#include "broker/via.h"

#include <algorithm>

namespace notifyd {
namespace {

constexpr std::string_view kBlanks = " \t";

std::string_view Trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::string_view NameOf(std::string_view member) {
  return Trim(member.substr(0, member.find(';')));
}

/// Calls `visit(member)`, which says whether to go on, for each.
template <class Visit>
void ForEach(std::string_view chain, Visit visit) {
  while (!chain.empty()) {
    const size_t end = std::min(chain.find(','), chain.size());
    if (!visit(Trim(chain.substr(0, end)))) return;
    chain.remove_prefix(std::min(end + 1, chain.size()));
  }
}

bool IsMember(std::string_view member) {
  return !NameOf(member).empty() && std::all_of(member.begin(), member.end(), [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; });
}

}  // namespace

bool ViaNames(std::string_view chain, std::string_view name) {
  bool found = false;
  ForEach(chain, [&](std::string_view member) {
    found = NameOf(member) == name;
    return !found;
  });
  return found;
}

std::string MergeVia(std::string_view older, std::string_view newer) {
  std::string merged;
  for (std::string_view chain : {older, newer}) {
    ForEach(chain, [&](std::string_view member) {
      if (IsMember(member) && !ViaNames(merged, NameOf(member))) merged.append(merged.empty() ? "" : ", ").append(member);
      return true;
    });
  }
  while (merged.size() > kMaxViaBytes) {
    const size_t end = merged.find(", ");
    merged.erase(0, end == std::string::npos ? merged.size() : end + 2);
  }
  return merged;
}

}  // namespace notifyd
