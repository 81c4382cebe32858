// A retry policy as answers show it. Contract section 3, "retry".
#pragma once

#include "base/json.h"
#include "broker/notify.h"

namespace notifyd {

/// A pattern of answers: one object.
void WritePattern(const AnswerPattern& pattern, JsonWriter* json);
/// A retry policy: one object.
void WriteRetry(const RetryPolicy& retry, JsonWriter* json);
/// The same with null in the place of schedule_ms, or of initial_ms and factor, where the two say so.
void WriteRetryParts(const RetryPolicy& retry, bool with_schedule, bool with_steps, JsonWriter* json);

}  // namespace notifyd
