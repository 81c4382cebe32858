#include "storage/postgres/pg_move.h"

#include <atomic>
#include <utility>
#include <vector>

#include "storage/keys.h"
#include "storage/postgres/pg_kv.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres/pg_schema.h"
#include "storage/postgres/pg_writes.h"
#include "storage/records.h"

namespace notifyd {
namespace {

// The newest of each namespace.
constexpr char kTotals[] = "SELECT DISTINCT ON (unit) unit, totals FROM log WHERE unit >= 0 ORDER BY unit DESC, n DESC";
// Whoever takes the lease meanwhile is waited for, or waits.
constexpr char kHold[] = "SELECT 1 FROM lease WHERE unit = 0 AND epoch = $1 AND incarnation = $2 FOR KEY SHARE";
constexpr char kEmpty[] = "TRUNCATE kv_main, kv_notifies, kv_hot, counted, count_bases, count_changes, removals, log, owners";
constexpr char kWhole[] = "DELETE FROM meta WHERE name = 'moving'";

Status LeaseLost() {
  return Status(Code::kIo, "the store was taken by another broker meanwhile");
}

/// A connection, and the lease, which is kept.
class Holder {
 public:
  Status Open(const PostgresOptions& options) {
    auto opened = PgConnection::Open(options);
    if (!opened.ok()) return std::move(opened).status();
    connection_ = *std::move(opened);
    NOTIFYD_TRY(CheckPgSessions(options, connection_.get()));
    if (auto store = PreparePgSchema(connection_.get(), options); !store.ok()) return std::move(store).status();
    auto lease = PgOwnLease::Take(options);
    if (!lease.ok()) return std::move(lease).status();
    lease_ = *std::move(lease);
    lease_->Keep([this] { lost_ = true; });
    return Status::Ok();
  }
  PgConnection* connection() const { return connection_.get(); }
  Status Held() const { return lost_ ? LeaseLost() : Status::Ok(); }
  /// One transaction, under the lease.
  Status Do(bool synced, const std::vector<PgStatement>& statements) {
    NOTIFYD_TRY(connection_->RunScript(synced ? "BEGIN" : "BEGIN; SET LOCAL synchronous_commit = off"));
    Status done = DoIn(statements);
    if (!done.ok()) {
      Status ignored = connection_->RunScript("ROLLBACK");
      return done;
    }
    NOTIFYD_TRY(connection_->RunScript("COMMIT"));
    return connection_->TakeWarning();
  }

 private:
  Status DoIn(const std::vector<PgStatement>& statements) {
    const OwnerWord& word = lease_->word();
    auto held = connection_->Run(kHold, PgParams().Int(static_cast<int64_t>(word.epoch)).Bytes(EncodeIncarnation(word.incarnation)));
    if (!held.ok()) return std::move(held).status();
    if (held->size() == 0) return LeaseLost();
    for (const PgStatement& statement : statements)
      if (auto done = connection_->Run(statement.sql, statement.params); !done.ok()) return std::move(done).status();
    return Status::Ok();
  }

  std::unique_ptr<PgConnection> connection_;
  std::atomic<bool> lost_ = false;
  std::unique_ptr<PgOwnLease> lease_;  // its thread sets the flag
};

class PgSource : public MoveSource {
 public:
  explicit PgSource(const PostgresOptions& options) : pool_(options), kv_(&pool_) {}
  Status Open() {
    auto opened = PgConnection::Open(pool_.options());
    if (!opened.ok()) return std::move(opened).status();
    auto there = HasPgSchema(opened->get(), pool_.options());
    if (!there.ok()) return std::move(there).status();
    if (!*there) return Status(Code::kNotFound, "there is no store in the schema " + pool_.options().schema);
    return holder_.Open(pool_.options());
  }
  const OrderedKv& kv() const override { return kv_; }
  Result<std::map<std::string, std::string>> Elsewhere() override {
    auto rows = holder_.connection()->Run(kTotals);
    if (!rows.ok()) return std::move(rows).status();
    std::map<std::string, std::string> out;
    for (int i = 0; i < rows->size(); ++i)
      out.emplace(KeySpace(static_cast<NamespaceNumber>(rows->Int(i, 0))).In(EncodeMetaKey(kTotalsName)), rows->Bytes(i, 1));
    return out;
  }
  Status Held() override { return holder_.Held(); }

 private:
  PgPool pool_;
  const PgKv kv_;
  Holder holder_;
};

class PgTarget : public MoveTarget {
 public:
  PgTarget(const RetentionRules* rules, int64_t now_ms) : rules_(rules), now_ms_(now_ms) {}
  Status Open(PostgresOptions options) {
    options.moving = true;
    NOTIFYD_TRY(holder_.Open(options));
    return holder_.Do(false, {{kEmpty, {}}});
  }
  Status Write(const std::function<void(KvWrites&)>& fill) override {
    PgWrites writes(rules_, now_ms_);
    fill(writes);
    return holder_.Do(false, writes.Statements(0));
  }
  // Its flush covers all that was written before.
  Status Finish() override { return holder_.Do(true, {{kWhole, {}}}); }

 private:
  const RetentionRules* const rules_;
  const int64_t now_ms_;
  Holder holder_;
};

}  // namespace

Result<std::unique_ptr<MoveSource>> OpenPgSource(const StoreOptions& options) {
  auto source = std::make_unique<PgSource>(options.postgres);
  NOTIFYD_TRY(source->Open());
  return std::unique_ptr<MoveSource>(std::move(source));
}

Result<std::unique_ptr<MoveTarget>> OpenPgTarget(const StoreOptions& options, const RetentionRules* rules, int64_t now_ms) {
  auto target = std::make_unique<PgTarget>(rules, now_ms);
  NOTIFYD_TRY(target->Open(options.postgres));
  return std::unique_ptr<MoveTarget>(std::move(target));
}

}  // namespace notifyd
