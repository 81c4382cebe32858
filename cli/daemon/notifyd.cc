// notifyd: settings, then the runtime. Exit codes: 0, 2 wrong usage or configuration, 1 anything else (contract section 4).
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/crash_point.h"
#include "base/log.h"
#include "base/standard_output.h"
#include "base/terminal_text.h"
#include "cli/daemon/handover.h"
#include "cli/daemon/lease_keeper.h"
#include "cli/daemon/log_sinks.h"
#include "cli/daemon/move_command.h"
#include "cli/daemon/rekey_command.h"
#include "cli/daemon/restore_command.h"
#include "cli/daemon/runtime.h"
#include "cli/daemon/settings.h"
#include "cli/daemon/signals.h"
#include "cli/daemon/standby.h"
#include "cli/daemon/start_check.h"
#include "cli/daemon/store_engines.h"
#include "cli/daemon/successor.h"
#include "cli/daemon/token_command.h"

extern char** environ;

namespace notifyd {
namespace {

/// Whether the memory of this process may be dumped into a file. Not being dumpable says the same to whatever the kernel would pipe a dump to, and
/// keeps other processes of the same user from reading its memory; an exec starts anew. A hard limit of 0 stays one.
void SetCoreDumps(bool allowed) {
  prctl(PR_SET_DUMPABLE, allowed ? 1 : 0, 0, 0, 0);
  rlimit limit{};
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return;
  limit.rlim_cur = allowed ? limit.rlim_max : 0;
  setrlimit(RLIMIT_CORE, &limit);
}

/// Bodies and credentials are in its memory and its files: those are for its owner alone.
void KeepPrivate() {
  umask(077);
  SetCoreDumps(false);
}

/// A few arenas, and memory goes back to the system soon: what is resident follows what is in use.
void KeepMemorySmall() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

/// A stop that comes before there is anything to stop; or the log was moved away, and a standby may be one for months. What else a standby does about
/// SIGHUP, and about SIGUSR1, is its own (cli/daemon/standby.h).
void TakeEarly(int number) {
  if (number == SIGHUP) return ReopenLog();
  Log(LogLevel::kInfo, "stopped while starting", {{"signal", SignalName(number)}});
  LogFinish();
  std::_Exit(0);
}

/// To standard error; several lines of a fault of the command line stay so.
void Say(const std::string& text) {
  std::fprintf(stderr, "notifyd: %s\n", EscapeLinesForTerminal(text).c_str());
}

constexpr int64_t kReleaseMostMs = 1'000;
// Before a store that was lost as it was opened is opened anew. The lease is kept meanwhile, so that it is not the database that is away for long.
constexpr std::chrono::milliseconds kOpenAgain{250}, kOpenAgainMost{4'000};

int FailToStart(const Status& status) {
  Log(LogLevel::kError, "cannot start: " + status.detail(), {{"field", status.field()}});
  return ExitCodeOf(status);
}

/// As Runtime::Create; but where the store goes away between its lease and the rest of it, it is waited for, as one that was never there is. What is
/// lacking may be lacking for long (a session for this role, say): it is tried again after longer and longer pauses. Why is said once.
Result<std::unique_ptr<Runtime>> CreateOnceThere(const Options& options, const Launch& launch, Handover handover, LeaseKeeper* keeper,
                                                 Signals* signals) {
  std::string said;
  for (std::chrono::milliseconds pause = kOpenAgain;; pause = std::min(2 * pause, kOpenAgainMost)) {
    Result<std::unique_ptr<Runtime>> runtime = Runtime::Create(options, launch, handover, keeper);
    if (runtime.ok() || !keeper || runtime.status().code() != Code::kUnavailable) return runtime;
    const std::string& detail = runtime.status().detail();
    if (std::exchange(said, detail) != detail) Log(LogLevel::kWarn, "the store was lost while it was opened", {{"detail", detail}});
    keeper->OnLost([&launch, keeper, signals](const char* why) { FallBack(launch, *keeper, why, [&] { return signals->Stop(), std::nullopt; }); });
    const auto again_at = std::chrono::steady_clock::now() + pause;
    Result<Handover> sockets =
        StandByUntil(options, handover, [&] { return std::chrono::steady_clock::now() >= again_at; }, {signals, &launch, keeper});
    if (!sockets.ok()) return std::move(sockets).status();
    handover = *std::move(sockets);
  }
}

/// By one that had the store already a server that was changed under it is waited for: it may be again what it was, as where its fsync was switched
/// off. One that begins is told at once.
Result<std::unique_ptr<OwnerStore>> OpenOnceFit(const Options& options, Handover* handover, const StandbySignals& by) {
  Result<std::unique_ptr<OwnerStore>> owners = OpenOwnerStore(options.store);
  const auto unfit = [&] { return !owners.ok() && owners.status().code() == Code::kUnacceptable && owners.status().field().empty(); };
  if (!handover->owner || !unfit()) return owners;
  Log(LogLevel::kWarn, "the store does not answer", {{"detail", owners.status().detail()}});
  const auto fit = [&] {
    owners = OpenOwnerStore(options.store);
    return !unfit();
  };
  Result<Handover> sockets = StandByUntil(options, *handover, fit, by);
  if (!sockets.ok()) return std::move(sockets).status();
  *handover = *std::move(sockets);
  return owners;
}

int Serve(const Options& options, const Launch& launch, const Handover& handover, LeaseKeeper* keeper, Signals* signals) {
  Result<std::unique_ptr<Runtime>> runtime = CreateOnceThere(options, launch, handover, keeper, signals);
  const int code = runtime.ok() ? (*runtime)->Run(signals) : FailToStart(runtime.status());
  // Nobody has to wait for the end of its lease.
  if (keeper) keeper->Release(kReleaseMostMs);
  if (!runtime.ok() || !(*runtime)->left_threads()) return code;
  LogEnd();
  std::fflush(nullptr);
  ::_exit(code);
}

int Main(const Launch& launch, Handover handover, const std::string& handover_fault, const std::optional<Holdings>& held) {
  Invocation invocation = ReadCommandLine({launch.arguments.begin() + 1, launch.arguments.end()}, launch.environment);
  if (invocation.action == Invocation::Action::kExit) {
    PrintOut(invocation.output);
    if (!invocation.error.empty()) Say(invocation.error);
    return EndOutput("notifyd", invocation.exit_code);
  }
  if (invocation.action == Invocation::Action::kCheckConfig) {
    for (const std::string& name : invocation.unknown_variables) Say("warning: " + name + " names no setting");
    if (Status startable = CheckStart(invocation.options, held); !startable.ok()) {
      Say(startable.detail());
      return ExitCodeOf(startable);
    }
    PrintOut("ok\n");
    return EndOutput("notifyd", 0);
  }
  Options& options = invocation.options;
  if (options.cluster.on()) {
    options.store.postgres.member = options.cluster.member();
    options.store.postgres.member_address = options.cluster.advertise;
    options.store.postgres.member_version = options.api.version;
  }
  LogInit(LogFormatOf(options), LogLevelOf(options));
  if (Status opened = OpenLogSinks(options); !opened.ok()) return FailToStart(opened);
  for (const std::string& name : invocation.unknown_variables) Log(LogLevel::kWarn, "environment variable names no setting", {{"name", name}});
  if (!handover_fault.empty()) Log(LogLevel::kWarn, std::string(kHandoverVariable) + " is ignored", {{"detail", handover_fault}});
  // Before any other thread.
  Signals signals(TakeEarly);
  KeepMemorySmall();
  if (options.core_dumps) SetCoreDumps(true);
  if (Status startable = CheckStart(options, std::nullopt); !startable.ok()) return FailToStart(startable);
  options.store.postgres.store_mark = handover.store;
  Result<std::unique_ptr<OwnerStore>> owners = OpenOnceFit(options, &handover, {&signals, &launch, nullptr});
  if (!owners.ok()) return FailToStart(owners.status());
  if (!*owners) return Serve(options, launch, handover, nullptr, &signals);
  LeaseKeeper keeper({*std::move(owners), {}, handover.owner});
  keeper.OnLost([&](const char* why) { FallBack(launch, keeper, why, [&] { return signals.Stop(), std::nullopt; }); });
  Result<Handover> sockets = StandBy(options, handover, &keeper, {&signals, &launch, &keeper});
  if (!sockets.ok()) return FailToStart(sockets.status());
  return Serve(options, launch, *sockets, &keeper, &signals);
}

}  // namespace
}  // namespace notifyd

int main(int argc, char** argv) {
  notifyd::KeepPrivate();
  notifyd::OpenStandardDescriptors();
  if (const char* at = std::getenv(notifyd::kCrashVariable))
    if (notifyd::Status armed = notifyd::ArmCrashPoint(at); !armed.ok()) {
      notifyd::Say(armed.detail());
      return 2;
    }
  std::string fault;
  notifyd::Handover handover = notifyd::TakeHandover(&fault);
  std::optional<notifyd::Holdings> held = notifyd::TakeHoldings(getppid());
  notifyd::Launch launch;
  launch.arguments.assign(argv, argv + argc);
  // A caller may leave even the name out.
  if (launch.arguments.empty()) launch.arguments.emplace_back("notifyd");
  for (char** entry = environ; *entry; ++entry) launch.environment.emplace_back(*entry);
  launch.program = notifyd::FindProgram(launch.arguments[0]);
  for (auto run : {notifyd::RunTokenCommand, notifyd::RunRekeyCommand, notifyd::RunRestoreCommand, notifyd::RunMoveCommand})
    if (std::optional<int> done = run({launch.arguments.begin() + 1, launch.arguments.end()}, launch.environment)) return *done;
  int code = notifyd::Main(launch, handover, fault, held);
  notifyd::LogEnd();
  // The one that this process replaced had checked the settings: what is wrong now may pass, and whoever watches over it is to try again.
  return code == 2 && !handover.empty() ? 1 : code;
}
