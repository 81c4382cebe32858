#include "net/command/command_rules.h"

#include <algorithm>

#include "base/ascii.h"

namespace notifyd {
namespace {

bool Has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

const CommandRule* CommandRules::Find(std::string_view name) const {
  auto found = std::find_if(rules_.begin(), rules_.end(), [&](const CommandRule& rule) { return rule.name == name; });
  return found == rules_.end() ? nullptr : &*found;
}

Status CommandRules::Check(std::string_view space, std::string_view caller, std::string_view name) const {
  const CommandRule* rule = Find(name);
  if (rule != nullptr && Has(rule->namespaces, space) && (rule->callers.empty() || Has(rule->callers, caller))) return Status::Ok();
  return Status(Code::kUnacceptable, "there is no command \"" + std::string(name.substr(0, 64)) + "\" for this namespace and caller");
}

bool IsCommandName(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || IsDigit(c); };
  return !text.empty() && text.size() <= 64 && plain(text[0]) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace notifyd
