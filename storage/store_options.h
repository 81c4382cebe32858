// How RocksDB is set up, each setting with its reason, and the translation of its errors. RocksDB's types are only named here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"
#include "storage/retention.h"
#include "storage/rocks_store.h"

namespace rocksdb {
struct Options;
class Status;
}  // namespace rocksdb

namespace notifyd {

rocksdb::Options MakeRocksOptions(const StoreOptions& options);

/// `what` says what was tried; it stands before RocksDB's own words. A file that does not read or is missing is kCorrupt instead, "the store is
/// damaged: FILE: ...", with its path where RocksDB's words or `directory` have it.
Status TranslateStatus(const rocksdb::Status& status, const std::string& what, const std::string& directory = {});

}  // namespace notifyd
