#include "broker/long_polls.h"

#include "base/check.h"

namespace notifyd {

bool LongPolls::Add(RequestId request, NotifyId id, MonoTime until) {
  if (!waits_.emplace(request, Wait{id, until}).second) return false;
  ends_.emplace(until, request);
  by_id_[id].push_back(request);
  return true;
}

std::optional<NotifyId> LongPolls::Remove(RequestId request) {
  auto found = waits_.find(request);
  if (found == waits_.end()) return std::nullopt;
  Wait wait = found->second;
  waits_.erase(found);
  ends_.erase({wait.until, request});
  auto of_id = by_id_.find(wait.id);
  std::erase(of_id->second, request);
  if (of_id->second.empty()) by_id_.erase(of_id);
  return wait.id;
}

std::vector<RequestId> LongPolls::WaitingFor(NotifyId id) const {
  auto found = by_id_.find(id);
  return found == by_id_.end() ? std::vector<RequestId>() : found->second;
}

std::optional<RequestId> LongPolls::Over(MonoTime now) const {
  if (ends_.empty() || ends_.begin()->first > now) return std::nullopt;
  return ends_.begin()->second;
}

std::optional<RequestId> LongPolls::First() const {
  if (waits_.empty()) return std::nullopt;
  return waits_.begin()->first;
}

void LongPolls::CheckInvariants() const {
  size_t by_id = 0;
  for (const auto& [id, requests] : by_id_) {
    by_id += requests.size();
    CHECK(!requests.empty());
    for (RequestId request : requests) CHECK(waits_.at(request).id == id);  // I1
  }
  CHECK(by_id == waits_.size() && ends_.size() == waits_.size());
  for (const auto& [request, wait] : waits_) CHECK(ends_.count({wait.until, request}) == 1);
}

}  // namespace notifyd
