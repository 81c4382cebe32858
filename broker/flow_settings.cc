#include "broker/flow_settings.h"

#include <algorithm>
#include <charconv>

#include "broker/flow.h"

namespace notifyd {

const HostRule* RuleOfHost(const std::string& host, const std::vector<HostRule>& rules) {
  if (const std::string_view command = CommandOf(host); !command.empty()) {
    const auto found = std::find_if(rules.begin(), rules.end(), [&](const HostRule& rule) { return rule.command == command; });
    return found == rules.end() ? nullptr : &*found;
  }
  const size_t colon = host.rfind(':');
  uint16_t port = 0;
  if (rules.empty() || colon == host.npos || !ServiceOf(host).empty()) return nullptr;
  const char* end = host.data() + host.size();
  const auto read = std::from_chars(host.data() + colon + 1, end, port);
  if (read.ec != std::errc() || read.ptr != end) return nullptr;
  const std::string_view name = WithoutBrackets(std::string_view(host).substr(0, colon));
  for (const HostRule& rule : rules)
    if (rule.command.empty() && rule.match.CoversHost(name, port)) return &rule;
  return nullptr;
}

}  // namespace notifyd
