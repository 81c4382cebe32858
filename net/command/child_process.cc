#include "net/command/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace notifyd {
namespace {

/// The soft bound that programs expect: the broker's own is raised to serve its clients.
constexpr rlim_t kOpenFiles = 1024;

Status Failed(const char* what, int error) {
  return Status(Code::kUnavailable, std::string(what) + ": " + std::strerror(error));
}

/// A descriptor that is closed unless it is taken.
class Owned {
 public:
  explicit Owned(int fd = -1) : fd_(fd) {}
  ~Owned() {
    if (fd_ >= 0) close(fd_);
  }
  Owned(const Owned&) = delete;
  int get() const { return fd_; }
  int Take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

/// All that the child needs, made before: between fork and exec nothing may allocate, nor take a lock.
struct Prepared {
  std::vector<char*> arguments, environment;
  const char* directory;
  const Identity* identity;  // null: the broker's own
  rlim_t memory_bytes;
  pid_t parent;
  int input, output, report;
};

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// Raw system calls: those of the library would have all threads of the process change, and the child shares the process's memory.
int BecomeUser(const Identity& identity) {
  if (syscall(SYS_setgroups, identity.groups.size(), identity.groups.data()) != 0) return errno;
  if (syscall(SYS_setresgid, identity.group, identity.group, identity.group) != 0) return errno;
  if (syscall(SYS_setresuid, identity.user, identity.user, identity.user) != 0) return errno;
  return 0;
}

int LimitItself(const Prepared& prepared) {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > kOpenFiles) {
    files.rlim_cur = kOpenFiles;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  const rlimit memory{prepared.memory_bytes, prepared.memory_bytes};
  return prepared.memory_bytes > 0 && setrlimit(RLIMIT_AS, &memory) != 0 ? errno : 0;
}

/// What the broker ignores would be ignored by the program, too. Raw system calls: the library refuses the two signals that it
/// keeps for itself (32 and 33), and whoever started the broker may have ignored these as well.
void HeedAllSignals() {
  constexpr size_t kKernelSignalSetBytes = 8;
  alignas(long) const char by_default[64] = {};  // the kernel's struct sigaction, no larger than this, with SIG_DFL as 0
  for (int number = 1; number < NSIG; ++number) syscall(SYS_rt_sigaction, number, by_default, nullptr, kKernelSignalSetBytes);
}

/// In the child. Returns only where it fails, with why.
int BecomeProgram(const Prepared& prepared) {
  setpgid(0, 0);
  HeedAllSignals();
  if (dup2(prepared.input, 0) < 0 || dup2(prepared.output, 1) < 0 || dup2(prepared.output, 2) < 0) return errno;
  // All others close at exec; most would anyway. A kernel that does not know the call leaves it at those.
  syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
  if (int error = LimitItself(prepared); error != 0) return error;
  if (prepared.identity != nullptr) {
    if (int error = BecomeUser(*prepared.identity); error != 0) return error;
  }
  if (chdir(prepared.directory) != 0) return errno;
  // Behind the change of user, which would take it back. A broker that was gone before is not told of any more.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
  if (getppid() != prepared.parent) return ESRCH;
  sigset_t all;
  sigemptyset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  execve(prepared.arguments[0], prepared.arguments.data(), prepared.environment.data());
  return errno;
}

/// Starts it. vfork: a copy of the tables of a broker's memory would hold it up, and memory could run short of it.
[[gnu::noinline]] pid_t Fork(const Prepared& prepared) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of the broker's runs in the child
  const pid_t pid = vfork();
  if (pid == 0) {
    const int error = BecomeProgram(prepared);
    [[maybe_unused]] const ssize_t written = write(prepared.report, &error, sizeof error);
    _exit(127);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return pid;
}

/// The whole input as a file in memory: whoever reads it slowly, or not at all, holds up nobody.
int InputOf(const std::string& input) {
  Owned file(memfd_create("notify", MFD_CLOEXEC));
  if (file.get() < 0) return -1;
  for (size_t at = 0; at < input.size();) {
    const ssize_t written = write(file.get(), input.data() + at, input.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return -1;
    at += static_cast<size_t>(written);
  }
  return lseek(file.get(), 0, SEEK_SET) == 0 ? file.Take() : -1;
}

}  // namespace

Result<ChildProcess> ChildProcess::Start(const ChildSetup& setup) {
  NOTIFYD_CHECK(!setup.arguments.empty());
  Owned input(InputOf(setup.input));
  if (input.get() < 0) return Failed("its input could not be made", errno);
  int output[2], report[2];
  if (pipe2(output, O_CLOEXEC) != 0) return Failed("no pipe", errno);
  Owned output_read(output[0]), output_write(output[1]);
  if (pipe2(report, O_CLOEXEC) != 0) return Failed("no pipe", errno);
  Owned report_read(report[0]);
  fcntl(output[0], F_SETFL, O_NONBLOCK);

  const Prepared prepared{.arguments = Pointers(setup.arguments),
                          .environment = Pointers(setup.environment),
                          .directory = setup.directory.c_str(),
                          .identity = setup.identity ? &*setup.identity : nullptr,
                          .memory_bytes = setup.memory_bytes,
                          .parent = getpid(),
                          .input = input.get(),
                          .output = output[1],
                          .report = report[1]};
  const pid_t pid = Fork(prepared);
  const int fork_error = errno;
  close(report[1]);
  if (pid < 0) return Failed("fork", fork_error);
  // It closes with the exec, or brings why there was none.
  int error = 0;
  ssize_t got;
  do got = read(report[0], &error, sizeof error);
  while (got < 0 && errno == EINTR);
  const int ended = got == 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1;
  if (got == 0 && ended >= 0) return ChildProcess(pid, ended, output_read.Take());
  if (got == 0) error = errno;
  kill(pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return Failed(setup.arguments[0].c_str(), error);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), ended_(std::exchange(other.ended_, -1)), output_(std::exchange(other.output_, -1)) {}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    Signal(SIGKILL);
    Take();
  }
  CloseOutput();
  if (ended_ >= 0) close(ended_);
}

void ChildProcess::CloseOutput() {
  if (output_ >= 0) close(std::exchange(output_, -1));
}

void ChildProcess::Signal(int number) const {
  // The group has its number for as long as the child is not waited for, so that it can be nobody else's.
  if (pid_ > 0) kill(-pid_, number);
}

ChildProcess::End ChildProcess::Take() {
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  Signal(SIGKILL);
  int status = 1 << 8;  // where nothing is known of it, it failed
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return WIFSIGNALED(status) ? End{0, WTERMSIG(status)} : End{WEXITSTATUS(status), 0};
}

}  // namespace notifyd
