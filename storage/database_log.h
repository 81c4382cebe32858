// What RocksDB has to say, in our log. By default it keeps a file of its own, LOG, and Debian's build of it, which has its assertions, ends the
// process where that cannot be written: on a full disk a start would abort instead of saying why it cannot.
#pragma once

#include <memory>

namespace rocksdb {
class Logger;
}  // namespace rocksdb

namespace notifyd {

/// Passes warnings and errors on and drops the rest: at most 20 lines a minute, of 1,000 bytes at most; how many were left out is said with the next
/// one. Writes no file, and cannot fail. Any thread.
std::shared_ptr<rocksdb::Logger> MakeDatabaseLog();

}  // namespace notifyd
