// Runtime: the wiring. Makes store, core, loops, servers and senders from the options, connects them, and carries them through start, reload, restart
// and stop. Decides nothing about notifies.
#pragma once

#include <memory>

#include "base/status.h"
#include "cli/daemon/handover.h"
#include "cli/daemon/lease_keeper.h"
#include "cli/daemon/settings.h"
#include "cli/daemon/signals.h"
#include "cli/daemon/successor.h"

namespace notifyd {

class Runtime {
 public:
  /// Opens the store, makes the core, listens, or goes on with the sockets of the process before. Errors: kUnacceptable with a field (a setting
  /// that a part refuses), else what the store or the server said.
  /// `keeper`: by which this process owns the store; borrowed, null where only one can have it.
  static Result<std::unique_ptr<Runtime>> Create(const Options& options, const Launch& launch, const Handover& handover, LeaseKeeper* keeper);
  ~Runtime();

  /// On the calling thread until a signal ends it; returns the exit code. SIGTERM and SIGINT: takes no submits and starts no attempt any more, lets
  /// those in flight end within shutdown_grace_ms, makes all durable. A second one ends the process at once. SIGHUP: reads the settings anew.
  /// SIGUSR1: becomes the program that is there now, with all sockets. Where the store fails the process ends with exit code 1 before anything
  /// else is acknowledged. `signals` is borrowed.
  int Run(Signals* signals);
  /// After Run: threads are left that wait for a directory of backups which does not answer. The process is to end as it is, without what would wait
  /// for them.
  bool left_threads() const;

 private:
  class Impl;
  explicit Runtime(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
