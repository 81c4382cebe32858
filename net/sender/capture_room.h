// CaptureRoom: one answer's room among all that are captured at once (SenderOptions::max_captured_bytes), taken as its bytes come and held until
// nobody holds what was captured. CaptureLedger: who has how much. Any thread.
//
// I1  All rooms together are never more than what there is, but for one that is alone.
// I2  A namespace takes no more than leaves free as much as it has then; and so does a host, of what its namespace may have. So whoever has nothing
//     finds some, however long others hold theirs.
// I3  An answer takes all that it may bring where that is no more than half of what its host may still take, or where no other of its host has all.
//     Else it takes pieces, and all pieces of a host leave as much to those that take all. So they do not all hold a part and wait for each other:
//     some can end, and the next ones take their places.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/ids.h"
#include "broker/response.h"

namespace notifyd {

class CaptureLedger {
 public:
  size_t used() const { return used_.load(); }
  /// Changes whenever room comes back: until then nobody who found none finds some.
  uint64_t returned() const { return returned_.load(); }
  /// How many answers were ever cut for want of room.
  uint64_t cut() const { return cut_.load(); }
  void NoteCut() { ++cut_; }

 private:
  friend class CaptureRoom;
  struct Host {
    size_t used = 0, in_pieces = 0;
    size_t rooms = 0, whole = 0;  // those that have room for all that they may bring
  };
  struct Space {
    size_t used = 0;
    std::unordered_map<std::string, Host> hosts;
  };

  std::mutex mutex_;
  std::unordered_map<NamespaceNumber, Space> spaces_;  // those that have a room
  std::atomic<size_t> used_ = 0;
  std::atomic<uint64_t> returned_ = 0, cut_ = 0;
};

class CaptureRoom {
 public:
  CaptureRoom() = default;
  /// An empty one, of `most` bytes that there are for all of the ledger.
  CaptureRoom(std::shared_ptr<CaptureLedger> ledger, NamespaceNumber number, const std::string& host, size_t most);
  CaptureRoom(CaptureRoom&& other) noexcept { *this = std::move(other); }
  CaptureRoom& operator=(CaptureRoom&& other) noexcept;
  ~CaptureRoom() { Leave(); }

  size_t bytes() const { return bytes_; }
  /// Has room for `wanted` bytes from now on, or for fewer where there is not so much, but for `least`; or for all of `claim`, which it may need in
  /// the end. False: there is none, and it has what it had.
  [[nodiscard]] bool Extend(size_t least, size_t wanted, size_t claim);
  /// Gives back what is more than `bytes`, or, where it has room for all that it may bring, than `claim`.
  void Shrink(size_t bytes, size_t claim);
  /// The response, which holds the room of its body as long as anybody holds it.
  static std::shared_ptr<Response> Held(std::shared_ptr<Response> response, CaptureRoom room);

 private:
  enum class Has : uint8_t { kPieces, kWhole, kResponse };
  /// What it may take beside what it has. Under the ledger's mutex.
  size_t Left(const CaptureLedger::Space& space, const CaptureLedger::Host& host) const;
  void Set(size_t bytes, Has has, bool gone = false);
  void Leave();

  std::shared_ptr<CaptureLedger> ledger_;
  NamespaceNumber number_ = kDefaultNumber;
  std::string host_;
  size_t most_ = 0, bytes_ = 0;
  Has has_ = Has::kPieces;
};

}  // namespace notifyd
