// A store's whole life in a process of its own, so that its disk may fail it at any call (support/failing_disk.h): two starts, commits, a flush, a
// compaction, a backup, clean stops. What is durable is told on standard output, a line each, at once.
//
// usage: failing_store DIRECTORY BACKUPS [unsynced|tails|quiet]
//   unsynced: tells of what is written, and asks for no sync, to show that this would be noticed
//   tails: asks for a sync now and then, so that logs have long tails of what is not synced, and tells of what is
//   quiet: memtables are so large that RocksDB makes no table unless asked, so that its last syncs are those of commits and of the stop
//   lines: "acked N": the notify N is durable; "failed DETAIL": the store said so, and nothing followed; "refused DETAIL": it did not open, or a
//   clean stop failed. Exit code 0: nothing went wrong.
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <variant>

#include "base/log.h"
#include "storage/backups.h"
#include "storage/failing_store.h"
#include "storage/rocks_store.h"

namespace notifyd {
namespace {

void Say(const std::string& line) {
  const std::string whole = line + "\n";
  (void)!::write(1, whole.data(), whole.size());
}

class Sink : public EventSink {
 public:
  explicit Sink(bool sync) : sync_(sync) {}
  void Post(Event event) override {
    std::lock_guard lock(mutex_);
    if (auto* committed = std::get_if<Committed>(&event)) told_ = std::max(told_, sync_ ? committed->synced : committed->batch);
    if (auto* failed = std::get_if<WriteFailed>(&event)) failure_ = failed->status;
    changed_.notify_all();
  }
  /// Until this batch is durable. Error: the store failed.
  Status Await(uint64_t batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return told_ >= batch || !failure_.ok(); });
    return told_ >= batch ? Status::Ok() : failure_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t told_ = 0;
  const bool sync_;
  Status failure_;
};

struct Events : StoreEvents {
  void OnRegistryCommitted(uint64_t) override {}
  void OnWriteFailed(Status) override {}
};

/// What goes wrong here is said in the backup's state, and hurts nothing else.
void MakeBackup(RocksStore* store, const std::string& name) {
  std::shared_ptr<Backups> backups = store->backups();
  if (!backups->Begin(name, false).ok()) return;
  for (;;) {
    Result<BackupState> state = backups->Get(name);
    if (!state.ok() || state->phase != BackupState::Phase::kRunning) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

enum class Syncs { kEach, kSome, kNone };

/// Commits the ids from `first` on; the error with which that ended.
Status Work(RocksStore* store, Sink* sink, Store* space, uint64_t first, Syncs syncs) {
  uint64_t batch = 0, told = first;
  for (uint64_t id = first; id < first + kIdsALife; ++id) {
    WriteBatch write;
    write.number = ++batch;
    const bool waits = syncs != Syncs::kSome || id % kIdsATail == 0 || id == first + kIdsALife - 1;
    write.sync = syncs != Syncs::kNone && waits;
    write.ops = {PutNotify{std::make_shared<const NotifyRecord>(RecordAtFailingStore(id))}, PutDue{Clock::kWall, {{1000}, {id}}}};
    space->Commit(std::move(write));
    if (waits) {
      if (Status status = sink->Await(batch); !status.ok()) return status;
      for (; told <= id; ++told) Say("acked " + std::to_string(told));
    }
    if (id == first + kIdsALife / 2) {
      if (Status status = store->Compact(); !status.ok()) return status;
      MakeBackup(store, "at-" + std::to_string(id));
    }
  }
  return Status::Ok();
}

/// One start and one stop. False: something failed, and was said.
bool Live(const StoreOptions& options, uint64_t first, Syncs syncs) {
  auto store = RocksStore::Open(options);
  if (!store.ok()) {
    Say("refused " + store.status().detail());
    return false;
  }
  Sink sink(syncs != Syncs::kNone);
  Events events;
  (*store)->Start(&events);
  Status status;
  {
    auto space = (*store)->OpenNamespace(kDefaultNumber, &sink);
    if (!space.ok()) {
      Say("refused " + space.status().detail());
      return false;
    }
    status = Work(store->get(), &sink, space->store.get(), first, syncs);
    // Reads and reports that are under way are no more after this.
    (*store)->Stop();
  }
  if (!status.ok()) Say("failed " + status.detail());
  Status closed = (*store)->Close();
  if (!closed.ok()) Say("refused " + closed.detail());
  return status.ok() && closed.ok();
}

}  // namespace
}  // namespace notifyd

int main(int argc, char** argv) {
  using namespace notifyd;
  if (argc < 3) return 2;
  ::umask(077);
  LogInit(LogFormat::kText, LogLevel::kWarn);
  StoreOptions options;
  options.directory = argv[1];
  options.backup_directory = argv[2];
  options.min_free_bytes = 0;
  const std::string how = argc > 3 ? argv[3] : "";
  if (how != "quiet") options.memtable_bytes = 64 << 10;
  const Syncs syncs = how == "unsynced" ? Syncs::kNone : how == "tails" ? Syncs::kSome : Syncs::kEach;
  const bool well = Live(options, 1, syncs) && Live(options, 1 + kIdsALife, syncs);
  LogFinish();
  std::fflush(stdout);
  // As the daemon does: what a failed store left behind is not torn down.
  ::_exit(well ? 0 : 1);
}
