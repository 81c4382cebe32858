// The contract of a StoreHost over FakeStore.
#include <deque>
#include <map>

#include "contract/host_harness.h"
#include "fakes/fake_store.h"

namespace notifyd {
namespace {

class FakeHostHarness : public HostHarness, private StoreEvents {
 public:
  FakeHostHarness() { Open({}); }
  ~FakeHostHarness() override { CloseAll(); }
  StoreHost& host() override { return *store_; }
  void Reopen() override {
    CloseAll();
    store_->Deliver();
    Open(store_->CrashDisk(CrashKind::kKill));
  }
  EventSink* SinkOf(NamespaceNumber number) override { return &sinks_[number]; }
  Event NextEvent(NamespaceNumber number) override {
    std::deque<Event>& events = sinks_[number].events;
    if (events.empty()) store_->Deliver();
    REQUIRE_FALSE(events.empty());
    Event event = std::move(events.front());
    events.pop_front();
    return event;
  }
  void AwaitRegistry(uint64_t number) override {
    store_->Deliver();
    REQUIRE(committed_ == number);
  }
  AuditPage ListAudit(AuditQuery query) override {
    std::optional<AuditPage> page;
    store_->ListAudit(std::move(query), [&](AuditPage done) { page = std::move(done); });
    store_->Deliver();
    REQUIRE(page);
    return std::move(*page);
  }

 private:
  struct Sink : EventSink {
    void Post(Event event) override { events.push_back(std::move(event)); }
    std::deque<Event> events;
  };
  void OnRegistryCommitted(uint64_t number) override { committed_ = number; }
  void OnWriteFailed(Status status) override { FAIL(status.detail()); }
  void Open(FakeDisk disk) {
    FakeStoreOptions options;
    options.retention_succeeded_ms = StoreHarness::kRetentionSucceededMs;
    options.retention_settled_ms = StoreHarness::kRetentionSettledMs;
    options.wall = [this] { return WallTime{wall_ms.load()}; };
    store_ = std::make_unique<FakeStore>(std::move(options), std::move(disk));
    sinks_.clear();
    committed_ = 0;
    store_->Start(static_cast<StoreEvents*>(this));
  }
  std::map<NamespaceNumber, Sink> sinks_;
  std::unique_ptr<FakeStore> store_;
  uint64_t committed_ = 0;
};

}  // namespace
}  // namespace notifyd

#define HOST_HARNESS FakeHostHarness
#include "contract/host_contract.h"
