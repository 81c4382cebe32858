// How RocksDB is set up, each setting with its reason, and the translation of its errors. RocksDB's types are only named here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "storage/options.h"
#include "storage/retention.h"
#include "storage/sealing.h"

namespace rocksdb {
struct ColumnFamilyDescriptor;
struct ColumnFamilyOptions;
struct Options;
class Status;
}  // namespace rocksdb

namespace notifyd {

/// Of the database and of its default family. `retention`: by which compactions judge; null: as `options` say. `sealing`: by which they seal anew
/// while a rekey is due; null: they do not.
rocksdb::Options MakeRocksOptions(const StoreOptions& options, std::shared_ptr<const RetentionTable> retention = nullptr,
                                  std::shared_ptr<const Sealing> sealing = nullptr);
/// Of the family of the notifies, beside that: with the same cache, filter and operator.
rocksdb::ColumnFamilyOptions NotifiesOptions(const rocksdb::Options& options);

/// Has a memtable a hint for keys that begin as `key` does? Then no range of keys may be deleted that begins with it (store_options.cc says why).
bool IsHinted(std::string_view key);

/// The names of the families of the database in `directory`; the default one's where there is none, or it does not read (opening it says why).
std::vector<std::string> FamiliesIn(const rocksdb::Options& options, const std::string& directory);
std::vector<rocksdb::ColumnFamilyDescriptor> FamiliesOf(const rocksdb::Options& options, const std::vector<std::string>& names);

/// `what` says what was tried; it stands before RocksDB's own words. A file that does not read or is missing is kCorrupt instead, "the store is
/// damaged: FILE: ...", with its path where RocksDB's words or `directory` have it.
Status TranslateStatus(const rocksdb::Status& status, const std::string& what, const std::string& directory = {});

}  // namespace notifyd
