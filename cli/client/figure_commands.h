// What notifyctl shows of a namespace's figures: its history, and what falls due. Contract section 16.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "cli/client/context.h"

namespace notifyd {

/// `parameters`: of /v1/history, as they were given. Without series: those that tell most. As a table the last `rows` spans in which there is anything.
Exit ShowHistory(const Context& context, std::map<std::string, std::string> parameters, uint64_t rows);
/// As a table the spans in which something falls due.
Exit ShowDue(const Context& context, int64_t step_ms);

}  // namespace notifyd
