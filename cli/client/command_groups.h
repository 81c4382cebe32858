// CommandGroups: what groups of commands (notifyctl token create, notifyctl topic list, ...) are defined with. With CLI11, for the files alone that
// define commands.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/client/command_tools.h"

namespace notifyd {

class CommandGroups {
 public:
  /// Borrows both.
  CommandGroups(Actions* actions, OptionHints* hints) : actions_(*actions), hints_(*hints) {}
  CommandGroups(const CommandGroups&) = delete;
  CommandGroups& operator=(const CommandGroups&) = delete;

 protected:
  /// `command`: itself, whose flags were read.
  using Action = std::function<Exit(const Context&, const CLI::App* command)>;

  CLI::App* AddCommand(CLI::App* group, const std::string& name, const std::string& help, Action action);
  /// The same of a command that is there.
  void Does(CLI::App* command, Action action);
  /// What it is about, into name().
  void AddName(CLI::App* command, const char* type, const std::string& help);
  /// Those that a change may hold, with --reset; or all.
  void AddFlags(CLI::App* command, const std::vector<FieldFlag>& flags, bool change);
  void AddIfMatch(CLI::App* command);
  /// --limit and --cursor.
  void AddPaging(CLI::App* command);
  void AddFilter(CLI::App* command, const std::string& name, const std::string& flag, const std::string& type, const std::string& help,
                 std::vector<std::string> words = {});
  /// --file, into `file`.
  CLI::Option* AddFile(CLI::App* command, std::string* file, const std::string& help);
  /// One of `words`, into `text`.
  void AddWord(CLI::App* command, const std::string& flag, std::string* text, const std::string& help, const std::vector<std::string>& words);
  /// --header, into the headers of ValuesOf.
  void AddHeader(CLI::App* command);
  /// What was given.
  FieldValues ValuesOf(const CLI::App* command) const;

  const std::string& name() const { return name_; }
  const std::string& if_match() const { return if_match_; }
  uint64_t limit() const { return limit_; }
  std::map<const CLI::App*, Texts>& texts() { return texts_; }
  OptionHints& hints() { return hints_; }

 private:
  Actions& actions_;
  OptionHints& hints_;
  std::map<const CLI::App*, Texts> texts_;
  std::vector<std::string> resets_, headers_;
  std::string name_, if_match_;
  uint64_t limit_ = 100;
};

}  // namespace notifyd
