#include "storage/audit.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "storage/keys.h"
#include "storage/reader.h"
#include "storage/registry_records.h"

namespace notifyd {
namespace {

std::string FirstKey() {
  return std::string(1, static_cast<char>(KeyKind::kAudit));
}

Status ReadInto(const OrderedKv& kv, const AuditQuery& query, int64_t now_ms, AuditPage* page) {
  auto it = kv.Walk(EncodeAuditKey({WallTime{now_ms - kAuditKeptMs + 1}, 0}), query.below ? EncodeAuditKey(*query.below) : PrefixEnd(FirstKey()),
                    {.forward = false, .expected = query.limit});
  std::optional<AuditPlace> last;
  for (size_t examined = 0; it->Valid(); it->Next(), ++examined) {
    std::optional<AuditPlace> place = DecodeAuditKey(it->key());
    if (!place) return BadKey(it->key());
    if (examined >= kAuditExamined || page->items.size() >= query.limit) {
      page->next = last;
      break;
    }
    Result<AuditEntry> entry = DecodeAudit(place->at, it->value());
    if (!entry.ok()) return std::move(entry).status();
    last = place;
    if (TakesEntry(query, *entry)) page->items.push_back({*place, std::move(*entry)});
  }
  return it->status();
}

}  // namespace

AuditPage ReadAudit(const OrderedKv& kv, const AuditQuery& query, int64_t now_ms) {
  AuditPage page;
  Status status = ReadInto(kv, query, now_ms, &page);
  if (!status.ok()) page = {};
  page.status = std::move(status);
  return page;
}

Result<uint32_t> NextAuditSerial(const OrderedKv& kv) {
  auto it = kv.Walk(FirstKey(), PrefixEnd(FirstKey()), {.forward = false, .values = false, .expected = 1});
  if (!it->Valid()) {
    if (Status status = it->status(); !status.ok()) return status;
    return uint32_t{0};
  }
  std::optional<AuditPlace> place = DecodeAuditKey(it->key());
  if (!place) return BadKey(it->key());
  return place->serial + 1;
}

}  // namespace notifyd
