// The restore in place of a store in PostgreSQL. While it is under way a row `restoring` stands in its table `meta`.
//
// A database that was put back has its leases, and the rows of its members, as they were: whoever has them is gone, and they are taken by the lease
// of this one, as any owner's that does not renew it. Cells are databases of their own, put back each by itself: those that do not agree with the
// home cell where namespaces lie are refused, before anything is changed.
#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "storage/in_place_restore.h"
#include "storage/options.h"

namespace notifyd {

/// Takes the lease, and leaves the gap in all namespaces, wherever they lie. Errors: PgCells::Open's; kNotFound: there is no store in the schema;
/// kIo: a broker has it; kUnacceptable: cells do not agree, or a namespace has no ids left.
Result<std::unique_ptr<InPlaceRestore>> BeginPgRestore(const StoreOptions& options, uint64_t id_gap);

}  // namespace notifyd
