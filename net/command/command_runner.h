// CommandRunner: the Sender of "command:NAME": an attempt is a program's run (contract section 14). One a process, all on a thread of its own, that
// may block and lives as long as the runner does, because children die with the thread that made them.
//
// I1  Exactly one AttemptEnded is posted for each Start, from the runner's thread, unless Abort comes first; where AttemptReached is asked for, that
//     is posted before, once the program runs.
// I2  One attempt is one run, or none. Its end is posted once the program and its process group are gone.
// I3  No more than max_running of a command run at once; others wait in the order of their Start, and their time has not begun. That is
//     rare: the cores start no more than that.
// I4  Nobody's output is more in memory than is judged and recorded of an answer; what comes behind it is read and dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "broker/access_table.h"
#include "broker/ports.h"
#include "net/command/command_rules.h"
#include "net/sender/sender_options.h"

namespace notifyd {

/// How the runs of a command ended so far, and how many there are.
struct CommandFigures {
  std::string name;
  uint64_t running = 0, waiting = 0, started = 0;
  uint64_t succeeded = 0;  // exit 0
  uint64_t temporary = 0;  // exit 75
  uint64_t failed = 0;     // another exit, or a signal
  uint64_t timed_out = 0;
  uint64_t not_started = 0;  // the program could not be
};

class CommandRunner : public Sender {
 public:
  /// Signalled by SIGTERM, a program gets so long until SIGKILL.
  static constexpr int64_t kTerminateMs = 500;

  /// Of `options` count what is read and recorded of an answer. `sink` is borrowed. The thread is made with the first Start.
  CommandRunner(EventSink* sink, std::shared_ptr<const CommandRules> rules, const SenderOptions& options);
  /// Kills what runs.
  ~CommandRunner() override;

  // Any thread, all of these.
  /// An attempt whose envelope's host is "command:NAME".
  void Start(StartAttempt attempt) override;
  /// The settings were read anew: they hold for runs that begin from now on.
  void SetRules(std::shared_ptr<const CommandRules> rules, const SenderOptions& options);
  /// The names of namespaces.
  void SetTable(std::shared_ptr<const AccessTable> table);
  /// May a notify of that namespace and caller run it? Error: kUnacceptable.
  Status Check(std::string_view space, std::string_view caller, std::string_view name) const;
  /// For good: what runs gets SIGTERM, and kTerminateMs later SIGKILL; no AttemptEnded follows, nor for what is started from now on. `ended` is
  /// called once nothing runs any more, on any thread, maybe at once.
  void Abort(std::function<void()> ended);
  /// Of each command of the rules, in their order.
  std::vector<CommandFigures> Figures() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
