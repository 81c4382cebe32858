// PrefetchPlan: how many messages the queue is asked for over each connection, so that all that is out fits into the bridge's memory and may be read.
// Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace notifyd {

class PrefetchPlan {
 public:
  /// `most`: 1 at least, what is asked for first.
  PrefetchPlan(uint16_t most, size_t buffer_bytes) : most_(most), buffer_bytes_(buffer_bytes), now_(most) {}

  uint16_t now() const { return now_; }
  /// So many messages are held: may be read? While there is room, and where all that was asked for is here, since then nothing comes.
  bool MayRead(size_t messages, size_t bytes) {
    most_held_bytes_ = std::max(most_held_bytes_, bytes);
    return bytes < buffer_bytes_ || messages == now_;
  }
  /// A connection is over. `filled_by`: how many messages had filled the memory, where what came behind them was not read to its end; else 0. The
  /// next one asks for half of these, for others may be larger; and for twice as many as before where most of the memory was never needed.
  void EndConnection(size_t filled_by) {
    if (filled_by > 0) now_ = static_cast<uint16_t>(std::clamp<size_t>(filled_by / 2, 1, now_));
    else if (most_held_bytes_ > 0 && most_held_bytes_ < buffer_bytes_ / 4) now_ = static_cast<uint16_t>(std::min(2 * now_, +most_));
    most_held_bytes_ = 0;
  }

 private:
  const uint16_t most_;
  const size_t buffer_bytes_;
  uint16_t now_;
  size_t most_held_bytes_ = 0;  // over this connection
};

}  // namespace notifyd
