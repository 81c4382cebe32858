#include "cli/client/schedule_commands.h"

#include <optional>

#include "cli/client/table.h"

namespace notifyd {
namespace {

using enum FieldFlag::Kind;
using Value = JsonTree::Value;

std::string RenderSchedule(Value schedule) {
  std::string text = Fields(schedule, {"notify", "publish", "next", "runs"});
  if (std::optional<Value> notify = schedule.At("/notify")) text += "\nNOTIFY\n" + Fields(*notify);
  if (std::optional<Value> publish = schedule.At("/publish")) text += "\nPUBLISH\n" + Fields(*publish);
  if (std::optional<Value> next = schedule.At("/next"); next && next->size() > 0) {
    Table table({"NEXT"});
    next->ForEach([&](Value, Value time) { table.Row({Cell(time)}); });
    text += "\n" + table.ToString();
  }
  std::optional<Value> runs = schedule.At("/runs");
  if (!runs || runs->size() == 0) return text;
  Table table({"SCHEDULED", "OUTCOME", "COUNT", "AT", "NOTIFY", "EVENT", "REASON"});
  runs->ForEach([&](Value, Value run) {
    table.Row({Cell(run.At("/scheduled_at")), Cell(run.At("/outcome")), Cell(run.At("/count")), Cell(run.At("/at")), Cell(run.At("/notify")),
               Cell(run.At("/event")), Cell(run.At("/reason"))});
  });
  return text + "\n" + table.ToString();
}

}  // namespace

const Collection& Schedules() {
  static const Collection of = {"/v1/schedules",
                                {{"NAME", "/name"},
                                 {"CRON", "/cron"},
                                 {"EVERY MS", "/every_ms"},
                                 {"TIMEZONE", "/timezone"},
                                 {"PAUSED", "/paused"},
                                 {"NEXT", "/next/0"},
                                 {"MISSED", "/missed_total"},
                                 {"URL", "/notify/url"},
                                 {"TOPIC", "/publish/topic"}}};
  return of;
}

const std::vector<FieldFlag>& ScheduleFlags() {
  static const std::vector<FieldFlag> fields = {
      {"cron", "--cron", kText, "TEXT", "When: minute, hour, day of the month, month, day of the week; or @hourly, @daily and so on."},
      {"every_ms", "--every-ms", kNumber, "MS", "In place of --cron: how far its times are apart, 1000 at least."},
      {"timezone", "--timezone", kText, "ZONE", "Whose clock --cron means, such as Europe/Berlin; default UTC."},
      {"start_at", "--start-at", kTime, "TIME", "Not before: RFC 3339, or milliseconds since the epoch. --every-ms counts from it."},
      {"end_at", "--end-at", kTime, "TIME", "Not after."},
      {"notify", "--notify", kJson, "JSON", "The notify of each run; {{scheduled_at}} in strings of its data becomes the run's time."},
      {"publish",
       "--publish",
       kJson,
       "JSON",
       "In place of --notify: the event that each run publishes, with its topic; {{scheduled_at}} as there."},
      {"missed",
       "--missed",
       kText,
       "WORD",
       "Of times at which the broker did not run: skip, one (the default) or all.",
       false,
       {"skip", "one", "all"}},
      {"overlap", "--overlap", kText, "WORD", "While the last run is not settled: allow (the default) or skip.", false, {"allow", "skip"}},
      {"paused", "--paused", kYesOrNo, "WORD", "true: its times are skipped.", false, {"true", "false"}},
      {"jitter_ms", "--jitter-ms", kNumber, "MS", "Each run is later by up to this."},
  };
  return fields;
}

Exit ShowSchedule(const Context& context, const std::string& name) {
  return Show(context, Ask(context, "GET", PathIn(Schedules(), name)), RenderSchedule);
}

}  // namespace notifyd
