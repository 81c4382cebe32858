// Counting what the audit holds at a start: an entry counts to what its namespace stores for as long as it is kept, over restarts too.
#pragma once

#include <memory>

#include "broker/ports.h"
#include "net/access/audit_bytes.h"

namespace notifyd {

/// Begins it, and returns: page after page on the store's threads, what was written of these namespaces before `until`. What comes later is counted
/// as it is written. `store` is borrowed, and started. Where it cannot be read the rest is not counted.
void CountAudit(StoreHost* store, std::shared_ptr<AuditBytes> bytes, const RegistryImage& namespaces, WallTime until);

}  // namespace notifyd
