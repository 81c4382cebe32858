#include "cli/daemon/audit_count.h"

#include <utility>

#include "broker/access_table.h"

namespace notifyd {
namespace {

constexpr size_t kCountedAPage = 1000;

void Count(StoreHost* store, std::shared_ptr<AuditBytes> bytes, const AuditQuery& query) {
  store->ListAudit(query, [store, bytes = std::move(bytes), query](AuditPage page) {
    if (!page.status.ok()) return;
    for (const AuditItem& item : page.items) bytes->Add(item.entry);
    if (!page.next) return;
    AuditQuery below = query;
    below.below = page.next;
    Count(store, bytes, below);
  });
}

}  // namespace

void CountAudit(StoreHost* store, std::shared_ptr<AuditBytes> bytes, const RegistryImage& namespaces, WallTime until) {
  AccessTable there;
  for (const auto& row : namespaces.namespaces) there.PutNamespace(row->name, row);
  AuditQuery query;
  query.below = AuditPlace{until, 0};
  query.limit = kCountedAPage;
  query.there = std::make_shared<const AccessTable>(std::move(there));
  Count(store, std::move(bytes), query);
}

}  // namespace notifyd
