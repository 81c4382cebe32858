// notifyctl debug: a look into the broker's process. Contract section 18. With CLI11, for command_line.cc alone.
#pragma once

#include <cstdint>
#include <string>

#include "cli/client/command_groups.h"

namespace notifyd {

class DebugCommandLine : private CommandGroups {
 public:
  using CommandGroups::CommandGroups;
  void Add(CLI::App* app);

 private:
  int64_t seconds_ = 10;
  std::string file_ = "profile.pb.gz";
};

}  // namespace notifyd
