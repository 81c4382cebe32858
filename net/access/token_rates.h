// TokenRates: how much a token may submit in a second (contract section 8, `submits_per_s`). One for all loops, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

namespace notifyd {

class TokenRates {
 public:
  /// Takes `count` notifies off the token's bucket, which fills with `per_s` a second up to one second's worth, at least 1. 0: they may go on. Else
  /// nothing was taken: the milliseconds after which they may. More than a bucket holds goes on once it is full, and is owed: what follows waits for
  /// it.
  int64_t Take(std::string_view token_id, double per_s, size_t count, MonoTime now);
  /// Of `count` notifies that are each for itself as many as may go on now, the first ones; they are taken off the bucket. Nothing is owed.
  size_t TakeSome(std::string_view token_id, double per_s, size_t count, MonoTime now);
  /// Buckets that are not full, as of the last look: what is full is forgotten.
  size_t size() const;

 private:
  struct Bucket {
    double left;
    double per_s;
    MonoTime at;
  };
  static double LeftAt(const Bucket& bucket, MonoTime now);
  /// The token's, as it is now at this rate; the mutex is held.
  Bucket& BucketOf(std::string_view token_id, double per_s, MonoTime now);
  void ForgetFull(MonoTime now);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
  size_t look_at_ = 64;  // buckets at which the full ones are looked for
};

}  // namespace notifyd
