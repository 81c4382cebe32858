// The commands of notifyctl that are about brokers which share a store. With CLI11, for the file alone that runs them.
#pragma once

#include "cli/client/command_groups.h"

namespace notifyd {

class ClusterCommandLine : private CommandGroups {
 public:
  using CommandGroups::CommandGroups;
  void Add(CLI::App* app);

 private:
  bool end_ = false;
};

}  // namespace notifyd
