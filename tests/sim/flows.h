// The promises of flows: groups, topics, services and schedules over crashes. The production core and driver over the fake store, as in simulation.h,
// with a workload of groups, subscriptions and events, and an auditor that knows nothing of how the core makes their notifies: it looks at what is on
// the disk, what goes over the wire, and what must be there in the end. One thread.
//
// What is looked for:
//   groups   all of a group's notifies are there, or none; a member of a sequential one starts only once that before it is settled on the disk (with
//            cancel_rest: succeeded), and never after one behind it; in the end its record says what became of each, and it is told of once
//   topics   of each event one notify for each subscription that matches, and no other; those of one subscription in the order of the events
//   services a call goes to an instance that was heard of within its ttl, and is there once, however often one fails and another takes it
//   schedules of each of its times one run, or it was counted as missed
//   all      what was acknowledged is there, whatever happens; what was asked again with its idempotency key is there once
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
             missed = 0;
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
      return *this;
    }
  } tally;
};

FlowsOutcome RunFlows(uint64_t seed, Mutation mutation = Mutation::kNone, Tracing tracing = Tracing::kNone);

}  // namespace notifyd::sim
