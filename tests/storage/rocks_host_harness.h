// A RocksStore with several namespaces, in a directory of the test's own.
#pragma once

#include <future>
#include <map>
#include <memory>

#include "contract/host_harness.h"
#include "storage/rocks_harness.h"

namespace notifyd {

class RocksHostHarness : public HostHarness {
 public:
  RocksHostHarness() : RocksHostHarness(nullptr) {}
  /// `directory`: null: one of the test's own.
  explicit RocksHostHarness(const std::filesystem::path* directory, size_t memtable_bytes = StoreOptions().memtable_bytes)
      : memtable_bytes_(memtable_bytes), directory_(directory ? *directory : own_.path() / "store") {
    Open();
  }
  ~RocksHostHarness() override { CloseAll(); }
  StoreHost& host() override { return *store_; }
  RocksStore& rocks() { return *store_; }
  const std::filesystem::path& directory() const { return directory_; }
  uint64_t id_gap = 0;  // that the next Open leaves
  void Reopen() override {
    Close();
    Open();
  }
  void Close() {
    CloseAll();
    store_.reset();
  }
  void Open() {
    sinks_.clear();
    events_ = std::make_unique<WaitingEvents>();
    auto store = RocksStore::Open(Options());
    if (!store.ok()) FAIL(store.status().detail());
    store_ = std::move(*store);
    store_->Start(events_.get());
  }
  EventSink* SinkOf(NamespaceNumber number) override { return &sinks_[number]; }
  Event NextEvent(NamespaceNumber number) override { return sinks_[number].Take(); }
  void AwaitRegistry(uint64_t number) override { events_->AwaitCommitted(number); }
  AuditPage ListAudit(AuditQuery query) override {
    std::promise<AuditPage> page;
    store_->ListAudit(std::move(query), [&](AuditPage done) { page.set_value(std::move(done)); });
    return page.get_future().get();
  }

  StoreOptions Options() {
    StoreOptions options;
    options.directory = directory_.string();
    options.id_gap = id_gap;
    options.memtable_bytes = memtable_bytes_;
    options.retention_succeeded_ms = StoreHarness::kRetentionSucceededMs;
    options.retention_settled_ms = StoreHarness::kRetentionSettledMs;
    options.wall_ms = [this] { return wall_ms.load(); };
    return options;
  }

 private:
  const size_t memtable_bytes_;
  TempDir own_;
  const std::filesystem::path directory_;
  std::map<NamespaceNumber, WaitingSink> sinks_;
  std::unique_ptr<WaitingEvents> events_;
  std::unique_ptr<RocksStore> store_;
};

}  // namespace notifyd
