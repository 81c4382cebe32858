// What RocksDB hands out, as the rest of the standard library takes it.
#pragma once

#include <rocksdb/slice.h>

#include <string_view>

namespace notifyd {

/// Views the slice's bytes, which are its owner's.
inline std::string_view View(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

}  // namespace notifyd
