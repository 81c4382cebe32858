// CaptureRoom: room among the answers that are captured at once (SenderOptions::max_captured_bytes), from an attempt's start until nobody holds what
// it brought. Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "broker/response.h"

namespace notifyd {

class CaptureRoom {
 public:
  CaptureRoom() = default;
  /// Takes that room of `used`, whoever else has some.
  CaptureRoom(std::shared_ptr<std::atomic<size_t>> used, size_t bytes) : used_(std::move(used)), bytes_(bytes) { used_->fetch_add(bytes_); }
  CaptureRoom(CaptureRoom&& other) noexcept : used_(std::move(other.used_)), bytes_(std::exchange(other.bytes_, 0)) {}
  CaptureRoom& operator=(CaptureRoom&& other) noexcept {
    std::swap(used_, other.used_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~CaptureRoom() {
    if (used_) used_->fetch_sub(bytes_);
  }

  /// Gives back what is more than `bytes`.
  void Shrink(size_t bytes) {
    if (!used_ || bytes >= bytes_) return;
    used_->fetch_sub(bytes_ - bytes);
    bytes_ = bytes;
  }
  /// The response, which holds the room as long as anybody holds it.
  static std::shared_ptr<Response> Held(std::shared_ptr<Response> response, CaptureRoom room) {
    struct Both {
      Response response;
      CaptureRoom room;
    };
    room.Shrink(response->body.size());
    auto both = std::make_shared<Both>(Both{std::move(*response), std::move(room)});
    return {both, &both->response};
  }

 private:
  std::shared_ptr<std::atomic<size_t>> used_;
  size_t bytes_ = 0;
};

}  // namespace notifyd
