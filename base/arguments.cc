#include "base/arguments.h"

#include <algorithm>

namespace notifyd {

std::vector<std::string> ArgumentsForParser(const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  bool flags = true;
  for (const std::string& argument : arguments) {
    if (argument == "--") flags = false;
    bool valueless = flags && argument.starts_with("--") && argument.find('=') == argument.size() - 1;
    out.push_back(valueless ? argument.substr(0, argument.size() - 1) : argument);
    if (valueless) out.emplace_back();
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace notifyd
