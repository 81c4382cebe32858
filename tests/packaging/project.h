// The project's own files, as the tests of packaging and documents read them.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace notifyd::test {

/// The whole text of a file by its path from the top of the source tree. Throws where it is not there.
std::string ProjectFile(const std::string& path);

/// The first group of each match of `pattern` in `text`.
std::set<std::string> AllMatches(const std::string& text, const std::string& pattern);
/// The first one; throws where there is none.
std::string OneMatch(const std::string& text, const std::string& pattern);

/// The part of a Markdown text from the heading `heading` (whole line) to the next one of its level or above.
std::string Section(const std::string& markdown, const std::string& heading);

/// The cells of a Markdown table's row, trimmed.
std::vector<std::string> Cells(const std::string& row);
std::vector<std::string> Lines(const std::string& text);

/// What of `from` is not in `in`, for a message: "a b".
std::string Missing(const std::set<std::string>& from, const std::set<std::string>& in);

/// Standard output of a program; throws where it does not exit with 0.
std::string OutputOf(const std::string& binary, const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {});

/// The flags ("--config", ...) of a command line.
std::set<std::string> FlagsIn(const std::string& command);
/// Those that `notifyd --help` knows.
std::set<std::string> FlagsOfNotifyd();

}  // namespace notifyd::test
