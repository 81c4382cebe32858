#include "broker/grant.h"

#include <catch2/catch.hpp>
#include <functional>
#include <limits>

namespace notifyd {
namespace {

Grant Small() {
  Grant grant;
  grant.namespaces = NamespaceSet::Of({"one"});
  grant.scopes = {Scope::kSubmit};
  return grant;
}

TEST_CASE("grant: the words of the scopes") {
  for (Scope scope : kAllScopes) CHECK(ParseScope(ToString(scope)) == scope);
  CHECK_FALSE(ParseScope("Submit"));
  CHECK_FALSE(ParseScope(""));
  CHECK(ScopeSet({Scope::kRead, Scope::kSubmit}).ToString() == "submit or read");
  CHECK(ScopeSet::FromBits(0xffff) == ScopeSet::All());
}

TEST_CASE("grant: names of namespaces") {
  for (const char* name : {"a", "0", "default", "team-a", "a-", "a--b"}) CHECK(IsNamespaceName(name));
  CHECK(IsNamespaceName(std::string(63, 'a')));
  for (const char* name : {"", "-a", "A", "a_b", "a.b", "a/b", "a b", "\xc3\xa4"}) CHECK_FALSE(IsNamespaceName(name));
  CHECK_FALSE(IsNamespaceName(std::string(64, 'a')));
}

TEST_CASE("grant: what is not well formed, with its field") {
  struct Case {
    std::function<void(Grant*)> change;
    const char* field;
  };
  const Case table[] = {
      {[](Grant* g) { g->namespaces = {}; }, "/namespaces"},
      {[](Grant* g) { g->namespaces.names = {"A"}; }, "/namespaces/0"},
      {[](Grant* g) { g->scopes = {}; }, "/scopes"},
      {[](Grant* g) { g->caller = ""; }, "/caller"},
      {[](Grant* g) { g->caller = std::string(101, 'a'); }, "/caller"},
      {[](Grant* g) { g->caller = "unknown"; }, "/caller"},
      {[](Grant* g) { g->caller = "\xff"; }, "/caller"},
      {[](Grant* g) { g->caller = "\x01topic pay"; }, "/caller"},
      {[](Grant* g) {
         g->lanes = {"a", ""};
       },
       "/lanes/1"},
      {[](Grant* g) { g->fkeys = {std::string(256, 'a')}; }, "/fkeys/0"},
      {[](Grant* g) { g->services.resize(257, "a"); }, "/services"},
      {[](Grant* g) { g->cidrs.resize(257); }, "/cidrs"},
      {[](Grant* g) { g->submits_per_s = 0; }, "/submits_per_s"},
      {[](Grant* g) { g->submits_per_s = std::numeric_limits<double>::quiet_NaN(); }, "/submits_per_s"},
      {[](Grant* g) { g->submits_per_s = 2e6; }, "/submits_per_s"},
  };
  CHECK(CheckGrant(Small()).ok());
  CHECK(CheckGrant(Grant::Everything()).ok());
  for (const Case& each : table) {
    Grant grant = Small();
    each.change(&grant);
    const Status status = CheckGrant(grant);
    CHECK(status.code() == Code::kUnacceptable);
    CHECK(status.field() == each.field);
  }
}

TEST_CASE("grant: nobody hands out more than he has") {
  Grant outer;
  outer.namespaces = NamespaceSet::Of({"one", "two"});
  outer.scopes = {Scope::kAdmin, Scope::kSubmit};
  outer.caller = "billing";
  outer.cidrs = {*Cidr::Parse("10.0.0.0/8"), *Cidr::Parse("fd00::/8")};
  outer.lanes = {"billing/"};
  outer.fkeys = {"b-", "c-"};
  outer.services = {"pay"};
  outer.submits_per_s = 10;
  outer.expires_at = WallTime{1000};
  Grant inner = outer;
  inner.namespaces = NamespaceSet::Of({"two"});
  inner.scopes = {Scope::kSubmit};
  inner.cidrs = {*Cidr::Parse("10.1.0.0/16")};
  inner.lanes = {"billing/eu/", "billing/"};
  inner.fkeys = {"c-1"};
  inner.submits_per_s = 9.5;
  inner.expires_at = WallTime{999};
  REQUIRE(LiesWithin(inner, outer).ok());
  REQUIRE(LiesWithin(outer, outer).ok());
  REQUIRE(LiesWithin(Grant::Everything(), Grant::Everything()).ok());
  REQUIRE(LiesWithin(inner, Grant::Everything()).ok());
  struct Case {
    std::function<void(Grant*)> change;
    const char* field;
  };
  const Case table[] = {
      {[](Grant* g) { g->namespaces = NamespaceSet::All(); }, "/namespaces"},
      {[](Grant* g) {
         g->namespaces = NamespaceSet::Of({"one", "three"});
       },
       "/namespaces/1"},
      {[](Grant* g) { g->scopes.Add(Scope::kRead); }, "/scopes"},
      {[](Grant* g) { g->caller.reset(); }, "/caller"},
      {[](Grant* g) { g->caller = "web"; }, "/caller"},
      {[](Grant* g) { g->cidrs.clear(); }, "/cidrs"},
      {[](Grant* g) { g->cidrs = {*Cidr::Parse("10.0.0.0/7")}; }, "/cidrs/0"},
      {[](Grant* g) { g->lanes.clear(); }, "/lanes"},
      {[](Grant* g) {
         g->lanes = {"billing/x", "billing"};
       },
       "/lanes/1"},
      {[](Grant* g) { g->fkeys = {"a"}; }, "/fkeys/0"},
      {[](Grant* g) { g->services.clear(); }, "/services"},
      {[](Grant* g) { g->submits_per_s.reset(); }, "/submits_per_s"},
      {[](Grant* g) { g->submits_per_s = 10.5; }, "/submits_per_s"},
      {[](Grant* g) { g->expires_at.reset(); }, "/expires_at"},
      {[](Grant* g) { g->expires_at = WallTime{1001}; }, "/expires_at"},
  };
  for (const Case& each : table) {
    Grant grant = inner;
    each.change(&grant);
    const Status status = LiesWithin(grant, outer);
    CHECK(status.code() == Code::kForbidden);
    CHECK(status.field() == each.field);
    // What goes beyond is all there is to refuse it for: who has everything hands it out.
    CHECK(LiesWithin(grant, Grant::Everything()).ok());
  }
}

}  // namespace
}  // namespace notifyd
