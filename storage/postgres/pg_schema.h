// The schema of a store in PostgreSQL: made, versioned, and looked at before it is used.
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "broker/notify.h"
#include "storage/options.h"
#include "storage/postgres/pg_connection.h"

namespace notifyd {

/// Refuses the settings of what RocksDB's engine has, and this one not.
Status CheckPgOptions(const StoreOptions& options);
/// Is there a store, whole or not, in the schema? Error: PgConnection::Run's.
Result<bool> HasPgSchema(PgConnection* connection, const PostgresOptions& options);
/// Makes the schema where it is not there, in one transaction that no other one makes it beside; otherwise looks whether this version reads it.
/// Returns the store's id. Errors: PgConnection::Run's; kCorrupt: it is damaged, or, with `options.store_known`, not there or another one;
/// kUnacceptable: it is a newer or an older one, half-made by a move, or not restored in place to its end (unless `options.restoring`); the
/// database's encoding is not UTF-8. With `options.moving` it is made, or found, half-made, and nothing is said of an id; kUnacceptable: there is a
/// whole store.
Result<Fingerprint> PreparePgSchema(PgConnection* connection, const PostgresOptions& options);
/// A store's id as cells, and PostgresOptions, have it: 16 bytes.
std::string EncodePgStoreId(const Fingerprint& id);

// The statements of ownership. `incarnation`: 16 random bytes of who has the lease.

/// Parameters: lease's epoch, incarnation, units (bigint[], sorted). Takes these units for the owner of the lease: they get a new epoch, so that
/// nothing of an older one is written any more, and waits for what is just being written. Rows: unit, epoch, number of its last batch (0: none), its
/// totals or null. Error: kPgFenced: the lease is another's.
inline constexpr const char* kPgAcquire = "SELECT unit, epoch, n, totals FROM acquire($1, $2, $3)";
/// Parameters: unit. Row: how many milliseconds ago its last totals were written; none: there are none. What brings nothing but a sync, as a stop
/// does, repeats those of the row before, and is younger. A statement of its own, behind what acquires the unit: that one sees what was there before
/// it waited for whoever had it.
inline constexpr const char* kPgLogAge =
    "SELECT (extract(epoch FROM clock_timestamp() - at) * 1000)::bigint FROM log WHERE unit = $1 "
    "AND totals = (SELECT l.totals FROM log l WHERE l.unit = $1 ORDER BY l.n DESC LIMIT 1) ORDER BY n LIMIT 1";
/// Rows, of each namespace that was written since it lies there: unit, its last totals or null.
inline constexpr const char* kPgNewestTotals = "SELECT DISTINCT ON (unit) unit, totals FROM log WHERE unit >= 0 ORDER BY unit DESC, n DESC";
/// Parameters: unit, epoch, incarnation, the batch before (0: none), this batch, totals or null, synced, require_standby. Row: whether fsync is on.
inline constexpr const char* kPgFence = "SELECT current_setting('fsync') = 'on' AS fsync, fence($1, $2, $3, $4, $5, $6, $7, $8)";
/// Parameters: name of a member or '', epoch and incarnation of its lease, or of the owner's; units (bigint[]), the epochs (bigint[]) at which they
/// were acquired, the numbers (bigint[]) of their last transactions that were confirmed. In a cell, which has no lease, the epoch is 0. Rows: what
/// there is less of than was confirmed, how much, how much was confirmed. Of units that are another owner's by now nothing is said, nor of those that
/// were acquired anew since.
inline constexpr const char* kPgLostOf =
    "SELECT 'the epoch of the lease', l.epoch, $2::bigint FROM lease l WHERE l.unit = 0 AND $1::text = '' AND l.epoch < $2 "
    "UNION ALL SELECT 'the epoch of the lease', m.epoch, $2 FROM members m WHERE m.name = $1 AND m.epoch < $2 "
    "UNION ALL SELECT 'the epoch of unit ' || seen.unit, o.epoch, seen.epoch FROM unnest($4::bigint[], $5::bigint[]) AS seen (unit, epoch) "
    "JOIN owners o ON o.unit = seen.unit AND o.incarnation = $3 WHERE o.epoch < seen.epoch "
    "UNION ALL SELECT 'the last batch of unit ' || seen.unit, coalesce(l.n, 0), seen.n "
    "FROM unnest($4::bigint[], $5::bigint[], $6::bigint[]) AS seen (unit, epoch, n) "
    "JOIN owners o ON o.unit = seen.unit AND o.epoch = seen.epoch AND o.incarnation = $3 "
    "LEFT JOIN LATERAL (SELECT g.n FROM log g WHERE g.unit = seen.unit ORDER BY g.n DESC LIMIT 1) l ON true WHERE coalesce(l.n, 0) < seen.n";
/// Row: epoch, renewal, incarnation, free, NOTIFYD_PG_FIT. Where members have the store: as if they were one owner, who renews whenever one of them
/// does.
inline constexpr const char* kPgLook = "SELECT epoch, renewal, incarnation, free, " NOTIFYD_PG_FIT " FROM lease_word()";
/// Parameters: epoch, renewal, incarnation that were seen, whether they are one's own, so that the renewal does not matter, the new incarnation.
/// Takes the lease, and all units of whoever had it. Row: epoch, renewal. Error: kPgFenced: it is not any more as it was seen.
inline constexpr const char* kPgTakeLease = "SELECT epoch, renewal FROM take_lease($1, $2, $3, $4, $5)";
/// Parameters: epoch, incarnation. Row: epoch, renewal, the database's clock in ms, NOTIFYD_PG_FIT; none where it is another's.
inline constexpr const char* kPgRenewLease =
    "UPDATE lease SET renewal = renewal + 1, at = now() WHERE unit = 0 AND epoch = $1 AND incarnation = $2 "
    "RETURNING epoch, renewal, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, " NOTIFYD_PG_FIT;
/// Likewise. Row, of this and of a member's: epoch, renewal.
inline constexpr const char* kPgReleaseLease =
    "UPDATE lease SET free = true, at = now() WHERE unit = 0 AND epoch = $1 AND incarnation = $2 RETURNING epoch, renewal";

// The same of one of several members: its lease is a row of its own. An owner of the whole store is to them as one whose lease they wait for.

/// Parameters: name. Row: as kPgLook's, but before its last two columns whether an owner has the whole store, and the address of the member of that
/// name, or ''.
inline constexpr const char* kPgLookMember = "SELECT w.epoch, w.renewal, w.incarnation, w.free, NOT l.free, coalesce(m.address, ''), " NOTIFYD_PG_FIT
                                             " FROM member_word($1) w CROSS JOIN lease l LEFT JOIN members m ON m.name = $1 WHERE l.unit = 0";
/// Parameters: name, address, version, then as kPgTakeLease's. What it had as its own it has again, at a new epoch. Row, error: likewise.
inline constexpr const char* kPgTakeMember = "SELECT epoch, renewal FROM take_member($1, $2, $3, $4, $5, $6, $7, $8)";
/// Parameters, of this and the next: epoch, incarnation, name. Row: as kPgRenewLease's.
inline constexpr const char* kPgRenewMember =
    "UPDATE members SET renewal = renewal + 1, at = now() WHERE name = $3 AND epoch = $1 AND incarnation = $2 AND NOT free "
    "RETURNING epoch, renewal, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, " NOTIFYD_PG_FIT;
inline constexpr const char* kPgReleaseMember =
    "UPDATE members SET free = true, at = now() WHERE name = $3 AND epoch = $1 AND incarnation = $2 AND NOT free RETURNING epoch, renewal";
/// Parameters: name, epoch, renewal, incarnation, as they were seen. Fences off all that it had. No row: it is not any more as it was seen.
inline constexpr const char* kPgBury = "SELECT epoch FROM bury($1, $2, $3, $4)";
/// As kPgAcquire, of the lease of a member. Errors: kPgFenced: it is lost; kPgHeld: another member has one of them, and none is taken.
inline constexpr const char* kPgAcquireUnits = "SELECT unit, epoch, n, totals FROM acquire_units($1, $2, $3)";
/// Parameters: units (bigint[]), epochs (bigint[]), incarnation of their owner. A row for each that was as it was seen.
inline constexpr const char* kPgReleaseUnits =
    "UPDATE owners o SET epoch = o.epoch + 1, incarnation = nobody() FROM unnest($1::bigint[], $2::bigint[]) AS seen (unit, epoch) "
    "WHERE o.unit = seen.unit AND o.epoch = seen.epoch AND o.incarnation = $3 RETURNING o.unit";

// Of namespaces that lie in cells (storage/postgres/pg_cells.h), in the store's own schema: the unit is acquired there, and a claim is drawn for it.

/// As kPgAcquire and kPgAcquireUnits; behind their columns the claim, which is larger than that of whoever owned the unit before.
inline constexpr const char* kPgDraw = "SELECT unit, epoch, n, totals, nextval('claims') FROM acquire($1, $2, $3)";
inline constexpr const char* kPgDrawUnits = "SELECT unit, epoch, n, totals, nextval('claims') FROM acquire_units($1, $2, $3)";
/// Parameters: name. Row: the id by which the cell is known; none: it is not known.
inline constexpr const char* kPgKnownCell = "SELECT store FROM cells WHERE name = $1";
/// Parameters: name, id.
inline constexpr const char* kPgLearnCell = "INSERT INTO cells (name, store) VALUES ($1, $2) ON CONFLICT DO NOTHING";
/// Parameters: unit, cell. In the transaction that drops a namespace: its cell is to be cleaned of it, and the store itself (kPgLeftHere).
inline constexpr const char* kPgLeaveOver = "INSERT INTO leftovers (unit, cell) VALUES ($1, $2) ON CONFLICT DO NOTHING";
/// Parameters: unit, cell. A row: that is still to be done.
inline constexpr const char* kPgIsLeft = "SELECT unit FROM leftovers WHERE unit = $1 AND cell = $2";
/// Parameters: names of cells (bytea[]), unit, cell. Rows, of those cells, behind that one: unit, cell.
inline constexpr const char* kPgLeftovers =
    "SELECT unit, cell FROM leftovers WHERE convert_to(cell, 'UTF8') = ANY ($1::bytea[]) AND (unit, cell) > ($2::bigint, $3::text) "
    "ORDER BY unit, cell LIMIT 100";
/// Parameters: unit, cell.
inline constexpr const char* kPgCleaned = "DELETE FROM leftovers WHERE unit = $1 AND cell = $2";

// Of namespaces that go from one cell to another (storage/postgres/pg_cell_move.h), in either schema.

/// What lies there is not to be used by a release that knows nothing of this: from then on such a one refuses it.
inline constexpr const char* kPgKnowsMoves = "UPDATE meta SET value = 3 WHERE name = 'schema' AND value < 3";
/// Parameters: unit, number of the transaction, keys (bytea[]) that it writes.
inline constexpr const char* kPgTouch = "INSERT INTO touched (unit, n, keys) VALUES ($1, $2, $3)";
/// Parameters: unit. Row: move, arriving, whole, the other cell.
inline constexpr const char* kPgTransit = "SELECT move, arriving, whole, other FROM transits WHERE unit = $1";
/// Parameters, of each: unit.
inline constexpr const char* kPgForgetTransit = "DELETE FROM transits WHERE unit = $1";
inline constexpr const char* kPgForgetTouched = "DELETE FROM touched WHERE unit = $1";
/// Parameters: unit, move. What lies there is the namespace from now on.
inline constexpr const char* kPgSettle = "DELETE FROM transits WHERE unit = $1 AND move = $2 RETURNING unit";

// In the schema of a cell.

/// Parameters: claim, incarnation, unit. Row: as kPgAcquire's. Error: kPgFenced: a later owner has claimed it.
inline constexpr const char* kPgClaim = "SELECT unit, epoch, n, totals FROM claim_unit($1, $2, $3)";
/// As kPgAcquire, of units that were claimed. Error: kPgFenced: another owner has claimed one of them since.
inline constexpr const char* kPgRenewUnits = "SELECT unit, epoch, n, totals FROM renew_units($1, $2, $3)";
/// Parameters: unit.
inline constexpr const char* kPgForgetClaim = "DELETE FROM claimed WHERE unit = $1";

/// Parameters: incarnation of who has the registry, units (bigint[]), names (bytea[]) of the members that are to have them. Error: kPgHeld.
inline constexpr const char* kPgPlace = "SELECT place($1, $2, $3)";
/// Parameters: units (bigint[]), loads (bigint[]).
inline constexpr const char* kPgTellLoads =
    "UPDATE places p SET load = l.load FROM unnest($1::bigint[], $2::bigint[]) AS l (unit, load) WHERE p.unit = l.unit AND p.load <> l.load";
/// Parameters: name, incarnation, names (bytea[]) of the members that it does not reach.
inline constexpr const char* kPgTellReach =
    "INSERT INTO reach (member, incarnation, unreached) VALUES ($1, $2, $3::bytea[]) ON CONFLICT (member) DO UPDATE "
    "SET incarnation = excluded.incarnation, unreached = excluded.unreached RETURNING member";
/// Parameters: name, incarnation, names (bytea[]) of the cells that its settings name.
inline constexpr const char* kPgTellCells =
    "INSERT INTO member_cells (member, incarnation, cells) VALUES ($1, $2, $3::bytea[]) ON CONFLICT (member) DO UPDATE "
    "SET incarnation = excluded.incarnation, cells = excluded.cells RETURNING member";
/// Parameters: name, incarnation, by how many milliseconds its clock is ahead of the database's.
inline constexpr const char* kPgTellClock =
    "INSERT INTO member_clocks (member, incarnation, ahead_ms) VALUES ($1, $2, $3) ON CONFLICT (member) DO UPDATE "
    "SET incarnation = excluded.incarnation, ahead_ms = excluded.ahead_ms RETURNING member";
/// Parameters: name, draining. No row: there is no such member.
inline constexpr const char* kPgSetDraining = "UPDATE members SET draining = $2 WHERE name = $1 AND NOT free RETURNING epoch";
/// Parameters: name. Row: the unit that is a member's own.
inline constexpr const char* kPgUnitOfMember = "SELECT -1 - number FROM members WHERE name = $1";
/// Of all members that are alive (kind 0: 0, name, address, version, epoch, renewal, incarnation, draining), all units (kind 1: unit, the member that
/// is to have it, '', '', epoch, load, incarnation, false), then the registry's version (kind 2: that), then of each member that said whom it does
/// not reach a row for each of those, or one of nobody (kind 3: 0, name, the other's, ...), the same of cells (kind 4), and what it says of its clock
/// (kind 5: by how much that is ahead, name).
inline constexpr const char* kPgLookAround =
    "SELECT 0::bigint AS kind, 0::bigint AS unit, name AS name, address, version, epoch, renewal, incarnation, draining FROM members WHERE NOT free "
    "UNION ALL SELECT 1, coalesce(o.unit, p.unit), coalesce(p.member, ''), '', '', coalesce(o.epoch, 0), coalesce(p.load, 0), "
    "coalesce(o.incarnation, nobody()), false "
    "FROM owners o FULL JOIN places p ON p.unit = o.unit WHERE coalesce(o.unit, p.unit) >= -1 "
    "UNION ALL SELECT 2, value, '', '', '', 0, 0, nobody(), false FROM meta WHERE name = 'registry' "
    "UNION ALL SELECT 3, 0, r.member, coalesce(convert_from(u.other, 'UTF8'), ''), '', 0, 0, nobody(), false FROM reach r "
    "JOIN members m ON m.name = r.member AND m.incarnation = r.incarnation AND NOT m.free LEFT JOIN LATERAL unnest(r.unreached) AS u (other) ON true "
    "UNION ALL SELECT 4, 0, c.member, coalesce(convert_from(u.cell, 'UTF8'), ''), '', 0, 0, nobody(), false FROM member_cells c "
    "JOIN members m ON m.name = c.member AND m.incarnation = c.incarnation AND NOT m.free LEFT JOIN LATERAL unnest(c.cells) AS u (cell) ON true "
    "UNION ALL SELECT 5, k.ahead_ms, k.member, '', '', 0, 0, nobody(), false FROM member_clocks k "
    "JOIN members m ON m.name = k.member AND m.incarnation = k.incarnation AND NOT m.free "
    "ORDER BY 1, 2, 3";

}  // namespace notifyd
