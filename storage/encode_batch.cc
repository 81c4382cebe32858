#include "storage/encode_batch.h"

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "storage/records.h"
#include "storage/sealed_records.h"
#include "storage/stored_record.h"
#include "storage/switches_record.h"

namespace notifyd {
namespace {

struct OpEncoder {
  KvWrites* out;
  const KeySpace& space;
  const Sealing& sealing;
  LaneChanges* lane_counts;
  std::string value;

  template <class Encode, class Record>
  void Put(std::string key, Encode encode, const Record& record) {
    value.clear();
    encode(record, &value);
    out->Put(space.In(std::move(key)), value);
  }
  void Mark(std::string key) { out->Put(space.In(std::move(key)), {}); }
  void Delete(std::string key) { out->Delete(space.In(std::move(key))); }

  void operator()(const PutNotify& op) {
    value.clear();
    EncodeSealed(sealing, *op.record, &value);
    out->Put(space.In(EncodeNotifyKey(op.record->id)), value);
  }
  void operator()(const ChangeNotify& op) {
    value.clear();
    EncodeSealed(sealing, op.id, *op.change, &value);
    out->Append(space.In(EncodeNotifyKey(op.id)), value);
  }
  void operator()(const DeleteNotify& op) { out->Delete(space.In(EncodeNotifyKey(op.id))); }
  void operator()(const PutDue& op) { Mark(EncodeDueKey(op.clock, op.key)); }
  void operator()(const DeleteDue& op) {
    if (op.once) out->DeleteOnce(space.In(EncodeDueKey(op.clock, op.key)));
    else Delete(EncodeDueKey(op.clock, op.key));
  }
  void operator()(const PutExpiry& op) { Mark(EncodeExpiryKey(op.key)); }
  void operator()(const DeleteExpiry& op) { Delete(EncodeExpiryKey(op.key)); }
  void operator()(const PutTail& op) { Mark(EncodeTailKey(op.lane, op.key)); }
  void operator()(const DeleteTail& op) { Delete(EncodeTailKey(op.lane, op.key)); }
  void operator()(const PutLane& op) { Put(EncodeLaneKey(op.lane), EncodeLane, op.record); }
  void operator()(const DeleteLane& op) { Delete(EncodeLaneKey(op.lane)); }
  void operator()(const PutLaneSettings& op) { Put(EncodeNamedLaneKey(KeyKind::kLaneSettings, op.lane), EncodeLaneSettings, op.settings); }
  void operator()(const DeleteLaneSettings& op) { Delete(EncodeNamedLaneKey(KeyKind::kLaneSettings, op.lane)); }
  void operator()(const PutSwitches& op) { Put(EncodeMetaKey(kSwitchesName), EncodeSwitches, *op.switches); }
  void operator()(const AddLaneCounts& op) { (*lane_counts)[op.lane] += op.change; }
  void operator()(const PutSleeper& op) { Put(EncodeSleeperKey(op.host, op.lane.order), EncodeSleeperLane, op.lane.lane); }
  void operator()(const DeleteSleeper& op) { Delete(EncodeSleeperKey(op.host, op.lane.order)); }
  void operator()(const PutFkey& op) {
    value.clear();
    EncodeSealed(sealing, space.number(), op.fkey, op.record, &value);
    out->Put(space.In(EncodeFkeyKey(op.fkey)), value);
  }
  void operator()(const ExpireFkey& op) {
    value.clear();
    EncodeFkeyExpiry({op.id, op.expires_at, nullptr}, &value);
    out->Append(space.In(EncodeFkeyKey(op.fkey)), value);
  }
  void operator()(const PutIdempotency& op) {
    value.clear();
    EncodeSealed(sealing, op.record, &value);
    out->Put(space.In(EncodeIdempotencyKey(op.key)), value);
  }
  void operator()(const PutSettled& op) { Put(EncodeSettledKey(op.phase, op.id), EncodeSettled, op.settled_at); }
  void operator()(const DeleteSettled& op) { Delete(EncodeSettledKey(op.phase, op.id)); }
  void operator()(const PutRecord& op) {
    value.clear();
    EncodeSealed(sealing, space.number(), op.key, *op.record, &value);
    out->Put(space.In(EncodeRecordKey(op.key.kind, op.key.key)), value);
  }
  void operator()(const AddToCount& op) {
    value.clear();
    EncodeCountOperand({EncodeCount(op.by), op.expires_at}, &value);
    out->Append(space.In(EncodeRecordKey(op.key.kind, op.key.key)), value);
  }
  void operator()(const DeleteRecord& op) { Delete(EncodeRecordKey(op.key.kind, op.key.key)); }
};

struct RegistryEncoder {
  KvWrites* out;
  const RegistrySeal seal;
  uint32_t* audit_serial;
  std::string value;

  template <class Encode, class... Record>
  void Put(const std::string& key, Encode encode, const Record&... record) {
    value.clear();
    encode(record..., &value);
    out->Put(key, value);
  }

  void operator()(const PutNamespaceRow& op) { Put(EncodeNamespaceKey(op.row->number), EncodeNamespace, *op.row, seal.get()); }
  void operator()(const DropNamespace& op) {
    CHECK(op.number > kSystemNumber);
    out->Delete(EncodeNamespaceKey(op.number));
    out->Delete(EncodeNamespaceWakeKey(op.number));
    const KeyRange range = RangeOf(op.number);
    out->LeaveRange(range.from, range.to);
  }
  void operator()(const PutTokenRow& op) { Put(EncodeTokenKey(op.row->id), EncodeToken, *op.row, seal.get()); }
  void operator()(const DropToken& op) {
    out->Delete(EncodeTokenKey(op.id));
    out->Delete(EncodeTokenUseKey(op.id));
  }
  void operator()(const PutTokenUse& op) { Put(EncodeTokenUseKey(op.id), EncodeTokenUse, op.used_at); }
  void operator()(const PutHead& op) { Put(EncodeMetaKey(kRegistryName), EncodeRegistryHead, op.head); }
  void operator()(const AuditEntry& op) { EncodeAuditEntry(op, audit_serial, out); }
};

}  // namespace

void EncodeOps(const WriteBatch& batch, const KeySpace& space, const Sealing& sealing, KvWrites* out, LaneChanges* lane_counts) {
  OpEncoder encoder{out, space, sealing, lane_counts, {}};
  for (const WriteOp& op : batch.ops) std::visit(encoder, op);
}

void EncodeLaneChanges(const KeySpace& space, const LaneChanges& changes, KvWrites* out) {
  std::string value;
  for (const auto& [lane, change] : changes) {
    if (change.IsZero()) continue;
    value.clear();
    EncodeLaneCountsChange(change, &value);
    out->Append(space.In(EncodeNamedLaneKey(KeyKind::kLaneCounts, lane)), value);
  }
}

void EncodeWake(NamespaceNumber number, const NamespaceWake& wake, KvWrites* out) {
  std::string value;
  EncodeNamespaceWake(wake, &value);
  out->Put(EncodeNamespaceWakeKey(number), value);
}

void EncodeNamespaceTotals(const KeySpace& space, const Totals& totals, KvWrites* out) {
  std::string value;
  EncodeTotals(totals, &value);
  out->Put(space.In(EncodeMetaKey(kTotalsName)), value);
}

void EncodeAuditEntry(const AuditEntry& entry, uint32_t* serial, KvWrites* out) {
  std::string value;
  EncodeAudit(entry, &value);
  out->Put(EncodeAuditKey({entry.at, (*serial)++}), value);
}

void EncodeRegistry(const RegistryBatch& batch, const Sealing& sealing, uint32_t* audit_serial, KvWrites* out) {
  RegistryEncoder encoder{out, RegistrySeal(sealing.now()), audit_serial, {}};
  for (const RegistryWrite& write : batch.writes) std::visit(encoder, write);
}

}  // namespace notifyd
