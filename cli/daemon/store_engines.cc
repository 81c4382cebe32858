#include "cli/daemon/store_engines.h"

#include <utility>

#include "storage/rocks_store.h"

namespace notifyd {
namespace {

using Open = Result<OpenedStore> (*)(const StoreOptions& options);

template <class Engine>
Result<OpenedStore> OpenAs(const StoreOptions& options) {
  auto opened = Engine::Open(options);
  if (!opened.ok()) return std::move(opened).status();
  Engine* engine = opened->get();
  return OpenedStore{*std::move(opened), [engine] { return engine->Rekey(); }, [engine] { return engine->Rekeyed(); },
                     [engine] { engine->Expect(); }, engine->backups()};
}

constexpr Open kEngines[] = {OpenAs<RocksStore>};

}  // namespace

Result<std::unique_ptr<OwnerStore>> OpenOwnerStore(const StoreOptions&) {
  return std::unique_ptr<OwnerStore>();
}

Result<OpenedStore> OpenStoreHost(const StoreOptions& options) {
  return kEngines[0](options);
}

}  // namespace notifyd
