#include "cli/client/stop_signal.h"

#include <csignal>

#include "base/standard_output.h"

namespace notifyd {
namespace {

volatile std::sig_atomic_t stop_signal = 0;

}  // namespace

bool StopAsked() {
  static const bool heard = [] {
    struct sigaction action {};
    action.sa_handler = [](int signal) { stop_signal = signal; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);  // nobody is kept from ending it at once
    for (int signal : {SIGINT, SIGTERM}) {
      struct sigaction before {};
      // Whoever began it in the background may not want it to be stopped so.
      if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
    }
    return true;
  }();
  return heard && stop_signal != 0;
}

void EndByStopSignal() {
  FlushOut();
  std::raise(stop_signal);
}

}  // namespace notifyd
