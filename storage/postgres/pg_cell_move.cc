#include "storage/postgres/pg_cell_move.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/clocks.h"
#include "base/crash_point.h"
#include "broker/stored_record.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres/pg_schema.h"
#include "storage/registry_records.h"

namespace notifyd {
namespace {

constexpr std::chrono::seconds kEndsMost{10};
constexpr std::chrono::milliseconds kBetweenLooks{5};
constexpr size_t kChunkKeys = 4'000, kChunkBytes = 4 << 20;
constexpr int64_t kRoundTransactions = 128;

// By its owner alone, or, where nobody ever opened it, by whoever has the store: whoever owns it later draws a larger one, by which all that is sent
// under this one is refused from then on.
constexpr char kNextMove[] =
    "WITH o AS (SELECT 1 FROM owners WHERE unit = $1 AND incarnation = $2 FOR SHARE), "
    "l AS (SELECT 1 FROM lease WHERE unit = 0 AND NOT free AND incarnation = $2 AND NOT EXISTS (SELECT FROM owners WHERE unit = $1) FOR KEY SHARE) "
    "SELECT nextval('claims') FROM (SELECT 1 FROM o UNION ALL SELECT 1 FROM l) AS mine";
// A number that is not larger than all that were shown there is an older move's, or the place is somebody's by now.
constexpr char kArriveInCell[] =
    "WITH c AS (INSERT INTO claimed AS c (unit, claim) VALUES ($1, $2) ON CONFLICT (unit) DO UPDATE SET claim = excluded.claim "
    "WHERE c.claim < excluded.claim RETURNING unit) INSERT INTO transits (unit, move, arriving, whole, other) "
    "SELECT unit, $2::bigint, true, false, $3::text FROM c "
    "ON CONFLICT (unit) DO UPDATE SET move = excluded.move, arriving = true, whole = false, other = excluded.other RETURNING unit";
// In the home cell the namespace is this owner's wherever it lies.
constexpr char kArriveAtHome[] =
    "WITH c AS (SELECT unit FROM owners WHERE unit = $1 AND incarnation = $4 FOR SHARE) INSERT INTO transits (unit, move, arriving, whole, other) "
    "SELECT unit, $2::bigint, true, false, $3::text FROM c ON CONFLICT (unit) DO UPDATE SET move = excluded.move, arriving = true, whole = false, "
    "other = excluded.other RETURNING unit";
constexpr char kArrives[] = "SELECT unit FROM transits WHERE unit = $1 AND move = $2 AND arriving FOR SHARE";
constexpr char kIsThere[] = "SELECT unit FROM transits WHERE unit = $1 AND move = $2 FOR SHARE";
// Before anything of a copy goes it is none any more, to switch to, and nobody's, to add to: no move has a number below 0.
constexpr char kNoCopy[] = "UPDATE transits SET whole = false, move = $3 WHERE unit = $1 AND move = $2 AND arriving RETURNING unit";
constexpr char kWhole[] = "UPDATE transits SET whole = true WHERE unit = $1 AND move = $2";
// A take-over of what departed gives it another number, here and there.
constexpr char kRenumberGone[] = "UPDATE transits SET move = $3 WHERE unit = $1 AND move = $2 AND NOT arriving RETURNING unit";
constexpr char kRenumberCopy[] = "UPDATE transits SET move = $3 WHERE unit = $1 AND move = $2 AND arriving AND whole RETURNING unit";
constexpr char kNoteBegin[] =
    "SELECT coalesce((SELECT min(n) - 1 FROM touched WHERE unit = $1), (SELECT max(n) FROM log WHERE unit = $1), 0), "
    "EXISTS (SELECT FROM touched WHERE unit = $1)";
constexpr char kTouchedSince[] =
    "SELECT t.n, u.k FROM (SELECT n, keys FROM touched WHERE unit = $1 AND n > $2 ORDER BY n LIMIT $3) t LEFT JOIN LATERAL unnest(t.keys) AS u (k) "
    "ON true ORDER BY t.n";
constexpr char kForgetTouchedUpTo[] = "DELETE FROM touched WHERE unit = $1 AND n <= $2";
constexpr char kLastN[] = "SELECT coalesce((SELECT n FROM log WHERE unit = $1 ORDER BY n DESC LIMIT 1), 0)";
// As old as it was where it comes from, in milliseconds.
constexpr char kPutLog[] = "INSERT INTO log (unit, n, totals, at) VALUES ($1, $2, $3, clock_timestamp() - $4::bigint * interval '1 millisecond')";
constexpr char kForgetLogOf[] = "DELETE FROM log WHERE unit = $1";
constexpr char kNobodyOwns[] =
    "INSERT INTO owners AS o (unit, epoch, incarnation) VALUES ($1, $2, nobody()) ON CONFLICT (unit) DO UPDATE "
    "SET epoch = greatest(o.epoch + 1, excluded.epoch), incarnation = nobody()";
constexpr char kHold[] = "SELECT unit FROM owners WHERE unit = $1 AND epoch = $2 AND incarnation = $3 FOR UPDATE";
constexpr char kGone[] =
    "INSERT INTO transits (unit, move, arriving, whole, other) VALUES ($1, $2, false, true, $3) ON CONFLICT (unit) DO UPDATE "
    "SET move = excluded.move, arriving = false, whole = true, other = excluded.other";
constexpr char kEndEpoch[] = "UPDATE owners SET epoch = epoch + 1 WHERE unit = $1";
constexpr char kEndOwner[] = "UPDATE owners SET epoch = epoch + 1, incarnation = nobody() WHERE unit = $1";
constexpr char kEmptyWake[] = "DELETE FROM kv_main WHERE k = $1";

Status Outdated(const char* detail) {
  return Status(Code::kConflict, detail);
}

/// One row, of one number.
Result<int64_t> AskInt(PgConnection* connection, const char* sql, const PgParams& params = {}) {
  auto rows = connection->Run(sql, params);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->size() != 1) return Status(Code::kCorrupt, "the store is damaged: a number is missing");
  return rows->Int(0, 0);
}

/// `stale` where there is no row.
Status MustBe(PgConnection* connection, const char* sql, const PgParams& params, const char* stale) {
  auto rows = connection->Run(sql, params);
  if (!rows.ok()) return std::move(rows).status();
  return rows->size() > 0 ? Status::Ok() : Outdated(stale);
}

/// All keys of a namespace, as a walk over each table that has some.
std::vector<KvPart> PartsOf(NamespaceNumber number) {
  const KeyRange range = RangeOf(number);
  const KeySpace space(number);
  const auto from = [&](char kind) { return space.In(std::string(1, kind)); };
  static_assert(static_cast<char>(KeyKind::kDue) < static_cast<char>(KeyKind::kTail) &&
                static_cast<char>(KeyKind::kLaneCounts) < static_cast<char>(RecordKind::kDueCount));
  return {{range.from, range.to},
          {from(static_cast<char>(KeyKind::kNotify)), range.to},
          {from(static_cast<char>(KeyKind::kDue)), range.to},
          {from(static_cast<char>(KeyKind::kLaneCounts)), range.to}};
}

/// Removes all of its keys that are left, its log and what was noted; each step in a transaction of its own, under `check`. Durable once it has.
Status Empty(PgConnection* connection, PgEmptying* left, const std::function<Status()>& check) {
  const NamespaceNumber number = left->number();
  NOTIFYD_TRY(EmptyPg(connection, left, check));
  return InPgTransaction(connection, true, [&]() -> Status {
    NOTIFYD_TRY(check());
    NOTIFYD_TRY(connection->Execute(kEmptyWake, PgParams().Bytes(EncodeNamespaceWakeKey(number))));
    NOTIFYD_TRY(connection->Execute(kForgetLogOf, PgParams().Int(number)));
    return connection->Execute(kPgForgetTouched, PgParams().Int(number));
  });
}

}  // namespace

// ---- reaching both ends

Status PgCellMover::ReachEnd(const std::string& cell, Side* side) {
  if (side->connection && !side->connection->lost()) return Status::Ok();
  side->connection.reset();
  auto store = find_(cell);
  if (!store.ok()) return std::move(store).status();
  side->store = *store;
  auto opened = PgConnection::Open(side->store->options().postgres, kPgStepMostMs);
  if (!opened.ok()) return Status(Code::kUnavailable, "the cell \"" + cell + "\" is not reached: " + opened.status().detail());
  side->connection = *std::move(opened);
  return Status::Ok();
}

Result<PgCellMover::Move*> PgCellMover::Reach(const CellWish& wish) {
  Move& move = moves_[wish.number];
  NOTIFYD_TRY(ReachEnd(wish.from, &move.from));
  NOTIFYD_TRY(ReachEnd(wish.to, &move.to));
  return &move;
}

/// One step, once both ends are reached.
CellStep PgCellMover::Take(const CellWish& wish, Status (PgCellMover::*step)(const CellWish&, Move*, CellStep*)) {
  CellStep taken;
  auto move = Reach(wish);
  taken.status = move.ok() ? (this->*step)(wish, *move, &taken) : std::move(move).status();
  return taken;
}

/// Under the number of the move, or not at all. Durable once it has: how far it is copied is kept here, over connections that end, also those of a
/// server that crashes, and what was noted goes.
Status PgCellMover::Write(Move* move, NamespaceNumber number, const PgWrites& writes, std::vector<PgStatement> more) {
  PgConnection* to = move->to.connection.get();
  return InPgTransaction(to, true, [&]() -> Status {
    NOTIFYD_TRY(MustBe(to, kArrives, PgParams().Int(number).Int(move->number), "the copy was begun anew by another owner"));
    for (const PgStatement& statement : writes.Statements(0)) NOTIFYD_TRY(to->Execute(statement.sql, statement.params));
    for (const PgStatement& statement : more) NOTIFYD_TRY(to->Execute(statement.sql, statement.params));
    return Status::Ok();
  });
}

// ---- looking

CellStep PgCellMover::Look(const CellWish& wish) {
  return Take(wish, &PgCellMover::LookAt);
}

/// In the home cell it is this owner's wherever it lies.
Status PgCellMover::Draw(PgConnection* home, NamespaceNumber number, int64_t* drawn) const {
  auto next = home->Run(kNextMove, PgParams().Int(number).Bytes(EncodeIncarnation(home_->word().incarnation)));
  if (!next.ok()) return std::move(next).status();
  if (next->size() == 0) return Outdated("another one owns it by now");
  *drawn = next->Int(0, 0);
  return Status::Ok();
}

Status PgCellMover::LookAt(const CellWish& wish, Move* move, CellStep* step) {
  PgConnection *from = move->from.connection.get(), *to = move->to.connection.get();
  auto transit = from->Run(kPgTransit, PgParams().Int(wish.number));
  if (!transit.ok()) return std::move(transit).status();
  if (transit->size() == 0 || transit->Int(0, 1) != 0) return Status::Ok();
  int64_t gone = transit->Int(0, 0), number = 0;
  NOTIFYD_TRY(home_->With([&](PgConnection* home) { return Draw(home, wish.number, &number); }));
  if (transit->Bytes(0, 3) == wish.to) {
    NOTIFYD_TRY(MustBe(from, kRenumberGone, PgParams().Int(wish.number).Int(gone).Int(number), "it was taken over meanwhile"));
    auto copy = to->Run(kRenumberCopy, PgParams().Int(wish.number).Int(gone).Int(number));
    if (!copy.ok()) return std::move(copy).status();
    for (PgConnection* each : {from, to}) NOTIFYD_TRY(each->TakeWarning());
    step->more = copy->size() > 0;
    gone = number;
  }
  if (step->more) return Status::Ok();
  // It went where it is not to go any more, or what went there is not whole: all of it is here.
  NOTIFYD_TRY(from->Execute(kPgSettle, PgParams().Int(wish.number).Int(gone)));
  return from->TakeWarning();
}

// ---- copying

CellStep PgCellMover::Begin(const CellWish& wish) {
  return Take(wish, &PgCellMover::BeginCopy);
}

Status PgCellMover::BeginCopy(const CellWish& wish, Move* move, CellStep*) {
  NOTIFYD_TRY(Arrive(wish, move));
  NOTIFYD_TRY(NoteFrom(wish, move));
  PassCrashPoint(CrashPoint::kCellBegun);
  return Status::Ok();
}

Status PgCellMover::Arrive(const CellWish& wish, Move* move) {
  PgConnection *from = move->from.connection.get(), *to = move->to.connection.get();
  move->part = 0;
  move->cursor.clear();
  for (PgConnection* each : {from, to}) NOTIFYD_TRY(each->Execute(kPgKnowsMoves, {}));
  // By a claim the namespace is this owner's at home, too, whoever had it there.
  if (wish.from != kHomeCell) {
    auto claim = home_->Claim(wish.number);
    if (!claim.ok()) return std::move(claim).status();
    move->number = *claim;
  }
  const Status drawn = home_->With([&](PgConnection* home) -> Status {
    if (wish.from == kHomeCell) NOTIFYD_TRY(Draw(home, wish.number, &move->number));
    // Whatever becomes of it, one of the two is to be cleaned of it.
    for (const std::string& cell : {wish.from, wish.to}) NOTIFYD_TRY(home->Execute(kPgLeaveOver, PgParams().Int(wish.number).Bytes(cell)));
    return home->TakeWarning();
  });
  if (!drawn.ok()) return drawn;
  PgParams arrives = std::move(PgParams().Int(wish.number).Int(move->number).Bytes(wish.from));
  if (wish.to == kHomeCell) arrives.Bytes(EncodeIncarnation(home_->word().incarnation));
  NOTIFYD_TRY(MustBe(to, wish.to == kHomeCell ? kArriveAtHome : kArriveInCell, arrives, "the namespace is another owner's"));
  PgEmptying all(wish.number);
  return Empty(to, &all,
               [&] { return MustBe(to, kArrives, PgParams().Int(wish.number).Int(move->number), "the copy was begun anew by another owner"); });
}

/// From when on what is written is noted.
Status PgCellMover::NoteFrom(const CellWish& wish, Move* move) {
  PgConnection* from = move->from.connection.get();
  NOTIFYD_TRY(from->Execute(kPgForgetTouched, PgParams().Int(wish.number)));
  PgStore* store = move->from.store;
  store->Track(wish.number, true);
  const auto until = std::chrono::steady_clock::now() + kEndsMost;
  for (;;) {
    // Before the look: what was made before is committed by then.
    const bool all = store->TracksAll(wish.number);
    auto begin = from->Run(kNoteBegin, PgParams().Int(wish.number));
    if (!begin.ok()) return std::move(begin).status();
    move->mark = begin->Int(0, 0);
    if (all || begin->Int(0, 1) != 0) return Status::Ok();
    if (std::chrono::steady_clock::now() > until) return Status(Code::kUnavailable, "what was written of the namespace last is not committed yet");
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

CellStep PgCellMover::Copy(const CellWish& wish) {
  return Take(wish, &PgCellMover::CopySome);
}

Status PgCellMover::CopySome(const CellWish& wish, Move* move, CellStep* step) {
  const std::vector<KvPart> parts = PartsOf(wish.number);
  PgStore *from = move->from.store, *to = move->to.store;
  if (move->part >= parts.size()) return Status::Ok();
  const std::string first = move->cursor.empty() ? parts[move->part].from : move->cursor + '\0';
  const auto rules = from->retention(), rules_there = to->retention();
  const int64_t now_ms = from->options().wall_ms();
  PgWrites writes(rules_there.get(), now_ms);
  std::string last;
  size_t seen = 0;
  const std::unique_ptr<KvMoment> moment = from->kv().Now(KvFor::kScans);
  auto it = moment->Walk(first, parts[move->part].to, {.expected = 1'000});
  for (; it->Valid() && seen < kChunkKeys && writes.bytes() < kChunkBytes; it->Next(), ++seen) {
    last = it->key();
    if (MayDrop(it->key(), it->value(), *rules, now_ms)) continue;
    writes.Put(it->key(), it->value());
    ++step->keys;
  }
  const bool ends = !it->Valid();
  NOTIFYD_TRY(it->status());
  PassCrashPoint(CrashPoint::kCellBeforeChunk);
  if (step->keys > 0) NOTIFYD_TRY(Write(move, wish.number, writes, {}));
  copied_ += step->keys;
  move->cursor = ends ? std::string() : last;
  if (ends) ++move->part;
  step->more = move->part < parts.size();
  return Status::Ok();
}

CellStep PgCellMover::Follow(const CellWish& wish) {
  return Take(wish, &PgCellMover::FollowSome);
}

Status PgCellMover::FollowSome(const CellWish& wish, Move* move, CellStep* step) {
  PgConnection* from = move->from.connection.get();
  auto touched = from->Run(kTouchedSince, PgParams().Int(wish.number).Int(move->mark).Int(kRoundTransactions));
  if (!touched.ok()) return std::move(touched).status();
  std::vector<std::string> keys;
  int64_t mark = move->mark;
  const int64_t before = mark;
  for (int i = 0; i < touched->size(); ++i) {
    const int64_t n = touched->Int(i, 0);
    if (n != mark && n != mark + 1) return Outdated("what was written is not all noted");
    mark = n;
    if (!touched->IsNull(i, 1)) keys.emplace_back(touched->Bytes(i, 1));
  }
  if (mark == before) return Status::Ok();
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  const auto rules = move->to.store->retention();
  PgWrites writes(rules.get(), move->to.store->options().wall_ms());
  std::vector<bool> there(keys.size());
  NOTIFYD_TRY(move->from.store->kv().GetAll(keys, [&](size_t at, std::string_view value) {
    there[at] = true;
    writes.Put(keys[at], value);
    return Status::Ok();
  }));
  for (size_t at = 0; at < keys.size(); ++at)
    if (!there[at]) writes.Delete(keys[at]);
  NOTIFYD_TRY(Write(move, wish.number, writes, {}));
  move->mark = mark;
  step->keys += keys.size();
  copied_ += keys.size();
  step->more = mark - before >= kRoundTransactions;
  return from->Execute(kForgetTouchedUpTo, PgParams().Int(wish.number).Int(mark));
}

// ---- while it stands still

CellStep PgCellMover::Finish(const CellWish& wish) {
  PassCrashPoint(CrashPoint::kCellStood);
  CellStep step = Take(wish, &PgCellMover::FinishAll);
  if (step.status.ok()) PassCrashPoint(CrashPoint::kCellWhole);
  return step;
}

Status PgCellMover::FinishAll(const CellWish& wish, Move* move, CellStep* step) {
  PgStore* store = move->from.store;
  store->BeginForget(wish.number);
  const auto until = std::chrono::steady_clock::now() + kEndsMost;
  while (store->Knows(wish.number)) {
    if (std::chrono::steady_clock::now() > until) return Status(Code::kUnavailable, "what was written of the namespace last is not committed yet");
    std::this_thread::sleep_for(kBetweenLooks);
  }
  auto taken = store->Take(wish.number);
  if (!taken.ok()) return std::move(taken).status();
  move->taken = *taken;
  for (bool more = true; more;) {
    CellStep some;
    NOTIFYD_TRY(FollowSome(wish, move, &some));
    step->keys += some.keys;
    more = some.keys > 0 || some.more;
  }
  if (move->mark != taken->n) return Outdated("what was written is not all noted");
  const auto rules = move->to.store->retention();
  PgWrites writes(rules.get(), move->to.store->options().wall_ms());
  const std::string wake = EncodeNamespaceWakeKey(wish.number);
  bool sleeps = false;
  NOTIFYD_TRY(store->kv().GetAll({wake}, [&](size_t, std::string_view value) {
    sleeps = true;
    writes.Put(wake, value);
    return Status::Ok();
  }));
  if (!sleeps) writes.Delete(wake);
  std::vector<PgStatement> last;
  last.push_back({kForgetLogOf, std::move(PgParams().Int(wish.number))});
  if (taken->n > 0) {
    PgParams log = std::move(PgParams().Int(wish.number).Int(taken->n));
    taken->totals ? log.Bytes(*taken->totals) : log.Null();
    log.Int(taken->written_boot_ms ? ReadClockMs(CLOCK_BOOTTIME) - *taken->written_boot_ms : 0);
    last.push_back({kPutLog, std::move(log)});
  }
  if (wish.to != kHomeCell) last.push_back({kNobodyOwns, std::move(PgParams().Int(wish.number).Int(taken->epoch + 1))});
  last.push_back({kWhole, std::move(PgParams().Int(wish.number).Int(move->number))});
  return Write(move, wish.number, writes, std::move(last));
}

CellStep PgCellMover::Depart(const CellWish& wish) {
  CellStep step = Take(wish, &PgCellMover::LeaveBehind);
  if (!step.status.ok()) return step;
  ++moved_;
  PassCrashPoint(CrashPoint::kCellDeparted);
  return step;
}

Status PgCellMover::LeaveBehind(const CellWish& wish, Move* move, CellStep*) {
  PgConnection* from = move->from.connection.get();
  const std::string own = EncodeIncarnation(home_->word().incarnation);
  return InPgTransaction(from, true, [&]() -> Status {
    // It waits for whoever writes it just now; whoever takes it from now on waits for this.
    NOTIFYD_TRY(MustBe(from, kHold, PgParams().Int(wish.number).Int(move->taken.epoch).Bytes(own), "another one owns it by now"));
    auto last = AskInt(from, kLastN, PgParams().Int(wish.number));
    if (!last.ok()) return std::move(last).status();
    if (*last != move->taken.n) return Outdated("it was written meanwhile");
    NOTIFYD_TRY(from->Execute(kGone, PgParams().Int(wish.number).Int(move->number).Bytes(wish.to)));
    return from->Execute(wish.from == kHomeCell ? kEndEpoch : kEndOwner, PgParams().Int(wish.number));
  });
}

void PgCellMover::End(const CellWish& wish) {
  auto found = moves_.find(wish.number);
  if (found == moves_.end()) return;
  Move& move = found->second;
  if (move.from.store) move.from.store->Track(wish.number, false);
  if (move.from.connection) Status ignored = move.from.connection->Execute(kPgForgetTouched, PgParams().Int(wish.number));
  moves_.erase(found);
}

// ---- what is left

Status CleanTransit(PgStore* store, PgCleaning* left, const std::function<Result<bool>()>& may, const std::function<bool()>& ends) {
  const NamespaceNumber number = left->keys.number();
  auto opened = PgConnection::Open(store->options().postgres, kPgStepMostMs);
  if (!opened.ok()) return Status(Code::kUnavailable, opened.status().detail());
  PgConnection* connection = opened->get();
  auto transit = connection->Run(kPgTransit, PgParams().Int(number));
  if (!transit.ok()) return std::move(transit).status();
  if (transit->size() == 0) return Status::Ok();
  int64_t move = transit->Int(0, 0);
  const bool arriving = transit->Int(0, 1) != 0;
  // Behind that look: a later move has another number.
  auto allowed = may();
  if (!allowed.ok()) return std::move(allowed).status();
  if (!*allowed) return Status(Code::kConflict, "the namespace moves again");
  const auto check = [&] {
    if (ends()) return Status(Code::kUnavailable, "the rest goes later");
    return MustBe(connection, kIsThere, PgParams().Int(number).Int(move), "the namespace moves again");
  };
  PassCrashPoint(CrashPoint::kCellBeforeClean);
  if (arriving) {
    const int64_t nobodys = std::min(move, -move);
    NOTIFYD_TRY(MustBe(connection, kNoCopy, PgParams().Int(number).Int(move).Int(nobodys), "the namespace moves again"));
    move = nobodys;
  }
  // Another move's may have written where this one is done.
  if (left->move != move) *left = {PgEmptying(number), move};
  NOTIFYD_TRY(Empty(connection, &left->keys, check));
  if (arriving) NOTIFYD_TRY(connection->Execute(kPgSettle, PgParams().Int(number).Int(move)));
  PassCrashPoint(CrashPoint::kCellCleaned);
  return Status::Ok();
}

}  // namespace notifyd
