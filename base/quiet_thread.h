// A thread to which no signal comes that is for others.
#pragma once

#include <signal.h>

#include <functional>
#include <thread>
#include <utility>

namespace notifyd {

/// Runs `body` on a thread of its own. Signals are for the threads that ask for them; SIGPROF alone, which is about whoever runs, comes there too.
inline std::thread StartQuietThread(std::function<void()> body) {
  sigset_t most, before;
  sigfillset(&most);
  sigdelset(&most, SIGPROF);
  pthread_sigmask(SIG_SETMASK, &most, &before);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

/// How often such a thread looks whether it is to stop, while it waits for somebody outside.
inline constexpr int kLookMs = 50;

}  // namespace notifyd
