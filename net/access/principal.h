// Principal: who a request is from, and what that one may do. A value of a few pointers, kept with a request. Contract section 8.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "broker/access_table.h"
#include "broker/grant.h"

namespace notifyd {

/// What the configuration gives to a uid or a certificate.
struct NamedGrant {
  std::string name;  // for the audit: "peer 1000", "certificate DNS:billing.example"
  Grant grant;
  bool operator==(const NamedGrant&) const = default;
};

class Principal {
 public:
  /// Nobody: may do nothing but what is open to all.
  Principal() = default;
  /// Where nobody is asked who he is (auth.mode "none"): may do everything, anywhere.
  static Principal Anybody();
  explicit Principal(std::shared_ptr<const TokenRow> token);
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
  /// Does what let him in still let him in, by that table? Always, where it was no token.
  bool HoldsIn(const AccessTable& table, WallTime now) const;
  /// Until when it holds, as that table is: the token's end, or that of a secret which was replaced. kWallNever: no end is known.
  WallTime HoldsUntil(const AccessTable& table) const;

 private:
  std::shared_ptr<const TokenRow> token_;
  std::shared_ptr<const NamedGrant> named_;
  const Grant* grant_ = nullptr;  // of one of them
  std::string name_ = "nobody";
  bool anybody_ = false;
};

}  // namespace notifyd
