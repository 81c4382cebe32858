// A retry policy as answers show it, and patches change it. Contract section 3, "retry".
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "broker/notify.h"

namespace notifyd {

/// A pattern of answers: one object.
void WritePattern(const AnswerPattern& pattern, JsonWriter* json);
/// A retry policy: one object.
void WriteRetry(const RetryPolicy& retry, JsonWriter* json);

/// MergePatch into a document that may have a policy as WriteRetry shows it, as its `retry`. Of the waits, which exclude each other (schedule_ms;
/// initial_ms and factor), those that the patch names take the place of the others. Errors: as MergePatch has them.
Result<std::string> MergePatchOfRetry(std::string document, std::string_view patch);

}  // namespace notifyd
