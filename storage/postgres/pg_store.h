// PgStore: the store's ports on PostgreSQL. One commit thread (storage/postgres/pg_committer.h), a small pool of readers, one thread that cleans up.
// No caller's thread waits for the server between Open and Close but in OpenNamespace.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "broker/cluster_store.h"
#include "broker/ports.h"
#include "storage/options.h"

namespace notifyd {

class PgStore : public StoreHost {
 public:
  /// Opens the store, or makes it. Where `options.owner` is null it takes the lease itself, and gives it back when it is closed. Errors:
  /// kUnavailable: not reached; kIo: in use by another broker; kUnacceptable: the server, or what lies there, is not to be used, or the options ask
  /// for what this engine has not; kCorrupt.
  static Result<std::unique_ptr<PgStore>> Open(const StoreOptions& options);
  /// Close(), where that was not called.
  ~PgStore() override;

  std::string name() const override;
  Result<RegistryImage> LoadRegistry() override;
  void Start(StoreEvents* events) override;
  Result<OpenedNamespace> OpenNamespace(NamespaceNumber number, EventSink* sink) override;
  void Commit(RegistryBatch batch) override;
  void Audit(AuditEntry entry) override;
  void ListAudit(AuditQuery query, std::function<void(AuditPage)> done) override;
  void SetRetention(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms) override;
  /// As the planner's statistics have it, some seconds ago.
  uint64_t StoredBytes(NamespaceNumber number) const override;
  void CompactNamespace(NamespaceNumber number) override;
  void Stop() override;
  Status Close() override;
  std::vector<StoreFigure> Figures() const override;

  /// Of a store that was opened for one of several members; else null. The store is borrowed.
  std::unique_ptr<ClusterStore> OpenCluster();
  /// Removes all whose hour is over, on the caller's thread: for tests. Error: kUnavailable, kIo.
  Status Sweep();

 private:
  class Impl;
  explicit PgStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
