// The web console's files, and who it is that asks. Contract section 16.
#pragma once

#include "net/api/routes.h"

namespace notifyd {

/// /console: leads to /console/.
Result<Asked> ReadConsoleRedirect(const Asking& asking);
/// /console/ and what is under it. Error: kNotFound.
Result<Asked> ReadConsole(const Asking& asking);
HttpDemand DemandOfConsole(const Route& route, size_t body_bytes, const ApiOptions& options);
/// What whoever asks is taken for, and may do.
Result<Asked> ReadWhoami(const Asking& asking);

}  // namespace notifyd
