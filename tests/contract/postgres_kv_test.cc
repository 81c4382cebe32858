// The contract of an OrderedKv over PgKv.
#include "contract/kv_harness.h"
#include "storage/postgres/pg_kv.h"
#include "storage/postgres/pg_schema.h"
#include "storage/postgres/pg_writes.h"
#include "storage/postgres_harness.h"

namespace notifyd {
namespace {

class PostgresKvHarness : public KvHarness {
 public:
  PostgresKvHarness() {
    auto opened = PgConnection::Open(options_.postgres);
    if (!opened.ok()) FAIL(opened.status().detail());
    connection_ = std::move(*opened);
    auto made = PreparePgSchema(connection_.get(), options_.postgres);
    if (!made.ok()) FAIL(made.status().detail());
  }
  const OrderedKv& kv() override { return kv_; }
  void Write(const std::function<void(KvWrites&)>& fill) override {
    const RetentionRules rules;
    PgWrites writes(&rules, StoreHarness::kStart);
    fill(writes);
    REQUIRE(connection_->RunScript("BEGIN").ok());
    for (const PgStatement& statement : writes.Statements(++written_)) {
      auto rows = connection_->Run(statement.sql, statement.params);
      if (!rows.ok()) FAIL(rows.status().detail());
    }
    REQUIRE(connection_->RunScript("COMMIT").ok());
  }

 private:
  const StoreOptions options_ = PostgresStoreOptions();
  PgPool pool_{options_.postgres};
  const PgKv kv_{&pool_};
  std::unique_ptr<PgConnection> connection_;
  int64_t written_ = 0;
};

}  // namespace
}  // namespace notifyd

#define KV_HARNESS PostgresKvHarness
#include "contract/kv_contract.h"
