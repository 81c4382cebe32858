#include "net/access/principal.h"

#include <catch2/catch.hpp>

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

}  // namespace
}  // namespace notifyd
