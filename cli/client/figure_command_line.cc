#include "cli/client/figure_command_line.h"

#include "cli/client/figure_commands.h"

namespace notifyd {

void FigureCommandLine::Add(CLI::App* app) {
  CLI::App* history = AddCommand(app, "history", "Show what was done, span by span.", [this](const Context& context, const CLI::App* command) {
    return ShowHistory(context, ValuesOf(command).fields, rows_);
  });
  AddFilter(history, "series", "--series", "NAME,...", "What to show, as docs/openapi.yaml names it; default what tells most.");
  AddFilter(history, "from", "--from", "TIME", "From when on; default a day ago, in quarters of an hour 30 days.");
  AddFilter(history, "to", "--to", "TIME", "Until when; default now.");
  AddFilter(history, "step", "--step", "MS", "60000 or 900000: minutes, kept for a day, or quarters of an hour, kept for 30 days.", {"60000", "900000"});
  AddFilter(history, "host", "--host", "HOST", "Of this host alone: one of the busiest.");
  history->add_option("--rows", rows_, "As a table so many of the last spans in which there is anything.")
      ->check(Quiet(CLI::Range(uint64_t{1}, kListMost)))
      ->type_name("N")
      ->default_str("60");
  CLI::App* due = AddCommand(app, "due", "Show what falls due in the next two days.",
                             [this](const Context& context, const CLI::App*) { return ShowDue(context, step_ms_); });
  due->add_option("--step-ms", step_ms_, "Counted by spans of so long, in whole minutes.")
      ->check(Quiet(CLI::Range(int64_t{60'000}, int64_t{2 * 24 * 3'600'000})))
      ->type_name("MS")
      ->default_str("3600000");
}

}  // namespace notifyd
