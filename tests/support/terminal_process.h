// A program under test in a terminal of its own, with what it drew there.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <string>
#include <vector>

/// First in a case that needs a terminal: where the system has none it says so, and ends the case.
#define SKIP_WITHOUT_TERMINAL()                                           \
  do {                                                                    \
    if (std::string why = notifyd::test::WhyNoTerminal(); !why.empty()) { \
      WARN("skipped: there is no terminal to run it in: " << why);        \
      return;                                                             \
    }                                                                     \
  } while (false)

namespace notifyd::test {

/// Empty where terminals can be made; else what is missing, such as /dev/pts in a chroot or a minimal container.
std::string WhyNoTerminal();

class TerminalProcess {
 public:
  /// A terminal of 24 lines that is its standard input, output and error, and controls it.
  TerminalProcess(const std::string& binary, const std::vector<std::string>& arguments, unsigned short columns);
  /// Kills it where it still runs.
  ~TerminalProcess();
  TerminalProcess(const TerminalProcess&) = delete;
  TerminalProcess& operator=(const TerminalProcess&) = delete;

  /// Until `text` is drawn, behind all that was waited for before; false at the deadline.
  bool WaitFor(const std::string& text);
  void Key(char key);
  void Signal(int number);
  void Resize(unsigned short columns);
  /// Until it ends: its exit code, 1000 + the signal that ended it, or -1 at the deadline.
  int Wait();

  /// Keys come one by one, and are not shown.
  bool IsRaw() const;
  /// As it was before the start.
  bool IsRestored() const;
  /// All that was drawn behind what was waited for last.
  std::string rest() const { return drawn_.substr(looked_); }

 private:
  bool Read(int timeout_ms);
  termios Now() const;

  int master_ = -1;
  int slave_ = -1;  // kept open: what the terminal is set to is asked of it, and nothing that was drawn is lost
  pid_t pid_ = -1;
  termios before_{};
  std::string drawn_;
  size_t looked_ = 0;
  bool waited_ = false;
};

}  // namespace notifyd::test
