// The commands of notifyctl that bring the messages of other queues to the broker, with their flags. With CLI11, for the file alone that runs them.
#pragma once

#include "cli/client/bridge_commands.h"
#include "cli/client/command_groups.h"

namespace notifyd {

class BridgeCommandLine : private CommandGroups {
 public:
  using CommandGroups::CommandGroups;
  void Add(CLI::App* app);

 private:
  void AddServer(CLI::App* command);
  void AddMapping(CLI::App* command);

  AmqpBridgeArguments amqp_;
};

}  // namespace notifyd
