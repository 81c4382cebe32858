// The contract suite over FakeStore, so that what the simulator finds holds for the real one.
#include <deque>

#include "contract/store_harness.h"
#include "fakes/fake_store.h"

namespace notifyd {
namespace {

class FakeHarness : public StoreHarness, private EventSink {
 public:
  FakeHarness() { Open({}); }
  Store& store() override { return *store_; }
  Totals totals() override { return store_->totals(); }
  void Reopen() override {
    FakeImage image = store_->written();
    Open(std::move(image));
  }
  Event NextEvent() override {
    if (events_.empty()) store_->Deliver();
    REQUIRE_FALSE(events_.empty());
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  size_t ListExamined() const override { return FakeStoreOptions().list_examined; }

 private:
  void Post(Event event) override { events_.push_back(std::move(event)); }
  void Open(FakeImage image) {
    FakeStoreOptions options;
    options.retention_succeeded_ms = kRetentionSucceededMs;
    options.retention_settled_ms = kRetentionSettledMs;
    options.wall = [this] { return WallTime{wall_ms.load()}; };
    store_ = std::make_unique<FakeStore>(std::move(options), std::move(image));
    events_.clear();
    number_ = 0;
    store_->Start(this);
  }
  std::deque<Event> events_;
  std::unique_ptr<FakeStore> store_;
};

}  // namespace
}  // namespace notifyd

#define STORE_HARNESS FakeHarness
#include "contract/store_contract.h"
