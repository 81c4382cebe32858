// Addresses one after the other, side by side where they are slow.
#include "net/sender/dialer.h"

#include <uv.h>

#include <algorithm>
#include <utility>

namespace notifyd {

void Dialer::Start(PlainConnection::Shared* shared, Way way, const std::vector<IpAddress>& addresses, int64_t now_ms) {
  shared_ = shared;
  way_ = std::move(way);
  addresses_ = addresses;
  next_ = 0;
  failure_ = {.refusal = {}, .error = UV_EADDRNOTAVAIL, .tls = {}};
  tried_ = false;
  TryNext(now_ms);
}

void Dialer::OnTime(int64_t now_ms) {
  if (now_ms < due_ms_) return;
  if (!way_.handshakes_beside && securing()) due_ms_ = now_ms + kNextMs;
  else TryNext(now_ms);
}

bool Dialer::securing() const {
  return std::any_of(trying_.begin(), trying_.end(), [](const PlainConnection* each) { return each->tls() != nullptr; });
}

void Dialer::TryNext(int64_t now_ms) {
  due_ms_ = DeadlineWheel::kNever;
  while (next_ < addresses_.size()) {
    const IpAddress& address = addresses_[next_++];
    if (std::optional<std::string> refusal = way_.policy->Refusal(address, way_.port)) {
      if (failure_.refusal.empty()) failure_.refusal = *std::move(refusal);
      continue;
    }
    tried_ = true;
    auto* connection = new PlainConnection(shared_);
    const int error = connection->Connect(address, way_.port, this);
    if (error != 0) {
      failure_.error = error;
      connection->Close();
      continue;
    }
    trying_.push_back(connection);
    if (next_ >= addresses_.size()) return;
    due_ms_ = now_ms + kNextMs;
    return owner_->OnDueChanged();
  }
  if (!trying_.empty()) return;
  if (tried_) failure_.refusal.clear();
  const DialFailure failure = std::move(failure_);
  owner_->OnDialFailed(failure);
}

void Dialer::OnConnected(PlainConnection* connection, int status) {
  if (status == 0 && way_.tls != nullptr && connection->tls() == nullptr) {
    if (!way_.handshakes_beside) CloseOthers(connection);
    if (connection->Secure(way_.tls, way_.tls_name, way_.tls_options)) return;
    status = UV_EPROTO;
  }
  const auto at = std::find(trying_.begin(), trying_.end(), connection);
  if (status == 0) {
    for (auto each = trying_.begin(); each != at; ++each) owner_->OnAddressFailed((*each)->address());
    trying_.erase(at);
    Stop();
    return owner_->OnDialed(connection);
  }
  trying_.erase(at);
  if (connection->tls() != nullptr) {
    const std::string& why = connection->tls()->failure();
    failure_.tls = why.empty() ? "the connection was lost within the TLS handshake: " + std::string(uv_strerror(status)) : "TLS: " + why;
  } else {
    failure_.error = status;
  }
  owner_->OnAddressFailed(connection->address());
  connection->Close();
  TryNext(MonotonicMs());
}

void Dialer::CloseOthers(const PlainConnection* connection) {
  for (PlainConnection* each : trying_) {
    if (each == connection) continue;
    addresses_.push_back(each->address());
    each->Close();
  }
  std::erase_if(trying_, [&](const PlainConnection* each) { return each != connection; });
}

void Dialer::GiveUp() {
  for (const PlainConnection* each : trying_) owner_->OnAddressFailed(each->address());
}

void Dialer::Stop() {
  due_ms_ = DeadlineWheel::kNever;
  next_ = addresses_.size();
  for (PlainConnection* connection : trying_) connection->Close();
  trying_.clear();
}

}  // namespace notifyd
