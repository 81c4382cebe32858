// The script for bash. It needs nothing of the bash-completion package: it finds the command in the words so far, then what the last word can be.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/joined.h"
#include "cli/client/command_text.h"

namespace notifyd {
namespace {

std::string Quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

bool TakesValue(const OptionText& option) {
  return !option.value.empty() && !option.value_optional;
}

std::vector<std::string> NamesOf(const std::vector<OptionText>& options) {
  std::vector<std::string> names;
  for (const OptionText& option : options) names.insert(names.end(), option.names.begin(), option.names.end());
  return names;
}

/// What follows an option that takes a value: "submit:--mode" in the patterns of the script's case.
void AddValues(const std::string& command, const std::vector<OptionText>& options, std::string* out) {
  for (const OptionText& option : options) {
    if (!TakesValue(option)) continue;
    std::vector<std::string> patterns;
    for (const std::string& name : option.names) patterns.push_back(command == "*" ? "*:" + name : Quoted(command + ":" + name));
    const char* how = option.file ? "files" : option.words.empty() ? "nothing" : option.list ? "list" : "words";
    *out += "    " + Joined(patterns, " | ") + ")\n      _notifyctl_" + how;
    if (!option.words.empty() && !option.file) *out += " " + Quoted(Joined(option.words, " "));
    *out += "\n      return\n      ;;\n";
  }
}

/// What can follow, by the name of the group that it follows: of the program itself "".
void AddGroups(const CommandText& group, const std::string& name, std::map<std::string, std::vector<std::string>>* groups) {
  for (const CommandText& command : group.commands) {
    (*groups)[name].push_back(command.name);
    if (!command.commands.empty()) AddGroups(command, name.empty() ? command.name : name + " " + command.name, groups);
  }
}

constexpr char kHelpers[] = R"(# Completion of notifyctl for bash. Made from the definitions of the command line; not to be edited.

_notifyctl_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# Words with commas between them: only the last one is completed.
_notifyctl_list() {
  local before=""
  [[ $cur == *,* ]] && before="${cur%,*},"
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${cur##*,}")
  compopt -o nospace 2>/dev/null
}

_notifyctl_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_notifyctl_nothing() {
  COMPREPLY=()
}

)";

}  // namespace

std::string BashCompletion(const CommandText& root) {
  std::vector<std::string> whole;  // quoted
  std::map<std::string, std::vector<std::string>> groups;
  AddGroups(root, "", &groups);
  std::set<std::string> valued;
  const std::vector<CommandText> leaves = LeavesOf(root);
  for (const CommandText& command : leaves) {
    whole.push_back(Quoted(command.name));
    for (const OptionText& option : command.options)
      if (TakesValue(option)) valued.insert(option.names.begin(), option.names.end());
  }
  for (const OptionText& option : root.options)
    if (TakesValue(option)) valued.insert(option.names.begin(), option.names.end());

  std::string out = kHelpers;
  out += "_notifyctl() {\n  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\" command=\"\" word i\n";
  // Bash takes "--mode=fifo" apart into three words.
  out +=
      "  COMPREPLY=()\n  if [[ $cur == \"=\" ]]; then\n    cur=\"\"\n  elif [[ $prev == \"=\" ]]; then\n    prev=\"${COMP_WORDS[COMP_CWORD-2]}\"\n  "
      "fi\n";
  out += "  for ((i = 1; i < COMP_CWORD; i++)); do\n    word=\"${COMP_WORDS[i]}\"\n    case \"$word\" in\n";
  out += "      " + Joined(valued, " | ") + ")\n        [[ ${COMP_WORDS[i+1]} == \"=\" ]] && ((i++))\n        ((i++))\n        ;;\n";
  out += "      -*) ;;\n      *)\n        case \"$command${command:+ }$word\" in\n          " + Joined(whole, " | ") +
         ")\n            command=\"$command${command:+ }$word\"\n            break\n            ;;\n";
  std::vector<std::string> names;
  for (const auto& [group, within] : groups)
    if (!group.empty()) names.push_back(Quoted(group));
  if (!names.empty()) out += "          " + Joined(names, " | ") + ") command=\"$command${command:+ }$word\" ;;\n";
  out += "        esac\n        ;;\n    esac\n  done\n";

  out += "  case \"$command:$prev\" in\n";
  for (const CommandText& command : leaves) AddValues(command.name, command.options, &out);
  AddValues("*", root.options, &out);
  out += "  esac\n";

  std::string shared = Joined(NamesOf(root.options), " ");
  out += "  local options=" + Quoted(shared) + " arguments=\"\"\n  case \"$command\" in\n";
  for (const auto& [group, within] : groups) out += "    " + Quoted(group) + ") arguments=" + Quoted(Joined(within, " ")) + " ;;\n";
  for (const CommandText& command : leaves) {
    std::vector<std::string> words;
    for (const OptionText& argument : command.arguments) words.insert(words.end(), argument.words.begin(), argument.words.end());
    out += "    " + Quoted(command.name) + ")\n      options=" + Quoted(Joined(NamesOf(command.options), " ") + " " + shared) + "\n";
    if (!words.empty()) out += "      arguments=" + Quoted(Joined(words, " ")) + "\n";
    out += "      ;;\n";
  }
  out += "  esac\n  if [[ $cur == -* ]]; then\n    _notifyctl_words \"$options\"\n  else\n    _notifyctl_words \"$arguments\"\n  fi\n}\n\n";
  return out + "complete -F _notifyctl notifyctl\n";
}

}  // namespace notifyd
