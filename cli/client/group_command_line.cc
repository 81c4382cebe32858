#include "cli/client/group_command_line.h"

#include "cli/client/group_commands.h"

namespace notifyd {
namespace {

constexpr int64_t kMostAnyMs = 7ll * 24 * 3600 * 1000;

}  // namespace

void GroupCommandLine::Add(CLI::App* app) {
  CLI::App* group = app->add_subcommand("group", "Groups: notifies that are accepted, watched and told of together.");
  CLI::App* create = AddCommand(group, "create", "Submit a group that a file says, all of it or nothing.",
                                [this](const Context& context, const CLI::App*) { return MakeGroup(context, file_, key_, wait_ms_); });
  CLI::App* show = AddCommand(group, "show", "Show a group: its counts, and what became of each notify.",
                              [this](const Context& context, const CLI::App*) { return ShowGroup(context, name()); });
  CLI::App* wait = AddCommand(group, "wait", "Wait until all notifies of a group are settled, and show it.",
                              [this](const Context& context, const CLI::App*) { return WaitForGroup(context, name(), most_ms_, reconnect_ms_); });
  CLI::App* cancel = AddCommand(group, "cancel", "Cancel those notifies of a group that wait.",
                                [this](const Context& context, const CLI::App*) { return CancelGroup(context, name()); });
  CLI::App* list = AddCommand(group, "list", "List groups, newest first.", [this](const Context& context, const CLI::App* command) {
    return ListOf(context, Groups(), ValuesOf(command).fields, limit());
  });
  for (CLI::App* command : {show, wait, cancel}) AddName(command, "ID", "The group's id.");
  AddPaging(list);
  AddFile(create, &file_, "The group, as the body of POST /v1/groups has it; - is standard input.")->required();
  create->add_option("--idempotency-key", key_, "A second group with this key is the first one.")->type_name("KEY")->check(NotEmpty());
  create->add_option("--wait-ms", wait_ms_, "Print the group once all of it is settled, or after so long.")
      ->check(Quiet(CLI::Range(int64_t{0}, kMostWaitMs)))
      ->type_name("MS")
      ->default_str("0");
  wait->add_option("--wait-ms", most_ms_, "So long at most; else until it is settled.")
      ->check(Quiet(CLI::Range(int64_t{0}, kMostAnyMs)))
      ->type_name("MS");
  wait->add_option("--reconnect-ms", reconnect_ms_, "How long to look for a broker that goes away meanwhile.")
      ->check(Quiet(CLI::Range(int64_t{0}, int64_t{24 * 3'600'000})))
      ->type_name("MS")
      ->default_str(std::to_string(kReconnectMs));
}

}  // namespace notifyd
