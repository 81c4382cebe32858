// The promises of flows: groups, topics, services, schedules and what else part 3 of the contract has, over crashes. The production core and driver
// over the fake store, as in simulation.h, with a workload of groups, subscriptions and events, and an auditor that knows nothing of how the core
// makes their notifies: it looks at what is on the disk, what goes over the wire, and what must be there in the end. One thread.
//
// What is looked for:
//   groups   all of a group's notifies are there, or none; a member of a sequential one starts only once that before it is settled on the disk (with
//            cancel_rest: succeeded), and never after one behind it; in the end its record says what became of each, and it is told of once
//   topics   of each event one notify for each subscription that matches, and no other; those of one subscription in the order of the events; what is
//            still to be made is promised, so that no more is ever pending than may be
//   services a call goes to an instance that was heard of within its ttl, and is there once, however often one fails and another takes it
//   schedules of each of its times one run, or it was counted as missed
//   all      what was acknowledged is there, whatever happens; what was asked again with its idempotency key is there once
// and, each in a part of its own (flow_part.h):
//   answers  what is kept of one is what a receiver answered to the attempt that ended its notify, for as long as that is there
//   events   one that is held goes out once it is triggered or due, or never, and as its trigger left it, though what held it is purged; a replay
//   makes
//            each notify once; what waits goes where its subscription is after that was applied
//   schedules that publish: of each time one event
//   hosts    none has more calls at once than it may, by name and as an instance together, and none while it is paused; pools take what is theirs
//   alerts   each is told of once when it fires, and once when it is over
// In every other seed the store is away now and then: what comes meanwhile is made up for as over a crash.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/profile.h"

namespace notifyd::sim {

struct FlowsOutcome {
  uint64_t hash = 0;
  std::vector<std::string> violations;
  struct Tally {
    uint64_t crashes = 0, groups = 0, sequential = 0, stopped = 0, told = 0, events = 0, notifies = 0, duplicates = 0, calls = 0, runs = 0,
             missed = 0, answers = 0, fetched = 0, held = 0, replayed = 0, applied = 0, published = 0, pool_calls = 0, probes = 0, reloads = 0,
             alerts = 0, retried = 0, away = 0, purged = 0;
    template <class F>
    void ForEach(F f) const {
      f("crashes", crashes);
      f("groups", groups);
      f("sequential", sequential);
      f("stopped", stopped);
      f("told", told);
      f("events", events);
      f("notifies of events", notifies);
      f("duplicates", duplicates);
      f("calls of services", calls);
      f("runs", runs);
      f("missed", missed);
      f("answers kept", answers);
      f("answers fetched", fetched);
      f("held events", held);
      f("replayed", replayed);
      f("applied", applied);
      f("published by schedules", published);
      f("calls of pools", pool_calls);
      f("probes", probes);
      f("reloads", reloads);
      f("alerts", alerts);
      f("members retried", retried);
      f("stores away", away);
      f("what held events, purged", purged);
    }
    Tally& operator+=(const Tally& o) {
      crashes += o.crashes;
      groups += o.groups;
      sequential += o.sequential;
      stopped += o.stopped;
      told += o.told;
      events += o.events;
      notifies += o.notifies;
      duplicates += o.duplicates;
      calls += o.calls;
      runs += o.runs;
      missed += o.missed;
      answers += o.answers;
      fetched += o.fetched;
      held += o.held;
      replayed += o.replayed;
      applied += o.applied;
      published += o.published;
      pool_calls += o.pool_calls;
      probes += o.probes;
      reloads += o.reloads;
      alerts += o.alerts;
      retried += o.retried;
      away += o.away;
      purged += o.purged;
      return *this;
    }
  } tally;
};

/// Which parts take part: none, as some seeds need, that found a fault before there were any; or all.
enum class FlowParts { kNone, kAll };

FlowsOutcome RunFlows(uint64_t seed, Mutation mutation = Mutation::kNone, Tracing tracing = Tracing::kNone, FlowParts parts = FlowParts::kAll);

}  // namespace notifyd::sim
