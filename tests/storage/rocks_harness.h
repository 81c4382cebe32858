// What tests of RocksStore share: a temporary directory, a mailbox to wait on, and the store between them.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "contract/store_harness.h"
#include "contract/waiting.h"
#include "storage/reader.h"
#include "storage/rocks_store.h"
#include "support/temp_dir.h"

namespace notifyd {

inline std::string ReadBytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.is_open());
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}
inline void WriteBytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
  out.flush();
  REQUIRE(out.good());
}
/// All files, or those with this extension, by name: logs and tables are in order of their numbers.
inline std::vector<std::filesystem::path> FilesIn(const std::filesystem::path& directory, const std::string& extension = {}) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (extension.empty() || entry.path().extension() == extension) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// The tests' directory, with its path as one.
struct TempDir : test::TempDir {
  std::filesystem::path path() const { return test::TempDir::path(); }
};

class RocksHarness : public StoreHarness {
 public:
  RocksHarness() : RocksHarness(nullptr) {}
  /// `directory`: null: one of the test's own. `number`: of the namespace that it is about.
  /// `keys`: of its key file; empty: it does not seal.
  explicit RocksHarness(const std::filesystem::path* directory, size_t memtable_bytes = StoreOptions().memtable_bytes,
                        NamespaceNumber number = kDefaultNumber, const std::string& keys = {})
      : memtable_bytes_(memtable_bytes), namespace_(number) {
    directory_ = directory ? *directory : own_.path() / "store";
    if (!keys.empty()) SetKeys(keys);
    Open();
  }
  ~RocksHarness() override { Close(); }

  Store& store() override { return *space_.store; }
  /// As they were when it was opened.
  Totals totals() override { return space_.totals; }
  RocksStore& rocks() { return *store_; }
  WaitingEvents& events() { return *events_; }
  const std::filesystem::path& directory() const { return directory_; }
  Event NextEvent() override { return sink_->Take(); }
  size_t ListExamined() const override { return kListExamined; }
  void Reopen() override {
    Close();
    Open();
  }
  void Close() {
    space_ = {};
    store_.reset();
  }
  void Open() {
    auto store = RocksStore::Open(Options());
    if (!store.ok()) FAIL(store.status().detail());
    store_ = std::move(*store);
    sink_ = std::make_unique<WaitingSink>();
    events_ = std::make_unique<WaitingEvents>();
    number_ = 0;
    store_->Start(events_.get());
    auto space = store_->OpenNamespace(namespace_, sink_.get());
    if (!space.ok()) FAIL(space.status().detail());
    space_ = std::move(*space);
  }
  /// A copy of the directory as a kill -9 at this moment would leave it; again where files came or went meanwhile. What speaks of other files goes
  /// before those, since they may grow meanwhile: SYNCED and MANIFEST before tables and logs, a newer log before the older one that it goes on from.
  /// That is the names' order from behind.
  void CopyTo(const std::filesystem::path& target) {
    std::vector<std::filesystem::path> before;
    do {
      before = FilesIn(directory_);
      std::filesystem::remove_all(target);
      std::filesystem::create_directory(target);
      for (auto file = before.rbegin(); file != before.rend(); ++file) {
        std::error_code gone;
        std::filesystem::copy_file(*file, target / file->filename(), gone);
      }
    } while (FilesIn(directory_) != before);
  }

  /// What the key file holds from now on.
  void SetKeys(const std::string& keys) {
    key_file_ = own_.path() / "keys";
    WriteBytes(key_file_, keys);
    std::filesystem::permissions(key_file_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  const std::filesystem::path& key_file() const { return key_file_; }
  /// While it is set whoever asks the store's clock waits: a compaction does as it begins, and so does a read.
  std::atomic<bool> clock_held = false;
  /// Where backups go, from the next Open on.
  std::string backups;

  StoreOptions Options() {
    StoreOptions options;
    options.encryption_key_file = key_file_.string();
    options.backup_directory = backups;
    options.directory = directory_.string();
    options.memtable_bytes = memtable_bytes_;
    options.retention_succeeded_ms = kRetentionSucceededMs;
    options.retention_settled_ms = kRetentionSettledMs;
    options.rewrite_age_s = 0;  // stores that tests bring along grow old
    options.wall_ms = [this] {
      while (clock_held) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return wall_ms.load();
    };
    return options;
  }

 private:
  const size_t memtable_bytes_;
  const NamespaceNumber namespace_;
  TempDir own_;
  std::filesystem::path directory_, key_file_;
  std::unique_ptr<WaitingSink> sink_;
  std::unique_ptr<WaitingEvents> events_;
  std::unique_ptr<RocksStore> store_;
  OpenedNamespace space_;
};

}  // namespace notifyd
