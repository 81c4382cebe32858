#include "storage/postgres/pg_cell.h"

#include <chrono>
#include <utility>

#include "base/bytes.h"
#include "base/clocks.h"
#include "base/log.h"
#include "storage/id_gap.h"
#include "storage/keys.h"
#include "storage/postgres/pg_schema.h"

namespace notifyd {
namespace {

constexpr int64_t kPauseMs = 500;         // before one that was not reached is asked again
constexpr int64_t kHangsMs = 3'000;       // what takes longer is not waited for
constexpr std::chrono::seconds kTurn{1};  // for the one that asks just now
constexpr int kStatementMostMs = 3'000;            // of a statement

int64_t BootMs() {
  return ReadClockMs(CLOCK_BOOTTIME);
}

Status NotReached() {
  return Status(Code::kUnavailable, "the cell of the namespace is not reached");
}

/// The id by which the store knows a cell; empty: it knows none of that name.
Result<std::string> KnownId(PgStore* home, const std::string& cell) {
  std::string id;
  NOTIFYD_TRY(home->With([&](PgConnection* connection) {
    auto row = connection->Run(kPgKnownCell, PgParams().Bytes(cell));
    if (!row.ok()) return std::move(row).status();
    if (row->size() > 0) id = row->Bytes(0, 0);
    return Status::Ok();
  }));
  return id;
}

constexpr char kReadMain[] = "SELECT v FROM kv_main WHERE k = $1";
constexpr char kPutMain[] = "INSERT INTO kv_main (k, v) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = excluded.v";

/// What begins in the cell has ids above all gaps that restores have left in the store, also those of before there was this cell.
Status RaiseIdsBegin(const OrderedKv& home, PgConnection* cell) {
  const Result<uint64_t> begin = IdsBegin(home);
  if (!begin.ok()) return begin.status();
  if (*begin == 0) return Status::Ok();
  const std::string key = EncodeMetaKey(kIdsName);
  auto row = cell->Run(kReadMain, PgParams().Bytes(key));
  if (!row.ok()) return std::move(row).status();
  if (row->size() > 0 && !row->IsNull(0, 0)) {
    const Result<uint64_t> there = DecodeIdsBegin(row->Bytes(0, 0));
    if (!there.ok()) return there.status();
    if (*there >= *begin) return Status::Ok();
  }
  auto put = cell->Run(kPutMain, PgParams().Bytes(key).Bytes(EncodeIdsBegin(*begin)));
  if (!put.ok()) return std::move(put).status();
  return cell->TakeWarning();
}

}  // namespace

PgCell::PgCell(StoreOptions options, PgStore* home) : options_(std::move(options)), home_(home) {
  options_.postgres.cell_of = EncodePgStoreId(home->id());
  store_ = PgStore::OpenCell(
      options_, home->word(), [home](NamespaceNumber number) { return home->Claim(number); },
      [home](NamespaceNumber number) { return home->ReadRow(number); });
}

Status PgCell::Prepare() {
  if (prepared_) return Status::Ok();
  std::lock_guard lock(preparing_);
  if (prepared_) return Status::Ok();
  Status status = PrepareNow();
  down_ = !status.ok();
  if (!status.ok()) {
    if (std::exchange(said_, status.detail()) != status.detail())
      Log(LogLevel::kWarn, "a cell is not reached", {{"cell", name()}, {"detail", status.detail()}});
    return status;
  }
  prepared_ = true;
  if (removes_) store_->RemoveEnded(true);
  Log(LogLevel::kInfo, "a cell is reached", {{"cell", name()}});
  return Status::Ok();
}

Status PgCell::PrepareNow() {
  auto known = KnownId(home_, name());
  if (!known.ok()) return std::move(known).status();
  PostgresOptions options = options_.postgres;
  options.cell_known = *known;
  auto opened = PgConnection::Open(options, kStatementMostMs);
  // One that was used before may be fit again, as where its fsync was switched off.
  if (!opened.ok()) return known->empty() ? std::move(opened).status() : Status(Code::kUnavailable, opened.status().detail());
  NOTIFYD_TRY(CheckPgSessions(options, opened->get()));
  auto none = NamesNoStandby(opened->get());
  if (!none.ok()) return std::move(none).status();
  if (*none && options.require_standby)
    return Status(Code::kUnacceptable, "store.postgres.require_standby is on, and synchronous_standby_names of its server is empty");
  auto id = PreparePgSchema(opened->get(), options);
  if (!id.ok()) return std::move(id).status();
  NOTIFYD_TRY(RaiseIdsBegin(home_->kv(), opened->get()));
  NOTIFYD_TRY(home_->With([&](PgConnection* connection) {
    auto learned = connection->Run(kPgLearnCell, PgParams().Bytes(name()).Bytes(EncodePgStoreId(*id)));
    if (!learned.ok()) return std::move(learned).status();
    return connection->TakeWarning();
  }));
  // As it is by now: another member may have been the first.
  known = KnownId(home_, name());
  if (!known.ok()) return std::move(known).status();
  if (*known == EncodePgStoreId(*id)) return Status::Ok();
  return Status(Code::kUnacceptable, "another one was known by this name: what was written there is not here");
}

Result<OpenedNamespace> PgCell::OpenNamespace(NamespaceNumber number, EventSink* sink) {
  if (!store_ || unfit_ || BootMs() < down_until_ms_) return NotReached();
  std::unique_lock lock(opening_, std::defer_lock);
  if (!lock.try_lock_for(kTurn)) return NotReached();
  opening_since_ms_ = BootMs();
  Status prepared = Prepare();
  Result<OpenedNamespace> opened = prepared.ok() ? store_->OpenNamespace(number, sink) : Result<OpenedNamespace>(NotReached());
  opening_since_ms_ = 0;
  const bool unavailable = !opened.ok() && opened.status().code() == Code::kUnavailable;
  // It may as well be a commit that waits there for somebody's lock, or the home cell: then the others of this cell go on.
  down_ = unavailable && !(prepared_ && store_->reached());
  if (down_) down_until_ms_ = BootMs() + kPauseMs;
  return opened;
}

void PgCell::RemoveEnded(bool removes) {
  removes_ = removes;
  if (prepared_) store_->RemoveEnded(removes);
}

/// Requests for what lies there are refused meanwhile, so it may be that nobody else does: of a namespace that was made since, for one.
void PgCell::LookAgain() {
  if (!store_) return;
  if (!down_ && !unfit_) return CheckFit();
  if (!Prepare().ok()) return;
  // By a connection of its own: those that there are may be of a server that stands still, and take longer to say so.
  if (!PgConnection::Open(options_.postgres, kStatementMostMs).ok()) return;
  if (unfit_.exchange(false)) Log(LogLevel::kInfo, "a cell is reached", {{"cell", name()}});
  down_ = false;
}

/// Nobody renews a lease there, which would tell.
void PgCell::CheckFit() {
  if (!prepared_) return;
  const Status fit = store_->With([](PgConnection* connection) { return connection->CheckFit(); });
  if (fit.code() != Code::kUnacceptable) return;
  unfit_ = true;
  Log(LogLevel::kWarn, "a cell is not reached", {{"cell", name()}, {"detail", fit.detail()}});
}

bool PgCell::lost() const {
  if (!store_ || down_ || unfit_ || store_->lost()) return true;
  const int64_t since_ms = opening_since_ms_;
  return since_ms != 0 && BootMs() - since_ms > kHangsMs;
}

}  // namespace notifyd
