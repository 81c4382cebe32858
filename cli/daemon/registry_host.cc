#include "cli/daemon/registry_host.h"

#include <utility>

namespace notifyd {
namespace {

/// How often uses of tokens are written.
constexpr int64_t kTickMs = 1000;

}  // namespace

void RegistryHost::Load(const RegistryImage& image) {
  LoadRows(image);
  setup_.board->SetRemoved(image.head.removed);
}

void RegistryHost::LoadRows(const RegistryImage& image) {
  registry_.emplace(limits_);
  registry_->Load(image.head);
  for (const auto& row : image.namespaces) registry_->Load(row);
  for (const auto& row : image.tokens) registry_->Load(row);
  for (const auto& [id, used_at] : image.uses) registry_->LoadUse(id, used_at);
}

void RegistryHost::Follow(const RegistryImage& image) {
  LoadRows(image);
  for (const auto& row : registry_->decided().AllNamespaces()) {
    const std::shared_ptr<const NamespaceRow> old = published_ ? published_->FindNamespace(row->number) : nullptr;
    const NamespaceSettings nothing_said, &before = old ? old->settings : nothing_said, &now = row->settings;
    if (before.retention_succeeded_ms != now.retention_succeeded_ms || before.retention_settled_ms != now.retention_settled_ms) SetRetention(*row);
  }
  PublishDecided();
}

void RegistryHost::PublishDecided() {
  if (published_)
    for (const auto& row : published_->AllNamespaces())
      if (!registry_->decided().FindNamespace(row->number)) TellGone(row->number);
  published_ = std::make_shared<const AccessTable>(registry_->decided());
  setup_.publish(published_);
}

void RegistryHost::Begin() {
  writes_ = true;
  for (const auto& row : registry_->decided().AllNamespaces())
    if (row->settings.retention_succeeded_ms || row->settings.retention_settled_ms) SetRetention(*row);
  RegistryEffects effects;
  registry_->Begin(Read(), &effects);
  // In a new store the first rows are not durable yet: they will be the same, whenever they are made.
  PublishDecided();
  CarryOut(std::move(effects));
}

void RegistryHost::Post(RegistryEvent event) {
  setup_.loop->Post([this, event = std::make_shared<RegistryEvent>(std::move(event))] { Step(*event); });
}

void RegistryHost::Resign(std::function<void()> then) {
  resigned_ = std::move(then);
  Step(RegistryTick{});  // uses of tokens that are not written yet
}

/// What is asked once it resigns; what belongs to what was begun is heard until that has ended.
bool RegistryHost::Refuses(const RegistryEvent& event) {
  if (writes_ && !resigned_) return false;
  const auto request = [](const auto& each) -> std::optional<uint64_t> {
    if constexpr (requires { each.request; }) return each.request;
    else return std::nullopt;
  };
  const std::optional<uint64_t> asked = std::visit(request, event);
  if (asked) setup_.reply({.request = *asked, .status = Status(Code::kUnavailable, "another broker keeps namespaces and tokens")});
  return asked || !writes_ || std::holds_alternative<TokenUsed>(event);
}

void RegistryHost::Step(const RegistryEvent& event) {
  if (Refuses(event)) return;
  RegistryEffects effects;
  registry_->Step(Read(), event, &effects);
  CarryOut(std::move(effects));
  if (resigned_ && registry_->idle()) {
    writes_ = false;
    // Whoever has the registry from now on counts them.
    setup_.board->SetRemoved({});
    return std::exchange(resigned_, nullptr)();
  }
  ArmTick();
}

void RegistryHost::CarryOut(RegistryEffects effects) {
  for (RegistryEffect& effect : effects) std::visit([this](auto& each) { Do(each); }, effect);
}

void RegistryHost::Do(RegistryBatch& batch) {
  for (const RegistryWrite& write : batch.writes) {
    if (const auto* put = std::get_if<PutNamespaceRow>(&write)) unpublished_.push_back(put->row);
    if (const auto* drop = std::get_if<DropNamespace>(&write)) {
      setup_.board->Remove(drop->number, registry_->head().removed);
      TellGone(drop->number);
    }
  }
  setup_.store->Commit(std::move(batch));
}

void RegistryHost::TellGone(NamespaceNumber number) {
  const std::shared_ptr<const NamespaceRow> row = published_ ? published_->FindNamespace(number) : nullptr;
  if (row && setup_.gone) setup_.gone(row->name);
}

void RegistryHost::Do(PublishTable& publish) {
  for (const auto& row : std::exchange(unpublished_, {})) {
    const std::shared_ptr<const NamespaceRow> old = published_ ? published_->FindNamespace(row->number) : nullptr;
    const NamespaceSettings& now = row->settings;
    if (old && old->settings.retention_succeeded_ms == now.retention_succeeded_ms && old->settings.retention_settled_ms == now.retention_settled_ms)
      continue;
    SetRetention(*row);
    // What is over by now is to give its room back.
    if (old) setup_.store->CompactNamespace(row->number);
  }
  published_ = publish.table;
  setup_.publish(std::move(publish.table));
}

void RegistryHost::SetRetention(const NamespaceRow& row) {
  setup_.store->SetRetention(row.number, row.settings.retention_succeeded_ms, row.settings.retention_settled_ms);
}

void RegistryHost::ArmTick() {
  if (armed_ || !registry_->wants_tick()) return;
  armed_ = true;
  setup_.loop->SetTimer(kTimerSlot, kTickMs, [this] {
    armed_ = false;
    Step(RegistryTick{});
  });
}

}  // namespace notifyd
