// notifyd_sim: replays simulator seeds, with a trace where asked for, or runs fresh ones for a given time on all cores.
// Exit code 1: some seed broke a promise.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>
#include <type_traits>

#include "sim/flows.h"
#include "sim/several.h"
#include "sim/simulation.h"

namespace notifyd::sim {
namespace {

// For the handler: which seed was running when a CHECK failed.
volatile uint64_t current_seed = 0;
const char* volatile current_mode = "";

extern "C" void OnAbort(int) {
  const auto seed = static_cast<unsigned long long>(current_seed);
  std::fprintf(stderr, "aborted in seed %llu; replay with: notifyd_sim %s--verbose --seed %llu\n", seed, current_mode, seed);
  std::fflush(stdout);
  std::_Exit(1);
}

int Usage() {
  std::fprintf(stderr,
               "usage: notifyd_sim [--seed N] [--seeds FROM..TO] [--mutation NAME] [--verbose]\n"
               "       notifyd_sim --several ...        the same, of several namespaces\n"
               "       notifyd_sim --flows ...          the same, of groups, topics, services, schedules, answers, alerts\n"
               "       notifyd_sim --torture SECONDS    fresh seeds on all cores\n");
  return 2;
}

/// Prints what the seed broke, and how to replay it. True: it broke nothing.
template <class Any>
bool Report(uint64_t seed, const Any& outcome, const char* mode = "") {
  for (const std::string& violation : outcome.violations) std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), violation.c_str());
  if (!outcome.violations.empty()) {
    std::printf("  replay with: notifyd_sim %s--verbose --seed %llu\n", mode, static_cast<unsigned long long>(seed));
    std::fflush(stdout);
  }
  return outcome.violations.empty();
}

/// One core's share: seeds from `from` on, each of all three kinds of run, until the time is over.
int TortureFrom(uint64_t from, std::chrono::steady_clock::time_point until) {
  struct Kind {
    const char* mode;
    bool (*holds)(uint64_t seed);
    uint64_t run = 0, broken = 0;
  };
  Kind kinds[] = {{"", [](uint64_t seed) { return Report(seed, Run(Profile::Draw(seed))); }},
                  {"--several ", [](uint64_t seed) { return Report(seed, RunSeveral(seed), "--several "); }},
                  {"--flows ", [](uint64_t seed) { return Report(seed, RunFlows(seed), "--flows "); }}};
  bool over = false;
  for (uint64_t seed = from; !over; ++seed) {
    current_seed = seed;
    for (Kind& kind : kinds) {
      if ((over = std::chrono::steady_clock::now() >= until)) break;
      current_mode = kind.mode;
      ++kind.run;
      kind.broken += !kind.holds(seed);
    }
  }
  bool broken = false;
  for (const Kind& kind : kinds) {
    if (kind.run == 0) continue;
    std::printf("%s%llu of %llu fresh seeds broke a promise: %llu..%llu\n", kind.mode, static_cast<unsigned long long>(kind.broken),
                static_cast<unsigned long long>(kind.run), static_cast<unsigned long long>(from),
                static_cast<unsigned long long>(from + kind.run - 1));
    broken |= kind.broken > 0;
  }
  std::fflush(stdout);
  return broken;
}

int Torture(int64_t seconds) {
  std::random_device device;
  uint64_t base = (uint64_t{device()} << 20) + 1'000'000'000;  // clear of the seeds that tests name
  unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  std::printf("torture: %lld s on %u cores, seeds from %llu on, each core 10^12 further\n", static_cast<long long>(seconds), cores,
              static_cast<unsigned long long>(base));
  std::fflush(stdout);
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  std::vector<pid_t> children;
  for (unsigned core = 0; core < cores; ++core) {
    pid_t child = fork();
    if (child == 0) std::_Exit(TortureFrom(base + core * 1'000'000'000'000ull, until));
    if (child < 0) std::perror("fork");
    children.push_back(child);
  }
  bool failed = false;
  for (pid_t child : children) {
    int status = 1;
    failed |= child < 0 || waitpid(child, &status, 0) < 0 || status != 0;
  }
  return failed;
}

/// Replays seeds of one kind of run: RunSeveral or RunFlows. `mode`: its flag, and a blank.
template <class Run>
int ReplayRuns(const char* mode, Run run, uint64_t from, uint64_t to, Mutation mutation, bool verbose) {
  uint64_t broken = 0;
  current_mode = mode;
  typename std::invoke_result_t<Run, uint64_t, Mutation, Tracing>::Tally sum;
  for (uint64_t seed = from; seed <= to; ++seed) {
    current_seed = seed;
    auto outcome = run(seed, mutation, verbose ? Tracing::kPrint : Tracing::kNone);
    broken += !Report(seed, outcome, mode);
    sum += outcome.tally;
  }
  std::printf("%llu of %llu seeds broke a promise", static_cast<unsigned long long>(broken), static_cast<unsigned long long>(to - from + 1));
  sum.ForEach([](const char* name, uint64_t n) { std::printf(", %s %llu", name, static_cast<unsigned long long>(n)); });
  std::printf("\n");
  return broken > 0;
}

int Replay(uint64_t from, uint64_t to, Mutation mutation, bool verbose) {
  uint64_t broken = 0;
  Auditor::Tally sum;
  for (uint64_t seed = from; seed <= to; ++seed) {
    current_seed = seed;
    Outcome outcome = Run(Profile::Draw(seed), mutation, verbose ? Tracing::kPrint : from == to ? Tracing::kHash : Tracing::kNone);
    broken += !Report(seed, outcome);
    sum.acked += outcome.tally.acked;
    sum.starts += outcome.tally.starts;
    sum.repeats += outcome.tally.repeats;
    sum.at_once += outcome.tally.at_once;
    sum.crashes += outcome.tally.crashes;
    sum.opened += outcome.tally.opened;
    sum.given_up += outcome.tally.given_up;
    sum.reached += outcome.tally.reached;
    sum.triggers += outcome.tally.triggers;
    sum.unmerged += outcome.tally.unmerged;
    sum.cancels += outcome.tally.cancels;
    sum.revivals += outcome.tally.revivals;
    sum.duplicates += outcome.tally.duplicates;
    sum.refused += outcome.tally.refused;
    sum.switched_off += outcome.tally.switched_off;
    sum.shelved_heads += outcome.tally.shelved_heads;
    sum.decided += outcome.tally.decided;
    sum.deepest_tail += outcome.tally.deepest_tail > 0;
    sum.sleepers += outcome.tally.sleepers > 0;
    sum.most_turns = std::max(sum.most_turns, outcome.tally.most_turns);
    if (from == to)
      std::printf("seed %llu: hash %016llx, %lld ms simulated\n", static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(outcome.hash), static_cast<long long>(outcome.end_t));
  }
  auto number = [](const char* name, uint64_t n) { std::printf(", %s %llu", name, static_cast<unsigned long long>(n)); };
  std::printf("%llu of %llu seeds broke a promise", static_cast<unsigned long long>(broken), static_cast<unsigned long long>(to - from + 1));
  number("decisions", sum.decided);
  number("accepted", sum.acked);
  number("attempts", sum.starts);
  number("repeated", sum.repeats);
  number("repeats at once", sum.at_once);
  number("crashes", sum.crashes);
  number("breakers opened", sum.opened);
  number("failed at one", sum.given_up);
  number("reached before their ends", sum.reached);
  number("triggers", sum.triggers);
  number("merges", sum.unmerged);
  number("cancels", sum.cancels);
  number("revivals", sum.revivals);
  number("duplicates", sum.duplicates);
  number("refused", sum.refused);
  number("pauses of hosts and callers", sum.switched_off);
  number("heads on disk at a crash", sum.shelved_heads);
  number("seeds that spilled", sum.deepest_tail);
  number("seeds with sleeping lanes", sum.sleepers);
  number("most turns of a lane while another waited", sum.most_turns);
  std::printf("\n");
  return broken > 0;
}

}  // namespace
}  // namespace notifyd::sim

int main(int argc, char** argv) {
  using namespace notifyd::sim;
  uint64_t from = 1, to = 1;
  int64_t torture = 0;
  bool verbose = false, several = false, flows = false;
  Mutation mutation = Mutation::kNone;
  for (int i = 1; i < argc; ++i) {
    std::string flag = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (flag == "--verbose" || flag == "--several" || flag == "--flows") {
      (flag == "--verbose" ? verbose : flag == "--several" ? several : flows) = true;
      continue;
    }
    if (!value) return Usage();
    ++i;
    if (flag == "--seed") {
      from = to = std::strtoull(value, nullptr, 10);
    } else if (flag == "--seeds") {
      const char* dots = std::strstr(value, "..");
      if (!dots) return Usage();
      from = std::strtoull(value, nullptr, 10);
      to = std::strtoull(dots + 2, nullptr, 10);
    } else if (flag == "--torture") {
      torture = std::strtoll(value, nullptr, 10);
      if (torture < 1) return Usage();
    } else if (flag == "--mutation") {
      for (int m = 0; m <= static_cast<int>(Mutation::kLast); ++m)
        if (std::string(ToString(static_cast<Mutation>(m))) == value) mutation = static_cast<Mutation>(m);
      if (mutation == Mutation::kNone) return Usage();
    } else {
      return Usage();
    }
  }
  std::signal(SIGABRT, OnAbort);
  if (several + flows + (torture > 0) > 1) return Usage();
  const auto run_flows = [](uint64_t seed, Mutation fault, Tracing tracing) { return RunFlows(seed, fault, tracing); };
  if (flows) return ReplayRuns("--flows ", run_flows, from, to, mutation, verbose);
  if (several) return ReplayRuns("--several ", RunSeveral, from, to, mutation, verbose);
  return torture > 0 ? Torture(torture) : Replay(from, to, mutation, verbose);
}
