// FakeImage: what a store has of one namespace on its disk, as ordered maps. FakeDisk: all that it has there. Plain values: a copy is a snapshot.
// Not thread-safe. Invariants:
//   I1 a record in it is never changed in place: a change puts a new one there, so that copies of the image may share records.
//   I2 nothing in it aliases what a caller handed in or gets out (DeepCopy at both doors, in FakeStore).
#pragma once

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "broker/effects.h"
#include "broker/notify.h"
#include "broker/ports.h"

namespace notifyd {

/// The order in which a store lists lanes: by name, then mode.
struct ByLaneName {
  bool operator()(const LaneKey& a, const LaneKey& b) const { return std::tie(a.name, a.mode) < std::tie(b.name, b.mode); }
};

struct FakeImage {
  std::map<NotifyId, std::shared_ptr<const NotifyRecord>> notifies;
  std::array<std::set<DueKey>, 2> due;            // by Clock
  std::array<std::map<DueKey, int>, 2> due_puts;  // how often each was put, be it there or not: DeleteDue::once is checked by it
  std::set<DueKey> expiries;
  std::map<LaneKey, std::set<OrderKey>> tails;
  std::map<LaneKey, LaneRecord> lanes;
  std::map<LaneKey, LaneSettings, ByLaneName> lane_settings;
  std::shared_ptr<const Switches> switches;                     // null: never written
  std::map<LaneKey, IndexCounts, ByLaneName> lane_counts;       // none is all zero
  std::map<std::string, std::map<uint64_t, LaneKey>> sleepers;  // by host, then order
  std::map<std::string, FkeyRecord> fkeys;
  std::map<IdempotencyKey, IdempotencyRecord> idempotency;
  std::map<std::pair<Phase, NotifyId>, WallTime> settled;
  std::map<RecordKey, StoredRecord> records;
  Totals totals;
  /// The newest batch that is in it, of the store that it belongs to; 0: none.
  uint64_t batch = 0;
  /// What the store says of it: nothing was ever written; it may have changed; it sleeps.
  enum class State { kNew, kAwake, kAsleep } state = State::kNew;
  WallTime next_wake = kWallNever;  // of one that sleeps

  /// All ops in order, then the totals.
  void Apply(const WriteBatch& batch);
  /// The record, or null. Retention is not looked at.
  const NotifyRecord* Find(NotifyId id) const;
  /// Is this pending notify's index entry in its lane's tail?
  bool InTail(const NotifyRecord& record) const;
};

struct FakeDisk {
  FakeDisk() = default;
  /// Of `default` alone.
  FakeDisk(FakeImage image) { spaces[kDefaultNumber] = std::move(image); }  // NOLINT(google-explicit-constructor)

  std::map<NamespaceNumber, FakeImage> spaces;
  RegistryHead head;
  std::map<NamespaceNumber, std::shared_ptr<const NamespaceRow>> namespaces;
  std::map<std::string, std::shared_ptr<const TokenRow>> tokens;
  std::map<std::string, WallTime> uses;
  std::map<AuditPlace, AuditEntry> audit;

  void Apply(const RegistryBatch& batch);
  void Add(const AuditEntry& entry);
  RegistryImage Image() const;
};

/// Where a notify stands in its lane: rank 0 in a fifo lane, else 9 - priority.
OrderKey OrderKeyOf(const NotifyRecord& record);
/// Shares nothing with `record`.
std::shared_ptr<NotifyRecord> DeepCopy(const NotifyRecord& record);
FkeyRecord DeepCopy(const FkeyRecord& record);

}  // namespace notifyd
