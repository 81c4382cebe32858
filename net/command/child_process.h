// ChildProcess: starts a program without a shell, and signals it with all that it started. The thread that calls Start must live as long as the
// process: the kernel kills the child when it ends (PR_SET_PDEATHSIG), which is how no child outlives a broker that is killed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "net/command/command_rules.h"

namespace notifyd {

struct ChildSetup {
  std::vector<std::string> arguments;    // the first is the program's absolute path
  std::vector<std::string> environment;  // "NAME=value"; nothing else of the broker's own
  std::string directory;
  std::optional<Identity> identity;
  uint64_t memory_bytes = 0;  // 0: no bound
  std::string input;          // what it reads from standard input
};

/// One child, from its start until what its end was is taken. Not copied; one thread.
class ChildProcess {
 public:
  /// It is alone in a process group of its own, with no descriptor but the three standard ones, of which the last two go to output(). Error:
  /// kUnavailable, for people: it could not be started.
  static Result<ChildProcess> Start(const ChildSetup& setup);
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;

  /// To be polled for reading: it has ended.
  int ended() const { return ended_; }
  /// To be polled for reading, and read without blocking; -1 once it is closed.
  int output() const { return output_; }
  void CloseOutput();
  /// To it, and to all of its group.
  void Signal(int number) const;

  struct End {
    int exit_code = 0;
    int signal = 0;  // that ended it; 0: it exited
  };
  /// Once ended() says so: kills what is left of its group, and returns how it ended. At most once.
  End Take();

 private:
  ChildProcess(pid_t pid, int ended, int output) : pid_(pid), ended_(ended), output_(output) {}
  pid_t pid_;  // 0: its end was taken
  int ended_, output_;
};

}  // namespace notifyd
