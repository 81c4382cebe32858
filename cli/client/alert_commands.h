// The commands of notifyctl that are about alerts (docs/operating.md, "Alerts"), with their flags. With CLI11, for the file alone that runs them.
#pragma once

#include "cli/client/command_groups.h"

namespace notifyd {

class AlertCommands : private CommandGroups {
 public:
  using CommandGroups::CommandGroups;
  void Add(CLI::App* app);
};

}  // namespace notifyd
