// StoreOptions: what a store is made with. Values alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/histogram.h"
#include "base/status.h"

namespace notifyd {

class OwnerHandle;

inline constexpr uint64_t kDefaultMinFreeBytes = 64 << 20;

/// A store in a PostgreSQL (storage/postgres).
struct PostgresOptions {
  /// libpq's: keywords or a URL. It may hold a password: never logged, never in an error's detail.
  std::string dsn;
  int connections = 8;           // over which batches are written
  bool require_standby = false;  // nothing is written while the server names no synchronous standby
  std::string schema = "notifyd";
  bool moving = false;     // a store is being moved there (storage/move.h)
  bool restoring = false;  // it is being restored in place (storage/in_place_restore.h)
  /// Where several brokers share the store: this one's name among them, HOST:PORT at which the others reach it, its version. No name: one broker has
  /// all of it.
  std::string member = {}, member_address = {}, member_version = {};
  /// Where namespaces lie that are not kept where `dsn` is, by the cell's name (storage/postgres/pg_cells.h).
  std::map<std::string, std::string> cells = {};
  /// Of a cell: its name, and the id of the store whose cell it is; empty where `dsn` is the store itself.
  std::string cell = {}, cell_of = {};
  std::string cell_known = {};  // the id by which the store knows the cell; empty: it is a new one
  /// What an earlier process had, of which nothing may be lost (PgOwnerStore::Mark); empty: not known. And the id of the store in hex digits: where
  /// it is known the store is not made; empty: not known.
  std::string store_mark = {}, store_known = {};
};

/// The one that keeps everything in the data directory.
inline constexpr const char* kEmbeddedEngine = "rocksdb";

struct StoreOptions {
  std::string engine = kEmbeddedEngine;  // or "postgres"
  PostgresOptions postgres;              // where it is that
  std::string directory;
  size_t block_cache_bytes = 64 << 20;  // strict: index, filters and memtables are charged to it
  size_t memtable_bytes = 16 << 20;
  size_t max_wal_bytes = 64 << 20;  // bounds the replay at start-up
  int reader_threads = 2;
  int max_open_files = 256;  // tables that are kept open; logs and what is being written come on top
  /// Where less is free, DiskSpace{low} is posted; the default shrinks to a quarter of a small file system. What a compaction and the memtables
  /// may take for a moment does not count as free: as much as the tables hold, 256 MiB at most.
  uint64_t min_free_bytes = kDefaultMinFreeBytes;
  int64_t retention_succeeded_ms = 24 * 3600 * 1000;
  int64_t retention_settled_ms = 30LL * 24 * 3600 * 1000;
  /// With the keys by which the store seals (storage/seal.h); empty: it does not.
  std::string encryption_key_file = {};
  /// Below it backups are made (storage/backups.h); empty: none.
  std::string backup_directory = {};
  /// Tables that nothing else touches come by retention once in so many seconds; 0: never.
  uint64_t rewrite_age_s = 24 * 3600;
  /// Ids go on so far above what the store says, in each namespace, those that are made later too: of a copy, which may not know them all. 0: at
  /// once.
  uint64_t id_gap = 0;
  /// The wall clock, in ms since the epoch: for retention and list filters. Any thread.
  std::function<int64_t()> wall_ms;
  /// Of the store that is being moved to `directory` (storage/move.h), which is half-made until that is done; nothing: none is.
  std::optional<Fingerprint> moving = {};
  /// Called before each step of an upgrade (storage/upgrade.h); an error ends it there, as a crash would. For tests; empty: nobody asks.
  std::function<Status()> upgrade_step;
  /// Borrowed, may be null: how long each write with its sync took.
  Histogram* commit_histogram = nullptr;
  /// Borrowed. By what each batch shows whose the store is, where several could have it; null where only one can.
  OwnerHandle* owner = nullptr;
};

}  // namespace notifyd
