// ThreadedServer: listens on loopback and runs a function for each connection, on a thread of its own. What the function does is the server's part.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "support/sockets.h"

namespace notifyd {

class ThreadedServer {
 public:
  /// `number`: 0, 1, ... in the order of the accepts. The connection is closed when it returns.
  using Serve = std::function<void(Stream& stream, int number)>;

  /// `address`: an IPv4 literal; "0.0.0.0" is reached at every address of 127.0.0.0/8. `port`: 0 takes a free one. `receive_buffer_bytes` bounds what
  /// clients get rid of before it is read; 0: as the system has it.
  explicit ThreadedServer(Serve serve, const std::string& address = "127.0.0.1", uint16_t port = 0, int receive_buffer_bytes = 0);
  /// Cuts all connections and waits for the threads. Members that `serve` uses must outlive this.
  ~ThreadedServer();
  ThreadedServer(const ThreadedServer&) = delete;

  uint16_t port() const { return port_; }
  int accepted() const { return accepted_; }
  /// Waits until at most so many connections are open.
  void WaitForOpen(size_t most);

 private:
  void Accept();
  void Run(int fd, int number, std::list<std::thread>::iterator self);

  const Serve serve_;
  const int listener_;
  const uint16_t port_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> accepted_{0};
  std::mutex mutex_;
  std::condition_variable closed_;
  std::list<int> open_;  // guarded by mutex_, as all below
  std::list<std::thread> threads_, ended_;
  std::thread accepter_;
};

}  // namespace notifyd
