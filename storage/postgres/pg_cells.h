// PgCells: a store in PostgreSQL whose namespaces lie in several: the store itself, with the registry, leases, members and all that is in no cell,
// and cells, each with the same tables for its namespaces alone. So that more is carried than one primary does. Contract section 23, growth. Where
// the settings name no cell it is there all the same: I4.
//
// I1 who owns a namespace is decided in the store's own schema, wherever the namespace lies; what is written of it is fenced where it lies, by the
//    claim of its owner (storage/postgres/pg_schema.cc, kCell).
// I2 a cell that is not reached concerns its namespaces alone: nothing else waits for it, or fails.
// I3 a cell is known by its id. Another one under its name is not used: it would look as if its namespaces had lost all.
// I4 what lies in a cell that the settings do not name is never opened in the store itself, where a namespace of its number would begin anew.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "broker/cell_store.h"
#include "broker/cluster_store.h"
#include "broker/ports.h"
#include "storage/options.h"
#include "storage/postgres/pg_leftovers.h"
#include "storage/postgres/pg_store.h"

namespace notifyd {

class PgCell;
class PgCellMover;
class PgCellTable;

class PgCells : public StoreHost {
 public:
  /// As PgStore::Open's; a cell that is not reached is told of in the log. Error, besides: kUnacceptable with the field: a cell is not to be used.
  static Result<std::unique_ptr<PgCells>> Open(const StoreOptions& options);
  /// Cells that are lost are to be looked at, too.
  static constexpr std::chrono::milliseconds kCleanMost{5'000};
  ~PgCells() override;

  std::string name() const override { return home_->name(); }
  /// From then on retention is that of each namespace. Error, besides, where it is opened for one that has the store alone: kUnacceptable with the
  /// field: a namespace lies in a cell that the options do not name.
  Result<RegistryImage> LoadRegistry() override;
  void Start(StoreEvents* events) override;
  /// Of a namespace in a cell, besides: kUnavailable: the cell is not reached; ask again. With a field: the options do not name it, and the detail is
  /// for whoever asks.
  Result<OpenedNamespace> OpenNamespace(NamespaceNumber number, EventSink* sink) override;
  void Commit(RegistryBatch batch) override;
  void Audit(AuditEntry entry, std::function<void()> durable) override { home_->Audit(std::move(entry), std::move(durable)); }
  void ListAudit(AuditQuery query, std::function<void(AuditPage)> done) override { home_->ListAudit(std::move(query), std::move(done)); }
  void SetRetention(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms) override;
  uint64_t StoredBytes(NamespaceNumber number) const override;
  void CompactNamespace(NamespaceNumber number) override;
  bool IsCompacting(NamespaceNumber number) const override;
  void Stop() override;
  Status Close() override;
  /// The sums over all cells, and, where there are some, how many, and how many are lost.
  std::vector<StoreFigure> Figures() const override;
  bool Unwritten() const override;

  /// As PgStore's.
  std::unique_ptr<ClusterStore> OpenCluster();
  /// Does the namespace lie in a cell that is not reached? Any thread, never blocks.
  bool Lost(NamespaceNumber number) const;
  /// For moves of namespaces from one to another; null: the options name no cell. Borrows this; not behind Stop.
  CellStore* mover() const;
  /// Calls `use` with what lies in each cell, the home cell first, until one fails. Errors: its; kUnavailable, kUnacceptable: a cell is not reached,
  /// or not to be used.
  Status ForEachCell(const std::function<Status(PgStore*)>& use);
  /// Removes what was dropped, or moved away, from where it lay, on the caller's thread, for about as long as `most`; of the first one some steps in
  /// any case. The next call goes on behind them. Error: kUnavailable, kIo: the store itself was not read.
  Status Clean(std::chrono::milliseconds most = kCleanMost);

 private:
  friend class PgCellsCluster;
  PgCells(std::shared_ptr<PgCellTable> table, std::unique_ptr<PgStore> home);
  void Remember(const RegistryImage& image);
  Status CheckAllNamed(const RegistryImage& image) const;
  /// Null: it lies in none. Of a cell that the settings do not name, one that is never reached.
  PgCell* CellOf(NamespaceNumber number) const;
  /// Null: there is none of that name.
  PgCell* FindCell(const std::string& name) const;
  Status CheckIsLeft(NamespaceNumber number, const std::string& name);
  using Left = std::vector<std::pair<NamespaceNumber, std::string>>;
  Result<Left> LeftBehind(const Left& before);
  Status CleanOne(NamespaceNumber number, const std::string& name, std::chrono::steady_clock::time_point until, bool* cleaned);
  bool Ending();
  void Lead(bool leads);
  void Run();

  const std::shared_ptr<PgCellTable> table_;
  std::unique_ptr<PgStore> home_;
  std::vector<std::unique_ptr<PgCell>> cells_;  // as the table numbers them, from 1
  std::unique_ptr<PgCell> unnamed_;
  std::unique_ptr<PgCellMover> mover_;
  std::atomic<bool> leads_ = false, leads_anew_ = false;

  std::mutex cleans_;
  // What was not done to its end, and where; under `cleans_`. Who walked anew over all that is gone would do nothing else under somebody's long open
  // transaction.
  std::map<std::pair<NamespaceNumber, std::string>, PgCleaning> cleaning_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread cleaner_;
};

}  // namespace notifyd
