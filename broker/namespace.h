// What the registry knows of a namespace and of a token. Plain values. Contract sections 7, 8 and 10.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/crypto.h"
#include "base/ids.h"
#include "base/time.h"
#include "broker/grant.h"
#include "broker/limits.h"
#include "broker/notify.h"

namespace notifyd {

/// Where a namespace's calls may go, beyond or short of what the broker's configuration says; what is not set is as that says.
struct NamespaceDestinations {
  std::optional<std::vector<std::string>> allow;  // ranges
  std::optional<std::vector<std::string>> deny;   // ranges, or "private"
  std::optional<bool> https_only;
  std::optional<std::vector<uint16_t>> ports;
  bool operator==(const NamespaceDestinations&) const = default;
};

/// What is not set is at the broker's default.
struct NamespaceSettings {
  std::optional<uint64_t> max_pending;
  std::optional<uint64_t> max_stored_bytes;
  std::optional<double> submits_per_s;
  std::optional<uint32_t> burst;
  std::optional<uint32_t> max_in_flight;
  std::optional<int64_t> retention_succeeded_ms;
  std::optional<int64_t> retention_settled_ms;
  NamespaceDestinations destinations;
  std::optional<RetryPolicy> retry;  // written into a notify at its submit, like the next
  std::optional<int64_t> timeout_ms;
  std::vector<LaneRule> lane_rules;
  std::optional<std::string> cell;  // of a store with several: in which one it lies; not set: the home cell
  bool operator==(const NamespaceSettings&) const = default;
};

/// What the cell is called where it must have a name, and no other one is.
inline constexpr const char* kHomeCell = "home";

/// Stored: never renumber.
enum class SigningKind : uint8_t { kHmac = 0, kEd25519 = 1 };

/// One key by which a namespace's calls are signed. Several of one name and kind: the newest and those that it replaces, until their time is over.
struct SigningKey {
  std::string name;  // 1-63 bytes, as a namespace's
  SigningKind kind = SigningKind::kHmac;
  std::string secret;  // 24-64 bytes; Ed25519: the 32 bytes of its seed
  WallTime created_at;
  WallTime valid_until = kWallNever;
  bool operator==(const SigningKey&) const = default;
};

/// A namespace's row. Immutable once shared.
struct NamespaceRow {
  std::string name;
  NamespaceNumber number = 0;
  uint64_t version = 0;   // of all rows, no two ever had the same
  bool deleting = false;  // what it held is being removed: it takes nothing any more
  WallTime created_at;
  NamespaceSettings settings;
  std::optional<std::string> moving_to = {};  // the cell to which it is to be moved; kHomeCell: the home cell
  std::vector<SigningKey> keys;               // oldest first
  bool operator==(const NamespaceRow&) const = default;
};

/// What a secret is known by.
struct TokenSecret {
  Digest256 hash{};                      // SHA-256
  std::optional<Digest256> signing_key;  // HMAC-SHA256(secret, "notifyd-sign-1"), of tokens that sign
  bool operator==(const TokenSecret&) const = default;
};

/// A token's row. Immutable once shared.
struct TokenRow {
  std::string id;  // IsTokenId
  uint64_t version = 0;
  std::string name;
  Grant grant;
  bool disabled = false;  // as after a restore
  bool signing = false;
  TokenSecret secret;
  std::optional<TokenSecret> old_secret;  // of before a rotation
  WallTime old_until;                     // until when it counts
  std::string created_by;
  WallTime created_at;
  bool operator==(const TokenRow&) const = default;

  bool ValidAt(WallTime now) const { return !disabled && !grant.ExpiredAt(now); }
};

/// May an admin with that grant see the token? "Which tokens there are" is told within one's own namespaces.
bool SeesToken(const Grant& admin, const TokenRow& row);

/// 8-32 letters and digits.
bool IsTokenId(std::string_view text);

}  // namespace notifyd
