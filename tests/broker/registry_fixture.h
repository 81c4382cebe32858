// A registry and the rows that it wrote: what is durable, and what is not yet.
#pragma once

#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "broker/registry.h"

namespace notifyd {

/// What a store would hold.
struct RegistryRows {
  std::map<NamespaceNumber, std::shared_ptr<const NamespaceRow>> spaces;
  std::map<std::string, std::shared_ptr<const TokenRow>> tokens;
  std::map<std::string, WallTime> uses;
  RegistryHead head;
  std::vector<std::string> audit;

  static std::string TextOf(const AuditEntry& entry) { return entry.what + " " + entry.object + " by " + entry.who; }
  void Apply(const RegistryBatch& batch) {
    for (const RegistryWrite& write : batch.writes) {
      if (auto* put = std::get_if<PutNamespaceRow>(&write)) spaces[put->row->number] = put->row;
      if (auto* drop = std::get_if<DropNamespace>(&write)) spaces.erase(drop->number);
      if (auto* put = std::get_if<PutTokenRow>(&write)) tokens[put->row->id] = put->row;
      if (auto* drop = std::get_if<DropToken>(&write)) {
        tokens.erase(drop->id);
        uses.erase(drop->id);
      }
      if (auto* put = std::get_if<PutTokenUse>(&write)) uses[put->id] = put->used_at;
      if (auto* put = std::get_if<PutHead>(&write)) head = put->head;
      if (auto* entry = std::get_if<AuditEntry>(&write)) audit.push_back(TextOf(*entry));
    }
  }
};

struct RegistryStage {
  explicit RegistryStage(RegistryLimits given = {}) : limits(given) { Start(); }

  /// A process that finds `rows`.
  void Start() {
    registry = std::make_unique<Registry>(limits);
    registry->Load(rows.head);
    for (const auto& [number, row] : rows.spaces) registry->Load(row);
    for (const auto& [id, row] : rows.tokens) registry->Load(row);
    for (const auto& [id, used_at] : rows.uses) registry->LoadUse(id, used_at);
    batches.clear();
    published = nullptr;
    RegistryEffects out;
    registry->Begin(now, &out);
    Take(std::move(out));
  }
  void Step(const RegistryEvent& event) {
    RegistryEffects out;
    registry->Step(now, event, &out);
    Take(std::move(out));
  }
  /// The next batch that was not reported is written.
  void CommitOne() {
    REQUIRE(!batches.empty());
    rows.Apply(batches.front());
    const uint64_t number = batches.front().number;
    batches.pop_front();
    Step(RegistryCommitted{number});
  }
  void CommitAll() {
    while (!batches.empty()) CommitOne();
  }
  /// Steps, writes all that comes of it, and returns the reply to `request`.
  RegistryReply Ask(const RegistryEvent& event, uint64_t request) {
    Step(event);
    CommitAll();
    REQUIRE(replies.count(request) == 1);
    return replies.at(request);
  }
  void Take(RegistryEffects effects) {
    for (RegistryEffect& effect : effects) {
      if (auto* batch = std::get_if<RegistryBatch>(&effect)) batches.push_back(std::move(*batch));
      if (auto* reply = std::get_if<RegistryReply>(&effect)) {
        REQUIRE(replies.count(reply->request) == 0);
        replies.emplace(reply->request, *reply);
      }
      if (auto* table = std::get_if<PublishTable>(&effect)) published = table->table;
      if (auto* close = std::get_if<CloseNamespace>(&effect)) closes.push_back(close->number);
      if (auto* drain = std::get_if<DrainNamespace>(&effect)) drains.push_back(drain->number);
      if (auto* entry = std::get_if<AuditEntry>(&effect)) audit.push_back(RegistryRows::TextOf(*entry));
    }
  }

  static Actor Root() { return {"root", Grant::Everything()}; }
  static Actor AdminOf(std::vector<std::string> names, ScopeSet scopes = ScopeSet::All()) {
    Grant grant;
    grant.namespaces = NamespaceSet::Of(std::move(names));
    grant.scopes = scopes;
    return {"admin", grant};
  }
  static TokenSecret Secret(uint8_t mark, bool signing = false) {
    TokenSecret out;
    out.hash[0] = mark;
    if (signing) out.signing_key = Digest256{mark};
    return out;
  }
  static Grant Submits(std::vector<std::string> names) {
    Grant grant;
    grant.namespaces = NamespaceSet::Of(std::move(names));
    grant.scopes = {Scope::kSubmit};
    return grant;
  }

  RegistryLimits limits;
  Now now{WallTime{1'800'000'000'000}, MonoTime{0}};
  std::unique_ptr<Registry> registry;
  RegistryRows rows;
  std::deque<RegistryBatch> batches;
  std::map<uint64_t, RegistryReply> replies;
  std::shared_ptr<const AccessTable> published;
  std::vector<NamespaceNumber> closes, drains;
  std::vector<std::string> audit;  // as it was told of
};

}  // namespace notifyd
