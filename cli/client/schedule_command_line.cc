#include "cli/client/schedule_command_line.h"

#include <utility>

#include "cli/client/schedule_commands.h"

namespace notifyd {

void ScheduleCommandLine::Add(CLI::App* app) {
  CLI::App* group = app->add_subcommand("schedule", "Schedules: notifies that are made by the clock.");
  CLI::App* list = AddCommand(group, "list", "List schedules.", [this](const Context& context, const CLI::App* command) {
    return ListOf(context, Schedules(), ValuesOf(command).fields, limit());
  });
  CLI::App* show = AddCommand(group, "show", "Show a schedule: what it says, its next times, and what became of the last ones.",
                              [this](const Context& context, const CLI::App*) { return ShowSchedule(context, name()); });
  CLI::App* put =
      AddCommand(group, "put", "Say all of a schedule; what is left out is at its default.", [this](const Context& context, const CLI::App* command) {
        return SendTo(context, {"PUT", PathIn(Schedules(), name()), &ScheduleFlags(), ValuesOf(command), if_match()});
      });
  CLI::App* remove = AddCommand(group, "delete", "Remove a schedule; what it made stays.",
                                [this](const Context& context, const CLI::App*) { return RemoveFrom(context, PathIn(Schedules(), name())); });
  CLI::App* run = AddCommand(group, "run", "Make a run of a schedule now.", [this](const Context& context, const CLI::App*) {
    return SendTo(context, {"POST", PathIn(Schedules(), name(), "/run")});
  });
  CLI::App* pause = AddPausing(group, "pause", "Skip the times of a schedule from now on.", true);
  CLI::App* resume = AddPausing(group, "resume", "Let a schedule go on at its next time.", false);
  for (CLI::App* command : {show, put, remove, run, pause, resume}) AddName(command, "NAME", "The schedule's name.");
  AddPaging(list);
  AddFilter(list, "prefix", "--prefix", "TEXT", "Only those whose names begin so.");
  AddFlags(put, ScheduleFlags(), false);
  AddIfMatch(put);
}

CLI::App* ScheduleCommandLine::AddPausing(CLI::App* group, const std::string& name_of, const std::string& help, bool paused) {
  return AddCommand(group, name_of, help, [this, paused](const Context& context, const CLI::App*) {
    FieldValues values;
    values.fields["paused"] = paused ? "true" : "false";
    return SendTo(context, {"PATCH", PathIn(Schedules(), name()), &ScheduleFlags(), std::move(values)});
  });
}

}  // namespace notifyd
