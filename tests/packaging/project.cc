#include "packaging/project.h"

#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "support/process.h"

namespace notifyd::test {

std::string ProjectFile(const std::string& path) {
  std::ifstream file(NOTIFYD_SOURCE_DIR "/" + path, std::ios::binary);
  if (!file) throw std::runtime_error(path + " is not there");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::set<std::string> AllMatches(const std::string& text, const std::string& pattern) {
  std::regex regex(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) found.insert((*it)[1]);
  return found;
}

std::string OneMatch(const std::string& text, const std::string& pattern) {
  std::smatch match;
  if (!std::regex_search(text, match, std::regex(pattern))) throw std::runtime_error("nothing matches " + pattern);
  return match[1];
}

std::string Section(const std::string& markdown, const std::string& heading) {
  size_t from = ("\n" + markdown).find("\n" + heading + "\n");
  if (from == std::string::npos) throw std::runtime_error("there is no heading " + heading);
  size_t level = heading.find(' ');
  std::string out;
  bool first = true;
  for (const std::string& line : Lines(markdown.substr(from))) {
    size_t marks = line.find_first_not_of('#');
    if (!first && marks != std::string::npos && marks > 0 && marks <= level && line[marks] == ' ') break;
    first = false;
    out += line + "\n";
  }
  return out;
}

std::vector<std::string> Cells(const std::string& row) {
  std::vector<std::string> cells;
  for (size_t from = row.find('|'); from != std::string::npos;) {
    size_t to = row.find('|', from + 1);
    if (to == std::string::npos) break;
    std::string cell = row.substr(from + 1, to - from - 1);
    size_t begin = cell.find_first_not_of(' '), end = cell.find_last_not_of(' ');
    cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1));
    from = to;
  }
  return cells;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string Missing(const std::set<std::string>& from, const std::set<std::string>& in) {
  std::string out;
  for (const std::string& name : from)
    if (!in.count(name)) out += (out.empty() ? "" : " | ") + name;
  return out;
}

std::string OutputOf(const std::string& binary, const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  Process process(binary, {arguments, environment});
  int code = process.Wait();
  if (code != 0) throw std::runtime_error(binary + " exits with " + std::to_string(code) + ": " + process.output() + process.error());
  return process.output();
}

std::set<std::string> FlagsIn(const std::string& command) {
  return AllMatches(command, R"((?:^|[\s"])(--[a-z][a-z-]*))");
}

std::set<std::string> FlagsOfNotifyd() {
  return FlagsIn(OutputOf(NOTIFYD_BINARY, {"--help"}));
}

}  // namespace notifyd::test
