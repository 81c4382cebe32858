// Intake: between the thread that takes messages from the queue and the one that submits them. Messages go one way, in order; what is settled goes
// the other way, as the tag up to which all is. A connection that is lost takes its messages back: they come again with the next one.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "cli/bridge/amqp_link.h"

namespace notifyd {

class Intake {
 public:
  struct Batch {
    uint64_t connection = 0;
    std::vector<AmqpDelivery> deliveries;  // in order, one at least
  };

  /// `wake`: called, from any thread, where the thread of the queue has something to do: Settle, SetBrokerThere, Stop.
  explicit Intake(std::function<void()> wake) : wake_(std::move(wake)) {}

  // The thread of the queue.
  /// A connection begins: what was added before is forgotten, and what is settled of it acknowledges nothing.
  void Begin();
  void Add(AmqpDelivery delivery);
  /// The tag up to which all of this connection is settled; 0: none is yet.
  uint64_t settled() const;
  /// Of all that was added and is not settled.
  size_t held() const;
  size_t held_bytes() const;

  // The thread that submits.
  /// Waits for messages, `most` of them and `most_bytes` at most but for the first. Nothing once it is stopped, and where none has come for
  /// `wait_ms`.
  std::optional<Batch> Take(size_t most, size_t most_bytes, int64_t wait_ms);
  /// Settled are `tag` and all before it.
  void Settle(uint64_t connection, uint64_t tag);
  /// Is the connection gone, or all of it to stop? Then nothing more of the batch is to be begun.
  bool Gone(uint64_t connection) const;
  /// Waits so long, or until Gone.
  void Pause(uint64_t connection, int64_t ms);

  // Both, and others.
  void Stop();
  bool stopped() const;
  /// Does the broker take submits, as far as is known? While it does not, no connection is made.
  void SetBrokerThere(bool there);
  bool broker_there() const;
  /// The number of the connection; 0: there was none yet.
  uint64_t connection() const;

 private:
  struct Held {
    uint64_t tag = 0;
    size_t bytes = 0;
  };

  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<AmqpDelivery> waiting_;
  std::deque<Held> held_;  // waiting, or taken and not settled
  size_t held_bytes_ = 0;
  uint64_t connection_ = 0, settled_ = 0;
  bool stopped_ = false, broker_there_ = false;
};

}  // namespace notifyd
