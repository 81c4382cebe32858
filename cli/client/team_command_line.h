// The commands of notifyctl that manage teams, as groups of commands: token, namespace, host, caller; and audit.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/client/command_tools.h"
#include "cli/client/team_commands.h"

namespace notifyd {

class TeamCommandLine {
 public:
  /// Borrows both.
  TeamCommandLine(Actions* actions, OptionHints* hints) : actions_(*actions), hints_(*hints) {}
  TeamCommandLine(const TeamCommandLine&) = delete;
  TeamCommandLine& operator=(const TeamCommandLine&) = delete;

  void Add(CLI::App* app);

 private:
  /// `command`: itself, whose flags were read.
  using Action = std::function<Exit(const Context&, const CLI::App* command)>;

  void AddTokens(CLI::App* app);
  void AddNamespaces(CLI::App* app);
  void AddSigningKeys(CLI::App* space);
  /// What a group of commands holds back by hand: `noun` is "host" or "caller".
  CLI::App* AddSteered(CLI::App* app, const std::string& noun, const std::string& help, const Collection& of, const std::vector<FieldFlag>& flags);
  void AddHosts(CLI::App* app);
  void AddCallers(CLI::App* app);
  void AddAudit(CLI::App* app);

  CLI::App* AddCommand(CLI::App* group, const std::string& name, const std::string& help, Action action);
  void AddName(CLI::App* command, const char* type, const std::string& help);
  /// Those that a change may hold, with --reset; or all.
  void AddFlags(CLI::App* command, const std::vector<FieldFlag>& flags, bool change);
  void AddIfMatch(CLI::App* command);
  void AddPaging(CLI::App* command);
  void AddFilter(CLI::App* command, const std::string& name, const std::string& flag, const std::string& type, const std::string& help,
                 std::vector<std::string> words = {});
  /// --expires-in beside --expires-at.
  void AddExpiry(CLI::App* command);
  /// What was given.
  FieldValues ValuesOf(const CLI::App* command) const;
  /// The same with --expires-in as the moment that it means; nothing after a complaint.
  std::optional<FieldValues> TokenValuesOf(const CLI::App* command) const;

  Actions& actions_;
  OptionHints& hints_;
  std::map<const CLI::App*, Texts> texts_;
  std::vector<std::string> resets_;
  std::string name_, key_, if_match_, expires_in_;
  uint64_t limit_ = 100, grace_ms_ = 0, since_ms_ = 0;
  bool discard_pending_ = false;
};

}  // namespace notifyd
