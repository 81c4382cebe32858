// The commands of notifyctl that are about groups of notifies, with their flags. With CLI11, for the file alone that runs them.
#pragma once

#include <cstdint>
#include <string>

#include "cli/client/command_groups.h"
#include "cli/client/patience.h"

namespace notifyd {

class GroupCommandLine : private CommandGroups {
 public:
  using CommandGroups::CommandGroups;
  void Add(CLI::App* app);

 private:
  std::string file_, key_;
  int64_t wait_ms_ = 0, most_ms_ = -1, reconnect_ms_ = kReconnectMs;
};

}  // namespace notifyd
