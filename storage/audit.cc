#include "storage/audit.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "storage/keys.h"
#include "storage/reader.h"
#include "storage/registry_records.h"
#include "storage/store_options.h"

namespace notifyd {
namespace {

std::string_view View(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

/// All keys of the audit from `from` on, the last one first.
class Backward {
 public:
  Backward(const Database& database, std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)), lower_(from_), upper_(to_) {
    rocksdb::ReadOptions how;
    how.fill_cache = false;
    how.iterate_lower_bound = &lower_;
    how.iterate_upper_bound = &upper_;
    it_.reset(database.db()->NewIterator(how, database.main()));
    if (from_ < to_) it_->SeekToLast();
  }
  Backward(const Backward&) = delete;
  Backward& operator=(const Backward&) = delete;
  rocksdb::Iterator* operator->() { return it_.get(); }

 private:
  std::string from_, to_;
  rocksdb::Slice lower_, upper_;  // into them: RocksDB borrows the bounds
  std::unique_ptr<rocksdb::Iterator> it_;
};

std::string FirstKey() {
  return std::string(1, static_cast<char>(KeyKind::kAudit));
}

Status ReadInto(const Database& database, const AuditQuery& query, int64_t now_ms, AuditPage* page) {
  Backward it(database, EncodeAuditKey({WallTime{now_ms - kAuditKeptMs + 1}, 0}), query.below ? EncodeAuditKey(*query.below) : PrefixEnd(FirstKey()));
  std::optional<AuditPlace> last;
  for (size_t examined = 0; it->Valid(); it->Prev(), ++examined) {
    std::optional<AuditPlace> place = DecodeAuditKey(View(it->key()));
    if (!place) return BadKey(View(it->key()));
    if (examined >= kAuditExamined || page->items.size() >= query.limit) {
      page->next = last;
      break;
    }
    Result<AuditEntry> entry = DecodeAudit(place->at, View(it->value()));
    if (!entry.ok()) return std::move(entry).status();
    last = place;
    if (TakesEntry(query, *entry)) page->items.push_back({*place, std::move(*entry)});
  }
  return TranslateStatus(it->status(), "cannot read the store");
}

}  // namespace

AuditPage ReadAudit(const Database& database, const AuditQuery& query, int64_t now_ms) {
  AuditPage page;
  Status status = ReadInto(database, query, now_ms, &page);
  if (!status.ok()) page = {};
  page.status = std::move(status);
  return page;
}

Result<uint32_t> NextAuditSerial(const Database& database) {
  Backward it(database, FirstKey(), PrefixEnd(FirstKey()));
  if (!it->Valid()) {
    if (Status status = TranslateStatus(it->status(), "cannot read the store"); !status.ok()) return status;
    return uint32_t{0};
  }
  std::optional<AuditPlace> place = DecodeAuditKey(View(it->key()));
  if (!place) return BadKey(View(it->key()));
  return place->serial + 1;
}

}  // namespace notifyd
