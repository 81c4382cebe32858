// notifyd_sim: replays simulator seeds, with a trace where asked for. Exit code 1: some seed broke a promise.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sim/simulation.h"

namespace {

// For the handler: which seed was running when a CHECK failed.
volatile uint64_t current_seed = 0;

extern "C" void OnAbort(int) {
  std::fprintf(stderr, "aborted in seed %llu\n", static_cast<unsigned long long>(current_seed));
  std::fflush(stdout);
  std::_Exit(1);
}

int Usage() {
  std::fprintf(stderr, "usage: notifyd_sim [--seed N] [--seeds FROM..TO] [--mutation NAME] [--verbose]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace notifyd::sim;
  uint64_t from = 1, to = 1;
  bool verbose = false;
  Mutation mutation = Mutation::kNone;
  for (int i = 1; i < argc; ++i) {
    std::string flag = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (flag == "--verbose") {
      verbose = true;
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
    } else if (flag == "--mutation") {
      for (int m = 0; m <= static_cast<int>(Mutation::kEarlyClock); ++m)
        if (std::string(ToString(static_cast<Mutation>(m))) == value) mutation = static_cast<Mutation>(m);
      if (mutation == Mutation::kNone) return Usage();
    } else {
      return Usage();
    }
  }
  std::signal(SIGABRT, OnAbort);
  uint64_t broken = 0;
  Auditor::Tally sum;
  for (uint64_t seed = from; seed <= to; ++seed) {
    current_seed = seed;
    Outcome outcome = Run(Profile::Draw(seed), mutation, verbose);
    for (const std::string& violation : outcome.violations) std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), violation.c_str());
    broken += !outcome.violations.empty();
    sum.acked += outcome.tally.acked;
    sum.starts += outcome.tally.starts;
    sum.repeats += outcome.tally.repeats;
    sum.crashes += outcome.tally.crashes;
    sum.triggers += outcome.tally.triggers;
    sum.cancels += outcome.tally.cancels;
    sum.revivals += outcome.tally.revivals;
    sum.duplicates += outcome.tally.duplicates;
    sum.refused += outcome.tally.refused;
    sum.deepest_tail += outcome.tally.deepest_tail > 0;
    sum.dormant += outcome.tally.dormant > 0;
    if (from == to)
      std::printf("seed %llu: hash %016llx, %lld ms simulated\n", static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(outcome.hash), static_cast<long long>(outcome.end_t));
  }
  std::printf(
      "%llu of %llu seeds broke a promise; accepted %llu, attempts %llu (repeated %llu), crashes %llu, triggers %llu, cancels %llu, revivals %llu, "
      "duplicates %llu, "
      "refused %llu; seeds that spilled %llu, with sleeping lanes %llu\n",
      static_cast<unsigned long long>(broken), static_cast<unsigned long long>(to - from + 1), static_cast<unsigned long long>(sum.acked),
      static_cast<unsigned long long>(sum.starts), static_cast<unsigned long long>(sum.repeats), static_cast<unsigned long long>(sum.crashes),
      static_cast<unsigned long long>(sum.triggers), static_cast<unsigned long long>(sum.cancels), static_cast<unsigned long long>(sum.revivals),
      static_cast<unsigned long long>(sum.duplicates), static_cast<unsigned long long>(sum.refused),
      static_cast<unsigned long long>(sum.deepest_tail), static_cast<unsigned long long>(sum.dormant));
  return broken > 0;
}
