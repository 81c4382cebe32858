// Grant: what somebody may do, whatever shows who it is: a token, a uid, a certificate. And the rule by which nobody hands out more than he has.
// Pure values. Contract section 8.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/status.h"
#include "base/time.h"

namespace notifyd {

/// Stored as bits: never renumber.
enum class Scope : uint8_t { kSubmit = 0, kRead = 1, kReadBodies = 2, kRegister = 3, kOperate = 4, kAdmin = 5, kMetrics = 6 };
inline constexpr std::array kAllScopes = {Scope::kSubmit,  Scope::kRead,  Scope::kReadBodies, Scope::kRegister,
                                          Scope::kOperate, Scope::kAdmin, Scope::kMetrics};
/// "submit", "read_bodies", ...: the contract's words.
const char* ToString(Scope scope);
std::optional<Scope> ParseScope(std::string_view text);

class ScopeSet {
 public:
  constexpr ScopeSet() = default;
  constexpr ScopeSet(std::initializer_list<Scope> scopes) {
    for (Scope scope : scopes) bits_ |= Bit(scope);
  }
  static constexpr ScopeSet All() { return FromBits((1u << kAllScopes.size()) - 1); }
  /// Bits that are no scope's are dropped.
  static constexpr ScopeSet FromBits(uint64_t bits) {
    ScopeSet out;
    out.bits_ = static_cast<uint8_t>(bits & ((1u << kAllScopes.size()) - 1));
    return out;
  }
  constexpr uint8_t bits() const { return bits_; }
  constexpr void Add(Scope scope) { bits_ |= Bit(scope); }
  constexpr bool Has(Scope scope) const { return (bits_ & Bit(scope)) != 0; }
  constexpr bool HasAny(ScopeSet other) const { return (bits_ & other.bits_) != 0; }
  constexpr bool HasAll(ScopeSet other) const { return (bits_ & other.bits_) == other.bits_; }
  constexpr bool empty() const { return bits_ == 0; }
  /// "submit or read", in the order of kAllScopes.
  std::string ToString(std::string_view between = " or ") const;
  bool operator==(const ScopeSet&) const = default;

 private:
  static constexpr uint8_t Bit(Scope scope) { return static_cast<uint8_t>(1u << static_cast<unsigned>(scope)); }
  uint8_t bits_ = 0;
};

/// Namespaces by name, or all there are and will be.
struct NamespaceSet {
  bool all = false;
  std::vector<std::string> names;  // sorted, each once; empty where `all`

  static NamespaceSet All() { return {true, {}}; }
  static NamespaceSet Of(std::vector<std::string> names);
  bool Has(std::string_view name) const;
  bool operator==(const NamespaceSet&) const = default;
};

inline constexpr std::string_view kDefaultNamespace = "default";
inline constexpr std::string_view kSystemNamespace = "system";
/// [a-z0-9][a-z0-9-]{0,62} (contract section 7).
bool IsNamespaceName(std::string_view text);

/// What a list of prefixes says of a name: any, where the list is empty.
bool MatchesPrefix(const std::vector<std::string>& prefixes, std::string_view name);

struct Grant {
  NamespaceSet namespaces = {};
  ScopeSet scopes = {};
  std::optional<std::string> caller = {};  // then it is the caller of what is submitted
  std::vector<Cidr> cidrs = {};            // from where; empty: from anywhere
  std::vector<std::string> lanes = {};     // prefixes, like the next two; empty: any
  std::vector<std::string> fkeys = {};
  std::vector<std::string> services = {};
  std::optional<double> submits_per_s = {};
  std::optional<WallTime> expires_at = {};
  bool operator==(const Grant&) const = default;

  /// Everything, everywhere, for ever.
  static Grant Everything() { return {.namespaces = NamespaceSet::All(), .scopes = ScopeSet::All()}; }
  bool IsAdminOfAll() const { return namespaces.all && scopes.Has(Scope::kAdmin); }
  bool ExpiredAt(WallTime now) const { return expires_at && *expires_at <= now; }
};

/// Is it well formed: names, lengths, ranges. Error: kUnacceptable with the field ("/lanes/2").
Status CheckGrant(const Grant& grant);

/// "A token makes or changes only tokens whose namespaces, scopes, prefixes, cidrs, rate and expiry lie within its own", and its caller: whoever is
/// bound to one hands out that one alone. What is not limited lies within what is not limited only. Error: kForbidden with the field.
Status LiesWithin(const Grant& inner, const Grant& outer);

}  // namespace notifyd
