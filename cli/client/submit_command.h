// notifyctl submit: one notify of flags, or a file of them. Contract section 4.
#pragma once

#include <cstdint>
#include <string>

#include "cli/client/context.h"
#include "cli/client/notify_fields.h"

namespace notifyd {

/// `path`: SubmitPath's (cli/client/submit_file.h), as below.
Exit Submit(const Context& context, const FieldValues& values, const std::string& path);

/// NDJSON, one notify a line; "-" is standard input. kRefused where any line was, or the broker stopped in the middle. One that restarts is looked
/// for again for up to `reconnect_ms`.
Exit SubmitLines(const Context& context, const std::string& file, const std::string& path, int64_t reconnect_ms);

}  // namespace notifyd
