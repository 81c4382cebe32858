// What the scenarios share: the broker of a run with its directory, submitting with a progress bar, waiting for arrivals, signals.
// Main thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "bench/broker_process.h"
#include "bench/client.h"
#include "bench/goals.h"
#include "bench/report.h"
#include "bench/scenarios.h"
#include "bench/workload.h"

namespace notifyd::bench {

/// Blocks SIGINT and SIGTERM in this thread and those that it starts; call it before any.
void BlockSignals();
/// Sleeps so long; returns true as soon as one of them came, and ever after.
bool SleepInterrupted(int64_t ms);
/// What a run ends with then.
Status Interrupted();

/// The broker of one run. A broker of its own lives in a directory that goes with the session, or in the one that --store names, which stays.
class Session {
 public:
  static Result<std::unique_ptr<Session>> Open(const CommonOptions& common);
  BrokerProcess& broker() { return *broker_; }
  std::string data_dir() const { return options_.dir + "/data"; }
  /// Returns the directory that holds the data directory, for files on the same disk.
  const std::string& dir() const { return options_.dir; }
  /// Kills the broker and starts it anew on the same data. Not with one that ran already.
  Status KillAndRestart();
  /// Ends a broker of its own and tells where that went wrong.
  Status Close() { return broker_->Stop(); }

 private:
  std::unique_ptr<TempDir> dir_;
  BrokerOptions options_;
  std::unique_ptr<BrokerProcess> broker_;
};

/// Checks before a store of `notifies` is filled: kUnavailable where the disk has no room for it. What is reckoned with is more than what they take.
Status CheckRoom(const CommonOptions& common, uint64_t notifies, uint64_t payload_bytes);

/// Makes a namespace that may call this machine, as `default` may. Error: kIo, kUnavailable where it is refused.
Status MakeNamespace(const BrokerProcess& broker, std::string_view name);

/// Called every few milliseconds while a load goes on: notifies acknowledged and arrived so far.
using Watch = std::function<void(uint64_t acknowledged, uint64_t arrived)>;

/// Submits all of `source`; kUnavailable where a submit is refused, the broker ends, or a signal came.
Result<LoadResult> Submit(BrokerProcess& broker, int connections, uint64_t count, RequestSource* source,
                          const std::function<void(uint64_t)>& watch = {});
/// Submits all that `plan` says, which nobody receives.
Status Fill(BrokerProcess& broker, const WorkloadPlan& plan);

/// Waits until `count` notifies arrived, and a little longer for duplicates. kUnavailable where none came for `stall_s` (counted from
/// `not_before_ms`, wall clock).
Status AwaitArrivals(BrokerProcess& broker, const Arrivals& arrivals, uint64_t count, int stall_s, int64_t not_before_ms = 0,
                     const std::function<void(uint64_t)>& watch = {});
/// Waits until nothing is pending. kUnavailable after `stall_s`.
Status AwaitSettled(BrokerProcess& broker, int stall_s);

/// Submits and deliveries of one workload through one broker.
struct Delivery {
  LoadResult load;
  uint64_t count = 0;  // what was submitted, and arrived
  Distribution latency;
  double per_s = 0;  // first submit to last arrival
  double broker_cpu_s = 0, receiver_cpu_s = 0;
  double broker_cpu_s_per_1000() const { return broker_cpu_s * 1000 / static_cast<double>(count); }
};
/// `plan.url` and the seed are filled in. Error: kUnavailable, also where a delivery is missing, came twice, out of order, or was never submitted.
Result<Delivery> DeliverAll(BrokerProcess& broker, WorkloadPlan plan, const CommonOptions& common, const ReceiverOptions& receiver_options = {},
                            const Watch& watch = {});
/// The same work through each of the brokers, one after the other, in an order that turns with `round`, so that what else the machine does falls on
/// all alike. Round 0 does not count: the first connections and the first pages of a store cost more than all later ones.
Result<std::vector<Delivery>> TakeTurns(int round, const std::vector<BrokerProcess*>& brokers, const WorkloadPlan& plan, const CommonOptions& common);

/// Runs `once` as often as asked, prints each record as a line of JSON or all as a table, and what they are to be.
Status RunAndReport(const CommonOptions& common, const std::string& title, const std::vector<Goal>& goals,
                    const std::function<Result<Record>(int run)>& once);
/// Prints one record as a line of JSON with its verdicts; prints nothing where tables are asked for.
void PrintJson(const CommonOptions& common, Record record, const std::vector<Goal>& goals);

double Mebibytes(int64_t bytes);

}  // namespace notifyd::bench
