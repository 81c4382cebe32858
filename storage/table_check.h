// A look at the newest table files at start: what a crash or a failing disk hits first is what was written last. Bounded, since starting
// must not take longer with a larger backlog; older tables are checked block by block whenever they are read.
#pragma once

#include <cstdint>

#include "base/status.h"

namespace rocksdb {
class DB;
struct Options;
}  // namespace rocksdb

namespace notifyd {

/// Reads the newest tables up to `budget_bytes` in all and checks every block. Error: kCorrupt with the file, kIo.
Status CheckNewestTables(rocksdb::DB* db, const rocksdb::Options& options, uint64_t budget_bytes);

}  // namespace notifyd
