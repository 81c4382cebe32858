// Case folding: texts that differ in case alone become the same one. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace notifyd {

/// Returns `text` with its ASCII letters in lower case and every other byte as it is.
std::string FoldAscii(std::string_view text);

/// Folds case by Unicode's simple folding (CaseFolding.txt, statuses C and S): each code point becomes one code point, so that "ß" is not "ss".
/// `text` must be UTF-8.
std::string FoldUtf8(std::string_view text);

}  // namespace notifyd
