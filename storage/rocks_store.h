// RocksStore: the store's ports on RocksDB. One commit thread groups what arrives of all namespaces while the last sync runs into one synced write; a
// small pool of readers serves their loads, pages, reads and lists. No caller's thread touches the disk between Open and Close but in OpenNamespace.
// A directory that is moved, removed or replaced while it is in use is noticed within about a second, and posted as WriteFailed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "broker/ports.h"
#include "storage/backups.h"
#include "storage/options.h"
#include "storage/ordered_kv.h"
#include "storage/rekey_state.h"

namespace notifyd {

/// Sizes in bytes.
struct StoreStats {
  uint64_t disk_bytes = 0, wal_bytes = 0, free_disk_bytes = 0;
  // RocksDB's memory. The memtables, and what is read of tables (index and filter blocks included), are charged to the block cache; pinned is
  // what of it cannot be given back right now; the table readers' is what open tables hold beside it.
  uint64_t memtable_bytes = 0, block_cache_bytes = 0, block_cache_pinned_bytes = 0, table_readers_bytes = 0;
  uint64_t batches = 0, groups = 0, syncs = 0, written_bytes = 0;
  // By retention: tables dropped as a whole, their size, and the size of those that were rewritten instead.
  uint64_t dropped_tables = 0, dropped_bytes = 0, rewritten_bytes = 0;
};

class RocksStore : public StoreHost {
 public:
  /// Opens or makes the store in `directory` and holds its lock. Errors: kIo (in use, no permission, open to others, ...), kCorrupt (something that
  /// had been synced is damaged or missing: the file is named), kUnacceptable (a newer or foreign format). A log that a power cut tore at its end
  /// opens by itself; a store of an older format is brought up to the present one first, which takes a read of all its notifies.
  static Result<std::unique_ptr<RocksStore>> Open(const StoreOptions& options);
  /// Close(), where that was not called.
  ~RocksStore() override;

  std::string name() const override;  // made of its id, which it does not give away
  Result<RegistryImage> LoadRegistry() override;
  /// Starts the threads.
  void Start(StoreEvents* events) override;
  Result<OpenedNamespace> OpenNamespace(NamespaceNumber number, EventSink* sink) override;
  void Commit(RegistryBatch batch) override;
  void Audit(AuditEntry entry, std::function<void()> durable) override;
  void ListAudit(AuditQuery query, std::function<void(AuditPage)> done) override;
  void SetRetention(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms) override;
  uint64_t StoredBytes(NamespaceNumber number) const override;
  void CompactNamespace(NamespaceNumber number) override;
  bool IsCompacting(NamespaceNumber number) const override;
  bool DiskIsLow() const override;
  /// Joins the threads.
  void Stop() override;
  /// Stops, closes the database and leaves beside it what the next start must find (storage/synced_file.h). Only the destructor may follow, and no
  /// namespace may be open. Error: what failed, now or before; after a WriteFailed the database stays open, and locked, until the process ends.
  Status Close() override;
  std::vector<StoreFigure> Figures() const override;

  /// Begins to seal everything anew, where that is not under way, by the first key that the key file has now (storage/rekeyer.h). Any thread, after
  /// Start. Errors: kUnacceptable: the store does not seal, or the file and the store do not fit; kConflict: it is under way by another key.
  Status Rekey();
  /// Of the last one that was begun. Any thread.
  RekeyState Rekeyed() const;

  /// All of it as keys and values.
  const OrderedKv& kv() const;
  /// Writes to it directly, synced; before Start alone, for moves (storage/rocks_move.h). Error: kIo, kDiskFull.
  Status Write(const std::function<void(KvWrites&)>& fill);

  /// A batch is about to come whose sync will be waited for (Committer::Expect). Any thread, after Start.
  bool Expect();
  /// After Start. It may outlive the store, and begins nothing any more then.
  std::shared_ptr<Backups> backups();

  StoreStats Stats() const;  // any thread
  /// Runs compaction, and with it retention, over everything, on the caller's thread: for tests and maintenance. Error: kCorrupt, kIo.
  Status Compact();
  /// What is done once a minute by itself: drops and rewrites tables whose retention is over (storage/sweeper.h), on the caller's thread. Error:
  /// kCorrupt, kIo.
  Status Sweep();

 private:
  class Impl;
  explicit RocksStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
