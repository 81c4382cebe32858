#include "base/standard_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace notifyd {
namespace {

std::atomic<int> first_fault{0};  // errno
std::atomic<bool> dies_of_pipe{false};

bool Note(bool done) {
  if (!done) {
    int none = 0;
    first_fault.compare_exchange_strong(none, errno == 0 ? EIO : errno);
  }
  return first_fault == 0;
}

}  // namespace

void OpenStandardDescriptors() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // The wrong way round, so that its use fails as before; what goes to standard error is for nobody.
    int opened = open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
    if (opened >= 0 && opened != fd) {
      dup2(opened, fd);
      close(opened);
    }
  }
  struct sigaction before {};
  if (sigaction(SIGPIPE, nullptr, &before) == 0) dies_of_pipe = before.sa_handler == SIG_DFL;
  std::signal(SIGPIPE, SIG_IGN);
}

bool PrintOut(std::string_view text) {
  errno = 0;
  return Note(std::fwrite(text.data(), 1, text.size(), stdout) == text.size());
}

bool FlushOut() {
  // A write that failed between two calls of these left its mark, though no reason.
  bool marked = std::ferror(stdout) != 0;
  errno = 0;
  return Note(std::fflush(stdout) == 0 && !marked);
}

int EndOutput(const char* program, int code) {
  if (FlushOut()) return code;
  int fault = first_fault;
  if (fault == EPIPE && dies_of_pipe) {
    std::signal(SIGPIPE, SIG_DFL);
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    raise(SIGPIPE);
    pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr);
  }
  std::fprintf(stderr, "%s: cannot write to standard output: %s\n", program, std::strerror(fault));
  return code == 0 ? 1 : code;
}

}  // namespace notifyd
