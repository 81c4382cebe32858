#include "storage/postgres/pg_compactor.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <utility>

#include "base/log.h"

namespace notifyd {
namespace {

using std::chrono::milliseconds, std::chrono::minutes, std::chrono::seconds;

constexpr const char* kBrokenOff = "the store is being closed, or another one cleans up";
constexpr seconds kNoteEvery{10};
// So many notes: autovacuum, which looks once a minute, has come by in that time, and a table is given the most that it held meanwhile.
constexpr size_t kNotes = 18;
constexpr minutes kLeastPause{1}, kMostPause{64};
// What a table, or its indexes, may take beyond all need, in pages: nobody misses a megabyte.
constexpr int64_t kSpare = 128;
constexpr double kTooLarge = 1.5, kGiven = 1.2;  // of what is needed
constexpr double kPageBytes = 8168, kFilled = 0.7;
constexpr int64_t kSampledPages = 200, kStepPages = 16;
// Whoever writes waits while indexes are built anew, a tenth of a second for so many rows.
constexpr int64_t kMostRowsIndexed = 100'000;

struct Named {
  const char* name;
  const char* column;  // that is in no key, where there is one
  // Parameter: a part of its pages, in thousandths of a hundredth. Row: of those the rows, their bytes, and those of their keys. What is too large
  // for a row lies elsewhere.
  const char* sample;
};
#define PG_SAMPLE(table, bytes, key) \
  "SELECT count(*), coalesce(sum(" bytes "), 0)::bigint, coalesce(sum(" key "), 0)::bigint FROM " table " TABLESAMPLE SYSTEM ($1::bigint / 1000.0)"
#define PG_BYTES(column) "least(coalesce(pg_column_size(" column "), 0), 2000)"
#define PG_KV(table) \
  { table, "v", PG_SAMPLE(table, "pg_column_size(k) + " PG_BYTES("v") " + " PG_BYTES("ops"), "pg_column_size(k)") }
constexpr std::array<Named, 8> kNamed = {{
    PG_KV("kv_main"),
    PG_KV("kv_notifies"),
    PG_KV("kv_hot"),
    {"counted", "n", PG_SAMPLE("counted", "pg_column_size(k) + 8", "pg_column_size(k)")},
    {"count_bases", "v", PG_SAMPLE("count_bases", "pg_column_size(k) + 8 + " PG_BYTES("v"), "pg_column_size(k) + 8")},
    {"count_changes", "ops", PG_SAMPLE("count_changes", "pg_column_size(k) + 8 + " PG_BYTES("ops"), "pg_column_size(k) + 8")},
    {"removals", "hour", PG_SAMPLE("removals", "pg_column_size(k) + 8", "pg_column_size(k) + 8")},
    {"log", "totals", PG_SAMPLE("log", "24 + " PG_BYTES("totals"), "16")},
}};
#undef PG_KV
#undef PG_BYTES
#undef PG_SAMPLE
// Of a row, of an entry of an index, besides what is in them.
constexpr double kRowBytes = 32, kEntryBytes = 16;

constexpr char kNote[] = "SELECT relname::text, n_live_tup + n_dead_tup FROM pg_stat_user_tables WHERE schemaname = current_schema()";
// Parameter: table. What is dead is what a vacuum had to leave.
constexpr char kSizes[] =
    "SELECT pg_relation_size(c.oid) / current_setting('block_size')::bigint, pg_indexes_size(c.oid) / current_setting('block_size')::bigint, "
    "coalesce(s.n_dead_tup, 0) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid "
    "WHERE n.nspname = current_schema() AND c.relname = $1::text";

int64_t Pages(double bytes) {
  return static_cast<int64_t>(std::ceil(bytes / kPageBytes));
}

bool IsTooLarge(int64_t pages, int64_t needed) {
  return static_cast<double>(pages) > static_cast<double>(needed) * kTooLarge + kSpare;
}

/// Rows of these pages go to where there is room, from the front on after a vacuum: a row that is written anew stays in its page as long as that has
/// room, and so is written until it is elsewhere.
std::string MoveStep(const Named& table, int64_t from, int64_t to) {
  const std::string name = table.name, column = table.column;
  return "DO $$ DECLARE moved bigint; BEGIN FOR i IN 1..400 LOOP UPDATE " + name + " SET " + column + " = " + column +
         " WHERE ctid = ANY (ARRAY(SELECT ctid FROM " + name + " WHERE ctid >= '(" + std::to_string(from) + ",0)' AND ctid < '(" +
         std::to_string(to) + ",0)' FOR NO KEY UPDATE SKIP LOCKED)); GET DIAGNOSTICS moved = ROW_COUNT; EXIT WHEN moved = 0; END LOOP; END $$";
}

}  // namespace

PgCompactor::PgCompactor(PgPool* pool) : pool_(pool) {
  for (size_t at = 0; at < kNamed.size(); ++at) tables_.push_back({at, {}, {}, kLeastPause});
}

void PgCompactor::Start(bool works) {
  works_ = works;
  thread_ = std::thread([this] { Run(); });
}

void PgCompactor::Stop() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    if (under_way_) under_way_->BreakOff();
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void PgCompactor::Work() {
  std::lock_guard lock(mutex_);
  rests_ = false;
  works_ = true;
}

void PgCompactor::Rest() {
  std::lock_guard lock(mutex_);
  works_ = false;
  rests_ = true;
  wake_.notify_all();
}

bool PgCompactor::Ending() {
  std::lock_guard lock(mutex_);
  return ending_ || rests_;
}

void PgCompactor::Run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kNoteEvery, [this] { return ending_; })) {
    if (!works_) continue;
    lock.unlock();
    if (Status status = Look(); !status.ok() && status.code() != Code::kUnavailable)
      Log(LogLevel::kWarn, "cannot clean up in the database", {{"detail", status.detail()}});
    lock.lock();
  }
}

Status PgCompactor::Look() {
  std::lock_guard lock(tables_mutex_);
  NOTIFYD_TRY(NoteRows());
  std::vector<Table*> due;
  for (Table& table : tables_)
    if (table.rows.size() == kNotes && Clock::now() >= table.next) due.push_back(&table);
  if (due.empty()) return Status::Ok();
  return With([&](PgConnection* connection) {
    Status first;
    for (Table* table : due) {
      if (connection->lost() || Ending()) break;
      Status status = Compact(connection, table, *std::max_element(table->rows.begin(), table->rows.end()));
      // Somebody is in the way, or does not come back; whoever does not own the tables may not at all.
      if (!status.ok()) table->pause = status.code() == Code::kUnavailable ? std::min(table->pause * 2, kMostPause) : kMostPause;
      table->next = Clock::now() + table->pause;
      if (first.ok() || first.code() == Code::kUnavailable) first = status;
    }
    return first;
  });
}

Status PgCompactor::NoteRows() {
  return pool_->With([&](PgConnection* connection) {
    auto noted = connection->Run(kNote);
    if (!noted.ok()) return std::move(noted).status();
    for (int i = 0; i < noted->size(); ++i) {
      for (Table& table : tables_) {
        if (noted->Bytes(i, 0) != kNamed[table.at].name) continue;
        table.rows.push_back(noted->Int(i, 1));
        if (table.rows.size() > kNotes) table.rows.pop_front();
      }
    }
    return Status::Ok();
  });
}

Status PgCompactor::With(const std::function<Status(PgConnection*)>& use) {
  auto opened = PgConnection::Open(pool_->options());
  if (!opened.ok()) return std::move(opened).status();
  PgConnection* connection = opened->get();
  // Building an index waits for those that write, and they behind it: not for long.
  NOTIFYD_TRY(connection->RunScript("SET synchronous_commit = off; SET lock_timeout = 100"));
  // Not every system that a server runs on can tell; there a statement goes on to its end behind a stop, as it does where a client is killed.
  Status ignored = connection->RunScript("SET client_connection_check_interval = 500");
  {
    std::lock_guard lock(mutex_);
    if (ending_ || rests_) return Status(Code::kUnavailable, kBrokenOff);
    under_way_ = connection;
  }
  Status status = use(connection);
  std::lock_guard lock(mutex_);
  under_way_ = nullptr;
  return status;
}

/// `rows`: that lived or were dead of late, as the server counts them. After it crashed it begins to count anew: what is seen lives.
Result<PgCompactor::Room> PgCompactor::RoomOf(PgConnection* connection, const Table& table, int64_t rows) {
  const Named& named = kNamed[table.at];
  auto sizes = connection->Run(kSizes, PgParams().Bytes(named.name));
  if (!sizes.ok()) return std::move(sizes).status();
  if (sizes->size() != 1) return Status(Code::kIo, std::string("there is no table ") + named.name);
  Room room{sizes->Int(0, 0), sizes->Int(0, 1), 0, 0, rows};
  const double part = std::min(1.0, static_cast<double>(kSampledPages) / static_cast<double>(std::max<int64_t>(room.heap, 1)));
  auto sampled = connection->Run(named.sample, PgParams().Int(static_cast<int64_t>(part * 100'000)));
  if (!sampled.ok()) return std::move(sampled).status();
  const double seen = static_cast<double>(sampled->Int(0, 0)), of = std::max(seen, 1.0);
  const double row_bytes = kRowBytes + static_cast<double>(sampled->Int(0, 1)) / of;
  const double key_bytes = kEntryBytes + static_cast<double>(sampled->Int(0, 2)) / of;
  room.rows = std::max(rows, static_cast<int64_t>(seen / part) + sizes->Int(0, 2));
  room.needed = Pages(static_cast<double>(room.rows) * row_bytes / kFilled);
  room.for_indexes = Pages(static_cast<double>(room.rows) * key_bytes / kFilled);
  return room;
}

Status PgCompactor::Compact(PgConnection* connection, Table* table, int64_t rows) {
  std::optional<Room> before, after;
  NOTIFYD_TRY(GiveBack(connection, *table, rows, &before, &after));
  table->pause = after && IsTooLarge(after->heap, after->needed) ? std::min(table->pause * 2, kMostPause) : kLeastPause;
  if (!after) return Status::Ok();
  const int64_t had = before->heap + before->indexes, has = after->heap + after->indexes;
  if (has >= had) return Status::Ok();
  pages_ += static_cast<uint64_t>(had - has);
  Log(LogLevel::kInfo, "a table of the database takes less room again", {{"table", kNamed[table->at].name}, {"pages", has}, {"pages_before", had}});
  return Status::Ok();
}

/// `after`: nothing where it takes no more than it needs.
Status PgCompactor::GiveBack(PgConnection* connection, const Table& table, int64_t rows, std::optional<Room>* before, std::optional<Room>* after) {
  const std::string name = kNamed[table.at].name;
  auto look = [&](std::optional<Room>* room) {
    auto found = RoomOf(connection, table, rows);
    if (!found.ok()) return std::move(found).status();
    *room = *found;
    return Status::Ok();
  };
  NOTIFYD_TRY(look(before));
  if (!IsTooLarge((*before)->heap, (*before)->needed) && !IsTooLarge((*before)->indexes, (*before)->for_indexes)) return Status::Ok();
  // By it rows that move find the free places in front first, and the server says what is dead and cannot go.
  NOTIFYD_TRY(connection->RunScript("VACUUM " + name));
  NOTIFYD_TRY(look(after));
  if (IsTooLarge((*after)->heap, (*after)->needed)) {
    const auto given = static_cast<int64_t>(static_cast<double>((*after)->needed) * kGiven) + kSpare / 2;
    NOTIFYD_TRY(MoveRows(connection, table, given, (*after)->heap));
    NOTIFYD_TRY(connection->RunScript("VACUUM " + name));
  }
  if (IsTooLarge((*after)->indexes, (*after)->for_indexes) && (*after)->rows <= kMostRowsIndexed)
    NOTIFYD_TRY(connection->RunScript("REINDEX TABLE " + name));
  return look(after);
}

Status PgCompactor::MoveRows(PgConnection* connection, const Table& table, int64_t from, int64_t to) {
  while (to > from) {
    const int64_t first = std::max(from, to - kStepPages);
    const auto begun = Clock::now();
    NOTIFYD_TRY(connection->RunScript(MoveStep(kNamed[table.at], first, to)));
    to = first;
    // Half of the time belongs to everybody else.
    const auto pause = std::min<Clock::duration>(Clock::now() - begun, milliseconds(100));
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, pause, [this] { return ending_ || rests_; })) return Status(Code::kUnavailable, kBrokenOff);
  }
  return Status::Ok();
}

Status PgCompactor::CompactAll() {
  std::lock_guard lock(tables_mutex_);
  return With([&](PgConnection* connection) {
    for (Table& table : tables_) NOTIFYD_TRY(Compact(connection, &table, 0));
    return Status::Ok();
  });
}

}  // namespace notifyd
