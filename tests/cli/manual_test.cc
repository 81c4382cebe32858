// The manual pages and the completions of shells: what the programs print of themselves, held to --help and to groff, bash and zsh.
#include "base/manual.h"

#include <unistd.h>

#include <filesystem>
#include <regex>
#include <set>

#include "cli/ctl.h"
#include "cli/daemon/notifyd_manual.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// Which of these programs there is; empty where none.
std::string ProgramOf(const std::vector<std::string>& paths) {
  for (const std::string& path : paths)
    if (access(path.c_str(), X_OK) == 0) return path;
  return "";
}

/// Without the escapes that keep hyphens what they are.
std::string Plain(const std::string& roff) {
  return std::regex_replace(std::regex_replace(roff, std::regex("\\\\-"), "-"), std::regex("\\\\f[BIR]"), "");
}

std::set<std::string> OptionsIn(const std::string& help) {
  std::set<std::string> options;
  static const std::regex kOption("(^|[ ,])(--[a-z][a-z0-9-]*)");
  for (std::sregex_iterator at(help.begin(), help.end(), kOption), end; at != end; ++at) options.insert((*at)[2]);
  return options;
}

/// Those that do something, each in words: of a group those within.
std::vector<std::vector<std::string>> Commands(const std::vector<std::string>& of = {}) {
  std::vector<std::string> asked = of;
  asked.push_back("--help");
  std::string help = Ctl(asked).output;
  size_t at_names = help.find("Subcommands:");
  if (at_names == std::string::npos) return {of};
  help.erase(0, at_names);
  std::vector<std::vector<std::string>> commands;
  static const std::regex kCommand("\n  ([a-z]+) ");
  for (std::sregex_iterator at(help.begin(), help.end(), kCommand), end; at != end; ++at) {
    std::vector<std::string> command = of;
    command.push_back((*at)[1]);
    for (std::vector<std::string>& each : Commands(command)) commands.push_back(std::move(each));
  }
  return commands;
}

std::string HelpOf(std::vector<std::string> command) {
  command.push_back("--help");
  return Ctl(command).output;
}

std::string NameOf(const std::vector<std::string>& command) {
  std::string name;
  for (const std::string& word : command) name += (name.empty() ? "" : " ") + word;
  return name;
}

/// What groff has to say of a page; nothing where it is not installed.
std::string GroffWarnings(const std::string& page) {
  std::string groff = ProgramOf({"/usr/bin/groff"});
  if (groff.empty()) return "";
  TempDir dir;
  Process process(groff, {{"-man", "-ww", "-Tutf8", dir.Write("page", page)}, {}});
  CHECK(process.Wait() == 0);
  return process.error();
}

/// What bash offers for the last of `words`, asked as it asks for a completion.
std::string Completed(const std::vector<std::string>& words) {
  TempDir dir;
  std::string script = "source '" + dir.Write("completion", Ctl({"--generate", "bash"}).output) + "'\nCOMP_WORDS=(";
  for (const std::string& word : words) script += " '" + word + "'";
  script += ")\nCOMP_CWORD=" + std::to_string(words.size() - 1) + "\n_notifyctl notifyctl\necho \"${COMPREPLY[*]}\"\n";
  Process process("/bin/bash", {{"--norc", "-u", "-c", script}, {}});
  CHECK(process.Wait() == 0);
  CHECK(process.error().empty());
  return process.output();
}

}  // namespace

TEST_CASE("manual: text can never become a macro") {
  ManualPage page("x", 1, "1.0", "y");
  page.Paragraph(".TH evil\n'evil\nback\\slash");
  CHECK_THAT(page.text(), Catch::Contains("\\&.TH evil\n\\(aqevil\nback\\eslash\n"));
}

TEST_CASE("notifyctl.1: has its sections, and every command with every option that --help names") {
  std::string page = Ctl({"--generate", "man"}).output, plain = Plain(page);
  for (const char* section : {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"})
    CHECK_THAT(page, Catch::Contains(std::string("\n.SH ") + section + "\n"));
  for (const char* variable : {"NOTIFYD_URL", "NOTIFYD_NAMESPACE", "NOTIFYD_CA_FILE", "NOTIFYD_TOKEN", "NOTIFYD_TOKEN_FILE"})
    CHECK_THAT(plain, Catch::Contains(std::string("\n") + variable + "\n"));
  std::vector<std::vector<std::string>> commands = Commands();
  REQUIRE(commands.size() >= 40);
  for (const std::vector<std::string>& command : commands) {
    size_t at = plain.find("\n.SS " + NameOf(command) + "\n");
    INFO(NameOf(command));
    REQUIRE(at != std::string::npos);
    std::string part = plain.substr(at, std::min(plain.find("\n.SS ", at + 1), plain.find("\n.SH ", at + 1)) - at);
    std::set<std::string> options = OptionsIn(HelpOf(command));
    options.erase("--help");
    for (const std::string& option : options) CHECK_THAT(part, Catch::Contains(option));
  }
  CHECK(GroffWarnings(page).empty());
}

TEST_CASE("notifyd.8: has its sections, and every setting as flag and variable") {
  std::string page = NotifydManual(AllSettings(), {{"Lane rules", "# Rules.\n#\n#   match  what\n#\n# [[lane]]\n# match = \"a-*\"\n"}}, "1.0"), plain = Plain(page);
  for (const char* section :
       {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "LANE RULES", "SIGNALS", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES", "SEE ALSO"})
    CHECK_THAT(page, Catch::Contains(std::string("\n.SH ") + section + "\n"));
  for (const Setting& setting : AllSettings()) {
    CHECK_THAT(plain, Catch::Contains(".TP\n" + setting.Flag() + " "));
    CHECK_THAT(plain, Catch::Contains(setting.Variable() + "."));
  }
  CHECK_THAT(plain, Catch::Contains("Rules.\n.TP\nmatch\nwhat\n"));
  CHECK_THAT(plain, Catch::Contains("[[lane]]\nmatch = \\(dqa-*\\(dq\n"));
  CHECK(GroffWarnings(page).empty());
}

TEST_CASE("notifyd.8: is what notifyd --print-manual prints, the keys of lane rules among it") {
  Invocation invocation = ReadCommandLine({"--print-manual"}, {});
  CHECK(invocation.action == Invocation::Action::kExit);
  CHECK(invocation.exit_code == 0);
  for (const char* key : {"match", "mode", "concurrency", "rate_per_s", "burst", "on_retry", "on_failure"})
    CHECK_THAT(Plain(invocation.output), Catch::Contains(std::string("\n.TP\n") + key + "\n"));
  CHECK(GroffWarnings(invocation.output).empty());
}

TEST_CASE("bash completion: commands, options, words and files, each in its place") {
  auto [words, offered] = GENERATE(table<std::vector<std::string>, std::string>({
      {{"notifyctl", "pu"}, "purge publish\n"},
      {{"notifyctl", "--s"}, "--server\n"},
      {{"notifyctl", "--server", "http://x", "ver"}, "verify version\n"},
      {{"notifyctl", "list", "--fkey-"}, "--fkey-prefix\n"},
      {{"notifyctl", "list", "--j"}, "--json\n"},
      {{"notifyctl", "list", "--state", "s"}, "scheduled sending succeeded\n"},
      {{"notifyctl", "list", "--state", "failed,ex"}, "failed,expired\n"},
      {{"notifyctl", "purge", "--state", "he"}, "\n"},
      {{"notifyctl", "pause", "--mode", "=", "f"}, "fifo\n"},
      {{"notifyctl", "list", "--mode", "="}, "concurrent fifo\n"},
      {{"notifyctl", "configure", "l", "--on-failure", ""}, "continue pause default\n"},
      {{"notifyctl", "submit", "--caller", "pu"}, "\n"},
      {{"notifyctl", "get", "n1", "--wa"}, "--wait --wait-ms\n"},
      {{"notifyctl", "tok"}, "token\n"},
      {{"notifyctl", "token", "r"}, "rotate\n"},
      {{"notifyctl", "--namespace", "a", "namespace", ""}, "list create show update delete key\n"},
      {{"notifyctl", "namespace", "key", "c"}, "create\n"},
      {{"notifyctl", "namespace", "key", "create", "a", "--kind", "e"}, "ed25519\n"},
      {{"notifyctl", "token", "create", "--scopes", "read,re"}, "read,read read,read_bodies read,register\n"},
      {{"notifyctl", "token", "create", "--namespace"}, "--namespaces --namespace\n"},
      {{"notifyctl", "host", "list", "--co"}, "\n"},
      {{"notifyctl", "caller", "list", "--sort", "by"}, "bytes\n"},
  }));
  INFO(words.back());
  CHECK(Completed(words) == offered);
}

TEST_CASE("bash completion: a file for --file") {
  TempDir dir;
  std::string file = dir.Write("lines.ndjson", "");
  CHECK(Completed({"notifyctl", "submit", "-f", dir.path() + "/li"}) == file + "\n");
}

TEST_CASE("bash completion: is asked for by the name of the program") {
  TempDir dir;
  std::string file = dir.Write("completion", Ctl({"--generate", "bash"}).output);
  Process process("/bin/bash", {{"--norc", "-c", "source '" + file + "' && complete -p notifyctl"}, {}});
  CHECK(process.Wait() == 0);
  CHECK(process.output() == "complete -F _notifyctl notifyctl\n");
}

TEST_CASE("zsh completion: names every command and option, and zsh can read it") {
  std::string script = Ctl({"--generate", "zsh"}).output;
  CHECK_THAT(script, Catch::StartsWith("#compdef notifyctl\n"));
  for (const std::vector<std::string>& command : Commands()) {
    CHECK_THAT(script, Catch::Contains("    '" + command.back() + ":") && Catch::Contains("        " + command.back() + ")\n"));
    for (const std::string& option : OptionsIn(HelpOf(command))) CHECK_THAT(script, Catch::Contains(option));
  }
  CHECK_THAT(script, Catch::Contains(":FILE:_files'"));
  std::string zsh = ProgramOf({"/bin/zsh", "/usr/bin/zsh"});
  if (zsh.empty()) return;
  TempDir dir;
  Process process(zsh, {{"-f", "-n", dir.Write("_notifyctl", script)}, {}});
  CHECK(process.Wait() == 0);
  CHECK(process.error().empty());
}
