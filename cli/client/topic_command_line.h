// The commands of notifyctl about topics: topic, subscription and event as groups, and publish.
#pragma once

#include <string>

#include "cli/client/command_groups.h"

namespace notifyd {

class TopicCommandLine : public CommandGroups {
 public:
  using CommandGroups::CommandGroups;

  void Add(CLI::App* app);

 private:
  void AddTopics(CLI::App* app);
  void AddSubscriptions(CLI::App* app);
  void AddSubscriptionSteering(CLI::App* group);
  void AddEvents(CLI::App* app);
  void AddPublish(CLI::App* app);

  std::string pending_;
  bool all_ = false;
};

}  // namespace notifyd
