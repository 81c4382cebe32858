// Signals: SIGTERM, SIGINT, SIGHUP and SIGUSR1, taken by a thread of their own.
//
// I1. They are blocked in every thread, so that one that nobody has taken yet stays pending: over exec too, until the process that follows takes it.
//     That holds for threads that are made after the constructor.
#pragma once

#include <csignal>
#include <functional>
#include <mutex>
#include <thread>

namespace notifyd {

class Signals {
 public:
  /// Blocks them for good. Until Serve `early` is called with SIGTERM, SIGINT and SIGHUP, on the thread of the signals; SIGUSR1 stays pending.
  explicit Signals(std::function<void(int signal_number)> early);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Until Serve SIGUSR1 comes to `waiting`, and SIGHUP does behind `early`, on the thread of the signals. Null: nobody is told any more, and no call
  /// is under way.
  void WhileWaiting(std::function<void(int)> waiting);
  /// From now on all four come to `handler`, on the thread of the signals; so does, again, a SIGHUP that came before.
  void Serve(std::function<void(int signal_number)> handler);
  /// What comes from now on stays pending; once it returns no handler runs any more. Any thread, but not from a handler.
  void Stop();

 private:
  void Take();
  void TellWaiting(int number);

  std::mutex stop_mutex_;  // held by whoever stops it
  std::mutex mutex_;
  std::function<void(int)> handler_;  // guarded by mutex_, like the next
  bool all_ = false;                  // Serve was called
  bool waits_ = false;                // there is a `waiting_`
  bool hung_up_ = false;              // a SIGHUP came before
  bool stopping_ = false;
  std::mutex waiting_mutex_;  // held while it is called
  std::function<void(int)> waiting_;
  std::thread thread_;
};

/// "SIGTERM" and so on.
const char* SignalName(int signal_number);

}  // namespace notifyd
