// The script for zsh, in the terms of its _arguments.
#include <string>

#include "base/joined.h"
#include "cli/client/command_text.h"

namespace notifyd {
namespace {

/// For what stands between single quotes in an argument of _arguments: brackets and colons mean something there.
std::string Escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\'') out += "'\\''";
    else if (c == '[' || c == ']' || c == ':' || c == '\\') out += std::string("\\") + c;
    else out += c;
  }
  return out;
}

/// ":MODE:(concurrent fifo)"
std::string ActionOf(const OptionText& option) {
  std::string message = ":" + Escaped(option.value) + ":";
  if (option.file) return message + "_files";
  if (option.words.empty()) return message + " ";
  if (option.list) return message + "_sequence compadd - " + Joined(option.words, " ");
  return message + "(" + Joined(option.words, " ") + ")";
}

/// '(-f --file)'{-f,--file}'[help]:FILE:_files'
std::string SpecOf(const OptionText& option) {
  std::string action;
  if (option.value_optional) action = ":" + ActionOf(option);
  else if (!option.value.empty()) action = ActionOf(option);
  std::vector<std::string> names = option.names;
  for (std::string& name : names) {
    if (option.value_optional) name += "=-";  // only behind the sign
    else if (!option.value.empty() && name[1] == '-') name += "=";
  }
  std::string tail = "'[" + Escaped(option.help) + "]" + action + "'";
  std::string star = option.repeatable ? "'*'" : "";
  if (names.size() == 1) return star + names[0] + tail;
  std::string apart = option.repeatable ? "" : "'(" + Joined(option.names, " ") + ")'";
  return star + apart + "{" + Joined(names, ",") + "}" + tail;
}

void AddSpecs(const CommandText& command, const std::vector<OptionText>& shared, const char* indent, std::string* out) {
  for (const OptionText& option : command.options) *out += std::string(" \\\n") + indent + SpecOf(option);
  for (const OptionText& option : shared)
    if (option.names.back() != "--help") *out += std::string(" \\\n") + indent + SpecOf(option);
}

/// A function that completes what stands within `group`, and before it those of the groups within. The options of `root` go with all of them.
void AddFunction(const CommandText& group, const std::string& name, const CommandText& root, std::string* out) {
  for (const CommandText& command : group.commands)
    if (!command.commands.empty()) AddFunction(command, name + "_" + command.name, root, out);
  *out += name + "() {\n  local curcontext=\"$curcontext\" state line ret=1\n  typeset -A opt_args\n  local -a commands\n  commands=(\n";
  for (const CommandText& command : group.commands) *out += "    '" + command.name + ":" + Escaped(command.help) + "'\n";
  *out += "  )\n  _arguments -C";
  AddSpecs(group, &group == &root ? std::vector<OptionText>() : root.options, "    ", out);
  *out += " \\\n    '1:command:->command' \\\n    '*::argument:->argument' && ret=0\n\n  case $state in\n";
  *out += "    command)\n      _describe -t commands command commands && ret=0\n      ;;\n    argument)\n      case $words[1] in\n";
  for (const CommandText& command : group.commands) {
    *out += "        " + command.name + ")\n";
    if (!command.commands.empty()) {
      *out += "          " + name + "_" + command.name + " && ret=0\n          ;;\n";
      continue;
    }
    *out += "          _arguments";
    AddSpecs(command, root.options, "            ", out);
    for (size_t i = 0; i < command.arguments.size(); ++i)
      *out += " \\\n            '" + std::to_string(i + 1) + (command.arguments[i].required ? ":" : "::") + ActionOf(command.arguments[i]).substr(1) +
              "'";
    *out += " && ret=0\n          ;;\n";
  }
  *out += "      esac\n      ;;\n  esac\n  return ret\n}\n\n";
}

}  // namespace

std::string ZshCompletion(const CommandText& root) {
  std::string out = "#compdef notifyctl\n# Completion of notifyctl for zsh. Made from the definitions of the command line; not to be edited.\n\n";
  AddFunction(root, "_notifyctl", root, &out);
  return out + "_notifyctl \"$@\"\n";
}

}  // namespace notifyd
