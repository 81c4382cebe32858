// Which store there is: the one place that names an engine. Another engine is another row.
#pragma once

#include <memory>

#include "base/status.h"
#include "broker/ports.h"
#include "storage/options.h"

namespace notifyd {

/// Opens the store that the options name. Errors: the engine's own (storage/rocks_store.h).
Result<std::unique_ptr<StoreHost>> OpenStoreHost(const StoreOptions& options);

}  // namespace notifyd
