#include "cli/client/backup_command_line.h"

#include "cli/client/backup_commands.h"

namespace notifyd {

void BackupCommandLine::Add(CLI::App* app) {
  AddMaking(app, "backup");
  CLI::App* group = app->add_subcommand("backups", "Backups of the store, made while it is in use; notifyd restore puts one back.");
  AddMaking(group, "make");
  AddCommand(group, "list", "List backups, oldest first, with one that is being made.",
             [](const Context& context, const CLI::App*) { return ListOf(context, Backups(), {}, UINT64_MAX); });
  CLI::App* show =
      AddCommand(group, "show", "Show one backup.", [this](const Context& context, const CLI::App*) { return ShowOf(context, Backups(), name()); });
  CLI::App* remove = AddCommand(group, "delete", "Remove a backup for good. Others stay whole.",
                                [this](const Context& context, const CLI::App*) { return RemoveFrom(context, PathIn(Backups(), name())); });
  for (CLI::App* command : {show, remove}) AddName(command, "NAME", "The backup's name.");
}

/// As a command of its own, and beside the others.
void BackupCommandLine::AddMaking(CLI::App* app, const std::string& verb) {
  CLI::App* make = AddCommand(app, verb, "Have the broker make a backup of its store, in its backup.directory, and wait until it is made.",
                              [this](const Context& context, const CLI::App*) { return MakeBackup(context, name(), full_, !no_wait_); });
  AddName(make, "NAME", "What it is to be called: the directory's name.");
  make->add_flag("--full", full_, "Copy all of it; else what an older backup has already is not copied again.");
  make->add_flag("--no-wait", no_wait_, "Only begin it.");
}

}  // namespace notifyd
