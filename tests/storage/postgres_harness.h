// A PgStore, in a schema of the case's own in a PostgreSQL of the test's own.
#pragma once

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "contract/host_harness.h"
#include "contract/store_harness.h"
#include "contract/waiting.h"
#include "storage/postgres/pg_store.h"
#include "storage/reader.h"
#include "support/postgres_server.h"

namespace notifyd {

/// One for all cases of a test, from the first one that wants it on.
inline test::PostgresServer& OwnPostgres() {
  static test::PostgresServer server;
  return server;
}

/// What a store in a new schema is opened with.
inline StoreOptions PostgresStoreOptions() {
  static int schemas = 0;
  StoreOptions options;
  options.engine = "postgres";
  options.postgres.dsn = OwnPostgres().dsn();
  options.postgres.schema = "case " + std::to_string(++schemas);
  options.postgres.connections = 2;  // most cases open few namespaces, and each connection is a process of the server
  options.retention_succeeded_ms = StoreHarness::kRetentionSucceededMs;
  options.retention_settled_ms = StoreHarness::kRetentionSettledMs;
  return options;
}

class PostgresHarness : public StoreHarness {
 public:
  /// `number`: of the namespace that it is about.
  explicit PostgresHarness(NamespaceNumber number = kDefaultNumber) : namespace_(number) {
    options_.wall_ms = [this] { return wall_ms.load(); };
    Open();
  }
  ~PostgresHarness() override { Close(); }

  Store& store() override { return *space_.store; }
  /// As they were when it was opened.
  Totals totals() override { return space_.totals; }
  std::optional<int64_t> written_boot_ms() const { return space_.written_boot_ms; }
  PgStore& postgres() { return *store_; }
  WaitingEvents& events() { return *events_; }
  const StoreOptions& options() const { return options_; }
  /// From the next Open on; null: the store takes its lease itself, and loses it where its server is away for longer than that.
  void SetOwner(OwnerHandle* owner) { options_.owner = owner; }
  Event NextEvent() override { return sink_->Take(); }
  size_t ListExamined() const override { return kListExamined; }
  void Reopen() override {
    Close();
    Open();
  }
  void Close() {
    space_ = {};
    store_.reset();
  }
  void Open() {
    auto store = PgStore::Open(options_);
    if (!store.ok()) FAIL(store.status().detail());
    store_ = std::move(*store);
    sink_ = std::make_unique<WaitingSink>();
    events_ = std::make_unique<WaitingEvents>();
    number_ = 0;
    store_->Start(events_.get());
    auto space = store_->OpenNamespace(namespace_, sink_.get());
    if (!space.ok()) FAIL(space.status().detail());
    space_ = std::move(*space);
  }

 private:
  const NamespaceNumber namespace_;
  StoreOptions options_ = PostgresStoreOptions();
  std::unique_ptr<WaitingSink> sink_;
  std::unique_ptr<WaitingEvents> events_;
  std::unique_ptr<PgStore> store_;
  OpenedNamespace space_;
};

class PostgresHostHarness : public HostHarness {
 public:
  PostgresHostHarness() : PostgresHostHarness(PostgresStoreOptions()) {}
  explicit PostgresHostHarness(StoreOptions options) : options_(std::move(options)) {
    options_.wall_ms = [this] { return wall_ms.load(); };
    Open();
  }
  ~PostgresHostHarness() override { CloseAll(); }

  StoreHost& host() override { return *store_; }
  PgStore& postgres() { return *store_; }
  WaitingEvents& events() { return *events_; }
  const StoreOptions& options() const { return options_; }
  void Close() {
    CloseAll();
    store_.reset();
  }
  void Reopen() override {
    Close();
    Open();
  }
  EventSink* SinkOf(NamespaceNumber number) override { return &sinks_[number]; }
  Event NextEvent(NamespaceNumber number) override { return sinks_[number].Take(); }
  void AwaitRegistry(uint64_t number) override { events_->AwaitCommitted(number); }
  AuditPage ListAudit(AuditQuery query) override {
    std::promise<AuditPage> page;
    store_->ListAudit(std::move(query), [&](AuditPage done) { page.set_value(std::move(done)); });
    return page.get_future().get();
  }

 private:
  void Open() {
    sinks_.clear();
    events_ = std::make_unique<WaitingEvents>();
    auto store = PgStore::Open(options_);
    if (!store.ok()) FAIL(store.status().detail());
    store_ = std::move(*store);
    store_->Start(events_.get());
  }

  StoreOptions options_;
  std::map<NamespaceNumber, WaitingSink> sinks_;
  std::unique_ptr<WaitingEvents> events_;
  std::unique_ptr<PgStore> store_;
};

}  // namespace notifyd
