// Principal: who a request is from, and what that one may do. A value of a few pointers, kept with a request. Contract section 8.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "broker/access_table.h"
#include "broker/grant.h"

namespace notifyd {

/// Does a token of these ranges count for whoever comes from there? No ranges: from anywhere.
bool IsFrom(const std::vector<Cidr>& ranges, const std::optional<IpAddress>& address);

/// What the configuration gives to a uid or a certificate.
struct NamedGrant {
  std::string name;  // for the audit: "peer 1000", "certificate DNS:billing.example"
  Grant grant;
  bool operator==(const NamedGrant&) const = default;
};

/// What a request that goes on needs of whoever began it, for as long as it does.
struct Needed {
  ScopeSet scopes = {};         // that it was judged by, or that decide what its answer shows: of those that he had none may be gone
  std::string_view space = {};  // the namespace that it is of; borrowed
  bool process = false;         // its answer shows what is of all namespaces, where he administers them
};

class Principal {
 public:
  /// Nobody: may do nothing but what is open to all.
  Principal() = default;
  /// Where nobody is asked who he is (auth.mode "none"): may do everything, anywhere.
  static Principal Anybody();
  /// `shown`: by which of the token's secrets he came in; `from`: where he is, as the token's cidrs are held against.
  Principal(std::shared_ptr<const TokenRow> token, const TokenSecret& shown, std::optional<IpAddress> from);
  explicit Principal(std::shared_ptr<const NamedGrant> grant);

  bool HasAny(ScopeSet scopes) const { return grant_ != nullptr && grant_->scopes.HasAny(scopes); }
  bool Has(Scope scope) const { return HasAny({scope}); }
  bool HasNamespace(std::string_view name) const { return grant_ != nullptr && grant_->namespaces.Has(name); }
  bool HasAllNamespaces() const { return grant_ != nullptr && grant_->namespaces.all; }
  /// May it name this lane, the one that results; this fkey; register or call this service?
  bool MayUseLane(std::string_view lane) const { return grant_ != nullptr && MatchesPrefix(grant_->lanes, lane); }
  /// May it see a notify of its lanes that has this fkey?
  bool MaySeeFkey(std::string_view fkey) const { return grant_ != nullptr && MatchesPrefix(grant_->fkeys, fkey); }
  /// An fkey leads to a notify in whatever lane: who is bound to lanes uses those alone that were named for it, too.
  bool MayUseFkey(std::string_view fkey) const {
    return grant_ != nullptr && (grant_->lanes.empty() || !grant_->fkeys.empty()) && MaySeeFkey(fkey);
  }
  bool MayUseService(std::string_view service) const { return grant_ != nullptr && MatchesPrefix(grant_->services, service); }

  /// The caller of what it submits: its own, where it is bound to one; else what was asked for. Error: kForbidden with field "/caller" for another
  /// one than its own, and for one that only tokens which are bound to it may name.
  Result<std::optional<std::string>> CallerOf(const std::optional<std::string>& asked, std::string_view namespace_name,
                                              const AccessTable& table) const;
  /// May it see, and wait for, what that caller submitted: with `read`, or with `submit` and as the same caller? A token that is bound to none sees
  /// what it named itself: that is not known here, so without `read` it sees what no bound caller submitted.
  bool SubmittedBy(std::string_view caller, std::string_view namespace_name, const AccessTable& table) const;
  /// The same without a look at `read`.
  bool SubmittedAs(std::string_view caller, std::string_view namespace_name, const AccessTable& table) const;

  /// Null for Nobody.
  const Grant* grant() const { return grant_; }
  /// For logs, the audit and created_by: "token <id>", "peer 1000", ...; never a secret.
  const std::string& name() const { return name_; }
  /// Of a token; empty else.
  std::string_view token_id() const { return token_ ? std::string_view(token_->id) : std::string_view(); }
  bool anybody() const { return anybody_; }
  /// What the configuration gave it; null where it is a token's.
  const NamedGrant* named() const { return named_.get(); }
  /// Does what let him in still let him in, by that table, to go on with what he began? A grant that became another one counts as far as the request
  /// needed it: what was taken from it, not what was added. Always, where it was no token.
  bool HoldsIn(const AccessTable& table, const Needed& needed, WallTime now) const;
  /// The same of what the configuration gives by now to whoever is named so.
  bool HoldsBy(const NamedGrant& now, const AccessTable& table, const Needed& needed) const;
  /// Until when it holds, as that table is: the token's end, or that of the secret that he came in with. kWallNever: no end is known.
  WallTime HoldsUntil(const AccessTable& table) const;
  /// The same one, with what the token is by that table. Only where it holds.
  Principal In(const AccessTable& table) const;

 private:
  /// Is what he was granted, as far as that is needed, granted still?
  bool Keeps(const Grant& now, const AccessTable& table, const Needed& needed) const;

  std::shared_ptr<const TokenRow> token_;
  Digest256 shown_{};              // of a token: the hash of the secret by which he came in
  std::optional<IpAddress> from_;  // of a token
  std::shared_ptr<const NamedGrant> named_;
  const Grant* grant_ = nullptr;  // of one of them
  std::string name_ = "nobody";
  bool anybody_ = false;
};

}  // namespace notifyd
