// notifyctl submit: one notify of flags, or a file of them. Contract section 4.
#pragma once

#include <string>

#include "cli/context.h"
#include "cli/notify_fields.h"

namespace notifyd {

Exit Submit(const Context& context, const FieldValues& values);

/// NDJSON, one notify a line; "-" is standard input. kRefused where any line was.
Exit SubmitLines(const Context& context, const std::string& file);

}  // namespace notifyd
