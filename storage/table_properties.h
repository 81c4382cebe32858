// The properties of a table, looked at before RocksDB does. It parses that block before it looks at the block's checksum (a file that was taken in
// from elsewhere may have its number changed in place there, which is undone first), so that what a bad disk made of it decides what is done next:
// Debian's RocksDB, built with its assertions, aborts at some of it. All other blocks are read by their checksums.
//
// Layout (RocksDB's wiki, "Rocksdb BlockBasedTable Format"): the file ends with a footer of 53 bytes: type of checksums, the places of two blocks,
// the first of them the list of meta blocks, version, magic number. Each block has a trailer: compression, and the checksum of both.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/status.h"

namespace notifyd {

/// Up to `bytes` bytes from `offset` on. Nothing where they cannot be read.
using ReadTable = std::function<std::optional<std::string>(uint64_t offset, uint64_t bytes)>;

/// Without its trailer.
struct TableBlock {
  uint64_t offset = 0, bytes = 0;
};
/// Where the properties stand in a table of that size. Nothing where that cannot be told, which RocksDB will find out, too.
std::optional<TableBlock> FindTableProperties(uint64_t table_bytes, const ReadTable& read);

/// Error: kCorrupt: the properties, or what says where they are, do not have their checksum. What cannot be read or told is left to RocksDB.
Status CheckTableProperties(uint64_t table_bytes, const ReadTable& read);

}  // namespace notifyd
