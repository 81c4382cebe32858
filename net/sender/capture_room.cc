#include "net/sender/capture_room.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace notifyd {
namespace {

constexpr size_t kAll = std::numeric_limits<size_t>::max() / 2;

/// What `used` may grow by, so that as much as it has then is left of what is `free` now.
size_t ShareLeft(size_t free, size_t used) {
  return free > used ? (free - used) / 2 : 0;
}

}  // namespace

CaptureRoom::CaptureRoom(std::shared_ptr<CaptureLedger> ledger, NamespaceNumber number, const std::string& host, size_t most)
    : ledger_(std::move(ledger)), number_(number), host_(host), most_(most) {
  std::lock_guard lock(ledger_->mutex_);
  ++ledger_->spaces_[number_].hosts[host_].rooms;
}

CaptureRoom& CaptureRoom::operator=(CaptureRoom&& other) noexcept {
  if (this == &other) return *this;
  Leave();
  ledger_ = std::move(other.ledger_);
  number_ = other.number_;
  host_ = std::move(other.host_);
  most_ = other.most_;
  bytes_ = std::exchange(other.bytes_, 0);
  has_ = std::exchange(other.has_, Has::kPieces);
  return *this;
}

size_t CaptureRoom::Left(const CaptureLedger::Space& space, const CaptureLedger::Host& host) const {
  const size_t used = ledger_->used_.load();
  if (used == bytes_) return kAll;
  const size_t free = most_ > used ? most_ - used : 0;
  return ShareLeft(ShareLeft(free, space.used), host.used);
}

bool CaptureRoom::Extend(size_t least, size_t wanted, size_t claim) {
  if (!ledger_) return wanted == 0;
  if (bytes_ >= wanted && (has_ == Has::kWhole || claim <= bytes_)) return true;
  std::lock_guard lock(ledger_->mutex_);
  const CaptureLedger::Space& space = ledger_->spaces_.at(number_);
  const CaptureLedger::Host& host = space.hosts.at(host_);
  const size_t left = Left(space, host);
  const size_t more = claim - std::min(claim, bytes_);
  if (more <= (host.whole == 0 || left == kAll ? left : left / 2)) {
    Set(std::max(bytes_, claim), Has::kWhole);
    return true;
  }
  // One that has all it may bring needs no more.
  const size_t most = bytes_ + (has_ == Has::kPieces ? ShareLeft(left, host.in_pieces) : 0);
  if (most < least) return false;
  Set(std::max(bytes_, std::min(wanted, most)), has_);
  return true;
}

void CaptureRoom::Shrink(size_t bytes, size_t claim) {
  const bool whole = has_ == Has::kWhole && claim > bytes;
  const size_t kept = std::min(bytes_, whole ? claim : bytes);
  if (!ledger_ || (kept == bytes_ && whole == (has_ == Has::kWhole))) return;
  std::lock_guard lock(ledger_->mutex_);
  Set(kept, whole ? Has::kWhole : Has::kPieces);
}

/// Under the mutex.
void CaptureRoom::Set(size_t bytes, Has has, bool gone) {
  const auto space = ledger_->spaces_.find(number_);
  const auto host = space->second.hosts.find(host_);
  CaptureLedger::Host& row = host->second;
  if (bytes < bytes_ || has != has_) ++ledger_->returned_;
  // Unsigned numbers come around where it is less.
  const size_t more = bytes - bytes_;
  ledger_->used_ += more;
  space->second.used += more;
  row.used += more;
  if (has_ == Has::kPieces) row.in_pieces -= bytes_;
  if (has_ == Has::kWhole) --row.whole;
  bytes_ = bytes;
  has_ = has;
  if (has_ == Has::kPieces) row.in_pieces += bytes_;
  if (has_ == Has::kWhole) ++row.whole;
  if (!gone || --row.rooms > 0) return;
  space->second.hosts.erase(host);
  if (space->second.hosts.empty()) ledger_->spaces_.erase(space);
}

void CaptureRoom::Leave() {
  if (!ledger_) return;
  {
    std::lock_guard lock(ledger_->mutex_);
    Set(0, Has::kPieces, true);
  }
  ledger_.reset();
}

std::shared_ptr<Response> CaptureRoom::Held(std::shared_ptr<Response> response, CaptureRoom room) {
  struct Both {
    Response response;
    CaptureRoom room;
  };
  if (room.ledger_) {
    std::lock_guard lock(room.ledger_->mutex_);
    room.Set(std::min(room.bytes_, response->body.size()), Has::kResponse);
  }
  auto both = std::make_shared<Both>(Both{std::move(*response), std::move(room)});
  return {both, &both->response};
}

}  // namespace notifyd
