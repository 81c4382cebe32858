// Units of a store in PostgreSQL as they are acquired: by who has the whole store, or by a member, and where each stands then.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/status.h"
#include "broker/ownership.h"
#include "broker/ports.h"
#include "storage/options.h"
#include "storage/ordered_kv.h"
#include "storage/postgres/pg_committer.h"
#include "storage/postgres/pg_connection.h"

namespace notifyd {

/// kPgAcquire, or, where the options name a member, kPgAcquireUnits.
const char* PgAcquireStatement(const PostgresOptions& options);
/// Takes all of `units`, or none. Returns the rows of that statement. Errors: the statement's; kUnavailable: its COMMIT warned.
Result<PgRows> AcquirePgUnits(PgConnection* connection, const PostgresOptions& options, const OwnerWord& word, const std::vector<int64_t>& units);
/// When the last transaction of a unit that was acquired was written, by the database's clock, which all that share it have in common: in
/// CLOCK_BOOTTIME of this machine. Nothing: there was none. Error: PgConnection::Run's.
Result<std::optional<int64_t>> WrittenBootMs(PgConnection* connection, NamespaceNumber number);
/// By its last transaction, in `row` of what was acquired, or, before there was one, by what lies there; `next_wake` where it is asleep. Errors:
/// kCorrupt, kUnavailable, kIo.
Result<PgStand> PgStandOf(const OrderedKv& kv, NamespaceNumber number, const PgRows& rows, int row);

}  // namespace notifyd
