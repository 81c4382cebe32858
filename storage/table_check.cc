#include "storage/table_check.h"

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <string>
#include <vector>

#include "storage/keep_files.h"
#include "storage/store_options.h"

namespace notifyd {
Status CheckNewestTables(rocksdb::DB* db, const rocksdb::Options& options, uint64_t budget_bytes) {
  // A compaction that the opening began would delete some of them meanwhile, and a table that is needed no more is none that is missing.
  KeepFiles kept(db);
  if (!kept.status().ok()) return TranslateStatus(kept.status(), "cannot keep the tables", db->GetName());
  std::vector<rocksdb::LiveFileMetaData> files;
  db->GetLiveFilesMetaData(&files);
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.largest_seqno > b.largest_seqno; });
  rocksdb::Options reading = options;
  // Of its own, without a cache: what is read once only must not fill the store's.
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;
  reading.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  // It warns of each table that it is read by its name alone. What is wrong with one is in the status.
  reading.info_log = nullptr;
  uint64_t left = budget_bytes;
  for (const rocksdb::LiveFileMetaData& file : files) {
    if (file.size > left) break;
    left -= file.size;
    std::string path = file.db_path + file.name;
    rocksdb::SstFileReader reader(reading);
    rocksdb::Status status = reader.Open(path);
    if (status.ok()) status = reader.VerifyChecksum();
    if (!status.ok()) return TranslateStatus(status, "cannot read " + path, file.db_path);
  }
  return Status::Ok();
}

}  // namespace notifyd
