// The two ends of a measurement: Workload writes the notifies that the client submits, Arrivals recognises them at the receiver.
// Each notify carries its number in its data, {"n":17,...} (payload.h); its lane is the number modulo the number of lanes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/client.h"
#include "bench/distribution.h"
#include "bench/payload.h"
#include "bench/receiver.h"

namespace notifyd::bench {

struct WorkloadPlan {
  std::string url;
  uint64_t first = 0;  // number of the first notify
  uint64_t count = 0;
  uint64_t batch = 1;
  uint64_t payload_bytes = 256;  // of the data as sent; at least 40
  uint64_t lanes = 1;
  std::string lane_name = "bench";          // lane number k is "<lane_name>-<k>"
  bool fifo = false;                        // then every lane belongs to one connection
  int connections = 1;                      // in a fifo workload not more than lanes
  std::string more_fields;                  // JSON members with a comma in front
  std::function<int64_t(uint64_t)> due_ms;  // since the epoch, by number; none: at once
  uint64_t seed = 1;
  int64_t until_ns = 0;  // monotonic: nothing is submitted from then on, and `count` is only the most; 0: all of them
};

constexpr int64_t kHourMs = 3'600'000;

/// Notifies that are never called: due at some moment of the `spread_ms` that begin `ahead_ms` from now, a function of seed and number, since
/// millions of them need not be kept. Batches of 1,000 over four connections.
WorkloadPlan FarOffPlan(uint64_t seed, int64_t ahead_ms, int64_t spread_ms);

/// Used on the client's thread, except SubmittedAtNs.
class Workload final : public RequestSource {
 public:
  explicit Workload(WorkloadPlan plan);

  /// Says where the notifies go, where the plan does not. Before the first Next.
  void SetUrl(const std::string& url);
  size_t Next(int connection, int64_t now_ns, std::string* body) override;
  /// Returns when it was sent, by the monotonic clock; 0 where it was not yet. Any thread.
  int64_t SubmittedAtNs(uint64_t number) const { return sent_ns_[number - plan_.first].load(std::memory_order_relaxed); }

 private:
  /// Returns the next number for this connection, or none.
  bool Take(int connection, uint64_t* number);
  void Write(uint64_t number, std::string* body) const;

  WorkloadPlan plan_;
  Payloads payloads_;
  std::string before_lane_;
  uint64_t next_ = 0;  // of all connections, where order does not matter
  struct Cursor {
    uint64_t lane = 0;
    uint64_t round = 0;
  };
  std::vector<Cursor> cursors_;  // by connection, in a fifo workload
  std::unique_ptr<std::atomic<int64_t>[]> sent_ns_;
};

/// Reads the number that the data of a notify begins with. False where there is none.
bool NumberOf(std::string_view body, uint64_t* number);

struct ArrivalsPlan {
  uint64_t count = 0;  // numbers 0 up to count - 1
  uint64_t lanes = 1;
  bool fifo = false;
  const Workload* workload = nullptr;            // for the latency from submit to arrival
  const std::vector<int64_t>* due_ms = nullptr;  // for the lateness, by number
};

/// Filled on the receiver's thread; unique() may be read any time, the rest once the receiver has stopped.
class Arrivals final : public RequestObserver {
 public:
  explicit Arrivals(ArrivalsPlan plan);
  void OnRequest(const ReceivedRequest& request) override;

  uint64_t unique() const { return unique_.load(std::memory_order_relaxed); }
  uint64_t duplicates() const { return duplicates_; }
  /// First arrivals whose number is below one that arrived in the same lane before.
  uint64_t order_violations() const { return order_violations_; }
  /// Requests without a number, or with one that was never submitted.
  uint64_t strangers() const { return strangers_; }
  uint64_t early() const { return early_; }
  const Distribution& latency() const { return latency_; }
  const Distribution& lateness() const { return lateness_; }
  int64_t last_arrival_ns() const { return last_arrival_ns_; }

 private:
  ArrivalsPlan plan_;
  std::vector<bool> seen_;
  std::vector<int64_t> highest_;  // by lane
  std::atomic<uint64_t> unique_{0};
  uint64_t duplicates_ = 0, order_violations_ = 0, strangers_ = 0, early_ = 0;
  int64_t last_arrival_ns_ = 0;
  Distribution latency_, lateness_;
};

/// How many requests arrived, and when the last one did. Filled on the receiver's thread, read on any.
class Counter final : public RequestObserver {
 public:
  void OnRequest(const ReceivedRequest& request) override {
    last_arrival_ns_ = request.arrived_mono_ns;
    ++count_;
  }
  uint64_t count() const { return count_; }
  int64_t last_arrival_ns() const { return last_arrival_ns_; }

 private:
  std::atomic<uint64_t> count_{0};
  std::atomic<int64_t> last_arrival_ns_{0};
};

}  // namespace notifyd::bench
