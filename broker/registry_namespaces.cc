// Namespaces and their signing keys.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "broker/registry.h"

namespace notifyd {
namespace {

/// Longer than a lease lasts, and than it takes to see that: whoever served it then has let go of it, or can write nothing of it.
constexpr int64_t kMostCloseMs = 10'000;
constexpr size_t kMostKeys = 16;
constexpr int64_t kMostOverlapMs = 30LL * 24 * 3600 * 1000;
constexpr size_t kLeastKeyBytes = 24, kMostKeyBytes = 64;  // as the reference's
constexpr size_t kSeedBytes = 32;

bool MayChange(const Actor& actor, const std::string& name) {
  return actor.grant.scopes.Has(Scope::kAdmin) && actor.grant.namespaces.Has(name);
}

Status NeedsAll(std::string field) {
  return Status(Code::kForbidden, "this needs the scope admin in a token of all namespaces (\"*\")", std::move(field));
}

bool Holds(const Precondition& precondition, uint64_t version) {
  return !precondition.absent && (!precondition.version || *precondition.version == version);
}

AuditEntry Entry(const Now& now, const Actor& actor, std::string what, const std::string& space, std::string object) {
  return {.at = now.wall,
          .who = actor.name,
          .what = std::move(what),
          .object = std::move(object),
          .from = actor.from,
          .space = space,
          .said = actor.said};
}

/// Another cell is where it is to be moved, the one in which it lies calls that off, and whoever says nothing of it leaves it as it is.
Status Aim(const NamespaceSettings& asked, NamespaceRow* row) {
  const std::string now = row->settings.cell.value_or(kHomeCell);
  const std::optional<std::string> cell = row->settings.cell;
  row->settings = asked;
  row->settings.cell = cell;
  if (!asked.cell) return Status::Ok();
  if (*asked.cell == now) {
    row->moving_to.reset();
    return Status::Ok();
  }
  if (row->number <= kSystemNumber) return Status(Code::kConflict, "the namespace \"" + row->name + "\" stays in the home cell", "/cell");
  row->moving_to = asked.cell;
  return Status::Ok();
}

Status CheckKey(const SigningKey& key, int64_t overlap_ms) {
  auto bad = [](const char* field, const char* detail) { return Status(Code::kUnacceptable, detail, field); };
  if (!IsNamespaceName(key.name)) return bad("/name", "a name has 1 to 63 of a-z, 0-9 and \"-\", and does not begin with one");
  const size_t size = key.secret.size();
  if (key.kind == SigningKind::kEd25519 ? size != kSeedBytes : size < kLeastKeyBytes || size > kMostKeyBytes)
    return bad("/key", "a key has 24 to 64 bytes, one of Ed25519 32");
  if (overlap_ms < 0 || overlap_ms > kMostOverlapMs) return bad("/overlap_ms", "it is out of its range");
  return Status::Ok();
}

}  // namespace

void Registry::On(const Now& now, const PutNamespace& event, RegistryEffects* out) {
  const std::shared_ptr<const NamespaceRow> old = table_.FindNamespace(event.name);
  if (!old) {
    if (!event.actor.grant.IsAdminOfAll()) return Refuse(event.request, NeedsAll({}), out);
    if (event.precondition.version) return Stale(event.request, out);
    if (!IsNamespaceName(event.name)) {
      return Refuse(event.request, Status(Code::kUnacceptable, "a name has 1 to 63 of a-z, 0-9 and \"-\", and does not begin with one", "/name"),
                    out);
    }
    if (Status status = CheckSettings(event.settings); !status.ok()) return Refuse(event.request, std::move(status), out);
    if (head_.next_number > kMostNumber) {
      return Refuse(event.request, Status(Code::kDiskFull, "all numbers of namespaces were given: a store has 32,767 in its life"), out);
    }
    NamespaceRow row;
    row.name = event.name;
    row.number = static_cast<NamespaceNumber>(head_.next_number++);
    row.created_at = now.wall;
    row.settings = event.settings;
    if (row.settings.cell == kHomeCell) row.settings.cell.reset();
    Draft draft;
    Put(std::move(row), &draft);
    RegistryReply reply{.request = event.request, .created = true, .space = table_.FindNamespace(event.name)};
    return Commit(std::move(draft), {Entry(now, event.actor, "namespace_made", event.name, event.name), std::move(reply)}, out);
  }
  if (!Changeable(event.request, event.actor, event.name, out)) return;
  if (event.precondition.absent) {
    Status there(Code::kConflict, "namespace \"" + event.name + "\" is there already");
    return Reply({.request = event.request, .status = std::move(there), .stale = true}, out);
  }
  if (!Holds(event.precondition, old->version)) return Stale(event.request, out);
  if (Status status = CheckSettings(event.settings); !status.ok()) return Refuse(event.request, std::move(status), out);
  NamespaceRow row = *old;
  if (Status status = Aim(event.settings, &row); !status.ok()) return Refuse(event.request, std::move(status), out);
  if (!event.actor.grant.IsAdminOfAll()) {
    std::string field = NeedsAdminOfAll(old->settings, row.settings, limits_.defaults);
    if (field.empty() && row.moving_to != old->moving_to) field = "/cell";
    if (!field.empty()) return Refuse(event.request, NeedsAll(std::move(field)), out);
  }
  if (row == *old) return Reply({.request = event.request, .space = old}, out);
  Draft draft;
  Put(std::move(row), &draft);
  RegistryReply reply{.request = event.request, .space = table_.FindNamespace(event.name)};
  Commit(std::move(draft), {Entry(now, event.actor, "namespace_changed", event.name, event.name), std::move(reply)}, out);
}

std::shared_ptr<const NamespaceRow> Registry::Changeable(uint64_t request, const Actor& actor, const std::string& name, RegistryEffects* out) {
  // By the grant alone, whether it exists or not.
  if (!MayChange(actor, name)) {
    Refuse(request, Status(Code::kForbidden, "this token is not an admin of the namespace"), out);
    return nullptr;
  }
  std::shared_ptr<const NamespaceRow> row = table_.FindNamespace(name);
  if (!row) {
    Refuse(request, Status(Code::kNotFound, "there is no namespace \"" + name + "\""), out);
  } else if (row->deleting || closing_.contains(row->number)) {
    Refuse(request, Status(Code::kConflict, "the namespace is being removed"), out);
    row = nullptr;
  }
  return row;
}

void Registry::On(const Now& now, const RemoveNamespace& event, RegistryEffects* out) {
  if (!event.actor.grant.IsAdminOfAll()) return Refuse(event.request, NeedsAll({}), out);
  if (TookOver(now, event, out)) return;
  const std::shared_ptr<const NamespaceRow> row = Changeable(event.request, event.actor, event.name, out);
  if (!row) return;
  if (row->number == kDefaultNumber || row->number == kSystemNumber)
    return Refuse(event.request, Status(Code::kConflict, "the namespace \"" + event.name + "\" exists always"), out);
  if (!Holds(event.precondition, row->version)) return Stale(event.request, out);
  // It takes nothing any more once this is answered, also by whoever has not heard of it. So its core is asked where the registry is, behind whoever
  // had it.
  closing_.emplace(row->number, Closing{event, now.mono});
  out->push_back(CloseNamespace{row->number});
}

/// A removal that waits for a core, maybe for as long as its cell is away, gives way to one that discards what is pending, for which nobody must answer.
bool Registry::TookOver(const Now& now, const RemoveNamespace& event, RegistryEffects* out) {
  const std::shared_ptr<const NamespaceRow> row = table_.FindNamespace(event.name);
  const auto closing = row && event.discard_pending ? closing_.find(row->number) : closing_.end();
  if (closing == closing_.end() || closing->second.asked.discard_pending || !Holds(event.precondition, row->version)) return false;
  const Closing before = std::exchange(closing->second, Closing{event, now.mono});
  Refuse(before.asked.request, Status(Code::kConflict, "the namespace is being removed, by another request, with what is pending in it"), out);
  return true;
}

namespace {

/// What of it keeps a namespace from being removed. What is promised is made by items of the agenda.
std::string TextOf(const WorkLeft& left) {
  std::string text;
  const auto add = [&](uint64_t count, const char* what) {
    if (count > 0) text += (text.empty() ? "" : ", and ") + std::to_string(count) + what;
  };
  add(left.pending, " pending notifies");
  if (left.promised > 0) add(left.promised, " notifies still to be made of events");
  else add(left.begun, " replays, events or callbacks of groups still under way");
  return text;
}

}  // namespace

void Registry::On(const Now& now, const NamespaceClosed& event, RegistryEffects* out) {
  auto found = closing_.find(event.number);
  if (found == closing_.end()) return;
  if (event.left.none() || found->second.asked.discard_pending) return MarkDeleting(now, event.number, out);
  const Status status(Code::kConflict, "there are " + TextOf(event.left) + " in it: discard_pending=true cancels them");
  Refuse(closing_.extract(found).mapped().asked.request, status, out);
}

void Registry::DiscardUnanswered(const Now& now, RegistryEffects* out) {
  std::vector<NamespaceNumber> numbers;
  for (const auto& [number, closing] : closing_)
    if (closing.asked.discard_pending && now.mono.ms - closing.since.ms >= kMostCloseMs) numbers.push_back(number);
  for (NamespaceNumber number : numbers) MarkDeleting(now, number, out);
}

void Registry::MarkDeleting(const Now& now, NamespaceNumber number, RegistryEffects* out) {
  const RemoveNamespace event = std::move(closing_.extract(number).mapped().asked);
  const std::shared_ptr<const NamespaceRow> row = table_.FindNamespace(number);
  CHECK(row != nullptr);
  Draft draft;
  NamespaceRow marked = *row;
  marked.deleting = true;
  marked.moving_to.reset();
  marked.keys.clear();
  Put(std::move(marked), &draft);
  auto names_it = [&](const TokenRow& token) { return !token.grant.namespaces.all && token.grant.namespaces.Has(event.name); };
  for (const AccessTable::TokenPointer& token : table_.SelectTokens(names_it, table_.tokens())) {
    TokenRow without = *token;
    std::erase(without.grant.namespaces.names, event.name);
    if (without.grant.namespaces.names.empty()) Drop(token->id, &draft);
    else Put(std::move(without), &draft);
  }
  RegistryReply reply{.request = event.request, .space = table_.FindNamespace(event.name)};
  Commit(std::move(draft), {DrainNamespace{number}, Entry(now, event.actor, "namespace_removed", event.name, event.name), std::move(reply)}, out);
}

void Registry::On(const Now&, const NamespaceDrained& event, RegistryEffects* out) {
  const std::shared_ptr<const NamespaceRow> row = table_.FindNamespace(event.number);
  if (!row || !row->deleting) return;
  Draft draft;
  table_.PutNamespace(row->name, nullptr);
  head_.removed += event.totals;
  ++head_.version;
  draft.writes.push_back(DropNamespace{event.number});
  draft.rows = true;
  Commit(std::move(draft), {}, out);
}

/// What was called off, or aims elsewhere by now, is not so: its row alone says where it lies.
void Registry::On(const Now&, const NamespaceMoved& event, RegistryEffects* out) {
  const std::shared_ptr<const NamespaceRow> old = table_.FindNamespace(event.number);
  if (!old || old->deleting || old->moving_to != event.to) return;
  NamespaceRow row = *old;
  row.settings.cell = event.to == kHomeCell ? std::nullopt : std::optional(event.to);
  row.moving_to.reset();
  Draft draft;
  Put(std::move(row), &draft);
  Commit(std::move(draft), {}, out);
}

void Registry::On(const Now& now, const PutSigningKey& event, RegistryEffects* out) {
  const std::shared_ptr<const NamespaceRow> old = Changeable(event.request, event.actor, event.space, out);
  if (!old) return;
  if (Status status = CheckKey(event.key, event.overlap_ms); !status.ok()) return Refuse(event.request, std::move(status), out);
  NamespaceRow row = *old;
  for (SigningKey& key : row.keys) {
    if (key.name == event.key.name && key.kind == event.key.kind)
      key.valid_until = std::min(key.valid_until, WallTime{now.wall.ms + event.overlap_ms});
  }
  std::erase_if(row.keys, [&](const SigningKey& key) { return key.valid_until <= now.wall; });
  if (row.keys.size() >= kMostKeys) {
    const Status status(Code::kConflict, "there are " + std::to_string(kMostKeys) + " keys in it: remove one, or wait for the end of an overlap");
    return Refuse(event.request, status, out);
  }
  row.keys.push_back(event.key);
  row.keys.back().created_at = now.wall;
  row.keys.back().valid_until = kWallNever;
  Draft draft;
  Put(std::move(row), &draft);
  RegistryReply reply{.request = event.request, .created = true, .space = table_.FindNamespace(event.space)};
  Commit(std::move(draft), {Entry(now, event.actor, "signing_key_made", event.space, event.space + "/" + event.key.name), std::move(reply)}, out);
}

void Registry::On(const Now& now, const RemoveSigningKey& event, RegistryEffects* out) {
  const std::shared_ptr<const NamespaceRow> old = Changeable(event.request, event.actor, event.space, out);
  if (!old) return;
  NamespaceRow row = *old;
  if (std::erase_if(row.keys, [&](const SigningKey& key) { return key.name == event.name; }) == 0)
    return Refuse(event.request, Status(Code::kNotFound, "the namespace has no key of that name"), out);
  Draft draft;
  Put(std::move(row), &draft);
  RegistryReply reply{.request = event.request, .space = table_.FindNamespace(event.space)};
  Commit(std::move(draft), {Entry(now, event.actor, "signing_key_removed", event.space, event.space + "/" + event.name), std::move(reply)}, out);
}

}  // namespace notifyd
