// Which store there is: the one place that names an engine. Another engine is another row.
#pragma once

#include <functional>
#include <memory>

#include "base/status.h"
#include "broker/ownership.h"
#include "broker/ports.h"
#include "storage/backups.h"
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
  /// RocksStore's; null: the engine makes none.
  std::shared_ptr<Backups> backups;
};
/// Where it is kept whose the store is; null where a directory's lock says so. Error: kUnacceptable.
Result<std::unique_ptr<OwnerStore>> OpenOwnerStore(const StoreOptions& options);
/// Opens the store that the options name. Errors: the engine's own (storage/rocks_store.h, storage/postgres/pg_store.h).
Result<OpenedStore> OpenStoreHost(const StoreOptions& options);

}  // namespace notifyd
