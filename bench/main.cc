// notify-bench: flags, and which scenario. Exit codes: 0, 1 the broker failed (or the machine refused), 2 wrong usage.
#include <fmt/format.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "base/standard_output.h"
#include "bench/scenarios.h"
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

struct Flags {
  CommonOptions common;
  LoadOptions submit, end_to_end;
  DueOptions due;
  BacklogOptions backlog;
  LanesOptions lanes;
  FifoOptions fifo;
  FairnessOptions fairness;
  ReceiveOptions receive;
  std::string listen = "127.0.0.1:9100";
  std::string server;
  std::string mode = "concurrent";
  std::string others = "far-off";
  int answer_status = 0;
};

void AddCommon(CLI::App* app, Flags* flags, bool may_attach, const char* runs_help) {
  CommonOptions& common = flags->common;
  app->add_option("--runs", common.runs, runs_help)->check(CLI::Range(1, 1000))->capture_default_str();
  app->add_flag("--json", common.json, "one JSON object a run, a line each, instead of a table");
  app->add_option("--seed", common.seed, "of payloads and due times")->capture_default_str();
  app->add_option("--stall-s", common.stall_s, "a delivery is missing when none arrived for so long")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app->add_option("--notifyd", common.notifyd, "the broker to start; default: the one beside this program");
  app->add_option("--broker-arg", common.broker_arguments, "one more argument for the broker, as in --broker-arg=--x; may be repeated")
      ->allow_extra_args(false);
  app->add_option("--dir", common.dir, "where temporary data directories go")->check(CLI::ExistingDirectory)->capture_default_str();
  if (may_attach) app->add_option("--server", flags->server, "use the broker that runs at this loopback URL instead of starting one");
}

void AddLoad(CLI::App* app, LoadOptions* load) {
  app->add_option("--count", load->count, "notifies")->check(CLI::Range(1, 100'000'000))->capture_default_str();
  app->add_option("--connections", load->connections, "kept alive, one request in flight on each")->check(CLI::Range(1, 5000))->capture_default_str();
  app->add_option("--batch", load->batch, "notifies a submit")->check(CLI::Range(1, 10'000))->capture_default_str();
  app->add_option("--payload", load->payload_bytes, "bytes of a notify's data")->check(CLI::Range(40, 1'048'576))->capture_default_str();
  app->add_option("--lanes", load->lanes, "lanes that the notifies go round")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  app->add_option("--delay-ms", load->receiver_delay_ms, "the receiver waits so long before each answer")
      ->check(CLI::Range(0, 60'000))
      ->capture_default_str();
}

CLI::App* AddScenarios(CLI::App* app, Flags* flags, const std::string& name) {
  if (name == "submit") {
    CLI::App* sub = app->add_subcommand("submit", "the rate and latency of acknowledged submits");
    AddLoad(sub, &flags->submit);
    sub->add_flag("--deliver", flags->submit.deliver, "deliveries go on meanwhile; else all is due in an hour");
    return sub;
  }
  if (name == "end-to-end") {
    CLI::App* sub = app->add_subcommand("end-to-end", "submits and their deliveries: rates, latency, what the broker uses");
    AddLoad(sub, &flags->end_to_end);
    sub->add_option("--mode", flags->mode, "of the lanes; fifo uses at most one connection a lane")
        ->check(CLI::IsMember({"concurrent", "fifo"}))
        ->capture_default_str();
    return sub;
  }
  if (name == "due") {
    CLI::App* sub = app->add_subcommand("due", "how late notifies arrive after their due times");
    sub->add_option("--count", flags->due.count, "notifies")->check(CLI::Range(1, 100'000'000))->capture_default_str();
    sub->add_option("--spread-s", flags->due.spread_s, "seconds over which they are due")->check(CLI::Range(1, 3600))->capture_default_str();
    sub->add_option("--ahead-s", flags->due.ahead_s, "seconds until the first may be due; submitting has to end by then")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    sub->add_option("--lanes", flags->due.lanes, "lanes that they go round")->check(CLI::Range(1, 10'000'000))->capture_default_str();
    sub->add_option("--payload", flags->due.payload_bytes, "bytes of a notify's data")->check(CLI::Range(40, 1'048'576))->capture_default_str();
    return sub;
  }
  if (name == "backlog") {
    CLI::App* sub = app->add_subcommand("backlog", "memory, disk and start-up time against the number pending");
    sub->add_option("--steps", flags->backlog.steps, "numbers pending, rising")
        ->delimiter(',')
        ->check(CLI::Range(1, 100'000'000))
        ->capture_default_str();
    sub->add_option("--payload", flags->backlog.payload_bytes, "bytes of a notify's data")->check(CLI::Range(40, 1'048'576))->capture_default_str();
    sub->add_option("--batch", flags->backlog.batch, "notifies a submit")->check(CLI::Range(1, 10'000))->capture_default_str();
    sub->add_option("--connections", flags->backlog.connections, "kept alive")->check(CLI::Range(1, 1000))->capture_default_str();
    sub->add_option("--lanes", flags->backlog.lanes, "lanes that they go round")->check(CLI::Range(1, 10'000'000))->capture_default_str();
    sub->add_option("--settle-s", flags->backlog.settle_s, "longest wait for memory to settle")->check(CLI::Range(2, 600))->capture_default_str();
    return sub;
  }
  if (name == "fifo") {
    CLI::App* sub = app->add_subcommand("fifo", "what fifo lanes pass on, and in order, against their number");
    sub->add_option("--lanes", flags->fifo.lanes, "numbers of lanes, a step each")
        ->delimiter(',')
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    sub->add_option("--count", flags->fifo.count, "notifies a step")->check(CLI::Range(1, 100'000'000))->capture_default_str();
    sub->add_option("--connections", flags->fifo.connections, "kept alive; at most one a lane")->check(CLI::Range(1, 5000))->capture_default_str();
    sub->add_option("--batch", flags->fifo.batch, "notifies a submit")->check(CLI::Range(1, 10'000))->capture_default_str();
    sub->add_option("--payload", flags->fifo.payload_bytes, "bytes of a notify's data")->check(CLI::Range(40, 1'048'576))->capture_default_str();
    sub->add_option("--delay-ms", flags->fifo.receiver_delay_ms, "the receiver waits so long before each answer")
        ->check(CLI::Range(0, 60'000))
        ->capture_default_str();
    return sub;
  }
  if (name == "fairness") {
    CLI::App* sub = app->add_subcommand("fairness", "how long notifies to a healthy destination take beside some that hang");
    sub->add_option("--hung", flags->fairness.hung, "destinations that never answer")->check(CLI::Range(1, 10'000))->capture_default_str();
    sub->add_option("--backlog", flags->fairness.backlog, "notifies pending for each of them")
        ->check(CLI::Range(1, 10'000'000))
        ->capture_default_str();
    sub->add_option("--hung-lanes", flags->fairness.hung_lanes, "lanes of each of them")->check(CLI::Range(1, 1'000'000))->capture_default_str();
    sub->add_flag("--one-caller", flags->fairness.one_caller, "all notifies are of one caller; else the hanging ones are of another");
    sub->add_option("--count", flags->fairness.count, "notifies to the healthy one a round")
        ->check(CLI::Range(1, 100'000'000))
        ->capture_default_str();
    sub->add_option("--connections", flags->fairness.connections, "kept alive")->check(CLI::Range(1, 5000))->capture_default_str();
    sub->add_option("--payload", flags->fairness.payload_bytes, "bytes of a notify's data")->check(CLI::Range(40, 1'048'576))->capture_default_str();
    return sub;
  }
  CLI::App* sub = app->add_subcommand("lanes", "how much many other lanes slow a busy one");
  sub->add_option("--lanes", flags->lanes.lanes, "other lanes, with one notify pending in each")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  sub->add_option("--others", flags->others,
                  "what pends in them: due tomorrow, a destination that never answers, or (late) 50 notifies each to one that cannot keep up, "
                  "filled before 20 new lanes are; then --lanes is 900 by default")
      ->check(CLI::IsMember({"far-off", "hung", "late"}))
      ->capture_default_str();
  sub->add_option("--count", flags->lanes.count, "notifies through the busy lane a round")->check(CLI::Range(1, 100'000'000))->capture_default_str();
  sub->add_option("--connections", flags->lanes.connections, "kept alive")->check(CLI::Range(1, 5000))->capture_default_str();
  sub->add_option("--payload", flags->lanes.payload_bytes, "bytes of a notify's data")->check(CLI::Range(40, 1'048'576))->capture_default_str();
  return sub;
}

CLI::App* AddReceive(CLI::App* app, Flags* flags) {
  ReceiveOptions& receive = flags->receive;
  CLI::App* sub = app->add_subcommand("receive", "a receiver that shows what it gets, until SIGINT or SIGTERM");
  sub->add_option("--listen", flags->listen, "loopback ADDR:PORT; port 0 takes a free one")->capture_default_str();
  sub->add_option("--delay-ms", receive.delay_ms, "wait so long before each answer")->check(CLI::Range(0, 3'600'000))->capture_default_str();
  sub->add_option("--fail-every", receive.fail_every, "answer every so many-th request with 500 (or --status)")->check(CLI::Range(1, 1'000'000'000));
  sub->add_option("--status", flags->answer_status, "the answer's status; with --fail-every that of the failing ones")->check(CLI::Range(200, 599));
  sub->add_flag("--hang", receive.hang, "never answer");
  sub->add_flag("--close", receive.close, "close the connection after each answer");
  sub->add_flag("--verbose", receive.verbose, "show each request, however many come");
  sub->add_flag("--json", receive.json, "totals as JSON; with --verbose each request too");
  return sub;
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

int RunScenario(const std::string& name, Flags* flags) {
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
  flags->end_to_end.fifo = flags->mode == "fifo";
  flags->lanes.hung = flags->others == "hung";
  flags->lanes.late = flags->others == "late";
  if (name == "submit") return Exit(RunSubmit(common, flags->submit));
  if (name == "end-to-end") return Exit(RunEndToEnd(common, flags->end_to_end));
  if (name == "due") return Exit(RunDue(common, flags->due));
  if (name == "fifo") return Exit(RunFifo(common, flags->fifo));
  if (name == "fairness") return Exit(RunFairness(common, flags->fairness));
  if (name == "backlog") return Exit(RunBacklog(common, flags->backlog));
  return Exit(RunLanes(common, flags->lanes));
}

int Main(int argc, char** argv) {
  BlockSignals();
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  Flags flags;
  CLI::App app("notify-bench: load for notifyd, and a receiver for what it sends. Loopback only.");
  app.require_subcommand(1);
  for (const char* name : {"submit", "end-to-end", "due"}) AddCommon(AddScenarios(&app, &flags, name), &flags, true, "how often; medians are shown");
  AddCommon(AddScenarios(&app, &flags, "backlog"), &flags, false, "how often; medians are shown");
  CLI::App* lanes = AddScenarios(&app, &flags, "lanes");
  AddCommon(lanes, &flags, false, "rounds, each without and with the other lanes");
  lanes->get_option("--runs")->default_str("5");
  AddCommon(AddScenarios(&app, &flags, "fifo"), &flags, true, "how often each step");
  CLI::App* fairness = AddScenarios(&app, &flags, "fairness");
  AddCommon(fairness, &flags, false, "rounds, each without and with the hung ones");
  fairness->get_option("--runs")->default_str("5");
  CLI::App* receive = AddReceive(&app, &flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    int code = app.exit(error, out, std::cerr) == 0 ? 0 : kWrongUsage;
    PrintOut(out.str());
    return code;
  }
  if (receive->parsed()) {
    Result<Address> listen = Address::Parse(flags.listen);
    if (!listen.ok()) return Usage("--listen: " + listen.status().detail());
    flags.receive.listen = *listen;
    if (flags.answer_status) flags.receive.status = flags.answer_status;
    return Exit(RunReceive(flags.receive));
  }
  if (lanes->parsed() && flags.others == "late" && lanes->count("--lanes") == 0) flags.lanes.lanes = 900;
  for (CLI::App* rounds : {lanes, fairness})
    if (rounds->parsed() && rounds->count("--runs") == 0) flags.common.runs = 5;
  return RunScenario(app.get_subcommands()[0]->get_name(), &flags);
}

}  // namespace
}  // namespace notifyd::bench

int main(int argc, char** argv) {
  notifyd::OpenStandardDescriptors();
  return notifyd::EndOutput("notify-bench", notifyd::bench::Main(argc, argv));
}
