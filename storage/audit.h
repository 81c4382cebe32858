// The audit as it lies in the store. Blocks on the disk; any thread.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "broker/ports.h"
#include "storage/ordered_kv.h"

namespace notifyd {

/// A page looks at so many entries at most.
inline constexpr size_t kAuditExamined = 4'000;

/// What is older than kAuditKeptMs at `now_ms` is as if it were not there. Errors, in the page: kCorrupt, kIo.
AuditPage ReadAudit(const OrderedKv& kv, const AuditQuery& query, int64_t now_ms);
/// The serial number for the next entry. Error: kCorrupt, kIo.
Result<uint32_t> NextAuditSerial(const OrderedKv& kv);

}  // namespace notifyd
