// What single fields of a submit may hold: checked values out of JSON values. Pure. Contract section 3, "A notify".
// Each takes the field's JSON Pointer, which failures carry; all failures are kUnacceptable unless said otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "broker/events.h"
#include "broker/notify.h"
#include "base/json_reader.h"

namespace notifyd {

/// Ten years, the leap days included: how far ahead a due time may be.
inline constexpr int64_t kMaxDelayMs = 3653LL * 24 * 3600 * 1000;
/// Of a lane, a group, an fkey, an idempotency key, and the prefixes that lists are filtered by.
inline constexpr size_t kMaxNameBytes = 255;

/// An id as it may be said: as it is shown, or its number in decimal, below 2^63 (contract section 20). Nothing where it is neither.
std::optional<NotifyId> ReadId(std::string_view text);

/// Of the lane that results: with the partition that order_by puts behind its name.
inline constexpr size_t kMaxLaneBytes = kMaxNameBytes + 5;

/// The integer that a JSON number is by its value, so 1000 of "1000.0" and of "1e3", exactly. Nothing: it is none, or is no number; where it is one
/// that takes more than 64 bits, the nearest that does not, and `*beyond` says so.
std::optional<int64_t> ParseInteger(std::string_view number, bool* beyond = nullptr);
/// An integer, in whatever way its number is written.
Status ReadInt(const JsonValue& value, std::string_view pointer, int64_t least, int64_t most, int64_t* out);
Status ReadDouble(const JsonValue& value, std::string_view pointer, double least, double most, double* out);
/// A string of so many bytes, without NUL.
Status ReadText(const JsonValue& value, std::string_view pointer, size_t least, size_t most, std::string* out);
/// RFC 3339 or integer milliseconds since the epoch. `too_far`: what is said of a number beyond the year 9999.
Status ReadTime(const JsonValue& value, std::string_view pointer, const char* too_far, WallTime* out);
/// Refuses a number that is more likely one of seconds, or that lies before the year 0. A zero, say, is a time like any other.
Status CheckTimeNumber(int64_t ms, std::string_view pointer);
/// RFC 3339 alone.
Status ReadTimeText(std::string_view text, std::string_view pointer, WallTime* out);

/// Header fields for the receiver (RFC 9110). `content_type_given`: a Content-Type among them is refused.
Status ReadHeaders(const JsonValue& value, bool content_type_given, std::vector<std::pair<std::string, std::string>>* out);

/// Labels: an object of at most 16 strings; keys of 1 to 64 bytes without ":", values of at most 256. Sorted by key; null where it is empty.
Status ReadLabels(const JsonValue& value, const std::string& pointer, std::shared_ptr<const Labels>* out);
/// "key:value", as a filter has it.
Status ReadLabelFilter(std::string_view text, const std::string& pointer, Labels* out);

/// A media type with its parameters (RFC 9110 section 8.3.1).
Status CheckMediaType(std::string_view text, std::string_view pointer);
/// Type and subtype alone, in lower case.
std::string MediaTypeEssence(std::string_view text);

/// An answer pattern. `status` is left as it was where the pattern has none. Error besides: none.
Status ReadPattern(const JsonValue& value, const std::string& pointer, AnswerPattern* out);
/// A retry policy. That later_on needs a ttl is the caller's to check.
Status ReadRetry(const JsonValue& value, RetryPolicy* out);

/// delay_ms or due_at, either of them null where it was not given.
Status ReadWhen(const JsonValue* delay_ms, const JsonValue* due_at, When* out);

/// What a caller's name takes at most.
constexpr size_t kMaxCallerBytes = 100;

/// Refuses the field at the JSON Pointer: `detail` says what it must be.
Status Bad(std::string_view pointer, std::string detail);
/// "unknown field", with the pointer of `key` in the object at `parent`.
Status UnknownField(std::string_view parent, std::string_view key);
/// Is it given at all: null is the same as left out.
inline bool IsGiven(const JsonValue* value) {
  return value != nullptr && value->kind != JsonValue::Kind::kNull;
}

}  // namespace notifyd
