// The commands of notifyctl that manage teams, as groups of commands: token, namespace, host, caller; and audit.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/client/command_groups.h"
#include "cli/client/team_commands.h"

namespace notifyd {

class TeamCommandLine : public CommandGroups {
 public:
  using CommandGroups::CommandGroups;

  void Add(CLI::App* app);

 private:
  void AddTokens(CLI::App* app);
  void AddNamespaces(CLI::App* app);
  void AddSigningKeys(CLI::App* space);
  /// What a group of commands holds back by hand: `noun` is "host" or "caller".
  CLI::App* AddSteered(CLI::App* app, const std::string& noun, const std::string& help, const Collection& of, const std::vector<FieldFlag>& flags);
  void AddHosts(CLI::App* app);
  void AddCallers(CLI::App* app);
  void AddAudit(CLI::App* app);

  /// --expires-in beside --expires-at.
  void AddExpiry(CLI::App* command);
  /// What was given, with --expires-in as the moment that it means; nothing after a complaint.
  std::optional<FieldValues> TokenValuesOf(const Context& context, const CLI::App* command) const;

  std::string key_, expires_in_;
  uint64_t grace_ms_ = 0;
  bool discard_pending_ = false;
};

}  // namespace notifyd
