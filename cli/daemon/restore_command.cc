#include "cli/daemon/restore_command.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/crash_point.h"
#include "base/log.h"
#include "base/standard_output.h"
#include "base/system_error.h"
#include "base/terminal_text.h"
#include "base/time.h"
#include "cli/daemon/offline_cores.h"
#include "cli/daemon/offline_registry.h"
#include "cli/daemon/owner_command.h"
#include "cli/daemon/settings.h"
#include "cli/daemon/store_engines.h"
#include "cli/daemon/token_command.h"
#include "storage/backup_files.h"
#include "storage/backup_manifest.h"
#include "storage/descriptor.h"
#include "storage/directory.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kIdGap = 100'000'000'000;  // what is handed out in 57 days at 20,000 a second
constexpr uint64_t kIdGapMost = 100'000'000'000'000;
constexpr std::string_view kPendingFlag = "--pending", kDropWord = "drop-due-before";

struct RestoreAsked {
  enum class Pending { kKeep, kPause, kDrop } pending = Pending::kKeep;
  WallTime drop_before;
  std::string from;
  bool in_place = false, keep_tokens = false, check_alone = false;
  uint64_t id_gap = kIdGap;
  std::vector<std::string> settings;
};

/// Takes "--pending drop-due-before TIME" out of the arguments, whose two words no parser of options knows. Nothing where it is not said.
Result<std::optional<WallTime>> TakeDrop(std::vector<std::string>* arguments) {
  std::optional<WallTime> before;
  const std::string joined = std::string(kPendingFlag) + "=" + std::string(kDropWord);
  for (auto at = arguments->begin(); at != arguments->end();) {
    const bool apart = *at == kPendingFlag && at + 1 != arguments->end() && at[1] == kDropWord;
    if (!apart && *at != joined) {
      ++at;
      continue;
    }
    const auto time = at + (apart ? 2 : 1);
    if (time == arguments->end()) return Status(Code::kUnacceptable, "--pending drop-due-before needs a time, such as 2027-03-01T02:00:00Z");
    Result<WallTime> parsed = ParseRfc3339(*time);
    if (!parsed.ok()) return Status(Code::kUnacceptable, "--pending drop-due-before " + *time + ": " + parsed.status().detail());
    before = *parsed;
    at = arguments->erase(at, time + 1);
  }
  return before;
}

/// Reads `arguments` behind "restore". Nothing where it has printed all there is to say: `exit_code` then.
std::optional<RestoreAsked> ReadArguments(std::vector<std::string> arguments, int* exit_code) {
  RestoreAsked asked;
  std::string tokens = "disable", pending = "keep";
  asked.settings = TakeSettings(&arguments);
  Result<std::optional<WallTime>> drop = TakeDrop(&arguments);
  if (!drop.ok()) {
    *exit_code = Complain(drop.status().detail(), kCommandUsage);
    return std::nullopt;
  }
  CLI::App app(
      "Puts a backup where there is no store: one that notifyctl backup made, or a copy of a data directory, made while no broker ran, or a\n"
      "snapshot. What the first one's checksums do not hold for is refused. Or does to a store in PostgreSQL, which PostgreSQL's own tools put\n"
      "back, what else a restore does.",
      "notifyd restore");
  app.set_help_flag("--help,-h", "Print this help and exit.");
  app.add_option("dir", asked.from, "The backup; it stays as it is.")->type_name("DIR");
  app.add_flag("--in-place", asked.in_place,
               "Of a store in PostgreSQL, once its database was put back, and while no broker runs on it: its ids, tokens and what is pending become "
               "what the other flags say. It may be done again.");
  app.add_option(
         std::string(kPendingFlag), pending,
         "What becomes of what was pending then, some of which may have been sent since. keep: it is sent, and schedules make what they missed "
         "since; pause: all its lanes are paused, and all schedules; drop-due-before TIME: what was due before is cancelled, and schedules make "
         "nothing for times before.")
      ->type_name("keep|pause|drop-due-before TIME")
      ->default_str("keep");
  app.add_option("--id-gap", asked.id_gap, "Ids go on so far above those of the backup: above all that may have been handed out since.")
      ->type_name("N")
      ->check(CLI::Range(uint64_t{0}, kIdGapMost))
      ->default_str(std::to_string(kIdGap));
  app.add_option(
         "--tokens", tokens,
         "disable: none of its tokens counts until notifyctl token update ID --disabled false; keep: all do, also those that were deleted since.")
      ->type_name("WORD")
      ->check(CLI::IsMember({"disable", "keep"}));
  app.add_flag("--check", asked.check_alone, "Only read the backup through, and say whether it is whole.");
  app.footer(
      "Where to, the broker's own flags, variables and file say: --config FILE, --data-dir DIR. Nothing may be there yet, but with --in-place. A\n"
      "sealed store needs the keys of then in store.encryption_key_file. Run it as the broker's user, or as root.");
  if (!ParseOrSay(&app, arguments, exit_code)) return std::nullopt;
  if (asked.in_place != asked.from.empty() || (asked.in_place && asked.check_alone)) {
    *exit_code = Complain("restore takes the directory of a backup, or --in-place, which goes without --check", kCommandUsage);
    return std::nullopt;
  }
  if (pending != "keep" && pending != "pause") {
    *exit_code = Complain("--pending is keep, pause, or drop-due-before with a time", kCommandUsage);
    return std::nullopt;
  }
  asked.keep_tokens = tokens == "keep";
  asked.pending = pending == "pause" ? RestoreAsked::Pending::kPause : RestoreAsked::Pending::kKeep;
  if (*drop) {
    asked.pending = RestoreAsked::Pending::kDrop;
    asked.drop_before = **drop;
  }
  return asked;
}

Status CopyFiles(const fs::path& from, const fs::path& to) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(from, error)) {
    if (!entry.is_regular_file()) continue;
    Result<std::string> copied = CopyWhole(entry.path().string(), (to / entry.path().filename()).string(), entry.file_size(), {});
    if (!copied.ok()) return std::move(copied).status();
  }
  return error ? SystemError("cannot read " + from.string(), error.value()) : Status::Ok();
}

/// Keeps brokers off the store that lies in a directory, for as long as it lives.
class StoreLock {
 public:
  explicit StoreLock(const fs::path& directory)
      : file_(open(FormatPathIn(directory.string()).c_str(), O_RDONLY | O_CLOEXEC)),
        taken_(file_.open() && flock(file_.get(), LOCK_SH | LOCK_NB) != 0) {}
  /// None where there is no store.
  bool is_store() const { return file_.open(); }
  /// A broker has it.
  bool taken() const { return taken_; }

 private:
  const Descriptor file_;
  const bool taken_;
};

/// Copies the files of a store that nobody has open.
Status CopyStore(const fs::path& from, const fs::path& to) {
  const StoreLock lock(from);
  if (!lock.is_store())
    return Status(Code::kUnacceptable, from.string() + " is no backup, and no store: it has no " + kBackupManifest + " and no FORMAT");
  if (lock.taken()) return Status(Code::kUnacceptable, "a broker runs on " + from.string() + ": a copy of it would be of no one moment");
  return CopyFiles(from, to);
}

/// Each file is read to its end before anything is made of it.
Status CopyBackup(const BackupManifest& manifest, const fs::path& from, const fs::path& to) {
  for (const BackupFile& file : manifest.files) {
    PassCrashPoint(CrashPoint::kRestoreBeforeFile);
    NOTIFYD_TRY(CopyBackupFile((from / file.name).string(), (to / file.name).string(), file, {}));
  }
  return Status::Ok();
}

Status CheckBackup(const BackupManifest& manifest, const fs::path& from) {
  for (const BackupFile& file : manifest.files) NOTIFYD_TRY(CheckBackupFile((from / file.name).string(), file, {}));
  return Status::Ok();
}

/// What the directory says of itself; nothing where it is a copy of a data directory.
Result<std::optional<BackupManifest>> LookAt(const std::string& from) {
  const fs::path plain = fs::path(from).lexically_normal();
  const std::string name = (plain.has_filename() ? plain : plain.parent_path()).filename().string();
  if (name.ends_with(kPartial)) return Status(Code::kUnacceptable, from + " is what is left of a backup that did not come to its end");
  Result<BackupManifest> manifest = ReadBackupManifest(from);
  if (manifest.ok()) return std::optional(*std::move(manifest));
  if (manifest.status().code() == Code::kNotFound) return std::optional<BackupManifest>();
  return std::move(manifest).status();
}

/// Where this is root: to whoever has the backup.
Status GiveTo(const fs::path& owner_of, const fs::path& directory) {
  struct stat owner {};
  if (geteuid() != 0) return Status::Ok();
  if (stat(owner_of.c_str(), &owner) != 0) return SystemError("cannot look at " + owner_of.string());
  for (const auto& entry : fs::directory_iterator(directory))
    if (chown(entry.path().c_str(), owner.st_uid, owner.st_gid) != 0) return SystemError("cannot give " + entry.path().string() + " to its owner");
  return chown(directory.c_str(), owner.st_uid, owner.st_gid) == 0 ? Status::Ok()
                                                                   : SystemError("cannot give " + directory.string() + " to its owner");
}

struct Restored {
  size_t disabled = 0;  // tokens
  SteeredPending pending;
};

/// Makes of the store, of which options.store.id_gap is left out at first, what brokers are to open.
Result<Restored> Settle(const RestoreAsked& asked, Options options) {
  Restored out;
  Result<size_t> disabled = SettleTokens(options, asked.keep_tokens);
  if (!disabled.ok()) return std::move(disabled).status();
  out.disabled = *disabled;
  options.store.id_gap = 0;
  if (asked.pending == RestoreAsked::Pending::kKeep) return out;
  Result<SteeredPending> steered = asked.pending == RestoreAsked::Pending::kPause ? PausePending(options) : DropDueBefore(options, asked.drop_before);
  if (!steered.ok()) return std::move(steered).status();
  out.pending = *steered;
  return out;
}

/// Copies it to `beside` and settles it there.
Result<Restored> RestoreBeside(const RestoreAsked& asked, const std::optional<BackupManifest>& manifest, const fs::path& beside, Options options) {
  NOTIFYD_TRY(manifest ? CopyBackup(*manifest, asked.from, beside) : CopyStore(asked.from, beside));
  PassCrashPoint(CrashPoint::kRestoreCopied);
  options.data_dir = options.store.directory = beside.string();
  options.store.id_gap = asked.id_gap;
  Result<Restored> restored = Settle(asked, options);
  if (!restored.ok()) return restored;
  NOTIFYD_TRY(GiveTo(asked.from, beside));
  NOTIFYD_TRY(SyncDirectory(beside.string()));
  return restored;
}

/// Whether it may be put there, before anything is done for it.
Status CheckTarget(const std::string& from, const fs::path& target) {
  std::error_code error;
  if (LiesIn(target.string(), from)) return Status(Code::kUnacceptable, target.string() + " lies in the backup");
  if (fs::is_symlink(fs::symlink_status(target, error))) return Status(Code::kUnacceptable, target.string() + " is a link: say where it is to lead");
  struct stat there {
  }, around{};
  if (stat(target.c_str(), &there) != 0) return Status::Ok();
  if (StoreLock(target).taken())
    return Status(Code::kUnacceptable, "a broker runs on " + target.string() + ": stop it first, then move the directory away");
  if (!S_ISDIR(there.st_mode) || !fs::is_empty(target, error))
    return Status(Code::kUnacceptable, target.string() + " is not empty: move it away first");
  if (stat((target / "..").c_str(), &around) == 0 && around.st_dev != there.st_dev)
    return Status(Code::kUnacceptable, target.string() + " is a mount point: restore to a directory in it, and move the files");
  return Status::Ok();
}

/// All is made beside the place where it is to be, and comes there as a whole.
Result<Restored> Restore(const RestoreAsked& asked, const std::optional<BackupManifest>& manifest, const Options& options) {
  const fs::path target = fs::path(options.data_dir).lexically_normal();
  const fs::path plain = target.has_filename() ? target : target.parent_path();
  NOTIFYD_TRY(CheckTarget(asked.from, plain));
  const fs::path beside = plain.string() + ".restoring";
  if (mkdir(beside.c_str(), 0700) != 0) {
    if (errno != EEXIST) return SystemError("cannot make " + beside.string());
    return Status(Code::kUnacceptable, beside.string() + " is there, of a restore that was cut short, or is under way: remove it first");
  }
  Result<Restored> restored = RestoreBeside(asked, manifest, beside, options);
  Status placed;
  PassCrashPoint(CrashPoint::kRestoreBeforeRename);
  if (restored.ok() && rename(beside.c_str(), plain.c_str()) != 0) placed = SystemError("cannot rename " + beside.string() + " to " + plain.string());
  if (!restored.ok() || !placed.ok()) {
    std::error_code ignored;
    fs::remove_all(beside, ignored);
    return restored.ok() ? Result<Restored>(placed) : restored;
  }
  NOTIFYD_TRY(SyncDirectory(plain.has_parent_path() ? plain.parent_path().string() : "."));
  return restored;
}

/// Of a store that lies where it is to be: no broker opens it before all is done.
Result<Restored> RestoreInPlace(const RestoreAsked& asked, Options options) {
  NOTIFYD_TRY(BecomeOwner(WholePath(options.data_dir)));
  Result<std::unique_ptr<InPlaceRestore>> begun = BeginInPlaceRestore(options.store, asked.id_gap);
  if (!begun.ok()) return std::move(begun).status();
  PassCrashPoint(CrashPoint::kRestoreCopied);
  options.store = (*begun)->options();
  Result<Restored> restored = Settle(asked, std::move(options));
  if (!restored.ok()) return restored;
  PassCrashPoint(CrashPoint::kRestoreBeforeRename);
  NOTIFYD_TRY((*begun)->Finish());
  return restored;
}

int Check(const RestoreAsked& asked, const std::optional<BackupManifest>& manifest) {
  if (!manifest) return Complain(asked.from + " is no backup that notifyctl backup made: it has no checksums", kCommandUsage);
  const Status whole = CheckBackup(*manifest, asked.from);
  if (!whole.ok()) return Complain(whole.detail(), kCommandFailed);
  PrintOut("whole: " + EscapeForTerminal(manifest->name) + " of " + FormatRfc3339(manifest->began_at) + ", " +
           std::to_string(manifest->files.size()) + " files, " + std::to_string(manifest->bytes()) + " bytes\n");
  return EndOutput("notifyd", kCommandDone);
}

/// `make_token`: the command that makes a first one.
void Say(const RestoreAsked& asked, const Restored& restored, const std::string& make_token) {
  const SteeredPending& pending = restored.pending;
  if (asked.pending == RestoreAsked::Pending::kPause)
    PrintOut(std::to_string(pending.lanes) + " lanes and " + std::to_string(pending.schedules) +
             " schedules are paused: notifyctl resume LANE, notifyctl schedule resume NAME\n");
  if (asked.pending == RestoreAsked::Pending::kDrop)
    PrintOut(std::to_string(pending.dropped) + " notifies that were due before " + FormatRfc3339(asked.drop_before) + " are cancelled, and " +
             std::to_string(pending.runs) + " times of schedules before that are skipped\n");
  if (restored.disabled > 0)
    PrintOut(std::to_string(restored.disabled) +
             " tokens are disabled: notifyctl token update ID --disabled false for those that are to count again, with one that " +
             EscapeForTerminal(make_token) + " makes\n");
}

}  // namespace

std::optional<int> RunRestoreCommand(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  if (arguments.empty() || arguments[0] != "restore") return std::nullopt;
  int exit_code = kCommandUsage;
  std::optional<RestoreAsked> asked = ReadArguments({arguments.begin() + 1, arguments.end()}, &exit_code);
  if (!asked) return exit_code;
  Invocation invocation = ReadCommandLine(asked->settings, environment);
  if (invocation.action != Invocation::Action::kRun)
    return Complain(invocation.error.empty() ? "restore goes without it" : invocation.error, kCommandUsage);
  const Options& options = invocation.options;
  if (!asked->in_place && options.store.engine != kEmbeddedEngine)
    return Complain(
        "it restores a store in data_dir alone; one in PostgreSQL is put back by PostgreSQL's own tools, and then made fit for brokers by notifyd "
        "restore --in-place",
        kCommandUsage);
  LogInit(LogFormatOf(options), LogLevel::kWarn);
  auto not_restored = [](const Status& status) {
    return Complain("not restored: " + status.detail(), status.code() == Code::kUnacceptable ? kCommandUsage : kCommandFailed);
  };
  if (asked->in_place) {
    Result<Restored> restored = RestoreInPlace(*asked, options);
    if (!restored.ok()) return not_restored(restored.status());
    PrintOut("restored in place: ids go on " + std::to_string(asked->id_gap) + " above those that it knew\n");
    Say(*asked, *restored, "notifyd token create");
    return EndOutput("notifyd", kCommandDone);
  }
  Result<std::optional<BackupManifest>> manifest = LookAt(asked->from);
  if (!manifest.ok()) return not_restored(manifest.status());
  if (asked->check_alone) return Check(*asked, *manifest);
  Result<Restored> restored = Restore(*asked, *manifest, options);
  if (!restored.ok()) return not_restored(restored.status());
  PrintOut("restored to " + EscapeForTerminal(options.data_dir) + (*manifest ? ": as of " + FormatRfc3339((*manifest)->began_at) : "") + "\n");
  Say(*asked, *restored, FirstTokenCommand(options.data_dir));
  return EndOutput("notifyd", kCommandDone);
}

}  // namespace notifyd
