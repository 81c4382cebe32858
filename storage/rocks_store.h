// RocksStore: the Store port on RocksDB. One commit thread groups what arrives while the last sync runs into one synced write; a small
// pool of readers serves loads, pages, reads and lists. No caller's thread touches the disk between Open and Close.
// A directory that is moved, removed or replaced while it is in use is noticed within about a second, and posted as WriteFailed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/histogram.h"
#include "base/status.h"
#include "broker/ports.h"

namespace notifyd {

inline constexpr uint64_t kDefaultMinFreeBytes = 64 << 20;

struct StoreOptions {
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
  /// The wall clock, in ms since the epoch: for retention and list filters. Any thread.
  std::function<int64_t()> wall_ms;
  /// Called before each step of an upgrade (storage/upgrade.h); an error ends it there, as a crash would. For tests; empty: nobody asks.
  std::function<Status()> upgrade_step;
  /// Borrowed, may be null: how long each write with its sync took.
  Histogram* commit_histogram = nullptr;
};

/// For /v1/stats and /metrics: sizes in bytes.
struct StoreStats {
  uint64_t disk_bytes = 0, wal_bytes = 0, free_disk_bytes = 0;
  // RocksDB's memory. The memtables, and what is read of tables (index and filter blocks included), are charged to the block cache; pinned is
  // what of it cannot be given back right now; the table readers' is what open tables hold beside it.
  uint64_t memtable_bytes = 0, block_cache_bytes = 0, block_cache_pinned_bytes = 0, table_readers_bytes = 0;
  uint64_t batches = 0, groups = 0, syncs = 0, written_bytes = 0;
};

class RocksStore : public Store {
 public:
  /// Opens or makes the store in `directory` and holds its lock. Errors: kIo (in use, no permission, open to others, ...), kCorrupt (something that
  /// had been synced is damaged or missing: the file is named), kUnacceptable (a newer or foreign format). A log that a power cut tore at its end
  /// opens by itself; a store of an older format is brought up to the present one first, which takes a read of all its notifies.
  static Result<std::unique_ptr<RocksStore>> Open(const StoreOptions& options);
  /// Close(), where that was not called.
  ~RocksStore() override;

  /// Names this store among others, over restarts: 16 hex digits made of its id, which they do not give away.
  std::string name() const;
  /// As they were at the last batch; all zero in a new store.
  const Totals& totals() const;
  /// Starts the threads; events go to `sink` (borrowed) from then on. Before it nothing but totals() may be called.
  void Start(EventSink* sink);
  /// Writes and syncs all that was committed, joins the threads; nothing is posted afterwards.
  void Stop();
  /// Stops, closes the database and leaves beside it what the next start must find (storage/synced_file.h). Only the destructor may follow. Error:
  /// what failed, now or before; after a WriteFailed the database stays open, and locked, until the process ends.
  Status Close();

  void Commit(WriteBatch batch) override;
  void Load(LoadEffect load) override;
  void LoadPage(PageEffect page) override;
  void Read(ReadEffect read) override;
  void List(ListEffect list) override;
  void ListLanes(LanesEffect lanes) override;

  StoreStats Stats() const;  // any thread
  /// Runs compaction, and with it retention, over everything, on the caller's thread: for tests and maintenance. Error: kCorrupt, kIo.
  Status Compact();

 private:
  class Impl;
  explicit RocksStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
