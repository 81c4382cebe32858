#include "cli/client/cluster_command_line.h"

#include "cli/client/cluster_commands.h"

namespace notifyd {

void ClusterCommandLine::Add(CLI::App* app) {
  CLI::App* group = AddCommand(app, "cluster", "Show the brokers that share the store: who leads, who serves which namespace, what was moved last.",
                               [](const Context& context, const CLI::App*) { return ShowCluster(context); });
  CLI::App* drain = AddCommand(group, "drain", "Have a member's namespaces go to the others, one a second, and none come to it.",
                               [this](const Context& context, const CLI::App*) { return DrainMember(context, name(), !end_); });
  AddName(drain, "MEMBER", "The member's name, as cluster shows it.");
  drain->add_flag("--end", end_, "It takes namespaces again.");
}

}  // namespace notifyd
