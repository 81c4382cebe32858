#include "net/access/principal.h"

#include <algorithm>

namespace notifyd {

Principal Principal::Anybody() {
  static const auto kEverything = std::make_shared<const NamedGrant>(NamedGrant{"anybody", Grant::Everything()});
  Principal out(kEverything);
  out.anybody_ = true;
  return out;
}

Principal::Principal(std::shared_ptr<const TokenRow> token) : token_(std::move(token)), grant_(&token_->grant), name_("token " + token_->id) {}

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

bool Principal::HoldsIn(const AccessTable& table, WallTime now) const {
  if (!token_) return true;
  const std::shared_ptr<const TokenRow> row = table.FindToken(token_->id);
  if (row == token_) return row->ValidAt(now);
  if (!row || !row->ValidAt(now) || row->grant != token_->grant) return false;
  return row->secret == token_->secret || (row->old_secret == token_->secret && now < row->old_until);
}

WallTime Principal::HoldsUntil(const AccessTable& table) const {
  if (!token_) return kWallNever;
  WallTime until = token_->grant.expires_at.value_or(kWallNever);
  const std::shared_ptr<const TokenRow> row = table.FindToken(token_->id);
  if (row && row->secret != token_->secret && row->old_secret == token_->secret) until = std::min(until, row->old_until);
  return until;
}

bool Principal::SubmittedBy(std::string_view caller, std::string_view namespace_name, const AccessTable& table) const {
  return Has(Scope::kRead) || SubmittedAs(caller, namespace_name, table);
}

bool Principal::SubmittedAs(std::string_view caller, std::string_view namespace_name, const AccessTable& table) const {
  if (!Has(Scope::kSubmit)) return false;
  return grant_->caller ? *grant_->caller == caller : !table.IsBoundCaller(namespace_name, caller);
}

}  // namespace notifyd
