#include "storage/postgres/pg_stand.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/clocks.h"
#include "storage/keys.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres/pg_schema.h"
#include "storage/records.h"
#include "storage/registry_image.h"
#include "storage/registry_records.h"

namespace notifyd {
namespace {

/// One that was wrong by decades must not push the time line out of its range, either.
constexpr int64_t kLogAgeMostMs = int64_t{10} * 366 * 24 * 3600 * 1000;

}  // namespace

const char* PgAcquireStatement(const PostgresOptions& options) {
  return options.member.empty() ? kPgAcquire : kPgAcquireUnits;
}

Result<PgRows> AcquirePgUnits(PgConnection* connection, const PostgresOptions& options, const OwnerWord& word, const std::vector<int64_t>& units) {
  const PgParams params = std::move(PgParams().Int(static_cast<int64_t>(word.epoch)).Bytes(EncodeIncarnation(word.incarnation)).Ints(units));
  auto rows = connection->Run(PgAcquireStatement(options), params);
  if (!rows.ok()) return rows;
  if (rows->size() != static_cast<int>(units.size())) return Status(Code::kCorrupt, "the store is damaged: a unit was not acquired");
  NOTIFYD_TRY(connection->TakeWarning());
  return rows;
}

Result<std::optional<int64_t>> WrittenBootMs(PgConnection* connection, NamespaceNumber number) {
  auto rows = connection->Run(kPgLogAge, PgParams().Int(number));
  if (!rows.ok()) return std::move(rows).status();
  if (rows->size() == 0) return std::optional<int64_t>();
  // The clock of a database that failed over may be behind the one before.
  return std::optional(ReadClockMs(CLOCK_BOOTTIME) - std::clamp<int64_t>(rows->Int(0, 0), 0, kLogAgeMostMs));
}

Result<PgStand> PgStandOf(const OrderedKv& kv, NamespaceNumber number, const PgRows& rows, int row) {
  PgStand stand;
  stand.epoch = rows.Int(row, 1);
  stand.n = rows.Int(row, 2);
  const bool has_totals = !rows.IsNull(row, 3);
  if (has_totals) {
    Result<Totals> totals = DecodeTotals(rows.Bytes(row, 3));
    if (!totals.ok()) return std::move(totals).status();
    stand.totals = *totals;
    stand.awake = number == kDefaultNumber;
  } else {
    Result<NamespaceBeginning> beginning = ReadBeginning(kv, number);
    if (!beginning.ok()) return std::move(beginning).status();
    stand.totals = beginning->totals;
    stand.awake = beginning->awake;
  }
  NOTIFYD_TRY(kv.GetAll({EncodeNamespaceWakeKey(number)}, [&](size_t, std::string_view value) {
    Result<NamespaceWake> wake = DecodeNamespaceWake(value);
    if (!wake.ok()) return std::move(wake).status();
    stand.awake = !wake->asleep;
    if (wake->asleep) stand.next_wake = wake->asleep->until;
    return Status::Ok();
  }));
  return stand;
}

}  // namespace notifyd
