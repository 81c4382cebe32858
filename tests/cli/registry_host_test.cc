#include "cli/daemon/registry_host.h"

#include "cli/shard_stage.h"
#include "support/slowness.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

/// The registry on a loop with a thread of its own, over the store in memory, without any core.
class RegistryStage : public Switchboard, private StoreEvents {
 public:
  RegistryStage() : store_(FakeStoreOptions{}), shared(&store_), board([] { return MonoTime{ReadClockMs(CLOCK_BOOTTIME)}; }) {
    RegistryHost::Setup setup;
    setup.loop = &loop_;
    setup.store = &shared;
    setup.switchboard = this;
    setup.board = &board;
    setup.publish = [this](std::shared_ptr<const AccessTable> published) { Note([&] { table = std::move(published); }); };
    setup.reply = [this](RegistryReply reply) {
      Note([&] {
        // What it speaks of is published.
        if (reply.space) REQUIRE(table->FindNamespace(reply.space->name) == reply.space);
        replies[reply.request] = std::move(reply);
      });
    };
    setup.log = [this](const AuditEntry& entry) { Note([&] { logged.push_back(entry.what); }); };
    setup.gone = [this](const std::string& space) { Note([&] { gone.push_back(space); }); };
    host = std::make_unique<RegistryHost>(std::move(setup), RegistryLimits{});
    host->Load(*shared.LoadRegistry());
    shared.Start(this);
    host->Begin();
    loop_.OnTurn([this] { shared.Deliver(); });
    thread_ = std::thread([this] { loop_.Run(); });
  }
  ~RegistryStage() override {
    loop_.Stop();
    thread_.join();
  }

  RegistryReply Ask(RegistryEvent event) {
    const uint64_t request = std::visit(
        [](auto& each) -> uint64_t {
          if constexpr (requires { each.request; }) return each.request;
          else return 0;
        },
        event);
    host->Post(std::move(event));
    Await([&] { return replies.contains(request); });
    std::lock_guard<std::mutex> lock(mutex_);
    return replies.at(request);
  }
  void Await(const std::function<bool()>& done) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > until) throw std::runtime_error("what was waited for did not come");
      changed_.wait_for(lock, std::chrono::milliseconds(5));
    }
  }
  /// Until it has.
  void Resign() {
    bool resigned = false;
    loop_.Post([&] { host->Resign([&] { Note([&] { resigned = true; }); }); });
    Await([&] { return resigned; });
  }
  static Actor Root() { return {"root", Grant::Everything()}; }

  void Post(NamespaceNumber to, Event event) override {
    Note([&] { asked.emplace_back(to, std::move(event)); });
  }
  void Post(RegistryEvent event) override { host->Post(std::move(event)); }
  void Audit(AuditEntry, std::function<void()>) override {}

 private:
  void OnRegistryCommitted(uint64_t number) override { host->Post(RegistryCommitted{number}); }
  void OnWriteFailed(Status) override {}
  template <class Change>
  void Note(Change change) {
    std::lock_guard<std::mutex> lock(mutex_);
    change();
    changed_.notify_all();
  }
  FakeStore store_;
  Loop loop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;

 public:
  SharedStore shared;
  Board board;
  std::unique_ptr<RegistryHost> host;
  // Under the mutex (Await).
  std::shared_ptr<const AccessTable> table;
  std::map<uint64_t, RegistryReply> replies;
  std::vector<std::pair<NamespaceNumber, Event>> asked;
  std::vector<std::string> logged, gone;
};

}  // namespace

TEST_CASE("registry host: a namespace is made, published before it is answered, and audited") {
  RegistryStage stage;
  stage.Await([&] { return stage.table && stage.table->FindNamespace("default") && stage.table->FindNamespace("system"); });
  NamespaceSettings settings;
  settings.retention_succeeded_ms = 5;
  const RegistryReply reply = stage.Ask(PutNamespace{.request = 1, .actor = RegistryStage::Root(), .name = "team", .settings = settings});
  REQUIRE(reply.status.ok());
  CHECK(reply.created);
  CHECK(reply.space->number == kSystemNumber + 1);
  // Written with the change, and told of.
  CHECK(stage.shared.Locked([&] { return stage.shared.audited; }) == std::vector<std::string>{"namespace_made"});
  stage.Await([&] { return stage.logged == std::vector<std::string>{"namespace_made"}; });
  CHECK(stage.shared.Locked([&] { return stage.shared.retention.at(reply.space->number).first; }) == 5);
  CHECK_FALSE(stage.Ask(PutNamespace{.request = 2, .actor = {"none", {}}, .name = "other", .settings = {}}).status.ok());
}

TEST_CASE("registry host: a namespace is removed once its core has said what is left in it, and its totals stay with the registry") {
  RegistryStage stage;
  const NamespaceNumber number = stage.Ask(PutNamespace{.request = 1, .actor = RegistryStage::Root(), .name = "team", .settings = {}}).space->number;
  stage.host->Post(RemoveNamespace{.request = 2, .actor = RegistryStage::Root(), .name = "team"});
  stage.Await([&] { return stage.asked.size() == 1; });
  CHECK(stage.asked[0].first == number);
  CHECK(std::holds_alternative<CloseIfEmpty>(stage.asked[0].second));
  stage.host->Post(NamespaceClosed{number, {3}});
  stage.Await([&] { return stage.replies.contains(2); });
  CHECK(stage.replies.at(2).status.code() == Code::kConflict);

  stage.host->Post(RemoveNamespace{.request = 3, .actor = RegistryStage::Root(), .name = "team", .discard_pending = true});
  stage.Await([&] { return stage.asked.size() == 2; });
  CHECK(std::holds_alternative<CloseIfEmpty>(stage.asked[1].second));
  stage.host->Post(NamespaceClosed{number, {3}});
  stage.Await([&] { return stage.replies.contains(3); });
  CHECK(stage.replies.at(3).status.ok());
  stage.Await([&] { return stage.asked.size() == 3; });
  CHECK(std::holds_alternative<Drain>(stage.asked[2].second));
  NamespaceFigures figures;
  figures.totals.accepted = 3;
  stage.board.Put(number, figures);
  stage.host->Post(NamespaceDrained{number, {.accepted = 3, .cancelled = 3}});
  stage.Await([&] { return !stage.table->FindNamespace("team"); });
  // Its totals stay in the sums, once.
  CHECK(stage.board.Sum().totals.accepted == 3);
  CHECK(stage.board.Sum().totals.cancelled == 3);
  CHECK(stage.board.Figures(number).totals.accepted == 0);
  stage.Await([&] { return stage.gone == std::vector<std::string>{"team"}; });
  // Of several brokers another one has them in its sums from now on.
  figures.totals.accepted = 5;
  stage.board.Put(kDefaultNumber, figures);
  CHECK(stage.board.Sum().totals.accepted == 8);
  stage.Resign();
  CHECK(stage.board.Sum().totals.accepted == 5);
  CHECK(stage.board.Sum().totals.cancelled == 0);
}

}  // namespace notifyd::test
