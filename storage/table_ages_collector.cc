#include "storage/table_ages_collector.h"

#include <rocksdb/table_properties.h>

#include <string_view>

#include "storage/slice_view.h"
#include "storage/sweep.h"

namespace notifyd {
namespace {

class AgesCollector : public rocksdb::TablePropertiesCollector {
 public:
  const char* Name() const override { return "notifyd.TableAges"; }
  rocksdb::Status AddUserKey(const rocksdb::Slice& key, const rocksdb::Slice& value, rocksdb::EntryType type, rocksdb::SequenceNumber,
                             uint64_t) override {
    ages_.Add(View(key), View(value), type == rocksdb::kEntryPut);
    return rocksdb::Status::OK();
  }
  rocksdb::Status Finish(rocksdb::UserCollectedProperties* properties) override {
    (*properties)[kAgesProperty] = EncodeTableAges(ages_);
    return rocksdb::Status::OK();
  }
  rocksdb::UserCollectedProperties GetReadableProperties() const override { return {}; }

 private:
  TableAges ages_;
};

class AgesCollectorFactory : public rocksdb::TablePropertiesCollectorFactory {
 public:
  const char* Name() const override { return "notifyd.TableAgesFactory"; }
  rocksdb::TablePropertiesCollector* CreateTablePropertiesCollector(Context) override { return new AgesCollector; }
};

}  // namespace

std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> NewTableAgesCollector() {
  return std::make_shared<AgesCollectorFactory>();
}

}  // namespace notifyd
