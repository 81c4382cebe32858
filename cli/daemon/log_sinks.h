// Where the log goes besides standard error, by the settings.
#pragma once

#include "base/status.h"
#include "cli/daemon/settings.h"

namespace notifyd {

/// Could all of them be opened? Changes nothing. Error: kUnacceptable, with the setting as its field.
Status CheckLogSinks(const Options& options);

/// Opens them, and has the log write there. Once, before other threads log. Error: as above; nothing has changed then.
Status OpenLogSinks(const Options& options);

/// Opens the log's file anew, which may have been moved away; logs where that fails, and goes on with the old one. Any thread.
void ReopenLog();

}  // namespace notifyd
