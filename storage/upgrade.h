// Bringing a store of an older format up to the present one, at Open. Each step may be cut short by a crash: the next start does it anew.
//
//   1 -> 2   lanes have counts: those of all pending notifies are added up once, by a walk over the notifies. Values need no step: each is
//            rewritten as it is next written.
#pragma once

#include <string>

#include "base/status.h"
#include "storage/records.h"

namespace rocksdb {
class DB;
}

namespace notifyd {

/// `db` is the open database in `directory`, of format 1, used by nobody else. Afterwards it, and then FORMAT, and last m/format say kFormatVersion,
/// all of it synced. Time grows with the notifies, memory does not. Errors: kCorrupt (a notify that does not decode), kIo, kDiskFull.
Status UpgradeStore(rocksdb::DB* db, const std::string& directory, const FormatRecord& format);

}  // namespace notifyd
