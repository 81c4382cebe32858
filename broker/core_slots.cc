// What the core looks up by key: slots, their loads and their lifetime. See core_impl.h, I1, I2 and I5.
#include <algorithm>
#include <utility>

#include "broker/core_host_limits.h"
#include "broker/core_pauses.h"
#include "broker/core_services.h"
#include "broker/core_shared_hosts.h"
#include "broker/expectation.h"
#include "broker/flow.h"

namespace notifyd {

void Core::Impl::Pin(Task* task, Slot* slot) {
  ++slot->pins;
  task->pinned.push_back(slot);
}

/// Pins the slot for the task. Returns false where the task must wait for it.
bool Core::Impl::Known(Task* task, Slot* slot) {
  Pin(task, slot);
  if (slot->known && !slot->loading) return true;
  slot->waiters.push_back(task);
  ++task->missing;
  return false;
}

void Core::Impl::LoadSlot(Slot* slot, LoadKey key) {
  // A known entry is read anew for its body alone, which changes of its index that are under way do not touch.
  CHECK(!slot->loading && (slot->known || journal_.IsWritten(slot->written)));
  slot->loading = true;
  ++slot->pins;
  open_load_.keys.push_back(std::move(key));
  open_load_slots_.push_back(slot);
}

void Core::Impl::LoadRecord(Entry* entry, Reads reads) {
  if (entry->loading) return;
  entry->changes_at_load = entry->changes;
  entry->asked = reads;
  switch (reads) {
    case Reads::kBeginning:
      return LoadSlot(entry, BeginningKey{entry->id});
    case Reads::kEnd:
      return LoadSlot(entry, EndKey{entry->id});
    case Reads::kStored:
      return LoadSlot(entry, StoredKey{entry->id});
    case Reads::kWhole:
      return LoadSlot(entry, entry->id);
  }
}

Entry* Core::Impl::NeedEntryToSend(Task* task, NotifyId id) {
  if (!FindEntry(id)) LoadRecord(MakeEntry(id), Reads::kWhole);
  return NeedEntry(task, id);
}

Entry* Core::Impl::NeedEntry(Task* task, NotifyId id, Reads reads) {
  Entry* entry = FindEntry(id);
  if (!entry) {
    entry = MakeEntry(id);
    LoadRecord(entry, reads);
  } else if (reads != Reads::kBeginning && entry->known && !entry->loading && entry->exists && (!entry->full || entry->full_as < reads)) {
    // Reads the record anew, once all of its changes are there to be read.
    if (!journal_.IsWritten(entry->written)) {
      Pin(task, entry);
      ++task->missing;
      journal_.AfterWrite(entry->written, task);
      return nullptr;
    }
    LoadRecord(entry, reads);
  }
  return Known(task, entry) ? entry : nullptr;
}

Lane* Core::Impl::NeedLane(Task* task, const LaneKey& key) {
  Lane* lane = GetLane(key);
  return Known(task, lane) ? lane : nullptr;
}

FkeySlot* Core::Impl::NeedFkey(Task* task, const std::string& key) {
  std::unique_ptr<FkeySlot>& slot = fkeys_[key];
  if (!slot) {
    slot = std::make_unique<FkeySlot>(key);
    LoadSlot(slot.get(), key);
  }
  return Known(task, slot.get()) ? slot.get() : nullptr;
}

IdempotencySlot* Core::Impl::NeedIdempotency(Task* task, const IdempotencyKey& key) {
  std::unique_ptr<IdempotencySlot>& slot = idempotency_[key];
  if (!slot) {
    slot = std::make_unique<IdempotencySlot>(key);
    LoadSlot(slot.get(), key);
  }
  return Known(task, slot.get()) ? slot.get() : nullptr;
}

bool Core::Impl::NeedRemembered(Task* task, FkeySlot* slot) {
  if (!slot->record || !slot->record->remembered || slot->record->remembered->left_out == 0) return true;
  if (!slot->loading) {
    if (!journal_.IsWritten(slot->written)) {
      Pin(task, slot);
      ++task->missing;
      journal_.AfterWrite(slot->written, task);
      return false;
    }
    LoadSlot(slot, RememberedKey{slot->key});
  }
  return Known(task, slot);
}

/// Puts what the store had under a slot's key into it.
void Core::Impl::FillSlot(Slot* slot, LoadedValue& value) {
  switch (slot->kind) {
    case Slot::Kind::kEntry:
      FillEntry(static_cast<Entry*>(slot), std::get<LoadedNotify>(value));
      break;
    case Slot::Kind::kFkey:
      static_cast<FkeySlot*>(slot)->record = std::get<std::optional<FkeyRecord>>(value);
      break;
    case Slot::Kind::kIdempotency:
      static_cast<IdempotencySlot*>(slot)->record = std::get<std::optional<IdempotencyRecord>>(value);
      break;
    case Slot::Kind::kRecord:
      if (auto& record = std::get<std::optional<StoredRecord>>(value))
        static_cast<RecordSlot*>(slot)->record = std::make_shared<const StoredRecord>(std::move(*record));
      break;
    case Slot::Kind::kCatalog:
      CHECK(false);  // it is read by pages
      break;
    case Slot::Kind::kSwitches:
      if (auto& all = std::get<std::shared_ptr<const Switches>>(value)) switches_.all = all;
      ApplyHosts(Switches());
      pauses_->FindNextEnd();
      break;
    case Slot::Kind::kLane: {
      Lane* lane = static_cast<Lane*>(slot);
      auto& loaded = std::get<LoadedLane>(value);
      if (auto& record = loaded.record) {
        lane->record = *record;
        lane->stored = true;
        lane->disk_tail = record->tail;
        lane->tail_next = record->tail_from;
      }
      if (loaded.settings) {
        lane->settings = *loaded.settings;
        RefreshLimits(lane);
      }
      break;
    }
  }
}

void Core::Impl::On(Loaded& e) {
  if (!e.status.ok()) return Fatal(std::move(e.status));
  auto found = loads_.find(e.ticket);
  CHECK(found != loads_.end());
  std::vector<Slot*> slots = std::move(found->second);
  loads_.erase(found);
  CHECK(slots.size() == e.values.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    slots[i]->loading = false;
    FillSlot(slots[i], e.values[i]);
    slots[i]->known = true;
  }
  for (Slot* slot : slots) {
    if (slot->kind == Slot::Kind::kEntry) {
      Entry* entry = static_cast<Entry*>(slot);
      if (entry->start_waits) EmitStart(entry);
      else if (!stopping_) PlaceEntry(entry);
    } else if (slot->kind == Slot::Kind::kLane) {
      Lane* lane = static_cast<Lane*>(slot);
      std::vector<Entry*> arriving = std::move(lane->arriving);
      lane->arriving.clear();
      for (Entry* entry : arriving) {
        CHECK(entry->place == Place::kArriving);
        entry->place = Place::kIdle;
        EnterLane(entry);
      }
      if (std::optional<uint64_t> order = std::exchange(lane->wake, std::nullopt)) WakeFrom(lane, *order, lane->waking);
    }
    WakeWaiters(slot);
  }
  for (Slot* slot : slots) {
    --slot->pins;
    MaybeDrop(slot);
  }
}

void Core::Impl::WakeWaiters(Slot* slot) {
  std::vector<Task*> waiters = std::move(slot->waiters);
  slot->waiters.clear();
  for (Task* task : waiters) Unpark(task);
}

void Core::Impl::Unpark(Task* task) {
  if (--task->missing > 0) return;
  auto found = parked_.find(task);
  CHECK(found != parked_.end());
  std::unique_ptr<Task> owned = std::move(found->second);
  parked_.erase(found);
  RunTask(std::move(owned));
}

Entry* Core::Impl::FindEntry(NotifyId id) const {
  auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second.get();
}

Entry* Core::Impl::MakeEntry(NotifyId id) {
  std::unique_ptr<Entry>& entry = entries_[id];
  CHECK(!entry);
  entry = std::make_unique<Entry>(id);
  return entry.get();
}

void Core::Impl::KeepSpec(Entry* entry, std::shared_ptr<const std::string> spec) {
  if (entry->spec) spec_bytes_ -= entry->spec->size();
  entry->spec = nullptr;
  if (!spec || spec_bytes_ + spec->size() > limits_.max_spec_bytes) return;
  spec_bytes_ += spec->size();
  entry->spec = std::move(spec);
}

void Core::Impl::SetEnvelope(Entry* entry, std::shared_ptr<const Envelope> envelope) {
  size_t bytes = 0;
  if (envelope && envelope->callback) bytes += envelope->callback->url.size() + envelope->callback->notify_url.size();
  if (envelope && envelope->flow)
    bytes += sizeof(FlowFields) + envelope->flow->topic.size() + envelope->flow->subscription.size() + envelope->flow->schedule.size();
  if (envelope && envelope->labels) {
    for (const auto& [key, value] : *envelope->labels) bytes += sizeof(Labels::value_type) + key.size() + value.size();
  }
  if (envelope && envelope->retry) {
    for (const auto* pattern : PatternsOf(*envelope->retry)) {
      if (!*pattern) continue;
      bytes += 2 * (*pattern)->status.size() + ((*pattern)->contains ? (*pattern)->contains->size() : 0);
      for (const auto& [pointer, value] : (*pattern)->json) bytes += pointer.size() + value.size();
    }
    bytes += 8 * envelope->retry->schedule_ms.size();
  }
  envelope_bytes_ += bytes;
  envelope_bytes_ -= entry->envelope_bytes;
  entry->envelope_bytes = static_cast<uint32_t>(bytes);
  entry->envelope = std::move(envelope);
}

/// Fills an entry that was just made with its record, or takes the parts that memory had let go of from a record that was read anew: what memory has
/// of its state is newer than that.
void Core::Impl::FillEntry(Entry* entry, const LoadedNotify& loaded) {
  const bool whole = loaded.record && loaded.record->spec;
  entry->full = entry->asked != Reads::kBeginning && entry->changes == entry->changes_at_load ? loaded.record : nullptr;
  entry->full_as = entry->asked;
  if (!loaded.record) {
    // An entry that is known, and not in the store, was submitted after that was asked; or it has settled, and retention removed it.
    if (!entry->known || (!entry->pending() && journal_.IsWritten(entry->written))) entry->exists = false;
    return;
  }
  if (whole && (!entry->spec || entry->start_waits)) KeepSpec(entry, loaded.record->spec);
  if (entry->known && entry->exists) return;
  entry->exists = true;
  SetEnvelope(entry, loaded.record->envelope);
  entry->created_at = loaded.record->created_at;
  entry->state = loaded.record->state;
  if (!entry->host) {
    entry->host = GetHost(entry->envelope->host);
    ++entry->host->refs;
  }
  entry->index = IndexOf(entry->state, loaded.in_tail);
  entry->fresh = entry->first_key = false;
  entry->promoted = entry->index == Index::kTail;
  // Its last end may be written and not synced yet: the number after it must not be sent before (contract promise 2). So may what let it go, where it
  // is of a group: the end of the member before it, which a power cut would undo.
  const bool of_group = entry->envelope->flow && entry->envelope->flow->group.value != 0;
  if (entry->state.phase == Phase::kRetrying || of_group) entry->durable = journal_.open() - 1;
}

/// Returns the entry of a notify that a page brought, made of the page's record where memory has none, or where a load of it is still under way.
Entry* Core::Impl::EntryOfPage(NotifyId id, const LoadedNotify& loaded) {
  Entry* entry = FindEntry(id);
  if (!entry) entry = MakeEntry(id);
  if (entry->known) return entry;
  FillEntry(entry, loaded);
  entry->known = true;
  entry->full = nullptr;
  return entry;
}

Lane* Core::Impl::GetLane(const LaneKey& key) {
  std::unique_ptr<Lane>& lane = lanes_[key];
  if (!lane) {
    lane = std::make_unique<Lane>(key);
    RefreshLimits(lane.get());
    // Where the store has no record and no settings of any lane, there is nothing to look up.
    if (totals_.lane_records == 0 && totals_.lane_settings == 0) lane->known = true;
    else LoadSlot(lane.get(), key);
  }
  return lane.get();
}

Host* Core::Impl::GetHost(const std::string& name) {
  std::unique_ptr<Host>& host = hosts_[name];
  if (!host) {
    host = std::make_unique<Host>();
    host->name = name;
    if (!ServicePart::IsService(*host)) HostLimits::Begin(*this, host.get());
    services_->OnHostMade(host.get());
  }
  return host.get();
}

void Core::Impl::UnrefHost(Host* host) {
  --host->refs;
  MaybeDropHost(host);
}

void Core::Impl::MaybeDropHost(Host* host) {
  if (host->refs > 0 || !host->idle() || !host->settings.IsDefault() || host->sleepers || host->page || host->check || host->waking > 0) return;
  if (services_->Keeps(*host)) return;
  // One whose breaker has something to remember is kept, up to a bound; beyond that it begins anew, closed.
  if (HostLimits::Lingers(*this, host)) return;
  if (host->breaker_timed && breakers_.by_time.size() <= std::max<size_t>(limits_.max_loaded / 4, 1024)) return;
  UntimeBreaker(host);
  shared_->Forget(host->name);
  const auto gone = hosts_.extract(std::string(host->name));
  services_->OnHostDropped(*gone.mapped());
}

void Core::Impl::Touch(Slot* slot) {
  if (slot->written == journal_.open()) return;
  slot->written = journal_.open();
  open_touched_.push_back(slot);
}

void Core::Impl::MaybeDrop(Slot* slot) {
  if (slot->pins > 0 || slot->loading || !journal_.IsWritten(slot->written) || !slot->waiters.empty()) return;
  switch (slot->kind) {
    case Slot::Kind::kSwitches:
    case Slot::Kind::kCatalog:
      CHECK(false);  // they are pinned for good
      break;
    case Slot::Kind::kRecord: {
      RecordKey key = static_cast<RecordSlot*>(slot)->key;
      records_.erase(key);
      break;
    }
    case Slot::Kind::kFkey: {
      std::string key = static_cast<FkeySlot*>(slot)->key;
      fkeys_.erase(key);
      break;
    }
    case Slot::Kind::kIdempotency: {
      IdempotencyKey key = static_cast<IdempotencySlot*>(slot)->key;
      idempotency_.erase(key);
      break;
    }
    case Slot::Kind::kLane: {
      Lane* lane = static_cast<Lane*>(slot);
      if (!lane->MayGo()) return;
      // Keeps the lane while its bucket is not full, so that dropping it does not refill the bucket.
      if (!lane->bucket.IsFull(now_.mono, lane->rate()) && RemembersRates()) return Throttle(lane, WhenTokens(*lane, lane->limits.burst));
      CHECK(!lane->waking);
      LaneKey key = lane->key;
      lanes_.erase(key);
      break;
    }
    case Slot::Kind::kEntry: {
      Entry* entry = static_cast<Entry*>(slot);
      if (entry->place != Place::kIdle) {
        entry->full = nullptr;
        return;
      }
      if (PagesUnderWay()) {  // I5
        if (!entry->buried) graveyard_.emplace_back(next_ticket_, entry->id);
        entry->buried = true;
        entry->buried_at = next_ticket_;
        entry->full = nullptr;
        return;
      }
      DropEntry(entry);
      break;
    }
  }
}

void Core::Impl::DropEntry(Entry* entry) {
  CHECK(!entry->promoted || entry->index == Index::kTail || entry->index == Index::kNone);
  CHECK(!entry->lane);
  if (entry->expiry) entry->expiry->entry = nullptr;
  KeepSpec(entry, nullptr);
  SetEnvelope(entry, nullptr);
  if (entry->host) UnrefHost(entry->host);
  services_->Forget(entry->id);
  entries_.erase(entry->id);
}

void Core::Impl::SweepGraveyard() {
  // Tickets grow: once the oldest page under way is younger than an entry's burial, all pages that might bring it back are done.
  uint64_t oldest = page_tickets_.empty() ? UINT64_MAX : page_tickets_.begin()->first;
  while (!graveyard_.empty() && graveyard_.front().first <= oldest) {
    auto [ticket, id] = graveyard_.front();
    graveyard_.pop_front();
    Entry* entry = FindEntry(id);
    if (!entry) continue;
    if (entry->buried_at > ticket && PagesUnderWay()) {  // it was used again, and buried behind the pages of now
      graveyard_.emplace_back(next_ticket_, id);
      continue;
    }
    entry->buried = false;
    if (entry->pins > 0 || entry->loading || !journal_.IsWritten(entry->written) || !entry->waiters.empty() || entry->place != Place::kIdle) continue;
    DropEntry(entry);
  }
}

}  // namespace notifyd
