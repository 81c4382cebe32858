// notifyctl group: notifies that belong together. Contract section 13.
#pragma once

#include <cstdint>
#include <string>

#include "cli/client/context.h"
#include "cli/client/team_commands.h"

namespace notifyd {

const Collection& Groups();

/// Submits the group that a file of JSON says; "-": standard input. `wait_ms`: prints it once all of it is settled, or as it is then; 0: at once.
Exit MakeGroup(const Context& context, const std::string& file, const std::string& idempotency_key, int64_t wait_ms);
Exit ShowGroup(const Context& context, const std::string& id);
/// Prints it once all of it is settled; `wait_ms`: as it is then, at the latest; -1: however long that takes. A broker that goes away meanwhile is
/// looked for again for up to `reconnect_ms`.
Exit WaitForGroup(const Context& context, const std::string& id, int64_t wait_ms, int64_t reconnect_ms);
Exit CancelGroup(const Context& context, const std::string& id);

}  // namespace notifyd
