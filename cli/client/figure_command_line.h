// The commands of notifyctl that show a namespace's figures, with their flags. With CLI11, for the file alone that runs them.
#pragma once

#include <cstdint>

#include "cli/client/command_groups.h"

namespace notifyd {

class FigureCommandLine : private CommandGroups {
 public:
  using CommandGroups::CommandGroups;
  void Add(CLI::App* app);

 private:
  uint64_t rows_ = 60;
  int64_t step_ms_ = 3'600'000;
};

}  // namespace notifyd
