// PgStore: the store's ports on PostgreSQL. One commit thread (storage/postgres/pg_committer.h), a small pool of readers, one thread that cleans up.
// No caller's thread waits for the server between Open and Close but in OpenNamespace.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "broker/cluster_store.h"
#include "broker/ownership.h"
#include "broker/ports.h"
#include "storage/options.h"
#include "storage/ordered_kv.h"
#include "storage/postgres/pg_connection.h"
#include "storage/retention.h"

namespace notifyd {

struct PgCleaning;

/// Null: there is none.
using ReadNamespaceRow = std::function<Result<std::shared_ptr<const NamespaceRow>>(NamespaceNumber)>;

class PgStore : public StoreHost {
 public:
  /// Opens the store, or makes it. Where `options.owner` is null it takes the lease itself, and gives it back when it is closed. Errors:
  /// kUnavailable: not reached; kIo: in use by another broker; kUnacceptable: the server, or what lies there, is not to be used, or the options ask
  /// for what this engine has not; kCorrupt.
  /// `cell_of`: in which of the options' cells a namespace lies, empty: here; where there are cells.
  static Result<std::unique_ptr<PgStore>> Open(const StoreOptions& options, std::function<std::string(NamespaceNumber)> cell_of = {});
  /// The part of a store that lies in a cell, for namespaces alone, on behalf of who has the store under `word`. `claim` draws one for a namespace
  /// (Claim, of the store itself). The options say where the cell is. It is not looked at before the first OpenNamespace, which goes on without it
  /// where it is not reached: kUnavailable, within some seconds.
  /// `row`: ReadRow of the store itself.
  static std::unique_ptr<PgStore> OpenCell(const StoreOptions& options, const OwnerWord& word, std::function<Result<int64_t>(NamespaceNumber)> claim,
                                           ReadNamespaceRow row);
  /// Close(), where that was not called.
  ~PgStore() override;

  std::string name() const override;
  Result<RegistryImage> LoadRegistry() override;
  void Start(StoreEvents* events) override;
  Result<OpenedNamespace> OpenNamespace(NamespaceNumber number, EventSink* sink) override;
  void Commit(RegistryBatch batch) override;
  void Audit(AuditEntry entry, std::function<void()> durable) override;
  void ListAudit(AuditQuery query, std::function<void(AuditPage)> done) override;
  void SetRetention(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms) override;
  /// As the planner's statistics have it, some seconds ago.
  uint64_t StoredBytes(NamespaceNumber number) const override;
  void CompactNamespace(NamespaceNumber number) override;
  bool IsCompacting(NamespaceNumber number) const override;
  void Stop() override;
  Status Close() override;
  std::vector<StoreFigure> Figures() const override;
  bool Unwritten() const override;

  /// Of a store that was opened for one of several members; else null. The store is borrowed.
  std::unique_ptr<ClusterStore> OpenCluster();

  // Of cells (storage/postgres/pg_cells.h).

  /// Acquires a namespace that lies in a cell, and draws the claim by which that tells its owner from those before. Synced. Any thread; blocks.
  /// Errors: kUnavailable; kConflict: the lease is lost.
  Result<int64_t> Claim(NamespaceNumber number);
  /// As it was acquired.
  const OwnerWord& word() const;
  Fingerprint id() const;
  /// Runs `use` with a connection of those that read.
  Status With(const std::function<Status(PgConnection*)>& use) const;
  /// What retention ended is removed by this one from now on, and room in tables given back; or no more, once what is under way has ended. Any
  /// thread.
  void RemoveEnded(bool removes);
  /// Of a cell: begins to let go of a namespace that is closed here, so that another member may have it; what it wrote is synced first.
  void BeginForget(NamespaceNumber number);
  /// Whether anything of it may still be written here. Any thread.
  bool Knows(NamespaceNumber number) const;
  /// Whether it is open here, or something of it may not be synced yet. Any thread.
  bool Keeps(NamespaceNumber number) const;
  /// A connection that writes is lost, and does not come back yet; one over which a commit waits is not. Any thread.
  bool lost() const;
  /// As PgPool's, of those that read. Any thread.
  bool reached() const;
  // Of namespaces that go from one cell to another. OpenNamespace gives kNotFound where it is on its way, or gone.

  /// As it is now, committed.
  Result<std::shared_ptr<const NamespaceRow>> ReadRow(NamespaceNumber number) const;
  const OrderedKv& kv() const;
  const StoreOptions& options() const;
  std::shared_ptr<const RetentionRules> retention() const;
  /// As PgCommitter's.
  void Track(NamespaceNumber number, bool on);
  bool TracksAll(NamespaceNumber number) const;
  struct Taken {
    int64_t epoch = 0, n = 0;
    std::optional<std::string> totals;
    std::optional<int64_t> written_boot_ms;  // OpenedNamespace's
  };
  /// Takes a namespace that is not known here, as OpenNamespace does, and says where it stands. Errors: kUnavailable; kConflict.
  Result<Taken> Take(NamespaceNumber number);
  /// Of a cell: removes all that is left of a namespace that was dropped, in steps, each of which asks `check`. Not while it is known. Errors:
  /// CleanPgCell's.
  Status Clean(PgCleaning* left, const std::function<Status()>& check);

  /// Removes all whose hour is over, on the caller's thread: for tests. Error: kUnavailable, kIo.
  Status Sweep();
  /// Gives room in tables back that they do not need, on the caller's thread: for tests. Error: kUnavailable, kIo.
  Status Compact();

 private:
  class Impl;
  explicit PgStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
