#include "support/terminal_process.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "support/process.h"

namespace notifyd::test {
namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point Deadline() {
  return Clock::now() + std::chrono::seconds(kDeadlineSeconds);
}

winsize SizeOf(unsigned short columns) {
  return {24, columns, 0, 0};
}

}  // namespace

std::string WhyNoTerminal() {
  int master = -1, slave = -1;
  if (openpty(&master, &slave, nullptr, nullptr, nullptr) == 0) {
    close(master);
    close(slave);
    return "";
  }
  std::string why = std::string("openpty: ") + std::strerror(errno);
  return access("/dev/pts/ptmx", F_OK) == 0 ? why : why + "; /dev/pts is not mounted";
}

TerminalProcess::TerminalProcess(const std::string& binary, const std::vector<std::string>& arguments, unsigned short columns) {
  std::vector<std::string> all = {binary};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& argument : all) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  winsize size = SizeOf(columns);
  if (openpty(&master_, &slave_, nullptr, nullptr, &size) != 0 || tcgetattr(slave_, &before_) != 0) throw std::runtime_error("no terminal");
  fcntl(master_, F_SETFD, FD_CLOEXEC);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ > 0) return;
  // Only what a child of a process with threads may do.
  setsid();
  ioctl(slave_, TIOCSCTTY, 0);
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(slave_, fd);
  execv(pointers[0], pointers.data());
  _exit(127);
}

TerminalProcess::~TerminalProcess() {
  if (!waited_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(master_);
  close(slave_);
}

bool TerminalProcess::Read(int timeout_ms) {
  pollfd entry{master_, POLLIN, 0};
  char buffer[4096];
  if (poll(&entry, 1, timeout_ms) <= 0) return false;
  ssize_t size = read(master_, buffer, sizeof buffer);
  if (size > 0) drawn_.append(buffer, static_cast<size_t>(size));
  return size > 0;
}

bool TerminalProcess::WaitFor(const std::string& text) {
  for (auto deadline = Deadline(); Clock::now() < deadline; Read(100)) {
    size_t at = drawn_.find(text, looked_);
    if (at == std::string::npos) continue;
    looked_ = at + text.size();
    return true;
  }
  return false;
}

void TerminalProcess::Key(char key) {
  if (write(master_, &key, 1) != 1) throw std::runtime_error("the terminal takes no keys");
}

void TerminalProcess::Signal(int number) {
  if (!waited_) kill(pid_, number);
}

void TerminalProcess::Resize(unsigned short columns) {
  winsize size = SizeOf(columns);
  if (ioctl(master_, TIOCSWINSZ, &size) != 0) throw std::runtime_error("the terminal has no size");
}

int TerminalProcess::Wait() {
  int status = 0;
  for (auto deadline = Deadline(); waitpid(pid_, &status, WNOHANG) == 0; Read(20))
    if (Clock::now() > deadline) return -1;
  waited_ = true;
  while (Read(0)) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

termios TerminalProcess::Now() const {
  termios now{};
  tcgetattr(slave_, &now);
  return now;
}

bool TerminalProcess::IsRaw() const {
  return (Now().c_lflag & (ICANON | ECHO)) == 0;
}

bool TerminalProcess::IsRestored() const {
  termios now = Now();
  return now.c_lflag == before_.c_lflag && now.c_iflag == before_.c_iflag && now.c_oflag == before_.c_oflag;
}

}  // namespace notifyd::test
