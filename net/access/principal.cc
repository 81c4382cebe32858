#include "net/access/principal.h"

#include <algorithm>

namespace notifyd {
namespace {

/// Do these prefixes reach all that those reach? None: they reach everything.
bool ReachesAll(const std::vector<std::string>& prefixes, const std::vector<std::string>& those) {
  if (prefixes.empty()) return true;
  return !those.empty() && std::all_of(those.begin(), those.end(), [&](const std::string& each) { return MatchesPrefix(prefixes, each); });
}

}  // namespace

bool IsFrom(const std::vector<Cidr>& ranges, const std::optional<IpAddress>& address) {
  if (ranges.empty()) return true;
  return address && std::any_of(ranges.begin(), ranges.end(), [&](const Cidr& range) { return range.Contains(*address); });
}

Principal Principal::Anybody() {
  static const auto kEverything = std::make_shared<const NamedGrant>(NamedGrant{"anybody", Grant::Everything()});
  Principal out(kEverything);
  out.anybody_ = true;
  return out;
}

Principal::Principal(std::shared_ptr<const TokenRow> token, const TokenSecret& shown, std::optional<IpAddress> from)
    : token_(std::move(token)), shown_(shown.hash), from_(from), grant_(&token_->grant), name_("token " + token_->id) {}

Principal::Principal(std::shared_ptr<const NamedGrant> grant) : named_(std::move(grant)), grant_(&named_->grant), name_(named_->name) {}

Result<std::optional<std::string>> Principal::CallerOf(const std::optional<std::string>& asked, std::string_view namespace_name,
                                                       const AccessTable& table) const {
  if (anybody_) return asked;
  if (grant_ != nullptr && grant_->caller) {
    if (asked && asked != grant_->caller)
      return Status(Code::kForbidden, "you are the caller \"" + *grant_->caller + "\" and can name no other", "/caller");
    return grant_->caller;
  }
  if (asked && table.IsBoundCaller(namespace_name, *asked))
    return Status(Code::kForbidden, "only tokens that are bound to the caller \"" + *asked + "\" can name it", "/caller");
  return asked;
}

bool Principal::Keeps(const Grant& now, const AccessTable& table, const Needed& needed) const {
  const Grant& then = *grant_;
  if (!now.scopes.HasAll(ScopeSet::FromBits(then.scopes.bits() & needed.scopes.bits()))) return false;
  if (!needed.space.empty() && !now.namespaces.Has(needed.space)) return false;
  if (needed.process && then.IsAdminOfAll() && !now.IsAdminOfAll()) return false;
  if (token_ && !IsFrom(now.cidrs, from_)) return false;
  if (!ReachesAll(now.lanes, then.lanes) || !ReachesAll(now.fkeys, then.fkeys) || !ReachesAll(now.services, then.services)) return false;
  // With lanes that bind him he uses those fkeys alone that are named for it (MayUseFkey).
  if (!now.lanes.empty() && now.fkeys.empty() && !then.fkeys.empty()) return false;
  // Whose he is decides what he may submit, and see of what was submitted.
  if (!needed.scopes.Has(Scope::kSubmit) || now.caller == then.caller) return true;
  return !now.caller && !table.IsBoundCaller(needed.space, *then.caller);
}

bool Principal::HoldsIn(const AccessTable& table, const Needed& needed, WallTime now) const {
  if (!token_) return true;
  const std::shared_ptr<const TokenRow> row = table.FindToken(token_->id);
  if (!row || !row->ValidAt(now)) return false;
  const bool shown = row->secret.hash == shown_ || (row->old_secret && row->old_secret->hash == shown_ && now < row->old_until);
  return shown && (row == token_ || Keeps(row->grant, table, needed));
}

bool Principal::HoldsBy(const NamedGrant& now, const AccessTable& table, const Needed& needed) const {
  // Its rate stands with who asked, and nobody takes a new one up: that ends what goes on.
  return named_ && now.name == named_->name && now.grant.submits_per_s == named_->grant.submits_per_s && Keeps(now.grant, table, needed);
}

WallTime Principal::HoldsUntil(const AccessTable& table) const {
  if (!token_) return kWallNever;
  const std::shared_ptr<const TokenRow> found = table.FindToken(token_->id);
  const TokenRow& row = found ? *found : *token_;
  WallTime until = row.grant.expires_at.value_or(kWallNever);
  if (row.secret.hash != shown_ && row.old_secret && row.old_secret->hash == shown_) until = std::min(until, row.old_until);
  return until;
}

Principal Principal::In(const AccessTable& table) const {
  std::shared_ptr<const TokenRow> row = token_ ? table.FindToken(token_->id) : nullptr;
  if (!row || row == token_) return *this;
  Principal out = *this;
  out.token_ = std::move(row);
  out.grant_ = &out.token_->grant;
  return out;
}

bool Principal::SubmittedBy(std::string_view caller, std::string_view namespace_name, const AccessTable& table) const {
  return Has(Scope::kRead) || SubmittedAs(caller, namespace_name, table);
}

bool Principal::SubmittedAs(std::string_view caller, std::string_view namespace_name, const AccessTable& table) const {
  if (!Has(Scope::kSubmit)) return false;
  return grant_->caller ? *grant_->caller == caller : !table.IsBoundCaller(namespace_name, caller);
}

}  // namespace notifyd
