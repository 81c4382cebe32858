// The commands of notifyctl that are about schedules, with their flags. With CLI11, for the file alone that runs them.
#pragma once

#include <string>

#include "cli/client/command_groups.h"

namespace notifyd {

class ScheduleCommandLine : private CommandGroups {
 public:
  using CommandGroups::CommandGroups;
  void Add(CLI::App* app);

 private:
  CLI::App* AddPausing(CLI::App* group, const std::string& name_of, const std::string& help, bool paused);
};

}  // namespace notifyd
