// The commands of notifyctl that are about backups, with their flags. With CLI11, for the file alone that runs them.
#pragma once

#include "cli/client/command_groups.h"

namespace notifyd {

class BackupCommandLine : private CommandGroups {
 public:
  using CommandGroups::CommandGroups;
  void Add(CLI::App* app);

 private:
  void AddMaking(CLI::App* app, const std::string& verb);

  bool full_ = false, no_wait_ = false;
};

}  // namespace notifyd
