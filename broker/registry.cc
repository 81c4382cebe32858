// Loading, durability, dispatch. What each request means is in registry_namespaces.cc and registry_tokens.cc.
#include "broker/registry.h"

#include <algorithm>

#include "base/check.h"

namespace notifyd {
namespace {

/// Uses in one batch.
constexpr size_t kMostUsesWritten = 4096;

}  // namespace

RemovedTotals& RemovedTotals::operator+=(const RemovedTotals& other) {
  accepted += other.accepted;
  revived += other.revived;
  succeeded += other.succeeded;
  failed += other.failed;
  cancelled += other.cancelled;
  expired += other.expired;
  attempts += other.attempts;
  retries += other.retries;
  return *this;
}

void Registry::Load(std::shared_ptr<const NamespaceRow> row) {
  const std::string name = row->name;
  table_.PutNamespace(name, std::move(row));
}

void Registry::Load(std::shared_ptr<const TokenRow> row) {
  const std::string id = row->id;
  table_.PutToken(id, std::move(row));
}

void Registry::LoadUse(const std::string& id, WallTime used_at) {
  uses_[id] = used_at;
}

void Registry::Begin(const Now& now, RegistryEffects* out) {
  Draft draft;
  for (const auto& [name, number] : {std::pair(kDefaultNamespace, kDefaultNumber), std::pair(kSystemNamespace, kSystemNumber)}) {
    if (table_.FindNamespace(name)) continue;
    NamespaceRow row;
    row.name = name;
    row.number = number;
    row.created_at = now.wall;
    Put(std::move(row), &draft);
  }
  RegistryEffects then;
  for (const AccessTable::NamespacePointer& row : table_.AllNamespaces())
    if (row->deleting) then.push_back(DrainNamespace{row->number});
  if (draft.rows) return Commit(std::move(draft), std::move(then), out);
  out->push_back(PublishTable{std::make_shared<const AccessTable>(table_)});
  for (RegistryEffect& effect : then) out->push_back(std::move(effect));
}

void Registry::Step(const Now& now, const RegistryEvent& event, RegistryEffects* out) {
  std::visit([&](const auto& each) { On(now, each, out); }, event);
}

void Registry::Put(NamespaceRow row, Draft* draft) {
  row.version = ++head_.version;
  auto shared = std::make_shared<const NamespaceRow>(std::move(row));
  table_.PutNamespace(shared->name, shared);
  draft->writes.push_back(PutNamespaceRow{std::move(shared)});
  draft->rows = true;
}

void Registry::Put(TokenRow row, Draft* draft) {
  row.version = ++head_.version;
  auto shared = std::make_shared<const TokenRow>(std::move(row));
  table_.PutToken(shared->id, shared);
  draft->writes.push_back(PutTokenRow{std::move(shared)});
  draft->rows = true;
}

void Registry::Drop(const std::string& token_id, Draft* draft) {
  table_.PutToken(token_id, nullptr);
  uses_.erase(token_id);
  unwritten_uses_.erase(token_id);
  draft->writes.push_back(DropToken{token_id});
  draft->rows = true;
}

void Registry::WriteUses(Draft* draft) {
  for (size_t i = 0; i < kMostUsesWritten && !unwritten_uses_.empty(); ++i) {
    auto first = unwritten_uses_.begin();
    draft->writes.push_back(PutTokenUse{*first, uses_.at(*first)});
    unwritten_uses_.erase(first);
  }
}

void Registry::Commit(Draft draft, RegistryEffects then, RegistryEffects* out) {
  WriteUses(&draft);
  for (const RegistryEffect& effect : then)
    if (const auto* entry = std::get_if<AuditEntry>(&effect)) draft.writes.push_back(*entry);
  if (draft.rows) {
    draft.writes.push_back(PutHead{head_});
    then.insert(then.begin(), PublishTable{std::make_shared<const AccessTable>(table_)});
  }
  out->push_back(RegistryBatch{++last_batch_, draft.rows, std::move(draft.writes)});
  waiting_.push_back({last_batch_, std::move(then)});
}

void Registry::Reply(RegistryReply reply, RegistryEffects* out) {
  if (durable_batch_ == last_batch_) out->push_back(std::move(reply));
  else waiting_.back().effects.push_back(std::move(reply));
}

void Registry::Stale(uint64_t request, RegistryEffects* out) {
  Reply({.request = request,
         .status = Status(Code::kConflict, "the request's condition does not hold: it is not any more what was read (If-Match)"),
         .stale = true},
        out);
}

void Registry::On(const Now&, const RegistryCommitted& event, RegistryEffects* out) {
  CHECK(event.number <= last_batch_);
  durable_batch_ = std::max(durable_batch_, event.number);
  while (!waiting_.empty() && waiting_.front().batch <= durable_batch_) {
    for (RegistryEffect& effect : waiting_.front().effects) out->push_back(std::move(effect));
    waiting_.pop_front();
  }
}

void Registry::On(const Now& now, const RegistryTick&, RegistryEffects* out) {
  if (!unwritten_uses_.empty()) Commit({}, {}, out);
  DiscardUnanswered(now, out);
}

}  // namespace notifyd
