// The promises of groups, topics, services and schedules over the seeds, and the proof that what breaks them would be noticed. Every failure prints
// its seed; `notifyd_sim --flows --seed N --verbose` replays it.
#include "sim/flows.h"

#include <chrono>
#include <random>

#include <catch2/catch.hpp>

namespace notifyd::sim {
namespace {

void CheckFlows(uint64_t seed, FlowParts parts = FlowParts::kAll) {
  INFO("replay with: notifyd_sim --flows --verbose --seed " << seed);
  FlowsOutcome outcome = RunFlows(seed, Mutation::kNone, Tracing::kNone, parts);
  for (const std::string& violation : outcome.violations) UNSCOPED_INFO("seed " << seed << ": " << violation);
  CHECK(outcome.violations.empty());
}

/// The first seed from `first` on in which it is noticed, 0: none.
uint64_t NoticedInFlows(Mutation mutation, const char* what, uint64_t first = 1) {
  for (uint64_t seed = first; seed < first + 100; ++seed)
    for (const std::string& violation : RunFlows(seed, mutation).violations)
      if (violation.find(what) != std::string::npos) return seed;
  return 0;
}

}  // namespace

TEST_CASE("flows: groups, topics, services and schedules keep what is promised over the seeds") {
  for (uint64_t seed = 1; seed <= 200; ++seed) CheckFlows(seed);
}

TEST_CASE("flows: groups, topics, services and schedules keep what is promised over seeds that nobody ran before") {
  constexpr uint64_t kFresh = 400;
  std::random_device device;
  uint64_t from = (uint64_t{device()} << 16 | (device() & 0xFFFF)) + 1'000'000'000;
  WARN("fresh seeds: notifyd_sim --flows --seeds " << from << ".." << from + kFresh - 1);
  // A slow machine or a sanitizer runs fewer of them.
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  uint64_t ran = 0;
  for (; ran < kFresh && std::chrono::steady_clock::now() < until; ++ran) CheckFlows(from + ran);
  WARN("of these ran: " << ran);
  CHECK(ran > 0);
}

TEST_CASE("flows: a schedule that a broker which kept dying takes too late for any of its times is refused") {
  for (uint64_t seed : {185380205727268, 193034086000596}) CheckFlows(seed);
}

TEST_CASE("flows: a member that was read from the disk starts once what let it go is durable, like one in memory") {
  for (uint64_t seed : {8500487, 8502586}) CheckFlows(seed, FlowParts::kNone);
}

TEST_CASE("flows: what an alert says is never refused for room, in seeds in which it was the one beyond") {
  for (uint64_t seed : {1264537269430127, 1263537269437149}) CheckFlows(seed);
}

TEST_CASE("flows: a call whose body is still read when its host is to have fewer at once waits, if it is one too many") {
  CheckFlows(700000031911);
}

TEST_CASE("flows: the same seed gives the same trace") {
  auto hash = [](uint64_t seed) { return RunFlows(seed, Mutation::kNone, Tracing::kHash).hash; };
  CHECK(hash(3) == hash(3));
  CHECK(hash(3) != hash(4));
}

TEST_CASE(
    "flows: the seeds reach crashes, groups of both kinds and their ends, events, calls of services, runs, what was asked twice, and all of the "
    "parts") {
  FlowsOutcome::Tally sum;
  for (uint64_t seed = 1; seed <= 60; ++seed) sum += RunFlows(seed).tally;
  sum.ForEach([](const char* name, uint64_t n) {
    INFO(name);
    CHECK(n > 0);
  });
}

// ---- what is wrong is noticed

TEST_CASE("flows: a member of a group that goes out before its turn is noticed") {
  // In the first seed the core stops by itself: the books do not hold what it goes by.
  CHECK(NoticedInFlows(Mutation::kLoseChange, "the one before it is not settled", 2) > 0);
}
TEST_CASE("flows: a group that is told of twice is noticed") {
  CHECK(NoticedInFlows(Mutation::kToldTwice, "is told of 2 times") > 0);
}
TEST_CASE("flows: a subscription that is passed over is noticed") {
  CHECK(NoticedInFlows(Mutation::kSkippedSubscription, "in place of") > 0);
}
TEST_CASE("flows: an instance that is called after its ttl is noticed") {
  CHECK(NoticedInFlows(Mutation::kOutlived, "whose ttl was over") > 0);
}
TEST_CASE("flows: a run that is made twice is noticed") {
  CHECK(NoticedInFlows(Mutation::kRunTwice, "two runs of one time") > 0);
}
TEST_CASE("flows: a time that is neither run nor counted as missed is noticed") {
  CHECK(NoticedInFlows(Mutation::kLostRun, "that were missed, of") > 0);
}
TEST_CASE("flows: an answer that is lost is noticed") {
  CHECK(NoticedInFlows(Mutation::kLostAnswer, "is not kept") > 0);
}
TEST_CASE("flows: an answer that is kept for longer than its notify is noticed") {
  CHECK(NoticedInFlows(Mutation::kOverdueAnswer, "is not kept for as long as it") > 0);
}
TEST_CASE("flows: a held event that is not held is noticed") {
  CHECK(NoticedInFlows(Mutation::kUnheldEvent, "goes out before it is triggered or due") > 0);
}
TEST_CASE("flows: a trigger whose data is lost is noticed") {
  CHECK(NoticedInFlows(Mutation::kForgottenTrigger, "has not what its trigger said") > 0);
}
TEST_CASE("flows: a replay that leaves an event out is noticed") {
  CHECK(NoticedInFlows(Mutation::kSkippedReplay, "with its replays, in place of") > 0);
}
TEST_CASE("flows: a replay that is made twice is noticed") {
  CHECK(NoticedInFlows(Mutation::kReplayTwice, "with its replays, in place of") > 0);
}
TEST_CASE("flows: a run that publishes twice is noticed") {
  CHECK(NoticedInFlows(Mutation::kPublishTwice, "two runs of one time") > 0);
}
TEST_CASE("flows: a host with more calls than it bears, some of them to instances is noticed") {
  CHECK(NoticedInFlows(Mutation::kUncappedInstance, "calls at once, and bears") > 0);
}
TEST_CASE("flows: an alert that is told of twice is noticed") {
  CHECK(NoticedInFlows(Mutation::kAlertTwice, "told of twice that it fires") > 0);
}
TEST_CASE("flows: an alert whose end nobody is told of is noticed") {
  CHECK(NoticedInFlows(Mutation::kUnendedAlert, "is never told to be over") > 0);
}
TEST_CASE("flows: what is promised and forgotten is noticed") {
  CHECK(NoticedInFlows(Mutation::kForgottenPromise, "0 notifies are promised") > 0);
}

}  // namespace notifyd::sim
