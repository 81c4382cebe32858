// HostHarness: what the contract suite of a StoreHost needs around it: a place to keep things, several namespaces, and the events of each in order.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "contract/store_harness.h"
#include "support/slowness.h"

namespace notifyd {

class HostHarness {
 public:
  virtual ~HostHarness() = default;
  virtual StoreHost& host() = 0;
  /// Closes all namespaces and the store, and opens it again on what it kept, with no namespace open.
  virtual void Reopen() = 0;
  virtual EventSink* SinkOf(NamespaceNumber number) = 0;
  /// The oldest event of that namespace that is not taken yet; waits for it, and fails the test where none comes.
  virtual Event NextEvent(NamespaceNumber number) = 0;
  /// Waits until the registry's batch is reported.
  virtual void AwaitRegistry(uint64_t number) = 0;

  /// For retention. Moves only when a test says so.
  std::atomic<int64_t> wall_ms = StoreHarness::kStart;

  /// Opened where it is not.
  NamespaceStore& At(NamespaceNumber number) { return *Open(number).opened.store; }
  /// As they were when it was opened.
  Totals TotalsAt(NamespaceNumber number) { return Open(number).opened.totals; }
  void CloseAt(NamespaceNumber number) { open_.erase(number); }

  template <class T>
  T Next(NamespaceNumber number) {
    for (;;) {
      Event event = NextEvent(number);
      if (std::holds_alternative<DiskSpace>(event)) continue;
      if (auto* failed = std::get_if<WriteFailed>(&event)) FAIL(failed->status.detail());
      REQUIRE(std::holds_alternative<T>(event));
      return std::get<T>(std::move(event));
    }
  }
  /// Begins a batch; the number that it has.
  uint64_t Begin(NamespaceNumber number, std::vector<WriteOp> ops, bool sync = true, Totals totals = {}) {
    Space& space = Open(number);
    WriteBatch batch;
    batch.number = ++space.batches;
    batch.sync = sync;
    batch.ops = std::move(ops);
    batch.totals = totals;
    space.opened.store->Commit(std::move(batch));
    return space.batches;
  }
  Committed Commit(NamespaceNumber number, std::vector<WriteOp> ops, bool sync = true, Totals totals = {}) {
    const uint64_t batch = Begin(number, std::move(ops), sync, totals);
    Committed committed;
    do {
      committed = Next<Committed>(number);
    } while (committed.batch < batch);
    REQUIRE(committed.batch == batch);
    return committed;
  }
  void CommitRegistry(std::vector<RegistryWrite> writes, bool sync = true) {
    host().Commit(RegistryBatch{++registry_batches_, sync, std::move(writes)});
    AwaitRegistry(registry_batches_);
  }
  std::vector<LoadedValue> Load(NamespaceNumber number, std::vector<LoadKey> keys) {
    At(number).Load({++ticket_, std::move(keys)});
    auto loaded = Next<Loaded>(number);
    CHECK(loaded.ticket == ticket_);
    REQUIRE(loaded.status.detail() == "");
    return std::move(loaded.values);
  }
  LoadedNotify LoadNotify(NamespaceNumber number, NotifyId id) { return std::get<LoadedNotify>(Load(number, {id}).at(0)); }
  template <class Page>
  PageLoaded LoadPage(NamespaceNumber number, Page page) {
    At(number).LoadPage({++ticket_, 100, std::move(page)});
    auto loaded = Next<PageLoaded>(number);
    REQUIRE(loaded.status.detail() == "");
    return loaded;
  }
  std::vector<uint64_t> ListIds(NamespaceNumber number, ListQuery query = {}) {
    query.limit = 1000;
    query.oldest_first = true;
    At(number).List({{2, ++ticket_}, std::move(query), {{StoreHarness::kStart}, {0}}});
    auto done = Next<ListDone>(number);
    REQUIRE(done.status.detail() == "");
    std::vector<uint64_t> ids;
    for (const LoadedNotify& item : done.items) ids.push_back(item.record->id.value);
    return ids;
  }
  std::vector<std::string> ListLanes(NamespaceNumber number) {
    At(number).ListLanes({{3, ++ticket_}, {}});
    auto done = Next<LanesDone>(number);
    REQUIRE(done.status.detail() == "");
    std::vector<std::string> names;
    for (const LaneRow& row : done.rows) names.push_back(row.lane.name);
    return names;
  }
  virtual AuditPage ListAudit(AuditQuery query) = 0;
  RegistryImage Registry() {
    auto image = host().LoadRegistry();
    if (!image.ok()) FAIL(image.status().detail());
    return std::move(*image);
  }
  NamespaceAtStart StateOf(NamespaceNumber number) {
    for (const NamespaceAtStart& state : Registry().states)
      if (state.number == number) return state;
    FAIL("no state of " << number);
    return {};
  }

 protected:
  void CloseAll() {
    open_.clear();
    registry_batches_ = 0;
  }

 private:
  struct Space {
    OpenedNamespace opened;
    uint64_t batches = 0;
  };
  Space& Open(NamespaceNumber number) {
    auto it = open_.find(number);
    if (it != open_.end()) return it->second;
    const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
    auto opened = host().OpenNamespace(number, SinkOf(number));
    // What was written of it last may take a while, and is to be asked for again.
    while (!opened.ok() && opened.status().code() == Code::kUnavailable && std::chrono::steady_clock::now() < until)
      opened = host().OpenNamespace(number, SinkOf(number));
    if (!opened.ok()) FAIL(opened.status().detail());
    return open_.emplace(number, Space{std::move(*opened)}).first->second;
  }
  std::map<NamespaceNumber, Space> open_;
  uint64_t registry_batches_ = 0, ticket_ = 0;
};

inline std::shared_ptr<const NamespaceRow> MakeSpace(NamespaceNumber number, std::string name) {
  auto row = std::make_shared<NamespaceRow>();
  row->number = number;
  row->name = std::move(name);
  row->version = number;
  row->created_at = {StoreHarness::kStart};
  return row;
}

}  // namespace notifyd
