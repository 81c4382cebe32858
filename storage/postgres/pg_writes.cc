#include "storage/postgres/pg_writes.h"

#include <algorithm>
#include <array>

#include "storage/keys.h"
#include "storage/postgres/pg_tables.h"
#include "storage/records.h"
#include "storage/registry_records.h"
#include "storage/stored_record.h"

namespace notifyd {
namespace {

// By table. Operands above 2 KiB in all are folded; a notify has few, of some hundred bytes each.
#define PG_PUT(table) \
  "INSERT INTO " table " (k, v) SELECT * FROM unnest($1::bytea[], $2::bytea[]) ON CONFLICT (k) DO UPDATE SET v = excluded.v, ops = NULL"
#define PG_APPEND(table)                                                                                               \
  "WITH w AS (INSERT INTO " table                                                                                      \
  " AS t (k, ops) SELECT * FROM unnest($1::bytea[], $2::bytea[]) ON CONFLICT (k) DO UPDATE SET ops = coalesce(t.ops, " \
  "''::bytea) || excluded.ops RETURNING k, octet_length(ops) AS n) SELECT k FROM w WHERE n > 2048"
#define PG_DELETE(table) "DELETE FROM " table " WHERE k = ANY ($1::bytea[])"
#define PG_RANGE(table) "DELETE FROM " table " WHERE k >= $1::bytea AND k < $2::bytea"
// Counts: `counted` has their keys, count_bases what was made of all changes up to the nth transaction, count_changes those that came since. All
// three are only added to, and old rows are removed: reads go from the newest base on, and never over what is dead. Who adds a change locks the key,
// so that nobody removes it meanwhile; that makes no new version. Now and then one asks to be folded.
#define PG_COUNTED                                                                                                                                   \
  "WITH counted_now AS (INSERT INTO counted AS t (k, n) SELECT u.k, $3::bigint FROM unnest($1::bytea[]) AS u (k) ON CONFLICT (k) DO UPDATE SET n = " \
  "t.n WHERE false)"
#define PG_COUNT_PUT PG_COUNTED " INSERT INTO count_bases (k, n, v) SELECT u.k, $3::bigint, u.v FROM unnest($1::bytea[], $2::bytea[]) AS u (k, v)"
#define PG_COUNT_APPEND                                                                                                                          \
  PG_COUNTED                                                                                                                                     \
  ", w AS (INSERT INTO count_changes (k, n, ops) SELECT u.k, $3::bigint, u.ops FROM unnest($1::bytea[], $2::bytea[]) AS u (k, ops) RETURNING k)" \
  " SELECT k FROM w WHERE random() < 0.02"
constexpr std::array<const char*, 4> kPuts = {PG_PUT("kv_main"), PG_PUT("kv_notifies"), PG_PUT("kv_hot"), PG_COUNT_PUT};
constexpr std::array<const char*, 4> kAppends = {PG_APPEND("kv_main"), PG_APPEND("kv_notifies"), PG_APPEND("kv_hot"), PG_COUNT_APPEND};
// The keys first: whoever folds holds one of them, and is waited for.
constexpr std::array<const char*, 3> kCountDeletes = {PG_DELETE("counted"), PG_DELETE("count_bases"), PG_DELETE("count_changes")};
constexpr std::array<const char*, 3> kDeletes = {PG_DELETE("kv_main"), PG_DELETE("kv_notifies"), PG_DELETE("kv_hot")};
constexpr std::array<const char*, 6> kRanges = {PG_RANGE("kv_main"), PG_RANGE("kv_notifies"), PG_RANGE("kv_hot"),
                                                PG_RANGE("counted"), PG_RANGE("count_bases"), PG_RANGE("count_changes")};
#undef PG_PUT
#undef PG_APPEND
#undef PG_DELETE
#undef PG_RANGE
#undef PG_COUNTED
#undef PG_COUNT_PUT
#undef PG_COUNT_APPEND

std::optional<int64_t> Later(WallTime at, int64_t kept_ms) {
  return kept_ms > kWallNever.ms - at.ms ? std::nullopt : std::optional(at.ms + kept_ms);
}

std::optional<int64_t> At(WallTime at) {
  return at == kWallNever ? std::nullopt : std::optional(at.ms);
}

std::optional<int64_t> EndOfState(const std::optional<NotifyState>& state, const Retention& retention) {
  if (!state || !IsSettled(state->phase)) return std::nullopt;
  return Later(state->settled_at, state->phase == Phase::kSucceeded ? retention.succeeded_ms : retention.settled_ms);
}

template <class Record>
std::optional<int64_t> EndOfExpiring(const Result<Record>& record) {
  return record.ok() ? At(record->expires_at) : std::nullopt;
}

}  // namespace

std::optional<int64_t> EndOf(std::string_view key, std::string_view written, bool is_operand, const RetentionRules& rules, int64_t now_ms) {
  const KeyPlace place = PlaceOf(key);
  if (place.bare.empty()) return std::nullopt;
  const Retention& retention = rules.Of(place.number);
  switch (static_cast<KeyKind>(place.bare.front())) {
    case KeyKind::kNotify: {
      if (!is_operand) return EndOfState(PeekState(written), retention);
      auto changes = DecodeChanges(written);
      return changes.ok() ? EndOfState(changes->state, retention) : std::nullopt;
    }
    case KeyKind::kFkey:
      return EndOfExpiring(is_operand ? DecodeFkeyExpiry(written) : DecodeFkey(written));
    case KeyKind::kIdempotency:
      return EndOfExpiring(DecodeIdempotency(written));
    case KeyKind::kLaneCounts:
      return now_ms;
    case KeyKind::kSettled: {
      auto settled_at = DecodeSettled(written);
      return settled_at.ok() ? Later(*settled_at, retention.settled_ms) : std::nullopt;
    }
    case KeyKind::kAudit: {
      std::optional<AuditPlace> entry = DecodeAuditKey(place.bare);
      return entry ? Later(entry->at, kAuditKeptMs) : std::nullopt;
    }
    default:
      if (!IsRecord(place.bare)) return std::nullopt;
      return EndOfExpiring(is_operand ? DecodeCountOperand(written) : DecodeStoredRecord(written));
  }
}

void PgWrites::NoteEnd(std::string_view key, std::string_view written, bool is_operand) {
  // Nothing is noted for an hour that is over: whoever removes what is due has been there.
  if (std::optional<int64_t> end = EndOf(key, written, is_operand, *rules_, now_ms_)) ends_[std::string(key)] = std::max(*end, now_ms_) / kPgHourMs;
}

void PgWrites::Put(std::string_view key, std::string_view value) {
  bytes_ += key.size() + value.size();
  keys_[std::string(key)] = {Net::Kind::kPut, std::string(value)};
  NoteEnd(key, value, false);
}

void PgWrites::Append(std::string_view key, std::string_view operand) {
  bytes_ += key.size() + operand.size();
  NoteEnd(key, operand, true);
  std::string ops;
  AppendOperand(operand, &ops);
  auto [it, fresh] = keys_.try_emplace(std::string(key), Net{Net::Kind::kAppend, {}});
  Net& net = it->second;
  if (net.kind == Net::Kind::kAppend) {
    net.bytes += ops;
    return;
  }
  const std::optional<std::string_view> base = net.kind == Net::Kind::kPut ? std::optional<std::string_view>(net.bytes) : std::nullopt;
  net = {Net::Kind::kPut, *FoldRow(key, base, ops)};
}

void PgWrites::Delete(std::string_view key) {
  bytes_ += key.size();
  keys_[std::string(key)] = {Net::Kind::kDelete, {}};
}

void PgWrites::DeleteOnce(std::string_view key) {
  // What was put here for the only time in its life was never there.
  auto it = keys_.find(key);
  if (it == keys_.end() || it->second.kind != Net::Kind::kPut) return Delete(key);
  keys_.erase(it);
}

void PgWrites::DeleteRange(std::string_view from, std::string_view to) {
  LeaveRange(from, to);
  ranges_.emplace_back(from, to);
}

void PgWrites::LeaveRange(std::string_view from, std::string_view to) {
  bytes_ += from.size() + to.size();
  keys_.erase(keys_.lower_bound(from), keys_.lower_bound(to));
}

std::vector<std::string_view> PgWrites::Keys() const {
  std::vector<std::string_view> keys;
  for (const auto& [key, net] : keys_) keys.push_back(key);
  return keys;
}

std::vector<PgStatement> PgWrites::Statements(int64_t n) const {
  struct Columns {
    std::vector<std::string_view> keys, values;
  };
  std::array<std::array<Columns, 3>, kPgTables.size()> columns;  // by table, then kind
  for (const auto& [key, net] : keys_) {
    Columns& to = columns[static_cast<size_t>(TableOf(key))][static_cast<size_t>(net.kind)];
    to.keys.push_back(key);
    to.values.push_back(net.bytes);
  }
  std::vector<PgStatement> out;
  for (const auto& [from, to] : ranges_)
    for (const char* sql : kRanges) out.push_back({sql, std::move(PgParams().Bytes(from).Bytes(to))});
  for (PgTable table : kPgTables) {
    const size_t t = static_cast<size_t>(table);
    const auto& [puts, deletes, appends] = columns[t];
    auto add = [&](const char* sql, const Columns& of) {
      PgParams params = std::move(PgParams().BytesArray(of.keys).BytesArray(of.values));
      if (table == PgTable::kCounts) params.Int(n);
      out.push_back({sql, std::move(params)});
    };
    auto remove = [&](const Columns& of) {
      if (table != PgTable::kCounts) return out.push_back({kDeletes[t], std::move(PgParams().BytesArray(of.keys))});
      for (const char* sql : kCountDeletes) out.push_back({sql, std::move(PgParams().BytesArray(of.keys))});
    };
    // A count that is put stands in place of its changes.
    if (!puts.keys.empty() && table == PgTable::kCounts) remove(puts);
    if (!puts.keys.empty()) add(kPuts[t], puts);
    if (!deletes.keys.empty()) remove(deletes);
    if (!appends.keys.empty()) add(kAppends[t], appends);
  }
  if (!ends_.empty()) {
    std::vector<int64_t> hours;
    std::vector<std::string_view> keys;
    for (const auto& [key, hour] : ends_) {
      keys.push_back(key);
      hours.push_back(hour);
    }
    out.push_back({kPgRemovals, std::move(PgParams().Ints(hours).BytesArray(keys))});
  }
  return out;
}

std::vector<const char*> PgWriteStatements() {
  std::vector<const char*> all = {kPgRemovals};
  for (const auto* of : {&kPuts, &kAppends}) all.insert(all.end(), of->begin(), of->end());
  for (const auto* of : {&kDeletes, &kCountDeletes}) all.insert(all.end(), of->begin(), of->end());
  all.insert(all.end(), kRanges.begin(), kRanges.end());
  return all;
}

}  // namespace notifyd
