// notify-bench: which scenario. Exit codes: 0, 1 the broker failed (or the machine refused), 2 wrong usage.
#include <fmt/format.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>

#include "base/arguments.h"
#include "base/standard_output.h"
#include "bench/flags.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

/// The broker beside this binary.
std::string BrokerBeside() {
  char path[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) return "notifyd";
  std::string self(path, static_cast<size_t>(n));
  return self.substr(0, self.rfind('/') + 1) + "notifyd";
}

int Usage(const std::string& detail) {
  fmt::print(stderr, "notify-bench: {}\n", detail);
  return kWrongUsage;
}

int Exit(const Status& status) {
  if (status.ok()) return 0;
  fmt::print(stderr, "notify-bench: {}\n", status.detail());
  return kFailed;
}

int RunScenario(const Scenario& scenario, Flags* flags) {
  CommonOptions& common = flags->common;
  if (!flags->server.empty()) {
    Result<Address> server = Address::ParseUrl(flags->server);
    if (!server.ok()) return Usage("--server: " + server.status().detail());
    common.server = *server;
  } else {
    if (common.notifyd.empty()) common.notifyd = BrokerBeside();
    if (access(common.notifyd.c_str(), X_OK) != 0)
      return Usage(fmt::format("no broker to run at {}: build it, or name one with --notifyd", common.notifyd));
  }
  for (size_t i = 1; i < flags->backlog.steps.size(); ++i) {
    if (flags->backlog.steps[i] <= flags->backlog.steps[i - 1]) return Usage("--steps: each has to be larger than the one before it");
  }
  return Exit(scenario.run(flags));
}

int Main(int argc, char** argv) {
  BlockSignals();
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  Flags flags;
  CLI::App app("notify-bench: load for notifyd, and a receiver for what it sends. Loopback only.", "notify-bench");
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, const Scenario*>> scenarios;
  for (const Scenario& scenario : Scenarios()) scenarios.emplace_back(AddScenario(&app, scenario, &flags), &scenario);
  CLI::App* receive = AddReceive(&app, &flags);
  CLI::App* draw = AddDraw(&app, &flags);
  try {
    app.parse(ArgumentsForParser({argv + 1, argv + argc}));
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    int code = app.exit(error, out, std::cerr) == 0 ? 0 : kWrongUsage;
    PrintOut(out.str());
    return code;
  }
  if (draw->parsed()) return Exit(RunDraw(flags.draw));
  if (receive->parsed()) {
    Result<Address> listen = Address::Parse(flags.listen);
    if (!listen.ok()) return Usage("--listen: " + listen.status().detail());
    flags.receive.listen = *listen;
    if (flags.answer_status) flags.receive.status = flags.answer_status;
    return Exit(RunReceive(flags.receive));
  }
  for (const auto& [sub, scenario] : scenarios) {
    if (!sub->parsed()) continue;
    if (!scenario->runs_help || sub->count("--runs") == 0) flags.common.runs = scenario->runs;
    if (flags.fairness.namespaces && sub->count("--hung") == 0) flags.fairness.hung = 1000;
    if (flags.fairness.namespaces && sub->count("--backlog") == 0) flags.fairness.backlog = 1000;
    if (flags.others == "late" && sub->count("--lanes") == 0) flags.lanes.lanes = 900;
    return RunScenario(*scenario, &flags);
  }
  return kWrongUsage;
}

}  // namespace
}  // namespace notifyd::bench

int main(int argc, char** argv) {
  notifyd::OpenStandardDescriptors();
  return notifyd::EndOutput("notify-bench", notifyd::bench::Main(argc, argv));
}
