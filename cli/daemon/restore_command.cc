#include "cli/daemon/restore_command.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/standard_output.h"
#include "base/terminal_text.h"
#include "cli/daemon/offline_registry.h"
#include "cli/daemon/owner_command.h"
#include "cli/daemon/settings.h"
#include "storage/directory.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;

struct Asked {
  std::string from;
  bool keep_tokens = false;
  std::vector<std::string> settings;
};

/// Reads `arguments` behind "restore". Nothing where it has printed all there is to say: `exit_code` then.
std::optional<Asked> ReadArguments(const std::vector<std::string>& arguments, int* exit_code) {
  Asked asked;
  std::string tokens = "disable";
  CLI::App app("Puts a backup of a store where there is none: a copy of a data directory, made while no broker ran, or a snapshot.",
               "notifyd restore");
  app.allow_extras();
  app.set_help_flag("--help,-h", "Print this help and exit.");
  app.add_option("--from", asked.from, "The backup; it stays as it is.")->type_name("DIR")->required();
  app.add_option(
         "--tokens", tokens,
         "disable: none of its tokens counts until notifyctl token update ID --disabled false; keep: all do, also those that were deleted since.")
      ->type_name("WORD")
      ->check(CLI::IsMember({"disable", "keep"}));
  app.footer(
      "Where to, the broker's own flags, variables and file say: --config FILE, --data-dir DIR. Nothing may be there yet. A sealed store needs the\n"
      "keys of then in store.encryption_key_file. Run it as the broker's user, or as root.");
  if (!ParseOrSay(&app, arguments, exit_code)) return std::nullopt;
  asked.keep_tokens = tokens == "keep";
  asked.settings = app.remaining();
  return asked;
}

Status Failed(const std::string& what, int error) {
  return Status(Code::kIo, what + ": " + std::strerror(error));
}

/// On the disk before anything is renamed.
Status SyncPath(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Failed("cannot open " + path.string(), errno);
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return error == 0 ? Status::Ok() : Failed("cannot sync " + path.string(), error);
}

/// Copies the files of a store that nobody has open.
Status CopyStore(const fs::path& from, const fs::path& to) {
  const int lock = open(FormatPathIn(from.string()).c_str(), O_RDONLY | O_CLOEXEC);
  if (lock < 0) return Status(Code::kUnacceptable, from.string() + " is no store: it has no FORMAT");
  Status done;
  if (flock(lock, LOCK_SH | LOCK_NB) != 0)
    done = Status(Code::kUnacceptable, "a broker runs on " + from.string() + ": a copy of it would be of no one moment");
  std::error_code error;
  if (done.ok() && !fs::create_directory(to, error)) done = Failed("cannot make " + to.string(), error.value());
  for (const auto& entry : fs::directory_iterator(from, error)) {
    if (!done.ok()) break;
    const fs::path target = to / entry.path().filename();
    if (!entry.is_regular_file()) continue;
    fs::copy_file(entry.path(), target, error);
    if (!error) fs::permissions(target, fs::perms::owner_read | fs::perms::owner_write, error);
    done = error ? Failed("cannot copy " + entry.path().string(), error.value()) : SyncPath(target);
  }
  if (done.ok() && error) done = Failed("cannot read " + from.string(), error.value());
  close(lock);
  return done;
}

/// Where this is root: to whoever has the backup.
Status GiveTo(const fs::path& owner_of, const fs::path& directory) {
  struct stat owner {};
  if (geteuid() != 0) return Status::Ok();
  if (stat(owner_of.c_str(), &owner) != 0) return Failed("cannot look at " + owner_of.string(), errno);
  for (const auto& entry : fs::directory_iterator(directory))
    if (chown(entry.path().c_str(), owner.st_uid, owner.st_gid) != 0) return Failed("cannot give " + entry.path().string() + " to its owner", errno);
  return chown(directory.c_str(), owner.st_uid, owner.st_gid) == 0 ? Status::Ok()
                                                                   : Failed("cannot give " + directory.string() + " to its owner", errno);
}

/// All is made beside the place where it is to be, and comes there as a whole. How many tokens were disabled.
Result<size_t> Restore(const Asked& asked, Options options) {
  const fs::path target = fs::path(options.data_dir).lexically_normal(), from = asked.from;
  const fs::path plain = target.has_filename() ? target : target.parent_path();
  const fs::path beside = plain.string() + ".restoring";
  std::error_code error;
  if (fs::exists(plain, error) && !fs::is_empty(plain, error))
    return Status(Code::kUnacceptable, plain.string() + " is not empty: move it away first");
  if (fs::exists(beside, error)) return Status(Code::kUnacceptable, beside.string() + " is there, of a restore that was cut short: remove it first");
  Status copied = CopyStore(from, beside);
  options.data_dir = options.store.directory = beside.string();
  Result<size_t> disabled = copied.ok() ? SettleTokens(options, asked.keep_tokens) : Result<size_t>(copied);
  if (disabled.ok()) copied = GiveTo(from, beside);
  if (disabled.ok() && copied.ok()) copied = SyncPath(beside);
  if (disabled.ok() && copied.ok() && rename(beside.c_str(), plain.c_str()) != 0)
    copied = Failed("cannot rename " + beside.string() + " to " + plain.string(), errno);
  if (!disabled.ok() || !copied.ok()) {
    if (fs::exists(FormatPathIn(beside.string()), error) || fs::is_empty(beside, error)) fs::remove_all(beside, error);
    return disabled.ok() ? Result<size_t>(copied) : disabled;
  }
  NOTIFYD_TRY(SyncPath(plain.has_parent_path() ? plain.parent_path() : fs::path(".")));
  return disabled;
}

}  // namespace

std::optional<int> RunRestoreCommand(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  if (arguments.empty() || arguments[0] != "restore") return std::nullopt;
  int exit_code = kCommandUsage;
  std::optional<Asked> asked = ReadArguments({arguments.begin() + 1, arguments.end()}, &exit_code);
  if (!asked) return exit_code;
  Invocation invocation = ReadCommandLine(asked->settings, environment);
  if (invocation.action != Invocation::Action::kRun)
    return Complain(invocation.error.empty() ? "restore goes without it" : invocation.error, kCommandUsage);
  LogInit(LogFormatOf(invocation.options), LogLevel::kWarn);
  Result<size_t> disabled = Restore(*asked, invocation.options);
  if (!disabled.ok())
    return Complain("not restored: " + disabled.status().detail(), disabled.status().code() == Code::kUnacceptable ? kCommandUsage : kCommandFailed);
  PrintOut("restored to " + EscapeForTerminal(invocation.options.data_dir) + "\n");
  if (*disabled > 0)
    PrintOut(
        std::to_string(*disabled) +
        " tokens are disabled: notifyctl token update ID --disabled false for those that are to count again, with one of notifyd token create\n");
  return EndOutput("notifyd", kCommandDone);
}

}  // namespace notifyd
