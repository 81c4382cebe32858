// What those who define commands of notifyctl share: checks without a say in --help, options whose values are wanted only where they were given, and
// what is said of wrong usage. With CLI11, for the files alone that define commands.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/client/context.h"
#include "cli/client/describe.h"
#include "cli/client/field_flags.h"

namespace notifyd {

/// What a command does, by the command.
using Actions = std::map<const CLI::App*, std::function<Exit(const Context&)>>;

inline constexpr uint64_t kListMost = 1'000'000'000;

/// `command`: as of Context.
inline Exit Misused(const std::string& command, const std::string& what) {
  Complain(what);
  Remark("Try: notifyctl " + command + (command.empty() ? "" : " ") + "--help");
  return kUsage;
}
inline Exit Misused(const Context& context, const std::string& what) {
  return Misused(context.command, what);
}

/// What nobody takes, in the order in which it was given; and of a flag that takes a value behind "=" alone, that it does.
inline std::string Unexpected(const CLI::App& command, const OptionHints& hints, std::vector<std::string> unknown,
                              const std::vector<std::string>& given) {
  auto place = [&](const std::string& text) { return std::find(given.begin(), given.end(), text); };
  std::stable_sort(unknown.begin(), unknown.end(), [&](const std::string& one, const std::string& other) { return place(one) < place(other); });
  std::string text = "not expected:";
  for (const std::string& each : unknown) text += " " + each;
  for (const CLI::Option* option : command.get_options()) {
    const std::string flag = option->get_name();
    const auto hint = hints.find(option), none = hints.end();
    const auto at = place(flag);
    if (hint == none || hint->second.optional_value.empty() || given.end() - at < 2 || !std::isdigit(static_cast<unsigned char>(at[1][0]))) continue;
    text += "; what " + flag + " takes stands behind a =: " + flag + "=" + at[1];
  }
  return text;
}

/// Checks without a say in --help: the type and the help say it.
inline CLI::Validator Quiet(CLI::Validator validator) {
  return validator.description("");
}

/// For what names something, or filters: an empty text is most often a variable of a script that was not set, and would mean another thing.
inline CLI::Validator NotEmpty() {
  return CLI::Validator([](const std::string& text) { return text.empty() ? std::string("must not be empty") : std::string(); }, "");
}

/// Options whose texts are wanted only where they were given.
class Texts {
 public:
  CLI::Option* Add(CLI::App* app, const std::string& name, const std::string& flags, const std::string& type, const std::string& help) {
    auto& [option, text] = texts_[name];
    return option = app->add_option(flags, text, help)->type_name(type);
  }
  std::map<std::string, std::string> Given() const {
    std::map<std::string, std::string> given;
    for (const auto& [name, entry] : texts_)
      if (entry.first->count() > 0) given[name] = entry.second;
    return given;
  }
  bool Has(const std::string& name) const {
    auto found = texts_.find(name);
    return found != texts_.end() && found->second.first->count() > 0;
  }

 private:
  std::map<std::string, std::pair<CLI::Option*, std::string>> texts_;
};

}  // namespace notifyd
