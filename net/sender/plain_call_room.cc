// A call's room for what it captures of its answer: taken as the bytes come, never before. Where there is none its answer stays with the receiver for
// a while (of HTTP/1.1 it is not read, of HTTP/2 its stream's window is not opened), and is cut then: an outcome is worth more than the whole of a
// body.
#include <algorithm>
#include <utility>

#include "net/sender/plain_call.h"

namespace notifyd {
namespace {

/// Room is taken for so much at a time, which is more than one read can bring; where there is little, for no less than that.
constexpr size_t kRoomPieceBytes = 96 << 10;
constexpr size_t kLeastRoomBytes = 4 << 10;
/// What TLS may hold of earlier reads: all of a record but its last byte.
constexpr size_t kTlsRecordBytes = 17 << 10;
/// An attempt waits for room for so long, all in all, and for no more than half of the time that is left to it.
constexpr int64_t kRoomMs = 10'000;

}  // namespace

bool PlainCall::TakeRoom() {
  const size_t kept = reader_.captured_bytes(), left = reader_.capture_left();
  if (left == 0) return true;
  // Of HTTP/2 a whole window may come.
  const size_t least = session_ != nullptr        ? Http2Session::kStreamBytes
                       : over()->tls() != nullptr ? kLeastRoomBytes + kTlsRecordBytes
                                                  : kLeastRoomBytes;
  return captures_.Extend(kept + std::min(left, least), kept + std::min(left, kRoomPieceBytes), kept + left);
}

size_t PlainCall::MayRead(PlainConnection* connection) {
  if (state_ != State::kAsking || reader_.capture_left() == 0) return SIZE_MAX;
  if (!TakeRoom()) {
    Starve(MonotonicMs());
    return 0;
  }
  const size_t ahead = captures_.bytes() - reader_.captured_bytes();
  if (ahead >= reader_.capture_left()) return SIZE_MAX;
  return connection->tls() != nullptr ? ahead - std::min(ahead - 1, kTlsRecordBytes) : ahead;
}

void PlainCall::OnStreamAnswer(bool usable) {
  SettleRoom();
  GoOn(usable, 0);
  // It may have ended, or gone elsewhere.
  if (state_ != State::kAsking || session_ == nullptr || !held_back()) return;
  if (starving_) {
    if (reader_.capture_left() > 0) return;
    // It was cut, or has all that is kept of it: it needs no room any more.
    EndStarving();
    Arm();
  }
  if (TakeRoom()) session_->LetMore(this);
  else Starve(MonotonicMs());
}

void PlainCall::SettleRoom() {
  if (attempt_.capture_bytes == 0) return;
  size_t kept = reader_.captured_bytes();
  const size_t left = reader_.capture_left();
  // What is there of a coded answer can be more than was read of it, and of HTTP/2 the first window comes unasked.
  if (kept > captures_.bytes() && !captures_.Extend(kept, kept, kept + left)) {
    kept = captures_.bytes();
    reader_.CutCapture(kept);
    config_->options.captured->NoteCut();
  }
  const size_t claim = kept + reader_.capture_left();
  // Of HTTP/2 more may come unasked: what was let.
  captures_.Shrink(session_ == nullptr ? kept : std::max(kept, std::min(claim, captures_.bytes())), claim);
}

void PlainCall::Starve(int64_t now_ms) {
  if (std::exchange(starving_, true)) return;
  starving_from_ms_ = now_ms;
  room_ms_ = now_ms + std::clamp<int64_t>((deadline_ms_ - now_ms) / 2, 0, std::max<int64_t>(0, kRoomMs - starved_ms_));
  Arm();
  shared_->starves(shared_->context, this, true);
}

void PlainCall::EndStarving() {
  if (!std::exchange(starving_, false)) return;
  starved_ms_ += MonotonicMs() - starving_from_ms_;
  room_ms_ = DeadlineWheel::kNever;
  shared_->starves(shared_->context, this, false);
}

void PlainCall::Feed() {
  if (!starving_ || !TakeRoom()) return;
  EndStarving();
  Arm();
  if (session_ != nullptr) session_->LetMore(this);
  else if (connection_ != nullptr) connection_->Resume();
}

void PlainCall::Cut() {
  EndStarving();
  config_->options.captured->NoteCut();
  reader_.CutCapture(std::min(reader_.captured_bytes(), captures_.bytes()));
  captures_.Shrink(reader_.captured_bytes(), 0);
  if (session_ != nullptr) session_->LetMore(this);
  else if (connection_ != nullptr) connection_->Resume();
}

}  // namespace notifyd
