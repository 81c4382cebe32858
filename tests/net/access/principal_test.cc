#include "net/access/principal.h"

#include <catch2/catch.hpp>

#include <string>
#include <utility>

#include "net/access/access_fixture.h"

namespace notifyd {
namespace {

Principal Of(Grant grant) {
  return Principal(std::make_shared<const NamedGrant>(NamedGrant{"somebody", std::move(grant)}));
}

TEST_CASE("principal: a caller that a token is bound to is that token's, and can be named by such tokens only") {
  AccessStage stage;
  Grant bound = AccessStage::Of({"one"}, {Scope::kSubmit});
  bound.caller = "billing";
  stage.Give(bound);
  const Principal billing = Of(bound), other = Of(AccessStage::Of({"one", "two"}, {Scope::kSubmit}));
  CHECK(*billing.CallerOf(std::nullopt, "one", stage.table) == "billing");
  CHECK(*billing.CallerOf("billing", "one", stage.table) == "billing");
  CHECK(billing.CallerOf("web", "one", stage.table).status().code() == Code::kForbidden);
  CHECK(*other.CallerOf(std::nullopt, "one", stage.table) == std::nullopt);
  CHECK(*other.CallerOf("web", "one", stage.table) == "web");
  CHECK(other.CallerOf("billing", "one", stage.table).status().field() == "/caller");
  CHECK(*other.CallerOf("billing", "two", stage.table) == "billing");
  CHECK(*Principal::Anybody().CallerOf("billing", "one", stage.table) == "billing");

  CHECK(billing.SubmittedBy("billing", "one", stage.table));
  CHECK_FALSE(billing.SubmittedBy("web", "one", stage.table));
  CHECK(other.SubmittedBy("web", "one", stage.table));
  CHECK_FALSE(other.SubmittedBy("billing", "one", stage.table));
  CHECK(Of(AccessStage::Of({"one"}, {Scope::kRead})).SubmittedBy("billing", "one", stage.table));
  CHECK_FALSE(Of(AccessStage::Of({"one"}, {Scope::kOperate})).SubmittedBy("web", "one", stage.table));

  // Its name is free again once no token is bound to it.
  stage.table.PutToken(stage.last.id, nullptr);
  CHECK(other.CallerOf("billing", "one", stage.table).ok());
}

TEST_CASE("principal: prefixes of lanes, fkeys and services, each by itself") {
  Grant grant = AccessStage::Of({"one"}, ScopeSet::All());
  grant.lanes = {"billing/", "x"};
  grant.services = {"pay."};
  const Principal principal = Of(grant);
  CHECK(principal.MayUseLane("billing/a"));
  CHECK(principal.MayUseLane("x"));
  CHECK_FALSE(principal.MayUseLane("billing"));
  CHECK_FALSE(principal.MayUseLane("Billing/a"));
  // An fkey leads into whatever lane; to see a notify of its lanes is another thing.
  CHECK_FALSE(principal.MayUseFkey("anything"));
  CHECK(principal.MaySeeFkey("anything"));
  grant.fkeys = {"b:"};
  CHECK(Of(grant).MayUseFkey("b:1"));
  CHECK_FALSE(Of(grant).MaySeeFkey("c:1"));
  grant.lanes.clear();
  grant.fkeys.clear();
  CHECK(Of(grant).MayUseFkey("anything"));
  CHECK(principal.MayUseService("pay.eu"));
  CHECK_FALSE(principal.MayUseService("pay"));
  CHECK_FALSE(Principal().MayUseLane("x"));
  CHECK_FALSE(Principal().HasNamespace("one"));
}

TEST_CASE("principal: it is known by which of its token's secrets one came in") {
  AccessStage stage;
  TokenRow row = stage.NewRow(AccessStage::Of({"one"}, ScopeSet::All()));
  const std::string old_text = stage.last.Text(), id = row.id, secret = MakeTokenSecret();
  stage.Put(row);
  const Need need{.scopes = {Scope::kSubmit}};
  auto enter = [&](const std::string& text) { return std::get<Admitted>(stage.Ask(AccessStage::Request("Bearer " + text), need)).principal; };
  const Principal before = enter(old_text);
  row.old_secret = std::exchange(row.secret, KeepSecret(secret, false));
  row.old_until = WallTime{kLater.ms + 1'000};
  stage.Put(row);
  const Principal by_old = enter(old_text), by_new = enter("ntf_" + id + "_" + secret);
  const Needed needed{.scopes = {Scope::kSubmit}, .space = "one"};
  for (const Principal* each : {&before, &by_old}) {
    CHECK(each->HoldsIn(stage.table, needed, kLater));
    CHECK_FALSE(each->HoldsIn(stage.table, needed, row.old_until));
    CHECK(each->HoldsUntil(stage.table) == row.old_until);
    // As the same one with the newest row, too.
    CHECK_FALSE(each->In(stage.table).HoldsIn(stage.table, needed, row.old_until));
  }
  CHECK(by_new.HoldsIn(stage.table, needed, row.old_until));
  CHECK(by_new.HoldsUntil(stage.table) == kWallNever);
  row.grant.expires_at = WallTime{kLater.ms + 500};
  stage.Put(row);
  for (const Principal* each : {&before, &by_new}) CHECK(each->HoldsUntil(stage.table) == *row.grant.expires_at);
}

TEST_CASE("principal: with lanes that bind him one keeps the use of fkeys only where some are named") {
  AccessStage stage;
  Grant grant = AccessStage::Of({"one"}, {Scope::kSubmit});
  grant.lanes = {"a/"};
  grant.fkeys = {"k"};
  TokenRow row = stage.NewRow(grant);
  stage.Put(row);
  const Principal principal(stage.table.FindToken(row.id), row.secret, std::nullopt);
  const Needed needed{.scopes = {Scope::kSubmit}, .space = "one"};
  CHECK(principal.HoldsIn(stage.table, needed, kLater));
  row.grant.fkeys.clear();
  stage.Put(row);
  CHECK_FALSE(principal.HoldsIn(stage.table, needed, kLater));
  row.grant.lanes.clear();
  stage.Put(row);
  CHECK(principal.HoldsIn(stage.table, needed, kLater));
}

}  // namespace
}  // namespace notifyd
