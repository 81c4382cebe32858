// Tokens.
#include <algorithm>

#include "base/check.h"
#include "base/time.h"
#include "base/utf8.h"
#include "broker/registry.h"

namespace notifyd {
namespace {

constexpr size_t kMostNameBytes = 100;
constexpr int64_t kMostGraceMs = 30LL * 24 * 3600 * 1000;
constexpr int64_t kMinuteMs = 60'000;
constexpr size_t kMostListed = 1000;

bool Holds(const Precondition& precondition, const TokenRow& row) {
  return !precondition.absent && (!precondition.version || *precondition.version == row.version);
}

Status CheckExpiry(const Now& now, const Grant& grant) {
  return grant.ExpiredAt(now.wall) ? Status(Code::kUnacceptable, "that time is over", "/expires_at") : Status::Ok();
}

AuditEntry Entry(const Now& now, const Actor& actor, std::string what, const std::shared_ptr<const TokenRow>& row) {
  const std::vector<std::string>& spaces = row->grant.namespaces.names;
  return {.at = now.wall,
          .who = actor.name,
          .what = std::move(what),
          .object = row->id,
          .from = actor.from,
          .space = spaces.size() == 1 ? spaces.front() : std::string(),
          .said = actor.said};
}

}  // namespace

std::shared_ptr<const TokenRow> Registry::Visible(uint64_t request, const Actor& actor, const std::string& id, RegistryEffects* out) {
  std::shared_ptr<const TokenRow> row = table_.FindToken(id);
  if (row && SeesToken(actor.grant, *row)) return row;
  Refuse(request, Status(Code::kNotFound, "there is no such token"), out);
  return nullptr;
}

Status Registry::CheckNewGrant(const Actor& actor, const std::string& name, const Grant& grant) const {
  if (name.empty() || name.size() > kMostNameBytes || !IsValidUtf8(name))
    return Status(Code::kUnacceptable, "a token's name has 1 to " + std::to_string(kMostNameBytes) + " bytes", "/name");
  if (Status status = CheckGrant(grant); !status.ok()) return status;
  if (Status status = LiesWithin(grant, actor.grant); !status.ok()) return status;
  for (size_t i = 0; i < grant.namespaces.names.size(); ++i) {
    const std::shared_ptr<const NamespaceRow> space = table_.FindNamespace(grant.namespaces.names[i]);
    if (!space || space->deleting)
      return Status(Code::kUnacceptable, "there is no namespace \"" + grant.namespaces.names[i] + "\"", "/namespaces/" + std::to_string(i));
  }
  return Status::Ok();
}

Status Registry::CheckPlaces(const Actor& actor, const Grant& grant) const {
  if (table_.tokens() >= limits_.max_tokens)
    return Status(Code::kTooMany, "there are " + std::to_string(limits_.max_tokens) + " tokens: remove those that nobody uses");
  if (actor.grant.IsAdminOfAll()) return Status::Ok();
  if (table_.tokens() >= limits_.MostOfSome())
    return Status(Code::kTooMany, "there are " + std::to_string(limits_.MostOfSome()) +
                                      " tokens: the last places are for admins of all namespaces; remove those that nobody uses");
  for (const std::string& name : grant.namespaces.names) {
    const auto is_of_it = [&](const TokenRow& row) { return !row.grant.namespaces.all && row.grant.namespaces.Has(name); };
    if (table_.tokens() >= limits_.MostOfOne() && table_.CountTokens(is_of_it) >= limits_.MostOfOne())
      return Status(Code::kTooMany, "the namespace \"" + name + "\" has " + std::to_string(limits_.MostOfOne()) +
                                        " tokens, a tenth of all there may be: remove those that nobody uses");
  }
  return Status::Ok();
}

void Registry::On(const Now& now, const MakeTokenRequest& event, RegistryEffects* out) {
  if (!event.actor.grant.scopes.Has(Scope::kAdmin)) return Refuse(event.request, Status(Code::kForbidden, "this needs the scope admin"), out);
  if (Status status = CheckNewGrant(event.actor, event.name, event.grant); !status.ok()) return Refuse(event.request, std::move(status), out);
  if (Status status = CheckExpiry(now, event.grant); !status.ok()) return Refuse(event.request, std::move(status), out);
  if (Status status = CheckPlaces(event.actor, event.grant); !status.ok()) return Refuse(event.request, std::move(status), out);
  CHECK(IsTokenId(event.id));
  CHECK(event.secret.signing_key.has_value() == event.signing);
  if (table_.FindToken(event.id)) return Stale(event.request, out);
  TokenRow row;
  row.id = event.id;
  row.name = event.name;
  row.grant = event.grant;
  row.signing = event.signing;
  row.secret = event.secret;
  row.created_by = event.actor.name;
  row.created_at = now.wall;
  Draft draft;
  Put(std::move(row), &draft);
  RegistryReply reply{.request = event.request, .created = true, .token = table_.FindToken(event.id)};
  Commit(std::move(draft), {Entry(now, event.actor, "token_made", reply.token), std::move(reply)}, out);
}

void Registry::On(const Now& now, const ChangeToken& event, RegistryEffects* out) {
  const std::shared_ptr<const TokenRow> old = Visible(event.request, event.actor, event.id, out);
  if (!old) return;
  if (Status status = LiesWithin(old->grant, event.actor.grant); !status.ok()) return Refuse(event.request, std::move(status), out);
  if (!Holds(event.precondition, *old)) return Stale(event.request, out);
  TokenRow row = *old;
  row.name = event.name;
  row.grant = event.grant;
  row.disabled = event.disabled;
  if (row == *old) return Reply({.request = event.request, .token = old}, out);
  if (Status status = CheckNewGrant(event.actor, event.name, event.grant); !status.ok()) return Refuse(event.request, std::move(status), out);
  // One that is over already may be disabled, or called otherwise.
  if (event.grant.expires_at != old->grant.expires_at)
    if (Status status = CheckExpiry(now, event.grant); !status.ok()) return Refuse(event.request, std::move(status), out);
  Draft draft;
  Put(std::move(row), &draft);
  RegistryReply reply{.request = event.request, .token = table_.FindToken(event.id)};
  Commit(std::move(draft), {Entry(now, event.actor, "token_changed", reply.token), std::move(reply)}, out);
}

void Registry::On(const Now& now, const RotateToken& event, RegistryEffects* out) {
  const std::shared_ptr<const TokenRow> old = Visible(event.request, event.actor, event.id, out);
  if (!old) return;
  if (Status status = LiesWithin(old->grant, event.actor.grant); !status.ok()) return Refuse(event.request, std::move(status), out);
  if (event.grace_ms < 0 || event.grace_ms > kMostGraceMs)
    return Refuse(event.request, Status(Code::kUnacceptable, "it is 0 to 30 days", "/grace_ms"), out);
  if (!Holds(event.precondition, *old) || event.secret.signing_key.has_value() != old->signing) return Stale(event.request, out);
  // One earlier secret counts: who has been promised that his does for so long keeps it, unless all earlier ones are to end at once.
  if (event.grace_ms > 0 && old->old_secret && old->old_until > now.wall)
    return Refuse(event.request,
                  Status(Code::kConflict, "the secret of before the last rotation counts until " + FormatRfc3339(old->old_until) +
                                              ": rotate after that, or without grace_ms, which ends all earlier secrets at once"),
                  out);
  TokenRow row = *old;
  row.old_secret.reset();
  row.old_until = WallTime{};
  if (event.grace_ms > 0) {
    row.old_secret = row.secret;
    row.old_until = WallTime{now.wall.ms + event.grace_ms};
  }
  row.secret = event.secret;
  Draft draft;
  Put(std::move(row), &draft);
  RegistryReply reply{.request = event.request, .token = table_.FindToken(event.id)};
  Commit(std::move(draft), {Entry(now, event.actor, "token_rotated", reply.token), std::move(reply)}, out);
}

void Registry::On(const Now& now, const RemoveToken& event, RegistryEffects* out) {
  const std::shared_ptr<const TokenRow> old = Visible(event.request, event.actor, event.id, out);
  if (!old) return;
  if (Status status = LiesWithin(old->grant, event.actor.grant); !status.ok()) return Refuse(event.request, std::move(status), out);
  if (!Holds(event.precondition, *old)) return Stale(event.request, out);
  Draft draft;
  Drop(event.id, &draft);
  ++head_.version;
  RegistryReply reply{.request = event.request, .token = old};
  Commit(std::move(draft), {Entry(now, event.actor, "token_removed", reply.token), std::move(reply)}, out);
}

void Registry::On(const Now&, const ListTokens& event, RegistryEffects* out) {
  auto seen = [&](const std::shared_ptr<const TokenRow>& row) {
    auto use = uses_.find(row->id);
    return TokenSeen{row, use == uses_.end() ? std::nullopt : std::optional(use->second)};
  };
  RegistryReply reply{.request = event.request};
  if (event.only) {
    const std::shared_ptr<const TokenRow> row = Visible(event.request, event.actor, *event.only, out);
    if (!row) return;
    reply.tokens.push_back(seen(row));
    return Reply(std::move(reply), out);
  }
  const size_t limit = std::min(event.limit, kMostListed);
  auto wanted = [&](const TokenRow& row) { return row.id > event.after && SeesToken(event.actor.grant, row); };
  std::vector<AccessTable::TokenPointer> rows = table_.SelectTokens(wanted, limit + 1);
  reply.more = rows.size() > limit;
  if (reply.more) rows.pop_back();
  for (const AccessTable::TokenPointer& row : rows) reply.tokens.push_back(seen(row));
  Reply(std::move(reply), out);
}

void Registry::On(const Now& now, const TokenUsed& event, RegistryEffects*) {
  const WallTime minute{now.wall.ms - now.wall.ms % kMinuteMs};
  // It may have been removed, or told by another loop, meanwhile.
  if (!table_.FindToken(event.id)) return;
  auto [place, is_new] = uses_.emplace(event.id, minute);
  if (!is_new && place->second >= minute) return;
  place->second = minute;
  unwritten_uses_.insert(event.id);
}

}  // namespace notifyd
