#include "cli/client/command_groups.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace notifyd {
namespace {

/// As it is named in --reset: "destinations.allow".
std::string Dotted(std::string name) {
  std::replace(name.begin(), name.end(), '/', '.');
  return name;
}

std::string Slashed(std::string name) {
  std::replace(name.begin(), name.end(), '.', '/');
  return name;
}

}  // namespace

CLI::App* CommandGroups::AddCommand(CLI::App* group, const std::string& name, const std::string& help, Action action) {
  CLI::App* command = group->add_subcommand(name, help);
  Does(command, std::move(action));
  return command;
}

void CommandGroups::Does(CLI::App* command, Action action) {
  actions_[command] = [action = std::move(action), command](const Context& context) { return action(context, command); };
}

void CommandGroups::AddName(CLI::App* command, const char* type, const std::string& help) {
  std::string name = type;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  command->add_option(name, name_, help)->type_name(type)->required()->check(NotEmpty());
}

void CommandGroups::AddFlags(CLI::App* command, const std::vector<FieldFlag>& flags, bool change) {
  std::vector<std::string> names;
  for (const FieldFlag& field : flags) {
    if (change ? !field.changes : field.only_changes) continue;
    // Empty is most often a variable of a script that was not set, and of a limit it would mean none.
    CLI::Option* option = texts_[command].Add(command, field.name, field.flags, field.type, field.help)->check(NotEmpty());
    hints_[option].words = field.words;
    hints_[option].list = field.kind == FieldFlag::Kind::kTexts && !field.words.empty();
    names.push_back(Dotted(field.name));
  }
  if (!change) return;
  CLI::Option* reset = command->add_option("--reset", resets_, "Take a field back, by its name in JSON; may be repeated.");
  reset->allow_extra_args(false)->check(Quiet(CLI::IsMember(names)))->type_name("FIELD");
  hints_[reset].words = names;
}

void CommandGroups::AddIfMatch(CLI::App* command) {
  // Not empty: a variable of a script that is not set must not become a change without a condition.
  command->add_option("--if-match", if_match_, "Only where this is its ETag still, with its quotes or without.")
      ->type_name("ETAG")
      ->check(NotEmpty());
}

void CommandGroups::AddPaging(CLI::App* command) {
  AddFilter(command, "cursor", "--cursor", "CURSOR", "Go on where a list ended.");
  command->add_option("--limit", limit_, "How many at most.")->check(Quiet(CLI::Range(uint64_t{1}, kListMost)))->type_name("N")->default_str("100");
}

void CommandGroups::AddFilter(CLI::App* command, const std::string& name, const std::string& flag, const std::string& type, const std::string& help,
                              std::vector<std::string> words) {
  hints_[texts_[command].Add(command, name, flag, type, help)->check(NotEmpty())].words = std::move(words);
}

CLI::Option* CommandGroups::AddFile(CLI::App* command, std::string* file, const std::string& help) {
  CLI::Option* option = command->add_option("--file,-f", *file, help)->type_name("FILE");
  hints_[option].file = true;
  return option;
}

void CommandGroups::AddWord(CLI::App* command, const std::string& flag, std::string* text, const std::string& help,
                            const std::vector<std::string>& words) {
  CLI::Option* option = command->add_option(flag, *text, help)->check(Quiet(CLI::IsMember(words)))->type_name("WORD");
  hints_[option].words = words;
}

void CommandGroups::AddHeader(CLI::App* command) {
  // One value a flag: what follows may be the URL.
  command->add_option("--header,--headers,-H", headers_, "A header, \"Name: value\"; may be repeated.")->type_name("TEXT")->allow_extra_args(false);
}

FieldValues CommandGroups::ValuesOf(const CLI::App* command) const {
  auto texts = texts_.find(command);
  FieldValues values;
  if (texts != texts_.end()) values.fields = texts->second.Given();
  values.headers = headers_;
  for (const std::string& reset : resets_) values.nulls.push_back(Slashed(reset));
  return values;
}

}  // namespace notifyd
