// NonceMemory: which signed changes came already, so that none is taken twice. One for all loops, any thread.
//
// I1  A nonce is remembered for as long as its request's time would be accepted; after that the time alone refuses it.
// I2  kMost are remembered, in at most kMostBytes; beyond that a change is refused, never a nonce forgotten but one that is given back. A token
//     has no more of them than are left for others: one alone half of all, two a third each. So none, however many it sends, takes the others' part.
// I3  Of what came before the start, or to another member that served it, nothing is known: a request of a time before is refused (Admission does
//     that).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace notifyd {

class NonceMemory {
 public:
  static constexpr size_t kMost = 1'000'000;
  /// Its sets are between a third and two thirds full, of 16 bytes each, and one that grows is there one and a half times; beside them counts a token
  /// and minute.
  static constexpr size_t kMostBytes = 128 << 20;

  enum class Answer : uint8_t { kNew, kSeen, kFull };
  /// One that was new, for whoever may have to give it back.
  struct Taken {
    Fingerprint print;
    int64_t minute = 0;
    uint64_t token = 0;
  };

  /// `most`: for tests.
  explicit NonceMemory(size_t most = kMost);
  ~NonceMemory();

  /// Remembers it where it is new, until `until`, and says in `taken` (may be null) what it is then. Time O(minutes that may be accepted).
  Answer Add(std::string_view token_id, std::string_view nonce, WallTime until, WallTime now, Taken* taken = nullptr);
  /// Of a change of which nothing was begun: it may come again. Once for each.
  void GiveBack(const Taken& taken);
  size_t size() const;
  /// What its sets take.
  size_t bytes() const;

 private:
  class Minute;
  Fingerprint Hash(std::string_view token_id, std::string_view nonce) const;
  /// So many of the token's are forgotten.
  void Forget(uint64_t token, size_t count);

  const size_t most_;
  Fingerprint salt_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Minute>> minutes_;  // by when their nonces are forgotten, no order
  size_t size_ = 0;
  std::unordered_map<uint64_t, size_t> of_token_;  // of `size_`, by a hash of the token's id; none is 0
};

}  // namespace notifyd
