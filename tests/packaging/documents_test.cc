// docs/ and conf/alerts.yaml beside the code: what they name is there, and what is there they name.
#include <signal.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <regex>

#include "cli/e2e_broker.h"
#include "support/process.h"
#include "support/scripted_server.h"
#include "cli/daemon/settings.h"
#include "packaging/log_events.h"
#include "packaging/project.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

/// What users read.
const std::vector<std::string>& Pages() {
  static const std::vector<std::string> pages = [] {
    std::vector<std::string> names = {"README.md", "CONTRIBUTING.md"};
    for (const auto& entry : std::filesystem::directory_iterator(NOTIFYD_SOURCE_DIR "/docs"))
      if (entry.path().extension() == ".md") names.push_back("docs/" + entry.path().filename().string());
    return names;
  }();
  return pages;
}

/// The headings of a page as links name them, and what is marked with an id.
std::set<std::string> AnchorsOf(const std::string& page) {
  std::set<std::string> anchors = AllMatches(page, "<a id=\"([a-z0-9-]+)\"></a>");
  for (const std::string& heading : AllMatches("\n" + page, "\n#+ ([^\n]+)")) {
    std::string anchor;
    for (char c : heading)
      if (c == ' ' || c == '-') anchor += '-';
      else if (isalnum(static_cast<unsigned char>(c)) || c == '_') anchor += static_cast<char>(tolower(static_cast<unsigned char>(c)));
    anchors.insert(anchor);
  }
  return anchors;
}

/// What --help says of notifyctl's commands, by their names; of a group's too: "token create".
void AddHelp(const std::vector<std::string>& words, std::map<std::string, std::string>* help) {
  std::vector<std::string> asked = words;
  asked.push_back("--help");
  std::string text = OutputOf(NOTIFYCTL_BINARY, asked), name;
  for (const std::string& word : words) name += (name.empty() ? "" : " ") + word;
  (*help)[name] = text;
  size_t within = text.find("Subcommands:");
  if (within == std::string::npos) return;
  for (const std::string& command : AllMatches(text.substr(within), "\n  ([a-z]+) ")) {
    std::vector<std::string> deeper = words;
    deeper.push_back(command);
    AddHelp(deeper, help);
  }
}

std::string Operating() {
  return ProjectFile("docs/operating.md");
}

/// Name -> type, out of the lines "# TYPE name type" of a running broker that has a lane with settings, and shows each namespace.
std::set<std::string> MetricsOfBroker() {
  TempDir dir;
  Broker broker(dir.path(), {"--metrics-namespaces=true"});
  REQUIRE(broker.Call("PATCH", "/v1/lanes/concurrent/orders", R"({"concurrency":2})").status == 200);
  HttpAnswer answer = broker.Call("GET", "/metrics");
  REQUIRE(answer.status == 200);
  return AllMatches(answer.body, "# TYPE ([a-z_]+ [a-z]+)\n");
}

std::set<std::string> NamesOf(const std::set<std::string>& typed) {
  std::set<std::string> names;
  for (const std::string& each : typed) names.insert(each.substr(0, each.find(' ')));
  return names;
}

/// The rows of the tables in the section on metrics, as "name type".
std::set<std::string> MetricsOfDocument() {
  std::set<std::string> typed;
  for (const std::string& line : Lines(Section(Operating(), "## Metrics"))) {
    std::vector<std::string> cells = Cells(line);
    if (cells.size() >= 3 && cells[0].rfind('`', 0) == 0) typed.insert(cells[0].substr(1, cells[0].size() - 2) + " " + cells[1]);
  }
  return typed;
}

/// Out of the table of log events. "listening on …" stands as "listening on".
LogEvents EventsOfDocument() {
  LogEvents events;
  for (const std::string& line : Lines(Section(Operating(), "## Log events"))) {
    std::vector<std::string> cells = Cells(line);
    if (cells.size() < 3 || cells[0].rfind('`', 0) != 0) continue;
    std::string name = cells[0].substr(1, cells[0].size() - 2);
    for (size_t more; (more = name.find("…")) != std::string::npos;) name.erase(more, std::string("…").size());
    name.erase(name.find_last_not_of(" :") + 1);
    name.erase(0, name.find_first_not_of(' '));
    events[name].fields = AllMatches(cells[2], "`([a-z_]+)`");
  }
  return events;
}

}  // namespace

TEST_CASE("operating.md: its metrics are those of a running broker, with their types") {
  std::set<std::string> printed = MetricsOfBroker(), documented = MetricsOfDocument();
  REQUIRE(printed.size() > 20);
  CHECK(Missing(printed, documented) == "");
  CHECK(Missing(documented, printed) == "");
}

TEST_CASE("operating.md: no text names a metric that does not exist") {
  std::set<std::string> printed = NamesOf(MetricsOfBroker());
  CHECK(Missing(AllMatches(Operating(), "`(notifyd_[a-z_]+|process_[a-z_]+)`"), printed) == "");
}

TEST_CASE("alerts.yaml: every metric in a rule is one of a running broker") {
  std::set<std::string> known;
  for (const std::string& typed : MetricsOfBroker()) {
    std::string name = typed.substr(0, typed.find(' '));
    bool histogram = typed.substr(name.size() + 1) == "histogram";
    if (!histogram) known.insert(name);
    else
      for (const char* part : {"_bucket", "_sum", "_count"}) known.insert(name + part);
  }
  for (const YAML::Node& rule : YAML::Load(ProjectFile("conf/alerts.yaml"))["groups"][0]["rules"]) {
    std::string expression = rule["expr"].as<std::string>();
    INFO(rule["alert"].as<std::string>() << ": " << expression);
    CHECK(Missing(AllMatches(expression, R"(\b(notifyd_[a-z_]+|process_[a-z_]+)\b)"), known) == "");
    CHECK(rule["annotations"]["summary"].IsDefined());
  }
}

TEST_CASE("operating.md: its log events are those that the sources log, with their fields") {
  LogEvents logged = EventsInSources(), documented = EventsOfDocument();
  REQUIRE(logged.size() > 10);
  std::set<std::string> gathered, shown;  // fields that are put together at run time
  for (const auto& [name, event] : logged) {
    INFO("logged: " << name);
    CHECK(documented.count(name) == 1);
    if (!event.gathered) CHECK(Missing(event.fields, documented[name].fields) == "");
    else {
      gathered.insert(event.fields.begin(), event.fields.end());
      shown.insert(documented[name].fields.begin(), documented[name].fields.end());
    }
  }
  CHECK(Missing(gathered, shown) == "");
  for (const auto& [name, event] : documented) {
    INFO("documented: " << name);
    CHECK(logged.count(name) == 1);
    CHECK(Missing(event.fields, logged[name].fields) == "");
  }
}

TEST_CASE("operating.md: what a run logs is documented, field by field") {
  TempDir dir;
  Broker broker(dir.path(), {"--log-level", "debug", "--log-format", "json"});
  ScriptedServer receiver([](const SeenRequest& request) { return ScriptedAnswer{request.target == "/bad" ? 500 : 200, "{}"}; });
  std::string url = R"({"url":")" + receiver.url();
  broker.Settled(broker.Submit(url + R"(/good"})"));
  broker.Settled(broker.Submit(url + R"(/bad","mode":"fifo","retry":{"max_attempts":2,"initial_ms":1}})"));
  broker.Call("DELETE", "/v1/notifies/" + broker.Submit(url + R"(/never","delay_ms":600000,"caller":"test"})"));
  broker.process().Signal(SIGTERM);
  REQUIRE(broker.process().Wait() == 0);
  LogEvents documented = EventsOfDocument();
  std::set<std::string> seen;
  for (const std::string& line : Lines(broker.process().error())) {
    std::string name = JsonAt(line, "/event");
    INFO(line);
    auto row = std::find_if(documented.begin(), documented.end(), [&](const auto& each) {
      return name == each.first || (name.rfind(each.first + " ", 0) == 0 && !documented.count(name));
    });
    REQUIRE(row != documented.end());
    seen.insert(row->first);
    std::set<std::string> fields = AllMatches(line, R"-([{,]"([a-z_]+)":)-");
    for (const char* everywhere : {"time", "level", "event"}) fields.erase(everywhere);
    CHECK(Missing(fields, row->second.fields) == "");
  }
  CHECK(Missing({"attempt", "notify succeeded", "notify failed", "notify cancelled", "stopped"}, seen) == "");
}

TEST_CASE("operating.md: it names the settings that SIGHUP changes, and no other") {
  std::string text = Section(Operating(), "## Configuring");
  size_t from = text.find("These hold at once:");
  REQUIRE(from != std::string::npos);
  std::set<std::string> named = AllMatches(text.substr(from, text.find("rules.", from) - from), "`([a-z_.]+)`"), reloadable;
  for (const Setting& setting : AllSettings())
    if (setting.reloadable) reloadable.insert(setting.name);
  CHECK(Missing(reloadable, named) == "");
  CHECK(Missing(named, reloadable) == "");
}

TEST_CASE("documents: the settings that they name exist") {
  std::set<std::string> tables, known;
  for (const Setting& setting : AllSettings()) {
    known.insert(setting.name);
    if (size_t dot = setting.name.find('.'); dot != std::string::npos) tables.insert(setting.name.substr(0, dot));
  }
  for (const char* of_tables : {"auth.peers", "auth.certificates"}) known.insert(of_tables);
  for (const std::string& page : Pages()) {
    INFO(page);
    const std::string text = ProjectFile(page);
    for (const std::string& table : tables) CHECK(Missing(AllMatches(text, "`(" + table + "\\.[a-z_]{3,})[` =]"), known) == "");
  }
}

TEST_CASE("migrating.md: the broker accepts every notify and trigger that it shows") {
  TempDir dir;
  Broker broker(dir.path());
  std::string text = ProjectFile("docs/migrating.md");
  std::regex call("curl [^\n]*http://127\\.0\\.0\\.1:7300(/[^ \n]*)(?: \\\\\n)? *--json '([^']*)'");
  int calls = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), call), end; it != end; ++it, ++calls) {
    HttpAnswer answer = broker.Call("POST", (*it)[1], (*it)[2]);
    INFO((*it)[2] << "\n" << answer.body);
    CHECK(answer.status / 100 == 2);
  }
  CHECK(calls >= 8);
}

TEST_CASE("migrating.md: its lane rule is valid configuration") {
  std::string text = ProjectFile("docs/migrating.md"), rule;
  for (const std::string& line : Lines(text.substr(text.find("      [[lane]]\n")))) {
    if (line.rfind("      ", 0) != 0) break;
    rule += line.substr(6) + "\n";
  }
  TempDir dir;
  CHECK(OutputOf(NOTIFYD_BINARY, {"--config", dir.Write("notifyd.toml", rule), "--check-config"}) == "ok\n");
}

TEST_CASE("documents: the commands and flags of notifyctl that they name exist") {
  std::map<std::string, std::string> help;  // by command
  AddHelp({}, &help);
  REQUIRE(help.size() > 40);
  // In backticks, or after "$ " or four spaces in a block: up to what ends the command.
  std::regex used(R"((?:`|    |\| |/bin/|# )notifyctl((?: --(?:server|namespace) \S+)*) ([a-z]+)([^`|;#\n]*))");
  size_t found = 0;
  for (const std::string& page : Pages()) {
    std::string text = ProjectFile(page);
    for (std::sregex_iterator it(text.begin(), text.end(), used), end; it != end; ++it, ++found) {
      INFO(page << ": " << it->str());
      std::string command = (*it)[2], rest = (*it)[3];
      REQUIRE(help.count(command) == 1);
      // Of a group the next words say which one.
      for (std::smatch next; help.count(command) && help[command].find("Subcommands:") != std::string::npos &&
                             std::regex_search(rest, next, std::regex("^ ([a-z]+)"), std::regex_constants::match_continuous);) {
        command += " " + next[1].str();
        rest = next.suffix();
      }
      REQUIRE(help.count(command) == 1);
      for (const std::string& flag : AllMatches(rest, " (--[a-z-]+)"))
        CHECK((help[command].find(flag) != std::string::npos || help[""].find(flag) != std::string::npos));
    }
  }
  CHECK(found > 150);
}

TEST_CASE("security.md: each threat has somebody, something that stops it, and a test that there is") {
  std::string model = Section(ProjectFile("docs/security.md"), "## Threat model");
  size_t threats = 0;
  for (const std::string& line : Lines(model)) {
    std::vector<std::string> cells = Cells(line);
    if (cells.size() != 4 || cells[0] == "who" || cells[0].rfind("---", 0) == 0) continue;
    INFO(line);
    ++threats;
    for (const std::string& cell : cells) CHECK(!cell.empty());
    std::set<std::string> tests = AllMatches(cells[3], "`(tests/[^`]+)`"), scenarios = AllMatches(cells[3], "`notify-bench ([a-z-]+)");
    CHECK(!(tests.empty() && scenarios.empty()));
    for (const std::string& test : tests) CHECK_NOTHROW(ProjectFile(test));
  }
  CHECK(threats >= 12);
}

TEST_CASE("README.md: each promise names the rows of evidence.md that attack it, and what those name is there") {
  const std::string evidence = ProjectFile("docs/evidence.md");
  const std::set<std::string> rows = AllMatches(evidence, "<a id=\"([a-z-]+)\"></a>");
  size_t promises = 0;
  for (const std::string& line : Lines(Section(ProjectFile("README.md"), "## What it promises"))) {
    std::vector<std::string> cells = Cells(line);
    if (cells.size() < 3 || cells[0] == "promise" || cells[0].find("---") == 0) continue;
    INFO(line);
    ++promises;
    std::set<std::string> named = AllMatches(cells[2], "docs/evidence\\.md#([a-z-]+)\\)");
    CHECK(!named.empty());
    CHECK(Missing(named, rows) == "");
  }
  CHECK(promises == 8);
  // Each form of attack has its row, and nothing else stands as one.
  CHECK(Missing(AllMatches(ProjectFile("tests/torture/torture.py"), "\n    Form\\(\"([a-z-]+)\""), rows) == "");
  for (const std::string& file : AllMatches(evidence, "`((?:tests|storage)/[^` ]+\\.[a-z]+)`")) CHECK_NOTHROW(ProjectFile(file));
}

TEST_CASE("README.md: its first command installs what the others need and cannot install themselves") {
  std::string readme = ProjectFile("README.md");
  size_t first = readme.find("\n    ") + 5;
  CHECK(readme.substr(first, readme.find("    #", first) - first) == "apt-get update && apt-get install --yes make");
  // What make itself calls for is in the list of the script.
  std::set<std::string> listed = AllMatches(ProjectFile("scripts/install-packages"), "\\b([a-z0-9+-]+)\\b");
  for (const char* package : {"ca-certificates", "cmake", "ninja-build", "pkg-config"}) CHECK(listed.count(package) == 1);
}

TEST_CASE("README.md: the calls of its tour go through in order, and what is explained is what was paused") {
  TempDir dir;
  Broker broker(dir.path());
  std::string readme = ProjectFile("README.md");
  size_t from = readme.find("build/release/bin/notifyctl submit"), to = readme.find("\nFind a failed one");
  REQUIRE(from < to);
  std::string script = "notifyctl() { \"$ctl\" --server \"$broker\" \"$@\"; }\n";
  for (const std::string& line : Lines("    " + readme.substr(from, to - from)))
    if (line.rfind("    ", 0) == 0) script += std::regex_replace(line, std::regex("build/release/bin/"), "") + "\n";
  // Nobody is there; what is sent waits for its retry.
  script = std::regex_replace(script, std::regex("127\\.0\\.0\\.1:9100"), "127.0.0.1:" + std::to_string(ClosedPort()));
  Process process("/bin/sh", {{"-eu", dir.Write("tour.sh", script)}, {"ctl=" NOTIFYCTL_BINARY, "broker=" + broker.url()}});
  INFO(script << process.output());
  CHECK(process.Wait() == 0);
  CHECK(process.error() == "");
  CHECK_THAT(process.output(), Catch::Contains("not_due") && Catch::Contains("lane_paused"));
}

TEST_CASE("README.md: its five lines let another machine in, as they stand") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  std::vector<std::string> lines;
  for (const std::string& line : Lines(Section(ProjectFile("README.md"), "## Letting other machines in")))
    if (line.rfind("    ", 0) == 0) lines.push_back(line.substr(4));
  REQUIRE(lines.size() == 5);
  lines.insert(lines.begin() + 3, "trap 'kill $!; wait' EXIT");
  std::string script =
      "set -eu\ncd '" + dir.path() + "'\nmkdir bin\nln -s \"$daemon\" bin/notifyd\nln -s \"$ctl\" bin/notifyctl\nPATH=$PWD/bin:$PATH\n";
  for (const std::string& line : lines) script += line + "\n";
  // What a test must not take for granted: a name, a port, the internet.
  const std::string port = std::to_string(ClosedPort());
  for (const auto& [from, to] : std::map<std::string, std::string>{{"broker\\.example", "localhost"},
                                                                   {"7301", port},
                                                                   {"https://example\\.org", receiver.url()},
                                                                   {"create billing", "create billing --allow 127.0.0.0/8"}})
    script = std::regex_replace(script, std::regex(from), to);
  Process process("/bin/bash", {{dir.Write("lines.sh", script)},
                                {"daemon=" NOTIFYD_BINARY, "ctl=" NOTIFYCTL_BINARY, "NOTIFYD_LISTEN=127.0.0.1:0", "HOME=" + dir.path()}});
  INFO(script);
  const int code = process.Wait();
  INFO(process.output() << process.error());
  CHECK(code == 0);
  std::vector<SeenRequest> seen = receiver.WaitFor(1);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].body == R"({"order":1})");
}

TEST_CASE("documents: what they say stands in a file of ours stands there") {
  // `Name` in `file`, and "the beginning of a test's name ..." in `file`.
  static const std::regex place(R"re((?:`([A-Za-z_]+)`|"([^"`|]+?)(?:,? \.\.\.)?") in `([a-z_/0-9]+\.(?:cc|h|mjs|py))`)re");
  size_t places = 0;
  for (const std::string& page : Pages()) {
    const std::string text = ProjectFile(page);
    for (std::sregex_iterator it(text.begin(), text.end(), place), end; it != end; ++it, ++places) {
      INFO(page << ": " << it->str());
      const std::string name = (*it)[1].matched ? (*it)[1] : (*it)[2];
      CHECK(ProjectFile((*it)[3]).find(name) != std::string::npos);
    }
  }
  CHECK(places > 100);
}

TEST_CASE("documents: files and headings that they link to exist") {
  size_t headings = 0;
  for (const std::string& page : Pages()) {
    std::string folder = page.substr(0, page.rfind('/') == std::string::npos ? 0 : page.rfind('/') + 1);
    for (const std::string& link : AllMatches(ProjectFile(page), R"(\]\(([^): ]+)\))")) {
      INFO(page << " links to " << link);
      const size_t mark = std::min(link.find('#'), link.size());
      const std::string file = mark == 0 ? page : folder + link.substr(0, mark);
      std::string text;
      REQUIRE_NOTHROW(text = ProjectFile(file));
      if (mark == link.size()) continue;
      ++headings;
      CHECK(AnchorsOf(text).contains(link.substr(mark + 1)));
    }
  }
  CHECK(headings > 50);
}

}  // namespace notifyd::test
