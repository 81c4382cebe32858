// Describe: what a CLI11 app holds, as data for manual and completions. What CLI11 does not know of an option stands in its hint.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/client/command_text.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace notifyd {

struct OptionHint {
  std::vector<std::string> words;
  bool list = false;
  bool file = false;
  std::string optional_value;  // "MS": a flag that also takes a value behind "="
};
using OptionHints = std::map<const CLI::Option*, OptionHint>;

/// Hidden options (of the group "") are left out. Borrows nothing.
CommandText Describe(const CLI::App& app, const OptionHints& hints);

}  // namespace notifyd
