// AlertSender: where the attempts of `system` go, whose notifies are messages of alerts. Their notifies name a target by its id alone; here it
// becomes what the file says of it by now: a call, signed, which the sender of all calls makes; or a mail, or a line of the log, which are made
// here, on threads of its own that may block: so that a server of mail that hangs holds up no other target. A message that the store does not take
// goes the same way, as an attempt with the number kUnstored, which is none of the core's.
//
// I1  Exactly one AttemptEnded is posted for each attempt that Take or SendUnstored keeps, from such a thread, unless Stop comes first.
// I2  What is secret of a target is in no notify, no log and no answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "broker/alert_events.h"
#include "broker/ports.h"
#include "net/alerts/mail.h"

namespace notifyd {

class AlertSender {
 public:
  /// The core counts attempts from 1.
  static constexpr uint32_t kUnstored = 0;

  /// `sink` is borrowed; `wall` reads the clock. Threads are made when something needs them, 32 at most.
  AlertSender(EventSink* sink, std::function<WallTime()> wall);
  /// Stops.
  ~AlertSender();

  // Any thread, all of these.
  /// What the file says from now on; for attempts that begin.
  void SetSettings(std::shared_ptr<const AlertSettings> settings, MailOptions mail);
  /// An attempt of `system`. Returns the call to make for it; nothing: it is taken care of.
  std::optional<StartAttempt> Take(StartAttempt attempt);
  /// A message that the store did not take: sent once, now, and forgotten whatever becomes of it but for the log, since it is sent again once it is
  /// stored. Returns as Take.
  std::optional<StartAttempt> SendUnstored(AlertUnstored message);
  /// Is it the end of an attempt that SendUnstored began? Then it is logged, and the core must not hear of it.
  bool TakeUnstoredEnd(const AttemptEnded& ended);
  /// For good: no AttemptEnded follows. Waits for what is being sent.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
