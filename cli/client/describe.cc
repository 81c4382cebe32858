#include "cli/client/describe.h"

#include <CLI/CLI.hpp>

namespace notifyd {
namespace {

OptionText DescribeOption(const CLI::Option& option, const OptionHints& hints) {
  OptionText text;
  for (const std::string& name : option.get_snames()) text.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) text.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) text.value = option.get_type_name().substr(0, option.get_type_name().find(':'));
  text.help = option.get_description();
  text.fallback = option.get_default_str();
  text.variable = option.get_envname();
  text.required = option.get_required();
  text.repeatable = option.get_expected_max() > 1;
  if (auto hint = hints.find(&option); hint != hints.end()) {
    text.words = hint->second.words;
    text.list = hint->second.list;
    text.file = hint->second.file;
    if (!hint->second.optional_value.empty()) {
      text.value = hint->second.optional_value;
      text.value_optional = true;
    }
  }
  return text;
}

}  // namespace

CommandText Describe(const CLI::App& app, const OptionHints& hints) {
  CommandText text;
  const CLI::App* parent = app.get_parent();
  if (!parent || parent->get_footer() != app.get_footer()) text.notes = app.get_footer();  // a parent's is inherited
  text.name = app.get_name();
  text.help = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    OptionText described = DescribeOption(*option, hints);
    if (option->get_positional()) {
      OptionText argument = described;
      argument.names = {option->get_name(true)};
      // Where a flag gives it as well, it may be left out here.
      argument.required = option->get_required() && !option->nonpositional();
      text.arguments.push_back(argument);
    }
    if (option->nonpositional()) text.options.push_back(described);
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_group().empty()) text.commands.push_back(Describe(*command, hints));
  return text;
}

}  // namespace notifyd
