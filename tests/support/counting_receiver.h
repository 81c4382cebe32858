// A fast HTTP receiver that keeps what was delivered to it, in order: one epoll thread for all connections, bodies by Content-Length only. It can
// withhold its answers, so that a test knows what is in flight, and tells deliveries of one run of the broker from those of the next.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace notifyd::test {

struct Delivery {
  std::string body;
  std::string id;   // Notify-Id
  int attempt = 0;  // Notify-Attempt
  int run = 0;      // how often NextRun was called before it came
};

class CountingReceiver {
 public:
  /// The status to answer with. Called on the receiver's thread.
  using Answer = std::function<int(const Delivery& delivery)>;
  explicit CountingReceiver(Answer answer = [](const Delivery&) { return 200; });
  ~CountingReceiver();
  CountingReceiver(const CountingReceiver&) = delete;
  CountingReceiver& operator=(const CountingReceiver&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  /// From here on requests are kept, but answered only after Release.
  void Withhold() { withholding_ = true; }
  void Release();
  /// Until so many have come in all; false where none comes for the length of the deadline.
  bool WaitFor(size_t count);
  /// Until so many wait for Release; false at the deadline.
  bool WaitForWithheld(size_t count);
  /// After the broker was killed: until all that it had sent is read and its connections are gone; what comes then is of the next run. False at
  /// the deadline.
  bool NextRun();

  size_t count() const;
  std::vector<Delivery> deliveries() const;
  /// Those that wait for Release.
  std::vector<Delivery> withheld() const;

 private:
  struct Connection {
    std::string unread;
    std::optional<size_t> withheld;  // index in deliveries_ of the request that waits for its answer
  };
  void Serve();
  void Accept();
  void ReadFrom(int fd);
  /// Takes whole requests out of what was read; false where the connection is to be closed.
  bool TakeRequests(int fd, Connection* connection);
  bool AnswerOne(int fd, const Delivery& delivery);
  void AnswerWithheld();
  void Close(int fd);

  Answer answer_;
  int listener_ = -1, epoll_ = -1, wake_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> withholding_{false}, stopping_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Delivery> deliveries_;
  std::set<size_t> withheld_;  // indexes in deliveries_
  int quiet_ = 0;              // how often there was no connection and nothing to read, since it was last set to 0
  int run_ = 0;
  std::map<int, Connection> connections_;  // the receiver's thread only
  std::thread thread_;
};

}  // namespace notifyd::test
