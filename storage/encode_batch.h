// What is committed as writes of keys and values, sealed where the store seals. Pure but for that.
#pragma once

#include <unordered_map>

#include "broker/effects.h"
#include "broker/registry_events.h"
#include "storage/keys.h"
#include "storage/ordered_kv.h"
#include "storage/registry_records.h"
#include "storage/sealing.h"

namespace notifyd {

/// What is added to the counts of each lane.
using LaneChanges = std::unordered_map<LaneKey, IndexCounts>;

/// Adds a batch's operations to `out`. Its totals, and what it adds to the lanes' counts, follow once for a group: a busy lane would
/// otherwise leave an operand a batch, all of which the next read of its counts must add up.
void EncodeOps(const WriteBatch& batch, const KeySpace& space, const Sealing& sealing, KvWrites* out, LaneChanges* lane_counts);
/// Adds an operand to `out` for each lane whose change is not zero.
void EncodeLaneChanges(const KeySpace& space, const LaneChanges& changes, KvWrites* out);
void EncodeWake(NamespaceNumber number, const NamespaceWake& wake, KvWrites* out);
void EncodeNamespaceTotals(const KeySpace& space, const Totals& totals, KvWrites* out);
/// `serial`: the entry's; then the next one's.
void EncodeAuditEntry(const AuditEntry& entry, uint32_t* serial, KvWrites* out);
/// A namespace that is dropped goes with all of its keys, as one range. `audit_serial` as EncodeAuditEntry's.
void EncodeRegistry(const RegistryBatch& batch, const Sealing& sealing, uint32_t* audit_serial, KvWrites* out);

}  // namespace notifyd
