// Bringing a store of an older format up to the present one, at Open. Each step may be cut short by a crash: the next start does it anew, or goes on.
//
//   1 -> 2   lanes have counts: those of all pending notifies are added up once, by a walk over the notifies. Values need no step: each is
//            rewritten as it is next written.
//   2 -> 3   notifies have a column family of their own: they are moved there, some thousands a batch, which puts them and deletes where they were.
//   3 -> 4   there may be other namespaces than `default`, and the registry's rows: nothing but the version is written.
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "storage/database.h"
#include "storage/options.h"

namespace notifyd {

/// `database` is the open one in `options.directory`, used by nobody else, `from` the older format that it has, `store` its id. Afterwards it has
/// format kFormatVersion, all of it synced. From below format 3 time grows with the notifies, memory does not; nor does what it takes of the disk
/// beyond some hundred MiB. Errors: kCorrupt (a notify that does not decode, from format 1), kIo, kDiskFull; what options.upgrade_step says.
Status UpgradeStore(Database* database, const StoreOptions& options, uint32_t from, const Fingerprint& store);

}  // namespace notifyd
