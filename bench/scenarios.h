// The scenarios of notify-bench: each starts a broker of its own on an empty store (or uses one that runs), loads it, and reports.
// Main thread. A scenario fails (an error Status, which becomes exit code 1) where the broker broke a promise that it watches:
// a delivery missing, twice, early or out of order, a submit refused, a process that ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "bench/sockets.h"

namespace notifyd::bench {

struct CommonOptions {
  std::string notifyd;                        // the binary
  std::vector<std::string> broker_arguments;  // more of them for each broker that is started
  std::string dir = "/var/tmp";               // temporary data directories go here
  std::string store;                          // due, history: kept, and used again where it holds what is needed
  std::optional<Address> server;              // a broker that runs, instead of starting one
  int runs = 1;
  bool json = false;
  uint64_t seed = 1;
  int stall_s = 30;  // a delivery is missing when nothing arrived for so long
};

struct LoadOptions {
  uint64_t count = 100'000;
  int connections = 32;
  uint64_t batch = 1;
  uint64_t payload_bytes = 256;
  uint64_t lanes = 1;
  bool fifo = false;
  int64_t receiver_delay_ms = 0;
  bool deliver = false;  // submit: deliveries go on meanwhile, instead of being due in an hour
};

struct DueOptions {
  uint64_t count = 10'000;
  int spread_s = 10;
  int ahead_s = 5;
  uint64_t lanes = 1;
  uint64_t payload_bytes = 256;
  uint64_t pending = 0;  // others, due in a month or later
};

struct BacklogOptions {
  std::vector<uint64_t> steps = {100'000, 1'000'000};
  uint64_t payload_bytes = 300;
  uint64_t batch = 1'000;
  int connections = 4;
  uint64_t lanes = 1'000;
  int settle_s = 20;
  int rate_rounds = 3;  // of what passes beside the last step's; 0: none
  uint64_t rate_count = 20'000;
};

struct LanesOptions {
  uint64_t lanes = 100'000;
  bool hung = false;  // their destination never answers, instead of being due tomorrow
  bool late = false;  // they have a backlog each, at a destination that cannot keep up; what is measured are lanes that come late
  uint64_t count = 20'000;
  int connections = 32;
  uint64_t payload_bytes = 256;
};

struct FifoOptions {
  std::vector<uint64_t> lanes = {1, 16, 256};
  uint64_t count = 20'000;
  int connections = 16;
  uint64_t batch = 10;
  uint64_t payload_bytes = 256;
  int64_t receiver_delay_ms = 0;
};

struct FairnessOptions {
  int hung = 1;               // destinations that never answer
  uint64_t backlog = 10'000;  // notifies pending for each of them
  uint64_t hung_lanes = 100;  // that these are spread over
  uint64_t count = 10'000;    // to the healthy one, a round
  int connections = 8;
  uint64_t payload_bytes = 256;
  bool one_caller = false;
  bool namespaces = false;  // the hung ones are another namespace's, which submits at full rate all the while
};

Status RunSubmit(const CommonOptions& common, const LoadOptions& options);
Status RunEndToEnd(const CommonOptions& common, const LoadOptions& options);
/// What tokens and TLS cost: `count`, `connections` and `payload_bytes` of `options`.
Status RunAccess(const CommonOptions& common, const LoadOptions& options);
Status RunBeanstalkd(const CommonOptions& common, const LoadOptions& options);
Status RunDue(const CommonOptions& common, const DueOptions& options);
Status RunBacklog(const CommonOptions& common, const BacklogOptions& options);
Status RunLanes(const CommonOptions& common, const LanesOptions& options);
/// With `late`: how long lanes that come late wait, in rounds of one delivery for each lane.
Status RunLate(const CommonOptions& common, const LanesOptions& options);
Status RunFifo(const CommonOptions& common, const FifoOptions& options);
/// With `namespaces`: another namespace's submits and deliveries beside them, and alone.
Status RunFairness(const CommonOptions& common, const FairnessOptions& options);
Status RunNamespaces(const CommonOptions& common, const FairnessOptions& options);

struct IdleOptions {
  uint64_t count = 500;
  int pause_ms = 20;
  uint64_t payload_bytes = 256;
};
/// One notify at a time, with pauses: an acknowledgement beside what a sync to the same disk takes.
Status RunIdle(const CommonOptions& common, const IdleOptions& options);

struct SustainedOptions {
  std::vector<uint64_t> counts = {600'000, 1'000'000};
  int minutes = 0;  // full rate for so long, in place of the counts
  uint64_t base = 50'000;
  int connections = 32;
  uint64_t payload_bytes = 256;
  int sample_s = 10;
};
/// Long runs against short ones before and after them.
Status RunSustained(const CommonOptions& common, const SustainedOptions& options);

struct HistoryOptions {
  uint64_t count = 1'000'000;
  uint64_t lanes = 1'000;
  uint64_t payload_bytes = 300;
  int samples = 200;  // of each kind of request
};
/// GETs and lists over a long history of settled ones.
Status RunHistory(const CommonOptions& common, const HistoryOptions& options);

struct ThreadsOptions {
  std::vector<int> threads = {1, 2, 4};
  std::vector<int> connections = {32, 128};
  uint64_t count = 20'000;
  uint64_t payload_bytes = 256;
};
/// Brokers with different io_threads, in turn.
Status RunThreads(const CommonOptions& common, const ThreadsOptions& options);

struct ShardsOptions {
  int shards = 2;
  int namespaces = 16;
  int connections = 32;
  uint64_t count = 20'000;  // a round, of one namespace and of all together
  uint64_t payload_bytes = 256;
};
/// Many namespaces on several shards against one.
Status RunShards(const CommonOptions& common, const ShardsOptions& options);

struct WaitOptions {
  uint64_t count = 500;
  int pause_ms = 5;
  uint64_t payload_bytes = 256;
};
/// Submit and wait beside a direct call and a sync, in turn.
Status RunWait(const CommonOptions& common, const WaitOptions& options);

struct ServicesOptions {
  std::string balance = "least_active";
  int per_s = 400;
  int seconds = 8;             // before the fault, and again after it
  int64_t ttl_ms = 2'000;      // of the instances' registrations
  int64_t timeout_ms = 1'000;  // of the calls
  int64_t receiver_delay_ms = 2;
  uint64_t shares_count = 8'000;  // notifies of each balance whose distribution is looked at
};
/// Four instances of a service, of which one is killed and one hangs.
Status RunServices(const CommonOptions& common, const ServicesOptions& options);

struct FanoutOptions {
  uint64_t events = 1'000;
  uint64_t subscriptions = 20;
  uint64_t keys = 16;
  int partitions = 4;
  int kills = 3;
  uint64_t payload_bytes = 256;
  uint64_t wide = 1'000;  // subscriptions of one event
  uint64_t wide_events = 10;
  uint64_t wide_payload_bytes = 16'384;
};
/// Events and their notifies through a broker that is killed on the way, and events of many subscriptions in one commit each.
Status RunFanout(const CommonOptions& common, const FanoutOptions& options);

struct SchedulesOptions {
  uint64_t count = 100'000;
  uint64_t due = 2'000;
  int spread_s = 20;
  int ahead_s = 5;
  int connections = 64;
};
/// Many schedules, and how late are those that are due.
Status RunSchedules(const CommonOptions& common, const SchedulesOptions& options);

struct GroupsOptions {
  uint64_t members = 1'000;
  uint64_t fail_every = 10;
  uint64_t sequential = 300;
  uint64_t responses = 200;
  uint64_t response_bytes = 1'048'576;
};
/// Groups, side by side and one after another over a kill, and answers that are kept.
Status RunGroups(const CommonOptions& common, const GroupsOptions& options);

struct ReceiveOptions {
  Address listen;
  int64_t delay_ms = 0;
  uint64_t fail_every = 0;
  std::optional<int> status;
  uint64_t until = 0;  // ends by itself once so many notifies came; 0: never
  bool hang = false;
  bool close = false;
  bool verbose = false;
  bool json = false;
};

/// `notify-bench receive`: until SIGINT or SIGTERM, or until enough came.
Status RunReceive(const ReceiveOptions& options);

}  // namespace notifyd::bench
