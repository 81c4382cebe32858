// Runtime: the wiring. Makes store, core, loops, servers and senders from the options, connects them, and carries them through start and stop.
// Decides nothing about notifies.
#pragma once

#include <memory>

#include "base/status.h"
#include "cli/settings.h"

namespace notifyd {

class Runtime {
 public:
  /// Opens the store, makes the core, listens. Errors: kUnacceptable with a field (a setting that a part refuses), else what the store or the
  /// server said.
  static Result<std::unique_ptr<Runtime>> Create(const Options& options);
  ~Runtime();

  /// On the calling thread until SIGTERM or SIGINT: takes no submits and starts no attempt any more, lets those in flight end within
  /// shutdown_grace_ms, makes all durable. A second signal ends the process at once. Where the store fails the process ends with exit code 1
  /// before anything else is acknowledged.
  void Run();

 private:
  class Impl;
  explicit Runtime(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
