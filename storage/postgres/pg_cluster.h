// PgCluster: what a member asks of a store in PostgreSQL, as statements over a connection of its own. The store's part that writes for it is told
// what becomes its own, and what is no more.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/cluster_store.h"
#include "storage/options.h"
#include "storage/ordered_kv.h"
#include "storage/postgres/pg_committer.h"
#include "storage/postgres/pg_connection.h"
#include "storage/sealing.h"

namespace notifyd {

class PgCluster : public ClusterStore {
 public:
  /// Pointers are borrowed.
  struct Setup {
    PostgresOptions options;  // with a member's name
    OwnerWord word;           // of its lease
    const OrderedKv* kv = nullptr;
    const Sealing* sealing = nullptr;
    PgCommitter* committer = nullptr;
    std::function<void(bool)> removes;  // retention is this member's from now on, or no more
  };
  explicit PgCluster(Setup setup) : setup_(std::move(setup)) {}

  Result<ClusterImage> Look() override;
  Result<bool> Bury(const MemberRow& seen) override;
  Result<std::vector<NamespaceAtStart>> Acquire(const std::vector<NamespaceNumber>& numbers) override;
  Status Lead() override;
  void EndLead() override;
  Result<RegistryImage> ReadRegistry() override;
  void Forget(NamespaceNumber number) override { setup_.committer->BeginForget(number); }
  bool MayStillWrite(NamespaceNumber number) const override { return setup_.committer->MayWrite(number); }
  bool IsStranded(NamespaceNumber number) const override { return setup_.committer->IsStranded(number); }
  Result<std::vector<int64_t>> Release(const std::vector<UnitRow>& seen) override;
  Status Place(const std::vector<PlacementMove>& moves) override;
  Status TellLoads(const std::map<NamespaceNumber, uint64_t>& loads) override;
  Status TellReach(const std::set<std::string>& unreached) override;
  Status TellClock(int64_t ahead_ms) override;
  Result<bool> SetDraining(const std::string& member, bool draining) override;

 private:
  /// Where it does not end well the connection is given up, and what was done is not known: but where the store said no.
  Result<PgRows> Run(const std::function<Result<PgRows>(PgConnection*)>& ask);
  Result<bool> Changed(const char* sql, const PgParams& params);
  Status TellCells();
  Result<PgRows> AcquireUnits(const std::vector<int64_t>& units);

  const Setup setup_;
  std::unique_ptr<PgConnection> connection_;
  bool told_cells_ = false;
};

}  // namespace notifyd
