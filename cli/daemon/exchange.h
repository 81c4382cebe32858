// Exchange: the Switchboard of the process. Connected once the shards are there, before any of it runs; what is posted before that, or after it was
// disconnected, is dropped.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "broker/ports.h"
#include "cli/daemon/attempt_log.h"
#include "cli/daemon/registry_host.h"
#include "cli/daemon/shard.h"
#include "net/access/audit_bytes.h"

namespace notifyd {

class Exchange : public Switchboard {
 public:
  /// All borrowed. Namespace n lives in shard n modulo their number.
  void Connect(std::vector<Shard*> shards, RegistryHost* registry, StoreHost* store) {
    shards_ = std::move(shards);
    registry_ = registry;
    store_ = store;
  }
  void Disconnect() { Connect({}, nullptr, nullptr); }
  /// Among several members, of which another one has the registry: takes requests to it. Before any of it runs.
  void OnNoRegistry(std::function<void(uint64_t request)> refuse) { refuse_ = std::move(refuse); }
  /// It is here from now on. Any thread.
  void SetRegistry(RegistryHost* registry) { registry_ = registry; }

  /// Counts what the audit has from now on. Before any of it runs.
  void SetAuditBytes(std::shared_ptr<AuditBytes> bytes) { audit_bytes_ = std::move(bytes); }
  /// Logs an entry that is written, and counts it. Any thread.
  void Told(const AuditEntry& entry) {
    LogAudit(entry);
    if (audit_bytes_) audit_bytes_->Add(entry);
  }

  Shard* ShardOf(NamespaceNumber number) const { return shards_[number % shards_.size()]; }

  void Post(NamespaceNumber to, Event event) override {
    if (!shards_.empty()) ShardOf(to)->Post(to, std::move(event));
  }
  void Post(RegistryEvent event) override {
    if (RegistryHost* registry = registry_) return registry->Post(std::move(event));
    if (!refuse_) return;
    const auto refuse = [this](const auto& each) {
      if constexpr (requires { each.request; }) refuse_(each.request);
    };
    std::visit(refuse, event);
  }
  void Audit(AuditEntry entry, std::function<void()> durable) override {
    Told(entry);
    if (store_) store_->Audit(std::move(entry), std::move(durable));
  }

 private:
  std::vector<Shard*> shards_;
  std::atomic<RegistryHost*> registry_ = nullptr;
  std::function<void(uint64_t)> refuse_;
  StoreHost* store_ = nullptr;
  std::shared_ptr<AuditBytes> audit_bytes_;  // null: it is not counted
};

/// Takes what becomes of attempts to the namespaces that their notifies' ids name.
class AttemptEnds : public EventSink {
 public:
  explicit AttemptEnds(Switchboard* switchboard) : switchboard_(switchboard) {}
  /// Whoever begins attempts that are no core's: true of those. Before any of it runs.
  void OnOthers(std::function<bool(const AttemptEnded&)> take) { take_ = std::move(take); }
  void Post(Event event) override {
    const auto* ended = std::get_if<AttemptEnded>(&event);
    if (ended && take_ && take_(*ended)) return;
    const auto* reached = std::get_if<AttemptReached>(&event);
    const NamespaceNumber number = ended ? ended->id.number() : reached ? reached->id.number() : kDefaultNumber;
    switchboard_->Post(number, std::move(event));
  }

 private:
  Switchboard* switchboard_;
  std::function<bool(const AttemptEnded&)> take_;
};

}  // namespace notifyd
