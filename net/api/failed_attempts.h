// FailedAttempts: what becomes of whoever shows a wrong credential: a line in the log, and an answer that is held back. One a loop, on its thread.
// Contract section 8.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/time.h"
#include "net/access/failure_delays.h"
#include "net/api/access.h"
#include "net/http.h"

namespace notifyd {

class FailedAttempts {
 public:
  /// Lines a second; those beyond are counted in the next one.
  static constexpr int kMostLines = 20;
  /// Runs `task` on the loop in so many milliseconds; a later call takes the place of the one before.
  using Timer = std::function<void(int64_t delay_ms, std::function<void()> task)>;

  /// Where `timer` is empty nothing is held back.
  explicit FailedAttempts(Timer timer) : timer_(std::move(timer)) {}
  /// Borrowed; before the first of them.
  void SetResponder(HttpResponder* responder) { responder_ = responder; }

  /// Answers `token`, sooner or later. `refusal` has a reason. `body_waits`: its request's body comes in pieces, and is not read meanwhile.
  void Answer(uint64_t token, const HttpRequest& head, Refusal refusal, bool body_waits, MonoTime now);
  /// Its client went away.
  void OnClose(uint64_t token);

 private:
  struct Held {
    uint64_t token;
    HttpResponse response;
  };
  void LogIt(const Peer& peer, const HttpRequest& head, const Refusal& refusal, MonoTime now);
  void Arm(MonoTime now);
  void Release();

  const Timer timer_;
  HttpResponder* responder_ = nullptr;
  FailureDelays delays_;
  std::multimap<MonoTime, Held> held_;  // FailureDelays::kMostHeld at most; by when they go out
  MonoTime armed_for_{0};
  int64_t second_ = 0;
  int lines_ = 0;         // in it
  uint64_t unwritten_ = 0;  // attempts without a line, since the last one
};

}  // namespace notifyd
