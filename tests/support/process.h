// A program under test as a process of its own, with what it printed.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/slowness.h"
#include "support/temp_dir.h"

namespace notifyd::test {

/// Long enough for a loaded machine; a test that needs so long has failed.
inline constexpr int kDeadlineSeconds = 60 * kSlowness;

class Process {
 public:
  struct Input {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;  // "NAME=value", besides those of the test that do not begin with NOTIFYD_
    std::string stdin_file = "/dev/null";
    bool read_error = true;        // false: nobody reads its standard error, which is a pipe
    std::string stdout_file = {};  // in place of a pipe that is read
  };
  /// `binary`: a path, or a name that is looked for in PATH. Started by a test's main thread it does not outlive the test, however that ends.
  Process(const std::string& binary, const Input& input);
  /// Kills it where it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void Signal(int number) const;
  pid_t pid() const { return pid_; }
  bool running() const;
  /// Until standard error holds `text` so many times; false where the process ended or the deadline passed without it.
  bool WaitForError(const std::string& text, size_t times = 1);
  /// Until standard output holds `text`; false as above.
  bool WaitForOutput(const std::string& text, int seconds = kDeadlineSeconds);
  /// Does standard error hold `text` so many times by now?
  bool CountsError(const std::string& text, size_t times) const;
  /// Until it ends: its exit code, 1000 + the signal that ended it, or -1 at the deadline.
  int Wait();
  std::string output() const;
  std::string error() const;

 private:
  struct Stream {
    int fd = -1;
    std::string text;
    bool ended = false;
    std::thread reader;
  };
  void Read(Stream* stream);
  size_t CountInError(const std::string& text) const;
  void Reap();

  pid_t pid_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Stream output_, error_;
  bool exited_ = false;
  int code_ = -1;
  std::thread reaper_;
};

}  // namespace notifyd::test
