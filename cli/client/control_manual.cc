// notifyctl(1), out of the command line's own texts.
#include <algorithm>
#include <utility>

#include "base/manual.h"
#include "cli/client/command_text.h"

namespace notifyd {
namespace {

bool IsHelp(const OptionText& option) {
  return option.names.back() == "--help";
}

/// "-f FILE, --file FILE"; "--wait[=MS]".
RoffText HeadOf(const OptionText& option) {
  RoffText head;
  for (size_t i = 0; i < option.names.size(); ++i) {
    if (i > 0) head.Plain(", ");
    bool by_position = option.names[i][0] != '-';
    if (by_position) {
      head.Italic(option.value);
      continue;
    }
    head.Bold(option.names[i]);
    if (option.value.empty()) continue;
    if (option.value_optional) head.Plain("[=").Italic(option.value).Plain("]");
    else head.Plain(" ").Italic(option.value);
  }
  return head;
}

std::string TextOf(const OptionText& option) {
  std::string text = option.help, words;
  bool all_said = true;
  for (const std::string& word : option.words) {
    words += (words.empty() ? "" : ", ") + word;
    all_said = all_said && option.help.find(word) != std::string::npos;
  }
  if (!all_said) text += std::string(option.list ? "\nAny of: " : "\nOne of: ") + words + ".";
  if (!option.fallback.empty()) text += "\nDefault: " + option.fallback + ".";
  if (!option.variable.empty()) text += "\nThe environment variable " + option.variable + " does the same.";
  if (option.required && option.names[0][0] == '-') text += "\nRequired.";
  return text;
}

RoffText UseOf(const CommandText& command) {
  RoffText use;
  for (size_t i = 0; i < command.arguments.size(); ++i) {
    const OptionText& argument = command.arguments[i];
    if (i > 0) use.Plain(" ");
    if (!argument.required) use.Plain("[");
    use.Italic(argument.value);
    if (!argument.required) use.Plain("]");
  }
  bool has_options = std::any_of(command.options.begin(), command.options.end(), [](const OptionText& option) { return !IsHelp(option); });
  if (has_options) use.Plain(command.arguments.empty() ? "[options]" : " [options]");
  return use;
}

}  // namespace

std::vector<CommandText> LeavesOf(const CommandText& root) {
  std::vector<CommandText> leaves;
  for (const CommandText& command : root.commands) {
    if (command.commands.empty()) leaves.push_back(command);
    for (CommandText& leaf : LeavesOf(command)) {
      leaf.name = command.name + " " + leaf.name;
      leaves.push_back(std::move(leaf));
    }
  }
  return leaves;
}

std::string ControlManual(const CommandText& root, const std::string& version) {
  ManualPage page("notifyctl", 1, version, "talk to a notifyd broker");
  page.Section("Synopsis");
  std::vector<std::pair<RoffText, RoffText>> uses;
  const std::vector<CommandText> commands = LeavesOf(root);
  for (const CommandText& command : commands) uses.emplace_back(RoffText().Bold("notifyctl " + command.name), UseOf(command));
  page.Synopsis(uses);
  page.Section("Description");
  page.Paragraph(
      "notifyd takes HTTP calls to make, keeps them durably, and makes them: now, when they are due, or when somebody triggers them. "
      "notifyctl submits such calls, shows them, and steers the broker that holds them, over its HTTP API.");
  page.Paragraph("Answers are tables for people, or with --json the broker's JSON as it is: one document, a list as {\"items\":[...],\"next\":...}.");
  page.Section("Options");
  page.Paragraph("These go with every command, before it or behind it.");
  for (const OptionText& option : root.options) page.Item(HeadOf(option), TextOf(option));
  page.Section("Commands");
  for (const CommandText& command : commands) {
    page.Subsection(command.name).Paragraph(command.help);
    for (const OptionText& argument : command.arguments) page.Item(HeadOf(argument), TextOf(argument));
    for (const OptionText& option : command.options)
      if (!IsHelp(option)) page.Item(HeadOf(option), TextOf(option));
    if (!command.notes.empty()) page.Paragraph(command.notes);
  }
  page.Section("Exit status");
  page.Item(RoffText().Bold("0"), "Done.");
  page.Item(RoffText().Bold("1"), "The broker refused. Its reason stands on standard error. Of a file: it refused at least one line.");
  page.Item(RoffText().Bold("2"), "Wrong usage.");
  page.Item(RoffText().Bold("3"), "The broker cannot be reached, or the connection broke.");
  page.Section("Environment");
  for (const OptionText& option : root.options)
    if (!option.variable.empty()) page.Item(RoffText().Bold(option.variable), option.help + "\nThe flag " + option.names.back() + " goes before it.");
  page.Item(RoffText().Bold("NOTIFYD_TOKEN"),
            "The token to show to the broker. No flag takes one: what stands on a command line can be read by all users of a machine.");
  page.Item(RoffText().Bold("NOTIFYD_TOKEN_FILE"),
            "A file that holds the token, where NOTIFYD_TOKEN is not set. One that is open to others than its owner is refused.");
  page.Section("Files");
  page.Item(RoffText().Bold("~/.config/notifyd/token"), "The token, where neither variable is set. It must be its owner's alone (chmod 600).");
  page.Section("Examples");
  page.Paragraph("Make a call in a minute, tried at most five times:");
  page.Example("notifyctl submit https://example.org/hook --data '{\"order\":7}' --delay 60000 --max-attempts 5");
  page.Paragraph("Hold a call until somebody triggers it, and trigger it with more data:");
  page.Example("notifyctl submit https://example.org/hook --fkey order-7\nnotifyctl trigger order-7 --data '{\"paid\":true}'");
  page.Paragraph("Submit a file, one notify a line, and keep the refused ones apart:");
  page.Example("notifyctl submit --file notifies.ndjson 2> refused.txt");
  page.Paragraph(
      "A line that is refused by a rate or a limit (429) may be sent again; so may the whole file, where each line has an idempotency_key.");
  page.Paragraph("See why a notify has not been sent, and wait until it is settled:");
  page.Example("notifyctl explain n0000000000000001\nnotifyctl get n0000000000000001 --wait");
  page.Paragraph("Send again all that failed today, after a look at how many they are:");
  page.Example(
      "notifyctl retry --state failed --created-after 2030-01-01T00:00:00Z --dry-run\n"
      "notifyctl retry --state failed --created-after 2030-01-01T00:00:00Z");
  page.Paragraph("Hold back one lane, then let it go on at ten calls a second:");
  page.Example(
      "notifyctl pause https://example.org/hook\n"
      "notifyctl configure https://example.org/hook --mode concurrent --rate 10\n"
      "notifyctl resume https://example.org/hook");
  page.Paragraph("Give a team a namespace of its own, and a token to submit to it:");
  page.Example(
      "notifyctl namespace create billing --max-pending 100000\n"
      "notifyctl token create --name shop --namespaces billing --scopes submit,read --expires-in 90d");
  page.SeeAlso({{"notifyd", 8}, {"curl", 1}});
  return page.text();
}

}  // namespace notifyd
