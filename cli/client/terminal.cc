#include "cli/client/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

namespace notifyd {
namespace {

// The alternate screen without cursor, and back: xterm's private modes 1049 and 25.
constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr char kLeave[] = "\x1b[?25h\x1b[?1049l";

void Write(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    ssize_t size = write(STDOUT_FILENO, text.data() + at, text.size() - at);
    if (size < 0 && errno != EINTR) return;
    if (size > 0) at += static_cast<size_t>(size);
  }
}

}  // namespace

bool Terminal::Usable() {
  return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

Terminal::Terminal() {
  sigemptyset(&signals_);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH}) sigaddset(&signals_, number);
  sigprocmask(SIG_BLOCK, &signals_, &signals_before_);
  signal_fd_ = signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK);
  tcgetattr(STDIN_FILENO, &before_);
  Enter();
}

Terminal::~Terminal() {
  Leave();
  close(signal_fd_);
  if (ended_by_ != 0) raise(ended_by_);  // pending until it is no longer blocked
  sigprocmask(SIG_SETMASK, &signals_before_, nullptr);
}

void Terminal::Enter() {
  termios raw = before_;
  raw.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO));  // signals stay: Ctrl-C and Ctrl-Z mean what they always do
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  Write(kEnter);
}

void Terminal::Leave() {
  Write(kLeave);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

void Terminal::Suspend() {
  Leave();
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  raise(SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &stop, nullptr);  // stops here, until SIGCONT
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  tcgetattr(STDIN_FILENO, &before_);
  Enter();
}

Terminal::Event Terminal::TakeSignal() {
  signalfd_siginfo info{};
  if (read(signal_fd_, &info, sizeof info) != sizeof info) return {};
  switch (info.ssi_signo) {
    case SIGTSTP:
      Suspend();
      return {Happened::kResized, 0};
    case SIGWINCH:
    case SIGCONT:
      return {Happened::kResized, 0};
    case SIGINT:
      return {Happened::kQuit, 0};  // the usual way to leave: no failure
    default:
      ended_by_ = static_cast<int>(info.ssi_signo);
      return {Happened::kQuit, 0};
  }
}

Terminal::Event Terminal::Wait(int timeout_ms) {
  pollfd entries[] = {{signal_fd_, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  if (poll(entries, 2, timeout_ms) <= 0) return {};
  if (entries[0].revents != 0) return TakeSignal();
  char key = 0;
  ssize_t size = read(STDIN_FILENO, &key, 1);
  if (size == 1) return {Happened::kKey, key};
  return size < 0 && errno == EINTR ? Event{} : Event{Happened::kQuit, 0};
}

Terminal::Size Terminal::size() const {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

void Terminal::Draw(const std::vector<std::string>& lines) {
  std::string out = "\x1b[H";
  for (size_t i = 0; i < lines.size(); ++i) out += (i > 0 ? "\r\n" : "") + lines[i] + "\x1b[K";
  Write(out + "\x1b[J");
}

}  // namespace notifyd
