// CoreHost: runs the core on one loop: takes the mailbox once a turn, hands all events to the driver in one go, and sleeps until the core's next
// wake; what was logged is written at the end of turns. All on that loop's thread, but ready().
//
// I1. The core runs only where there are events or a wake is due.
// I2. The loop never sleeps past the next wake, nor longer than kSleepMostMs, so that a step of the wall clock is seen by then.
#pragma once

#include <atomic>
#include <functional>

#include "broker/driver.h"
#include "cli/daemon/clocks.h"
#include "cli/daemon/mailbox.h"
#include "net/loop.h"

namespace notifyd {

class CoreHost {
 public:
  static constexpr int kTimerSlot = 0;
  static constexpr int64_t kSleepMostMs = 500;

  /// All are borrowed and must outlive the host. `flush` is called after each run of the driver. Installs itself as the loop's turn and the
  /// mailbox's wake-up. Call before the loop runs.
  CoreHost(Loop* loop, Mailbox* mailbox, Core* core, Driver* driver, const BrokerClock* clock, std::function<void()> flush);

  /// What the core said last: it takes submits. Any thread.
  bool ready() const { return ready_.load(std::memory_order_relaxed); }

 private:
  void Turn();
  void ArmTimer(const Now& now);

  Loop* loop_;
  Mailbox* mailbox_;
  Core* core_;
  Driver* driver_;
  const BrokerClock* clock_;
  std::function<void()> flush_;
  Wake wake_{WallTime{0}, MonoTime{0}};  // due at once: the first turn asks the core what it needs
  bool armed_ = false;
  bool adopted_ = false;
  std::atomic<bool> ready_{false};
};

}  // namespace notifyd
