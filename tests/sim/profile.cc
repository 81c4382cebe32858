#include "sim/profile.h"

#include <algorithm>

namespace notifyd::sim {

const char* ToString(Mutation mutation) {
  switch (mutation) {
    case Mutation::kNone:
      return "none";
    case Mutation::kSyncedEarly:
      return "synced-early";
    case Mutation::kDropDeleteDue:
      return "drop-delete-due";
    case Mutation::kSkipPageItem:
      return "skip-page-item";
    case Mutation::kLoseChange:
      return "lose-change";
    case Mutation::kSilentResend:
      return "silent-resend";
    case Mutation::kLyingSuccess:
      return "lying-success";
    case Mutation::kSwappedReplies:
      return "swapped-replies";
    case Mutation::kLostReply:
      return "lost-reply";
    case Mutation::kEarlyClock:
      return "early-clock";
    case Mutation::kLoseSettings:
      return "lose-settings";
    case Mutation::kLoseCounts:
      return "lose-counts";
    case Mutation::kLoseRemembered:
      return "lose-remembered";
    case Mutation::kLoseCallback:
      return "lose-callback";
    case Mutation::kLoseRetry:
      return "lose-retry";
    case Mutation::kForgetRemembered:
      return "forget-remembered";
    case Mutation::kSwapDecisions:
      return "swap-decisions";
    case Mutation::kWrongAfterPurge:
      return "wrong-after-purge";
    case Mutation::kForgetRepeat:
      return "forget-repeat";
    case Mutation::kUncountedRepeat:
      return "uncounted-repeat";
    case Mutation::kUsedAgain:
      return "used-again";
    case Mutation::kStuckBreaker:
      return "stuck-breaker";
    case Mutation::kNoBreaker:
      return "no-breaker";
    case Mutation::kDeafBreaker:
      return "deaf-breaker";
    case Mutation::kCountedProbe:
      return "counted-probe";
    case Mutation::kIgnoredBase:
      return "ignored-base";
    case Mutation::kLosePauses:
      return "lose-pauses";
    case Mutation::kDeafResume:
      return "deaf-resume";
    case Mutation::kSharedEarly:
      return "shared-early";
    case Mutation::kLentEarly:
      return "lent-early";
    case Mutation::kWrongNamespace:
      return "wrong-namespace";
    case Mutation::kMissedWake:
      return "missed-wake";
    case Mutation::kToldTwice:
      return "told-twice";
    case Mutation::kSkippedSubscription:
      return "skipped-subscription";
    case Mutation::kOutlived:
      return "outlived";
    case Mutation::kRunTwice:
      return "run-twice";
    case Mutation::kLostRun:
      return "lost-run";
    case Mutation::kLostAnswer:
      return "lost-answer";
    case Mutation::kOverdueAnswer:
      return "overdue-answer";
    case Mutation::kUnheldEvent:
      return "unheld-event";
    case Mutation::kSkippedReplay:
      return "skipped-replay";
    case Mutation::kReplayTwice:
      return "replay-twice";
    case Mutation::kPublishTwice:
      return "publish-twice";
    case Mutation::kUncappedInstance:
      return "uncapped-instance";
    case Mutation::kAlertTwice:
      return "alert-twice";
    case Mutation::kUnendedAlert:
      return "unended-alert";
    case Mutation::kForgottenPromise:
      return "forgotten-promise";
    case Mutation::kForgottenTrigger:
      return "forgotten-trigger";
  }
  return "?";
}

namespace {

/// Hosts that are away, and breakers that notice soon, in half of the seeds. All else of a seed is drawn without these.
void DrawBreakers(Profile* p) {
  Random random(p->seed * 0xD1B54A32D192ED03ull + 5);
  auto range = [&](int64_t least, int64_t most) { return least + static_cast<int64_t>(random.Below(static_cast<uint64_t>(most - least + 1))); };
  if (random.Chance(0.5)) return;
  for (size_t i = 1; i < p->hosts.size(); ++i)
    if (random.Chance(0.6)) p->hosts[i] = HostKind::kDown;
  p->down_ms = range(300, 6'000);
  BreakerSettings& breaker = p->limits.breaker;
  breaker.failures = static_cast<uint32_t>(range(1, 5));
  if (random.Chance(0.5)) breaker.window = static_cast<uint32_t>(range(2, 10));
  breaker.ratio_percent = static_cast<double>(range(20, 100));
  breaker.open_ms = range(20, 2'000);
  if (random.Chance(0.4)) breaker.max_wait_ms = range(300, 5'000);
  breaker.fail_on_open = random.Chance(0.15);
}

/// Pauses of hosts and callers, and memory that is lent and taken back, in a third of the seeds. In some of these memory is small, and many fifo
/// lanes have heads that failed. All else of a seed is drawn without these.
void DrawPauses(Profile* p) {
  Random random(p->seed * 0xA24BAED4963EE407ull + 11);
  auto range = [&](int64_t least, int64_t most) { return least + static_cast<int64_t>(random.Below(static_cast<uint64_t>(most - least + 1))); };
  if (!random.Chance(0.33)) return;
  p->pause_every_ms = range(200, 2'000);
  p->pause_ms_max = range(500, 30'000);
  p->workload_ms = range(10'000, 40'000);
  // What hangs keeps its memory until it ends, and all else of its caller waits for that in some of the seeds; in the others it is soon.
  if (Random(p->seed * 0xA24BAED4963EE407ull + 12).Chance(0.7)) {
    for (HostKind& kind : p->hosts)
      if (kind == HostKind::kHung) kind = HostKind::kFlaky;
    p->hung_timeout_ms = std::min<int64_t>(p->hung_timeout_ms, 1'500);
  }
  p->patience_ms = 2'000;
  if (p->limits.page_items == CoreLimits{}.page_items || !random.Chance(0.7)) return;
  p->lend_every_ms = range(500, 4'000);
  if (random.Chance(0.7)) {
    if (p->hosts.size() > 2) p->hosts.resize(2);
    if (p->hosts.size() > 1) p->hosts[1] = HostKind::kFlaky;
    p->cold_lanes = static_cast<int>(range(30, 90));
    p->fifo_share = 0.5 + random.Unit() / 2;
  }
  const uint32_t in_flight = uint32_t{2} << p->hosts.size();
  p->least_lent.max_in_flight = in_flight;
  p->least_lent.max_loaded = 3 * in_flight + static_cast<size_t>(range(0, 20));
}

}  // namespace

Profile Profile::Draw(uint64_t seed) {
  Random random(seed * 0x9E3779B97F4A7C15ull + 1);
  auto range = [&](int64_t least, int64_t most) { return least + static_cast<int64_t>(random.Below(static_cast<uint64_t>(most - least + 1))); };
  Profile p;
  p.seed = seed;

  // Small limits, so that spilling, paging and sleeping lanes are the rule.
  p.limits.max_in_flight_per_lane = static_cast<uint32_t>(range(1, 8));
  p.limits.max_in_flight_per_host = static_cast<uint32_t>(range(2, 12));
  p.limits.lookahead_ms = range(200, 4'000);
  p.limits.max_loaded_per_lane = static_cast<size_t>(range(2, 16));
  p.limits.max_waiting_lanes_per_host = static_cast<size_t>(range(1, 12));
  p.limits.max_spec_bytes = static_cast<size_t>(range(200, 8'000));
  p.limits.page_items = static_cast<size_t>(range(1, 12));
  if (random.Chance(0.2)) p.limits = CoreLimits{};  // now and then as shipped
  // In half of the seeds data of early triggers is left out of look-ups by the fkey, and merged one at a time.
  if (seed % 2 == 0) {
    p.limits.merged_bytes_a_turn = 1;
    p.store.remembered_kept = 0;
  }
  if (random.Chance(0.1)) p.limits.max_pending = static_cast<uint64_t>(range(20, 80));

  p.store.simple = false;
  p.store.seed = random.Next();
  p.store.write_ms_max = range(0, 4);
  p.store.sync_ms_max = range(1, 30);
  p.store.read_ms_max = range(1, 25);
  p.store.answer_ms_max = range(0, 5);
  if (random.Chance(0.15)) p.store.write_failure = 0.002;
  if (random.Chance(0.1)) p.store.read_failure = 0.002;
  p.store.list_examined = static_cast<size_t>(range(3, 60));

  p.hosts = {HostKind::kHealthy};
  for (int64_t n = range(0, 4); n > 0; --n) p.hosts.push_back(static_cast<HostKind>(random.Below(4)));
  // Each hung host in its turn may take half of what is free: enough must be left for a healthy one.
  int64_t least_in_flight = int64_t{2} << p.hosts.size();
  if (p.limits.page_items != CoreLimits{}.page_items) {
    p.limits.max_in_flight = static_cast<uint32_t>(range(least_in_flight, least_in_flight + 30));
    // What is in flight takes up memory too: hung calls alone must not fill it.
    p.limits.max_loaded = 3 * p.limits.max_in_flight + static_cast<size_t>(range(0, 150));
  }
  p.hot_lanes = static_cast<int>(range(1, 3));
  p.cold_lanes = static_cast<int>(range(1, 60));
  p.fifo_share = random.Unit();
  p.operations = static_cast<int>(range(40, 260));
  p.workload_ms = range(1'000, 15'000);
  p.burst = random.Chance(0.3) ? 0.9 : 0.3;
  if (random.Chance(0.6)) p.crash_every_ms = range(300, 8'000);
  if (random.Chance(0.4)) p.wall_step_every_ms = range(500, 8'000);
  p.wall_step_ms_max = random.Chance(0.5) ? 500 : 60'000;
  if (random.Chance(0.1)) p.disk_low = 0.2;
  p.delay_share = random.Unit() * 0.7;
  p.fkey_share = random.Unit() * 0.4;
  p.ttl_share = random.Unit() * 0.3;
  p.key_share = random.Unit() * 0.3;
  p.hung_timeout_ms = range(2'000, 20'000);
  p.healthy_ms_max = range(5, 80);
  if (random.Chance(0.7)) p.steer_share = random.Unit() * 0.4;
  if (random.Chance(0.5)) p.callback_share = random.Unit() * 0.3;
  if (random.Chance(0.5)) p.later_share = random.Unit() * 0.4;
  if (random.Chance(0.4)) p.stale_share = random.Unit() * 0.4;
  // Rules of the configuration, now and then.
  if (random.Chance(0.2)) {
    LaneRule rule;
    rule.match = "hot*";
    rule.mode = Mode::kFifo;
    rule.settings.on_retry = OnRetry::kSkip;
    p.limits.lane_rules.push_back(rule);
  }
  if (random.Chance(0.2)) {
    LaneRule rule;
    rule.match = "cold*";
    rule.settings.rate_per_s = static_cast<double>(range(5, 50));
    rule.settings.burst = static_cast<uint32_t>(range(1, 5));
    p.limits.lane_rules.push_back(rule);
  }
  DrawBreakers(&p);
  DrawPauses(&p);
  return p;
}

}  // namespace notifyd::sim
