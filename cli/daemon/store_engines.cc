#include "cli/daemon/store_engines.h"

#include <utility>

#include "storage/rocks_store.h"

namespace notifyd {
namespace {

using Open = Result<std::unique_ptr<StoreHost>> (*)(const StoreOptions& options);

template <class Engine>
Result<std::unique_ptr<StoreHost>> OpenAs(const StoreOptions& options) {
  auto opened = Engine::Open(options);
  if (!opened.ok()) return std::move(opened).status();
  return std::unique_ptr<StoreHost>(*std::move(opened));
}

constexpr Open kEngines[] = {OpenAs<RocksStore>};

}  // namespace

Result<std::unique_ptr<StoreHost>> OpenStoreHost(const StoreOptions& options) {
  return kEngines[0](options);
}

}  // namespace notifyd
