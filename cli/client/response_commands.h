// notifyctl response, and submit --wait: what receivers answered.
#pragma once

#include <cstdint>
#include <string>

#include "cli/client/context.h"
#include "cli/client/notify_fields.h"

namespace notifyd {

/// What is kept of the answer that ended a notify.
Exit ShowResponse(const Context& context, const std::string& id);
/// The bytes of its body into a file, as SaveTo.
Exit SaveResponse(const Context& context, const std::string& id, const std::string& file);

/// Writes bytes to a file, which only its owner may read where it is made; "-": to standard output. Complains where it cannot.
Exit SaveTo(const std::string& file, const std::string& bytes);

/// Submits one to `path` (SubmitPath), and waits until it is settled; negative `wait_ms`: as long as it takes.
Exit SubmitAndWait(const Context& context, const FieldValues& values, const std::string& path, int64_t wait_ms);

}  // namespace notifyd
