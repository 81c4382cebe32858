// The side of a move (storage/move.h) that is in PostgreSQL. While one to a schema is under way, a row `moving` stands in its table `meta`.
#pragma once

#include <memory>

#include "storage/move.h"
#include "storage/options.h"

namespace notifyd {

/// Takes the lease, and gives it back. Errors: PgStore::Open's; kNotFound: there is no store in the schema.
Result<std::unique_ptr<MoveSource>> OpenPgSource(const StoreOptions& options);
/// Makes the schema, or empties it of what a move that was cut short left there. `rules` is borrowed. Errors: as above; kUnacceptable: there is a
/// store.
Result<std::unique_ptr<MoveTarget>> OpenPgTarget(const StoreOptions& options, const RetentionRules* rules, int64_t now_ms);

}  // namespace notifyd
