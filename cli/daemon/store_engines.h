// Which store there is: the one place that names an engine. Another engine is another row.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "broker/cell_store.h"
#include "broker/cluster_store.h"
#include "broker/ownership.h"
#include "broker/ports.h"
#include "storage/backups.h"
#include "storage/in_place_restore.h"
#include "storage/move.h"
#include "storage/options.h"
#include "storage/rekey_state.h"

namespace notifyd {

struct OpenedStore {
  std::unique_ptr<StoreHost> host;
  /// RocksStore's Rekey and Rekeyed, as long as `host` is open. Any thread, after its Start. Of another engine: kNotImplemented, and nothing ever.
  std::function<Status()> rekey;
  std::function<RekeyState()> rekeyed;
  /// RocksStore's Expect, likewise.
  std::function<void()> expect;
  /// Where it was opened for one of several members; else null. Borrows `host`.
  std::unique_ptr<ClusterStore> cluster;
  /// RocksStore's; null: the engine makes none.
  std::shared_ptr<Backups> backups;
  /// Does the namespace lie where the store does not reach it for now? As long as `host` is open, any thread. Empty: none does.
  std::function<bool(NamespaceNumber)> lost = {};
  /// Of a store with several cells; else null. Borrows `host`.
  CellStore* cell_moves = nullptr;
};
/// Where it is kept whose the store is; null where a directory's lock says so. Error: kUnacceptable.
Result<std::unique_ptr<OwnerStore>> OpenOwnerStore(const StoreOptions& options);
/// Opens the store that the options name. Errors: the engine's own (storage/rocks_store.h, storage/postgres/pg_store.h).
Result<OpenedStore> OpenStoreHost(const StoreOptions& options);

/// Begins to make of a store that was put back where it lies one that brokers open, with a gap in its ids. Errors: the engine's own
/// (storage/postgres/pg_restore.h); kUnacceptable: its stores are not put back so.
Result<std::unique_ptr<InPlaceRestore>> BeginInPlaceRestore(const StoreOptions& options, uint64_t id_gap);

/// Where a move begins or ends: an engine, and a place of its kind.
class MoveEnd {
 public:
  MoveEnd(size_t engine, StoreOptions options) : engine_(engine), options_(std::move(options)) {}
  /// Empty: it lies in none.
  std::string directory() const;
  /// Errors: the engine's own (storage/rocks_move.h, storage/postgres/pg_move.h).
  Result<std::unique_ptr<MoveSource>> OpenSource() const;
  /// `rules` is borrowed.
  Result<std::unique_ptr<MoveTarget>> OpenTarget(const Fingerprint& id, const RetentionRules& rules, int64_t now_ms) const;

 private:
  friend Status CheckMove(const MoveEnd& from, const MoveEnd& to);
  size_t engine_;
  StoreOptions options_;
};
/// "engine:place", or the URI of a PostgreSQL; an engine alone is at the place that `options` say. Error: kUnacceptable, without what was said.
Result<MoveEnd> ReadMoveEnd(const std::string& said, const StoreOptions& options);
/// Could a store be moved so, as far as can be told before either is opened? Error: kUnacceptable.
Status CheckMove(const MoveEnd& from, const MoveEnd& to);

}  // namespace notifyd
