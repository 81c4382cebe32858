// notifyctl backup and notifyctl backups: copies of the broker's store, which it makes. Contract section 19.
#pragma once

#include <string>

#include "cli/client/context.h"
#include "cli/client/team_commands.h"

namespace notifyd {

const Collection& Backups();

/// Begins one and waits until it is made, looking for a broker that is away for a while; prints what it became. kRefused where it failed. `wait`
/// false: only begins it.
Exit MakeBackup(const Context& context, const std::string& name, bool full, bool wait);

}  // namespace notifyd
