// What the audit is told of a change: who made it, from where, what and how many; and that whoever made it is answered behind that.
#include "base/utf8.h"
#include "teams_fixture.h"

namespace notifyd {
namespace {

constexpr NamespaceNumber kAuditOne = TeamsFixture::kOne;

TEST_CASE("audit: that sealing the store anew was begun is in the audit, and not that it was refused, or looked at") {
  TeamsFixture f;
  const std::string token = f.Give(Grant::Everything()), of_one = f.Give(TeamsFixture::Of({"one"}, ScopeSet::All()));
  f.As(of_one, "POST", "/v1/rekey");
  CHECK(f.Answer().status == 403);
  f.As(token, "GET", "/v1/rekey");
  CHECK(f.rekeys == 0);
  CHECK(f.sink.audited.empty());
  f.As(token, "POST", "/v1/rekey");
  CHECK(f.Answer().status == 202);
  CHECK(f.rekeys == 1);
  REQUIRE(f.sink.audited.size() == 1);
  CHECK(f.sink.audited[0].what == "rekey_begun");
  f.rekey.begun = Status(Code::kUnacceptable, "the store does not seal");
  f.As(token, "POST", "/v1/rekey");
  CHECK(f.Answer().status == 422);
  CHECK(f.sink.audited.size() == 1);
}

TEST_CASE("audit: each change by a token is in the audit: who, from where, what, how many") {
  TeamsFixture f;
  Grant grant = TeamsFixture::Of({"one"}, ScopeSet::All());
  const std::string token = f.Give(grant), who = "token " + f.last.id;
  const NotifyId id = NotifyId::Of(kAuditOne, 5);
  f.As(token, "DELETE", "/v1/notifies/" + id.ToString());
  CHECK(f.sink.audited.empty());
  f.Reply(f.ViewOf(id, "shop"));
  REQUIRE(f.sink.audited.size() == 1);
  CHECK(f.sink.audited[0].who == who);
  CHECK(f.sink.audited[0].what == "notify_cancelled");
  CHECK(f.sink.audited[0].object == id.ToString());
  CHECK(f.sink.audited[0].space == "one");
  CHECK(f.sink.audited[0].from != "");
  f.As(token, "POST", "/v1/notifies/purge", R"({"filter":{"state":"failed"}})");
  f.Reply(BulkDone{17, {}});
  REQUIRE(f.sink.audited.size() == 2);
  CHECK(f.sink.audited[1].what == "notifies_purged");
  CHECK(f.sink.audited[1].count == 17);
  CHECK(f.sink.audited[1].said == R"({"state":"failed"})");
  // What changed nothing is none: a dry run, a refusal, a look, a submit.
  f.As(token, "POST", "/v1/notifies/purge", R"({"filter":{"state":"failed"},"dry_run":true})");
  f.Reply(BulkDone{17, {}});
  f.As(token, "POST", "/v1/notifies/" + id.ToString() + "/retry");
  f.Reply(Refused{Status(Code::kConflict, "it is in flight"), {}});
  f.As(token, "GET", "/v1/notifies/" + id.ToString());
  f.Reply(f.ViewOf(id, "shop"));
  CHECK(f.sink.audited.size() == 2);
}

TEST_CASE("audit: a change is answered once its entry of the audit is durable, and has one where its client went away before, too") {
  TeamsFixture f;
  const std::string token = f.Give({"*"}, ScopeSet::All());
  const NotifyId id = NotifyId::Of(kAuditOne, 5);
  f.sink.holds_audit = true;
  f.As(token, "DELETE", "/v1/notifies/" + id.ToString());
  f.Reply(f.ViewOf(id, "shop"));
  REQUIRE(f.sink.held_audit.size() == 1);
  CHECK_FALSE(f.answered());
  f.sink.held_audit[0]();
  CHECK(f.Answer().status == 200);
  f.As(token, "POST", "/v1/rekey");
  REQUIRE(f.sink.held_audit.size() == 2);
  CHECK_FALSE(f.answered());
  f.sink.held_audit[1]();
  CHECK(f.Answer().status == 202);
  // What changes nothing waits for nothing.
  f.As(token, "GET", "/v1/notifies/" + id.ToString());
  f.Reply(f.ViewOf(id, "shop"));
  CHECK(f.Answer().status == 200);
  CHECK(f.sink.held_audit.size() == 2);

  f.As(token, "DELETE", "/v1/notifies/" + id.ToString());
  const size_t events = f.sink.events.size();
  f.api.OnClose(f.last_token);
  CHECK(f.sink.events.size() == events);  // its core goes on with it
  f.Reply(f.ViewOf(id, "shop"));
  REQUIRE(f.sink.audited.size() == 3);
  CHECK(f.sink.audited[2].what == "notify_cancelled");
  f.api.OnClose(f.last_token);
  f.sink.held_audit[2]();
}

TEST_CASE("audit: the audit says which fields a change named, and not what they are") {
  TeamsFixture f;
  const std::string token = f.Give({"*"}, ScopeSet::All());
  f.As(token, "PATCH", "/v1/callers/c", R"({"submits_per_s":5,"paused":true})");
  f.Reply(CallerViewed{});
  REQUIRE(f.sink.audited.size() == 1);
  CHECK(f.sink.audited[0].said == "submits_per_s, paused");
  std::string labels, value;
  for (int i = 0; i < 128; ++i) value += "\xc3\xa4";
  for (const char* key : {"a", "bb", "c", "dd", "e"}) labels += (labels.empty() ? "\"" : ",\"") + std::string(key) + ":" + value + "\"";
  const std::string long_filter = R"({"filter":{"url_prefix":"http://h/?k=secret","state":"failed","label":[)" + labels + "]}}";
  f.As(token, "POST", "/v1/notifies/cancel", long_filter);
  f.Reply(BulkDone{1, {}});
  CHECK_THAT(f.sink.audited[1].said, Catch::StartsWith(R"({"url_prefix":"***","state":"failed","label":["a:)"));
  CHECK(f.sink.audited[1].said.size() <= kMostSaidBytes);
  CHECK(IsValidUtf8(f.sink.audited[1].said));
  f.As(token, "PATCH", "/v1/namespaces/one", R"({"max_pending":7})");
  CHECK(f.Registered<PutNamespace>().actor.said == "max_pending");
}

}  // namespace
}  // namespace notifyd
