// What people are told of brokers that share a store, and of draining one of them.
#include "openapi_held.h"
#include "teams_fixture.h"

namespace notifyd {
namespace {

TEST_CASE("openapi: brokers that share a store are shown, and drained by name") {
  Held held;
  ApiFixture f;
  f.Ask("GET", "/v1/cluster");
  held.Check(f, "/v1/cluster", "get");
  CHECK(f.Answer().status == 200);
  held.CheckAllSeen("Cluster", {"Cluster.missing"});  // members_test.cc
  const std::string drain = "/v1/cluster/members/{name}/drain";
  f.Ask("POST", "/v1/cluster/members/h%3A1/drain");
  CHECK(f.Answer().status == 204);
  f.Ask("DELETE", "/v1/cluster/members/h%3A1/drain");
  CHECK(f.Answer().status == 204);
  CHECK(f.drains == std::vector<std::pair<std::string, bool>>{{"h:1", true}, {"h:1", false}});
  f.drained = Status(Code::kNotFound, "there is no such member");
  f.Ask("POST", "/v1/cluster/members/x/drain");
  held.Check(f, drain, "post");
  CHECK(f.Answer().status == 404);
}

TEST_CASE("tenants: who drains a member is in the audit, and may administer all namespaces") {
  TeamsFixture f;
  const std::string token = f.Give(Grant::Everything()), of_one = f.Give(TeamsFixture::Of({"one"}, ScopeSet::All()));
  f.As(of_one, "POST", "/v1/cluster/members/a/drain");
  CHECK(f.Answer().status == 403);
  f.As(of_one, "GET", "/v1/cluster");
  CHECK(f.Answer().status == 403);
  CHECK(f.drains.empty());
  f.As(token, "POST", "/v1/cluster/members/a/drain");
  CHECK(f.Answer().status == 204);
  REQUIRE(f.sink.audited.size() == 1);
  CHECK(f.sink.audited[0].what == "member_drained");
}

}  // namespace
}  // namespace notifyd
