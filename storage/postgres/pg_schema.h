// The schema of a store in PostgreSQL: made, versioned, and looked at before it is used.
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "broker/notify.h"
#include "storage/postgres/pg_connection.h"

namespace notifyd {

/// Is there a store, whole or not, in the schema? Error: PgConnection::Run's.
Result<bool> HasPgSchema(PgConnection* connection, const PostgresOptions& options);
/// Makes the schema where it is not there, in one transaction that no other one makes it beside; otherwise looks whether this version reads it.
/// Returns the store's id. Errors: PgConnection::Run's; kUnacceptable: it is a newer or an older one, or half-made by a move; the database's encoding
/// is not UTF-8. With `options.moving` it is made, or found, half-made, and nothing is said of an id; kUnacceptable: there is a whole store.
Result<Fingerprint> PreparePgSchema(PgConnection* connection, const PostgresOptions& options);

// The statements of ownership. `incarnation`: 16 random bytes of who has the lease.

/// Parameters: lease's epoch, incarnation, units (bigint[], sorted). Takes these units for the owner of the lease: they get a new epoch, so that
/// nothing of an older one is written any more, and waits for what is just being written. Rows: unit, epoch, number of its last batch (0: none), its
/// totals or null. Error: kPgFenced: the lease is another's.
inline constexpr const char* kPgAcquire = "SELECT unit, epoch, n, totals FROM acquire($1, $2, $3)";
/// Parameters: unit, epoch, incarnation, the batch before (0: none), this batch, totals or null, synced, require_standby.
inline constexpr const char* kPgFence = "SELECT fence($1, $2, $3, $4, $5, $6, $7, $8)";
/// Row: epoch, renewal, incarnation, free.
inline constexpr const char* kPgLook = "SELECT epoch, renewal, incarnation, free FROM lease WHERE unit = 0";
/// Parameters: epoch, renewal, incarnation that were seen, whether they are one's own, so that the renewal does not matter, the new incarnation.
/// Takes the lease, and all units of whoever had it. Row: epoch, renewal. Error: kPgFenced: it is not any more as it was seen.
inline constexpr const char* kPgTakeLease = "SELECT epoch, renewal FROM take_lease($1, $2, $3, $4, $5)";
/// Parameters: epoch, incarnation. Row: epoch, renewal; none where it is another's.
inline constexpr const char* kPgRenewLease =
    "UPDATE lease SET renewal = renewal + 1, at = now() WHERE unit = 0 AND epoch = $1 AND incarnation = $2 RETURNING epoch, renewal";
inline constexpr const char* kPgReleaseLease =
    "UPDATE lease SET free = true, at = now() WHERE unit = 0 AND epoch = $1 AND incarnation = $2 RETURNING epoch, renewal";

}  // namespace notifyd
