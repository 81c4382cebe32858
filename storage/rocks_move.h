// The embedded store's side of a move (storage/move.h). While one to a directory is under way, a file MOVING stands in it, which is locked by whoever
// makes it.
#pragma once

#include <memory>

#include "storage/move.h"
#include "storage/options.h"

namespace notifyd {

/// Errors: RocksStore::Open's; kNotFound: there is no store in `options.directory`.
Result<std::unique_ptr<MoveSource>> OpenRocksSource(const StoreOptions& options);
/// Makes `options.directory`, or empties it of what a move that was cut short left there. It is not sealed, whatever `options` say. `id`: of the
/// store that is moved there. Errors: kUnacceptable: something else is there, or another move is under way; kIo.
Result<std::unique_ptr<MoveTarget>> OpenRocksTarget(const StoreOptions& options, const Fingerprint& id, const RetentionRules& rules);

}  // namespace notifyd
