// The commands of notifyctl about services and their instances, as a group of commands. Contract section 11.
#pragma once

#include <string>

#include "cli/client/command_groups.h"

namespace notifyd {

class ServiceCommands : public CommandGroups {
 public:
  using CommandGroups::CommandGroups;

  void Add(CLI::App* app);

 private:
  void AddInstances(CLI::App* group);

  std::string instance_;
};

}  // namespace notifyd
