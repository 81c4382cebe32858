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
#include "bench/report.h"
#include "bench/scenarios.h"
#include "bench/workload.h"

namespace notifyd::bench {

/// Blocks SIGINT and SIGTERM in this thread and those that it starts; call it before any.
void BlockSignals();
/// Sleeps; true as soon as one of them came, and ever after.
bool SleepInterrupted(int64_t ms);

/// The broker of one run. A broker of its own lives in a directory that goes with the session.
class Session {
 public:
  static Result<std::unique_ptr<Session>> Open(const CommonOptions& common);
  BrokerProcess& broker() { return *broker_; }
  std::string data_dir() const { return options_.dir + "/data"; }
  /// SIGKILL, then started anew on the same data. Not with a broker that ran already.
  Status KillAndRestart();
  /// Ends a broker of its own and tells where that went wrong.
  Status Close() { return broker_->Stop(); }

 private:
  std::unique_ptr<TempDir> dir_;
  BrokerOptions options_;
  std::unique_ptr<BrokerProcess> broker_;
};

/// Submits all of `source`; kUnavailable where a submit is refused, the broker ends, or a signal came.
Result<LoadResult> Submit(BrokerProcess& broker, int connections, uint64_t count, RequestSource* source);

/// Until `count` notifies arrived, and a little longer for duplicates. kUnavailable where none came for `stall_s` (counted from
/// `not_before_ms`, wall clock).
Status AwaitArrivals(BrokerProcess& broker, const Arrivals& arrivals, uint64_t count, int stall_s, int64_t not_before_ms = 0);

/// Submits and deliveries of one workload through one broker.
struct Delivery {
  LoadResult load;
  uint64_t duplicates = 0, order_violations = 0, strangers = 0;
  Histogram latency;
  double per_s = 0;  // first submit to last arrival
  double receiver_cpu_s = 0;
};
/// `plan.url` and the seed are filled in. Error: kUnavailable, also where a delivery is missing.
Result<Delivery> DeliverAll(BrokerProcess& broker, WorkloadPlan plan, const CommonOptions& common, int64_t receiver_delay_ms);
/// kUnavailable where a delivery came twice, out of order, or was never submitted.
Status Verdict(const Delivery& delivery);

/// Runs `once` as often as asked, prints each record as a line of JSON or all as a table.
Status RunAndReport(const CommonOptions& common, const std::string& title, const std::function<Result<Record>(int run)>& once);

double Mebibytes(int64_t bytes);

}  // namespace notifyd::bench
