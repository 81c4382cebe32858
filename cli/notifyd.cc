// notifyd: settings, then the runtime. Exit codes: 0, 2 wrong usage or configuration, 1 anything else (contract section 4).
#include <malloc.h>
#include <sys/resource.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/log.h"
#include "cli/runtime.h"
#include "cli/settings.h"

extern char** environ;

namespace notifyd {
namespace {

/// A few arenas, and memory goes back to the system soon: what is resident follows what is in use.
void KeepMemorySmall() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

/// Connections of clients and to receivers are many; the soft limit is often 1,024.
void RaiseOpenFiles() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int Main(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  Invocation invocation = ReadCommandLine(arguments, environment);
  if (invocation.action == Invocation::Action::kExit) {
    std::fputs(invocation.output.c_str(), stdout);
    if (!invocation.error.empty()) std::fprintf(stderr, "notifyd: %s\n", invocation.error.c_str());
    return invocation.exit_code;
  }
  if (invocation.action == Invocation::Action::kCheckConfig) {
    for (const std::string& name : invocation.unknown_variables) std::fprintf(stderr, "notifyd: warning: %s names no setting\n", name.c_str());
    std::puts("ok");
    return 0;
  }
  const Options& options = invocation.options;
  LogInit(LogFormatOf(options), LogLevelOf(options));
  for (const std::string& name : invocation.unknown_variables) Log(LogLevel::kWarn, "environment variable names no setting", {{"name", name}});
  KeepMemorySmall();
  RaiseOpenFiles();
  Result<std::unique_ptr<Runtime>> runtime = Runtime::Create(options);
  if (!runtime.ok()) {
    const Status& status = runtime.status();
    Log(LogLevel::kError, "cannot start: " + status.detail(), {{"field", status.field()}});
    return status.code() == Code::kUnacceptable && !status.field().empty() ? 2 : 1;
  }
  (*runtime)->Run();
  return 0;
}

}  // namespace
}  // namespace notifyd

int main(int argc, char** argv) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry; ++entry) environment.emplace_back(*entry);
  return notifyd::Main({argv + 1, argv + argc}, environment);
}
