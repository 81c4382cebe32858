#include "cli/daemon/successor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/crash_point.h"
#include "base/system_error.h"
#include "cli/daemon/clocks.h"

namespace notifyd {
namespace {

constexpr char kSelf[] = "/proc/self/exe";
constexpr int64_t kCheckMostMs = 30'000;
constexpr size_t kOutputMostBytes = 4096;

bool IsSelf(const std::string& file) {
  struct stat one {
  }, self{};
  return stat(file.c_str(), &one) == 0 && stat(kSelf, &self) == 0 && one.st_dev == self.st_dev && one.st_ino == self.st_ino;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Starts it with both its outputs in `out`; returns the error, 0 for none.
int Spawn(const Launch& launch, const Holdings& held, int out, pid_t* child) {
  std::vector<std::string> arguments = launch.arguments, environment = launch.environment;
  arguments.push_back("--check-config");
  for (std::string& variable : EncodeHoldings(held, getpid())) environment.push_back(std::move(variable));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
  // This process blocks and ignores signals that a child is to take.
  sigset_t none, ignored;
  sigemptyset(&none);
  sigemptyset(&ignored);
  sigaddset(&ignored, SIGPIPE);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &ignored);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int error = posix_spawn(child, launch.program.c_str(), &actions, &attributes, Pointers(arguments).data(), Pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

/// Until its end: what came of it, the beginning. False where the time was over first.
bool ReadUntilEnd(int fd, int64_t most_ms, std::string* text) {
  int64_t until_ms = ReadClockMs(CLOCK_MONOTONIC) + most_ms;
  for (;;) {
    int64_t left_ms = until_ms - ReadClockMs(CLOCK_MONOTONIC);
    pollfd entry{fd, POLLIN, 0};
    if (left_ms <= 0 || poll(&entry, 1, static_cast<int>(left_ms)) == 0) return false;
    char buffer[4096];
    ssize_t size = read(fd, buffer, sizeof buffer);
    if (size == 0) return true;
    if (size > 0) text->append(buffer, std::min(static_cast<size_t>(size), kOutputMostBytes - std::min(kOutputMostBytes, text->size())));
    if (size < 0 && errno != EINTR) return true;
  }
}

}  // namespace

std::string FindProgram(const std::string& name) {
  std::error_code error;
  std::vector<std::filesystem::path> places;
  if (name.find('/') != std::string::npos) {
    places.push_back(name);
  } else if (const char* path = std::getenv("PATH")) {
    std::string directories = path;
    for (size_t from = 0; from <= directories.size();) {
      size_t to = std::min(directories.find(':', from), directories.size());
      places.push_back(std::filesystem::path(directories.substr(from, to - from)) / name);
      from = to + 1;
    }
  }
  for (const std::filesystem::path& place : places) {
    std::filesystem::path full = std::filesystem::absolute(place, error);
    if (!error && IsSelf(full.string())) return full.lexically_normal().string();
  }
  std::filesystem::path self = std::filesystem::read_symlink(kSelf, error);
  return error ? kSelf : self.string();
}

Status CheckSuccessor(const Launch& launch, const Holdings& held) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("cannot make a pipe");
  pid_t child = -1;
  int error = Spawn(launch, held, ends[1], &child);
  close(ends[1]);
  std::string output;
  bool ended = error != 0 || ReadUntilEnd(ends[0], kCheckMostMs, &output);
  close(ends[0]);
  if (error != 0) return SystemError("cannot run " + launch.program, error);
  if (!ended) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  while (!output.empty() && output.back() == '\n') output.pop_back();
  size_t last_line = output.rfind('\n') == std::string::npos ? 0 : output.rfind('\n') + 1;
  if (!ended) return Status(Code::kIo, launch.program + " --check-config did not end in time");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || output.compare(last_line, std::string::npos, "ok") != 0) {
    std::string end = WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status)) : "signal " + std::to_string(WTERMSIG(status));
    return Status(Code::kIo, launch.program + " --check-config: " + end + (output.empty() ? "" : ": " + output));
  }
  return Status::Ok();
}

Status BecomeSuccessor(const Launch& launch, Handover handover) {
  std::vector<std::string> arguments = launch.arguments, environment = launch.environment;
  environment.push_back(std::string(kHandoverVariable) + "=" + EncodeHandover(&handover, getpid()));
  if (std::string store = EncodeStore(handover); !store.empty()) environment.push_back(std::string(kStoreVariable) + "=" + store);
  CloseOthersOnExec(handover);
  PassCrashPoint(CrashPoint::kRestartBeforeExec);
  execve(launch.program.c_str(), Pointers(arguments).data(), Pointers(environment).data());
  return SystemError("cannot start " + launch.program);
}

}  // namespace notifyd
