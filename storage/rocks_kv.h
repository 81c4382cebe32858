// OrderedKv on RocksDB. Any thread; blocks on the disk.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/database.h"
#include "storage/ordered_kv.h"

namespace rocksdb {
class WriteBatch;
}  // namespace rocksdb

namespace notifyd {

class RocksKv : public OrderedKv {
 public:
  /// `database` is borrowed.
  explicit RocksKv(const Database* database) : database_(database) {}

  std::unique_ptr<KvMoment> Now(KvFor use) const override;
  std::vector<KvPart> Parts() const override;
  /// Those of each family are of one moment.
  Status GetAll(const std::vector<std::string>& keys, const KvTake& take) const override;
  /// Takes no snapshot, since RocksDB looks for something to compact whenever the last one is let go of.
  std::unique_ptr<KvCursor> Walk(std::string from, std::string to, KvScan scan) const override;

 private:
  const Database* const database_;
};

/// Puts each key into its family.
class RocksWrites : public KvWrites {
 public:
  /// Both are borrowed.
  RocksWrites(const Database* database, rocksdb::WriteBatch* batch) : database_(database), batch_(batch) {}

  void Put(std::string_view key, std::string_view value) override;
  void Append(std::string_view key, std::string_view operand) override;
  void Delete(std::string_view key) override;
  void DeleteOnce(std::string_view key) override;
  void DeleteRange(std::string_view from, std::string_view to) override;

 private:
  const Database* const database_;
  rocksdb::WriteBatch* const batch_;
};

}  // namespace notifyd
