// A command line as data: commands with their options, for the manual page and for the completions of shells, which thus say what --help says.
// Pure, and free of the parser.
#pragma once

#include <string>
#include <vector>

namespace notifyd {

struct OptionText {
  std::vector<std::string> names;  // "-f", "--file"; of an argument by position: "id"
  std::string value;               // "FILE"; empty for a flag
  std::string help;
  std::string fallback;            // its default; empty where none
  std::string variable;            // the environment variable that sets it; empty where none
  std::vector<std::string> words;  // the values that there are, where they are few
  bool list = false;               // several of `words`, with commas
  bool file = false;               // a path
  bool value_optional = false;     // --wait or --wait=MS
  bool repeatable = false;
  bool required = false;
};

struct CommandText {
  std::string name;
  std::string help;
  std::string notes;                  // what else --help says, at its end
  std::vector<OptionText> arguments;  // by position
  std::vector<OptionText> options;
  std::vector<CommandText> commands;
};

/// The commands that do something, of groups those within, by their whole names: "token create".
std::vector<CommandText> LeavesOf(const CommandText& root);

/// notifyctl(1). Its options stand on their own; each command is a subsection.
std::string ControlManual(const CommandText& root, const std::string& version);

/// Scripts that complete `root`, to be sourced by bash and to be found by zsh in its fpath. A word that is no option is completed to a command,
/// a value to its words or to files.
std::string BashCompletion(const CommandText& root);
std::string ZshCompletion(const CommandText& root);

}  // namespace notifyd
