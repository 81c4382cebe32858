// The fields of a notify as flags, in the contract's order (section 3, "A notify").
#pragma once

#include <string>
#include <vector>

#include "cli/client/field_flags.h"

namespace notifyd {

const std::vector<FieldFlag>& NotifyFlags();

/// The rows that postpone a trigger, too: delay_ms and due_at.
bool IsWhenField(const FieldFlag& field);

/// The object to submit, or the merge patch. Error: kUnacceptable, naming the flag.
Result<std::string> NotifyJson(const FieldValues& values);

}  // namespace notifyd
