// DeadLetterQueue: what was refused, published to another queue of the server and confirmed there, with why in its headers. It has a connection of
// its own: a server that runs out of memory or disk stops reading from whoever publishes.
#pragma once

#include <memory>
#include <string>

#include "cli/bridge/amqp_link.h"
#include "cli/bridge/ports.h"

namespace notifyd {

class DeadLetterQueue : public DeadLetterPort {
 public:
  DeadLetterQueue(AmqpAddress address, std::string queue) : address_(std::move(address)), queue_(std::move(queue)) {}

  ~DeadLetterQueue() override {
    if (link_) link_->Close();
  }

  /// Connects where it is not connected, and looks for the queue. Errors: those of AmqpLink.
  Status Prepare();
  /// Errors: kUnavailable alone. A confirm that got lost makes it a second one in the queue.
  Status Keep(const RefusedMessage& refused) override;

 private:
  Status Publish(const RefusedMessage& refused);

  const AmqpAddress address_;
  const std::string queue_;
  std::unique_ptr<AmqpLink> link_;
};

}  // namespace notifyd
