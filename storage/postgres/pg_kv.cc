#include "storage/postgres/pg_kv.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "storage/keys.h"
#include "storage/postgres/pg_tables.h"

namespace notifyd {
namespace {

// Looked up by one statement: of those whose values may be as large as bodies, as many as a page reads at once; and by those of one round trip, whose
// rows are in memory together.
constexpr size_t kChunk = 256, kLargeChunk = 32, kLargeAtOnce = 64;
// Rows of a walk that are read at once: no more than are expected at first, with values no more than what is not too much if they are large; then
// more and more, as many as the bytes of those so far allow. Whatever those were, no page goes on behind the row that fills its bytes: large values
// may follow on small ones.
constexpr size_t kFewestRows = 8, kMostRows = 1000, kFirstValues = 32, kGrowth = 4;
constexpr size_t kPageOfRowsBytes = 4 << 20;

// By table.
#define PG_GET(table) "SELECT u.i, t.v, t.ops FROM unnest($1::bytea[]) WITH ORDINALITY AS u (k, i) JOIN " table " t ON t.k = u.k"
#define PG_WALK(columns, table, first, order) \
  "SELECT " columns " FROM " table " WHERE k " first " $1::bytea AND k < $2::bytea ORDER BY k " order " LIMIT $3"
constexpr std::array<const char*, 4> kGets = {PG_GET("kv_main"), PG_GET("kv_notifies"), PG_GET("kv_hot"), PG_GET("kv_counts")};
#define PG_KEYS(table, order) PG_WALK("k", table, ">=", order)
// The length of a value that stands apart is known without it.
#define PG_BYTES "coalesce(octet_length(v), 0) + coalesce(octet_length(ops), 0)"
#define PG_VALUES(table, order)                                                                                                                     \
  "SELECT k, v, ops FROM (" PG_WALK("k, v, ops, sum(" PG_BYTES ") OVER (ORDER BY k " order " ROWS UNBOUNDED PRECEDING) - (" PG_BYTES ") AS before", \
                                    table, ">=", order) ") AS page WHERE before < $4::bigint"
#define PG_OF_TABLES(walk, order) \
  { walk("kv_main", order), walk("kv_notifies", order), walk("kv_hot", order), walk("kv_counts", order) }
constexpr std::array<const char*, 4> kForward = PG_OF_TABLES(PG_VALUES, "ASC"), kForwardKeys = PG_OF_TABLES(PG_KEYS, "ASC"),
                                     kBackward = PG_OF_TABLES(PG_VALUES, "DESC"), kBackwardKeys = PG_OF_TABLES(PG_KEYS, "DESC");
#undef PG_OF_TABLES
#undef PG_VALUES
#undef PG_BYTES
#undef PG_KEYS
#undef PG_WALK
#undef PG_GET

/// The value of a row whose value and operands stand from `column` on; empty where there is none.
std::string Fold(std::string_view key, const PgRows& rows, int row, int column) {
  return FoldRow(key, rows.BytesOrNull(row, column), rows.BytesOrNull(row, column + 1)).value_or("");
}

struct Asked {
  const char* sql;
  PgParams params;
};

/// In pipeline mode, one round trip for all: `begin` first, where it is not null, then what is asked.
Status Exchange(PgConnection* connection, const char* begin, const std::vector<std::string>& names, const std::vector<Asked>& asked,
                std::vector<PgRows>* rows) {
  PGconn* raw = connection->raw();
  if (begin && !PQsendQueryParams(raw, begin, 0, nullptr, nullptr, nullptr, nullptr, 1)) return connection->StatusOf(nullptr);
  for (size_t i = 0; i < asked.size(); ++i) {
    const PgParams& params = asked[i].params;
    if (!PQsendQueryPrepared(raw, names[i].c_str(), params.count(), params.values(), params.lengths(), params.formats(), 1))
      return connection->StatusOf(nullptr);
  }
  if (!PQpipelineSync(raw)) return connection->StatusOf(nullptr);
  Status status;
  for (bool in_begin = begin != nullptr, between = false;;) {
    PgAnswer result = connection->Next();
    if (!result) {
      // Once, between the results of two statements; again where no more are to come.
      if (connection->lost() || std::exchange(between, true)) return connection->StatusOf(nullptr);
      continue;
    }
    between = false;
    switch (PQresultStatus(result.get())) {
      case PGRES_PIPELINE_SYNC:
        return status;
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        if (!in_begin) rows->emplace_back(std::move(result));
        in_begin = false;
        break;
      case PGRES_PIPELINE_ABORTED:
        break;
      default:
        if (status.ok()) status = connection->StatusOf(result.get());
    }
  }
}

/// The rows of each of `asked`.
Result<std::vector<PgRows>> RunAll(PgConnection* connection, const char* begin, const std::vector<Asked>& asked) {
  std::vector<std::string> names;
  for (const Asked& one : asked) {
    auto name = connection->Prepare(one.sql);
    if (!name.ok()) return std::move(name).status();
    names.push_back(*std::move(name));
  }
  if (!PQenterPipelineMode(connection->raw())) return connection->StatusOf(nullptr);
  std::vector<PgRows> rows;
  Status status = Exchange(connection, begin, names, asked, &rows);
  // Where that fails the connection is lost, and nobody uses it again.
  if (!PQexitPipelineMode(connection->raw()) && status.ok()) status = connection->StatusOf(nullptr);
  if (!status.ok()) return status;
  return rows;
}

/// Whether its value may be as large as a body is: notifies, events, and data of remembered triggers.
bool MayBeLarge(std::string_view key) {
  const std::string_view bare = PlaceOf(key).bare;
  if (bare.empty()) return false;
  return bare.front() == static_cast<char>(KeyKind::kNotify) || bare.front() == static_cast<char>(KeyKind::kFkey) ||
         bare.front() == static_cast<char>(RecordKind::kEvent);
}

/// Keys of one table, and where they stand among all that are looked up.
struct KeyChunk {
  PgTable table;
  std::vector<std::string_view> keys;
  std::vector<size_t> at;
  size_t large = 0;  // of the keys
};

std::vector<KeyChunk> ChunksOf(const std::vector<std::string>& keys) {
  std::vector<KeyChunk> chunks;
  for (PgTable table : kPgTables) {
    KeyChunk chunk{table, {}, {}};
    for (size_t i = 0; i < keys.size(); ++i) {
      if (TableOf(keys[i]) != table) continue;
      chunk.keys.push_back(keys[i]);
      chunk.at.push_back(i);
      chunk.large += MayBeLarge(keys[i]);
      if (chunk.keys.size() < kChunk && chunk.large < kLargeChunk) continue;
      chunks.push_back(std::exchange(chunk, {table, {}, {}}));
    }
    if (!chunk.keys.empty()) chunks.push_back(std::move(chunk));
  }
  return chunks;
}

/// `run`: as RunAll, of some connection. As many chunks at once as there are tables, unless their values may be too much.
Status GetBy(const std::function<Result<std::vector<PgRows>>(const std::vector<Asked>&)>& run, const std::vector<std::string>& keys,
             const KvTake& take) {
  const std::vector<KeyChunk> chunks = ChunksOf(keys);
  for (size_t next = 0; next < chunks.size();) {
    const size_t first = next;
    std::vector<Asked> asked;
    for (size_t large = 0; next < chunks.size() && asked.size() < kPgTables.size(); ++next) {
      large += chunks[next].large;
      if (large > kLargeAtOnce) break;
      asked.push_back({kGets[static_cast<size_t>(chunks[next].table)], std::move(PgParams().BytesArray(chunks[next].keys))});
    }
    auto all = run(asked);
    if (!all.ok()) return std::move(all).status();
    for (size_t c = 0; c < all->size(); ++c) {
      const PgRows& rows = (*all)[c];
      for (int i = 0; i < rows.size(); ++i) {
        const size_t place = chunks[first + c].at[static_cast<size_t>(rows.Int(i, 0) - 1)];
        NOTIFYD_TRY(take(place, Fold(keys[place], rows, i, 1)));
      }
    }
  }
  return Status::Ok();
}

/// A transaction that begins with what is read first, and over a connection of its own from then on.
class PgMoment : public KvMoment {
 public:
  explicit PgMoment(PgPool* pool) : pool_(pool) {}
  ~PgMoment() override {
    if (connection_) pool_->Give(std::move(connection_));
  }
  PgMoment(const PgMoment&) = delete;
  PgMoment& operator=(const PgMoment&) = delete;

  Status GetAll(const std::vector<std::string>& keys, const KvTake& take) const override {
    return GetBy([this](const std::vector<Asked>& asked) { return Run(asked); }, keys, take);
  }
  std::unique_ptr<KvCursor> Walk(std::string from, std::string to, KvScan scan) const override;

  Result<std::vector<PgRows>> Run(const std::vector<Asked>& asked) const {
    if (!connection_) {
      auto taken = pool_->Take();
      if (!taken.ok()) return std::move(taken).status();
      connection_ = *std::move(taken);
    }
    auto rows = RunAll(connection_.get(), begun_ ? nullptr : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", asked);
    begun_ = begun_ || rows.ok();
    return rows;
  }

 private:
  PgPool* const pool_;
  mutable std::unique_ptr<PgConnection> connection_;
  mutable bool begun_ = false;
};

class PgCursor : public KvCursor {
 public:
  /// `held`: what it keeps `moment` by, where nobody else does.
  PgCursor(const PgMoment* moment, std::string from, std::string to, const KvScan& scan, std::shared_ptr<const PgMoment> held)
      : held_(std::move(held)),
        moment_(*moment),
        table_(static_cast<size_t>(TableOf(from))),
        from_(std::move(from)),
        to_(std::move(to)),
        scan_(scan),
        page_(std::clamp(scan.expected, kFewestRows, scan.values ? kFirstValues : kMostRows)) {
    if (from_ < to_) Fetch();
  }

  bool Valid() const override { return rows_ && at_ < rows_->size(); }
  std::string_view key() const override { return rows_->Bytes(at_, 0); }
  std::string_view value() const override { return value_; }
  void Next() override {
    if (++at_ < rows_->size()) return Fold();
    if (rows_->size() < static_cast<int>(page_) && bytes_ < kPageOfRowsBytes) return;
    // Behind the last one: the least key above it, or all that are below it.
    const std::string last(rows_->Bytes(rows_->size() - 1, 0));
    if (scan_.forward) from_ = last + '\0';
    else to_ = last;
    page_ = std::clamp(kPageOfRowsBytes / std::max<size_t>(bytes_ / rows_->size(), 1), size_t{1}, std::min(page_ * kGrowth, kMostRows));
    Fetch();
  }
  void Seek(std::string_view key) override {
    CHECK(scan_.forward);
    while (Valid() && this->key() < key && at_ + 1 < rows_->size()) ++at_;
    if (!Valid()) return;
    if (this->key() >= key) return Fold();
    from_ = key;
    Fetch();
  }
  Status status() const override { return status_; }

 private:
  void Fetch() {
    rows_.reset();
    at_ = 0;
    if (from_ >= to_) return;
    const auto& statements = scan_.forward ? (scan_.values ? kForward : kForwardKeys) : (scan_.values ? kBackward : kBackwardKeys);
    std::vector<Asked> asked;
    PgParams params = std::move(PgParams().Bytes(from_).Bytes(to_).Int(static_cast<int64_t>(page_)));
    if (scan_.values) params.Int(static_cast<int64_t>(kPageOfRowsBytes));
    asked.push_back({statements[table_], std::move(params)});
    auto all = moment_.Run(asked);
    if (!all.ok()) {
      status_ = std::move(all).status();
      return;
    }
    rows_ = std::move(all->front());
    bytes_ = 0;
    for (int row = 0; scan_.values && row < rows_->size(); ++row) bytes_ += rows_->Bytes(row, 1).size() + rows_->Bytes(row, 2).size();
    Fold();
  }
  void Fold() {
    value_.clear();
    if (Valid() && scan_.values) value_ = notifyd::Fold(key(), *rows_, at_, 1);
  }

  const std::shared_ptr<const PgMoment> held_;
  const PgMoment& moment_;
  Status status_;
  const size_t table_;
  std::string from_, to_;
  const KvScan scan_;
  size_t page_;
  std::optional<PgRows> rows_;
  size_t bytes_ = 0;  // of their values
  int at_ = 0;
  std::string value_;
};

std::unique_ptr<KvCursor> PgMoment::Walk(std::string from, std::string to, KvScan scan) const {
  return std::make_unique<PgCursor>(this, std::move(from), std::move(to), scan, nullptr);
}

}  // namespace

// ---- the pool

namespace {

/// Takes the answer to what Give sent. False: it is not to be used any more.
bool IsThere(PgConnection* connection) {
  bool ok = true;
  while (const PgAnswer result = connection->Next()) ok = ok && PQresultStatus(result.get()) == PGRES_COMMAND_OK;
  // What comes unasked is a notice, or its end: a server that somebody started anew, or a session that was ended there.
  pollfd unasked{PQsocket(connection->raw()), POLLIN, 0};
  while (ok && poll(&unasked, 1, 0) > 0) ok = connection->TakeInput();
  return ok && !connection->lost() && PQtransactionStatus(connection->raw()) == PQTRANS_IDLE;
}

}  // namespace

Result<std::unique_ptr<PgConnection>> PgPool::Take() {
  const Status stopped(Code::kUnavailable, "the store is being closed");
  for (;;) {
    std::unique_ptr<PgConnection> connection;
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return stopped;
      if (idle_.empty()) break;
      connection = std::move(idle_.back());
      idle_.pop_back();
      used_.insert(connection.get());
    }
    const bool there = IsThere(connection.get());
    Status of_no_commit = connection->TakeWarning();
    if (there) {
      reached_ = true;
      return connection;
    }
    Unuse(connection.get());
    if (connection->lost()) LoseIdle();
  }
  auto opened = PgConnection::Open(options_);
  reached_ = opened.ok();
  if (!opened.ok() && doubt_) doubt_();
  // One that was to be used once may be so again, as where its fsync was switched off.
  if (!opened.ok()) return Status(Code::kUnavailable, opened.status().detail());
  if (!Use(opened->get())) return stopped;
  Status checked = check_ ? check_(opened->get()) : Status::Ok();
  if (checked.ok()) return opened;
  Unuse(opened->get());
  return checked;
}

/// False: it is stopped.
bool PgPool::Use(const PgConnection* connection) {
  std::lock_guard lock(mutex_);
  if (!stopped_) used_.insert(connection);
  return !stopped_;
}

void PgPool::Unuse(const PgConnection* connection) {
  std::lock_guard lock(mutex_);
  used_.erase(connection);
}

void PgPool::Stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  for (const PgConnection* each : used_) each->BreakOff();
}

void PgPool::Give(std::unique_ptr<PgConnection> connection) {
  Unuse(connection.get());
  const PGTransactionStatusType state = PQtransactionStatus(connection->raw());
  // Nobody waits for the end of a transaction that only read.
  const bool ends = state == PQTRANS_INTRANS || state == PQTRANS_INERROR;
  const bool kept = state == PQTRANS_IDLE || (ends && PQsendQuery(connection->raw(), "COMMIT"));
  if (connection->lost()) return LoseIdle();
  std::lock_guard lock(mutex_);
  if (kept && idle_.size() < kMostIdle) idle_.push_back(std::move(connection));
}

/// Those beside one that went are likely gone, too: a server that began anew, or stands still, which each would find out for itself.
void PgPool::LoseIdle() {
  reached_ = false;
  if (doubt_) doubt_();
  std::vector<std::unique_ptr<PgConnection>> gone;
  std::lock_guard lock(mutex_);
  gone.swap(idle_);
}

Status PgPool::With(const std::function<Status(PgConnection*)>& use) {
  auto taken = Take();
  if (!taken.ok()) return std::move(taken).status();
  Status status = use(taken->get());
  Give(*std::move(taken));
  return status;
}

// ---- reads

Status PgKv::GetAll(const std::vector<std::string>& keys, const KvTake& take) const {
  return pool_->With([&](PgConnection* connection) {
    return GetBy([&](const std::vector<Asked>& asked) { return RunAll(connection, nullptr, asked); }, keys, take);
  });
}

std::unique_ptr<KvCursor> PgKv::Walk(std::string from, std::string to, KvScan scan) const {
  auto moment = std::make_shared<const PgMoment>(pool_);
  const PgMoment* of = moment.get();
  return std::make_unique<PgCursor>(of, std::move(from), std::move(to), scan, std::move(moment));
}

std::vector<KvPart> PgKv::Parts() const {
  // A table each: by the first of its kinds.
  return {{"", KeysEnd()},
          {FirstKeyOf(KeyKind::kNotify), KeysEnd()},
          {FirstKeyOf(KeyKind::kDue), KeysEnd()},
          {FirstKeyOf(KeyKind::kLaneCounts), KeysEnd()}};
}

std::unique_ptr<KvMoment> PgKv::Now(KvFor) const {
  return std::make_unique<PgMoment>(pool_);
}

}  // namespace notifyd
