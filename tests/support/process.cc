#include "support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <stdexcept>

extern char** environ;

namespace notifyd::test {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  throw std::runtime_error(what);
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// What a child needs to become a program.
struct Image {
  const char* binary;
  char* const* arguments;
  char* const* environment;
  const char* stdin_file;
  const char* stdout_file;  // empty: the pipe `out`
  int out, err, fault;      // its errno goes to `fault` where it cannot
  pid_t parent;
  bool bound;  // it goes where the parent is killed
};

/// In the child, whose other threads are gone with whatever they had locked: system calls alone.
[[noreturn]] void Become(const Image& image) {
  if (image.bound) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (image.bound && getppid() != image.parent) kill(getpid(), SIGKILL);  // the test was killed meanwhile
  const int in = open(image.stdin_file, O_RDONLY | O_CLOEXEC);
  const int out = image.stdout_file[0] == '\0' ? image.out : open(image.stdout_file, O_WRONLY | O_CLOEXEC);
  if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(image.err, STDERR_FILENO) >= 0)
    execvpe(image.binary, image.arguments, image.environment);
  const int fault = errno;
  [[maybe_unused]] const ssize_t told = write(image.fault, &fault, sizeof fault);
  for (;;) kill(getpid(), SIGKILL);  // an exit would be a test's, as sanitizers see it
}

}  // namespace

Process::Process(const std::string& binary, const Input& input) {
  std::vector<std::string> arguments = {binary}, environment = input.environment;
  arguments.insert(arguments.end(), input.arguments.begin(), input.arguments.end());
  for (char** entry = environ; *entry; ++entry)
    if (std::string_view(*entry).substr(0, 8) != "NOTIFYD_") environment.emplace_back(*entry);
  int out[2], err[2], fault[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 || pipe2(fault, O_CLOEXEC) != 0) Fail("pipe2");
  const std::vector<char*> argument_pointers = Pointers(arguments), environment_pointers = Pointers(environment);
  const pid_t self = getpid();
  // The kernel goes by the thread that made it, and another one than the main one may end before.
  const bool bound = gettid() == self;
  const Image image{binary.c_str(),
                    argument_pointers.data(),
                    environment_pointers.data(),
                    input.stdin_file.c_str(),
                    input.stdout_file.c_str(),
                    out[1],
                    err[1],
                    fault[1],
                    self,
                    bound};
  pid_ = fork();
  if (pid_ == 0) Become(image);
  close(out[1]);
  close(err[1]);
  close(fault[1]);
  int why = 0;
  const bool failed = pid_ < 0 || read(fault[0], &why, sizeof why) > 0;  // its end tells that the program runs
  close(fault[0]);
  if (failed) {
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    Fail("cannot start " + binary);
  }
  output_.fd = out[0];
  error_.fd = err[0];
  output_.reader = std::thread([this] { Read(&output_); });
  if (input.read_error) error_.reader = std::thread([this] { Read(&error_); });
  else error_.ended = true;
  reaper_ = std::thread([this] { Reap(); });
}

Process::~Process() {
  Signal(SIGKILL);
  reaper_.join();
  output_.reader.join();
  if (error_.reader.joinable()) error_.reader.join();
  close(output_.fd);
  close(error_.fd);
}

void Process::Read(Stream* stream) {
  char buffer[4096];
  for (ssize_t size; (size = read(stream->fd, buffer, sizeof buffer)) > 0;) {
    std::lock_guard<std::mutex> lock(mutex_);
    stream->text.append(buffer, static_cast<size_t>(size));
    changed_.notify_all();
  }
  std::lock_guard<std::mutex> lock(mutex_);
  stream->ended = true;
  changed_.notify_all();
}

/// The process is left a zombie until the lock is held, so that a signal never goes to another one with its number.
void Process::Reap() {
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  std::lock_guard<std::mutex> lock(mutex_);
  int status = 0;
  waitpid(pid_, &status, 0);
  exited_ = true;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  changed_.notify_all();
}

void Process::Signal(int number) const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!exited_) kill(pid_, number);
}

bool Process::running() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return !exited_;
}

size_t Process::CountInError(const std::string& text) const {
  size_t count = 0;
  for (size_t at = error_.text.find(text); at != std::string::npos; at = error_.text.find(text, at + text.size())) ++count;
  return count;
}

bool Process::WaitForError(const std::string& text, size_t times) {
  std::unique_lock<std::mutex> lock(mutex_);
  auto found = [&] { return CountInError(text) >= times; };
  changed_.wait_for(lock, std::chrono::seconds(kDeadlineSeconds), [&] { return found() || error_.ended; });
  return found();
}

bool Process::WaitForOutput(const std::string& text, int seconds) {
  std::unique_lock<std::mutex> lock(mutex_);
  auto found = [&] { return output_.text.find(text) != std::string::npos; };
  changed_.wait_for(lock, std::chrono::seconds(seconds), [&] { return found() || output_.ended; });
  return found();
}

bool Process::CountsError(const std::string& text, size_t times) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return CountInError(text) >= times;
}

int Process::Wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(kDeadlineSeconds), [&] { return exited_ && output_.ended && error_.ended; });
  return exited_ ? code_ : -1;
}

std::string Process::output() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return output_.text;
}

std::string Process::error() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return error_.text;
}

}  // namespace notifyd::test
