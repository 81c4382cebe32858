// The numbers of JSON texts, compared and divided as they are written: whatever their digits and exponents, nothing is rounded, and no exponent makes
// work or memory beyond its own digits. Pure, any thread.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace notifyd {

/// Is it a number as RFC 8259 section 6 spells it? The other functions here require it of each of theirs.
bool IsJsonNumber(std::string_view text);

/// Compares by value: 1, 1.0 and 10e-1 are equal, and so are 0 and -0.
std::strong_ordering CompareJsonNumbers(std::string_view a, std::string_view b);

/// Returns one text for all spellings of a number, and for it alone.
std::string ExactNumber(std::string_view number);

/// Is it without a fraction, however it is written (1.0, 12.5e1)?
bool IsWholeNumber(std::string_view number);

/// May IsMultipleOf divide by it? It must be above 0, with at most 18 digits between the first and the last that is not 0, and an exponent of at most
/// 17 digits.
bool IsDivisor(std::string_view number);

/// Is `number` a whole multiple of `divisor`, for which IsDivisor holds?
bool IsMultipleOf(std::string_view number, std::string_view divisor);

}  // namespace notifyd
