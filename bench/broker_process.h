// BrokerProcess: a broker that a scenario started and may kill, or one that runs already; what it uses of CPU, memory and disk.
// Main thread only. I1: only a process that this one started is ever signalled.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "bench/stream.h"

namespace notifyd::bench {

/// A directory that is removed with everything in it.
class TempDir {
 public:
  /// Makes one inside `parent`, which must exist. Error: kIo.
  static Result<std::unique_ptr<TempDir>> Make(const std::string& parent);
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct BrokerOptions {
  std::string binary;
  std::vector<std::string> arguments;  // besides --listen and --data-dir
  std::string dir;                     // holds the data directory and the log
};

struct MemoryUse {
  int64_t resident_bytes = 0;  // VmRSS
  int64_t peak_bytes = 0;      // VmHWM
};

/// The numbers of GET /v1/stats that scenarios look at.
struct BrokerStats {
  int64_t pid = 0;
  std::map<std::string, int64_t> states;
  std::map<std::string, int64_t> totals;
  int64_t pending() const;
};

class BrokerProcess {
 public:
  /// Starts one on a free loopback port and waits until GET /readyz answers 200. Error: kUnavailable with the end of its log.
  static Result<std::unique_ptr<BrokerProcess>> Start(const BrokerOptions& options);
  /// Attaches to one that runs already; its process is the `pid` of its /v1/stats. Error: kUnavailable.
  static Result<std::unique_ptr<BrokerProcess>> Attach(const Address& address);
  /// Kills it where this one started it.
  ~BrokerProcess();

  const Address& address() const { return target_.address; }
  /// Where it is asked, and as whom.
  const Target& target() const { return target_; }
  /// From now on it is asked so. Its address is where it listens.
  void AskAs(Target target) { target_ = std::move(target); }
  /// Returns all that it wrote so far.
  std::string Log() const;
  /// Returns the time from the start of the process to the first 200 of /readyz; 0 where it ran already.
  double ready_ms() const { return ready_ms_; }

  /// Does the process still run? kUnavailable with the end of its log where it is gone.
  Status CheckAlive();
  /// Kills it (SIGKILL) and waits for its end. Only one that this one started.
  void Kill();
  /// Stops it (SIGTERM) and waits for its end. kUnavailable where the exit code is not 0 or it takes longer than 30 s. One that ran already is left
  /// running.
  Status Stop();

  /// Returns the user and system time of all its threads so far.
  double cpu_s() const;
  MemoryUse memory() const;
  /// Returns the bytes that it had written to disk so far: write_bytes of proc(5)'s io. 0 where that cannot be read.
  int64_t written_bytes() const;
  /// Waits until resident memory moves by less than 1 % within two seconds, `most_s` seconds at most.
  MemoryUse SettledMemory(int most_s) const;
  Result<BrokerStats> Stats() const;

 private:
  BrokerProcess() = default;
  Status WaitUntilReady(int64_t started_ns);
  std::string LogTail() const;
  int64_t NumberIn(const char* file, std::string_view name) const;

  Target target_;
  pid_t pid_ = -1;
  bool started_ = false;
  double ready_ms_ = 0;
  std::string log_;
};

/// Returns the bytes allocated on disk under `path`.
int64_t DiskBytes(const std::string& path);

}  // namespace notifyd::bench
