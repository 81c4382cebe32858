#include "storage/postgres/pg_leftovers.h"

#include <array>
#include <limits>
#include <utility>
#include <vector>

#include "base/log.h"
#include "storage/postgres/pg_committer_impl.h"
#include "storage/postgres/pg_schema.h"
#include "storage/registry_records.h"

namespace notifyd {
namespace {

// Each goes on from where the one before ended: what that removed stays in the index until it is cleaned up, which somebody's open transaction may
// keep from being done. Row: how many went, how many were found, the last one.
#define PG_EMPTY(table)                                                                                                                          \
  "WITH found AS MATERIALIZED (SELECT k FROM " table " WHERE k >= $1::bytea AND k < $2::bytea ORDER BY k LIMIT $3), gone AS (DELETE FROM " table \
  " WHERE k = ANY (ARRAY(SELECT k FROM found)) RETURNING 1) SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM found), "                  \
  "(SELECT k FROM found ORDER BY k DESC LIMIT 1)"
// Of counts the keys first: whoever folds holds one of them.
constexpr std::array kEmpties = {PG_EMPTY("kv_hot"),  PG_EMPTY("kv_notifies"), PG_EMPTY("kv_main"),
                                 PG_EMPTY("counted"), PG_EMPTY("count_bases"), PG_EMPTY("count_changes")};
#undef PG_EMPTY
constexpr char kNextLeft[] = "SELECT unit, count(*) OVER () FROM leftovers WHERE cell = '' ORDER BY unit LIMIT 1";
constexpr char kHoldLeft[] = "SELECT unit FROM leftovers WHERE unit = $1 AND cell = '' FOR UPDATE";
constexpr char kDisown[] = "DELETE FROM owners WHERE unit = $1 RETURNING unit";
// A copy of what was dropped is nobody's, to add to, whoever still does not know: no move has a number below 0.
constexpr char kNobodysCopy[] = "UPDATE transits SET whole = false, move = least(move, -move) WHERE unit = $1 AND arriving";
constexpr char kForgetKeys[] = "DELETE FROM kv_main WHERE k = ANY ($1::bytea[])";

/// One step, or, behind the last one, no word of it any more. `over`: nothing is left. Durable: the next one may go over another connection.
Status RemoveLeft(PgConnection* connection, PgEmptying* left, bool* over) {
  return InPgTransaction(connection, true, [&]() -> Status {
    auto held = connection->Run(kHoldLeft, PgParams().Int(left->number()));
    if (!held.ok()) return std::move(held).status();
    *over = held->size() == 0 || left->done();
    if (held->size() == 0) return Status::Ok();
    if (left->done()) return connection->Execute(kPgCleaned, PgParams().Int(left->number()).Bytes(kPgLeftHere));
    return left->Step(connection);
  });
}

}  // namespace

PgEmptying::PgEmptying(NamespaceNumber number) : number_(number), from_(RangeOf(number).from), to_(RangeOf(number).to) {}

bool PgEmptying::done() const {
  return table_ == kEmpties.size();
}

Status PgEmptying::Step(PgConnection* connection) {
  auto rows = connection->Run(kEmpties[table_], PgParams().Bytes(from_).Bytes(to_).Int(kStepRows));
  if (!rows.ok()) return std::move(rows).status();
  removed_ += static_cast<uint64_t>(rows->Int(0, 0));
  if (rows->Int(0, 1) == kStepRows) {
    from_ = rows->Bytes(0, 2);
    return Status::Ok();
  }
  ++table_;
  from_ = RangeOf(number_).from;
  return Status::Ok();
}

Status EmptyPg(PgConnection* connection, PgEmptying* left, const std::function<Status()>& check) {
  const auto step = [&]() -> Status {
    NOTIFYD_TRY(check());
    return left->Step(connection);
  };
  while (!left->done()) NOTIFYD_TRY(InPgTransaction(connection, true, step));
  return Status::Ok();
}

Result<bool> PgLeftovers::RemoveSome(PgConnection* connection, int steps) {
  for (; steps > 0; --steps) {
    if (!now_) {
      auto next = connection->Run(kNextLeft);
      if (!next.ok()) return std::move(next).status();
      namespaces_ = next->size() == 0 ? 0 : static_cast<uint64_t>(next->Int(0, 1));
      if (next->size() == 0) return true;
      now_.emplace(static_cast<NamespaceNumber>(next->Int(0, 0)));
    }
    bool over = false;
    if (Status status = RemoveLeft(connection, &*now_, &over); !status.ok()) {
      now_.reset();
      return status;
    }
    if (!over) continue;
    // Else somebody else has removed the rest, or it is there.
    if (now_->done() && now_->removed() > 0)
      Log(LogLevel::kInfo, "what was left of a namespace is removed", {{"number", now_->number()}, {"rows", now_->removed()}});
    now_.reset();
  }
  return false;
}

Status RemovePgLeftover(PgConnection* connection, NamespaceNumber number, std::chrono::milliseconds most) {
  auto is_left = connection->Run(kPgIsLeft, PgParams().Int(number).Bytes(kPgLeftHere));
  if (!is_left.ok()) return std::move(is_left).status();
  if (is_left->size() == 0) return Status::Ok();
  const auto until = std::chrono::steady_clock::now() + most;
  PgEmptying left(number);
  for (bool over = false; !over;) {
    if (std::chrono::steady_clock::now() > until) return Status(Code::kUnavailable, "what was left of a namespace of that number is being removed");
    NOTIFYD_TRY(RemoveLeft(connection, &left, &over));
  }
  return Status::Ok();
}

Status RemovePgLeftovers(PgConnection* connection) {
  PgLeftovers leftovers;
  auto all = leftovers.RemoveSome(connection, std::numeric_limits<int>::max());
  return all.ok() ? Status::Ok() : std::move(all).status();
}

Status CleanPgCell(const PostgresOptions& cell, PgCleaning* left, const std::function<Status()>& check) {
  const NamespaceNumber number = left->keys.number();
  auto opened = PgConnection::Open(cell, kPgStepMostMs);
  if (!opened.ok()) return Status(Code::kUnavailable, opened.status().detail());
  PgConnection* connection = opened->get();
  const auto of_it = [&](const char* sql) { return connection->Execute(sql, PgParams().Int(number)); };
  // The fence refuses what comes late; the claim stays meanwhile, so that an older owner's is refused, too.
  const auto disown = [&]() -> Status {
    NOTIFYD_TRY(check());
    auto owned = connection->Run(kDisown, PgParams().Int(number));
    if (!owned.ok()) return std::move(owned).status();
    NOTIFYD_TRY(of_it(kNobodysCopy));
    auto transit = connection->Run(kPgTransit, PgParams().Int(number));
    if (!transit.ok()) return std::move(transit).status();
    const int64_t move = transit->size() > 0 ? transit->Int(0, 0) : 0;
    // It may have been written to where that is done already, by its owner or by another move.
    if (owned->size() > 0 || left->move != move) *left = {PgEmptying(number), move};
    const std::vector<std::string> keys = {EncodeNamespaceKey(number), EncodeNamespaceWakeKey(number)};
    NOTIFYD_TRY(connection->Execute(kForgetKeys, PgParams().BytesArray(keys)));
    return of_it(kPgForgetTouched);
  };
  NOTIFYD_TRY(InPgTransaction(connection, false, disown));
  NOTIFYD_TRY(EmptyPg(connection, &left->keys, check));
  // Synced: what says in another database that something is left goes next.
  return InPgTransaction(connection, true, [&]() -> Status {
    for (const char* sql : {kPgForgetLog, kPgForgetClaim, kPgForgetTransit}) NOTIFYD_TRY(of_it(sql));
    return Status::Ok();
  });
}

}  // namespace notifyd
