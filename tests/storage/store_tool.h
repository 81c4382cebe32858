// StoreTool: a store's keys and values as they are, one by one, without the threads of RocksStore.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "storage/options.h"
#include "storage/ordered_kv.h"

namespace notifyd {

class StoreTool {
 public:
  /// With the store's own options: merges and retention work as in RocksStore. The directory's FORMAT is not looked at. Errors: kIo, kCorrupt.
  static Result<std::unique_ptr<StoreTool>> Open(const StoreOptions& options);
  /// Any other RocksDB database, made where there is none.
  static Result<std::unique_ptr<StoreTool>> OpenForeign(const std::string& directory);
  ~StoreTool();

  Status Put(std::string_view key, std::string_view value);
  Status Merge(std::string_view key, std::string_view operand);
  Status Delete(std::string_view key);
  /// In every family; `to` not included.
  Status DeleteRange(std::string_view from, std::string_view to);
  /// After all merges; nothing where the key is not there.
  Result<std::optional<std::string>> Get(std::string_view key);
  /// Every value, after all merges.
  Status ForEach(const std::function<void(std::string_view key, std::string_view value)>& take);
  /// The same as those above it see it.
  const OrderedKv& kv() const;
  Status Write(const std::function<void(KvWrites&)>& fill);
  /// Memtables become tables.
  Status Flush();
  Status Compact();
  /// How many entries of any kind, deletions among them, the tables have that keys of the family of `key` go to.
  Result<uint64_t> TableEntries(std::string_view key);
  /// Makes it what formats 1 and 2 had: one family, the notifies in it.
  Status ToOneFamily();

 private:
  class Impl;
  explicit StoreTool(std::unique_ptr<Impl> impl);
  template <class Run>
  Status ForEachFamily(Run run, const char* what);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
