// notifyctl schedule: notifies that are made by the clock. Contract section 15.
#pragma once

#include <string>
#include <vector>

#include "cli/client/context.h"
#include "cli/client/field_flags.h"
#include "cli/client/team_commands.h"

namespace notifyd {

const Collection& Schedules();
const std::vector<FieldFlag>& ScheduleFlags();

/// Its fields, its next times, and what became of the last ones.
Exit ShowSchedule(const Context& context, const std::string& name);

}  // namespace notifyd
