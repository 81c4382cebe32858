#include "cli/daemon/audit_count.h"

#include <utility>

namespace notifyd {
namespace {

constexpr size_t kCountedAPage = 1000;

void CountBelow(StoreHost* store, std::shared_ptr<AuditBytes> bytes, AuditPlace below) {
  AuditQuery query;
  query.below = below;
  query.limit = kCountedAPage;
  store->ListAudit(std::move(query), [store, bytes = std::move(bytes)](AuditPage page) {
    if (!page.status.ok()) return;
    for (const AuditItem& item : page.items) bytes->Add(item.entry);
    if (page.next) CountBelow(store, bytes, *page.next);
  });
}

}  // namespace

void CountAudit(StoreHost* store, std::shared_ptr<AuditBytes> bytes, WallTime until) {
  CountBelow(store, std::move(bytes), AuditPlace{until, 0});
}

}  // namespace notifyd
