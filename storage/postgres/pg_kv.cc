#include "storage/postgres/pg_kv.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "storage/postgres/pg_tables.h"

namespace notifyd {
namespace {

// Of keys that are looked up, and of rows of a walk, at once.
constexpr size_t kChunk = 256, kMostRows = 1000, kFewestRows = 8;

// By table.
#define PG_GET(table) \
  "SELECT u.i, t.v, t.ops FROM unnest($1::bytea[]) WITH ORDINALITY AS u (k, i) JOIN " table " t ON t.k = u.k"
#define PG_WALK(columns, table, first, order) \
  "SELECT " columns " FROM " table " WHERE k " first " $1::bytea AND k < $2::bytea ORDER BY k " order " LIMIT $3"
constexpr std::array<const char*, 3> kGets = {PG_GET("kv_main"), PG_GET("kv_notifies"), PG_GET("kv_hot")};
#define PG_WALKS(columns, first, order) \
  {PG_WALK(columns, "kv_main", first, order), PG_WALK(columns, "kv_notifies", first, order), PG_WALK(columns, "kv_hot", first, order)}
constexpr std::array<const char*, 3> kForward = PG_WALKS("k, v, ops", ">=", "ASC"), kForwardKeys = PG_WALKS("k", ">=", "ASC"),
                                     kBackward = PG_WALKS("k, v, ops", ">=", "DESC"), kBackwardKeys = PG_WALKS("k", ">=", "DESC");
#undef PG_WALKS
#undef PG_WALK
#undef PG_GET

/// The value of a row whose value and operands stand from `column` on; empty where there is none.
std::string Fold(std::string_view key, const PgRows& rows, int row, int column) {
  return FoldRow(key, rows.BytesOrNull(row, column), rows.BytesOrNull(row, column + 1)).value_or("");
}

Status GetFrom(PgConnection* connection, const std::vector<std::string>& keys, const KvTake& take) {
  for (PgTable table : kPgTables) {
    for (size_t next = 0; next < keys.size();) {
      std::vector<std::string_view> chunk;
      std::vector<size_t> at;
      for (; next < keys.size() && chunk.size() < kChunk; ++next) {
        if (TableOf(keys[next]) != table) continue;
        chunk.push_back(keys[next]);
        at.push_back(next);
      }
      if (chunk.empty()) break;
      auto rows = connection->Run(kGets[static_cast<size_t>(table)], PgParams().BytesArray(chunk));
      if (!rows.ok()) return std::move(rows).status();
      for (int i = 0; i < rows->size(); ++i) {
        const size_t place = at[static_cast<size_t>(rows->Int(i, 0) - 1)];
        NOTIFYD_TRY(take(place, Fold(keys[place], *rows, i, 1)));
      }
    }
  }
  return Status::Ok();
}

class PgCursor : public KvCursor {
 public:
  /// `connection`: null: `status` says why.
  PgCursor(PgConnection* connection, Status status, std::string from, std::string to, const KvScan& scan, std::shared_ptr<void> held = nullptr)
      : held_(std::move(held)),
        connection_(connection),
        status_(std::move(status)),
        table_(static_cast<size_t>(TableOf(from))),
        from_(std::move(from)),
        to_(std::move(to)),
        scan_(scan),
        page_(std::clamp(scan.expected, kFewestRows, kMostRows)) {
    if (status_.ok() && from_ < to_) Fetch();
  }

  bool Valid() const override { return rows_ && at_ < rows_->size(); }
  std::string_view key() const override { return rows_->Bytes(at_, 0); }
  std::string_view value() const override { return value_; }
  void Next() override {
    if (++at_ < rows_->size()) return Fold();
    if (rows_->size() < static_cast<int>(page_)) return;
    // Behind the last one: the least key above it, or all that are below it.
    const std::string last(rows_->Bytes(rows_->size() - 1, 0));
    if (scan_.forward) from_ = last + '\0';
    else to_ = last;
    page_ = std::min(page_ * 4, kMostRows);
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
    auto rows = connection_->Run(statements[table_], PgParams().Bytes(from_).Bytes(to_).Int(static_cast<int64_t>(page_)));
    if (!rows.ok()) {
      status_ = std::move(rows).status();
      return;
    }
    rows_ = *std::move(rows);
    Fold();
  }
  void Fold() {
    value_.clear();
    if (Valid() && scan_.values) value_ = notifyd::Fold(key(), *rows_, at_, 1);
  }

  const std::shared_ptr<void> held_;
  PgConnection* const connection_;
  Status status_;
  const size_t table_;
  std::string from_, to_;
  const KvScan scan_;
  size_t page_;
  std::optional<PgRows> rows_;
  int at_ = 0;
  std::string value_;
};

class PgMoment : public KvMoment {
 public:
  explicit PgMoment(PgPool* pool) : pool_(pool) {
    auto taken = pool->Take();
    if (taken.ok()) connection_ = *std::move(taken);
    status_ = connection_ ? connection_->RunScript("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") : std::move(taken).status();
  }
  ~PgMoment() override {
    if (!connection_) return;
    if (status_.ok() && connection_->RunScript("COMMIT").ok()) pool_->Give(std::move(connection_));
  }
  PgMoment(const PgMoment&) = delete;
  PgMoment& operator=(const PgMoment&) = delete;

  Status GetAll(const std::vector<std::string>& keys, const KvTake& take) const override {
    NOTIFYD_TRY(status_);
    return GetFrom(connection_.get(), keys, take);
  }
  std::unique_ptr<KvCursor> Walk(std::string from, std::string to, KvScan scan) const override {
    return WalkHeld(std::move(from), std::move(to), scan, nullptr);
  }
  std::unique_ptr<KvCursor> WalkHeld(std::string from, std::string to, const KvScan& scan, std::shared_ptr<void> held) const {
    return std::make_unique<PgCursor>(connection_.get(), status_, std::move(from), std::move(to), scan, std::move(held));
  }

 private:
  PgPool* const pool_;
  std::unique_ptr<PgConnection> connection_;
  Status status_;
};

}  // namespace

// ---- the pool

Result<std::unique_ptr<PgConnection>> PgPool::Take() {
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<PgConnection> connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  return PgConnection::Open(options_);
}

void PgPool::Give(std::unique_ptr<PgConnection> connection) {
  std::lock_guard lock(mutex_);
  // Those beside one that went are likely gone, too: a server that began anew.
  if (connection->lost()) return idle_.clear();
  if (PQtransactionStatus(connection->raw()) == PQTRANS_IDLE && idle_.size() < kMostIdle) idle_.push_back(std::move(connection));
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
  return pool_->With([&](PgConnection* connection) { return GetFrom(connection, keys, take); });
}

std::unique_ptr<KvCursor> PgKv::Walk(std::string from, std::string to, KvScan scan) const {
  auto moment = std::make_shared<PgMoment>(pool_);
  const PgMoment& of = *moment;
  return of.WalkHeld(std::move(from), std::move(to), scan, std::move(moment));
}

std::unique_ptr<KvMoment> PgKv::Now(KvFor) const {
  return std::make_unique<PgMoment>(pool_);
}

}  // namespace notifyd
