// The promises of several namespaces in one broker over the seeds, and the proof that what crosses between them would be noticed. Every failure
// prints its seed; `notifyd_sim --several --seed N --verbose` replays it.
#include "sim/several.h"

#include <chrono>
#include <random>

#include <catch2/catch.hpp>

namespace notifyd::sim {
namespace {

void CheckSeveral(uint64_t seed) {
  INFO("replay with: notifyd_sim --several --verbose --seed " << seed);
  SeveralOutcome outcome = RunSeveral(seed);
  for (const std::string& violation : outcome.violations) UNSCOPED_INFO("seed " << seed << ": " << violation);
  CHECK(outcome.violations.empty());
}

/// The first seed in which it is noticed, 0: none.
uint64_t NoticedInSeveral(Mutation mutation, const char* what, uint64_t most_seeds = 100) {
  for (uint64_t seed = 1; seed <= most_seeds; ++seed)
    for (const std::string& violation : RunSeveral(seed, mutation).violations)
      if (violation.find(what) != std::string::npos) return seed;
  return 0;
}

}  // namespace

TEST_CASE("several namespaces: the promises hold for each over the seeds, and nothing crosses") {
  for (uint64_t seed = 1; seed <= 200; ++seed) CheckSeveral(seed);
}

TEST_CASE("several namespaces: the promises hold over seeds that nobody ran before") {
  constexpr uint64_t kFresh = 400;
  std::random_device device;
  uint64_t from = (uint64_t{device()} << 16 | (device() & 0xFFFF)) + 1'000'000'000;
  WARN("fresh seeds: notifyd_sim --several --seeds " << from << ".." << from + kFresh - 1);
  // A slow machine or a sanitizer runs fewer of them.
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  uint64_t ran = 0;
  for (; ran < kFresh && std::chrono::steady_clock::now() < until; ++ran) CheckSeveral(from + ran);
  WARN("of these ran: " << ran);
  CHECK(ran > 0);
}

TEST_CASE("several namespaces: the same seed gives the same trace") {
  auto hash = [](uint64_t seed) { return RunSeveral(seed, Mutation::kNone, Tracing::kHash).hash; };
  CHECK(hash(3) == hash(3));
  CHECK(hash(3) != hash(4));
}

TEST_CASE("several namespaces: the seeds reach sleep, both ways to wake, removal, what is lent and taken back, and crashes") {
  SeveralOutcome::Tally sum;
  for (uint64_t seed = 1; seed <= 120; ++seed) sum += RunSeveral(seed).tally;
  sum.ForEach([](const char* name, uint64_t n) {
    INFO(name);
    CHECK(n > 0);
  });
}

// ---- what is wrong is noticed

TEST_CASE("several namespaces: a grant that is lent on before it is given back is noticed") {
  CHECK(NoticedInSeveral(Mutation::kLentEarly, "calls in flight in all", 2000) > 0);
}
TEST_CASE("several namespaces: a place of a shared rule that is lent on before it is given back is noticed") {
  CHECK(NoticedInSeveral(Mutation::kSharedEarly, "a host of a shared rule", 300) > 0);
}
TEST_CASE("several namespaces: a request that reaches another namespace is noticed") {
  CHECK(NoticedInSeveral(Mutation::kWrongNamespace, "was never asked") > 0);
}
TEST_CASE("several namespaces: one that sleeps and misses its wake is noticed") {
  CHECK(NoticedInSeveral(Mutation::kMissedWake, "P4 ") > 0);
}

}  // namespace notifyd::sim
