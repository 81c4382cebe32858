#include "cli/daemon/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

#include "base/check.h"

namespace notifyd {
namespace {

/// Wakes the thread so that it looks at what was asked of it; sent to that thread alone.
int WakeSignal() {
  return SIGRTMIN;
}

sigset_t SetOf(bool all) {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGTERM, SIGINT, SIGHUP, WakeSignal()}) sigaddset(&set, number);
  if (all) sigaddset(&set, SIGUSR1);
  return set;
}

}  // namespace

Signals::Signals(std::function<void(int)> early) : handler_(std::move(early)) {
  sigset_t all = SetOf(true);
  CHECK(pthread_sigmask(SIG_BLOCK, &all, nullptr) == 0);
  thread_ = std::thread([this] { Take(); });
}

Signals::~Signals() {
  Stop();
}

void Signals::Serve(std::function<void(int)> handler) {
  std::lock_guard<std::mutex> lock(mutex_);
  handler_ = std::move(handler);
  all_ = true;
  pthread_kill(thread_.native_handle(), hung_up_ ? SIGHUP : WakeSignal());
}

void Signals::WhileWaiting(std::function<void(int)> waiting) {
  std::lock_guard<std::mutex> calls(waiting_mutex_);
  waiting_ = std::move(waiting);
  std::lock_guard<std::mutex> lock(mutex_);
  waits_ = waiting_ != nullptr;
  if (thread_.joinable()) pthread_kill(thread_.native_handle(), WakeSignal());
}

/// A SIGUSR1 that was taken as nobody waits any more is whoever's who serves then.
void Signals::TellWaiting(int number) {
  std::lock_guard<std::mutex> calls(waiting_mutex_);
  if (waiting_) waiting_(number);
  else if (number == SIGUSR1) kill(getpid(), SIGUSR1);
}

void Signals::Stop() {
  std::lock_guard<std::mutex> stops(stop_mutex_);
  if (!thread_.joinable()) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    pthread_kill(thread_.native_handle(), WakeSignal());
  }
  thread_.join();
}

void Signals::Take() {
  for (;;) {
    sigset_t set;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) return;
      set = SetOf(all_ || waits_);
    }
    int number = 0;
    if (sigwait(&set, &number) != 0 || number == WakeSignal()) continue;
    std::function<void(int)> handler;
    bool early = false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      handler = handler_;
      early = !all_;
      if (number == SIGHUP && early) hung_up_ = true;
    }
    if (!early || number != SIGUSR1) handler(number);
    if (early && (number == SIGUSR1 || number == SIGHUP)) TellWaiting(number);
  }
}

const char* SignalName(int signal_number) {
  switch (signal_number) {
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    case SIGHUP:
      return "SIGHUP";
    case SIGUSR1:
      return "SIGUSR1";
    default:
      return "another signal";
  }
}

}  // namespace notifyd
