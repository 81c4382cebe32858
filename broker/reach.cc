#include "broker/reach.h"

#include <algorithm>
#include <cstddef>
#include <tuple>

namespace notifyd {

std::set<std::string> FindCutOff(const std::map<std::string, Reach>& members, const std::string& leader) {
  std::set<std::string> out;
  if (std::none_of(members.begin(), members.end(), [](const auto& each) { return each.second.told && !each.second.unreached.empty(); })) return out;
  const auto led = members.find(leader);
  const auto misses = [](const Reach& reach, const std::string& name) { return reach.told && reach.unreached.contains(name); };
  for (;;) {
    std::tuple<size_t, bool, bool, std::string> worst;
    bool found = false;
    for (const auto& [name, own] : members) {
      if (out.contains(name)) continue;
      size_t asked = 0, missed = 0;
      for (const auto& [other, reach] : members) {
        if (other == name || out.contains(other) || !reach.told) continue;
        ++asked;
        if (misses(reach, name)) ++missed;
      }
      if (missed * 2 <= asked) continue;
      const std::tuple rank{missed, led != members.end() && misses(led->second, name), name != leader, name};
      if (!found || worst < rank) worst = rank;
      found = true;
    }
    if (!found) return out;
    out.insert(std::get<std::string>(worst));
  }
}

}  // namespace notifyd
