// Lookout: which of what a shard waits for is so near that its loop goes on looking for it instead of sleeping. That is so where one request, or the
// end of one attempt, is all that there is to do: what the loop waits for then serves that one alone, and each time that it falls asleep and is woken
// adds to how long it takes. Where there is more to do the loop is at work, or one wake-up serves many. Pure: it is told the time. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/patience.h"

namespace notifyd {

class Lookout {
 public:
  enum class Near : uint8_t {
    kNothing,
    kStore,  // a batch is under way to the disk
    kCall,   // a call has just begun
  };
  /// What a sync of a fast disk takes, and an answer from this machine: what takes longer need not be looked for.
  static constexpr int64_t kStoreUs = 500, kCallUs = 100;

  /// What one namespace has to do.
  class Work {
   public:
    /// A run begins. `batch`: the newest that the store was handed.
    void BeginRun(uint64_t batch) {
      if (batch <= written_) count_ = 0;
    }
    /// In it: a request came, or the end of an attempt.
    void Came() { ++count_; }
    /// The store has written all up to that batch.
    void Written(uint64_t batch) {
      written_ = batch;
      count_ = 0;
    }
    /// The run is over. Returns what is waited for then. `in_flight`: calls, before the run and behind it.
    Near NextOf(uint64_t batch, uint32_t in_flight_before, uint32_t in_flight) const {
      if (count_ > 1) return Near::kNothing;
      if (in_flight == 1 && in_flight_before == 0) return Near::kCall;
      return count_ == 1 && in_flight == 0 && batch > written_ ? Near::kStore : Near::kNothing;
    }

   private:
    uint64_t written_ = 0, count_ = 0;  // since nothing was under way there
  };

  /// A turn ends. `ran`: something came in it, behind which `near` is waited for. `away_us`: Loop::away_us. Returns for how many us the loop is to
  /// look from now on; 0: it may sleep; nothing: as it was told before.
  std::optional<int64_t> EndTurn(int64_t now_us, bool ran, Near near, int64_t away_us) {
    const bool crowded = away_us > Patience::kAwayMostUs;
    const bool over = looks_for_ != Near::kNothing && (ran || crowded || now_us >= until_us_);
    if (over) {
      PatienceWith(looks_for_).Looked(now_us, now_us - since_us_, ran, away_us);
      if (crowded) PatienceWith(looks_for_ == Near::kCall ? Near::kStore : Near::kCall).Crowded(now_us);
      looks_for_ = Near::kNothing;
    }
    const int64_t for_us = ran && near != Near::kNothing ? PatienceWith(near).Grant(now_us, near == Near::kCall ? kCallUs : kStoreUs) : 0;
    if (for_us == 0) return over ? std::optional<int64_t>(0) : std::nullopt;
    looks_for_ = near;
    since_us_ = now_us;
    until_us_ = now_us + for_us;
    return for_us;
  }
  bool looks() const { return looks_for_ != Near::kNothing; }

 private:
  Patience& PatienceWith(Near near) { return near == Near::kCall ? calls_ : store_; }

  Near looks_for_ = Near::kNothing;
  int64_t since_us_ = 0, until_us_ = 0;
  Patience store_, calls_;
};

}  // namespace notifyd
