#include "cli/bridge/intake.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace notifyd {

void Intake::Begin() {
  std::lock_guard lock(mutex_);
  ++connection_;
  waiting_.clear();
  held_.clear();
  held_bytes_ = 0;
  settled_ = 0;
  changed_.notify_all();
}

void Intake::Add(AmqpDelivery delivery) {
  std::lock_guard lock(mutex_);
  const size_t bytes = delivery.message.bytes();
  held_.push_back({delivery.tag, bytes});
  held_bytes_ += bytes;
  waiting_.push_back(std::move(delivery));
  changed_.notify_all();
}

uint64_t Intake::settled() const {
  std::lock_guard lock(mutex_);
  return settled_;
}

size_t Intake::held() const {
  std::lock_guard lock(mutex_);
  return held_.size();
}

size_t Intake::held_bytes() const {
  std::lock_guard lock(mutex_);
  return held_bytes_;
}

std::optional<Intake::Batch> Intake::Take(size_t most, size_t most_bytes, int64_t wait_ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(wait_ms), [&] { return stopped_ || !waiting_.empty(); });
  if (stopped_ || waiting_.empty()) return std::nullopt;
  Batch batch{connection_, {}};
  size_t bytes = 0;
  while (!waiting_.empty() && batch.deliveries.size() < most) {
    bytes += waiting_.front().message.bytes();
    if (!batch.deliveries.empty() && bytes > most_bytes) break;
    batch.deliveries.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return batch;
}

void Intake::Settle(uint64_t connection, uint64_t tag) {
  {
    std::lock_guard lock(mutex_);
    if (connection != connection_) return;
    settled_ = std::max(settled_, tag);
    while (!held_.empty() && held_.front().tag <= tag) {
      held_bytes_ -= held_.front().bytes;
      held_.pop_front();
    }
  }
  wake_();
}

bool Intake::Gone(uint64_t connection) const {
  std::lock_guard lock(mutex_);
  return stopped_ || connection != connection_;
}

void Intake::Pause(uint64_t connection, int64_t ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return stopped_ || connection != connection_; });
}

void Intake::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  wake_();
}

bool Intake::stopped() const {
  std::lock_guard lock(mutex_);
  return stopped_;
}

void Intake::SetBrokerThere(bool there) {
  {
    std::lock_guard lock(mutex_);
    broker_there_ = there;
  }
  wake_();
}

bool Intake::broker_there() const {
  std::lock_guard lock(mutex_);
  return broker_there_;
}

uint64_t Intake::connection() const {
  std::lock_guard lock(mutex_);
  return connection_;
}

}  // namespace notifyd
