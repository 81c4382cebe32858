#include "cli/daemon/offline_registry.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "broker/registry.h"
#include "cli/daemon/clocks.h"
#include "cli/daemon/store_engines.h"

namespace notifyd {
namespace {

/// What the store says from its own threads, waited for.
class Reports final : public StoreEvents {
 public:
  void OnRegistryCommitted(uint64_t number) override {
    std::lock_guard lock(mutex_);
    committed_ = number;
    changed_.notify_all();
  }
  void OnWriteFailed(Status status) override {
    std::lock_guard lock(mutex_);
    failed_ = std::move(status);
    changed_.notify_all();
  }
  Status WaitFor(uint64_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return committed_ >= number || !failed_.ok(); });
    return committed_ >= number ? Status::Ok() : failed_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t committed_ = 0;
  Status failed_;
};

/// Carries out what must happen, until all of it is durable; what is for cores waits for the broker's next start. The reply, where one came.
Result<std::optional<RegistryReply>> CarryOut(Registry* registry, StoreHost* store, Reports* reports, RegistryEffects effects) {
  std::optional<RegistryReply> reply;
  while (!effects.empty()) {
    RegistryEffects next;
    for (RegistryEffect& effect : effects) {
      if (auto* batch = std::get_if<RegistryBatch>(&effect)) {
        const uint64_t number = batch->number;
        store->Commit(std::move(*batch));
        NOTIFYD_TRY(reports->WaitFor(number));
        registry->Step({ReadWall(), {}}, RegistryCommitted{number}, &next);
      } else if (auto* entry = std::get_if<AuditEntry>(&effect)) {
        store->Audit(std::move(*entry));
      } else if (auto* answer = std::get_if<RegistryReply>(&effect)) {
        reply = std::move(*answer);
      }
    }
    effects = std::move(next);
  }
  return reply;
}

Result<OpenedStore> OpenOffline(const Options& options) {
  StoreOptions store_options = options.store;
  store_options.wall_ms = [] { return ReadWall().ms; };
  return OpenStoreHost(store_options);
}

}  // namespace

Status RekeyStore(const Options& options) {
  Result<OpenedStore> opened = OpenOffline(options);
  if (!opened.ok()) return std::move(opened).status();
  Reports reports;
  opened->host->Start(&reports);
  Status begun = opened->rekey();
  RekeyState state = opened->rekeyed();
  for (; begun.ok() && state.phase == RekeyState::Phase::kRunning; state = opened->rekeyed())
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  Status closed = opened->host->Close();
  if (!begun.ok()) return begun;
  return state.phase == RekeyState::Phase::kDone ? closed : Status(Code::kIo, state.detail);
}

Result<NewToken> MakeTokenInStore(const Options& options, const TokenSettings& wish) {
  Result<OpenedStore> opened = OpenOffline(options);
  if (!opened.ok()) return std::move(opened).status();
  StoreHost& store = *opened->host;
  Result<RegistryImage> image = store.LoadRegistry();
  if (!image.ok()) return std::move(image).status();
  Registry registry(RegistryLimits{});
  registry.Load(image->head);
  for (auto& row : image->namespaces) registry.Load(std::move(row));
  for (auto& row : image->tokens) registry.Load(std::move(row));
  for (const auto& [id, used_at] : image->uses) registry.LoadUse(id, used_at);
  Reports reports;
  store.Start(&reports);

  NewToken token = MakeToken();
  RegistryEffects effects;
  registry.Begin({ReadWall(), {}}, &effects);
  MakeTokenRequest request;
  request.actor = {"the store's owner", Grant::Everything()};
  request.id = token.id;
  request.name = wish.name.empty() ? token.id : wish.name;
  request.grant = wish.grant;
  request.signing = wish.signing;
  request.secret = KeepSecret(token.secret, wish.signing);
  registry.Step({ReadWall(), {}}, request, &effects);
  Result<std::optional<RegistryReply>> reply = CarryOut(&registry, &store, &reports, std::move(effects));
  Status closed = store.Close();
  if (!reply.ok()) return std::move(reply).status();
  CHECK(reply->has_value());
  if (!(*reply)->status.ok()) return (*reply)->status;
  if (!closed.ok()) return closed;
  return token;
}

}  // namespace notifyd
