// The registry's rows as keys and values: namespaces, tokens, and what stands once for all. Pure. Each value is a tag, its fields and a checksum, as
// all values of the store (storage/records.h, I1 and I2 of which hold here too).
//
//   key                     value
//   N number:big16          namespace: name:text version:varint created_at:signed flags:u8 (1 deleting, 2 its secrets are sealed) settings keys
//   W number:big16          wake: awake:u8; of one that sleeps next_wake:signed totals:text (the value of `m` totals)
//   T id:name..             token: version:varint name:text grant flags:u8 (1 disabled, 2 signs, 4 an old secret follows, 8 its keys are sealed)
//   secret
//                           [secret until:signed] created_by:text created_at:signed
//   U id:name..             use of a token: used_at:signed
//   A time64 serial:big32     audit: who:text what:text object:text from:text namespace:text count:varint
//   m "registry"            head: next_number:varint version:varint removed (accepted revived succeeded failed cancelled expired attempts retries:
//   varints)
//
//   settings  present:varint, then one field for each bit that is set, lowest first: 0 max_pending:varint, 1 max_stored_bytes:varint,
//             2 submits_per_s:double, 3 burst:varint, 4 max_in_flight:varint, 5 retention_succeeded_ms:signed, 6 retention_settled_ms:signed,
//             7 allow:texts, 8 deny:texts, 9 https_only:u8, 10 ports (count:varint, varints), 11 retry:policy (of version 2), 12 timeout_ms:signed,
//             13 lane rules (count:varint, each match:text mode:u8 (0 concurrent, 1 fifo, 2 both) settings:text (a value as under `s`)),
//             14 cell:text
//   keys      count:varint, each name:text kind:u8 (0 HMAC, 1 Ed25519) created_at:signed valid_until:signed secret:text
//   grant     present:varint, scopes:varint (bits, as Scope), then: 0 all namespaces (no bytes), 1 namespaces:texts, 2 caller:text,
//             3 cidrs (count:varint, each v6:u8 bits:u8 address: 4 or 16 bytes), 4 lanes:texts, 5 fkeys:texts, 6 services:texts,
//             7 submits_per_s:double, 8 expires_at:signed
//   secret    hash: 32 bytes, where it signs: key:text
//   texts     count:varint, texts
//
// The key of a wake is apart from the namespace's, since another writes it: the namespace's own core, not the registry.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "broker/namespace.h"
#include "broker/ports.h"

namespace notifyd {

/// Seals what is secret in a row, where the store seals. `bound`: which row's and which field it is, the same for both.
class SecretSeal {
 public:
  virtual ~SecretSeal() = default;
  virtual std::string Seal(std::string_view bound, std::string_view plain) const = 0;
  /// Nothing where it was sealed by another key, for another field, or is damaged.
  virtual std::optional<std::string> Open(std::string_view bound, std::string_view sealed) const = 0;
};

std::string EncodeNamespaceKey(NamespaceNumber number);
std::string EncodeNamespaceWakeKey(NamespaceNumber number);
std::string EncodeTokenKey(std::string_view id);
std::string EncodeTokenUseKey(std::string_view id);
std::string EncodeAuditKey(const AuditPlace& place);
inline constexpr std::string_view kRegistryName = "registry";  // EncodeMetaKey's

/// Nothing where `key` is not exactly what its Encode gives.
std::optional<NamespaceNumber> DecodeNamespaceKey(std::string_view key);
std::optional<NamespaceNumber> DecodeNamespaceWakeKey(std::string_view key);
std::optional<std::string> DecodeTokenKey(std::string_view key);
std::optional<std::string> DecodeTokenUseKey(std::string_view key);
std::optional<AuditPlace> DecodeAuditKey(std::string_view key);

/// Encode appends to `out`. `seal`: null where the store does not seal. Decode takes both what is sealed and what is not; the former is kCorrupt
/// without the right `seal`. Error: kCorrupt, as everywhere here.
void EncodeNamespace(const NamespaceRow& row, const SecretSeal* seal, std::string* out);
Result<std::shared_ptr<const NamespaceRow>> DecodeNamespace(NamespaceNumber number, std::string_view value, const SecretSeal* seal);
void EncodeToken(const TokenRow& row, const SecretSeal* seal, std::string* out);
Result<std::shared_ptr<const TokenRow>> DecodeToken(std::string_view id, std::string_view value, const SecretSeal* seal);
void EncodeTokenUse(WallTime used_at, std::string* out);
Result<WallTime> DecodeTokenUse(std::string_view value);
/// Without its time, which is in the key.
void EncodeAudit(const AuditEntry& entry, std::string* out);
Result<AuditEntry> DecodeAudit(WallTime at, std::string_view value);
void EncodeRegistryHead(const RegistryHead& head, std::string* out);
Result<RegistryHead> DecodeRegistryHead(std::string_view value);

/// What a start must know of a namespace to decide whether its core is to be made.
struct NamespaceWake {
  /// Nothing: it is awake, and may have changed since this was written.
  struct Asleep {
    WallTime until = kWallNever;  // when something of it is due
    Totals totals;                // as they have been since
  };
  std::optional<Asleep> asleep;
};
void EncodeNamespaceWake(const NamespaceWake& wake, std::string* out);
Result<NamespaceWake> DecodeNamespaceWake(std::string_view value);

}  // namespace notifyd
