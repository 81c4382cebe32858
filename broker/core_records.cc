// What is kept beside notifies (broker/stored_record.h): looked up by key as all else is (I1, I2), read by pages, counted; and the catalog, of which
// memory holds all, from the core's start on. See core_impl.h.
#include <utility>

#include "broker/core_services.h"
#include "broker/core_topics.h"

namespace notifyd {
namespace {

// Read whole at the start, in this order: who refers to what is behind it.
constexpr RecordKind kCatalogKinds[] = {RecordKind::kService, RecordKind::kInstance, RecordKind::kTopic, RecordKind::kSubscription,
                                        RecordKind::kBacklog};

}  // namespace

RecordSlot* Core::Impl::NeedRecord(Task* task, RecordKind kind, std::string key) {
  RecordKey at{kind, std::move(key)};
  std::unique_ptr<RecordSlot>& slot = records_[at];
  if (!slot) {
    slot = std::make_unique<RecordSlot>(at);
    LoadSlot(slot.get(), std::move(at));
  }
  return Known(task, slot.get()) ? slot.get() : nullptr;
}

/// Returns the slot where it is known, for as long as the batch that changed it is not written or a task needs it; else null.
RecordSlot* Core::Impl::FindRecord(const RecordKey& key) const {
  auto found = records_.find(key);
  return found == records_.end() || !found->second->known || found->second->loading ? nullptr : found->second.get();
}

void Core::Impl::WriteRecord(RecordSlot* slot, std::string value, WallTime expires_at) {
  const bool counted = slot->record && slot->record->expires_at == kWallNever;
  totals_.records[slot->key.kind] += static_cast<uint64_t>(expires_at == kWallNever) - static_cast<uint64_t>(counted);
  slot->record = std::make_shared<const StoredRecord>(StoredRecord{std::move(value), expires_at});
  Touch(slot);
  Write(PutRecord{slot->key, slot->record});
}

void Core::Impl::WriteNewRecord(RecordKey key, std::string value) {
  std::unique_ptr<RecordSlot>& slot = records_[key];
  if (!slot) {
    slot = std::make_unique<RecordSlot>(std::move(key));
    slot->known = true;
  }
  WriteRecord(slot.get(), std::move(value));
}

void Core::Impl::RemoveRecord(RecordSlot* slot) {
  if (!slot->record) return;
  if (slot->record->expires_at == kWallNever) --totals_.records[slot->key.kind];
  slot->record = nullptr;
  Touch(slot);
  Write(DeleteRecord{slot->key});
}

void Core::Impl::WriteRecord(RecordKey key, std::string value, WallTime expires_at, bool fresh) {
  CHECK(!records_.contains(key));  // a slot would go on saying what was there before
  if (fresh && expires_at == kWallNever) ++totals_.records[key.kind];
  Write(PutRecord{std::move(key), std::make_shared<const StoredRecord>(StoredRecord{std::move(value), expires_at})});
}

void Core::Impl::RemoveRecord(RecordKey key, bool was_there) {
  CHECK(!records_.contains(key));
  if (was_there) --totals_.records[key.kind];
  Write(DeleteRecord{std::move(key)});
}

void Core::Impl::AskRecords(RecordsPage page, size_t limit, ThenRecords then) {
  record_pages_.emplace(AskPage({0, limit, std::move(page)}), std::move(then));
}

// ---- the catalog

/// Reads the kinds from that place on, the first of them from a key on.
void Core::Impl::LoadCatalogFrom(size_t place, std::string from) {
  while (place < std::size(kCatalogKinds) && totals_.records[kCatalogKinds[place]] == 0) ++place;
  if (place == std::size(kCatalogKinds)) {
    catalog_.known = true;
    services_->OnCatalogKnown();
    WakeWaiters(&catalog_);
    return;
  }
  catalog_page_ = RecordsPage{kCatalogKinds[place], std::move(from), "", false};
  catalog_place_ = place;
}

/// Asks for the catalog's next page, where one is wanted. In a turn: the constructor has nowhere to put it.
void Core::Impl::PageCatalog() {
  if (!catalog_page_) return;
  RecordsPage page = *std::exchange(catalog_page_, std::nullopt);
  AskRecords(std::move(page), limits_.page_items, [this, place = catalog_place_, kind = page.kind](std::vector<RecordRow>& rows, bool more) {
    for (const RecordRow& row : rows) OnCatalogRow(kind, row);
    if (more) LoadCatalogFrom(place, rows.back().key + '\0');
    else LoadCatalogFrom(place + 1, "");
  });
}

/// Whoever keeps a kind in memory takes its records here.
void Core::Impl::OnCatalogRow(RecordKind kind, const RecordRow& row) {
  switch (kind) {
    case RecordKind::kService:
    case RecordKind::kInstance:
      return services_->OnRow(kind, row);
    default:
      return topics_->OnCatalogRow(kind, row);
  }
}

}  // namespace notifyd
