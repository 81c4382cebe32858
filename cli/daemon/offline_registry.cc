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

/// A store that no broker has open, with its registry.
class OfflineRegistry {
 public:
  static Result<std::unique_ptr<OfflineRegistry>> Open(const Options& options) {
    Result<OpenedStore> opened = OpenOffline(options);
    if (!opened.ok()) return std::move(opened).status();
    std::unique_ptr<OfflineRegistry> out(new OfflineRegistry(std::move(opened->host)));
    Result<RegistryImage> image = out->store_->LoadRegistry();
    if (!image.ok()) return std::move(image).status();
    out->registry_.Load(image->head);
    out->tokens_ = image->tokens;
    for (auto& row : image->namespaces) out->registry_.Load(std::move(row));
    for (auto& row : image->tokens) out->registry_.Load(std::move(row));
    for (const auto& [id, used_at] : image->uses) out->registry_.LoadUse(id, used_at);
    out->store_->Start(&out->reports_);
    out->registry_.Begin({ReadWall(), {}}, &out->effects_);
    return out;
  }
  /// As the store's owner, who may do everything. Error: what it was refused for, or what failed.
  template <class Request>
  Status Do(Request request) {
    request.actor = {"the store's owner", Grant::Everything()};
    registry_.Step({ReadWall(), {}}, request, &effects_);
    Result<std::optional<RegistryReply>> reply = CarryOut(&registry_, store_.get(), &reports_, std::exchange(effects_, {}));
    if (!reply.ok()) return std::move(reply).status();
    CHECK(reply->has_value());
    return (*reply)->status;
  }
  /// As they were when it was opened.
  const std::vector<std::shared_ptr<const TokenRow>>& tokens() const { return tokens_; }
  Status Close() { return store_->Close(); }

 private:
  explicit OfflineRegistry(std::unique_ptr<StoreHost> store) : store_(std::move(store)), registry_(RegistryLimits{}) {}

  Reports reports_;  // the store's threads write to it until that is closed
  std::unique_ptr<StoreHost> store_;
  Registry registry_;
  RegistryEffects effects_;
  std::vector<std::shared_ptr<const TokenRow>> tokens_;
};

/// The first of them that failed.
Status FirstOf(Status done, Status closed) {
  return done.ok() ? std::move(closed) : std::move(done);
}

}  // namespace

Result<NewToken> MakeTokenInStore(const Options& options, const TokenSettings& wish) {
  Result<std::unique_ptr<OfflineRegistry>> opened = OfflineRegistry::Open(options);
  if (!opened.ok()) return std::move(opened).status();
  NewToken token = MakeToken();
  MakeTokenRequest request;
  request.id = token.id;
  request.name = wish.name.empty() ? token.id : wish.name;
  request.grant = wish.grant;
  request.signing = wish.signing;
  request.secret = KeepSecret(token.secret, wish.signing);
  Status made = (*opened)->Do(std::move(request));
  NOTIFYD_TRY(FirstOf(std::move(made), (*opened)->Close()));
  return token;
}

Result<size_t> SettleTokens(const Options& options, bool keep) {
  Result<std::unique_ptr<OfflineRegistry>> opened = OfflineRegistry::Open(options);
  if (!opened.ok()) return std::move(opened).status();
  size_t count = 0;
  Status done;
  for (const std::shared_ptr<const TokenRow>& row : (*opened)->tokens()) {
    if (keep || row->disabled) continue;
    ChangeToken change;
    change.id = row->id;
    change.name = row->name;
    change.grant = row->grant;
    change.disabled = true;
    done = (*opened)->Do(std::move(change));
    if (!done.ok()) break;
    ++count;
  }
  NOTIFYD_TRY(FirstOf(std::move(done), (*opened)->Close()));
  return count;
}

Result<std::string> RekeyStore(const Options& options) {
  Result<OpenedStore> opened = OpenOffline(options);
  if (!opened.ok()) return std::move(opened).status();
  Reports reports;
  opened->host->Start(&reports);
  const Status begun = opened->rekey();
  RekeyState state = opened->rekeyed();
  for (; begun.ok() && state.phase == RekeyState::Phase::kRunning; state = opened->rekeyed())
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  Status closed = opened->host->Close();
  if (!begun.ok()) return begun;
  if (state.phase != RekeyState::Phase::kDone) return Status(Code::kIo, state.detail);
  NOTIFYD_TRY(std::move(closed));
  return state.needed;
}

}  // namespace notifyd
