#include "fakes/fake_image.h"

#include <variant>

#include "base/check.h"
#include "broker/flow.h"

namespace notifyd {
namespace {

template <class Map, class Key>
void EraseInner(Map* outer, const Key& key, const auto& inner) {
  auto it = outer->find(key);
  if (it == outer->end()) return;
  it->second.erase(inner);
  if (it->second.empty()) outer->erase(it);
}

struct Applier {
  FakeImage* image;

  void operator()(const PutNotify& op) { image->notifies[op.record->id] = op.record; }
  void operator()(const ChangeNotify& op) {
    auto it = image->notifies.find(op.id);
    if (it == image->notifies.end()) return;
    auto changed = std::make_shared<NotifyRecord>(*it->second);
    ApplyChange(*op.change, changed.get());
    it->second = std::move(changed);
  }
  void operator()(const DeleteNotify& op) { image->notifies.erase(op.id); }
  void operator()(const PutDue& op) {
    image->due[static_cast<size_t>(op.clock)].insert(op.key);
    ++image->due_puts[static_cast<size_t>(op.clock)][op.key];
  }
  void operator()(const DeleteDue& op) {
    bool there = image->due[static_cast<size_t>(op.clock)].erase(op.key) > 0;
    if (op.once) CHECK(there && image->due_puts[static_cast<size_t>(op.clock)][op.key] == 1);
  }
  void operator()(const PutExpiry& op) { image->expiries.insert(op.key); }
  void operator()(const DeleteExpiry& op) { image->expiries.erase(op.key); }
  void operator()(const PutTail& op) { image->tails[op.lane].insert(op.key); }
  void operator()(const DeleteTail& op) { EraseInner(&image->tails, op.lane, op.key); }
  void operator()(const PutLane& op) { image->lanes[op.lane] = op.record; }
  void operator()(const DeleteLane& op) { image->lanes.erase(op.lane); }
  void operator()(const PutLaneSettings& op) { image->lane_settings[op.lane] = op.settings; }
  void operator()(const DeleteLaneSettings& op) { image->lane_settings.erase(op.lane); }
  void operator()(const PutSwitches& op) { image->switches = op.switches; }
  void operator()(const AddLaneCounts& op) {
    IndexCounts& counts = image->lane_counts[op.lane];
    if ((counts += op.change).IsZero()) image->lane_counts.erase(op.lane);
  }
  void operator()(const PutSleeper& op) { image->sleepers[op.host][op.lane.order] = op.lane.lane; }
  void operator()(const DeleteSleeper& op) { EraseInner(&image->sleepers, op.host, op.lane.order); }
  void operator()(const PutFkey& op) { image->fkeys[op.fkey] = op.record; }
  void operator()(const ExpireFkey& op) {
    auto it = image->fkeys.find(op.fkey);
    if (it != image->fkeys.end() && it->second.id == op.id) it->second.expires_at = op.expires_at;
  }
  void operator()(const PutIdempotency& op) { image->idempotency[op.key] = op.record; }
  void operator()(const PutSettled& op) { image->settled[{op.phase, op.id}] = op.settled_at; }
  void operator()(const DeleteSettled& op) { image->settled.erase({op.phase, op.id}); }
  void operator()(const PutRecord& op) { image->records[op.key] = *op.record; }
  void operator()(const AddToCount& op) {
    StoredRecord& record = image->records[op.key];
    record = {EncodeCount(DecodeCount(record.value).value_or(0) + op.by), op.expires_at};
  }
  void operator()(const DeleteRecord& op) { image->records.erase(op.key); }
};

}  // namespace

void FakeImage::Apply(const WriteBatch& batch) {
  Applier applier{this};
  for (const WriteOp& op : batch.ops) std::visit(applier, op);
  totals = batch.totals;
  this->batch = batch.number;
  if (!batch.ops.empty()) state = State::kAwake;
}

namespace {

struct RegistryApplier {
  FakeDisk* disk;
  void operator()(const PutNamespaceRow& op) { disk->namespaces[op.row->number] = op.row; }
  void operator()(const DropNamespace& op) {
    disk->namespaces.erase(op.number);
    disk->spaces.erase(op.number);
  }
  void operator()(const PutTokenRow& op) { disk->tokens[op.row->id] = op.row; }
  void operator()(const DropToken& op) {
    disk->tokens.erase(op.id);
    disk->uses.erase(op.id);
  }
  void operator()(const PutTokenUse& op) { disk->uses[op.id] = op.used_at; }
  void operator()(const PutHead& op) { disk->head = op.head; }
  void operator()(const AuditEntry& op) { disk->Add(op); }
};

}  // namespace

void FakeDisk::Add(const AuditEntry& entry) {
  audit[{entry.at, static_cast<uint32_t>(audit.size())}] = entry;
}

void FakeDisk::Apply(const RegistryBatch& batch) {
  for (const RegistryWrite& write : batch.writes) std::visit(RegistryApplier{this}, write);
}

RegistryImage FakeDisk::Image() const {
  RegistryImage image;
  image.head = head;
  auto add = [&](NamespaceNumber number) {
    NamespaceAtStart& state = image.states.emplace_back();
    state.number = number;
    auto it = spaces.find(number);
    const FakeImage::State is = it == spaces.end() ? FakeImage::State::kNew : it->second.state;
    state.awake = is == FakeImage::State::kAwake || (is == FakeImage::State::kNew && number == kDefaultNumber);
    if (is != FakeImage::State::kAsleep) return;
    state.next_wake = it->second.next_wake;
    state.totals = it->second.totals;
  };
  if (!namespaces.contains(kDefaultNumber)) add(kDefaultNumber);
  for (const auto& [number, row] : namespaces) {
    image.namespaces.push_back(row);
    add(number);
  }
  for (const auto& [id, row] : tokens) image.tokens.push_back(row);
  image.uses.assign(uses.begin(), uses.end());
  return image;
}

const NotifyRecord* FakeImage::Find(NotifyId id) const {
  auto it = notifies.find(id);
  return it == notifies.end() ? nullptr : it->second.get();
}

bool FakeImage::InTail(const NotifyRecord& record) const {
  auto it = tails.find(record.envelope->lane);
  return it != tails.end() && it->second.count(OrderKeyOf(record)) > 0;
}

OrderKey OrderKeyOf(const NotifyRecord& record) {
  uint8_t rank = record.envelope->lane.mode == Mode::kFifo ? 0 : static_cast<uint8_t>(9 - record.envelope->priority);
  return {rank, record.state.due, record.id};
}

std::shared_ptr<NotifyRecord> DeepCopy(const NotifyRecord& record) {
  auto copy = std::make_shared<NotifyRecord>(record);
  if (record.envelope) {
    auto envelope = std::make_shared<Envelope>(*record.envelope);
    if (envelope->retry) envelope->retry = std::make_shared<RetryPolicy>(*envelope->retry);
    if (envelope->callback) envelope->callback = std::make_shared<Callback>(*envelope->callback);
    if (envelope->flow) envelope->flow = std::make_shared<FlowFields>(*envelope->flow);
    copy->envelope = std::move(envelope);
  }
  if (record.spec) copy->spec = std::make_shared<std::string>(*record.spec);
  return copy;
}

FkeyRecord DeepCopy(const FkeyRecord& record) {
  FkeyRecord copy = record;
  if (copy.remembered) copy.remembered = std::make_shared<RememberedTrigger>(*copy.remembered);
  return copy;
}

}  // namespace notifyd
