#include "net/api/failed_attempts.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "net/peer.h"

namespace notifyd {

void FailedAttempts::Answer(uint64_t token, const HttpRequest& head, Refusal refusal, bool body_waits, MonoTime now) {
  static const Peer kNobody{};
  const Peer& peer = head.peer ? *head.peer : kNobody;
  LogIt(peer, head, refusal, now);
  const int64_t delay_ms = timer_ ? delays_.Failed(peer.Name(), now) : 0;
  if (delay_ms == 0) return responder_->Respond(token, std::move(refusal.response));
  if (body_waits) responder_->PauseBody(token);
  held_.emplace(MonoTime{now.ms + delay_ms}, Held{token, std::move(refusal.response)});
  Arm(now);
}

void FailedAttempts::OnClose(uint64_t token) {
  auto found = std::find_if(held_.begin(), held_.end(), [&](const auto& each) { return each.second.token == token; });
  if (found == held_.end()) return;
  held_.erase(found);
  delays_.Answered();
}

/// The target is left out: it is whatever the stranger likes, and as long.
void FailedAttempts::LogIt(const Peer& peer, const HttpRequest& head, const Refusal& refusal, MonoTime now) {
  if (std::exchange(second_, now.ms / 1000) != now.ms / 1000) lines_ = 0;
  if (lines_ >= kMostLines) {
    ++unwritten_;
    return;
  }
  ++lines_;
  Log(LogLevel::kWarn, "credential refused",
      {{"peer", peer.Name()}, {"reason", refusal.reason}, {"token", refusal.token_id}, {"method", head.method}, {"unwritten", unwritten_}});
  unwritten_ = 0;
}

/// Sees to it that the timer goes off for the first of them.
void FailedAttempts::Arm(MonoTime now) {
  if (held_.empty()) return;
  const MonoTime due = held_.begin()->first;
  if (armed_for_.ms > now.ms && armed_for_ <= due) return;
  armed_for_ = due;
  timer_(std::max<int64_t>(1, due.ms - now.ms), [this] { Release(); });
}

void FailedAttempts::Release() {
  // The timer may go off a little early by the clock that `now` was read from: what it was set for is due.
  const MonoTime due = armed_for_;
  armed_for_ = MonoTime{0};
  while (!held_.empty() && held_.begin()->first <= due) {
    Held held = std::move(held_.begin()->second);
    held_.erase(held_.begin());
    delays_.Answered();
    responder_->Respond(held.token, std::move(held.response));
  }
  Arm(due);
}

}  // namespace notifyd
