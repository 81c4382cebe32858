#include "cli/daemon/owner_command.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/arguments.h"
#include "base/standard_output.h"
#include "base/system_error.h"
#include "base/terminal_text.h"
#include "cli/daemon/settings.h"

namespace notifyd {

int Complain(const std::string& text, int exit_code) {
  std::fprintf(stderr, "notifyd: %s\n", EscapeLinesForTerminal(text).c_str());
  return exit_code;
}

bool ParseOrSay(CLI::App* app, const std::vector<std::string>& arguments, int* exit_code) {
  try {
    app->parse(ArgumentsForParser(arguments));
    return true;
  } catch (const CLI::CallForHelp&) {
    PrintOut(app->help());
    *exit_code = EndOutput("notifyd", kCommandDone);
  } catch (const CLI::ParseError& fault) {
    *exit_code = Complain(fault.what(), kCommandUsage);
  }
  return false;
}

std::vector<std::string> TakeSettings(std::vector<std::string>* arguments) {
  std::vector<std::string> taken, left;
  for (size_t i = 0; i < arguments->size(); ++i) {
    const std::string& argument = (*arguments)[i];
    const size_t equal = argument.find('=');
    const std::string flag = argument.substr(0, equal);
    const std::vector<Setting>& all = AllSettings();
    const bool own = flag == "--config" || std::any_of(all.begin(), all.end(), [&](const Setting& setting) { return setting.Flag() == flag; });
    (own ? taken : left).push_back(argument);
    if (own && equal == std::string::npos && i + 1 < arguments->size()) taken.push_back((*arguments)[++i]);
  }
  *arguments = std::move(left);
  return taken;
}

std::string WholePath(const std::string& directory) {
  std::error_code fault;
  const std::filesystem::path whole = std::filesystem::absolute(directory, fault);
  return fault ? directory : whole.string();
}

Status BecomeOwner(const std::string& directory) {
  struct stat status {};
  if (geteuid() != 0 || stat(directory.c_str(), &status) != 0 || status.st_uid == 0) return Status::Ok();
  if (setgroups(0, nullptr) == 0 && setgid(status.st_gid) == 0 && setuid(status.st_uid) == 0) return Status::Ok();
  return SystemError("cannot become the owner of " + directory);
}

}  // namespace notifyd
