// Terminal: the screen as a live view needs it: keys one by one without echo, the alternate screen, signals as events. Whatever way the view is
// left (its end, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP), the terminal is as it was before. One at a time a process, one thread.
#pragma once

#include <termios.h>

#include <csignal>
#include <cstddef>
#include <string>
#include <vector>

namespace notifyd {

class Terminal {
 public:
  /// Takes over standard input and output. Blocks the signals above and SIGWINCH for the process, to take them as events.
  Terminal();
  /// Gives the terminal back, and the signals. A signal that ended the view is raised again: the process ends as it would have.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  static bool Usable();

  enum class Happened { kNothing, kKey, kResized, kQuit };
  struct Event {
    Happened what = Happened::kNothing;
    char key = 0;
  };
  /// Waits up to `timeout_ms` for a key or a signal; 0 looks only. kQuit: SIGINT, another signal that ends, or the end of the input.
  Event Wait(int timeout_ms);

  struct Size {
    size_t columns = 80, rows = 24;
  };
  Size size() const;

  /// Draws lines from the top, and clears what is left of the screen.
  void Draw(const std::vector<std::string>& lines);

 private:
  void Enter();
  void Leave();
  Event TakeSignal();
  void Suspend();

  termios before_{};
  sigset_t signals_{}, signals_before_{};
  int signal_fd_ = -1;
  int ended_by_ = 0;
};

}  // namespace notifyd
