// /v1/backups: what is asked of the store, what is shown of its answers, and who may.
#include "teams_fixture.h"

namespace notifyd {
namespace {

using Kind = BackupAsk::Kind;

TEST_CASE("backups: one is begun by its name, shown as it is, and in the audit") {
  TeamsFixture f;
  const std::string token = f.Give(Grant::Everything());
  CHECK(f.As(token, "POST", "/v1/backups", R"({"name":"nightly","full":true})") == "202");
  REQUIRE(f.backup_asks.size() == 1);
  CHECK(f.backup_asks[0].kind == Kind::kMake);
  CHECK(f.backup_asks[0].name == "nightly");
  CHECK(f.backup_asks[0].full);
  CHECK(f.Header("Location") == "/v1/backups/nightly");
  const Json shown(f.Answer().body);
  CHECK(shown.At("/state") == "running");
  CHECK(shown.At("/bytes") == "3456");
  CHECK(shown.At("/copied_bytes") == "78");
  CHECK(shown.At("/started_at") == "2023-11-14T22:13:20.000Z");
  CHECK(shown.At("/finished_at") == "null");
  REQUIRE(f.sink.audited.size() == 1);
  CHECK(f.sink.audited[0].what == "backup_begun");
  CHECK(f.As(token, "DELETE", "/v1/backups/nightly") == "204");
  CHECK(f.backup_asks[1].kind == Kind::kRemove);
  REQUIRE(f.sink.audited.size() == 2);
  CHECK(f.sink.audited[1].object == "nightly");
}

TEST_CASE("backups: what is refused, by the API or by the store") {
  TeamsFixture f;
  const std::string token = f.Give(Grant::Everything()), of_one = f.Give(TeamsFixture::Of({"one"}, ScopeSet::All()));
  CHECK(f.As(of_one, "POST", "/v1/backups", R"({"name":"n"})") == "403");
  CHECK(f.As(of_one, "GET", "/v1/backups") == "403");
  CHECK(f.As(token, "POST", "/v1/backups", R"({"name":"n","nope":1})") == "422 /nope");
  CHECK(f.As(token, "POST", "/v1/backups", R"({"name":7})") == "422 /name");
  CHECK(f.As(token, "POST", "/v1/backups", R"({"name":"n","full":"yes"})") == "422 /full");
  CHECK(f.backup_asks.empty());
  f.backups = {Status(Code::kConflict, "the backup m is being made"), {}};
  CHECK(f.As(token, "POST", "/v1/backups", R"({"name":"n"})") == "409");
  CHECK(Json(f.Answer().body).At("/detail") == "the backup m is being made");
  f.backups = {Status(Code::kNotFound, "there is no such backup"), {}};
  CHECK(f.As(token, "GET", "/v1/backups/n") == "404");
  CHECK(f.sink.audited.empty());
}

TEST_CASE("backups: a list goes on behind the one that its cursor names") {
  TeamsFixture f;
  const std::string token = f.Give(Grant::Everything());
  f.backups.backups.resize(3);
  for (size_t i = 0; i < 3; ++i) f.backups.backups[i].name = "b" + std::to_string(i);
  CHECK(f.As(token, "GET", "/v1/backups?limit=2") == "200");
  Json page(f.Answer().body);
  CHECK(page.At("/items/1/name") == "b1");
  CHECK(page.At("/next") == "b1");
  CHECK(f.As(token, "GET", "/v1/backups?limit=2&cursor=b1") == "200");
  Json last(f.Answer().body);
  CHECK(last.At("/items/0/name") == "b2");
  CHECK(last.At("/next") == "null");
  CHECK(f.As(token, "GET", "/v1/backups?cursor=gone") == "422 /cursor");
  CHECK(f.As(token, "GET", "/v1/backups?nope=1") == "422 /nope");
}

}  // namespace
}  // namespace notifyd
