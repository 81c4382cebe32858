// How much of the database a namespace takes.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "storage/postgres/pg_connection.h"

namespace notifyd {

/// Its keys and values as they are kept, compressed where they are, and with what lies beside the table since it is large. What is known by an id
/// (notifies, events, groups, answers) is counted while it is little; of more about two thousand rows are looked at, spread over all ids. The rest
/// (names, places in orders) is what the planner thinks. Nothing of a large value is read. Errors: PgConnection::Run's.
Result<uint64_t> PgSizeOf(PgConnection* connection, NamespaceNumber number);

}  // namespace notifyd
