// A store in PostgreSQL with a cell, in another database of the test's server: one namespace in the cell, the rest at home.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "storage/postgres/pg_cells.h"
#include "storage/postgres/pg_connection.h"
#include "storage/postgres_harness.h"

namespace notifyd {

inline constexpr NamespaceNumber kInCell = 5, kAtHome = 6;

inline std::unique_ptr<PgConnection> Connect(const PostgresOptions& options) {
  auto opened = PgConnection::Open(options);
  if (!opened.ok()) FAIL(opened.status().detail());
  return *std::move(opened);
}

inline int64_t Ask(const PostgresOptions& options, const char* sql) {
  auto rows = Connect(options)->Run(sql);
  if (!rows.ok()) FAIL(rows.status().detail());
  return rows->Int(0, 0);
}

/// In a further database of the test's server, which all cases share: each has a schema of its own.
inline PostgresOptions In(const std::string& name, PostgresOptions options) {
  static std::set<std::string> made;
  if (made.insert(name).second) REQUIRE(Connect(options)->RunScript("CREATE DATABASE " + name).ok());
  options.dsn = options.dsn.substr(0, options.dsn.rfind("dbname=")) + "dbname=" + name;
  return options;
}

inline NamespaceRow SpaceRow(NamespaceNumber number, std::optional<std::string> cell) {
  NamespaceRow row;
  row.number = number;
  row.name = "n" + std::to_string(number);
  row.settings.cell = std::move(cell);
  return row;
}

/// One namespace in a cell; the rest at home.
class CellHarness : public StoreHarness {
 public:
  CellHarness() {
    options_.wall_ms = [this] { return wall_ms.load(); };
    east_ = In("east", options_.postgres);
    options_.postgres.cells = {{"east", east_.dsn}};
    OpenStore();
    MakeRows();
    OpenSpace();
  }
  ~CellHarness() override { Close(); }

  Store& store() override { return *space_.store; }
  Totals totals() override { return space_.totals; }
  std::optional<int64_t> written_boot_ms() const { return space_.written_boot_ms; }
  Event NextEvent() override { return sink_->Take(); }
  size_t ListExamined() const override { return kListExamined; }
  PgCells& cells() { return *store_; }
  const PostgresOptions& home() const { return options_.postgres; }
  const PostgresOptions& east() const { return east_; }
  StoreOptions& options() { return options_; }
  WaitingEvents& events() { return *events_; }
  void Reopen() override {
    Close();
    OpenStore();
    OpenSpace();
  }
  void Close() {
    space_ = {};
    store_.reset();
  }
  void LetGo() { space_ = {}; }
  /// Falls asleep, and is let go of.
  void Sleep() {
    space_.store->Sleep(kWallNever);
    LetGo();
  }
  void Drop() {
    store_->Commit({++batches_, true, {DropNamespace{kInCell}}});
    events_->AwaitCommitted(batches_);
  }
  void OpenStore() {
    auto store = PgCells::Open(options_);
    if (!store.ok()) FAIL(store.status().detail());
    store_ = *std::move(store);
    REQUIRE(store_->OpenCluster() == nullptr);
    sink_ = std::make_unique<WaitingSink>();
    events_ = std::make_unique<WaitingEvents>();
    auto image = store_->LoadRegistry();
    if (!image.ok()) FAIL(image.status().detail());
    number_ = batches_ = 0;
    store_->Start(events_.get());
  }
  void MakeRows() {
    RegistryBatch rows{++batches_, true, {}};
    for (const NamespaceRow& row : {SpaceRow(kInCell, "east"), SpaceRow(kAtHome, std::nullopt)})
      rows.writes.push_back(PutNamespaceRow{std::make_shared<const NamespaceRow>(row)});
    store_->Commit(std::move(rows));
    events_->AwaitCommitted(batches_);
  }
  void OpenSpace() {
    auto space = store_->OpenNamespace(kInCell, sink_.get());
    if (!space.ok()) FAIL(space.status().detail());
    space_ = *std::move(space);
  }

 private:
  StoreOptions options_ = PostgresStoreOptions();
  PostgresOptions east_;
  uint64_t batches_ = 0;  // of the registry
  std::unique_ptr<WaitingSink> sink_;
  std::unique_ptr<WaitingEvents> events_;
  std::unique_ptr<PgCells> store_;
  OpenedNamespace space_;
};

}  // namespace notifyd
