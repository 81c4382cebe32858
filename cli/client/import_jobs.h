// JobImport: what waits in beanstalkd for NotifyAgent's daemon: the jobs of the tube `notify`, and of the tubes that the daemon makes for its queues.
// A job is deleted only once its notify is durable. Ready ones are reserved, in batches, a queue's own tube before `notify`, which is behind it in
// order; delayed ones are looked at and submitted with the time that is left. One that cannot be submitted is buried, so that it is not in the way:
// `kick` brings it back. With --keep and --dry-run nothing is reserved: all jobs are looked at by their ids, and taken in the same order.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/client/import_work.h"
#include "cli/import/beanstalk_client.h"

namespace notifyd {

class JobImport {
 public:
  /// Borrows it. The options name a beanstalkd.
  explicit JobImport(ImportWork* work);

  /// Finds the tubes. `consumer`: one of them that somebody watches; unchanged where nobody does.
  ImportEnd Open(std::string* consumer);
  /// Until nothing is ready or delayed. `moved` becomes true where anything was accepted.
  ImportEnd Pass(bool* moved);
  /// Says what was not touched: buried jobs, and tubes of others. What could not be taken of our own counts as staying.
  ImportEnd TellRest();

 private:
  using Clock = std::chrono::steady_clock;
  /// A job that was accepted and could not be deleted, for the connection was lost.
  struct Carried {
    std::string body;
    Clock::time_point since;
  };
  /// In the order in which they would be reserved.
  struct WaitingJob {
    size_t tube = 0;  // its place in tubes_
    uint64_t priority = 0, id = 0;
    auto operator<=>(const WaitingJob&) const = default;
  };

  // What is asked of the client: its kUnavailable breaks off what is under way, to be begun anew over another connection.
  Status Connect();
  Status FindTubes();
  Result<bool> IsOurs(const std::string& tube);
  Status TakeReady(const std::string& tube, bool* moved);
  Status TakeDelayed(const std::string& tube, bool* moved);
  Status Scan();
  Status ScanSome(const std::vector<uint64_t>& ids);
  Status FindWaiting(std::vector<uint64_t>* waiting);
  Status LookAt(uint64_t* from, uint64_t to, std::vector<WaitingJob>* found);
  Status Recount(uint64_t* newest, std::vector<WaitingJob>* found, uint64_t* expected);
  /// In all of tubes_.
  Result<uint64_t> CountWaiting();
  /// Of a job that waits, which of tubes_ it is in.
  std::optional<size_t> TubeOf(const std::optional<BeanstalkClient::Figures>& figures) const;
  /// Those of a batch that were accepted are deleted, those that are refused buried.
  Status Move(const std::vector<BeanstalkJob>& jobs, const std::vector<uint64_t>& left_s, bool* moved);
  void Accepted(const ImportAnswer& answer);
  Status PutAside(const BeanstalkJob& job, bool delayed, const std::string& why, bool* moved);
  Status DeleteTaken(const BeanstalkJob& job);
  Result<bool> IsCarried(const BeanstalkJob& job);
  Result<std::map<std::string, uint64_t>> CountOf(const std::string& tube);
  Status TellOfTubes();
  void TellOfLeft(const std::string& tube, uint64_t count, uint64_t paused_s);

  ImportWork* const work_;
  BeanstalkClient client_;
  std::string server_;              // its `id`
  std::vector<std::string> tubes_;  // `notify` last
  std::map<uint64_t, Carried> carried_;
  std::map<uint64_t, std::string> aside_;  // refused: put aside, or about to be; why
  ImportEnd end_ = ImportEnd::kDone;       // of a submit that ended a step
};

}  // namespace notifyd
