// Requests by which people look into the process: a CPU profile, and what the cores hold. Contract section 18.
#pragma once

#include "net/api/routes.h"

namespace notifyd {

Result<Asked> ReadDebugProfile(const Asking& asking);
Result<Asked> ReadDebugState(const Asking& asking);

}  // namespace notifyd
