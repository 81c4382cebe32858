// A shard on a loop with a thread of its own, over the store in memory; the test asks from its own thread, and waits for what comes of it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "broker/core_fixture.h"
#include "cli/daemon/shard.h"
#include "fakes/fake_store.h"
#include "support/slowness.h"

namespace notifyd::test {

/// The fake store belongs to one thread; this lets several take turns.
class SharedStore : public StoreHost {
 public:
  explicit SharedStore(FakeStore* store) : store_(store) {}
  template <class Run>
  auto Locked(Run run) {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    return run();
  }
  std::string name() const override { return store_->name(); }
  Result<RegistryImage> LoadRegistry() override {
    return Locked([&] { return store_->LoadRegistry(); });
  }
  void Start(StoreEvents* events) override { store_->Start(events); }
  Result<OpenedNamespace> OpenNamespace(NamespaceNumber number, EventSink* sink) override {
    // Without the lock: others are served meanwhile.
    for (begun = true; holds_openings;) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Locked([&]() -> Result<OpenedNamespace> {
      if (fails) return Status(fails_as.load(), "the disk is gone");
      ++opened[number];
      Result<OpenedNamespace> out = store_->OpenNamespace(number, sink);
      if (out.ok()) out->store = std::make_unique<View>(this, number, std::move(out->store));
      return out;
    });
  }
  void Commit(RegistryBatch batch) override {
    Locked([&] {
      for (const RegistryWrite& write : batch.writes)
        if (const auto* entry = std::get_if<AuditEntry>(&write)) audited.push_back(entry->what);
      store_->Commit(std::move(batch));
    });
  }
  void SetRetention(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms) override {
    Locked([&] { retention[number] = {succeeded_ms, settled_ms}; });
  }
  uint64_t StoredBytes(NamespaceNumber number) const override {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    ++measured;
    return measures.value_or(store_->StoredBytes(number));
  }
  void CompactNamespace(NamespaceNumber) override { ++compacted; }
  bool IsCompacting(NamespaceNumber) const override { return compacts; }
  void Audit(AuditEntry, std::function<void()>) override {}
  void ListAudit(AuditQuery, std::function<void(AuditPage)>) override {}
  void Stop() override {
    Locked([&] { store_->Stop(); });
  }
  Status Close() override { return Status::Ok(); }
  std::vector<StoreFigure> Figures() const override { return {}; }

  void Deliver() {
    Locked([&] { store_->Deliver(); });
  }
  /// What was asked for meanwhile is answered after all.
  void ReleaseLoads() {
    Locked([&] {
      holds_loads = false;
      for (auto& [inner, load] : std::exchange(held_loads, {})) inner->Load(std::move(load));
      store_->Deliver();
    });
  }
  bool HoldsSome() {
    return Locked([&] { return !held_loads.empty(); });
  }
  /// Those that are open now, and what each said when it went to sleep last.
  std::vector<NamespaceNumber> Open() {
    return Locked([&] { return open; });
  }
  std::map<NamespaceNumber, WallTime> Asleep() {
    return Locked([&] { return asleep; });
  }
  /// How often each was.
  std::map<NamespaceNumber, int> Opened() {
    return Locked([&] { return opened; });
  }

  /// What StoredBytes says from now on.
  void Measures(uint64_t bytes) {
    Locked([&] { measures = bytes; });
  }

  std::atomic<bool> fails = false, holds_loads = false, compacts = false;
  std::atomic<bool> holds_openings = false, begun = false;  // some opening was begun
  std::atomic<Code> fails_as = Code::kIo;
  mutable std::atomic<int> measured = 0;
  std::atomic<int> compacted = 0;
  std::vector<std::string> audited;  // with the registry's batches
  std::map<NamespaceNumber, std::pair<std::optional<int64_t>, std::optional<int64_t>>> retention;

 private:
  struct View : NamespaceStore {
    View(SharedStore* of, NamespaceNumber its_number, std::unique_ptr<NamespaceStore> its_inner)
        : host(of), number(its_number), inner(std::move(its_inner)) {
      host->open.push_back(number);
    }
    ~View() override {
      host->Locked([&] {
        std::erase(host->open, number);
        inner.reset();
      });
    }
    void Commit(WriteBatch batch) override {
      host->Locked([&] { inner->Commit(std::move(batch)); });
    }
    void Load(LoadEffect load) override {
      host->Locked([&] {
        if (host->holds_loads) host->held_loads.emplace_back(inner.get(), std::move(load));
        else inner->Load(std::move(load));
      });
    }
    void LoadPage(PageEffect page) override {
      host->Locked([&] { inner->LoadPage(std::move(page)); });
    }
    void Read(ReadEffect read) override {
      host->Locked([&] { inner->Read(std::move(read)); });
    }
    void List(ListEffect list) override {
      host->Locked([&] { inner->List(std::move(list)); });
    }
    void ListLanes(LanesEffect lanes) override {
      host->Locked([&] { inner->ListLanes(std::move(lanes)); });
    }
    void Sleep(WallTime wake) override {
      host->Locked([&] {
        host->asleep[number] = wake;
        inner->Sleep(wake);
      });
    }
    SharedStore* host;
    NamespaceNumber number;
    std::unique_ptr<NamespaceStore> inner;
  };

  FakeStore* store_;
  std::optional<uint64_t> measures;
  mutable std::recursive_mutex mutex_;
  std::vector<std::pair<NamespaceStore*, LoadEffect>> held_loads;
  std::vector<NamespaceNumber> open;
  std::map<NamespaceNumber, WallTime> asleep;
  std::map<NamespaceNumber, int> opened;
};

class ShardStage : public Sender, public ReplySink, public Switchboard {
 public:
  explicit ShardStage(Shard::Rest rest = {}, CoreLimits limits = {}, FakeDisk disk = {}, int64_t measure_each_ms = 10'000)
      : store_(FakeStoreOptions{}, std::move(disk)),
        shared(&store_),
        lending({limits.max_in_flight, limits.max_loaded}, this),
        board([] { return MonoTime{ReadClockMs(CLOCK_BOOTTIME)}; }) {
    PutRow("default", kDefaultNumber);
    Shard::Setup setup;
    setup.loop = &loop;
    setup.store = &shared;
    setup.sender = this;
    setup.replies = this;
    setup.switchboard = this;
    setup.tables = &tables;
    setup.lending = &lending;
    setup.board = &board;
    setup.flush = [this] {
      for (Reply& reply : std::exchange(unflushed_, {})) Note([&] { replies[reply.request.token] = std::move(reply); });
      shared.Deliver();
    };
    setup.log = [this](const std::string& space, const AttemptLog&) { Note([&] { ++logs[space]; }); };
    setup.gone = [this](NamespaceNumber number) { Note([&] { gone.push_back(number); }); };
    setup.lane_log = [](const std::string&, const LaneLog&) {};
    setup.flow_log = [](const std::string&, const FlowLog&) {};
    setup.quiet = [this] { Note([&] { quiet = true; }); };
    setup.drained = [this] { Note([&] { drained = true; }); };
    setup.fatal = [this](const Status& status) { Note([&] { fatal = status.detail(); }); };
    setup.seed = [] { return 7; };
    setup.lost = [this](NamespaceNumber) { return lost.load(); };
    setup.rest = rest;
    setup.measure_each_ms = measure_each_ms;
    shard = std::make_unique<Shard>(std::move(setup), std::make_shared<const CoreLimits>(limits));
  }
  ~ShardStage() override { End(); }

  /// As kill -9: what its store has written.
  FakeDisk Kill() {
    End();
    return store_.CrashDisk(CrashKind::kKill);
  }

  /// A row in the table from now on.
  void PutRow(const std::string& name, NamespaceNumber number, NamespaceSettings settings = {}, bool deleting = false) {
    auto row = std::make_shared<NamespaceRow>();
    row->name = name;
    row->number = number;
    row->settings = std::move(settings);
    row->deleting = deleting;
    AccessTable table = tables.Get() ? *tables.Get() : AccessTable();
    table.PutNamespace(name, row);
    tables.Set(std::make_shared<const AccessTable>(table));
    if (shard) loop.Post([this] { shard->TableChanged(); });
  }
  void Run() {
    thread_ = std::thread([this] { loop.Run(); });
  }

  /// Posts a submit; the token of its answer.
  uint64_t Submit(NamespaceNumber to, const CoreFixture::Fields& fields = {}) {
    SubmitRequest request;
    request.request = {0, ++token_};
    request.items.push_back(CoreFixture::Item(fields));
    shard->Post(to, std::move(request));
    return token_;
  }
  /// The same of one who waits for its end.
  uint64_t SubmitAndWait(NamespaceNumber to, const CoreFixture::Fields& fields = {}) {
    SubmitRequest request;
    request.request = {0, ++token_};
    request.items.push_back(CoreFixture::Item(fields));
    request.wait_ms = 60'000;
    shard->Post(to, std::move(request));
    return token_;
  }
  /// The answer to it; throws where none comes.
  Reply Answer(uint64_t token) {
    Await([&] { return replies.contains(token); });
    std::lock_guard<std::mutex> lock(mutex);
    return replies.at(token);
  }
  NotifyId Accepted(uint64_t token) {
    const Reply reply = Answer(token);
    const auto* submitted = std::get_if<Submitted>(&reply.body);
    return submitted ? submitted->items.at(0).id : NotifyId{};
  }
  Code RefusedCode(uint64_t token) {
    const Reply reply = Answer(token);
    const auto* refused = std::get_if<Refused>(&reply.body);
    return refused ? refused->status.code() : Code::kOk;
  }
  /// Until what another thread does has made it true; throws where that takes 20 s.
  void Await(const std::function<bool()>& done) {
    std::unique_lock<std::mutex> lock(mutex);
    const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > until) throw std::runtime_error("what was waited for did not come");
      changed.wait_for(lock, std::chrono::milliseconds(5));
    }
  }
  /// Ends an attempt under way, with success.
  void End(const StartAttempt& start) {
    AttemptEnded ended;
    ended.id = start.id;
    ended.result.verdict = Verdict::kSuccess;
    ended.result.record.number = start.number;
    ended.result.record.status = 200;
    shard->Post(start.id.number(), std::move(ended));
  }

  // What comes out; on the shard's thread, looked at under the mutex (Await).
  void Start(StartAttempt attempt) override {
    Note([&] { starts.push_back(std::move(attempt)); });
  }
  /// Nobody has it before it is flushed, as where requests come in on another thread.
  void Send(Reply reply) override { unflushed_.push_back(std::move(reply)); }
  void Post(NamespaceNumber to, Event event) override { shard->Post(to, std::move(event)); }
  void Post(RegistryEvent event) override {
    // What was open when it came.
    auto open = shared.Open();
    Note([&] {
      reports.push_back(std::move(event));
      open_at_report = std::move(open);
    });
  }
  void Audit(AuditEntry, std::function<void()>) override {}

 private:
  FakeStore store_;

 public:
  SharedStore shared;
  Loop loop;
  std::atomic<bool> lost = false;  // where its namespaces lie
  PublishedTable tables;
  Lending lending;
  Board board;
  std::unique_ptr<Shard> shard;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<StartAttempt> starts;
  std::map<uint64_t, Reply> replies;
  std::vector<RegistryEvent> reports;
  std::vector<NamespaceNumber> open_at_report;
  std::map<std::string, int> logs;
  std::vector<NamespaceNumber> gone;  // served elsewhere
  bool quiet = false, drained = false;
  std::string fatal;

 private:
  template <class Change>
  void Note(Change change) {
    std::lock_guard<std::mutex> lock(mutex);
    change();
    changed.notify_all();
  }
  void End() {
    shared.holds_openings = false;
    loop.Stop();
    if (thread_.joinable()) thread_.join();
    shard->Close();
  }
  uint64_t token_ = 0;
  std::vector<Reply> unflushed_;  // of the shard's thread
  std::thread thread_;
};

}  // namespace notifyd::test
