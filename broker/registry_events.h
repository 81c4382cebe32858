// What the registry hears, and what must happen of it. Plain values. See registry.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "broker/access_table.h"
#include "broker/namespace.h"

namespace notifyd {

/// Who asks for a change, as he was admitted.
struct Actor {
  std::string name;  // Principal::name
  Grant grant;
  std::string from = {};  // Peer::Name
  std::string said = {};  // AuditEntry::said
};

/// Compare and set: what the row must be for the change to be made. Nothing said: whatever it is.
struct Precondition {
  std::optional<uint64_t> version = {};  // If-Match, or what the change was made of
  bool absent = false;                   // If-None-Match: *
};

// Requests: each gets one RegistryReply, and carries what that is answered by.

/// Makes it, or puts these settings in place of its own.
struct PutNamespace {
  uint64_t request = 0;
  Actor actor;
  std::string name;
  NamespaceSettings settings;
  Precondition precondition = {};
};
struct RemoveNamespace {
  uint64_t request = 0;
  Actor actor;
  std::string name;
  bool discard_pending = false;
  Precondition precondition = {};
};
/// A key in place of those of its name and kind, which go on beside it for so long.
struct PutSigningKey {
  uint64_t request = 0;
  Actor actor;
  std::string space;
  SigningKey key;  // name, kind and secret
  int64_t overlap_ms = 0;
};
/// All of that name, at once.
struct RemoveSigningKey {
  uint64_t request = 0;
  Actor actor;
  std::string space;
  std::string name;
};
/// The id and the secret are made where random bytes are to be had. A taken id: kConflict, to be tried again with another one.
struct MakeTokenRequest {
  uint64_t request = 0;
  Actor actor;
  std::string id;
  std::string name;
  Grant grant;
  bool signing = false;
  TokenSecret secret;
};
struct ChangeToken {
  uint64_t request = 0;
  Actor actor;
  std::string id;
  std::string name;
  Grant grant;
  bool disabled = false;
  Precondition precondition = {};
};
/// `secret` has a signing key where the row signs; else it was made of another version: stale.
struct RotateToken {
  uint64_t request = 0;
  Actor actor;
  std::string id;
  TokenSecret secret = {};
  int64_t grace_ms = 0;
  Precondition precondition = {};
};
struct RemoveToken {
  uint64_t request = 0;
  Actor actor;
  std::string id;
  Precondition precondition = {};
};
/// Those that the actor may see, by id: `after` not included. With a limit of 1 and the id before: one.
struct ListTokens {
  uint64_t request = 0;
  Actor actor;
  std::optional<std::string> only = {};  // of that id
  std::string after = {};
  size_t limit = 100;
};

// Reports.

/// Admission::Admit said first_use.
struct TokenUsed {
  std::string id;
};
/// Answers CloseNamespace, and comes from where the registry is: nobody else serves it. None is left: it takes nothing any more; else nothing has
/// changed.
struct NamespaceClosed {
  NamespaceNumber number = 0;
  WorkLeft left;
};
/// Answers DrainNamespace: nothing of it is in flight, what waited counts as cancelled. What of its totals goes into the sums of those removed.
struct RemovedTotals {
  uint64_t accepted = 0, revived = 0, succeeded = 0, failed = 0, cancelled = 0, expired = 0, attempts = 0, retries = 0;
  RemovedTotals& operator+=(const RemovedTotals& other);
  bool operator==(const RemovedTotals&) const = default;
};
struct NamespaceDrained {
  NamespaceNumber number = 0;
  RemovedTotals totals;
};
/// All of it lies whole in that cell, and nobody writes it any more where it was (broker/cell_move.h).
struct NamespaceMoved {
  NamespaceNumber number = 0;
  std::string to;
};
/// Batch `number` and all before it are written, and durable where it asked for a sync.
struct RegistryCommitted {
  uint64_t number = 0;
};
/// Once a second while Registry::wants_tick().
struct RegistryTick {};

using RegistryEvent =
    std::variant<PutNamespace, RemoveNamespace, PutSigningKey, RemoveSigningKey, MakeTokenRequest, ChangeToken, RotateToken, RemoveToken, ListTokens,
                 TokenUsed, NamespaceClosed, NamespaceDrained, NamespaceMoved, RegistryCommitted, RegistryTick>;

/// What stands once, for all rows.
struct RegistryHead {
  uint32_t next_number = kSystemNumber + 1;
  uint64_t version = 0;  // the last one given to a row
  RemovedTotals removed;
  bool operator==(const RegistryHead&) const = default;
};

// Effects.

/// One log event, one entry of the audit: who, from where, what, how many, when.
inline constexpr size_t kMostSaidBytes = 300;
struct AuditEntry {
  WallTime at;
  std::string who;         // Principal::name
  std::string what;        // "token_made", "namespace_changed", "notifies_purged", ...: a stable word
  std::string object;      // a token's id, a namespace's name, "namespace/key", a notify's id, "mode/lane", ...; empty where there are many
  std::string from = {};   // Peer::Name
  std::string space = {};  // the namespace that it happened in; empty: in none, or in several
  uint64_t count = 1;
  /// What the change named: its fields, "paused, headers", or the filter of a bulk operation. At most kMostSaidBytes; empty: nothing.
  std::string said = {};
  bool operator==(const AuditEntry&) const = default;
};

struct PutNamespaceRow {
  std::shared_ptr<const NamespaceRow> row;
};
/// Its row, and the whole range of its keys, in one.
struct DropNamespace {
  NamespaceNumber number = 0;
};
struct PutTokenRow {
  std::shared_ptr<const TokenRow> row;
};
/// Its row and its use.
struct DropToken {
  std::string id;
};
struct PutTokenUse {
  std::string id;
  WallTime used_at;
};
struct PutHead {
  RegistryHead head;
};
/// An entry of the audit is written with the change that it tells of.
using RegistryWrite = std::variant<PutNamespaceRow, DropNamespace, PutTokenRow, DropToken, PutTokenUse, PutHead, AuditEntry>;

/// Written as a whole, in the order of their numbers; answered by RegistryCommitted.
struct RegistryBatch {
  uint64_t number = 0;
  bool sync = true;
  std::vector<RegistryWrite> writes;
};
/// To the namespace's core: where nothing of it is pending, take nothing any more. Answered by NamespaceClosed. Not remembered over a restart.
struct CloseNamespace {
  NamespaceNumber number = 0;
};
/// To the namespace's core: take nothing any more, start nothing, let end what is in flight, count what waits as cancelled. Answered by
/// NamespaceDrained. Comes again after a restart.
struct DrainNamespace {
  NamespaceNumber number = 0;
};
/// What loops judge by from now on.
struct PublishTable {
  std::shared_ptr<const AccessTable> table;
};

struct TokenSeen {
  std::shared_ptr<const TokenRow> row;
  std::optional<WallTime> used_at;
};
struct RegistryReply {
  uint64_t request = 0;
  Status status = {};
  bool stale = false;    // with kConflict: the precondition does not hold (412, the status says which), or it is to be made anew
  bool created = false;  // 201, not 200
  std::shared_ptr<const NamespaceRow> space = {};
  std::shared_ptr<const TokenRow> token = {};
  std::vector<TokenSeen> tokens = {};
  bool more = false;  // tokens behind these
};
/// An AuditEntry: it is written, and is to be logged.
using RegistryEffect = std::variant<RegistryBatch, CloseNamespace, DrainNamespace, PublishTable, AuditEntry, RegistryReply>;
using RegistryEffects = std::vector<RegistryEffect>;

}  // namespace notifyd
