#include "packaging/log_events.h"

#include <filesystem>
#include <regex>
#include <stdexcept>
#include <vector>

#include "packaging/project.h"

namespace notifyd::test {
namespace {

namespace fs = std::filesystem;

/// The arguments of the call whose "(" stands at `open`, split at the commas between them. String literals are left whole.
std::vector<std::string> Arguments(const std::string& text, size_t open) {
  std::vector<std::string> arguments(1);
  int depth = 0;
  bool quoted = false;
  for (size_t i = open; i < text.size(); ++i) {
    char c = text[i];
    if (quoted && c == '\\') {
      arguments.back() += text.substr(i++, 2);
      continue;
    }
    if (c == '"') quoted = !quoted;
    else if (!quoted && (c == '(' || c == '{' || c == '[')) ++depth;
    else if (!quoted && (c == ')' || c == '}' || c == ']')) --depth;
    if (depth == 0) return arguments;
    if (!quoted && depth == 1 && c == ',') arguments.emplace_back();
    else if (i > open) arguments.back() += c;
  }
  throw std::runtime_error("a call of Log without an end");
}

std::set<std::string> Literals(const std::string& text) {
  std::set<std::string> literals;
  for (std::string literal : AllMatches(text, "\"([^\"]*)\"")) {
    literal.erase(literal.find_last_not_of(" :") + 1);
    literal.erase(0, literal.find_first_not_of(' '));
    if (!literal.empty()) literals.insert(literal);
  }
  return literals;
}

std::string Trimmed(const std::string& text) {
  size_t from = text.find_first_not_of(" \n"), to = text.find_last_not_of(" \n");
  return from == std::string::npos ? "" : text.substr(from, to - from + 1);
}

/// What an expression that is no literal may come to: a variable by its last assignment before `at`, a function of this file by what its cases
/// return.
std::set<std::string> TextsOf(const std::string& expression, const std::string& text, size_t at) {
  if (size_t open = expression.find('('); open != std::string::npos) {
    size_t from = text.find(" " + expression.substr(0, open + 1));
    return AllMatches(text.substr(from, text.find("\n}", from) - from), R"-(case [A-Za-z:]+:\s*return "([^"]*)")-");
  }
  size_t from = text.rfind(expression + " = ", at);
  return from == std::string::npos ? std::set<std::string>() : Literals(text.substr(from, text.find(';', from) - from));
}

void AddEventsOf(const std::string& path, LogEvents* events) {
  std::string text = ProjectFile(path);
  std::regex call(R"(\bLog\()");
  for (std::sregex_iterator it(text.begin(), text.end(), call), end; it != end; ++it) {
    size_t at = static_cast<size_t>(it->position());
    std::vector<std::string> arguments = Arguments(text, at + 3);
    // Others have this name too, and there is the definition.
    bool levelled = Trimmed(arguments[0]) == "level" || arguments[0].find("LogLevel::") != std::string::npos;
    if (!levelled || arguments.size() < 2) continue;
    if (Trimmed(arguments[1]) == "log.event") continue;  // of a FlowLog: whoever makes it names it
    std::set<std::string> names = Literals(arguments[1]);
    if (names.empty()) names = TextsOf(Trimmed(arguments[1]), text, at);
    if (names.empty()) throw std::runtime_error(path + ": what does this log? " + arguments[1]);
    LogEvent event;
    if (arguments.size() > 2) event.fields = AllMatches(arguments[2], R"-(\{"([a-z_]+)",)-");
    event.gathered = arguments.size() > 2 && event.fields.empty();
    if (event.gathered) event.fields = AllMatches(text, R"-(emplace_back\("([a-z_]+)",)-");
    if (event.gathered && text.find("TextsOf(envelope") != std::string::npos) {  // what a notify comes from and goes to
      const std::string flow = ProjectFile("broker/flow.cc");
      event.fields.merge(AllMatches(flow, R"-(\{"([a-z_]+)", "[A-Za-z-]*", \[\])-"));
      if (event.fields.erase("event") > 0) event.fields.insert("event_id");
      event.fields.merge(AllMatches(flow, R"-(texts\.emplace_back\("([a-z_]+)")-"));
    }
    for (const std::string& name : names) {
      (*events)[name].fields.insert(event.fields.begin(), event.fields.end());
      (*events)[name].gathered |= event.gathered;
    }
  }
  std::regex made(R"-(flow_logs\.push_back\(\s*\{\s*(?:true|false),\s*"([^"]+)")-");
  for (std::sregex_iterator it(text.begin(), text.end(), made), end; it != end; ++it) {
    size_t at = static_cast<size_t>(it->position());
    std::set<std::string> fields = AllMatches(text.substr(at, text.find(';', at) - at), R"-(\{"([a-z_]+)",)-");
    fields.insert("namespace");  // LogFlow gives it to all of them
    (*events)[(*it)[1]].fields.insert(fields.begin(), fields.end());
  }
}

}  // namespace

LogEvents EventsInSources() {
  LogEvents events;
  for (const char* folder : {"base", "broker", "storage", "net", "cli"})
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(NOTIFYD_SOURCE_DIR) / folder)) {
      std::string path = fs::relative(entry.path(), NOTIFYD_SOURCE_DIR).string();
      if (entry.path().extension() == ".cc" && path != "base/log.cc") AddEventsOf(path, &events);
    }
  // The log speaks of itself in one place.
  std::string log = ProjectFile("base/log.cc");
  events[OneMatch(log, "ReadWall\\(\\), LogLevel::kWarn, \"([^\"]*)\"")].fields = AllMatches(log, "\\{\"([a-z_]+)\",");
  return events;
}

}  // namespace notifyd::test
