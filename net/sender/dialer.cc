// Addresses one after the other, side by side where they are slow.
#include "net/sender/dialer.h"

#include <uv.h>

#include <utility>

namespace notifyd {

void Dialer::Start(PlainConnection::Shared* shared, const DestinationPolicy* policy, const std::vector<IpAddress>& addresses, uint16_t port,
                   int64_t now_ms) {
  shared_ = shared;
  policy_ = policy;
  addresses_ = addresses;
  next_ = 0;
  port_ = port;
  error_ = UV_EADDRNOTAVAIL;
  tried_ = false;
  refusal_.clear();
  TryNext(now_ms);
}

void Dialer::OnTime(int64_t now_ms) {
  if (now_ms >= due_ms_) TryNext(now_ms);
}

void Dialer::TryNext(int64_t now_ms) {
  due_ms_ = DeadlineWheel::kNever;
  while (next_ < addresses_.size()) {
    const IpAddress& address = addresses_[next_++];
    if (std::optional<std::string> refusal = policy_->Refusal(address, port_)) {
      if (refusal_.empty()) refusal_ = *std::move(refusal);
      continue;
    }
    tried_ = true;
    auto* connection = new PlainConnection(shared_);
    const int error = connection->Connect(address, port_, this);
    if (error != 0) {
      error_ = error;
      connection->Close();
      continue;
    }
    trying_.push_back(connection);
    if (next_ < addresses_.size()) due_ms_ = now_ms + kNextMs;
    return;
  }
  if (trying_.empty()) owner_->OnDialFailed(error_, tried_ ? std::string() : refusal_);
}

void Dialer::OnConnected(PlainConnection* connection, int status) {
  std::erase(trying_, connection);
  if (status != 0) {
    error_ = status;
    connection->Close();
    return TryNext(MonotonicMs());
  }
  Stop();
  owner_->OnDialed(connection);
}

void Dialer::Stop() {
  due_ms_ = DeadlineWheel::kNever;
  next_ = addresses_.size();
  for (PlainConnection* connection : trying_) connection->Close();
  trying_.clear();
}

}  // namespace notifyd
