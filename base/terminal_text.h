// Terminal text: what is safe to show on a terminal, whoever wrote it. Pure, any thread.
//
// Escaped are the code points that steer a terminal, or that hide or reorder what stands around them:
//   controls       U+0000 to U+001F, U+007F, and U+0080 to U+009F (some terminals take U+009B for the start of a sequence)
//   bidirectional  marks, embeddings, overrides and isolates (UAX #9), which make one text look like another
//   invisible      what Unicode 15 wants shown as nothing (Default_Ignorable_Code_Point: zero-width spaces and joiners, soft hyphen, tags, ...),
//                  line and paragraph separators, and interlinear annotations
// They become what JSON writes for them ("\n", "\u009b", two of these above U+FFFF), so that JSON text stays JSON and means the same. What is not
// UTF-8 becomes U+FFFD.
#pragma once

#include <string>
#include <string_view>

namespace notifyd {

/// Returns text for one line: a cell, a detail, a line of a log.
std::string EscapeForTerminal(std::string_view text);
/// Returns text for several lines: line breaks and tabs stay.
std::string EscapeLinesForTerminal(std::string_view text);
/// Escapes what stands in `text` from `begin` on, as for one line; costs one look at each byte where there is nothing to escape.
void EscapeForTerminal(std::string* text, size_t begin);

}  // namespace notifyd
