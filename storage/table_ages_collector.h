// Has each table of notifies say of itself what it holds (storage/sweep.h), in a property that it carries.
#pragma once

#include <memory>

namespace rocksdb {
class TablePropertiesCollectorFactory;
}  // namespace rocksdb

namespace notifyd {

/// The property's name; docs/storage-format.md.
inline constexpr const char* kAgesProperty = "notifyd.ages";

/// Returns what makes the property of each table that is written.
std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> NewTableAgesCollector();

}  // namespace notifyd
