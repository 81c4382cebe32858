// Board: the figures of all namespaces, as their shards last told, and their sums. Any thread; each call holds a lock for a moment.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "broker/ports.h"

namespace notifyd {

class Board : public NamespaceBoard {
 public:
  explicit Board(std::function<MonoTime()> mono) : mono_(std::move(mono)) {}

  NamespaceFigures Figures(NamespaceNumber number) const override;
  NamespaceFigures Sum() const override;

  /// What is known of it now, in place of what was; `submits` and `deliveries` are made of it here.
  void Put(NamespaceNumber number, const NamespaceFigures& figures);
  /// It is served here no more: what is heard of it next is what was counted elsewhere until then.
  void Forget(NamespaceNumber number);
  /// It is gone; its totals are among these now, with those of all that went before.
  void Remove(NamespaceNumber number, const RemovedTotals& removed);
  /// Totals of all that were removed, as whoever has the registry counts them; of several brokers none at the others.
  void SetRemoved(const RemovedTotals& removed);

 private:
  /// What came in the last minute, by parts of it: a ring.
  struct Minute {
    static constexpr int64_t kPartMs = 10'000;
    static constexpr size_t kParts = 6;
    int64_t part = 0;  // the newest one
    std::array<uint32_t, kParts> submits{}, deliveries{};
    void MoveTo(int64_t new_part);
  };
  /// Small, since there is one for each namespace, and most of those sleep.
  struct Row {
    RemovedTotals ended;
    CountsByIndex<uint64_t> by_index;
    PendingByState states;
    uint64_t lane_records = 0, lane_settings = 0, sleeping_lanes = 0, stored_bytes = 0;
    uint32_t in_flight = 0, may_be_in_flight = 0;
    uint64_t loaded = 0;
    std::unique_ptr<Minute> minute;  // none: nothing came
    bool awake = false;
  };
  static NamespaceFigures Shown(const Row& row, int64_t part);

  std::function<MonoTime()> mono_;
  mutable std::mutex mutex_;
  std::unordered_map<NamespaceNumber, Row> rows_;
  RemovedTotals removed_;
};

}  // namespace notifyd
