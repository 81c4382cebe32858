#include "storage/postgres/pg_schema.h"

#include <optional>
#include <string>
#include <vector>

#include "base/crypto.h"
#include "base/hex.h"
#include "storage/keys.h"
#include "storage/records.h"

namespace notifyd {
namespace {

/// Of tables and functions; what keys and values are has a number of its own, the same as RocksDB's (storage/records.h).
constexpr int64_t kSchemaVersion = 2;
// Of one of which a namespace was moved from cell to cell, once: older releases do not know that.
constexpr int64_t kMovedSchemaVersion = 3;
// Whoever makes the schema holds it, so that two brokers that start at once do not make it twice. Any number that nobody else takes.
constexpr char kMakeOne[] = "SELECT pg_advisory_xact_lock(7300022, hashtext(current_setting('search_path')))";

// A notify is changed about once in its life, so its pages keep room for the second version, which then needs no new entry in the index. The queues'
// indexes are put and deleted, never changed. Counts are rows that are added and removed (storage/postgres/pg_writes.cc). What is dead is cleaned up
// as soon as it is a small part of the table, at full speed: what lies dead in front of a queue is what each page of it would walk over.
constexpr char kTables[] = R"sql(
CREATE TABLE meta (name text PRIMARY KEY, value bigint NOT NULL);
CREATE TABLE kv_main (k bytea PRIMARY KEY, v bytea, ops bytea) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE kv_notifies (k bytea PRIMARY KEY, v bytea, ops bytea) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE kv_hot (k bytea PRIMARY KEY, v bytea, ops bytea) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE counted (k bytea PRIMARY KEY, n bigint NOT NULL) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0);
CREATE TABLE count_bases (k bytea, n bigint, v bytea NOT NULL, PRIMARY KEY (k, n)) WITH (autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE count_changes (k bytea, n bigint, ops bytea NOT NULL, PRIMARY KEY (k, n)) WITH (autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0);
CREATE VIEW kv_counts AS SELECT c.k, b.v, o.ops, coalesce(b.n, -1) AS base, o.n AS last FROM counted c
  LEFT JOIN LATERAL (SELECT n, v FROM count_bases WHERE k = c.k ORDER BY n DESC LIMIT 1) b ON true
  LEFT JOIN LATERAL (SELECT string_agg(ops, ''::bytea ORDER BY n) AS ops, max(n) AS n FROM count_changes WHERE k = c.k AND n > coalesce(b.n, -1)) o
  ON true;
ALTER TABLE kv_main ALTER ops SET STORAGE MAIN;
ALTER TABLE kv_notifies ALTER ops SET STORAGE MAIN;
CREATE TABLE removals (hour bigint, k bytea, PRIMARY KEY (hour, k)) WITH (autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE log (unit bigint, n bigint, totals bytea, at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (unit, n))
  WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE owners (unit bigint PRIMARY KEY, epoch bigint NOT NULL, incarnation bytea NOT NULL) WITH (fillfactor = 50);
CREATE TABLE lease (unit bigint PRIMARY KEY, free boolean NOT NULL, epoch bigint NOT NULL, incarnation bytea NOT NULL, renewal bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now()) WITH (fillfactor = 10);
INSERT INTO lease (unit, free, epoch, incarnation, renewal) VALUES (0, true, 0, decode(repeat('00', 16), 'hex'), 0);
)sql";

// Several brokers at once. A unit belongs to the member under whose incarnation it stands in `owners`, as long as that member's row is
// not free. `number` names the unit under which it writes what is no namespace's.
constexpr char kMembers[] = R"sql(
CREATE TABLE members (name text PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY, free boolean NOT NULL, epoch bigint NOT NULL,
  incarnation bytea NOT NULL, renewal bigint NOT NULL, address text NOT NULL DEFAULT '', version text NOT NULL DEFAULT '',
  draining boolean NOT NULL DEFAULT false, at timestamptz NOT NULL DEFAULT now()) WITH (fillfactor = 10);
CREATE TABLE places (unit bigint PRIMARY KEY, member text NOT NULL, load bigint NOT NULL DEFAULT 0);
INSERT INTO meta (name, value) VALUES ('registry', 0);
)sql";

// Whom each member does not reach, as it says. A version before this table knows nothing of it, and needs none.
constexpr char kReach[] = R"sql(
CREATE TABLE reach (member text PRIMARY KEY REFERENCES members ON DELETE CASCADE, incarnation bytea NOT NULL, unreached bytea[] NOT NULL)
  WITH (fillfactor = 50);
)sql";

// Which cells the settings of each member name, as it says. Likewise.
constexpr char kMemberCells[] = R"sql(
CREATE TABLE member_cells (member text PRIMARY KEY REFERENCES members ON DELETE CASCADE, incarnation bytea NOT NULL, cells bytea[] NOT NULL)
  WITH (fillfactor = 50);
)sql";

// By how much each member's clock is ahead of this database's, as it says. Likewise.
constexpr char kMemberClocks[] = R"sql(
CREATE TABLE member_clocks (member text PRIMARY KEY REFERENCES members ON DELETE CASCADE, incarnation bytea NOT NULL, ahead_ms bigint NOT NULL)
  WITH (fillfactor = 50);
)sql";

// A shared lock makes no new version of the row, and waits for an acquisition that is just being committed, after which the row is another one. What
// a function does with set_config ends with the transaction. The statements of a function see what was committed up to each of them: the number is
// read behind the wait for whoever held the lock.
constexpr char kFunctions[] = R"sql(
CREATE FUNCTION fence(p_unit bigint, p_epoch bigint, p_incarnation bytea, p_before bigint, p_n bigint, p_totals bytea, p_synced boolean,
  p_standby boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM owners o WHERE o.unit = p_unit AND o.epoch = p_epoch AND o.incarnation = p_incarnation FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unit % is not owned at epoch % any more', p_unit, p_epoch USING ERRCODE = 'ND001';
  END IF;
  IF p_before > 0 AND NOT EXISTS (SELECT 1 FROM log l WHERE l.unit = p_unit AND l.n = p_before) THEN
    RAISE EXCEPTION 'batch % of unit % is not there', p_before, p_unit USING ERRCODE = 'ND002';
  END IF;
  IF p_standby AND current_setting('synchronous_standby_names') = '' THEN
    RAISE EXCEPTION 'synchronous_standby_names is empty' USING ERRCODE = 'ND003';
  END IF;
  PERFORM set_config('synchronous_commit', CASE WHEN p_synced THEN 'on' ELSE 'off' END, true);
  INSERT INTO log (unit, n, totals) VALUES (p_unit, p_n, p_totals);
END $$;

CREATE FUNCTION acquire(p_epoch bigint, p_incarnation bytea, p_units bigint[])
RETURNS TABLE (unit bigint, epoch bigint, n bigint, totals bytea) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM lease WHERE unit = 0 AND epoch = p_epoch AND incarnation = p_incarnation FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the lease is not held at epoch % any more', p_epoch USING ERRCODE = 'ND001';
  END IF;
  INSERT INTO owners AS o (unit, epoch, incarnation) SELECT u, 1, p_incarnation FROM unnest(p_units) AS u
    ON CONFLICT (unit) DO UPDATE SET epoch = o.epoch + 1, incarnation = excluded.incarnation;
  RETURN QUERY SELECT o.unit, o.epoch, coalesce(l.n, 0), l.totals FROM owners o
    LEFT JOIN LATERAL (SELECT g.n, g.totals FROM log g WHERE g.unit = o.unit ORDER BY g.n DESC LIMIT 1) l ON true
    WHERE o.unit = ANY (p_units);
END $$;

CREATE FUNCTION nobody() RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT decode(repeat('00', 16), 'hex') $$;

CREATE FUNCTION lease_word() RETURNS TABLE (epoch bigint, renewal bigint, incarnation bytea, free boolean) LANGUAGE sql AS $$
  SELECT l.epoch, l.renewal + coalesce((SELECT sum(m.renewal) FROM members m WHERE NOT m.free), 0)::bigint,
    coalesce((SELECT m.incarnation FROM members m WHERE NOT m.free ORDER BY m.name LIMIT 1), l.incarnation),
    l.free AND NOT EXISTS (SELECT 1 FROM members m WHERE NOT m.free)
  FROM lease l WHERE l.unit = 0
$$;

CREATE FUNCTION member_word(p_name text) RETURNS TABLE (epoch bigint, renewal bigint, incarnation bytea, free boolean)
LANGUAGE sql AS $$
  SELECT coalesce(m.epoch, 0), coalesce(m.renewal, 0) + CASE WHEN l.free THEN 0 ELSE l.renewal END,
    CASE WHEN l.free THEN coalesce(m.incarnation, nobody()) ELSE l.incarnation END, coalesce(m.free, true) AND l.free
  FROM lease l LEFT JOIN members m ON m.name = p_name WHERE l.unit = 0
$$;

CREATE FUNCTION take_lease(p_epoch bigint, p_renewal bigint, p_seen bytea, p_own boolean, p_incarnation bytea)
RETURNS TABLE (epoch bigint, renewal bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM lease WHERE unit = 0 FOR UPDATE;
  PERFORM 1 FROM members ORDER BY name FOR UPDATE;
  IF NOT EXISTS (SELECT 1 FROM lease_word() w WHERE w.epoch = p_epoch AND w.incarnation = p_seen AND (p_own OR w.renewal = p_renewal)) THEN
    RAISE EXCEPTION 'the lease is not any more as it was seen' USING ERRCODE = 'ND001';
  END IF;
  UPDATE members SET free = true, epoch = epoch + 1 WHERE NOT free;
  UPDATE owners SET epoch = epoch + 1, incarnation = p_incarnation;
  RETURN QUERY UPDATE lease SET free = false, epoch = epoch + 1, renewal = renewal + 1, incarnation = p_incarnation, at = now() WHERE unit = 0
    RETURNING epoch, renewal;
END $$;

CREATE FUNCTION take_member(p_name text, p_address text, p_version text, p_epoch bigint, p_renewal bigint, p_seen bytea,
  p_own boolean, p_incarnation bytea) RETURNS TABLE (epoch bigint, renewal bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM lease WHERE unit = 0 FOR UPDATE;
  DELETE FROM members WHERE free AND name <> p_name AND at < now() - interval '1 day';
  INSERT INTO members (name, free, epoch, incarnation, renewal) VALUES (p_name, true, 0, nobody(), 0) ON CONFLICT DO NOTHING;
  PERFORM 1 FROM members WHERE name = p_name FOR UPDATE;
  IF NOT EXISTS (SELECT 1 FROM member_word(p_name) w WHERE w.epoch = p_epoch AND w.incarnation = p_seen AND (p_own OR w.renewal = p_renewal)) THEN
    RAISE EXCEPTION 'the lease is not any more as it was seen' USING ERRCODE = 'ND001';
  END IF;
  UPDATE owners o SET epoch = o.epoch + 1, incarnation = nobody() FROM lease l WHERE l.unit = 0 AND NOT l.free AND o.incarnation = l.incarnation;
  UPDATE lease SET free = true, epoch = epoch + 1 WHERE unit = 0 AND NOT free;
  UPDATE owners o SET epoch = o.epoch + 1, incarnation = p_incarnation FROM members m
    WHERE m.name = p_name AND NOT m.free AND o.incarnation = m.incarnation;
  RETURN QUERY UPDATE members SET draining = draining AND NOT free, free = false, epoch = epoch + 1, renewal = renewal + 1,
    incarnation = p_incarnation, address = p_address, version = p_version, at = now() WHERE name = p_name RETURNING epoch, renewal;
END $$;

CREATE FUNCTION bury(p_name text, p_epoch bigint, p_renewal bigint, p_incarnation bytea)
RETURNS TABLE (epoch bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM members WHERE name = p_name AND epoch = p_epoch AND renewal = p_renewal AND incarnation = p_incarnation AND NOT free FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE owners SET epoch = epoch + 1, incarnation = nobody() WHERE incarnation = p_incarnation;
  RETURN QUERY UPDATE members SET free = true, epoch = epoch + 1, at = now() WHERE name = p_name RETURNING epoch;
END $$;

CREATE FUNCTION acquire_units(p_epoch bigint, p_incarnation bytea, p_units bigint[])
RETURNS TABLE (unit bigint, epoch bigint, n bigint, totals bytea) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM members m WHERE m.incarnation = p_incarnation AND m.epoch = p_epoch AND NOT m.free FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the lease is not held at epoch % any more', p_epoch USING ERRCODE = 'ND001';
  END IF;
  INSERT INTO owners (unit, epoch, incarnation) SELECT u, 0, nobody() FROM unnest(p_units) AS u ON CONFLICT DO NOTHING;
  PERFORM 1 FROM owners o WHERE o.unit = ANY (p_units) ORDER BY o.unit FOR UPDATE;
  IF EXISTS (SELECT 1 FROM owners o JOIN members m ON m.incarnation = o.incarnation
      WHERE o.unit = ANY (p_units) AND NOT m.free AND m.incarnation <> p_incarnation) THEN
    RAISE EXCEPTION 'another member has it' USING ERRCODE = 'ND004';
  END IF;
  UPDATE owners o SET epoch = o.epoch + 1, incarnation = p_incarnation WHERE o.unit = ANY (p_units);
  RETURN QUERY SELECT o.unit, o.epoch, coalesce(l.n, 0), l.totals FROM owners o
    LEFT JOIN LATERAL (SELECT g.n, g.totals FROM log g WHERE g.unit = o.unit ORDER BY g.n DESC LIMIT 1) l ON true
    WHERE o.unit = ANY (p_units);
END $$;

CREATE FUNCTION place(p_incarnation bytea, p_units bigint[], p_members bytea[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM owners o WHERE o.unit = -1 AND o.incarnation = p_incarnation FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another member leads' USING ERRCODE = 'ND004';
  END IF;
  INSERT INTO places (unit, member) SELECT u, convert_from(m, 'UTF8') FROM unnest(p_units, p_members) AS p (u, m)
    ON CONFLICT (unit) DO UPDATE SET member = excluded.member;
END $$;
)sql";

Result<bool> HasTable(PgConnection* connection, const PostgresOptions& options, const std::string& name) {
  auto found = connection->Run(
      "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1::text AND c.relname = $2::text",
      PgParams().Bytes(options.schema).Bytes(name));
  if (!found.ok()) return std::move(found).status();
  return found->Int(0, 0) != 0;
}

// Of a store whose namespaces lie in several cells, in the store's own schema: which store each cell is known by; what was dropped here and is still
// to be removed there, or here; and the claims by which cells tell owners apart, each larger than all before it (see kCell). A number of this part's
// own stands in `meta`. A store of which this broker's settings name no cell has it, too: another one's may, and what goes to a cell, or lies in one,
// is then not to be taken for what lies here.
constexpr char kCellsOfStore[] = R"sql(
CREATE TABLE IF NOT EXISTS cells (name text PRIMARY KEY, store bytea NOT NULL);
CREATE TABLE IF NOT EXISTS leftovers (unit bigint, cell text, PRIMARY KEY (unit, cell));
CREATE SEQUENCE IF NOT EXISTS claims;
INSERT INTO meta (name, value) VALUES ('cells', 1) ON CONFLICT DO NOTHING;
)sql";

// Of a store, and in each of its cells. `transits`: of a namespace that arrives here (a copy; `whole` once it is one) or that has gone from
// here, under the number of its move, which is drawn of the claims. Who opens one looks whether the store's row of it agrees. `touched`: which keys
// each transaction of one that moves wrote.
constexpr char kTransits[] = R"sql(
CREATE TABLE IF NOT EXISTS transits (unit bigint PRIMARY KEY, move bigint NOT NULL, arriving boolean NOT NULL, whole boolean NOT NULL,
  other text NOT NULL);
CREATE TABLE IF NOT EXISTS touched (unit bigint, n bigint, keys bytea[] NOT NULL, PRIMARY KEY (unit, n)) WITH (autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
)sql";

// Of a cell. Leases and members are the store's, in another database, and no transaction spans both: so who owns a unit is decided there, and shown
// here by the claim that was drawn in the transaction that made it its owner. That row is locked until the draw is committed: of two owners of a unit
// the later one has the larger claim. A claim that is not larger than the one that is here is refused. So an owner that was replaced, and learns it
// late, takes nothing back; and from the claim of the next owner on its transactions are refused by the fence, as in the store itself: that claim
// waits for those that hold the row, and reads the number of the last of them.
constexpr char kCell[] = R"sql(
CREATE TABLE cell (store bytea NOT NULL, name text NOT NULL);
CREATE TABLE claimed (unit bigint PRIMARY KEY, claim bigint NOT NULL) WITH (fillfactor = 50);
INSERT INTO meta (name, value) VALUES ('cell', 1);

CREATE FUNCTION claim_unit(p_claim bigint, p_incarnation bytea, p_unit bigint)
RETURNS TABLE (unit bigint, epoch bigint, n bigint, totals bytea) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO claimed (unit, claim) VALUES (p_unit, 0) ON CONFLICT DO NOTHING;
  UPDATE claimed SET claim = p_claim WHERE unit = p_unit AND claim < p_claim;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unit % was claimed by a later owner', p_unit USING ERRCODE = 'ND001';
  END IF;
  INSERT INTO owners AS o (unit, epoch, incarnation) VALUES (p_unit, 1, p_incarnation)
    ON CONFLICT (unit) DO UPDATE SET epoch = o.epoch + 1, incarnation = excluded.incarnation;
  RETURN QUERY SELECT o.unit, o.epoch, coalesce(l.n, 0), l.totals FROM owners o
    LEFT JOIN LATERAL (SELECT g.n, g.totals FROM log g WHERE g.unit = o.unit ORDER BY g.n DESC LIMIT 1) l ON true
    WHERE o.unit = p_unit;
END $$;

CREATE FUNCTION renew_units(p_epoch bigint, p_incarnation bytea, p_units bigint[])
RETURNS TABLE (unit bigint, epoch bigint, n bigint, totals bytea) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM owners o WHERE o.unit = ANY (p_units) ORDER BY o.unit FOR UPDATE;
  IF EXISTS (SELECT 1 FROM unnest(p_units) AS u WHERE NOT EXISTS (SELECT 1 FROM owners o WHERE o.unit = u AND o.incarnation = p_incarnation)) THEN
    RAISE EXCEPTION 'a unit was claimed by another owner' USING ERRCODE = 'ND001';
  END IF;
  UPDATE owners o SET epoch = o.epoch + 1 WHERE o.unit = ANY (p_units);
  RETURN QUERY SELECT o.unit, o.epoch, coalesce(l.n, 0), l.totals FROM owners o
    LEFT JOIN LATERAL (SELECT g.n, g.totals FROM log g WHERE g.unit = o.unit ORDER BY g.n DESC LIMIT 1) l ON true
    WHERE o.unit = ANY (p_units);
END $$;
)sql";

/// What lies there may be a store, or a cell of one: each is of no use as the other, nor as another store's cell.
Status CheckCell(PgConnection* connection, const PostgresOptions& options) {
  auto found = connection->Run("SELECT count(*) FROM meta WHERE name = 'cell'");
  if (!found.ok()) return std::move(found).status();
  const bool is_cell = found->Int(0, 0) != 0;
  if (!is_cell && options.cell.empty()) return Status::Ok();
  if (!is_cell)
    return Status(Code::kUnacceptable,
                  "there is a store in the schema " + options.schema + ", which cannot be the cell " + options.cell + " as well");
  auto row = connection->Run("SELECT store, name FROM cell");
  if (!row.ok()) return std::move(row).status();
  if (row->size() != 1) return Status(Code::kCorrupt, "the cell is damaged: it does not say whose it is");
  const std::string name(row->Bytes(0, 1));
  if (options.cell.empty())
    return Status(Code::kUnacceptable, "the schema " + options.schema + " is the cell " + name + " of a store, and no store of its own");
  if (row->Bytes(0, 0) == options.cell_of && name == options.cell) return Status::Ok();
  return Status(Code::kUnacceptable, "what lies there is the cell " + name + " of " + (row->Bytes(0, 0) == options.cell_of ? "this" : "another") +
                                         " store, and not the cell " + options.cell);
}

Status MakeCell(PgConnection* connection, const PostgresOptions& options) {
  if (!options.cell_known.empty())
    return Status(Code::kUnacceptable,
                  "the cell " + options.cell + " is not there any more: there is no schema " + options.schema + " in its database");
  NOTIFYD_TRY(connection->RunScript(kCell));
  auto made = connection->Run("INSERT INTO cell (store, name) VALUES ($1, $2)", PgParams().Bytes(options.cell_of).Bytes(options.cell));
  return made.ok() ? Status::Ok() : std::move(made).status();
}

/// What is somebody else's is no place for a store.
Status CheckEmpty(PgConnection* connection, const PostgresOptions& options) {
  auto others = connection->Run(
      "SELECT min(c.relname)::text, count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "WHERE n.nspname = $1::text AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
      PgParams().Bytes(options.schema));
  if (!others.ok()) return std::move(others).status();
  if (others->Int(0, 1) == 0) return Status::Ok();
  return Status(Code::kUnacceptable, "the schema " + options.schema + " is not a store's and not empty: it has the table " +
                                         std::string(others->Bytes(0, 0)) + ". Name another one (store.postgres.schema), or an empty one");
}

Status MakeSchema(PgConnection* connection, const PostgresOptions& options) {
  // Somebody may have made it for a role that may not make one.
  auto there = connection->Run("SELECT count(*) FROM pg_namespace WHERE nspname = $1::text", PgParams().Bytes(options.schema));
  if (!there.ok()) return std::move(there).status();
  if (there->Int(0, 0) == 0) NOTIFYD_TRY(connection->RunScript("CREATE SCHEMA " + PgQuoted(options.schema)));
  else NOTIFYD_TRY(CheckEmpty(connection, options));
  NOTIFYD_TRY(connection->RunScript(kTables));
  NOTIFYD_TRY(connection->RunScript(kMembers));
  NOTIFYD_TRY(connection->RunScript(kFunctions));
  if (!options.cell.empty()) NOTIFYD_TRY(MakeCell(connection, options));
  auto meta = connection->Run("INSERT INTO meta (name, value) VALUES ('schema', $1)", PgParams().Int(kSchemaVersion));
  if (!meta.ok()) return std::move(meta).status();
  if (options.moving) return connection->RunScript("INSERT INTO meta (name, value) VALUES ('moving', 1)");
  FormatRecord format;
  const std::string random = RandomBytes(16);
  Decoder in(random);
  format.store = {in.Big64(), in.Big64()};
  std::vector<std::string> keys = {EncodeMetaKey(kFormatName), EncodeMetaKey(kTotalsName)}, values(2);
  EncodeFormat(format, &values[0]);
  EncodeTotals(Totals(), &values[1]);
  auto first =
      connection->Run("INSERT INTO kv_main (k, v) SELECT * FROM unnest($1::bytea[], $2::bytea[])", PgParams().BytesArray(keys).BytesArray(values));
  return first.ok() ? Status::Ok() : std::move(first).status();
}

Result<Fingerprint> CheckSchema(PgConnection* connection, const PostgresOptions& options) {
  // By its name: where the role may not use the schema, nothing in it is found by a name alone, and the server says that there is no such table.
  NOTIFYD_TRY(connection->RunScript("SELECT FROM " + PgQuoted(options.schema) + ".meta LIMIT 0"));
  auto version = connection->Run("SELECT value FROM meta WHERE name = 'schema'");
  // Its table `meta` is another one's: there is no such column.
  if (!version.ok() && connection->sqlstate() == "42703")
    return Status(Code::kUnacceptable, "the schema " + options.schema + " is not a store's. Name another one (store.postgres.schema)");
  if (!version.ok()) return std::move(version).status();
  if (version->size() == 0 || version->Int(0, 0) > kMovedSchemaVersion)
    return Status(Code::kUnacceptable, "the schema was made by a newer notifyd: this one reads up to version " + std::to_string(kMovedSchemaVersion));
  if (version->Int(0, 0) < kSchemaVersion)
    return Status(Code::kUnacceptable, "the schema has version " + std::to_string(version->Int(0, 0)) +
                                           ", of before the first release of a store in " + "PostgreSQL, and this notifyd reads version " +
                                           std::to_string(kSchemaVersion));
  NOTIFYD_TRY(CheckCell(connection, options));
  auto under_way = connection->Run("SELECT count(*) FILTER (WHERE name = 'moving'), count(*) FILTER (WHERE name = 'restoring') FROM meta");
  if (!under_way.ok()) return std::move(under_way).status();
  const bool half_made = under_way->Int(0, 0) != 0, half_restored = under_way->Int(0, 1) != 0;
  if (half_made && options.moving) return Fingerprint();
  if (half_made)
    return Status(Code::kUnacceptable,
                  "the schema " + options.schema +
                      " is half-made: a store is being moved there, or its move was cut short. Where none is under way, run notifyd "
                      "move again, or drop the schema: what it came from is whole");
  if (options.moving)
    return Status(Code::kUnacceptable, "there is a store in the schema " + options.schema +
                                           " already: a store is moved to where there is none. Drop that schema, or name another one in "
                                           "store.postgres.schema");
  if (half_restored && !options.restoring)
    return Status(Code::kUnacceptable, "the store in the schema " + options.schema +
                                           " is being restored in place, or that was cut short. Where none is under way, run notifyd restore "
                                           "--in-place again");
  auto row = connection->Run("SELECT v FROM kv_main WHERE k = $1", PgParams().Bytes(EncodeMetaKey(kFormatName)));
  if (!row.ok()) return std::move(row).status();
  if (row->size() == 0 || row->IsNull(0, 0)) return Status(Code::kCorrupt, "the store is damaged: its format is missing");
  Result<FormatRecord> format = DecodeFormat(row->Bytes(0, 0));
  if (!format.ok()) return std::move(format).status();
  if (format->version != kFormatVersion)
    return Status(Code::kUnacceptable,
                  "the store has format " + std::to_string(format->version) + ", this notifyd reads " + std::to_string(kFormatVersion));
  return format->store;
}

/// What a version before this one did not make.
Status AddToSchema(PgConnection* connection, const PostgresOptions& options) {
  struct Addition {
    const char* table;
    const char* script;
  };
  std::vector<Addition> additions = {{"reach", kReach}, {"member_cells", kMemberCells}, {"member_clocks", kMemberClocks}, {"transits", kTransits}};
  if (options.cell.empty()) additions.push_back({"leftovers", kCellsOfStore});
  for (const Addition& each : additions) {
    Result<bool> has = HasTable(connection, options, each.table);
    if (!has.ok()) return std::move(has).status();
    if (!*has) NOTIFYD_TRY(connection->RunScript(each.script));
  }
  return Status::Ok();
}

Result<Fingerprint> Prepare(PgConnection* connection, const PostgresOptions& options) {
  if (auto lock = connection->Run(kMakeOne); !lock.ok()) return std::move(lock).status();
  auto encoding = connection->Run("SELECT current_setting('server_encoding') = 'UTF8'");
  if (!encoding.ok()) return std::move(encoding).status();
  if (encoding->Int(0, 0) == 0) return Status(Code::kUnacceptable, "the database's encoding must be UTF8");
  auto made = HasPgSchema(connection, options);
  if (!made.ok()) return std::move(made).status();
  if (!*made && !options.store_known.empty()) return Status(Code::kCorrupt, "there is no store any more in the schema " + options.schema);
  if (!*made) NOTIFYD_TRY(MakeSchema(connection, options));
  Result<Fingerprint> store = CheckSchema(connection, options);
  if (store.ok() && !options.store_known.empty() && HexOf(EncodePgStoreId(*store)) != options.store_known)
    return Status(Code::kCorrupt, "the store in the schema " + options.schema + " is another one than was there");
  if (store.ok()) NOTIFYD_TRY(AddToSchema(connection, options));
  return store;
}

}  // namespace

Result<bool> HasPgSchema(PgConnection* connection, const PostgresOptions& options) {
  return HasTable(connection, options, "meta");
}

std::string EncodePgStoreId(const Fingerprint& id) {
  std::string bytes;
  Encoder out(&bytes);
  out.Big64(id.high);
  out.Big64(id.low);
  return bytes;
}

Result<Fingerprint> PreparePgSchema(PgConnection* connection, const PostgresOptions& options) {
  NOTIFYD_TRY(connection->RunScript("BEGIN"));
  Result<Fingerprint> store = Prepare(connection, options);
  if (!store.ok()) {
    if (connection->sqlstate() == kPgNoRight)
      store =
          Status(store.status().code(), "the role lacks a right, which somebody has to give it: " + store.status().detail() +
                                            ". Where there is no store yet it needs CREATE on the database (GRANT CREATE ON DATABASE), or an empty "
                                            "schema of its own (CREATE SCHEMA " +
                                            PgQuoted(options.schema) + " AUTHORIZATION); else it must be the owner of the schema that is there");
    Status ignored = connection->RunScript("ROLLBACK");
    return store;
  }
  NOTIFYD_TRY(connection->RunScript("COMMIT"));
  NOTIFYD_TRY(connection->TakeWarning());
  return store;
}

Status CheckPgOptions(const StoreOptions& options) {
  if (!options.encryption_key_file.empty())
    return Status(Code::kUnacceptable, "sealing is not built for a store in PostgreSQL: its disk, or its backups, are to be encrypted instead",
                  "/store/encryption_key_file");
  if (!options.backup_directory.empty())
    return Status(Code::kUnacceptable, "backups of a store in PostgreSQL are PostgreSQL's own: pg_basebackup, or pgBackRest", "/backup/directory");
  if (options.id_gap > 0) return Status(Code::kUnacceptable, "an id gap is not built for a store in PostgreSQL");
  return Status::Ok();
}

}  // namespace notifyd
