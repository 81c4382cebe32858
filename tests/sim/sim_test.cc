// The promises over some hundred seeds, and the proof that the auditor would notice: each deliberate fault in a port is caught.
// Every failure prints its seed; `notifyd_sim --seed N --verbose` replays it.
#include "sim/simulation.h"

#include <chrono>
#include <random>

#include <catch2/catch.hpp>

namespace notifyd::sim {
namespace {

constexpr uint64_t kSeeds = 600;

void CheckSeeds(uint64_t from, uint64_t to) {
  for (uint64_t seed = from; seed <= to; ++seed) {
    INFO("replay with: notifyd_sim --verbose --seed " << seed);
    Outcome outcome = Run(Profile::Draw(seed));
    for (const std::string& violation : outcome.violations) UNSCOPED_INFO("seed " << seed << ": " << violation);
    CHECK(outcome.violations.empty());
  }
}

uint64_t Hash(uint64_t seed) {
  return Run(Profile::Draw(seed), Mutation::kNone, Tracing::kHash).hash;
}

/// The first seed in which the auditor notices, 0: none.
uint64_t Noticed(Mutation mutation, const char* promise, uint64_t most_seeds = 100) {
  for (uint64_t seed = 1; seed <= most_seeds; ++seed)
    for (const std::string& violation : Run(Profile::Draw(seed), mutation).violations)
      if (violation.find(promise) != std::string::npos) return seed;
  return 0;
}

TEST_CASE("simulator: the promises hold over the seeds, part 1") {
  CheckSeeds(1, kSeeds / 3);
}
TEST_CASE("simulator: the promises hold over the seeds, part 2") {
  CheckSeeds(kSeeds / 3 + 1, 2 * kSeeds / 3);
}
TEST_CASE("simulator: the promises hold over the seeds, part 3") {
  CheckSeeds(2 * kSeeds / 3 + 1, kSeeds);
}

TEST_CASE("simulator: the promises hold over seeds that nobody ran before") {
  constexpr uint64_t kFresh = 1'200;
  std::random_device device;
  uint64_t from = (uint64_t{device()} << 16 | (device() & 0xFFFF)) + 1'000'000'000;
  WARN("fresh seeds: notifyd_sim --seeds " << from << ".." << from + kFresh - 1);
  // A slow machine or a sanitizer runs fewer of them.
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  uint64_t ran = 0;
  for (; ran < kFresh && std::chrono::steady_clock::now() < until; ++ran) CheckSeeds(from + ran, from + ran);
  WARN("of these ran: " << ran);
  CHECK(ran > 0);
}

TEST_CASE("simulator: the same seed gives the same trace") {
  for (uint64_t seed : {3, 17, 42}) {
    INFO("seed " << seed);
    CHECK(Hash(seed) == Hash(seed));
  }
  CHECK(Hash(3) != Hash(4));
}

TEST_CASE("simulator: the seeds reach crashes, repeats, spilled tails, sleeping lanes, and every operation") {
  Auditor::Tally sum;
  // The rarest, a submit repeated whose first was purged, takes some hundred; that a lane paused itself, some ten.
  for (uint64_t seed = 1; seed <= 40 || ((sum.removed == 0 || sum.paused_themselves == 0) && seed <= 1000); ++seed) {
    Auditor::Tally tally = Run(Profile::Draw(seed)).tally;
    sum.crashes += tally.crashes > 1;  // one stands for the orderly stop at the end
    sum.repeats += tally.repeats;
    sum.deepest_tail += tally.deepest_tail;
    sum.sleepers += tally.sleepers;
    sum.triggers += tally.triggers;
    sum.unmerged += tally.unmerged;
    sum.revivals += tally.revivals;
    sum.duplicates += tally.duplicates;
    sum.pauses += tally.pauses;
    sum.paused_themselves += tally.paused_themselves;
    sum.changes += tally.changes;
    sum.in_bulk += tally.in_bulk;
    sum.purged += tally.purged;
    sum.callbacks += tally.callbacks;
    sum.awaited += tally.awaited;
    sum.laters += tally.laters;
    sum.withdrawn += tally.withdrawn;
    sum.removed += tally.removed;
    sum.at_once += tally.at_once;
    sum.opened += tally.opened;
    sum.given_up += tally.given_up;
    sum.reached += tally.reached;
    sum.as_read += tally.as_read;
    sum.not_as_read += tally.not_as_read;
    sum.switched_off += tally.switched_off;
  }
  CHECK(sum.crashes > 0);
  CHECK(sum.repeats > 0);
  CHECK(sum.deepest_tail > 0);
  CHECK(sum.sleepers > 0);
  CHECK(sum.triggers > 0);
  CHECK(sum.unmerged > 0);
  CHECK(sum.revivals > 0);
  CHECK(sum.duplicates > 0);
  CHECK(sum.pauses > 0);
  CHECK(sum.paused_themselves > 0);
  CHECK(sum.changes > 0);
  CHECK(sum.in_bulk > 0);
  CHECK(sum.purged > 0);
  CHECK(sum.callbacks > 0);
  CHECK(sum.awaited > 0);
  CHECK(sum.laters > 0);
  CHECK(sum.withdrawn > 0);
  CHECK(sum.removed > 0);
  CHECK(sum.at_once > 0);
  CHECK(sum.opened > 0);
  CHECK(sum.given_up > 0);
  CHECK(sum.reached > 0);
  CHECK(sum.as_read > 0);
  CHECK(sum.not_as_read > 0);
  CHECK(sum.switched_off > 0);
}

// ---- the auditor is shown to notice

TEST_CASE("auditor: a store that reports synced before the sync is noticed") {
  CHECK(Noticed(Mutation::kSyncedEarly, "P1 ") > 0);
}
TEST_CASE("auditor: a store that forgets to delete from the due index is noticed") {
  CHECK(Noticed(Mutation::kDropDeleteDue, "image ") > 0);
}
TEST_CASE("auditor: a store that leaves items out of pages is noticed") {
  CHECK(Noticed(Mutation::kSkipPageItem, "P") > 0);
}
TEST_CASE("auditor: a store that forgets changes of state is noticed") {
  CHECK(Noticed(Mutation::kLoseChange, "") > 0);
}
TEST_CASE("auditor: a sender that sends a request again by itself is noticed") {
  CHECK(Noticed(Mutation::kSilentResend, "arrived twice") > 0);
}
TEST_CASE("auditor: a sender that reports a success which never arrived is noticed") {
  CHECK(Noticed(Mutation::kLyingSuccess, "never took it") > 0);
}
TEST_CASE("auditor: answers that are swapped are noticed") {
  CHECK(Noticed(Mutation::kSwappedReplies, "P1 ") > 0);
}
TEST_CASE("auditor: an answer that never comes is noticed") {
  CHECK(Noticed(Mutation::kLostReply, "has no answer") > 0);
}
TEST_CASE("auditor: a broker whose wall clock is ahead is noticed") {
  CHECK(Noticed(Mutation::kEarlyClock, "P6 ") > 0);
}
TEST_CASE("auditor: a store that forgets the settings of lanes is noticed") {
  CHECK(Noticed(Mutation::kLoseSettings, "pause") > 0);
}
TEST_CASE("auditor: a store that forgets counts of lanes is noticed") {
  CHECK(Noticed(Mutation::kLoseCounts, "counts") > 0);
}
TEST_CASE("auditor: a store that forgets remembered triggers is noticed") {
  CHECK(Noticed(Mutation::kLoseRemembered, "P1 ") > 0);
}
TEST_CASE("auditor: a store that forgets callbacks is noticed") {
  CHECK(Noticed(Mutation::kLoseCallback, "nobody is told") > 0);
}

TEST_CASE("auditor: a store that forgets a retry is noticed") {
  CHECK(Noticed(Mutation::kLoseRetry, "P1 ") > 0);
}
TEST_CASE("auditor: a remembered trigger that is not found again is noticed") {
  CHECK(Noticed(Mutation::kForgetRemembered, "P1 ") > 0);
}
TEST_CASE("auditor: a core that tells of two changes in the wrong order is noticed") {
  CHECK(Noticed(Mutation::kSwapDecisions, "P1 ") > 0);
}
TEST_CASE("auditor: a wrong answer about one that was purged is noticed") {
  CHECK(Noticed(Mutation::kWrongAfterPurge, "P1 ", 1000) > 0);
}
TEST_CASE("auditor: a loss with a used connection that is not repeated at once is noticed") {
  CHECK(Noticed(Mutation::kForgetRepeat, "P6 ") > 0);
}
TEST_CASE("auditor: a repeat that is left out of the budget is noticed") {
  CHECK(Noticed(Mutation::kUncountedRepeat, "P1 ") > 0);
}
TEST_CASE("auditor: a repeat over a connection that had served others is noticed") {
  CHECK(Noticed(Mutation::kUsedAgain, "in place of a new one") > 0);
}
TEST_CASE("auditor: a breaker that never closes is noticed") {
  CHECK(Noticed(Mutation::kStuckBreaker, "is stuck in phase") > 0);
}
TEST_CASE("auditor: attempts at a host whose breaker is open are noticed") {
  CHECK(Noticed(Mutation::kNoBreaker, "whose breaker lets nothing through", 1000) > 0);
}
TEST_CASE("auditor: a core that does not hear of a connection before the end of its call is noticed") {
  CHECK(Noticed(Mutation::kDeafBreaker, "and the core has not heard of it") > 0);
}
TEST_CASE("auditor: a probe in vain that is counted is noticed") {
  CHECK(Noticed(Mutation::kCountedProbe, "P1 ") > 0);
}
TEST_CASE("auditor: a store that forgets pauses of hosts and callers is noticed") {
  CHECK(Noticed(Mutation::kLosePauses, "the pauses of hosts and callers are not on disk") > 0);
}
TEST_CASE("auditor: a host or a caller that is not resumed is noticed") {
  CHECK(Noticed(Mutation::kDeafResume, "a pause that was decided is not written") > 0);
}
TEST_CASE("auditor: a cancel or a retry that is carried out although its base is stale is noticed") {
  CHECK(Noticed(Mutation::kIgnoredBase, "nothing was decided about it") > 0);
}

}  // namespace
}  // namespace notifyd::sim
