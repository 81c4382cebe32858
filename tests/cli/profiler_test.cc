// Profiles of this very process.
#include "cli/daemon/profiler.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <future>

#include "base/clocks.h"
#include "cli/daemon/symbols.h"
#include "support/process.h"
#include "support/seen_profile.h"
#include "support/slowness.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace notifyd::test {

/// Not inlined, and with names that the linker keeps: they are to be found.
__attribute__((noinline)) uint64_t BurnInside(uint64_t seed) {
  for (int i = 0; i < 100'000; ++i) seed = seed * 6364136223846793005ull + 1442695040888963407ull;
  return seed;
}
__attribute__((noinline)) uint64_t BurnOutside(int64_t until_cpu_ms) {
  uint64_t seed = 1;
  while (ReadClockMs(CLOCK_THREAD_CPUTIME_ID) < until_cpu_ms) seed += BurnInside(seed) + 1;
  return seed;
}

}  // namespace notifyd::test

TEST_CASE("profile: the function that burns is where the samples are, with those that called it") {
  std::atomic<uint64_t> sum{0};
  // It was there before: what TakeProfile's own thread starts is as blind to the signal as that.
  std::promise<void> begin, end;
  std::thread burning([&] {
    begin.get_future().wait();
    sum += BurnOutside(500 * kSlowness);
    end.set_value();
  });
  const Profile profile = TakeProfile([&] {
    begin.set_value();
    end.get_future().wait();
  });
  burning.join();
  CHECK(profile.lost == 0);
  const SeenProfile seen = ReadProfile(EncodeProfile(profile));
  CHECK(seen.types == std::vector<std::string>{"samples/count", "cpu/nanoseconds"});
  CHECK(seen.samples == static_cast<int64_t>(profile.stacks.size()));
  CHECK(seen.cpu_ns == seen.samples * seen.period_ns);
  CHECK(seen.duration_ns > 0);
  // Half a second of CPU time: some 50 of them, and some 10 at least on a machine that lets it run for a moment now and then. (Where the system ticks
  // more slowly there are fewer.)
  REQUIRE(seen.samples >= 10);
  const auto of = [](const std::map<std::string, int64_t>& counts, const std::string& name) {
    int64_t sum_of = 0;
    for (const auto& [function, count] : counts) sum_of += function.find(name) != std::string::npos ? count : 0;
    return sum_of;
  };
  CHECK(of(seen.own, "notifyd::test::BurnInside") * 2 > seen.samples);
#ifndef __SANITIZE_THREAD__  // which hands a signal on later, where the stack says nothing of who called
  CHECK(of(seen.cumulative, "notifyd::test::BurnOutside") * 2 > seen.samples);
#endif
  CHECK(std::any_of(seen.files.begin(), seen.files.end(), [](const std::string& file) { return file.ends_with("cli_test"); }));
  CHECK(std::any_of(seen.build_ids.begin(), seen.build_ids.end(), [](const std::string& id) { return id.size() == 40; }));
}

TEST_CASE("profile: one at a time; it goes on while threads allocate, throw and end; a stop ends it") {
  std::promise<std::string> first;
  ProfileThread profiles;
  REQUIRE(profiles.Begin(300, [&](std::string bytes) { first.set_value(std::move(bytes)); }).ok());
  CHECK(profiles.Begin(1, [](std::string) {}).code() == Code::kConflict);
  std::future<std::string> taken = first.get_future();
  while (taken.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    std::thread([] {
      for (int i = 0; i < 200; ++i) {
        try {
          throw std::runtime_error(std::string(100 + static_cast<size_t>(i), 'x'));
        } catch (const std::runtime_error& fault) {
          CHECK(fault.what()[0] == 'x');
        }
      }
    }).join();
  CHECK(ReadProfile(taken.get()).types.size() == 2);
  std::promise<void> second;
  {
    // The thread may need a moment to be free again.
    ProfileThread other;
    REQUIRE(other.Begin(kDeadlineSeconds * 1000, [&](const std::string&) { second.set_value(); }).ok());
  }
  CHECK(second.get_future().wait_for(std::chrono::seconds(0)) == std::future_status::ready);
}

TEST_CASE("profile: symbols are this program's, and nothing is found where nothing is") {
  const Symbols symbols;
  const auto address = reinterpret_cast<uint64_t>(&BurnInside);
  CHECK(Symbols::Readable(symbols.FunctionAt(address)).find("notifyd::test::BurnInside") == 0);
  REQUIRE(symbols.MappingOf(address) >= 0);
  CHECK(symbols.MappingOf(1) == -1);
  CHECK(symbols.FunctionAt(1).empty());
  CHECK(Symbols::Readable("main") == "main");
}
