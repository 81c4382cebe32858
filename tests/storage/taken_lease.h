// The lease of a store in PostgreSQL, or of a member of it, in the hands of a test, which renews it where it wants to.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "storage/postgres/pg_lease.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

namespace notifyd {

class TakenLease : public OwnerHandle {
 public:
  /// Takes the lease of `options.member`, or of the store where that is empty. Nobody may have it.
  TakenLease(const PostgresOptions& options, Incarnation incarnation) : owners_(options) {
    const auto [looked, seen] = owners_.Do({OwnerAsk::Kind::kLook, {}, false, {}});
    REQUIRE(looked == OwnerAnswer::kYes);
    REQUIRE(seen.free);
    const auto [taken, word] = owners_.Do({OwnerAsk::Kind::kAcquire, seen, false, incarnation});
    REQUIRE(taken == OwnerAnswer::kYes);
    word_ = word;
  }
  OwnerAnswer Ask(OwnerAsk::Kind kind) { return owners_.Do({kind, word_, true, {}}).first; }
  std::pair<OwnerAnswer, OwnerWord> Renew() { return owners_.Do({OwnerAsk::Kind::kRenew, word_, true, {}}); }
  std::optional<int64_t> clock_ahead_ms() const { return owners_.ClockAheadMs(); }
  OwnerWord word() const override { return word_; }
  void Fenced() override { ++fenced; }
  std::atomic<int> fenced = 0;

 private:
  PgOwnerStore owners_;
  OwnerWord word_;
};

}  // namespace notifyd
