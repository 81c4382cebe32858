#include "support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

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

}  // namespace

Process::Process(const std::string& binary, const Input& input) {
  std::vector<std::string> arguments = {binary}, environment = input.environment;
  arguments.insert(arguments.end(), input.arguments.begin(), input.arguments.end());
  for (char** entry = environ; *entry; ++entry)
    if (std::string_view(*entry).substr(0, 8) != "NOTIFYD_") environment.emplace_back(*entry);
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) Fail("pipe2");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input.stdin_file.c_str(), O_RDONLY, 0);
  if (input.stdout_file.empty()) posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  else posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, input.stdout_file.c_str(), O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  int fault = posix_spawnp(&pid_, binary.c_str(), &actions, nullptr, Pointers(arguments).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(err[1]);
  if (fault != 0) Fail("cannot start " + binary);
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

bool Process::WaitForOutput(const std::string& text) {
  std::unique_lock<std::mutex> lock(mutex_);
  auto found = [&] { return output_.text.find(text) != std::string::npos; };
  changed_.wait_for(lock, std::chrono::seconds(kDeadlineSeconds), [&] { return found() || output_.ended; });
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
