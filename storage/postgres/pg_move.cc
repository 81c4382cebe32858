#include "storage/postgres/pg_move.h"

#include <utility>
#include <vector>

#include "storage/keys.h"
#include "storage/postgres/pg_kv.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres/pg_leftovers.h"
#include "storage/postgres/pg_schema.h"
#include "storage/postgres/pg_writes.h"
#include "storage/records.h"

namespace notifyd {
namespace {

constexpr char kEmpty[] = "TRUNCATE kv_main, kv_notifies, kv_hot, counted, count_bases, count_changes, removals, log, owners";
constexpr char kWhole[] = "DELETE FROM meta WHERE name = 'moving'";

class PgSource : public MoveSource {
 public:
  explicit PgSource(const PostgresOptions& options) : pool_(options), kv_(&pool_) {}
  /// What is left of namespaces that were dropped would go with it, and nothing there says that it is to be removed.
  Status Open() {
    NOTIFYD_TRY(holder_.Open(pool_.options()));
    return pool_.With(RemovePgLeftovers);
  }
  const OrderedKv& kv() const override { return kv_; }
  Result<std::map<std::string, std::string>> Elsewhere() override {
    auto rows = holder_.connection()->Run(kPgNewestTotals);
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
  PgHolder holder_;
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
  PgHolder holder_;
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
